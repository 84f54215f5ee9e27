/** The connections: one `pg` pool that Prisma's adapter and the statements of the hot path share. */
import { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { CarillonError, isBrokenConnection } from '../errors.ts'
import type { Log } from '../log.ts'
import { isRead, noDatabase, outcomeUnknown, wasNotSent } from './connection-loss.ts'
import { type RunFor, shareOut } from './fair-pool.ts'
import { type GatheredReader, gatherReads } from './gathered.ts'
import { PrismaClient } from './generated/client.ts'

/** The connections to PostgreSQL: the pools, and a Prisma client on the first of them. `close` waits for running statements. */
export interface Database {
  readonly pool: pg.Pool
  /** For accepting and delivering messages, with the same few statements again and again: PostgreSQL plans them once a second on each connection. */
  readonly accepting: pg.Pool
  readonly prisma: PrismaClient
  /** Runs work for a project: its statements wait for connections of the project's share. An empty id: the server's own work. */
  readonly runFor: RunFor
  /** For short reads that many callers make at once. */
  readonly gathered: GatheredReader
  close(): Promise<void>
}

/** Runs a statement: the pool, or the connection of a transaction. */
export type Runner = Pick<pg.PoolClient, 'query'>

const INT8 = 20
const TIMESTAMPTZ = 1184

// Feed numbers and counts stay far below 2^53. As strings, which is pg's default, they would be compared as text.
export const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
}

/**
 * For statements whose times go into an answer unchanged: parses them to RFC 3339 text, in UTC with milliseconds, without making a `Date`.
 */
export const isoTimes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === TIMESTAMPTZ ? isoOf : types.getTypeParser(oid, format)),
}

/** The places of PostgreSQL's text format: `2026-01-31 09:30:00.123+00`, with three digits of a second at most, or none and no point. */
const [DAY, SECOND] = [10, 19]

/** From PostgreSQL's text format. Unusual ones (the session has another time zone, a year BC) are parsed by pg, which is slower. */
function isoOf(text: string): string {
  const digits = text.length - SECOND - '.+00'.length
  if (text[DAY] === ' ' && text.endsWith('+00') && (digits === -1 || (digits > 0 && digits < 4 && text[SECOND] === '.'))) {
    const fraction = digits === -1 ? '.000' : `${text.slice(SECOND, -3)}${'00'.slice(digits - 1)}`
    return `${text.slice(0, DAY)}T${text.slice(DAY + 1, SECOND)}${fraction}Z`
  }
  const parse: (text: string) => Date = pg.types.getTypeParser(TIMESTAMPTZ, 'text')
  return parse(text).toISOString()
}

/**
 * A socket that sends all statements of one turn of the event loop together. `pg` corks each statement on its own; a batch
 * takes several, and sending them one by one cost as much time as building them.
 */
function gatheringSocket(): Socket {
  const socket = new Socket()
  const cork = socket.cork.bind(socket)
  let isHeld = false
  socket.cork = () => {
    cork()
    if (isHeld) return
    isHeld = true
    cork()
    process.nextTick(() => {
      isHeld = false
      socket.uncork()
    })
  }
  return socket
}

type Query = (...args: readonly unknown[]) => Promise<unknown> | undefined

const textOf = (given: unknown): string => {
  const text = typeof given === 'object' && given !== null && 'text' in given ? given.text : given
  return typeof text === 'string' ? text : ''
}

/**
 * Makes `pool.query` repeat a statement, once, whose connection was lost, where that is safe: a restart of the database breaks connections that
 * look usable until then. A statement that only reads fails with OVERLOADED at last.
 */
function repeatReads(pool: pg.Pool): void {
  const queryOnce: Query = pool.query.bind(pool)
  const query: Query = (...args) =>
    queryOnce(...args)?.catch((error: unknown) => {
      const onlyReads = isRead(textOf(args[0]))
      if (!isBrokenConnection(error) || !(onlyReads || wasNotSent(error))) throw error
      return queryOnce(...args)?.catch((again: unknown) => {
        throw onlyReads && isBrokenConnection(again) ? noDatabase(again) : again
      })
    })
  Object.assign(pool, { query })
}

/** How long a statement may wait for a connection. */
const CONNECTION_WAIT_MS = 5_000
/** How long a connection that nobody uses is kept. */
const IDLE_MS = 60_000

/** Connections for accepting and delivering: two more than transactions accept at a time (send/accept.ts), all of which may wait for a lock. */
export const ACCEPTING_MAX = 8

/**
 * Plans are kept, whatever the parameters are: PostgreSQL would plan each statement again, because it takes arrays and JSON for longer than they are.
 * Every one of them looks a few rows up by their keys.
 */
const KEEP_PLANS =
  'SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off'
/** For so long, ms: a plan that was made while a table had a few rows goes through all of them. */
const KEPT_MS = 1_000

/**
 * Opens the pools; connections are made when they are needed, at most `max`, and shared out by project; and at most `ACCEPTING_MAX` for accepting and
 * delivering. A statement may take 10 s, the wait for a connection 5 s: then it fails with OVERLOADED, as it does at once when the database is not
 * available.
 */
