/** Conditions on addresses: a contact is found however its address, or the value, is spelled. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { segmentWhere } from '../../src/db/segment.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import type { Json, ProfileCondition } from '../../src/words.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const contacts: readonly (readonly [name: string, email: string | null, phone: string | null, country: string | null])[] = [
  ['plain', 'ana@bücher.example', '+82 10-1234-5678', null],
  ['grouped', 'Ana@XN--BCHER-KVA.example', '(010) 123-45678', null],
  ['bare', 'ana@buecher.example', '00821012345678', 'DE'],
  ['zero', 'ben@example.com', '+82 (0)10 1234 5678', null],
  ['german', null, '0151 2345 6789', 'DE'],
  ['abroad', null, '+49 151/23456789', null],
  ['other', null, '0151 2345 6789', 'FR'],
  ['swiss', null, '+41 55 550 01 00', null],
  ['american', null, '415-555-0100', 'US'],
  ['text', 'no address', 'extension 7', null],
  ['nothing', null, null, null],
]
const names = contacts.map(([name]) => name)
const ids = createIds(systemClock)
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let projectId: string
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  projectId = ids()
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
  for (const row of contacts) {
    await db.pool.query(
      'INSERT INTO contact (project_id, id, external_id, email, phone, country) VALUES ($1, $2, $3, $4, $5, $6)',
      [projectId, ids(), ...row],
    )
  }
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function matching(condition: ProfileCondition): Promise<string[]> {
  const { sql, values } = segmentWhere({ profile: condition }, 2)
  const { rows } = await db.pool.query<{ name: string }>(
    `SELECT c.external_id AS name FROM contact c WHERE c.project_id = $1 AND ${sql} ORDER BY c.id`,
    [projectId, ...values],
  )
  return rows.map(({ name }) => name)
}

const korean = ['plain', 'grouped', 'bare', 'zero']
it.each<[value: Json, found: readonly string[]]>([
  ['+821012345678', korean],
  ['010-1234-5678', korean],
  ['0082 10 1234 5678', korean],
  ['+49 1512 3456789', ['german', 'abroad']],
  ['+1 (415) 555-0100', ['american']],
  ['+41555500100', ['swiss']],
  ['extension 7', ['text']],
  ['', []],
  [821012345678, []],
])('phone %j is that of %j', async (value, found) => {
  for (const path of ['phone', '$phone_number']) {
    expect(await matching({ path, is: 'EQUALS', value })).toEqual(found)
    expect(await matching({ path, is: 'NOT_EQUALS', value })).toEqual(names.filter((name) => !found.includes(name)))
    expect(await matching({ path, is: 'IN', value: [value, 'nobody'] })).toEqual(found)
  }
})

it('finds many numbers at once', async () => {
  const value = ['+41 55 5500100', '01012345678', '+4915123456789']
  expect(await matching({ path: 'phone', is: 'IN', value })).toEqual([...korean, 'german', 'abroad', 'swiss'])
})

it.each<[value: Json, found: readonly string[]]>([
  ['ANA@bücher.example', ['plain', 'grouped']],
  ['ana@xn--bcher-kva.example', ['plain', 'grouped']],
  ['ana@buecher.example', ['bare']],
  ['NO address', ['text']],
  [null, []],
])('email %j is that of %j', async (value, found) => {
  for (const path of ['email', '$email']) {
    expect(await matching({ path, is: 'EQUALS', value })).toEqual(found)
    expect(await matching({ path, is: 'NOT_EQUALS', value })).toEqual(names.filter((name) => !found.includes(name)))
    expect(await matching({ path, is: 'IN', value: [value, 'ben@EXAMPLE.com'] })).toEqual(
      [...found, 'zero'].toSorted((a, b) => names.indexOf(a) - names.indexOf(b)),
    )
  }
})
