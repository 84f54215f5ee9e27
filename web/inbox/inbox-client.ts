/** What an inbox can be asked. */
import type { InboxEvents, InboxShow, InboxState } from './inbox-state.ts'
import type { InboxAction, InboxChannel, InboxMarks, InboxPreferencesState, InboxSelection } from './message.ts'
import type { TokenProvider } from './token-keeper.ts'

/**
 * Takes an operation back, unless it was sent. With `undoMs`, it is shown at once and sent after that time, ms; without, it is sent at once, and
 * this has no effect as a rule.
 */
export type Undo = () => void

/** An inbox without an interface: a contact's messages and counts, live. */
export interface InboxClient {
  readonly state: InboxState
  /** Calls `listener` on every change of the state. @returns a function that unsubscribes */
  subscribe(listener: (state: InboxState) => void): () => void
  /** Calls `handler` on every event of that name. @returns a function that unsubscribes */
  on<K extends keyof InboxEvents>(name: K, handler: (detail: InboxEvents[K]) => void): () => void
  /** Selects the feed (null: all) and the filter. */
  select(to: { feed?: string | null; show?: InboxShow }): Promise<void>
  /** Loads the next page, if there is one. @throws InboxError */
  loadMore(): Promise<void>
  /** Marks messages. The state shows it immediately. */
  mark(ids: readonly string[], marks: InboxMarks): void
  /** Marks everything that has arrived so far in the selected feed, loaded or not; `{ read: true }`: what is read of it. */
  markAll(marks: InboxMarks, which?: InboxSelection, undoMs?: number): Undo
  /** Deletes messages, for good. */
  delete(ids: readonly string[], undoMs?: number): Undo
  /** Deletes everything that has arrived so far in the selected feed, loaded or not. */
  deleteAll(which?: InboxSelection, undoMs?: number): Undo
  /**
   * Takes messages out of the feed until a time, 5 seconds to 366 days from now, when they come back unseen; null: puts them back where they were.
   * @throws RangeError when it is no time
   */
  snooze(ids: readonly string[], until: Date | string | null): void
  /** Sends now what `undoMs` keeps back, such as when the page is left. */
  commit(): void
  /** Records that a button of a message was used. */
  act(id: string, type: InboxAction['type'], payload?: Record<string, unknown> | null): void
  /** Loads the contact's preferences. @throws InboxError */
  preferences(): Promise<InboxPreferencesState>
  /**
   * Turns a template, a channel, or a template on one channel on or off.
   * @returns the new preferences. @throws InboxError FORBIDDEN for a critical template
   */
  setPreference(change: { template?: string; channel?: InboxChannel; enabled: boolean }): Promise<InboxPreferencesState>
  /** Sets the token. If it belongs to another contact, the inbox is cleared and shows that contact's. */
  setToken(token: string): void
  setTokenProvider(provider: TokenProvider | null): void
  /** Retries now. */
  retry(): void
  /** Closes the socket until `resume`. */
  pause(): void
  /** Connects again, and continues from the last cursor. */
  resume(): void
  /** Removes what is stored on this device, for when the contact signs out. */
  forget(): void
  /** Disconnects for good. */
  close(): void
}
