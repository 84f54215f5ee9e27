/** Statements that share a round trip: one transaction, whose connection stays usable whatever becomes of them. */
import type { Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { inOneTrip, transactInOneTrip } from '../../src/db/one-trip.ts'
import { CarillonError } from '../../src/errors.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'

let database: TestDatabase
let db: Database
let client: pg.PoolClient

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  await db.pool.query('CREATE TABLE n (n int8 PRIMARY KEY)')
})
beforeEach(async () => {
  await db.pool.query('DELETE FROM n')
  client = await db.accepting.connect()
  return () => client.release()
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

const add = (name: string, n: number) => ({ name, text: 'INSERT INTO n VALUES ($1) RETURNING n', values: [n] })
const stored = async (): Promise<unknown[]> => (await db.pool.query('SELECT n FROM n ORDER BY n')).rows.map(({ n }) => n)

it('gives each statement its own rows, parsed as on any connection', async () => {
  for (const _time of ['parsed', 'prepared before']) {
    const results = await inOneTrip(client, (tx) =>
      Promise.all([
        tx.query({ name: 'one', text: 'SELECT $1::int8 AS a, now() AS at', values: ['7'] }),
        tx.query({ name: 'none', text: 'SELECT 1 AS b WHERE false' }),
        tx.query({ name: 'two', text: 'SELECT * FROM unnest($1::text[]) AS c', values: [['x', 'y']] }),
      ]),
    )
    expect(results.map(({ rows }) => rows)).toEqual([[{ a: 7, at: expect.any(Date) }], [], [{ c: 'x' }, { c: 'y' }]])
  }
})

it('commits all of them or none, and goes on with the next', async () => {
  const failed = transactInOneTrip(client, (tx) =>
    Promise.all([
      tx.query(add('first', 1)),
      tx.query({ name: 'broken', text: 'SELECT 1 / $1::int', values: [0] }),
      tx.query(add('last', 2)),
    ]),
  )
  await expect(failed).rejects.toMatchObject({ code: '22012' })
  await transactInOneTrip(client, (tx) => Promise.all([tx.query(add('last', 3))]))
  expect(await stored()).toEqual([3])
  await transactInOneTrip(client, (tx) => Promise.all([tx.query(add('first', 4)), tx.query(add('last', 5))]))
  expect(await stored()).toEqual([3, 4, 5])
})

it('sends nothing where a value can’t be written', async () => {
  const circular: { self?: object } = {}
  circular.self = circular
  const failed = transactInOneTrip(client, (tx) =>
    Promise.all([tx.query(add('first', 1)), tx.query({ ...add('last', 2), values: [circular] })]),
  )
  await expect(failed).rejects.toThrow(/circular/i)
  await transactInOneTrip(client, (tx) => Promise.all([tx.query(add('last', 3))]))
  expect(await stored()).toEqual([3])
})

it('holds its locks until the end, and sees what was committed while it waited for them', async () => {
  const other = await db.pool.connect()
  await other.query('BEGIN')
  await other.query('SELECT pg_advisory_xact_lock(1)')
  await other.query('INSERT INTO n VALUES (1)')
  const seen = transactInOneTrip(client, (tx) =>
    Promise.all([
      tx.query({ name: 'lock', text: 'SELECT pg_advisory_xact_lock(1)' }),
      tx.query({ name: 'count', text: 'SELECT count(*) FROM n' }),
    ]),
  )
  await other.query('COMMIT')
  other.release()
  expect((await seen)[1].rows).toEqual([{ count: 1 }])
})

it('runs again after a deadlock', async () => {
  let runs = 0
  const result = await transactInOneTrip(client, async (tx) => {
    runs++
    const text = `DO $$ BEGIN RAISE EXCEPTION 'victim' USING ERRCODE = '40P01'; END $$`
    return tx.query(runs < 3 ? { name: 'deadlock', text } : add('first', runs))
  })
  expect(result.rows).toEqual([{ n: 3 }])
})

const cut = async (_backend: { pid: number }, lost: pg.PoolClient): Promise<void> =>
  void (lost as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
const end = async ({ pid }: { pid: number }): Promise<void> =>
  void (await db.pool.query('SELECT pg_terminate_backend($1)', [pid]))

it.each([
  ['F3: says that the outcome is unknown when the connection is lost before the answer', cut, 'OUTCOME_UNKNOWN'],
  ['says that nothing was done when the server ends the connection before the last statement is complete', end, 'OVERLOADED'],
] as const)('%s', async (_title, lose, code) => {
  const lost = await db.accepting.connect()
  const { rows } = await lost.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const [backend = { pid: 0 }] = rows
  const failed = transactInOneTrip(lost, (tx) =>
    Promise.all([tx.query({ name: 'wait', text: 'SELECT pg_sleep(10)' }), tx.query(add('first', 1))]),
  )
  const told = expect(failed).rejects.toMatchObject({ code })
  await lose(backend, lost)
  await told
  await end(backend)
  await expect(transactInOneTrip(lost, (tx) => Promise.all([tx.query(add('first', 1))]))).rejects.toBeInstanceOf(CarillonError)
  lost.release(true)
  expect(await stored()).toEqual([])
})

it('keeps a connection that is used again within the time that a statement may take', async () => {
  const limited = openDatabase(`${database.url}?query_timeout=300`, { max: 2, log: silentLog })
  const one = await limited.accepting.connect()
  for (const ms of [0, 200, 200]) {
    await transactInOneTrip(one, (tx) => tx.query({ name: 'sleep', text: 'SELECT pg_sleep($1)', values: [ms / 1_000] }))
  }
  one.release()
  await limited.close()
})

it('is for a connection, not for a pool, where each statement would be on its own', async () => {
  await expect(transactInOneTrip(db.pool, (tx) => tx.query(add('first', 1)))).rejects.toThrow(/no transaction/)
  expect(await stored()).toEqual([])
})
