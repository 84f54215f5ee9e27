/**
 * Writes a batch in one round trip, where nothing has to be read before it is written: no contact is new or gains a field, nothing joins a digest
 * or folds. Locks are taken in the order of write-plan.ts.
 */
import { writeAccepted } from '../db/accept.ts'
import type { Runner } from '../db/database.ts'
import { lockFeeds } from '../db/feed.ts'
import { lockKeys } from '../db/idempotency-key.ts'
import { openLedger, rebase } from '../domain/ledger.ts'
import type { ContactInfo, Signal } from '../words.ts'
import type { SendDeps } from './deps.ts'
import type { Known } from './known.ts'
import type { Plan, PlannedMessage } from './plan.ts'
import { activitySignals, collectRows, feedsOf, keysOf, transactionOf } from './write-plan.ts'

/** Whether a plan can be written by `writePlain`. */
export const isPlain = (known: Known, { messages, fanouts }: Pick<Plan, 'messages' | 'fanouts'>): boolean =>
  fanouts.length === 0 &&
  messages.every(
    ({ window, intent, contactKey, actorKey }) =>
      window === null && intent.incrementId === null && isStored(known, contactKey) && isStored(known, actorKey),
  )

/** Whether a contact is in the table as it is to be. */
function isStored(known: Known, key: string | null): boolean {
  const contact = key === null ? undefined : known.contacts.get(key)
  return contact === undefined || (!contact.isNew && !contact.isFilled)
}

/**
 * Writes these messages, waiting for nothing. The database gives the feeds' numbers: here they are counted from 0.
 * @returns what to publish after the commit to those who listen @throws 23505 when an id or a transaction's name is taken, or what is known has changed, 23503 when a row is gone
 */
export async function writePlain(
  tx: Runner,
  deps: Pick<SendDeps, 'ids' | 'clock' | 'listens'>,
  known: Known,
  messages: readonly PlannedMessage[],
): Promise<() => Signal[]> {
  const contactOf = (key: string | null): ContactInfo | null => (key === null ? null : (known.contacts.get(key)?.info ?? null))
  const feeds = feedsOf(messages, contactOf)
  const ledger = openLedger(feeds.map((key) => ({ ...key, feedSeq: 0, counts: {} })))
  const rows = collectRows(deps, messages, [], contactOf, new Map(), ledger, deps.clock.now())
  const keys = keysOf(messages)
  // Without waiting for any of them in between: they leave in one round trip (see db/one-trip.ts).
  const [, states] = await Promise.all([
    keys.length === 0 ? null : lockKeys(tx, keys),
    feeds.length === 0 ? [] : lockFeeds(tx, feeds),
    writeAccepted(tx, { ...rows, keys, transactions: messages.flatMap(transactionOf), added: ledger.states(), seen: known.seen }),
  ])
  return () => {
    const heard = (signals: readonly Signal[]): Signal[] => signals.filter((signal) => deps.listens(signal))
    return [...rebase(heard(ledger.signals()), states), ...heard(activitySignals(rows))]
  }
}
