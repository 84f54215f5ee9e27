/** Pub/sub of signals between processes. A signal is a hint, so a bus may lose some, but must never slow down its publishers. */
import type { Signal, SignalTarget } from '../words.ts'

/** What can be subscribed to: the feed of one contact, the activity of one project, or wake-ups. Built from ids, never from user input. */
export type SignalChannel = `feed:${string}:${string}` | `activity:${string}` | 'wake'

/** The channel that a signal is published on. */
export const channelOf = (signal: SignalTarget): SignalChannel => {
  switch (signal.topic) {
    case 'feed':
      return `feed:${signal.projectId}:${signal.contactId}`
    case 'activity':
      return `activity:${signal.projectId}`
    case 'wake':
      return 'wake'
  }
}

/** Publishes signals and delivers them to listeners. Two implementations, one contract: in-process, and Redis. */
export interface SignalBus {
  /** Sends to every listener of every process, this one included. Returns at once and never throws. */
  publish(signals: readonly Signal[]): void
  /**
   * Calls `onSignal` for each signal of the channel from the moment the promise resolves. `onSignal` must not block and must not throw.
   * @returns a function that unsubscribes
   */
  subscribe(channel: SignalChannel, onSignal: (signal: Signal) => void): Promise<() => void>
  /** Whether a signal that is published on this channel now may reach a listener. False only if there is certainly none. */
  mayHaveListeners(channel: SignalChannel): boolean
  /** Calls back after signals may have been lost (a reconnect, for example): time to compare feeds with the database. @returns a function that stops it */
  onGap(listener: () => void): () => void
  /** whether a listener receives signals from the call of `subscribe` on, rather than from the moment its promise resolves */
  readonly isImmediate: boolean
  /** whether signals currently reach other processes */
  isConnected(): boolean
  close(): Promise<void>
}
