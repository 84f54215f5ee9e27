/** Workers, who write the outcomes of messages as they come, and those who stop messages, lock them in one order: neither waits for the other forever. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { beginAttempts, postponeAttempts } from '../../src/db/begin-attempts.ts'
import { cancelWaiting, FIRST } from '../../src/db/cancel.ts'
import { type Claimed, claim } from '../../src/db/claim.ts'
import { revokeClaimsOfContact } from '../../src/db/revoke-claims.ts'
import { settle } from '../../src/db/settle.ts'
import { ids, type Outbox, openOutbox, sent } from '../helpers/outbox.ts'
import { until } from '../helpers/until.ts'

const providerId = ids()
let outbox: Outbox

beforeAll(async () => {
  outbox = await openOutbox()
})
beforeEach(() => outbox.db.pool.query('DELETE FROM notification'))
afterAll(() => outbox.close())

const queuedAgain = (message: Claimed) => ({ ...sent(message), status: 'QUEUED' as const, dueInMs: 0, attempts: [] })
const writes: Record<string, (messages: readonly Claimed[]) => Promise<unknown>> = {
  'that they were sent': (messages) => settle(outbox.db.accepting, messages.map(sent), 0),
  'that they are queued again': (messages) => settle(outbox.db.accepting, messages.map(queuedAgain), 0),
  'that they begin': (messages) =>
    beginAttempts(
      outbox.db.accepting,
      messages.map((one) => ({ ...one, providerId })),
    ),
  'that they are postponed': (messages) => postponeAttempts(outbox.db.accepting, messages),
}
const stops: Record<string, () => Promise<unknown>> = {
  'an opt-out': () => revokeClaimsOfContact(outbox.db.pool, { projectId: outbox.projectId, contactId: outbox.contactId }, null),
  'a cancel': () => cancelWaiting(outbox.db.pool, outbox.projectId, 'tx', { after: FIRST, limit: 10 }),
}

/** How many connections wait for a lock. */
const waiting = async (): Promise<number> =>
  (
    await outbox.db.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  ).rows[0]?.n ?? 0

it.each(Object.keys(writes).flatMap((write) => Object.keys(stops).map((stop) => [write, stop] as const)))(
  'a worker writes %s, and %s comes',
  async (write, stop) => {
    const { db, projectId, queue } = outbox
    await queue(3)
    const direct = { channels: [{ projectId, channel: 'EMAIL' as const, providerId }], claimId: 1 }
    const claimed = await claim(db.pool, { limit: 3, bulkLimit: 3, leaseMs: 60_000, offsetMs: 0, direct })
    const messages = claimed.toSorted((one, other) => (one.id < other.id ? 1 : -1))
    // Both come as far as they can while the message in the middle is locked.
    const client = await db.pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1 FROM delivery WHERE message_id = $1 FOR UPDATE', [messages[1]?.id])
    const wrote = writes[write]?.(messages)
    await until('the write waits', async () => (await waiting()) === 1)
    const stopped = stops[stop]?.()
    const both = Promise.allSettled([wrote, stopped])
    await until('both wait', async () => (await waiting()) === 2)
    await client.query('COMMIT')
    client.release()
    expect(await both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
  },
)
