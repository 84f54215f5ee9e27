/**
 * Shares the connections of a pool out by project. pg hands them out in the order of requests, so one project that asks for many would keep
 * all others waiting.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import { CarillonError, isBrokenConnection } from '../errors.ts'
import { noDatabase } from './connection-loss.ts'
import { createFairQueue } from './fair-queue.ts'

/** Runs work for a project: the connections that it waits for are those of its share. An empty id: the server's own work. */
export type RunFor = <T>(projectId: string, work: () => T) => T

/** A project may have this many times the connections that are left free: one alone three in four. The server's own work may have all. */
const SHARE = 3

/**
 * A new connection costs the database as much as many statements, and more of them than processors make nothing faster: a few are made as
 * soon as they are needed, and one more in each such interval, ms, as long as somebody waits.
 */
export const FEW = 6
export const GROW_MS = 100

type Done = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: Error | boolean) => void) => void

interface Waiting {
  begin(): void
}

const isTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('timeout exceeded when trying to connect')

/** The error of a caller who got no connection in time: nothing was done, and the call can be repeated. */
export const noConnection = (cause?: unknown): CarillonError =>
  new CarillonError('OVERLOADED', {
    message: 'The database is busy. Nothing was done: try again in a moment.',
    retryAfterSeconds: 1,
    ...(cause === undefined ? {} : { cause }),
  })

/**
 * Makes `pool.connect`, which `pool.query` uses as well, wait for its turn, for `waitMs` at most.
 * @throws from `connect`: CarillonError OVERLOADED when there was no connection in time, or the database is not available
 */
export function shareOut(pool: pg.Pool, { max, waitMs }: { max: number; waitMs: number }): RunFor {
  const lanes = new AsyncLocalStorage<string>()
  const queue = createFairQueue<Waiting>()
  const takenBy = new Map<string, number>()
  const laneOf = new WeakMap<object, string>()
  let taken = 0
  /** requests that the pool has not answered yet */
  let pending = 0
  const connectNow = pool.connect.bind(pool)

  const isOpen = ([lane = '']: readonly string[]): boolean => lane === '' || (takenBy.get(lane) ?? 0) < SHARE * (max - taken)
  const take = (lane: string): void => {
    taken += 1
    takenBy.set(lane, (takenBy.get(lane) ?? 0) + 1)
  }
  let madeAt = Number.NEGATIVE_INFINITY
  let isTimerSet = false
  /** Whether there is a connection, or one may be made: after the first few, in a moment. */
  const isReady = (): boolean => {
    if (taken >= max) return false
    if (pending < pool.idleCount || pool.totalCount < FEW) return true
    const waitMs = madeAt + GROW_MS - performance.now()
    if (waitMs > 0) {
      if (!isTimerSet) setTimeout(grow, waitMs)
      isTimerSet = true
      return false
    }
    madeAt = performance.now()
    return true
  }
  const grow = (): void => {
    isTimerSet = false
    next()
  }
  const next = (): void => {
    while (queue.size > 0 && isReady()) {
      const waiting = queue.take(isOpen)
      if (waiting === undefined) return
      waiting.begin()
    }
  }
  const release = (lane: string): void => {
    taken -= 1
    const left = (takenBy.get(lane) ?? 1) - 1
    if (left === 0) takenBy.delete(lane)
    else takenBy.set(lane, left)
    next()
  }
  pool.on('release', (_error: Error, client: pg.PoolClient) => {
    const lane = laneOf.get(client)
    if (lane === undefined) return
    laneOf.delete(client)
    release(lane)
  })

  const open = (lane: string, done: Done): void => {
    take(lane)
    pending += 1
    connectNow((error, client, giveBack) => {
      pending -= 1
      if (error !== undefined || client === undefined) {
        release(lane)
        const told = isTimeout(error) ? noConnection(error) : isBrokenConnection(error) ? noDatabase(error) : error
        return done(told, undefined, giveBack)
      }
      laneOf.set(client, lane)
      done(undefined, client, giveBack)
      next()
    })
  }
  const connect = (done: Done): void => {
    const lane = lanes.getStore() ?? ''
    if (isOpen([lane]) && isReady()) return void open(lane, done)
    // What is called later is called as part of what waits, and not of what gave the connection back.
    const resume = AsyncLocalStorage.snapshot()
    const entry: Waiting = {
      begin() {
        clearTimeout(timer)
        resume(() => open(lane, done))
      },
    }
    const timer = setTimeout(() => {
      if (queue.remove([lane], entry)) done(noConnection(), undefined, () => {})
    }, waitMs)
    queue.add([lane], entry)
  }
  const shared = (done?: Done): Promise<pg.PoolClient> | undefined => {
    if (done !== undefined) return void connect(done)
    return new Promise((resolve, reject) => {
      connect((error, client) => (client === undefined ? reject(error) : resolve(client)))
    })
  }
  Object.assign(pool, { connect: shared })
  return (projectId, work) => lanes.run(projectId, work)
}
