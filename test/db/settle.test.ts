/** Messages that were sent at once are settled by a statement of their own, which leaves the same rows as the one for every outcome. */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { type Claimed, claim } from '../../src/db/claim.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { isSentAtOnce, type Settlement, settle } from '../../src/db/settle.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const ids = createIds(systemClock)
const [startedAt, endedAt] = ['2030-01-02T03:04:05.678Z', '2030-01-02T03:04:06.789Z']
const providerId = ids()
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let projectId: string
let contactId: string

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
  projectId = ids()
  contactId = ids()
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
  await db.pool.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, [projectId, contactId])
})
beforeEach(() => db.pool.query('DELETE FROM notification'))
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** Queues messages, changes them by `sql`, and claims them. */
async function claimed(count: number, sql = ''): Promise<Claimed[]> {
  for (let n = 0; n < count; n++) {
    const id = ids()
    await db.pool.query(
      `INSERT INTO notification (project_id, id, transaction_id, contact_id, data, channels) VALUES ($1, $2, 'tx', $3, '{}', '{SMS}')`,
      [projectId, id, contactId],
    )
    await db.pool.query(
      `WITH m AS (INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, attempt_count, error_code, error_message,
          subject, history) VALUES ($1, $2, $3, $4, 'SMS', 'QUEUED', 2, 'PROVIDER_UNREACHABLE', 'away', 'before', '[["QUEUED", "x", null]]') RETURNING *)
        INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, rounds, created_at)
        SELECT project_id, id, notification_id, contact_id, channel, bulk, now(), 1, created_at FROM m`,
      [projectId, ids(), id, contactId],
    )
  }
  const taken = await claim(db.pool, { limit: count, bulkLimit: count, leaseMs: 60_000, offsetMs: 0 })
  if (sql !== '') await db.pool.query(sql)
  return taken
}
const sent = ({ id, claims }: Claimed, more: Partial<Settlement> = {}, response: string | null = 'taken'): Settlement => ({
  ...{
    projectId,
    id,
    claims,
    status: 'SENT',
    dueInMs: null,
    providerId,
    providerMessageId: 'v-1',
    address: '+1 500',
    subject: null,
  },
  ...{ text: 'Hello', html: null, errorCode: null, errorMessage: null, boundTo: null },
  history: [
    ['SENDING', startedAt, 'vendor'],
    ['SENT', endedAt, null],
  ],
  attempts: [{ providerId, startedAt, durationMs: 12.25, ok: true, errorCode: null, errorMessage: null, response }],
  ...more,
})
const failed = (message: Claimed): Settlement => ({
  ...sent(message, { status: 'FAILED', errorCode: 'PROVIDER_REFUSED' }),
  attempts: [],
})
const rowOf = async ({ id }: Claimed) => {
  const { rows } = await db.pool.query(
    `SELECT to_jsonb(m) - '{id,notification_id,created_at,sent_at,updated_at}'::text[] || jsonb_build_object('times', sent_at = updated_at AND sent_at > created_at - interval '1 minute') AS message,
      (SELECT jsonb_agg(to_jsonb(a) - 'message_id') FROM attempt a WHERE a.message_id = m.id) AS attempts,
      EXISTS (SELECT FROM delivery d WHERE d.message_id = m.id) AS waits FROM message m WHERE id = $1`,
    [id],
  )
  return rows[0]
}
/** Settles the same outcome by either statement. */
async function both(more: Partial<Settlement>, response: string | null, sql = '') {
  const [one, other, third] = await claimed(3, sql)
  if (one === undefined || other === undefined || third === undefined) throw new Error('Nothing was claimed')
  const alone = sent(one, more, response)
  expect(isSentAtOnce(alone)).toBe(true)
  expect(await settle(db.pool, [alone], 0)).toEqual([
    { projectId, notificationId: one.notificationId, messageId: one.id, status: 'SENT' },
  ])
  expect(isSentAtOnce(failed(third))).toBe(false)
  expect(await settle(db.pool, [sent(other, more, response), failed(third)], 0)).toHaveLength(2)
  return [await rowOf(one), await rowOf(other)]
}

it.each<[string, Partial<Settlement>, string | null]>([
  ['texts', {}, 'taken'],
  ['no texts', { providerMessageId: null, address: null, subject: null, text: null, html: null }, null],
  ['empty texts', { providerMessageId: '', address: '', subject: '', text: '', html: '' }, ''],
  [
    'texts that an array has to quote',
    { subject: 'a "b" \\ {c,d} NULL', text: 'NULL', html: '{}\n\t"\\"', providerMessageId: '\\N', address: ' x , "' },
    'null "\\',
  ],
  ['texts of other scripts', { subject: 'Grüße 😀', text: '안녕하세요', html: '<p>„\u2028“</p>' }, '성공'],
])('leaves the same rows: %s', async (_name, more, response) => {
  const [alone, amongOthers] = await both(more, response)
  expect(alone).toEqual(amongOthers)
  expect(alone).toMatchObject({
    message: {
      status: 'SENT',
      attempt_count: 3,
      error_code: null,
      error_message: null,
      provider_id: providerId,
    },
    attempts: [{ number: 3, ok: true, response, duration_ms: 12.25, provider_id: providerId }],
    waits: false,
  })
  expect(alone.message.history).toEqual([
    ['QUEUED', 'x', null],
    ['SENDING', startedAt, 'vendor'],
    ['SENT', endedAt, null],
  ])
})

