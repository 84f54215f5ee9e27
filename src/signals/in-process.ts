/** Pub/sub within one process: used by a server without Redis, and by the Redis bus for listeners of its own process. */
import { type Log, silentLog } from '../log.ts'
import type { Signal } from '../words.ts'
import { channelOf, type SignalBus, type SignalChannel } from './bus.ts'

/**
 * Creates a bus within this process. Listeners are called in a microtask, in the order of publishing; nothing waits for them, and nothing
 * is buffered for them. An error that a listener throws is logged, and the other listeners are still called.
 */
export function createInProcessBus(options: { log?: Log } = {}): SignalBus {
  const { log = silentLog } = options
  const listeners = new Map<SignalChannel, Set<(signal: Signal) => void>>()
  let isClosed = false

  const call = (onSignal: (signal: Signal) => void, signal: Signal): void => {
    try {
      onSignal(signal)
    } catch (error) {
      log.error('A signal listener threw an error', {
        channel: channelOf(signal),
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
    }
  }

  const deliver = (signal: Signal): void => {
    const subscribed = listeners.get(channelOf(signal))
    if (subscribed === undefined) return
    if (subscribed.size === 1) {
      const [only] = subscribed
      if (only !== undefined) call(only, signal)
      return
    }
    // Iterates over a copy, because a listener may subscribe; checks each again, because a listener may unsubscribe another.
    for (const onSignal of [...subscribed]) if (subscribed.has(onSignal)) call(onSignal, signal)
  }

  return {
    publish(signals) {
      // Not synchronously: if a listener published, the listeners after it would receive the signals in the wrong order.
      if (!isClosed && listeners.size > 0) queueMicrotask(() => signals.forEach(deliver))
    },
    async subscribe(channel, onSignal) {
      // A new function for each subscription, so that the same listener may be subscribed twice.
      const listener = (signal: Signal): void => onSignal(signal)
      const subscribed = listeners.get(channel) ?? new Set()
      listeners.set(channel, subscribed.add(listener))
      return () => {
        if (subscribed.delete(listener) && subscribed.size === 0 && listeners.get(channel) === subscribed)
          listeners.delete(channel)
      }
    },
    mayHaveListeners: (channel) => listeners.has(channel),
    onGap: () => () => {},
    isImmediate: true,
    isConnected: () => !isClosed,
    async close() {
      isClosed = true
      listeners.clear()
    },
  }
}
