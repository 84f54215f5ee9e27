/** The echo within one process: what a server without Redis uses, and what the Redis bus delivers through. */
import type { Signal } from '../domain/words.ts'
import { type Log, silentLog } from '../log.ts'
import { channelOf, type SignalBus, type SignalChannel } from './bus.ts'

/**
 * Makes a bus that lives in this process alone. Listeners are called in a microtask, in the order of publishing: nothing waits for them and
 * nothing is kept for them. One that throws is logged and hinders nobody.
 */
export function createInProcessBus(options: { log?: Log } = {}): SignalBus {
  const { log = silentLog } = options
  const listeners = new Map<SignalChannel, Set<(signal: Signal) => void>>()
  let closed = false

  const deliver = (signal: Signal): void => {
    const channel = channelOf(signal)
    const there = listeners.get(channel)
    if (there === undefined) return
    // A copy, because a listener may subscribe; asked again, because one may end another.
    for (const onSignal of [...there]) {
      if (!there.has(onSignal)) continue
      try {
        onSignal(signal)
      } catch (error) {
        log.error('A listener of signals threw', {
          channel,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        })
      }
    }
  }

  return {
    publish(signals) {
      // Not at once: a listener that publishes would turn the order around for the next one.
      if (!closed && listeners.size > 0) queueMicrotask(() => signals.forEach(deliver))
    },
    async subscribe(channel, onSignal) {
      // A function of its own, so that the same listener may be given twice.
      const mine = (signal: Signal): void => onSignal(signal)
      const there = listeners.get(channel) ?? new Set()
      listeners.set(channel, there.add(mine))
      return () => {
        if (there.delete(mine) && there.size === 0 && listeners.get(channel) === there) listeners.delete(channel)
      }
    },
    onGap: () => () => {},
    isImmediate: true,
    isConnected: () => !closed,
    async close() {
      closed = true
      listeners.clear()
    },
  }
}
