/** Reads that share a connection: each gets its own result, and none is kept waiting by another project's, or by what is slow. */
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  db = openDatabase(database.url, { max: 8, log: silentLog })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** @returns what was asked for, and the backend that answered */
async function read(
  project: string,
  of: string,
  text = 'SELECT $1::int, pg_backend_pid()',
  value = 1,
): Promise<[number, number]> {
  const { rows } = await db.gathered(project, of).query<[number, number]>({ name: text, text, values: [value], rowMode: 'array' })
  return rows[0] ?? [Number.NaN, Number.NaN]
}
const backends = (answers: readonly [number, number][]): number => new Set(answers.map(([, backend]) => backend)).size
const numbers = (count: number): number[] => Array.from({ length: count }, (_unused, number) => number)

it('gives each of many reads its own result, on a few connections', async () => {
  // Connections are made, and warm, after the first round.
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(numbers(24).map((value) => read('a', `feed ${round} ${value}`, undefined, value)))
    expect(answers.map(([value]) => value)).toEqual(numbers(24))
    if (round > 0) expect(backends(answers)).toBe(3)
  }
})

it('shares a connection among the reads of one project alone', async () => {
  const answers = await Promise.all(['a', 'b', 'a', 'b'].map((project) => read(project, 'feed')))
  expect(backends(answers)).toBe(2)
  expect(answers[0]).toEqual(answers[2])
  expect(answers[1]).toEqual(answers[3])
})

it('fails the read that fails, and none of the others', async () => {
  const results = await Promise.allSettled([
    read('a', 'feed 1'),
    read('a', 'feed 2', 'SELECT 1 / ($1::int - 1), pg_backend_pid()'),
    read('a', 'feed 3', undefined, 3),
  ])
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value[0] : String(result.reason)))).toEqual([
    1,
    'error: division by zero',
    3,
  ])
})

it('repeats reads whose connection is lost', async () => {
  const killed = read('a', 'other', 'SELECT $1::int, pg_terminate_backend(pg_backend_pid())::int').catch(() => null)
  const answers = await Promise.all(numbers(3).map((value) => read('a', `feed ${value}`, undefined, value)))
  await killed
  expect(answers.map(([value]) => value)).toEqual([0, 1, 2])
})

it('gives what was slow a connection of its own afterwards', async () => {
  const slow = 'SELECT $1::int, pg_backend_pid() FROM pg_sleep(0.3)'
  const [first, second] = await Promise.all([read('a', 'large', slow), read('a', 'small')])
  expect(first[1]).toBe(second[1])
  const [again, other, third] = await Promise.all([read('a', 'large', slow), read('a', 'small'), read('a', 'other')])
  expect(other[1]).toBe(third[1])
  expect(again[1]).not.toBe(other[1])
})

it('sends a read that is alone within the turn in which it begins', async () => {
  const answered = read('a', 'feed')
  await turn()
  expect(db.pool.totalCount - db.pool.idleCount).toBe(1)
  await answered
})
