/** What is shown: what the server said last, and on top of it what the contact did since. */
import type { Lists } from './lists.ts'
import { type InboxCounts, type InboxMessage, weightOf, withMarks } from './message.ts'
import type { Outbox } from './outbox.ts'

/** Makes it. */
export function createShown(lists: Pick<Lists, 'get'>, outbox: Pick<Outbox, 'pendingOf' | 'pendingIds' | 'deeds'>) {
  const views = new WeakMap<InboxMessage, { readonly pending: object; readonly view: InboxMessage }>()
  /** The message as the contact has left it, whether or not the server knows. */
  function viewOf(message: InboxMessage): InboxMessage {
    const pending = outbox.pendingOf(message.id)
    if (pending === undefined) return message
    const kept = views.get(message)
    if (kept?.pending === pending) return kept.view
    let view = withMarks(message, pending.marks, pending.at)
    for (const type of pending.acted) {
      const name = type === 'PRIMARY' ? 'primaryAction' : 'secondaryAction'
      const action = view[name]
      if (action !== null) view = { ...view, [name]: { ...action, status: 'DONE' } }
    }
    views.set(message, { pending, view })
    return view
  }
  /** The server's counts, less what is on its way there. */
  function shownCounts(of: InboxCounts, feeds: readonly string[] | null): InboxCounts {
    let { unseen, unread } = of
    for (const id of outbox.pendingIds) {
      const message = lists.get(id)
      if (message === undefined || (feeds !== null && !feeds.includes(message.feed))) continue
      const [before, after] = [weightOf(message), weightOf(viewOf(message))]
      unseen += after.unseen - before.unseen
      unread += after.unread - before.unread
    }
    for (const deed of outbox.deeds) {
      if (deed.kind !== 'all' || (feeds !== null && deed.feeds !== null && !deed.feeds.some((one) => feeds.includes(one))))
        continue
      // Of what it means, only some is at hand; the rest of the count goes with it.
      const isWhole = deed.feeds === null || feeds?.every((one) => deed.feeds?.includes(one)) === true
      const most = isWhole ? { unseen: of.unseen - deed.counts.unseen, unread: of.unread - deed.counts.unread } : of
      const { seen, read, archived } = deed.marks
      if (seen === true || read === true || archived === true) unseen = Math.min(unseen, Math.max(0, most.unseen))
      if (read === true || archived === true) unread = Math.min(unread, Math.max(0, most.unread))
    }
    return { unseen: Math.max(0, unseen), unread: Math.max(0, unread) }
  }
  return { viewOf, shownCounts }
}
