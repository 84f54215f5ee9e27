/** Topics as they are shown: a topic with many members costs no more than those that are shown. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { findDescribedTopics } from '../../src/db/topic.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const [projectId, otherId] = [crypto.randomUUID(), crypto.randomUUID()]
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 1, log: silentLog })
  for (const id of [projectId, otherId]) {
    await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1::uuid, $2, 'P', $2, '\\x00')`, [
      id,
      id,
    ])
    await db.pool.query(
      `INSERT INTO contact (project_id, id, external_id) SELECT $1, gen_random_uuid(), 'c-' || n FROM generate_series(1, 5) n`,
      [id],
    )
    await db.pool.query(
      `INSERT INTO topic (project_id, id, key, name) SELECT $1, gen_random_uuid(), key, upper(key) FROM unnest('{all,none}'::text[]) key`,
      [id],
    )
    await db.pool.query(
      `INSERT INTO topic_member (project_id, topic_id, contact_id) SELECT $1, t.id, c.id FROM topic t JOIN contact c USING (project_id)
       WHERE project_id = $1 AND t.key = 'all'`,
      [id],
    )
  }
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

it('reads at most as many members of each topic as are asked for, of this project alone', async () => {
  const found = await findDescribedTopics(db.pool, projectId, ['all', 'none', 'missing'], 3)
  const byKey = new Map(found.map((one) => [one.key, one]))
  expect([...byKey.keys()].sort()).toEqual(['all', 'none'])
  expect(byKey.get('all')).toMatchObject({ name: 'ALL', members: { length: 3 } })
  expect(byKey.get('none')).toMatchObject({ name: 'NONE', members: [] })
  expect((await findDescribedTopics(db.pool, projectId, ['all'], 10))[0]?.members).toHaveLength(5)
})
