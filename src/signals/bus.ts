/** The echo: carries signals between processes. A signal is a hint, so a bus may lose some; it may not slow anybody down. */
import type { Signal } from '../domain/words.ts'

/** What one can listen to: the feed of one contact, or the activity of one project. Built from ids only, never from input. */
export type SignalChannel = `feed:${string}:${string}` | `activity:${string}` | 'wake'

/** The channel that a signal travels on. */
export const channelOf = (signal: Signal): SignalChannel => {
  switch (signal.topic) {
    case 'feed':
      return `feed:${signal.projectId}:${signal.contactId}`
    case 'activity':
      return `activity:${signal.projectId}`
    case 'wake':
      return 'wake'
  }
}

/** Pub/sub of signals. Two implementations, one contract: in-process, and Redis. */
export interface SignalBus {
  /** Sends to every listener of every process, this one included. Returns at once and never throws. */
  publish(signals: readonly Signal[]): void
  /**
   * Calls `onSignal` for each signal of the channel from the moment the promise resolves. `onSignal` must not block and must not throw.
   * @returns what ends it
   */
  subscribe(channel: SignalChannel, onSignal: (signal: Signal) => void): Promise<() => void>
  /** Calls back after signals may have been lost (a reconnect): time to compare numbers. @returns what ends it */
  onGap(listener: () => void): () => void
  /** whether a listener hears what is published from the call of `subscribe` on, and not only once that has answered */
  readonly isImmediate: boolean
  /** whether signals reach other processes at the moment */
  isConnected(): boolean
  close(): Promise<void>
}
