/** The optimistic view: the server's last state with the contact's pending operations applied to it. */
import type { Lists } from './lists.ts'
import { type InboxCounts, type InboxMessage, weightOf, withChanges } from './message.ts'
import type { Outbox } from './outbox.ts'

export function createOptimisticView(lists: Pick<Lists, 'get'>, outbox: Pick<Outbox, 'pendingOf' | 'pendingIds' | 'operations'>) {
  const views = new WeakMap<InboxMessage, { readonly pending: object; readonly view: InboxMessage }>()
  /** A message with its pending operations applied. */
  function viewOf(message: InboxMessage): InboxMessage {
    const pending = outbox.pendingOf(message.id)
    if (pending === undefined) return message
    const cached = views.get(message)
    if (cached?.pending === pending) return cached.view
    let view = withChanges(message, pending.marks, pending.at)
    for (const type of pending.acted) {
      const name = type === 'PRIMARY' ? 'primaryAction' : 'secondaryAction'
      const action = view[name]
      if (action !== null) view = { ...view, [name]: { ...action, status: 'DONE' } }
    }
    views.set(message, { pending, view })
    return view
  }
  /** The server's counts with the pending operations applied. */
  function countsOf(of: InboxCounts, feeds: readonly string[] | null): InboxCounts {
    let { unseen, unread } = of
    for (const id of outbox.pendingIds) {
      const message = lists.get(id)
      if (message === undefined || (feeds !== null && !feeds.includes(message.feed))) continue
      const [before, after] = [weightOf(message), weightOf(viewOf(message))]
      unseen += after.unseen - before.unseen
      unread += after.unread - before.unread
    }
    for (const operation of outbox.operations) {
      if (operation.kind !== 'all') continue
      const { counts, marks } = operation
      if (feeds !== null && operation.feeds !== null && !operation.feeds.some((one) => feeds.includes(one))) continue
      // Only some of the messages that it marks are loaded, so its effect on the counts is taken from the counts at that moment.
      const isWhole = operation.feeds === null || feeds?.every((one) => operation.feeds?.includes(one)) === true
      const most = isWhole ? { unseen: of.unseen - counts.unseen, unread: of.unread - counts.unread } : of
      const { seen, read, archived, deleted } = marks
      const isOut = archived === true || deleted === true
      if (seen === true || read === true || isOut) unseen = Math.min(unseen, Math.max(0, most.unseen))
      if (read === true || isOut) unread = Math.min(unread, Math.max(0, most.unread))
    }
    return { unseen: Math.max(0, unseen), unread: Math.max(0, unread) }
  }
  return { viewOf, countsOf }
}
