/**
 * Reads that share a connection: those that begin in one turn of the event loop are sent together, and answered one after the other. Each on a
 * connection of its own would wake a backend of its own, which costs as much as a small statement does.
 */
import type pg from 'pg'
import { isBrokenConnection } from '../errors.ts'
import { createLru } from '../lru.ts'
import type { RunFor } from './fair-pool.ts'

/** Where a read runs: the pool, or a connection that it shares. */
export interface Reader {
  query<R extends unknown[]>(query: pg.QueryArrayConfig): Promise<{ readonly rows: R[] }>
}

/**
 * The reader for something small, such as a page: only reads of one project share a connection, so that no project waits for another's.
 * @param of what is read; what took long a moment ago has a connection to itself
 */
export type GatheredReader = (projectId: string, of: string) => Reader

/** Reads on one connection: the last of them waits for all others. */
const MOST = 8
/** A read that takes longer has kept others waiting, ms. */
const SLOW_MS = 100
/** What was slow is remembered for so long, ms. */
const SLOW_KEPT_MS = 60_000
const SLOW_MAX = 1_000

interface Waiting {
  readonly key: string
  /** Runs it on a connection, and gives its result to the caller. @throws what the connection throws */
  run(on: Reader): Promise<void>
  reject(error: unknown): void
}

/** Creates it. @param pool whose `query` repeats a read that lost its connection */
export function gatherReads(pool: pg.Pool, runFor: RunFor): GatheredReader {
  let waiting = new Map<string, Waiting[]>()
  const slow = createLru<true>({ max: SLOW_MAX, ttl: SLOW_KEPT_MS })

  async function runOnOne(group: readonly Waiting[]): Promise<void> {
    let client: pg.PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    let answeredAt = performance.now()
    let lost: Error | undefined
    const answer = async ({ key, run, reject }: Waiting): Promise<void> => {
      try {
        await run(client)
      } catch (error) {
        if (error instanceof Error && isBrokenConnection(error)) {
          lost = error
          void run(pool).catch(reject)
        } else reject(error)
      }
      const now = performance.now()
      if (now - answeredAt > SLOW_MS) slow.set(key, true)
      answeredAt = now
    }
    await Promise.all(group.map(answer))
    client.release(lost)
  }

  const send = (): void => {
    const groups = waiting
    waiting = new Map()
    for (const [projectId, group] of groups) {
      for (let from = 0; from < group.length; from += MOST) runFor(projectId, () => void runOnOne(group.slice(from, from + MOST)))
    }
  }

  return (projectId, of) => {
    const key = `${projectId} ${of}`
    const gathered: Reader = {
      query: <R extends unknown[]>(query: pg.QueryArrayConfig) =>
        new Promise<{ readonly rows: R[] }>((resolve, reject) => {
          if (waiting.size === 0) setImmediate(send)
          const group = waiting.get(projectId) ?? []
          group.push({ key, run: async (on) => resolve(await on.query<R>(query)), reject })
          waiting.set(projectId, group)
        }),
    }
    return slow.has(key) ? pool : gathered
  }
}
