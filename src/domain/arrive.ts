/** In-app messages that waited and are due now: they take their place in their feeds, one transaction for a batch of them. */
import { dropFolded, releaseHeld } from '../db/arrive.ts'
import { begin, type Claimed } from '../db/claim.ts'
import { type Database, transact } from '../db/database.ts'
import { findFolding, lockFeeds } from '../db/feed.ts'
import { write } from '../db/write.ts'
import type { InAppText } from '../render/content.ts'
import type { Clock } from './clock.ts'
import { openLedger } from './ledger.ts'
import type { Signal, StatusChange } from './words.ts'
import { feedUpdateOf, HELD_UNTIL } from './write-plan.ts'

/** A claimed in-app message, rendered. */
export interface DueInApp {
  readonly claimed: Claimed
  readonly contactId: string
  readonly text: InAppText
}

/**
 * Puts messages into their feeds. One that was canceled or claimed by somebody else meanwhile is left out.
 * @returns what to publish after the commit, and whether other channels became due
 */
export async function arriveInFeeds(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  due: readonly DueInApp[],
): Promise<{ signals: Signal[]; released: number }> {
  const at = clock.now()
  return transact(db.pool, async (tx) => {
    // Feeds are locked before messages, as everywhere: `markAs` and `cancel` would otherwise wait for us, and we for them.
    const locked = await lockFeeds(
      tx,
      due.map(({ claimed, contactId }) => ({ projectId: claimed.projectId, contactId })),
    )
    const ours = await begin(
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
      // What is said in a feed is a template's: a send without one goes to numbers only.
      if (claimed.template === null) continue
      const isFold = ledger.arrive({
        projectId: claimed.projectId,
        contactId,
        messageId: claimed.id,
        notificationId: claimed.notificationId,
        transactionId: claimed.transactionId,
        templateId: claimed.template.id,
        templateKey: claimed.template.key,
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
    // A fold takes the notification's place on the channel, so the row that waited has to go before it is written.
    if (folded.length > 0) await dropFolded(tx, folded)
    const withTwins = arrived.filter((one) => one.incrementId !== null)
    const released = withTwins.length === 0 ? 0 : await releaseHeld(tx, withTwins, HELD_UNTIL, clock.offsetMs)
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
