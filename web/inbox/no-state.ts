/** The state of an inbox that is not connected yet. */
import type { InboxState } from './inbox-state.ts'

/** The state before there is a client, as on a server. */
export const noState: InboxState = {
  phase: 'loading',
  live: 'connecting',
  contact: null,
  feed: null,
  show: 'all',
  messages: [],
  hasMore: false,
  isLoadingMore: false,
  counts: { unseen: 0, unread: 0 },
  countsByFeed: {},
  pendingCount: 0,
  error: null,
}
