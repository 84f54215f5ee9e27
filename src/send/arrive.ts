/** Puts in-app messages that waited, and are due now, into their feeds: a batch in one transaction. */
import type { Claimed } from '../db/claim.ts'
import { type Database, transact } from '../db/database.ts'
import { findFolding, lockFeeds } from '../db/feed.ts'
import { dropFolded, releaseHeld } from '../db/held.ts'
import { endClaims } from '../db/lease.ts'
import { write } from '../db/write.ts'
import type { Clock } from '../domain/clock.ts'
import { feedUpdateOf, openLedger } from '../domain/ledger.ts'
import type { InAppText } from '../render/renderer.ts'
import type { Signal, StatusChange } from '../words.ts'

/** A claimed in-app message, rendered. */
export interface DueInApp {
  readonly claimed: Claimed
  readonly contactId: string
  readonly text: InAppText
}

/**
 * Puts messages into their feeds. One that was canceled, or claimed by another worker, meanwhile is left out.
 * @returns what to publish, now that it is committed, and how many messages of other channels became due
 */
export async function arriveInFeeds(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  due: readonly DueInApp[],
): Promise<{ signals: Signal[]; released: number }> {
  const at = clock.now()
  return transact(db.pool, async (tx) => {
    // Feeds are locked before messages, as everywhere else; otherwise this could deadlock with `markAs` and `cancel`.
    const locked = await lockFeeds(
      tx,
      due.map(({ claimed, contactId }) => ({ projectId: claimed.projectId, contactId })),
    )
    const ours = await endClaims(
      tx,
      due.map((one) => one.claimed),
    )
    const arriving = due.filter((one) => ours.has(one.claimed.id)).toSorted((a, b) => (a.claimed.id < b.claimed.id ? -1 : 1))
    const folds = arriving.flatMap(({ claimed, contactId }) =>
      claimed.incrementId === null || claimed.template === null
        ? []
        : [{ projectId: claimed.projectId, contactId, templateId: claimed.template.id, incrementId: claimed.incrementId }],
    )
    const ledger = openLedger(locked, folds.length === 0 ? [] : await findFolding(tx, folds))
    const folded: Claimed[] = []
    const arrived: Claimed[] = []
    for (const { claimed, contactId, text } of arriving) {
      // An in-app message always has a template: sends without one go to phone numbers.
      if (claimed.template === null) continue
      const isFold = ledger.arrive({
        projectId: claimed.projectId,
        contactId,
        messageId: claimed.id,
        notificationId: claimed.notificationId,
        transactionId: claimed.transactionId,
        templateId: claimed.template.id,
        templateKey: claimed.template.key,
        severity: claimed.template.severity,
        templateVersion: claimed.template.version,
        incrementId: claimed.incrementId,
        feed: claimed.feed ?? claimed.template.feed,
        text,
        actor: claimed.actor,
        data: claimed.data,
        at,
      })
      if (isFold) folded.push(claimed)
      else arrived.push(claimed)
    }
    // A notification has one row per channel: the row that waited is deleted before the one that it was folded into is written.
    if (folded.length > 0) await dropFolded(tx, folded)
    // Other channels of these notifications were held until it was known that the in-app message does not fold.
    const holding = arrived.filter((one) => one.incrementId !== null)
    const released = holding.length === 0 ? 0 : await releaseHeld(tx, holding, clock.offsetMs)
    const history = [['DELIVERED', at.toISOString(), null] as const]
    const updates = [
      ...[...ledger.inserted.values()].map((entry) => feedUpdateOf(entry, history)),
      ...[...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry)),
    ]
    await write(tx, { updates, states: ledger.states() })
    const activity = new Map<string, StatusChange[]>()
    for (const { projectId, notificationId, id } of arrived) {
      const changes = activity.get(projectId) ?? []
      changes.push({ notificationId, messageId: id, status: 'DELIVERED', at: at.toISOString() })
      activity.set(projectId, changes)
    }
    const signals: Signal[] = [...ledger.signals()]
    for (const [projectId, changes] of activity) signals.push({ topic: 'activity', projectId, changes })
    return { signals, released }
  })
}
