/** Pages of messages by number: as many are counted as pages reach, however many there are. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { COUNTED_MAX, createMessages } from '../../src/domain/message.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const [projectId, templateId] = [crypto.randomUUID(), crypto.randomUUID()]
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
  await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [projectId, templateId])
  for (const [name, count] of [
    ['many', COUNTED_MAX],
    ['one', 1],
  ] as const) {
    const contactId = crypto.randomUUID()
    await db.pool.query('INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, $3)', [projectId, contactId, name])
    await db.pool.query(
      `WITH r AS MATERIALIZED (SELECT gen_random_uuid() AS id, gen_random_uuid() AS notification_id FROM generate_series(1, $4::int)),
     n AS (INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, channels)
       SELECT $1, notification_id, 'tx', $3, $2, '{EMAIL}' FROM r)
     INSERT INTO message (project_id, id, notification_id, contact_id, channel, status)
     SELECT $1, id, notification_id, $2, 'EMAIL', 'DELIVERED' FROM r`,
      [projectId, contactId, templateId, count],
    )
  }
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

it('counts messages as far as pages reach', async () => {
  const totalOf = async (contact: string | null): Promise<number | null> => {
    const filter = { channels: null, contact, transactionIds: null }
    const { messages, total } = await createMessages({ db }).numbered(projectId, filter, { skip: 0, limit: 1 })
    expect(messages).toHaveLength(1)
    return total
  }
  expect(await totalOf('one')).toBe(1)
  expect(await totalOf('many')).toBe(COUNTED_MAX)
  expect(await totalOf(null)).toBeNull()
})