export function openDatabase(url: string, options: { max: number; log: Log }): Database {
  const settings = {
    connectionString: url,
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    idleTimeoutMillis: IDLE_MS,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    pipeline: true,
    stream: gatheringSocket,
    application_name: 'carillon',
    types,
  }
  const pool = new pg.Pool({ ...settings, max: options.max })
  const accepting = new pg.Pool({ ...settings, max: ACCEPTING_MAX })
  const runFor = shareOut(pool, { max: options.max, waitMs: CONNECTION_WAIT_MS })
  shareOut(accepting, { max: ACCEPTING_MAX, waitMs: CONNECTION_WAIT_MS })
  repeatReads(pool)
  // An idle connection that the server closed (a restart) is replaced when one is needed. Without this listener the error would end the process.
  let closing = false
  for (const one of [pool, accepting]) {
    one.on('error', (error) => {
      // While the pool closes, the server may stop and report that on a connection that the pool has already given up.
      if (!closing) options.log.warn('An idle database connection was lost', { error: error.message })
    })
    // A connection that is lost while it is in use reports the error twice: to the waiting query, which fails, and here, where a missing
    // listener would end the process.
    one.on('connect', (client) => client.on('error', () => {}))
  }
  const plannedAt = new WeakMap<object, number>()
  // Sent together with the next statement. A connection that is lost with it fails that one too.
  accepting.on('acquire', (client) => {
    const before = plannedAt.get(client)
    if (before !== undefined && performance.now() - before < KEPT_MS) return
    plannedAt.set(client, performance.now())
    client.query(before === undefined ? KEEP_PLANS : 'DISCARD PLANS').catch(() => {})
  })
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    errorFormat: 'minimal',
    // Prisma's default is 5 s, and a thousand upserts take longer on a busy machine. Each statement still has the pool's limit.
    transactionOptions: { maxWait: 5_000, timeout: 60_000 },
  })
  return {
    pool,
    accepting,
    prisma,
    runFor,
    gathered: gatherReads(pool, runFor),
    async close() {
      closing = true
      await prisma.$disconnect()
      await Promise.all([pool.end(), accepting.end()])
    },
  }
}

/**
 * The SQL condition that a row belongs to one of these projects, which are parameter `$1`. Nearly always it is one project. That case has a
 * statement of its own, because PostgreSQL keeps its plan; a statement for a list, however short, is planned again for every call.
 */
export const inProjects = (ids: readonly string[]) =>
  ids.length === 1
    ? ({ name: 'of-one', condition: 'project_id = $1::uuid', value: ids[0] } as const)
    : ({ name: 'of-many', condition: 'project_id = ANY($1::uuid[])', value: ids } as const)

const RETRYABLE: ReadonlySet<unknown> = new Set(['40001', '40P01'])
/** Whether a transaction failed because of a concurrent one, and may succeed when it runs again. */
export const isRetryable = (error: unknown): boolean => error instanceof Error && 'code' in error && RETRYABLE.has(error.code)

/** Whether a statement failed because a row that it refers to was deleted meanwhile. */
export const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23503'

/**
 * Declares a statement the last one of its transaction. COMMIT is then sent together with it, in one packet, without waiting for its result.
 * If the statement fails, so does the transaction; `transact` waits for both.
 */
export type Finish = (last: Promise<unknown>) => void

/**
 * Runs `work` in one transaction. After a deadlock or a serialisation failure `work` runs again, up to three times; once where the connection
 * was lost before the end, unless it is the caller's.
 * @param on the connection to run it on; default: one of the pool's
 * @throws CarillonError OUTCOME_UNKNOWN when the connection was lost while committing: the transaction may or may not have been committed.
 *   Any other error means that it was rolled back; OVERLOADED that the database is not available
 */
export async function transact<T>(
  pool: pg.Pool,
  work: (tx: pg.PoolClient, finish: Finish) => Promise<T>,
  on: pg.PoolClient | null = null,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const client = on ?? (await pool.connect())
    let lost: Error | undefined
    try {
      let last: Promise<unknown> = Promise.resolve()
      // Statements are pipelined: those of `work` are sent without waiting for the answer to BEGIN, and so is COMMIT if `work` waits for none.
      const begun = client.query('BEGIN')
      // Awaited below. Until then a rejection must not count as unhandled.
      begun.catch(() => {})
      const result = await work(client, (statement) => {
        last = statement
        statement.catch(() => {})
      })
      const committed = commit(client)
      committed.catch(() => {})
      const [started, written, ended] = await Promise.allSettled([begun, last, committed])
      // If the answer to COMMIT was lost, the commit may have happened, even if the answers before it were lost too.
      if (ended.status === 'rejected' && ended.reason instanceof CarillonError) throw ended.reason
      for (const one of [started, written, ended]) if (one.status === 'rejected') throw one.reason
      return result
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'OUTCOME_UNKNOWN') lost = error
      else await client.query('ROLLBACK').catch((cause: Error) => (lost = cause))
      if (isRetryable(error) && attempt <= 3) continue
      if (!isBrokenConnection(error)) throw error
      if (on !== null || attempt > 1) throw noDatabase(error)
    } finally {
      if (on === null) client.release(lost)
    }
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('COMMIT')
  } catch (error) {
    if (!isBrokenConnection(error) || wasNotSent(error)) throw error
    throw outcomeUnknown(error)
  }
}
