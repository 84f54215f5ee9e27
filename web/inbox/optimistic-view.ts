/** The optimistic view: the server's last state with the contact's pending operations applied to it. */
import type { Lists } from './lists.ts'
import { type InboxCounts, type InboxMessage, type InboxSelection, weightOf, withChanges } from './message.ts'
import type { Operation, Outbox } from './outbox.ts'

/** When a message arrived, ISO 8601. */
export const arrivalOf = (message: InboxMessage | undefined): string => message?.sentAt ?? message?.createdAt ?? ''

/** Whether an operation changes a message that is in this state when it is sent. */
export function isAbout(operation: Operation, message: InboxMessage): boolean {
  if (operation.kind !== 'all') return operation.ids.includes(message.id)
  const { feeds, newest = '9' } = operation
  const { read, archived }: InboxSelection = operation.which ?? {}
  return (
    !message.snoozedUntil &&
    (feeds === null || feeds.includes(message.feed)) &&
    read !== (message.readAt === null) &&
    archived !== (message.archivedAt === null) &&
    arrivalOf(message) <= newest
  )
}

export function createOptimisticView(lists: Pick<Lists, 'get' | 'ids'>, outbox: Pick<Outbox, 'operations'>) {
  const views = new WeakMap<InboxMessage, { readonly operations: object; readonly view: InboxMessage }>()
  /** A message with its pending operations applied, one after the other, as the server will. */
  function viewOf(message: InboxMessage): InboxMessage {
    const { operations } = outbox
    const cached = views.get(message)
    if (cached?.operations === operations) return cached.view
    let view = message
    for (const operation of operations) {
      if (!isAbout(operation, view)) continue
      if (operation.kind === 'act') {
        const name = operation.type === 'PRIMARY' ? 'primaryAction' : 'secondaryAction'
        const action = view[name]
        if (action !== null) view = { ...view, [name]: { ...action, status: 'DONE' } }
      } else view = withChanges(view, operation.marks, operation.at)
    }
    views.set(message, { operations, view })
    return view
  }
  /** The server's counts with the pending operations applied. */
  function countsOf(of: InboxCounts, feeds: readonly string[] | null): InboxCounts {
    let { unseen, unread } = of
    for (const id of outbox.operations.length === 0 ? [] : lists.ids()) {
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
      const isOut = archived || deleted
      if (seen || read || isOut) unseen = Math.min(unseen, Math.max(0, most.unseen))
      if (read || isOut) unread = Math.min(unread, Math.max(0, most.unread))
    }
    return { unseen: Math.max(0, unseen), unread: Math.max(0, unread) }
  }
  return { viewOf, countsOf }
}
