/** The unseen and unread counts of an inbox. */
import { type InboxCounts, type InboxMessage, weightOf } from './message.ts'

/** Counts, as the server last reported them. */
export interface CountStore {
  /** of all feeds of the inbox */
  total: InboxCounts
  /** of each feed that has its own subscription, and the cursor to resume that from */
  readonly byFeed: Map<string, { counts: InboxCounts; cursor: string }>
}

export const noCounts: InboxCounts = { unseen: 0, unread: 0 }

/** The counts of a response. */
export const countsOf = (feed: { readonly unseenCount: number; readonly unreadCount: number }): InboxCounts => ({
  unseen: feed.unseenCount,
  unread: feed.unreadCount,
})

/** Updates the counts for a message that changed on the server, in a response that brings no counts. */
export function adjustCounts(store: CountStore, before: InboxMessage, after: InboxMessage): void {
  const [was, is] = [weightOf(before), weightOf(after)]
  const adjusted = ({ unseen, unread }: InboxCounts): InboxCounts => ({
    unseen: unseen + is.unseen - was.unseen,
    unread: unread + is.unread - was.unread,
  })
  store.total = adjusted(store.total)
  const feed = store.byFeed.get(after.feed)
  if (feed !== undefined) feed.counts = adjusted(feed.counts)
}
