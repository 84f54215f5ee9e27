/** The options, state and events of an inbox. */
import type { InboxError } from './inbox-error.ts'
import type { InboxCounts, InboxMessage } from './message.ts'
import type { WatchOnline } from './online.ts'
import type { InboxStorage } from './storage.ts'
import type { TokenProvider } from './token-keeper.ts'

/** The options of `createInboxClient`. */
export interface InboxOptions {
  /** URL of the Carillon server, with the path that it is below. Default: where the script is; in the npm package there is none */
  readonly server?: string
  /** the contact's token, from `createContactToken` */
  readonly token?: string | null
  /** called for a token when there is none or the current one has expired */
  readonly tokenProvider?: TokenProvider | null
  /** only these feeds; default: all. With two or more, each can be shown separately */
  readonly feeds?: readonly string[] | null
  /** whether the newest messages are stored, to have something to show while offline; default true */
  readonly keep?: boolean
  /** where they are stored; default: localStorage, if there is one */
  readonly storage?: InboxStorage | null
  /** tells whether the device is online; default: the browser's own events, if there are any */
  readonly watchOnline?: WatchOnline | null
}

/** The filter of a list. `all` leaves out the archived messages, and all but `snoozed` the snoozed ones. */
export type InboxShow = 'all' | 'unread' | 'archived' | 'snoozed'

/** `live` when connected, `offline` while waiting to reconnect. */
export type LiveState = 'connecting' | 'live' | 'offline'

/** The state of an inbox. */
export interface InboxState {
  /** `expired`: waiting for `setToken` */
  readonly phase: 'loading' | 'ready' | 'error' | 'expired'
  /** `offline`: the state may be out of date; the inbox reconnects by itself */
  readonly live: LiveState
  /** the contact's externalId, once there is a token */
  readonly contact: string | null
  /** the selected feed; null: all */
  readonly feed: string | null
  readonly show: InboxShow
  /** the messages of the selected feed, newest first, as far as they are loaded */
  readonly messages: readonly InboxMessage[]
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  /** of all feeds of this inbox */
  readonly counts: InboxCounts
  /** of each of `feeds` */
  readonly countsByFeed: Readonly<Record<string, InboxCounts>>
  /** how many operations the server has not confirmed yet */
  readonly pendingCount: number
  readonly error: InboxError | null
}

/** The events of an inbox, in addition to its changes of state. */
export interface InboxEvents {
  /** a message arrived, either live or while disconnected */
  received: InboxMessage
  /** a change of the feed; all of them, in order */
  changed: { readonly kind: string; readonly message: InboxMessage | null; readonly cursor: string }
  /** the token has expired and no provider supplies another */
  expired: { readonly contact: string | null }
  /** a snoozed message is back because its time has come; `changed` tells of it too */
  returned: InboxMessage
  /** what `undoMs` kept back is being sent before its time, because of `commit` or what was done after it: it can't be undone any more */
  released: null
  failed: InboxError
}
