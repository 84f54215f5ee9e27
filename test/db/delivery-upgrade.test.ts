/** The outbox at an upgrade: what waits is moved, and what processes of the version before write afterwards arrives. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { beginAttempts } from '../../src/db/begin-attempts.ts'
import { cancelWaiting, FIRST } from '../../src/db/cancel.ts'
import { type Claimed, claim } from '../../src/db/claim.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { requeue } from '../../src/db/retry.ts'
import { type Settlement, settle } from '../../src/db/settle.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations')
const ids = createIds(systemClock)
const [project, contact, provider] = [ids(), ids(), ids()]
const now = new Date().toISOString()

let database: TestDatabase
let db: Database
const ask = async (text: string, ...values: unknown[]) => (await db.pool.query<Record<string, unknown>>(text, values)).rows

/** Inserts a message as the version before does. @returns its id */
async function insertOld(columns: Readonly<Record<string, unknown>>): Promise<string> {
  const id = ids()
  await ask(
    `INSERT INTO notification (project_id, id, transaction_id, contact_id, data, channels) VALUES ($1, $2, $3, $4, '{}', '{EMAIL}')`,
    ...[project, id, `tx-${id}`, contact],
  )
  const all = { project_id: project, id, notification_id: id, contact_id: contact, channel: 'EMAIL', history: '[]', ...columns }
  const places = Object.keys(all).map((_name, index) => `$${index + 1}`)
  await ask(`INSERT INTO message (${Object.keys(all)}) VALUES (${places})`, ...Object.values(all))
  return id
}
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000)

/** The statements of the version before. */
const old = {
  claim: () =>
    ask(`UPDATE message SET status = 'SENDING', claims = claims + 1, due_at = now() + interval '1 minute'
      WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND bulk IN (false, true) AND due_at <= now() RETURNING id`),
  begin: (id: string, claims: number) =>
    ask(
      `UPDATE message SET handover_at = now(), handover_provider = $3 WHERE id = $1 AND claims = $2 AND status::text = 'SENDING' RETURNING id`,
      ...[id, claims, provider],
    ),
  settle: (id: string, claims: number, status: string, dueAt: Date | null = null, bound: string | null = null) =>
    ask(
      `UPDATE message SET status = $3, due_at = $4, attempt_count = attempt_count + 1, rounds = rounds + 1, handover_at = NULL, handover_provider = $5
        WHERE id = $1 AND claims = $2 AND status::text = 'SENDING' RETURNING id`,
      ...[id, claims, status, dueAt, bound],
    ),
  cancel: (id: string) =>
    ask(
      `UPDATE message SET status = 'CANCELED', due_at = NULL, claims = claims + 1 WHERE id = $1 AND status IN ('SCHEDULED', 'QUEUED', 'SENDING')
        AND (status <> 'SENDING' OR handover_at IS NULL)`,
      id,
    ),
  requeue: (id: string) =>
    ask(
      `UPDATE message SET status = 'QUEUED', due_at = now(), rounds = 0, handover_at = NULL, handover_provider = NULL WHERE id = $1 AND status = 'FAILED'`,
      id,
    ),
  erase: (id: string) =>
    ask(
      `UPDATE message SET status = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN 'CANCELED' ELSE status END,
        claims = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN claims + 1 ELSE claims END,
        due_at = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN NULL ELSE due_at END,
        contact_id = NULL, address = NULL, increment_id = NULL WHERE id = $1`,
      id,
    ),
}

const rowOf = async (id: string) => {
  const [row] = await ask(
    `SELECT m.status, m.due_at, d.due_at AS waits_until, d.lease_until, d.claims, d.rounds, d.begun_at, d.bound_to, d.bulk, d.only_if, d.address, d.contact_id
      FROM message m LEFT JOIN delivery d ON d.project_id = m.project_id AND d.message_id = m.id WHERE m.id = $1`,
    id,
  )
  return row
}
/** Claims everything that is due. */
const take = async (leaseMs = 60_000) =>
  new Map(
    (await claim(db.pool, { limit: 500, bulkLimit: 500, leaseMs, offsetMs: 0 })).map((one): [string, Claimed] => [one.id, one]),
  )
const outcome = ({ id, claims }: Claimed, status: 'SENT' | 'FAILED' = 'SENT'): Settlement => ({
  ...{
    projectId: project,
    id,
    claims,
    status,
    dueInMs: null,
    errorCode: null,
    errorMessage: null,
    history: [[status, now, null]],
  },
  ...{ attempts: [], boundTo: null },
})
const endLeases = () => ask('UPDATE delivery SET lease_until = now() WHERE lease_until IS NOT NULL')

/** What was there before the migration. */
let before: Record<
  'scheduled' | 'queued' | 'bound' | 'bulk' | 'conditional' | 'claimed' | 'begun' | 'retried' | 'crashed' | 'sent' | 'failed',
  string
