/** Live changes of a project's messages: a bounded queue for each subscriber. */

import type { SignalBus } from '../signals/bus.ts'
import type { StatusChange } from '../words.ts'
import type { SendBuffer } from './context.ts'

/** The subscribers of this process. */
export interface Activity {
  /** Follows a project; `load` turns a change into an event, or into null to leave it out. */
  follow<T>(
    projectId: string,
    sendBuffer: SendBuffer,
    load: (change: StatusChange) => Promise<T | null>,
  ): AsyncIterableIterator<T>
}

/** Memory of a queued change, bytes. */
const CHANGE_BYTES = 300

/** Subscribes to the bus while a project has a subscriber. */
export function createActivityFeed(bus: SignalBus): Activity {
  return {
    follow<T>(projectId: string, sendBuffer: SendBuffer, load: (change: StatusChange) => Promise<T | null>) {
      const queue: StatusChange[] = []
      let ended = false
      let waiting: PromiseWithResolvers<void> | undefined
      let joined: Promise<() => void> | undefined
      const end = (): void => {
        if (ended) return
        ended = true
        sendBuffer.release(queue.length * CHANGE_BYTES)
        queue.length = 0
        joined?.then(
          (leave) => leave(),
          () => undefined,
        )
        waiting?.resolve()
      }
      const join = (): Promise<() => void> =>
        bus.subscribe(`activity:${projectId}`, (signal) => {
          if (signal.topic !== 'activity' || ended) return
          for (const change of signal.changes) {
            if (!sendBuffer.reserve(CHANGE_BYTES)) return end()
            queue.push(change)
          }
          waiting?.resolve()
        })
      const iterator: AsyncIterableIterator<T> = {
        [Symbol.asyncIterator]: () => iterator,
        async next() {
          joined ??= join()
          await joined
          while (!ended) {
            const change = queue.shift()
            if (change === undefined) {
              waiting = Promise.withResolvers()
              await waiting.promise
              continue
            }
            sendBuffer.release(CHANGE_BYTES)
            const loaded = await load(change).catch((error: unknown) => {
              // After an error the reader neither asks for the next event nor returns.
              end()
              throw error
            })
            if (loaded !== null) return { done: false, value: loaded }
          }
          return { done: true, value: undefined }
        },
        async return() {
          end()
          return { done: true, value: undefined }
        },
        async throw(error) {
          end()
          throw error
        },
      }
      return iterator
    },
  }
}
