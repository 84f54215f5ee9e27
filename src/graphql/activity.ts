/** A live view of a project's messages, for operators: a bounded queue for each that watches. */
import type { StatusChange } from '../domain/words.ts'
import type { SignalBus } from '../signals/bus.ts'
import type { Outlet } from './context.ts'

/** The live activity of this process. */
export interface Activity {
  /** Follows a project; `load` turns a change into what is told, or null to leave it out. */
  follow<T>(projectId: string, outlet: Outlet, load: (change: StatusChange) => Promise<T | null>): AsyncIterableIterator<T>
}

/** What a waiting change costs, bytes. */
const CHANGE_BYTES = 300

/** Makes it. */
export function createActivityFeed(bus: SignalBus): Activity {
  return {
    follow<T>(projectId: string, outlet: Outlet, load: (change: StatusChange) => Promise<T | null>) {
      const queue: StatusChange[] = []
      let ended = false
      let waiting: PromiseWithResolvers<void> | undefined
      let joined: Promise<() => void> | undefined
      const end = (): void => {
        if (ended) return
        ended = true
        outlet.give(queue.length * CHANGE_BYTES)
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
            if (!outlet.take(CHANGE_BYTES)) return end()
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
            outlet.give(CHANGE_BYTES)
            const loaded = await load(change).catch((error: unknown) => {
              // Whoever is told of an error does not ask again, nor say that it is over.
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