>

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  const folder = await mkdtemp(join(tmpdir(), 'carillon-migrations-'))
  await cp(MIGRATIONS, folder, {
    recursive: true,
    filter: (path) =>
      !/0022_delivery|0023_direct|0024_transactions|0025_template_versions|0026_readers|0027_statistics/.test(path),
  })
  await migrate(database.url, silentLog, folder)
  await rm(folder, { recursive: true })
  db = openDatabase(database.url, { max: 4, log: silentLog })
  await ask(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, project)
  await ask(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, project, contact)
  const lease = { status: 'SENDING', due_at: inSeconds(60), claims: 3 }
  const begun = { ...lease, handover_at: inSeconds(-1), handover_provider: provider }
  before = {
    scheduled: await insertOld({ status: 'SCHEDULED', due_at: inSeconds(3_600) }),
    queued: await insertOld({ status: 'QUEUED', due_at: inSeconds(-5), address: 'a@example.com' }),
    bound: await insertOld({ status: 'QUEUED', due_at: inSeconds(-5), claims: 2, rounds: 1, handover_provider: provider }),
    bulk: await insertOld({ status: 'QUEUED', due_at: inSeconds(-5), bulk: true }),
    conditional: await insertOld({ status: 'SCHEDULED', due_at: inSeconds(-5), only_if: 'UNREAD' }),
    claimed: await insertOld(lease),
    begun: await insertOld(begun),
    retried: await insertOld(begun),
    crashed: await insertOld(begun),
    sent: await insertOld({ status: 'SENT', claims: 1 }),
    failed: await insertOld({ status: 'FAILED', claims: 1, rounds: 8 }),
  }
  expect(await migrate(database.url, silentLog)).toEqual([
    '0022_delivery',
    '0023_direct',
    '0024_transactions',
    '0025_template_versions',
    '0026_readers',
    '0027_statistics',
  ])
})
afterAll(async () => {
  await db?.close()
  await database.drop()
})

it('moves what waits, and what is under way; nothing has a time in its message any more', async () => {
  expect(await ask('SELECT id FROM message WHERE due_at IS NOT NULL')).toEqual([])
  expect(await ask('SELECT message_id FROM delivery ORDER BY 1')).toHaveLength(9)
  expect(await rowOf(before.scheduled)).toMatchObject({ status: 'SCHEDULED', lease_until: null, begun_at: null, bulk: false })
  expect(await rowOf(before.queued)).toMatchObject({ status: 'QUEUED', address: 'a@example.com', contact_id: contact })
  expect(await rowOf(before.bound)).toMatchObject({ status: 'QUEUED', bound_to: provider, rounds: 1, begun_at: null })
  expect(await rowOf(before.bulk)).toMatchObject({ bulk: true })
  expect(await rowOf(before.conditional)).toMatchObject({ status: 'SCHEDULED', only_if: 'UNREAD' })
  expect(await rowOf(before.claimed)).toMatchObject({ status: 'QUEUED', lease_until: null, begun_at: null })
  expect(await rowOf(before.begun)).toMatchObject({
    lease_until: expect.any(Date),
    begun_at: expect.any(Date),
    bound_to: provider,
  })
})

it('the version before finds nothing that is due, and can begin nothing that it had claimed', async () => {
  expect(await old.claim()).toEqual([])
  expect(await old.begin(before.claimed, 3)).toEqual([])
  expect(await old.settle(before.claimed, 3, 'SKIPPED')).toEqual([])
})

it('what it had begun is not taken from it, and ends as it says: sent, or queued again', async () => {
  expect(await old.begin(before.begun, 3)).toHaveLength(1)
  expect(await old.settle(before.begun, 3, 'SENT')).toHaveLength(1)
  expect(await rowOf(before.begun)).toMatchObject({ status: 'SENT', waits_until: null, claims: null })
  expect(await old.settle(before.retried, 3, 'QUEUED', inSeconds(900), provider)).toHaveLength(1)
  expect(await rowOf(before.retried)).toMatchObject({
    ...{ status: 'QUEUED', due_at: null, lease_until: null, begun_at: null, bound_to: provider, rounds: 1 },
    waits_until: expect.any(Date),
  })
})

it('everything that is due is claimed once, and sent', async () => {
  const taken = await take()
  const { queued, bound, bulk, conditional, claimed } = before
  expect([...taken.keys()].toSorted()).toEqual([queued, bound, bulk, conditional, claimed].toSorted())
  expect(taken.get(bound)).toMatchObject({ boundTo: provider, attemptBegan: false, rounds: 1 })
  expect(taken.get(bulk)).toMatchObject({ isBulk: true })
  expect(taken.get(conditional)).toMatchObject({ isConditional: true })
  expect(taken.get(queued)).toMatchObject({ address: 'a@example.com', contact: { externalId: 'c' } })
  expect(await beginAttempts(db.pool, [...taken.values()])).toHaveProperty('size', 5)
  expect(
    await settle(
      db.pool,
      [...taken.values()].map((one) => outcome(one)),
      0,
    ),
  ).toHaveLength(5)
  expect(await rowOf(queued)).toMatchObject({ status: 'SENT', claims: null })
})

