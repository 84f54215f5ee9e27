/** Arrays as parameters: what PostgreSQL reads is what was passed. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { uuidArray } from '../../src/db/array.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { times } from '../helpers/setup.ts'

let database: TestDatabase
let client: pg.Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const newId = createIds(systemClock)
it.each([
  ['none', []],
  ['one', [newId()]],
  ['many, in their order', [...times(1_000, () => newId()), 'FFFFFFFF-ffff-ffff-ffff-ffffffffffff']],
])('passes ids as bytes: %s', async (_name, ids) => {
  const { rows } = await client.query('SELECT id, place::int FROM unnest($1::uuid[]) WITH ORDINALITY AS r (id, place)', [
    uuidArray(ids),
  ])
  expect(rows).toEqual(ids.map((id, index) => ({ id: id.toLowerCase(), place: index + 1 })))
})
