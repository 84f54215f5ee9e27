/** Claiming, beginning, settling: one worker at a time, and a worker that comes too late changes nothing. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { beginAttempts } from '../../src/db/begin-attempts.ts'
import { cancelWaiting, FIRST } from '../../src/db/cancel.ts'
import { type Claimed, type ClaimFrom, claim } from '../../src/db/claim.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { endIdleLeases } from '../../src/db/lease.ts'
import { settle } from '../../src/db/settle.ts'
import { silentLog } from '../../src/log.ts'
import type { Channel } from '../../src/words.ts'
import { ids, now, type Outbox, openOutbox, sent } from '../helpers/outbox.ts'
import { times } from '../helpers/setup.ts'

let outbox: Outbox
let db: Database
let projectId: string

beforeAll(async () => {
  outbox = await openOutbox()
  ;({ db, projectId } = outbox)
})
beforeEach(() => db.pool.query('DELETE FROM notification'))
afterAll(() => outbox.close())

const queue: Outbox['queue'] = (...args) => outbox.queue(...args)
const take = (limit = 100, leaseMs = 60_000) => claim(db.pool, { limit, bulkLimit: limit, leaseMs, offsetMs: 0 })
const statuses = async () => (await db.pool.query('SELECT status, attempt_count FROM message ORDER BY id')).rows

it('never gives one message to two workers, however many claim at once', async () => {
  await queue(500)
  const batches = await Promise.all(times(8, async () => [...(await take(100)), ...(await take(100))]))
  const taken = batches.flat().map((message) => message.id)
  expect(taken).toHaveLength(500)
  expect(new Set(taken).size).toBe(500)
  expect(await take()).toEqual([])
})

it('gives a message again when its lease ran out, and says whether its attempt had begun', async () => {
  await queue(2)
  const [first, second] = await take(2, 0)
  if (first === undefined || second === undefined) throw new Error('Nothing was claimed')
  expect(first).toMatchObject({
    attemptBegan: false,
    claims: 1,
    template: { key: 't' },
    contact: { externalId: 'c' },
  })
  await beginAttempts(db.pool, [first])
  const again = await take()
  expect(
    again.map(({ id, attemptBegan, claims }) => ({ id, attemptBegan, claims })).toSorted((a) => (a.id === first.id ? -1 : 1)),
  ).toEqual([
    { id: first.id, attemptBegan: true, claims: 2 },
    { id: second.id, attemptBegan: false, claims: 2 },
  ])
})

it('takes single messages first, then those of sends to many with what room is left, and no more of them than it may', async () => {
  await queue(30, 'many', true)
  await queue(5)
  const claimIn = (limit: number, bulkLimit: number) => claim(db.pool, { limit, bulkLimit, leaseMs: 60_000, offsetMs: 0 })
  const lanes = (batch: readonly Claimed[]) => batch.map((message) => message.isBulk).toSorted()
  expect(lanes(await claimIn(3, 3))).toEqual([false, false, false])
  expect(lanes(await claimIn(10, 4))).toEqual([false, false, true, true, true, true])
  expect(lanes(await claimIn(10, 0))).toEqual([])
  expect(await claimIn(10, 100)).toHaveLength(10)
  expect(await claimIn(100, 100)).toHaveLength(16)
})

it('F23: except for a paused channel, claims all messages, and only from the given position', async () => {
  await queue(6)
  await db.pool.query(
    `UPDATE delivery SET channel = 'SMS' WHERE message_id IN (SELECT message_id FROM delivery ORDER BY message_id LIMIT 3)`,
  )
  await db.pool.query(`UPDATE delivery SET due_at = now() - interval '10 seconds' WHERE channel = 'EMAIL'`)
  const except = (single: ClaimFrom, paused: Channel[]) => ({
    ...{ paused: paused.map((channel) => ({ projectId, channel })), single, many: 'all' as const },
  })
  const takeExcept = (from: ClaimFrom, paused: Channel[] = ['SMS'], limit = 100) =>
    claim(db.pool, { limit, bulkLimit: limit, leaseMs: 60_000, offsetMs: 0, except: except(from, paused) })
  expect(await takeExcept('recent')).toEqual([])
  expect(await takeExcept({ dueAt: new Date(), id: ids() })).toEqual([])
  const [first] = await takeExcept('all', ['SMS'], 1)
  expect(first).toMatchObject({ channel: 'EMAIL', dueAt: expect.any(Date) })
  expect(await takeExcept(first ?? 'all')).toHaveLength(2)
  expect(await takeExcept('all')).toEqual([])
  expect((await takeExcept('recent', ['EMAIL'])).map((one) => one.channel)).toEqual(['SMS', 'SMS', 'SMS'])
})

it.each([
  ['one channel', ['SMS'], 3],
  ['several channels', ['SMS', 'PUSH'], 3],
  ['all channels that have any', ['PUSH', 'SMS', 'EMAIL'], 0],
  ['none of these', ['PUSH'], 6],
  ['none', [], 6],
] as const)('F23: leaves out what is paused, in this project alone: %s', async (_name, paused: readonly Channel[], count) => {
  await queue(6)
  await db.pool.query(
    `UPDATE delivery SET channel = 'SMS' WHERE message_id IN (SELECT message_id FROM delivery ORDER BY message_id LIMIT 3)`,
  )
  const claimBut = (of: string) =>
    claim(db.pool, {
      ...{ limit: 100, bulkLimit: 100, leaseMs: 60_000, offsetMs: 0 },
      except: { paused: paused.map((channel) => ({ projectId: of, channel })), single: 'all', many: 'all' },
    })
  const taken = await claimBut(projectId)
  expect(taken.filter(({ channel }) => paused.includes(channel))).toEqual([])
  expect(taken).toHaveLength(count)
  expect(await claimBut(ids())).toHaveLength(6 - count)
})

it('G4, F8: a worker whose lease ran out can neither begin nor settle', async () => {
  await queue(1)
  const [late] = await take(1, 0)
  const [current] = await take()
  if (late === undefined || current === undefined) throw new Error('Nothing was claimed')
  expect(await beginAttempts(db.pool, [late])).toEqual(new Set())
  expect(await settle(db.pool, [{ ...sent(late), status: 'FAILED' }], 0)).toEqual([])
  expect(await beginAttempts(db.pool, [current])).toEqual(new Set([current.id]))
  expect(await settle(db.pool, [sent(current)], 0)).toMatchObject([{ messageId: current.id, status: 'SENT' }])
  // Late again, after it was settled.
  expect(await settle(db.pool, [{ ...sent(current), status: 'FAILED' }], 0)).toEqual([])
  expect(await statuses()).toEqual([{ status: 'SENT', attempt_count: 1 }])
})

it('G4, G8: what a lost claim took is given again at once; what has begun is not, and no other holder can begin', async () => {
  await queue(3)
  const [begun, held] = await take()
  if (begun === undefined || held === undefined) throw new Error('Nothing was claimed')
  await beginAttempts(db.pool, [begun])
  await endIdleLeases(db.pool, { offsetMs: 0 })
  expect(await beginAttempts(db.pool, [held])).toEqual(new Set())
  const again = await take()
  expect(again.map((message) => message.id)).toEqual(expect.not.arrayContaining([begun.id]))
  expect(again.map(({ attemptBegan }) => attemptBegan)).toEqual([false, false])
  expect(await beginAttempts(db.pool, again)).toHaveProperty('size', 2)
  expect(await settle(db.pool, [sent(begun), sent(held)], 0)).toMatchObject([{ messageId: begun.id }])
})

it('remembers through a second crash that an attempt had begun', async () => {
  await queue(1)
  await beginAttempts(db.pool, await take(1, 0))
  await take(1, 0)
  expect(await take()).toMatchObject([{ attemptBegan: true, claims: 3 }])
})

it('a message that was canceled between claim and beginning is not begun', async () => {
  await queue(2, 'tx-cancel')
  const [begun, waiting] = await take()
  if (begun === undefined || waiting === undefined) throw new Error('Nothing was claimed')
  await beginAttempts(db.pool, [begun])
  expect(await cancelWaiting(db.pool, projectId, 'tx-cancel', { after: FIRST, limit: 10 })).toMatchObject({
    canceled: [{ messageId: waiting.id }],
    underWay: [begun.id],
  })
  expect(await beginAttempts(db.pool, [waiting])).toEqual(new Set())
  expect(await settle(db.pool, [sent(begun), sent(waiting)], 0)).toHaveLength(1)
})

it('keeps an attempt for each try, and makes a message due again on request', async () => {
  await queue(1)
  for (const number of [1, 2]) {
    const [message] = await take()
    if (message === undefined) throw new Error('Nothing was claimed')
    expect(message.rounds).toBe(number - 1)
    await settle(
      db.pool,
      [
        {
          ...sent(message),
          status: 'QUEUED',
          dueInMs: 0,
          errorCode: 'PROVIDER_UNREACHABLE',
          errorMessage: 'away',
          attempts: [
            {
              ...{ providerId: ids(), startedAt: now, durationMs: 2, ok: false, response: '451' },
              ...{ errorCode: 'PROVIDER_UNREACHABLE', errorMessage: 'away' },
            },
          ],
        },
      ],
      0,
    )
  }
  const { rows } = await db.pool.query('SELECT number, ok, error_code, response FROM attempt ORDER BY number')
  expect(rows).toEqual([1, 2].map((number) => ({ number, ok: false, error_code: 'PROVIDER_UNREACHABLE', response: '451' })))
})

it('G3: refuses a second message of one notification on one channel', async () => {
  await queue(1)
  const again = `INSERT INTO message (project_id, id, notification_id, contact_id, channel, status)
    SELECT project_id, $1, notification_id, contact_id, channel, status FROM message`
  await expect(db.pool.query(again, [ids()])).rejects.toMatchObject({ code: '23505' })
})

it('begins and settles by the key of a message, however many others wait, and whatever the statistics say', async () => {
  const one = openDatabase(outbox.url, { max: 1, log: silentLog })
  try {
    // An empty queue, which is what the statistics say for long after it has grown, and what plans were made for.
    await one.pool.query('VACUUM ANALYZE delivery')
    const work = async (count: number) => {
      const taken = await claim(one.pool, { limit: count, bulkLimit: count, leaseMs: 60_000, offsetMs: 0 })
      expect(await beginAttempts(one.pool, taken)).toHaveProperty('size', count)
      expect(await settle(one.pool, taken.map(sent), 0)).toHaveLength(count)
    }
    for (let n = 0; n < 10; n++) {
      await queue(2)
      await work(2)
    }
    await queue(2_000)
    const scanned = async (): Promise<number> => {
      await one.pool.query('SELECT pg_stat_force_next_flush()')
      const { rows } = await one.pool.query(`SELECT seq_tup_read::int AS read FROM pg_stat_all_tables WHERE relname = 'delivery'`)
      return rows[0]?.read
    }
    const before = await scanned()
    for (const count of [10, 100]) await work(count)
    expect((await scanned()) - before).toBe(0)
  } finally {
    await one.close()
  }
})