it('what it had begun is given to another when its lease ran out, and then it comes too late', async () => {
  await endLeases()
  const taken = (await take()).get(before.crashed)
  if (taken === undefined) throw new Error('It was not claimed')
  expect(taken).toMatchObject({ attemptBegan: true, boundTo: provider, claims: 4 })
  expect(await old.begin(before.crashed, 3)).toEqual([])
  expect(await old.settle(before.crashed, 3, 'FAILED')).toEqual([])
  expect(await settle(db.pool, [outcome(taken)], 0)).toHaveLength(1)
  expect(await rowOf(before.crashed)).toMatchObject({ status: 'SENT', claims: null })
})

it('what it accepts and what it queues again arrives', async () => {
  const single = await insertOld({ status: 'QUEUED', due_at: inSeconds(-1), address: 'b@example.com' })
  const many = await insertOld({ status: 'SCHEDULED', due_at: inSeconds(-1), bulk: true, only_if: 'UNSEEN' })
  await old.requeue(before.failed)
  expect(await ask('SELECT id FROM message WHERE due_at IS NOT NULL')).toEqual([])
  const taken = await take()
  expect([...taken.keys()].toSorted()).toEqual([single, many, before.failed].toSorted())
  expect(taken.get(single)).toMatchObject({ address: 'b@example.com', isBulk: false })
  expect(taken.get(many)).toMatchObject({ isBulk: true, isConditional: true })
  expect(taken.get(before.failed)).toMatchObject({ rounds: 0, boundTo: null })
  expect(
    await settle(
      db.pool,
      [...taken.values()].map((one) => outcome(one, 'FAILED')),
      0,
    ),
  ).toHaveLength(3)
  // And by this version.
  expect(await requeue(db.pool, project, [before.failed], false)).toEqual([before.failed])
  expect([...(await take()).keys()]).toEqual([before.failed])
})

it('what it cancels is not sent; what is under way goes on, and is written as what became of it', async () => {
  const [waits, claimed, begun] = [
    await insertOld({ status: 'QUEUED', due_at: inSeconds(60) }),
    await insertOld({ status: 'QUEUED', due_at: inSeconds(-1) }),
    await insertOld({ status: 'QUEUED', due_at: inSeconds(-1) }),
  ]
  const taken = await take()
  const [notBegun, under] = [taken.get(claimed), taken.get(begun)]
  if (notBegun === undefined || under === undefined) throw new Error('They were not claimed')
  await beginAttempts(db.pool, [under])
  for (const id of [waits, claimed, begun]) await old.cancel(id)
  expect(await rowOf(waits)).toMatchObject({ status: 'CANCELED', claims: null })
  expect(await beginAttempts(db.pool, [notBegun])).toEqual(new Set())
  expect(await settle(db.pool, [outcome(notBegun), outcome(under)], 0)).toMatchObject([{ messageId: begun, status: 'SENT' }])
  expect(await rowOf(claimed)).toMatchObject({ status: 'CANCELED' })
})

it('what it erases leaves no address in the outbox', async () => {
  const [waits, begun] = [
    await insertOld({ status: 'QUEUED', due_at: inSeconds(60), address: 'c@example.com' }),
    await insertOld({ status: 'QUEUED', due_at: inSeconds(-1), address: 'c@example.com' }),
  ]
  const under = (await take()).get(begun)
  if (under === undefined) throw new Error('It was not claimed')
  await beginAttempts(db.pool, [under])
  for (const id of [waits, begun]) await old.erase(id)
  expect(await rowOf(waits)).toMatchObject({ status: 'CANCELED', claims: null })
  expect(await rowOf(begun)).toMatchObject({ status: 'QUEUED', address: null, contact_id: null, begun_at: expect.any(Date) })
  expect(await settle(db.pool, [outcome(under)], 0)).toHaveLength(1)
})

it('what is deleted with its message leaves the outbox, and its attempts', async () => {
  const id = await insertOld({ status: 'QUEUED', due_at: inSeconds(60) })
  await ask(
    `INSERT INTO attempt (project_id, message_id, number, provider_id, started_at, ok) VALUES ($1, $2, 1, $3, now(), true)`,
    ...[project, id, provider],
  )
  await ask('DELETE FROM notification WHERE id = $1', id)
  expect(
    await ask('SELECT 1 FROM delivery WHERE message_id = $1 UNION ALL SELECT 1 FROM attempt WHERE message_id = $1', id),
  ).toEqual([])
})

it('this version writes nothing for the one before: no time, and no claims', async () => {
  const id = await insertOld({ status: 'SCHEDULED', due_at: inSeconds(60) })
  const transaction = `tx-${id}`
  expect(await cancelWaiting(db.pool, project, transaction, { after: FIRST, limit: 10 })).toMatchObject({
    canceled: [{ messageId: id }],
  })
  const ended = await ask(
    `SELECT 1 FROM message WHERE due_at IS NOT NULL OR claims <> 0 AND status IN ('SCHEDULED', 'QUEUED', 'SENDING')`,
  )
  expect(ended).toEqual([])
})
