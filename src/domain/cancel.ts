/**
 * `cancel`: once it has returned, no further message of that transaction is sent. Waiting messages are canceled; attempts that are under way
 * are waited for, and their messages counted as sent; in-app messages that were not seen yet are retracted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { rowsOf } from '../db/audit.ts'
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
import { hashedName } from '../db/hash.ts'
import { write } from '../db/write.ts'
import { CarillonError } from '../errors.ts'
import type { Signal, StatusChange } from '../words.ts'
import { type Audit, type By, hashedKey } from './audit.ts'
import type { Clock } from './clock.ts'
import { feedUpdateOf, openLedger } from './ledger.ts'

/** What `cancel` did. Both counts are messages. */
export interface CancelResult {
  readonly transactionId: string
  readonly canceledCount: number
  readonly alreadySentCount: number
  /** whether an earlier call canceled the transaction */
  readonly wasCanceled: boolean
}

/** What `createCancel` needs. `publish` is called after each commit. */
export interface CancelDeps {
  readonly db: Database
  readonly clock: Clock
  readonly audit: Audit
  publish(signals: readonly Signal[]): void
}

/** How long to wait for attempts that are under way. The time-outs of all providers are shorter. */
const PATIENCE_MS = 60_000

/** Notifications per database transaction: a send to 100,000 is canceled in pages, so that no transaction locks many rows for long. */
const PAGE = 2_000
const RETRACT = 1_000

/** Creates `cancel`. @throws NOT_FOUND for a transaction that does not exist */
export function createCancel({ db, clock, audit, publish }: CancelDeps) {
  return async (projectId: string, name: string, by: By): Promise<CancelResult> => {
    const missing = new CarillonError('NOT_FOUND', { message: 'There is no such transaction.' })
    if (name.includes('\0')) throw missing
    // First, because from here on nothing is added to the transaction. What follows is done in many transactions, and again by a repeated
    // call; the audit log has it from this one.
    const { transactionId, wasCanceled } = await transact(db.pool, async (tx) => {
      // Its id may have named somebody who was erased.
      for (const id of [name, hashedName(projectId, name)]) {
        await cancelFanouts(tx, projectId, id)
        const marked = await markCanceled(tx, projectId, id)
        if (marked === 'none') continue
        const outcome = { kind: 'TRANSACTION', id: null, key: hashedKey(name), before: null, after: { canceled: true } } as const
        if (marked === 'now') await audit.record(rowsOf(tx), { projectId, operation: 'cancel', by }, [outcome])
        return { transactionId: id, wasCanceled: marked === 'before' }
      }
      throw missing
    })
    const now = clock.now().toISOString()
    let canceledCount = 0
    const report = (canceled: readonly MessageKey[]): void => {
      canceledCount += canceled.length
      const changes = canceled.map((one): StatusChange => ({ ...one, status: 'CANCELED', at: now }))
      if (changes.length > 0) publish([{ topic: 'activity', projectId, changes }])
    }
    const underWay = await stop(projectId, transactionId, report)
    // Digests that are closed and not sent yet are composed without its notifications; those that have no others are canceled.
    await recompose(db.pool, projectId, transactionId)
    const emptied = await cancelEmptied(db.pool, projectId, transactionId)
    for (const one of emptied) underWay.push(...(await stop(projectId, one, report)))
    await settle(projectId, underWay, report)
    for (const one of [transactionId, ...emptied]) await takeBack(projectId, one, now, report)
    const alreadySentCount = await countSent(db.pool, projectId, transactionId)
    return { transactionId: name, canceledCount, alreadySentCount, wasCanceled }
  }

  /** Cancels waiting messages. @returns ids of messages whose attempt is under way */
  async function stop(
    projectId: string,
    transactionId: string,
    report: (canceled: readonly MessageKey[]) => void,
  ): Promise<string[]> {
    const underWay: string[] = []
    for (let after: string | null = FIRST; after !== null; ) {
      const page: Page = { after, limit: PAGE }
      const found: CancelCount = await transact(db.pool, (tx) => cancelWaiting(tx, projectId, transactionId, page))
      report(found.canceled)
      underWay.push(...found.underWay)
      after = found.last
    }
    return underWay
  }

  /** Waits for attempts that are under way. If one fails and its message is queued again, that is canceled in the next round. */
  async function settle(
    projectId: string,
    messageIds: readonly string[],
    report: (canceled: readonly MessageKey[]) => void,
  ): Promise<void> {
    let left = messageIds
    for (let waitMs = 5, waitedMs = 0; left.length > 0 && waitedMs <= PATIENCE_MS; waitedMs += waitMs) {
      waitMs = Math.min(waitMs * 2, 200)
      await sleep(waitMs)
      const ids = left
      const found = await transact(db.pool, (tx) => cancelReturned(tx, projectId, ids))
      report(found.canceled)
      left = found.underWay
    }
  }

  /** Retracts in-app messages that were not seen yet. */
  async function takeBack(
    projectId: string,
    transactionId: string,
    now: string,
    report: (canceled: readonly MessageKey[]) => void,
  ): Promise<void> {
    for (let after: string | null = FIRST; after !== null; ) {
      const page: Unseen = await findUnseen(db.pool, projectId, transactionId, { after, limit: RETRACT })
      if (page.unseen.length > 0) {
        const { retracted, signals } = await retract(projectId, page.unseen, transactionId, now)
        publish(signals)
        report(retracted)
      }
      after = page.last
    }
  }

  /**
   * Retracts unseen messages from their feeds. Reads them again under the lock: one may have been seen meanwhile, or have folded with
   * another call's.
   */
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
