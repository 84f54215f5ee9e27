/**
 * `cancel`: when it has answered, nothing more of that transaction is handed to any provider. Waiting messages are canceled; what a
 * worker is handing over at this moment is waited for, and counted as sent; in-app messages that nobody has seen are taken back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { cancelFanouts, cancelWaiting, countSent, findUnseen, markCanceled } from '../db/cancel.ts'
import { type Database, transact } from '../db/database.ts'
import { cancelEmptied, recompose } from '../db/digest.ts'
import { findFeedMessages, lockFeeds } from '../db/feed.ts'
import { write } from '../db/write.ts'
import { CarillonError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { openLedger } from './ledger.ts'
import type { Signal, StatusChange } from './words.ts'
import { feedUpdateOf } from './write-plan.ts'

/** What `cancel` did, in messages. */
export interface CancelResult {
  readonly transactionId: string
  readonly canceledCount: number
  readonly alreadySentCount: number
}

/** What it works with. */
export interface CancelDeps {
  readonly db: Database
  readonly clock: Clock
  publish(signals: readonly Signal[]): void
}

/** How long a hand-over under way is waited for. A provider's time-outs end before that. */
const PATIENCE_MS = 60_000

/** Makes `cancel`. @throws NOT_FOUND for a transaction that there is not */
export function createCancel({ db, clock, publish }: CancelDeps) {
  return async (projectId: string, transactionId: string): Promise<CancelResult> => {
    await cancelFanouts(db.pool, projectId, transactionId)
    if (!(await markCanceled(db.pool, projectId, transactionId))) {
      throw new CarillonError('NOT_FOUND', { message: 'There is no such transaction.' })
    }
    const at = clock.now()
    const changes: StatusChange[] = []
    // What it left in digests that are closed and not out yet leaves them; one that it was all of goes with it.
    await recompose(db.pool, projectId, transactionId)
    const emptied = await cancelEmptied(db.pool, projectId, transactionId)
    for (const one of [transactionId, ...emptied]) changes.push(...(await takeBack(projectId, one, at)))
    if (changes.length > 0) publish([{ topic: 'activity', projectId, changes }])
    return { transactionId, canceledCount: changes.length, alreadySentCount: await countSent(db.pool, projectId, transactionId) }
  }

  /** Cancels what waits, and takes back what nobody has seen. @returns what was canceled */
  async function takeBack(projectId: string, transactionId: string, at: Date): Promise<StatusChange[]> {
    const changes: StatusChange[] = []
    // A retry of what was under way puts it back into the queue: it is canceled in the next round.
    for (let waitMs = 5, waitedMs = 0; ; waitedMs += waitMs, waitMs = Math.min(waitMs * 2, 200)) {
      const { canceled, underWay } = await transact(db.pool, (tx) => cancelWaiting(tx, projectId, transactionId))
      for (const one of canceled) changes.push({ ...one, status: 'CANCELED', at: at.toISOString() })
      if (underWay === 0 || waitedMs > PATIENCE_MS) break
      await sleep(waitMs)
    }
    for (const { contactId, ids } of await findUnseen(db.pool, projectId, transactionId)) {
      const { retracted, signals } = await retract({ projectId, contactId }, ids, transactionId, at)
      for (const one of retracted) changes.push({ ...one, status: 'CANCELED', at: at.toISOString() })
      publish(signals)
    }
    return changes
  }

  /** Takes unseen messages out of one feed. Looks again under the lock: one may just have been seen, or folded into by another call. */
  async function retract(key: { projectId: string; contactId: string }, ids: readonly string[], transactionId: string, at: Date) {
    return transact(db.pool, async (tx) => {
      const ledger = openLedger(await lockFeeds(tx, [key]))
      const unseen = (await findFeedMessages(tx, key, ids)).filter(
        (one) => one.seenAt === null && one.transactionId === transactionId,
      )
      for (const message of unseen) {
        ledger.change(message, { ...message, status: 'CANCELED', updatedAt: at.toISOString() }, 'RETRACTED')
      }
      const updates = [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry, [['CANCELED', at.toISOString(), null]]))
      if (updates.length > 0) await write(tx, { updates, states: ledger.states() })
      const retracted = unseen.map((message) => ({ notificationId: message.notificationId, messageId: message.id }))
      return { retracted, signals: ledger.signals() }
    })
  }
}
