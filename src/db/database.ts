/** The connections: one `pg` pool that Prisma's adapter and the statements of the hot path share. */
import { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import { PrismaClient } from './generated/client.ts'

/** What the rules are given to read and write with. */
export interface Database {
  readonly pool: pg.Pool
  readonly prisma: PrismaClient
  close(): Promise<void>
}

/** Whatever runs a statement: the pool, or a transaction's own connection. */
export type Runner = Pick<pg.PoolClient, 'query'>

const INT8 = 20
const TIMESTAMPTZ = 1184

// Feed numbers and counts stay far below 2^53; strings would only invite comparing them as text.
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
}

/** For statements whose times go straight into an answer: as RFC 3339 in UTC with milliseconds, and no `Date` on the way. */
export const isoTimes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === TIMESTAMPTZ ? isoOf : types.getTypeParser(oid, format)),
}

const UTC = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\+00$/

/** PostgreSQL's way to write a moment; whatever is not quite usual (another zone of the session, years before Christ) goes the long way. */
function isoOf(text: string): string {
  const [, day, time, fraction = ''] = UTC.exec(text) ?? []
  if (day !== undefined) return `${day}T${time}.${fraction.padEnd(3, '0')}Z`
  const parse: (text: string) => Date = pg.types.getTypeParser(TIMESTAMPTZ, 'text')
  return parse(text).toISOString()
}

/**
 * A socket that sends in one piece what statements one turn of the event loop writes: `pg` corks for each statement alone, and to accept
 * a batch takes eight, whose sending cost as much as making them.
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

/** Opens the pool. `max`: connections of this process. A statement may take 10 s, waiting for a connection 5 s. */
export function openDatabase(url: string, options: { max: number; log: Log }): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    pipeline: true,
    stream: gatheringSocket,
    application_name: 'carillon',
    types,
  })
  // An idle connection that the server closed (a restart) is replaced by the next use; without a listener it ends the process.
  let closing = false
  pool.on('error', (error) => {
    // The pool lets go of a connection before the server has heard of it, so a server that stops next still speaks to it.
    if (!closing) options.log.warn('An idle database connection was lost', { error: error.message })
  })
  // A connection that is lost while it is in use says so twice: to the query that waits, which fails, and here, where nobody may be missing.
  pool.on('connect', (client) => client.on('error', () => {}))
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    errorFormat: 'minimal',
    // Prisma's own limit is 5 s, which a thousand upserts pass on a machine that is busy. Each statement keeps the pool's limit.
    transactionOptions: { maxWait: 5_000, timeout: 60_000 },
  })
  return {
    pool,
    prisma,
    async close() {
      closing = true
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

/**
 * The condition that a row is of one of these projects, as `$1`. Nearly always there is one: a statement for that keeps its plan, where the
 * plan of one for a list, however short, is made anew with every call.
 */
export const inProjects = (ids: readonly string[]) =>
  ids.length === 1
    ? ({ name: 'of-one', condition: 'project_id = $1::uuid', value: ids[0] } as const)
    : ({ name: 'of-many', condition: 'project_id = ANY($1::uuid[])', value: ids } as const)

const RETRYABLE = new Set(['40001', '40P01'])

/** Tells whether an error means that the connection went away, so that nobody knows how the statement ended. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof CarillonError) return error.code === 'OUTCOME_UNKNOWN'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (
    code.startsWith('08') ||
    code === '57P01' ||
    code === '57P02' ||
    code === '57P03' ||
    ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'].includes(code) ||
    /Connection terminated|Client has encountered a connection error|not queryable|timeout exceeded when trying to connect/.test(
      error.message,
    )
  )
}

/** Tells whether a row that a statement points to went away meanwhile. */
export const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23503'

/**
 * Tells a transaction which statement is its last: COMMIT leaves with it, in one packet, and fails with it. The transaction's result
 * waits for both.
 */
export type Finish = (last: Promise<unknown>) => void

/**
 * Runs `work` in one transaction. A deadlock or a serialisation failure is tried again, up to three times.
 * @param on a connection to run it on; default: one of the pool's
 * @throws CarillonError OUTCOME_UNKNOWN when the connection was lost while committing
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
      // Statements are pipelined: what follows BEGIN does not wait for its answer.
      const begun = client.query('BEGIN')
      const working = work(client, (statement) => {
        last = statement
        // It is awaited below; meanwhile nobody may find it unhandled.
        statement.catch(() => {})
      })
      const [, result] = await Promise.all([begun, working])
      const committed = commit(client)
      committed.catch(() => {})
      const [written, ended] = await Promise.allSettled([last, committed])
      // A commit whose answer was lost may have happened, whatever became of the answer before it.
      if (ended.status === 'rejected' && ended.reason instanceof CarillonError) throw ended.reason
      if (written.status === 'rejected') throw written.reason
      if (ended.status === 'rejected') throw ended.reason
      return result
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (error instanceof CarillonError && error.code === 'OUTCOME_UNKNOWN') lost = error
      else await client.query('ROLLBACK').catch((cause: Error) => (lost = cause))
      if (typeof code === 'string' && RETRYABLE.has(code) && attempt <= 3) continue
      throw error
    } finally {
      if (on === null) client.release(lost)
    }
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('COMMIT')
  } catch (error) {
    if (!isConnectionLoss(error)) throw error
    throw new CarillonError('OUTCOME_UNKNOWN', {
      message: 'The database connection was lost while committing: repeat the call with the same id to learn the outcome.',
      cause: error,
    })
  }
}
