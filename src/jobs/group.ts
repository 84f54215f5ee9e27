/** Groups writes: items that arrive within a moment, up to a number, are written by one statement. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'

/** Writes items in groups. */
export interface Group<T, R> {
  /** @returns what the write of its group returned @throws what it threw, once it is given up */
  add(item: T): Promise<R>
}

const RETRY_MS = 100
const RETRY_MAX_MS = 2_000
/** A write that fails for longer than this is given up: the lease has expired, and another worker has the rows. */
const GIVE_UP_MS = 60_000

/**
 * Its write begins at the latest `withinMs` after its first item, or when it has `max` items. A write that fails is tried again for a minute.
 * @param write returns one result for all items of the group
 */
export function createGroup<T, R>(options: {
  readonly withinMs: number
  readonly max: number
  readonly log: Log
  readonly failed: string
  write(items: readonly T[]): Promise<R>
}): Group<T, R> {
  let items: T[] = []
  let result: PromiseWithResolvers<R> | undefined
  let timer: NodeJS.Timeout | undefined

  async function writeUntilDone(batch: readonly T[]): Promise<R> {
    const since = performance.now()
    for (let waitMs = RETRY_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        return await options.write(batch)
      } catch (error) {
        if (waitMs === RETRY_MS) options.log.warn(options.failed, { items: batch.length, error: String(error) })
        if (performance.now() - since > GIVE_UP_MS) throw error
        await sleep(waitMs)
      }
    }
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const batch = items
    const waiting = result
    items = []
    result = undefined
    if (waiting !== undefined) writeUntilDone(batch).then(waiting.resolve, waiting.reject)
  }

  return {
    add(item) {
      items.push(item)
      result ??= Promise.withResolvers<R>()
      const { promise } = result
      if (items.length >= options.max) flush()
      else timer ??= setTimeout(flush, options.withinMs)
      return promise
    },
  }
}