it('leaves the same rows where the contact, or the actor, was erased meanwhile: without their data', async () => {
  const [alone, amongOthers] = await both({ html: '<p>x' }, 'taken', 'UPDATE message SET contact_id = NULL, subject = NULL')
  expect(alone).toEqual(amongOthers)
  expect(alone).toMatchObject({
    message: { address: null, text: null, html: null, subject: null },
    attempts: [{ response: null }],
  })
  expect(alone.message.history.at(-2)).toEqual(['SENDING', startedAt, null])
  const [named, namedToo] = await both({}, 'taken', 'UPDATE message SET forgets_text = true')
  expect(named).toEqual(namedToo)
  expect(named).toMatchObject({ message: { address: '+1 500', text: null, subject: null }, attempts: [{ response: null }] })
})

it('a worker whose lease ran out settles nothing, by either statement', async () => {
  const [late] = await claimed(1)
  if (late === undefined) throw new Error('Nothing was claimed')
  await db.pool.query('UPDATE delivery SET claims = claims + 1')
  expect(await settle(db.pool, [sent(late)], 0)).toEqual([])
  expect(await settle(db.pool, [failed(late)], 0)).toEqual([])
  expect(await rowOf(late)).toMatchObject({ attempts: null, waits: true })
})

it('leaves the same rows where it is known how they are counted, and settles none that was taken back', async () => {
  const [one, other, lost] = await claimed(3)
  if (one === undefined || other === undefined || lost === undefined) throw new Error('Nothing was claimed')
  const counted = ({ notificationId, transactionId, channel, origin }: Claimed) => ({
    counted: { notificationId, transactionId, channel, origin },
  })
  await db.pool.query('UPDATE delivery SET claims = claims + 1 WHERE message_id = $1', [lost.id])
  expect(await settle(db.pool, [sent(lost, counted(lost)), sent(one, counted(one))], 0)).toEqual([
    { projectId, notificationId: one.notificationId, messageId: one.id, status: 'SENT' },
  ])
  expect(await settle(db.pool, [sent(other)], 0)).toHaveLength(1)
  expect(await rowOf(one)).toEqual(await rowOf(other))
  expect(await rowOf(lost)).toMatchObject({ message: { status: 'QUEUED' }, waits: true })
})

it('waits for a transaction that changes its messages, and settles them as it leaves them, but none that was taken back', async () => {
  const [one, other, lost] = await claimed(3)
  if (one === undefined || other === undefined || lost === undefined) throw new Error('Nothing was claimed')
  await db.pool.query('UPDATE delivery SET claims = claims + 1 WHERE message_id = $1', [lost.id])
  const client = await db.pool.connect()
  try {
    // Both are erased meanwhile; of one group all claims are valid, and of the other not.
    await client.query('BEGIN')
    await client.query('UPDATE message SET contact_id = NULL, address = NULL')
    const settled = Promise.all([settle(db.pool, [sent(lost), sent(one)], 0), settle(db.pool, [sent(other)], 0)])
    await vi.waitUntil(async () => {
      const { rows } = await db.pool.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return rows[0]?.n === 2
    })
    await client.query('COMMIT')
    expect(await settled).toMatchObject([[{ messageId: one.id }], [{ messageId: other.id }]])
  } finally {
    client.release()
  }
  for (const message of [one, other])
    expect(await rowOf(message)).toMatchObject({
      message: { status: 'SENT', address: null, text: null },
      attempts: [{ number: 3, response: null }],
      waits: false,
    })
  expect(await rowOf(lost)).toMatchObject({ message: { status: 'QUEUED' }, attempts: null, waits: true })
})

it('says that it counts its messages only to its own statement', async () => {
  const [message] = await claimed(1)
  if (message === undefined) throw new Error('Nothing was claimed')
  const one = openDatabase(database.url, { max: 1, log: silentLog })
  try {
    const { notificationId, transactionId, channel, origin } = message
    const settled = settle(one.pool, [sent(message, { counted: { notificationId, transactionId, channel, origin } })], 0)
    // Sent together with it.
    const setting = one.pool.query(`SELECT current_setting('carillon.settled', true) AS setting`)
    expect(await settled).toHaveLength(1)
    expect((await setting).rows).not.toEqual([{ setting: 'on' }])
  } finally {
    await one.close()
  }
})

it('only a message that was sent at its only attempt is one that was sent at once', async () => {
  const [message] = await claimed(1)
  if (message === undefined) throw new Error('Nothing was claimed')
  const { attempts, history } = sent(message)
  expect(isSentAtOnce(sent(message, { attempts: [...attempts, ...attempts] }))).toBe(false)
  expect(isSentAtOnce(sent(message, { attempts: [] }))).toBe(false)
  expect(isSentAtOnce(sent(message, { attempts: attempts.map((one) => ({ ...one, ok: false })) }))).toBe(false)
  expect(isSentAtOnce(sent(message, { history: [...history, ...history] }))).toBe(false)
  expect(isSentAtOnce(sent(message, { status: 'QUEUED', dueInMs: 5 }))).toBe(false)
  expect(isSentAtOnce(sent(message, { boundTo: providerId }))).toBe(false)
  expect(isSentAtOnce(sent(message, { providerId: ids() }))).toBe(false)
})
