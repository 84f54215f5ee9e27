/** What accepting a batch writes, where nothing has to be read under a lock first (accept.ts, accept-one-feed.ts). */
import type { NewKey } from './idempotency-key.ts'
import type { Seen } from './unchanged.ts'
import type { NewMessageRow, NotificationRow, Writes } from './write.ts'

/** The rows of a batch. */
export interface Accepted {
  /** the callers' ids, whose projects are locked (db/idempotency-key.ts) */
  readonly keys: readonly NewKey[]
  readonly transactions: NonNullable<Writes['transactions']>
  readonly notifications: readonly NotificationRow[]
  /** the numbers of those that arrive in a feed count from what it has: the first is 1 */
  readonly messages: readonly NewMessageRow[]
  /** what is added to each feed, which is locked: how many numbers, and what to its counts, none of which is 0 */
  readonly added: NonNullable<Writes['states']>
  /** what it was decided by, where that was looked up for an earlier batch; null: for this one, as were its ids */
  readonly seen: Seen | null
}
