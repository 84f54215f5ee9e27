/** Brings messages back that their readers have snoozed, when they are due. */
import { transact } from '../db/database.ts'
import { findFeedMessagesOf, lockFeeds } from '../db/feed.ts'
import { findDueSnoozes, returnMessages, takeDueSnoozes } from '../db/snooze.ts'
import { write } from '../db/write.ts'
import type { FeedMessage } from '../words.ts'
import type { FeedDeps } from './feed.ts'
import { openLedger } from './ledger.ts'

/** Messages that come back in one transaction. */
const BATCH = 200

/** The message as it comes back: new again, unless it was archived meanwhile. */
const returned = (message: FeedMessage, at: string): FeedMessage => ({
  ...message,
  ...(message.archivedAt === null ? { seenAt: null, readAt: null } : {}),
  snoozedUntil: null,
  updatedAt: at,
})

/**
 * @returns a function that brings back all that are due; it begins no further batch once the signal is aborted. Each comes back once: its row is
 *   removed by the transaction that puts it into the feed, under the feed's lock, so that a crash leaves both or neither
 */
export function createSnoozeReturner({ db, clock, publish }: Pick<FeedDeps, 'db' | 'clock' | 'publish'>) {
  async function bringBack(): Promise<number> {
    const due = await findDueSnoozes(db.pool, BATCH, clock.offsetMs)
    if (due.length === 0) return 0
    const at = clock.now().toISOString()
    const signals = await transact(db.pool, async (tx) => {
      const feeds = new Map(due.map((one) => [`${one.projectId}${one.contactId}`, one]))
      const ledger = openLedger(await lockFeeds(tx, [...feeds.values()]))
      const taken = await takeDueSnoozes(tx, due, clock.offsetMs)
      for (const projectId of new Set(taken.map((one) => one.projectId))) {
        const own = taken.filter((one) => one.projectId === projectId)
        const contactIds = [...new Set(own.map((one) => one.contactId))]
        const ids = own.map((one) => one.messageId)
        for (const message of await findFeedMessagesOf(tx, projectId, contactIds, ids)) {
          if (message.snoozedUntil !== null) ledger.change(message, returned(message, at), 'UNSNOOZED', true)
        }
      }
      const messages = [...ledger.rewritten.values()].map((entry) => entry.message)
      if (messages.length > 0) {
        await write(tx, { states: ledger.states() })
        await returnMessages(tx, messages, at)
      }
      return ledger.signals()
    })
    publish(signals)
    return due.length
  }
  return async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && (await bringBack()) === BATCH);
  }
}
