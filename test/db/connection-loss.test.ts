/** Connections to PostgreSQL that are lost: what is done again, and what the caller is told. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isConnectionLoss, isRead } from '../../src/db/connection-loss.ts'
import { type Database, openDatabase, transact } from '../../src/db/database.ts'
import { CarillonError, isBrokenConnection } from '../../src/errors.ts'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { until } from '../helpers/until.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let operator: pg.Client
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  operator = new pg.Client({ connectionString: database.url })
  await operator.connect()
  await operator.query('CREATE TABLE seen (mark text)')
  db = openDatabase(database.url, { max: 4, log: silentLog })
})
afterAll(async () => {
  await db.close()
  await operator.end()
  await database.drop()
})

const ended: number[] = []
/** Ends the connection that runs a statement with this mark. */
const endWhatRuns = (mark: string): Promise<unknown> =>
  until('it runs, and is ended', async () => {
    const { rows } = await operator.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND strpos(query, $1) > 0 AND pid <> ALL($2)`,
      [mark, ended],
    )
    const [first] = rows
    if (first === undefined) return false
    ended.push(first.pid)
    return operator.query('SELECT pg_terminate_backend($1)', [first.pid])
  })
const marks = async (): Promise<unknown[]> =>
  (await operator.query('SELECT mark FROM seen ORDER BY mark')).rows.map(({ mark }) => mark)

it('repeats a statement that only reads, once', async () => {
  const read = db.pool.query({ text: `SELECT 1 AS one, pg_sleep(0.5) /* read */` })
  await endWhatRuns('/* read */')
  expect((await read).rows).toMatchObject([{ one: 1 }])

  const twice = db.pool.query('SELECT pg_sleep(30) /* twice */').catch((error: unknown) => error)
  await endWhatRuns('/* twice */')
  await endWhatRuns('/* twice */')
  expect(await twice).toMatchObject({ code: 'OVERLOADED', details: { retryAfterSeconds: 1 } })
})

it('does not repeat one that writes', async () => {
  const write = db.pool.query(`INSERT INTO seen SELECT 'write' FROM pg_sleep(30)`).catch((error: unknown) => error)
  await endWhatRuns("'write'")
  expect(isBrokenConnection(await write)).toBe(true)
  expect(await marks()).toEqual([])
})

it('runs a transaction again whose connection was lost before its end', async () => {
  let runs = 0
  const done = transact(db.pool, async (tx) => {
    runs++
    await tx.query(`INSERT INTO seen VALUES ($1)`, [`run ${runs}`])
    if (runs === 1) await tx.query('SELECT pg_sleep(30) /* transaction */')
    return runs
  })
  await endWhatRuns('/* transaction */')
  expect(await done).toBe(2)
  expect(await marks()).toEqual(['run 2'])
})

it('says OUTCOME_UNKNOWN of one that was sent as a whole: it may have been committed', async () => {
  let runs = 0
  const whole = transact(db.pool, async (tx, finish) => {
    runs++
    finish(tx.query(`INSERT INTO seen SELECT 'whole' FROM pg_sleep(30)`))
  }).catch((error: unknown) => error)
  await endWhatRuns("'whole'")
  expect(await whole).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect([runs, await marks()]).toEqual([1, ['run 2']])
})

it('says OVERLOADED of one that was not sent, because its connection was lost before', async () => {
  const client = await db.pool.connect()
  const lost = new Promise((resolve) => void client.once('end', resolve))
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await operator.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
  await lost
  const whole = transact(db.pool, async (tx, finish) => finish(tx.query(`INSERT INTO seen VALUES ('late')`)), client)
  await expect(whole).rejects.toMatchObject({ code: 'OVERLOADED' })
  client.release(true)
  expect(await marks()).toEqual(['run 2'])
})

it('says OVERLOADED where it can not connect: nothing was done', async () => {
  const away = openDatabase('postgres://nobody@127.0.0.1:1/none', { max: 2, log: silentLog })
  try {
    await expect(away.pool.query('SELECT 1')).rejects.toMatchObject({ code: 'OVERLOADED' })
    await expect(transact(away.pool, async () => {})).rejects.toMatchObject({ code: 'OVERLOADED' })
    const wrapped: unknown = await away.prisma.project.findMany().catch((error: unknown) => error)
    expect(isConnectionLoss(wrapped)).toBe(true)
    expect(createErrorPresenter(silentLog, false)(wrapped)).toMatchObject({
      message: 'The database is not available. Nothing was done: try again in a moment.',
      extensions: { code: 'OVERLOADED', retryAfterSeconds: 1 },
    })
  } finally {
    await away.close()
  }
})

const coded = (code: string, message = 'no'): Error => Object.assign(new Error(message), { code })
const adapted = (cause: object): Error =>
  Object.assign(coded('P2039'), { meta: { driverAdapterError: Object.assign(new Error('no'), { cause }) } })

it.each<[title: string, error: unknown, code: string]>([
  ...['57P01', '57P02', '57P03', '08000', '08003', '08006', '08P01'].map(
    (code) => [`PostgreSQL's ${code}`, coded(code), 'OUTCOME_UNKNOWN'] as [string, unknown, string],
  ),
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'].map(
    (code) => [`a socket's ${code}`, coded(code), 'OUTCOME_UNKNOWN'] as [string, unknown, string],
  ),
  ['an end without a word', new Error('Connection terminated unexpectedly'), 'OUTCOME_UNKNOWN'],
  [
    'a connection that was lost before',
    new Error('Client has encountered a connection error and is not queryable'),
    'OUTCOME_UNKNOWN',
  ],
  [
    'several addresses, none of which answers',
    new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]),
    'OUTCOME_UNKNOWN',
  ],
  ["Prisma's unreachable server", coded('P1001'), 'OUTCOME_UNKNOWN'],
  ["Prisma's closed connection", coded('P1017'), 'OUTCOME_UNKNOWN'],
  ["PostgreSQL's code in Prisma's error", adapted({ kind: 'postgres', originalCode: '57P01' }), 'OUTCOME_UNKNOWN'],
  ["the adapter's own error", Object.assign(new Error('no'), { cause: { kind: 'ConnectionClosed' } }), 'OUTCOME_UNKNOWN'],
  ['OVERLOADED in an error of Prisma', coded('OVERLOADED', 'Invalid invocation:\n\n\nThe database is busy.'), 'OVERLOADED'],
  ['another code of PostgreSQL', coded('57014'), 'INTERNAL'],
  ["another code in Prisma's error", adapted({ kind: 'postgres', originalCode: '22012' }), 'INTERNAL'],
  ['an error of the catalogue', new CarillonError('NOT_FOUND', { cause: coded('57P01') }), 'NOT_FOUND'],
])('shows %s with its code', (_title, error, code) => {
  expect(createErrorPresenter(silentLog, false)(error).extensions['code']).toBe(code)
})

it.each([
  ['SELECT "public"."api_key"."id" FROM "public"."api_key"', true],
  ['\n  WITH one AS (SELECT 1) SELECT * FROM one', true],
  ['WITH one AS (INSERT INTO seen VALUES (1) RETURNING *) SELECT * FROM one', false],
  ['SELECT * FROM message FOR UPDATE SKIP LOCKED', false],
  ['SELECT pg_advisory_xact_lock($1)', false],
  ['SELECT stat_recount()', false],
  ['UPDATE message SET status = $1', false],
  ['BEGIN', false],
  ['', false],
])('%s only reads: %s', (statement, reads) => expect(isRead(statement)).toBe(reads))
