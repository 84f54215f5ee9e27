/** Claims with which attempts begin: they are canceled, revoked and freed as if the attempt had begun by a statement of its own. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { beginAttempts, postponeAttempts } from '../../src/db/begin-attempts.ts'
import { cancelReturned, cancelWaiting, FIRST } from '../../src/db/cancel.ts'
import { type Claimed, claim } from '../../src/db/claim.ts'
import type { Database } from '../../src/db/database.ts'
import { endIdleLeases } from '../../src/db/lease.ts'
import { revokeClaimsOfContact } from '../../src/db/revoke-claims.ts'
import { settle } from '../../src/db/settle.ts'
import type { Channel } from '../../src/words.ts'
import { ids, type Outbox, openOutbox, sent } from '../helpers/outbox.ts'

const providerId = ids()
let outbox: Outbox
let db: Database
let projectId: string

beforeAll(async () => {
  outbox = await openOutbox()
  ;({ db, projectId } = outbox)
})
beforeEach(() => db.pool.query('DELETE FROM notification'))
afterAll(() => outbox.close())

const take = (
  { claimId = 1, leaseMs = 60_000, channel = 'EMAIL' }: { claimId?: number; leaseMs?: number; channel?: Channel } = {},
  paused: readonly Channel[] = [],
) =>
  claim(db.pool, {
    ...{ limit: 100, bulkLimit: 100, leaseMs, offsetMs: 0 },
    except: { paused: paused.map((one) => ({ projectId, channel: one })), single: 'all', many: 'all' },
    direct: { channels: [{ projectId, channel, providerId }], claimId },
  })
const takeOne = async (...args: Parameters<typeof take>): Promise<Claimed> => {
  const [one] = await take(...args)
  if (one === undefined) throw new Error('Nothing was claimed')
  return one
}
const rows = async () =>
  (
    await db.pool.query(
      `SELECT claims, stop, claim_id::int, bound_to, begun_at IS NOT NULL AS begun, lease_until IS NOT NULL AS held FROM delivery ORDER BY message_id`,
    )
  ).rows
const begin = (...claims: readonly Claimed[]) =>
  beginAttempts(
    db.pool,
    claims.map((one) => ({ ...one, providerId, mayHaveArrived: one.attemptBegan || one.boundTo !== null })),
  )

it('persists that the attempt begins, and with which provider', async () => {
  await outbox.queue(1)
  expect(await takeOne()).toMatchObject({ begunWith: providerId, boundTo: null, attemptBegan: false, claims: 1 })
  expect(await rows()).toEqual([{ claims: 1, stop: false, claim_id: 1, bound_to: providerId, begun: true, held: true }])
})

it.each([[[]], [['SMS']], [['SMS', 'PUSH']]] satisfies [Channel[]][])(
  'leaves other channels to begin by themselves, whatever is paused: %j',
  async (paused) => {
    await outbox.queue(1)
    expect(await takeOne({ channel: 'WEBHOOK' }, paused)).toMatchObject({ begunWith: null })
    expect(await rows()).toEqual([{ claims: 1, stop: false, claim_id: null, bound_to: null, begun: false, held: true }])
  },
)

it('leaves one with a condition to begin by itself: after a crash the condition of one that has begun is not evaluated', async () => {
  await outbox.queue(1)
  await db.pool.query(`UPDATE delivery SET only_if = 'UNREAD'`)
  await take({ leaseMs: 0 })
  expect(await takeOne({ claimId: 2 })).toMatchObject({ attemptBegan: false, isConditional: true, begunWith: null })
})

it('G4: after a crash what has begun with its claim may have arrived through its provider, and does not begin with another claim', async () => {
  await outbox.queue(1)
  await take({ leaseMs: 0 })
  expect(await takeOne({ claimId: 2 })).toMatchObject({ attemptBegan: true, boundTo: providerId, begunWith: null })
  expect(await rows()).toMatchObject([{ claim_id: null, bound_to: providerId, begun: true }])
})

it('G4, G8: what a lost claim took and began is given again at once as if it had never been claimed; that of other claims is not', async () => {
  await outbox.queue(1)
  await take({ claimId: 7 })
  await outbox.queue(1)
  const [kept] = await take({ claimId: 8 })
  await endIdleLeases(db.pool, { offsetMs: 0, lost: [7] })
  const again = await take({ claimId: 9 })
  expect(again).toMatchObject([{ attemptBegan: false, boundTo: null, begunWith: providerId, claims: 3 }])
  expect(again[0]?.id).not.toBe(kept?.id)
})

it('cancel waits for it; one that is postponed afterwards is returned, and canceled', async () => {
  await outbox.queue(2, 'tx-cancel')
  const [waits, goesOut] = await take()
  if (waits === undefined || goesOut === undefined) throw new Error('Two were queued')
  const { canceled, underWay } = await cancelWaiting(db.pool, projectId, 'tx-cancel', { after: FIRST, limit: 10 })
  expect(canceled).toEqual([])
  expect(new Set(underWay)).toEqual(new Set([waits.id, goesOut.id]))
  expect(await postponeAttempts(db.pool, [waits])).toEqual(new Set())
  expect(await settle(db.pool, [sent(goesOut)], 0)).toHaveLength(1)
  expect(await cancelReturned(db.pool, projectId, underWay)).toMatchObject({ canceled: [{ messageId: waits.id }], underWay: [] })
  expect(await begin(waits)).toEqual(new Set())
})

it('a postponed one can be canceled at once', async () => {
  await outbox.queue(1, 'tx-cancel')
  const one = await takeOne()
  expect(await postponeAttempts(db.pool, [one])).toEqual(new Set([one.id]))
  expect(await rows()).toMatchObject([{ claim_id: null, bound_to: null, begun: false, held: true }])
  const { canceled } = await cancelWaiting(db.pool, projectId, 'tx-cancel', { after: FIRST, limit: 10 })
  expect(canceled).toMatchObject([{ messageId: one.id }])
  expect(await begin(one)).toEqual(new Set())
})

it('a postponed one is still held when that is written again, because the answer was lost', async () => {
  await outbox.queue(2)
  const [one, other] = await take()
  if (one === undefined || other === undefined) throw new Error('Two were queued')
  expect(await begin(other)).toEqual(new Set([other.id]))
  expect(await postponeAttempts(db.pool, [one])).toEqual(new Set([one.id]))
  expect(await postponeAttempts(db.pool, [one, other])).toEqual(new Set([one.id]))
  expect(await rows()).toMatchObject([{ begun: false }, { begun: true, bound_to: providerId }])
})

it('G4: a message that may have arrived keeps its provider, though a process of the version before has left the id of a claim', async () => {
  await outbox.queue(1)
  const one = await takeOne()
  await settle(db.pool, [{ ...sent(one), status: 'QUEUED', dueInMs: 0, boundTo: providerId, attempts: [] }], 0)
  await db.pool.query(`UPDATE delivery SET claims = claims + 1, lease_until = now() + interval '1 minute'`)
  await endIdleLeases(db.pool, { offsetMs: 0 })
  expect(await takeOne({ claimId: 2 })).toMatchObject({ attemptBegan: false, boundTo: providerId, begunWith: null })
})

it('G5: an opt-out stops one that was not sent at once, and it is decided again', async () => {
  await outbox.queue(1)
  const one = await takeOne()
  const revoke = () => revokeClaimsOfContact(db.pool, { projectId, contactId: outbox.contactId }, 'EMAIL')
  expect(await revoke()).toBe(0)
  expect(await rows()).toMatchObject([{ stop: true, held: true, begun: true }])
  // It begins late, or with another provider.
  expect(await begin(one)).toEqual(new Set())
  expect(await rows()).toEqual([{ claims: 2, stop: true, claim_id: null, bound_to: null, begun: false, held: false }])
  const again = await takeOne({ claimId: 2 })
  expect(again).toMatchObject({ attemptBegan: false, boundTo: null, begunWith: providerId })
  expect(await rows()).toMatchObject([{ stop: false }])
  expect(await settle(db.pool, [sent(again)], 0)).toHaveLength(1)
})

it('an opt-out stops one that may have arrived too, and it stays one that may have arrived', async () => {
  await outbox.queue(1)
  await take({ leaseMs: 0 })
  const one = await takeOne({ claimId: 2 })
  await revokeClaimsOfContact(db.pool, { projectId, contactId: outbox.contactId }, null)
  expect(await begin(one)).toEqual(new Set())
  expect(await takeOne({ claimId: 3 })).toMatchObject({ attemptBegan: true, boundTo: providerId })
})
