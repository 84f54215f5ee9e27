/**
 * `cancel`: when it has answered, nothing more of that transaction is handed to any provider. Waiting messages are canceled; what a
 * worker is handing over at this moment is waited for, and counted as sent; in-app messages that nobody has seen are taken back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CancelCount,
  cancelFanouts,
  cancelReturned,
  cancelWaiting,
  countSent,
  FIRST,
  findUnseen,
  type MessageKey,
  markCanceled,
  type Page,
  type Unseen,
} from '../db/cancel.ts'
import { type Database, transact } from '../db/database.ts'
import { cancelEmptied, recompose } from '../db/digest.ts'
import { findFeedMessagesOf, lockFeeds } from '../db/feed.ts'
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

/** Notifications of one transaction: a send to 100,000 is canceled in pages, so that none holds many rows for long. */
const PAGE = 2_000
const RETRACT = 1_000

/** Makes `cancel`. @throws NOT_FOUND for a transaction that there is not */
export function createCancel({ db, clock, publish }: CancelDeps) {
  return async (projectId: string, transactionId: string): Promise<CancelResult> => {
    const missing = new CarillonError('NOT_FOUND', { message: 'There is no such transaction.' })
    if (transactionId.includes('\0')) throw missing
    // First: from here on nothing is added to it.
    await cancelFanouts(db.pool, projectId, transactionId)
    if (!(await markCanceled(db.pool, projectId, transactionId))) throw missing
    const now = clock.now().toISOString()
    let canceledCount = 0
    const tell = (canceled: readonly MessageKey[]): void => {
      canceledCount += canceled.length
      const changes = canceled.map((one): StatusChange => ({ ...one, status: 'CANCELED', at: now }))
      if (changes.length > 0) publish([{ topic: 'activity', projectId, changes }])
    }
    const underWay = await stop(projectId, transactionId, tell)
    // What it left in digests that are closed and not out yet leaves them; one that it was all of goes with it.
    await recompose(db.pool, projectId, transactionId)
    const emptied = await cancelEmptied(db.pool, projectId, transactionId)
    for (const one of emptied) underWay.push(...(await stop(projectId, one, tell)))
    await settle(projectId, underWay, tell)
    for (const one of [transactionId, ...emptied]) await takeBack(projectId, one, now, tell)
    return { transactionId, canceledCount, alreadySentCount: await countSent(db.pool, projectId, transactionId) }
  }

  /** Cancels what waits. @returns ids of messages that are being handed over at this moment */
  async function stop(
    projectId: string,
    transactionId: string,
    tell: (canceled: readonly MessageKey[]) => void,
  ): Promise<string[]> {
    const underWay: string[] = []
    for (let after: string | null = FIRST; after !== null; ) {
      const page: Page = { after, limit: PAGE }
      const found: CancelCount = await transact(db.pool, (tx) => cancelWaiting(tx, projectId, transactionId, page))
      tell(found.canceled)
      underWay.push(...found.underWay)
      after = found.last
    }
    return underWay
  }

  /** Waits for hand-overs. A retry of one puts it back into the queue: it is canceled in the next round. */
  async function settle(
    projectId: string,
    messageIds: readonly string[],
    tell: (canceled: readonly MessageKey[]) => void,
  ): Promise<void> {
    let left = messageIds
    for (let waitMs = 5, waitedMs = 0; left.length > 0 && waitedMs <= PATIENCE_MS; waitedMs += waitMs) {
      waitMs = Math.min(waitMs * 2, 200)
      await sleep(waitMs)
      const ids = left
      const found = await transact(db.pool, (tx) => cancelReturned(tx, projectId, ids))
      tell(found.canceled)
      left = found.underWay
    }
  }

  /** Takes back what nobody has seen. */
  async function takeBack(
    projectId: string,
    transactionId: string,
    now: string,
    tell: (canceled: readonly MessageKey[]) => void,
  ): Promise<void> {
    for (let after: string | null = FIRST; after !== null; ) {
      const page: Unseen = await findUnseen(db.pool, projectId, transactionId, { after, limit: RETRACT })
      if (page.unseen.length > 0) {
        const { retracted, signals } = await retract(projectId, page.unseen, transactionId, now)
        publish(signals)
        tell(retracted)
      }
      after = page.last
    }
  }

  /** Takes unseen messages out of their feeds. Looks again under the lock: one may just have been seen, or folded into by another call. */
  async function retract(
    projectId: string,
    found: readonly { readonly id: string; readonly contactId: string }[],
    transactionId: string,
    now: string,
  ): Promise<{ retracted: MessageKey[]; signals: Signal[] }> {
    const contactIds = [...new Set(found.map((one) => one.contactId))]
    return transact(db.pool, async (tx, finish) => {
      const ledger = openLedger(
        await lockFeeds(
          tx,
          contactIds.map((contactId) => ({ projectId, contactId })),
        ),
      )
      const ids = found.map((one) => one.id)
      const unseen = (await findFeedMessagesOf(tx, projectId, contactIds, ids)).filter(
        (one) => one.seenAt === null && one.transactionId === transactionId,
      )
      for (const message of unseen) ledger.change(message, { ...message, status: 'CANCELED', updatedAt: now }, 'RETRACTED')
      const updates = [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry, [['CANCELED', now, null]]))
      if (updates.length > 0) finish(write(tx, { updates, states: ledger.states() }))
      const retracted = unseen.map((message) => ({ notificationId: message.notificationId, messageId: message.id }))
      return { retracted, signals: ledger.signals() }
    })
  }
}
