/** Connections that are shared out by project, on a real pool. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FEW, GROW_MS, noConnection, shareOut } from '../../src/db/fair-pool.ts'
import { CarillonError } from '../../src/errors.ts'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(() => database.drop())

function open(waitMs: number) {
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  return { pool, runFor: shareOut(pool, { max: 4, waitMs }) }
}

it('leaves a connection for others, however many a project asks for, and gives each its turn', async () => {
  const { pool, runFor } = open(60_000)
  const order: string[] = []
  const held = await runFor('flood', () => Promise.all([pool.connect(), pool.connect(), pool.connect()]))
  const more = Array.from({ length: 20 }, () => runFor('flood', () => pool.query('SELECT 1')).then(() => order.push('flood')))
  await runFor('other', () => pool.query('SELECT 1'))
  expect(order).toEqual([])
  for (const client of held) client.release()
  await Promise.all(more)
  expect(order).toHaveLength(20)
  await pool.end()
})

it('makes a few connections for many requests, and more as long as some of them wait', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 12 })
  shareOut(pool, { max: 12, waitMs: 60_000 })
  const began = performance.now()
  await Promise.all(Array.from({ length: 200 }, () => pool.query('SELECT 1')))
  expect(pool.totalCount).toBeLessThanOrEqual(FEW + 1 + (performance.now() - began) / GROW_MS)
  const held = await Promise.all(Array.from({ length: 12 }, () => pool.connect()))
  expect(pool.totalCount).toBe(12)
  for (const client of held) client.release()
  await pool.end()
})

it('fails with OVERLOADED when there is no connection in time, and goes on when there is one', async () => {
  const { pool } = open(20)
  const held = await Promise.all(Array.from({ length: 4 }, () => pool.connect()))
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'OVERLOADED', details: { retryAfterSeconds: 1 } })
  for (const client of held) client.release()
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})

it('gives the place of a connection that could not be made to the next', async () => {
  const pool = new pg.Pool({ host: '127.0.0.1', port: 1, max: 1 })
  shareOut(pool, { max: 1, waitMs: 60_000 })
  for (let n = 0; n < 3; n++)
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'OVERLOADED', cause: { code: 'ECONNREFUSED' } })
  await pool.end()
})

it.each<[title: string, error: unknown, code: string]>([
  ['no connection in time', noConnection(), 'OVERLOADED'],
  ["pg's own time-out", new Error('timeout exceeded when trying to connect'), 'OVERLOADED'],
  ['one inside another error', new Error('query failed', { cause: noConnection() }), 'OVERLOADED'],
  ["Prisma's full pool", Object.assign(new Error('Timed out'), { code: 'P2024' }), 'OVERLOADED'],
  [
    'a transaction that could not begin',
    Object.assign(new Error('Unable to start a transaction in the given time.'), { code: 'P2028' }),
    'OVERLOADED',
  ],
  ['a transaction that took too long', Object.assign(new Error('Transaction already closed'), { code: 'P2028' }), 'INTERNAL'],
  ['a server without connections', Object.assign(new Error('too many clients already'), { code: '53300' }), 'OVERLOADED'],
  ['any other error', new Error('no'), 'INTERNAL'],
  ['an error of the catalogue', new CarillonError('NOT_FOUND', { cause: noConnection() }), 'NOT_FOUND'],
])('shows %s with its code', (_title, error, code) => {
  const present = createErrorPresenter({ debug() {}, info() {}, warn() {}, error() {} }, false)
  expect(present(error).extensions['code']).toBe(code)
})
