/** The events of `<carillon-inbox>`. All of them bubble and are composed. */
import type { InboxEvents, InboxState } from './inbox-state.ts'
import type { InboxAction, InboxMessage } from './message.ts'

/** Each event's `detail`. */
export interface CarillonInboxEvents {
  /** a message arrived, live or while disconnected; once per message */
  'carillon-message': { readonly message: InboxMessage }
  /** any change of the feed, in order */
  'carillon-change': InboxEvents['changed']
  'carillon-counts': { readonly unseenCount: number; readonly unreadCount: number }
  'carillon-state': Pick<InboxState, 'phase' | 'live'>
  /** a message was clicked. `preventDefault()` keeps its link from being followed */
  'carillon-message-click': { readonly message: InboxMessage }
  /** a button of a message was used. `preventDefault()` keeps its link from being followed */
  'carillon-action': { readonly message: InboxMessage; readonly action: InboxAction }
  /** a new token is needed: set `token` */
  'carillon-token-expired': { readonly contact: string | null }
  /** an operation failed permanently */
  'carillon-error': { readonly code: string; readonly message: string }
  'carillon-open': null
  'carillon-close': null
}

/** The same as DOM events, by name. */
export type CarillonInboxEventMap = { [K in keyof CarillonInboxEvents]: CustomEvent<CarillonInboxEvents[K]> }

declare global {
  interface HTMLElementEventMap extends CarillonInboxEventMap {}
}
