/** What holds of notifications without a foreign key: they belong to a project that exists, and are deleted with it. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { until } from '../helpers/until.ts'

const ids = createIds(systemClock)
let database: TestDatabase
let writer: pg.Client
let eraser: pg.Client
let keys = 0
beforeAll(async () => {
  database = await createTestDatabase()
  writer = new pg.Client({ connectionString: database.url })
  eraser = new pg.Client({ connectionString: database.url })
  await Promise.all([writer.connect(), eraser.connect()])
})
afterAll(async () => {
  await Promise.all([writer.end(), eraser.end()])
  await database.drop()
})

async function newProject(): Promise<{ id: string; contactId: string }> {
  const [id, contactId] = [ids(), ids()]
  await writer.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, $2, 'P', $2, '')`, [
    id,
    `p${keys++}`,
  ])
  await writer.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, [id, contactId])
  return { id, contactId }
}
const notify = (projectId: string, contactId: string | null) =>
  writer.query(
    `INSERT INTO notification (project_id, id, transaction_id, contact_id, channels) VALUES ($1, $2, 't', $3, '{EMAIL}')`,
    [projectId, ids(), contactId],
  )
const left = async (projectId: string): Promise<unknown> =>
  (
    await writer.query(
      'SELECT (SELECT count(*)::int FROM project WHERE id = $1) AS projects, (SELECT count(*)::int FROM notification WHERE project_id = $1) AS notifications',
      [projectId],
    )
  ).rows[0]

it('G10: of a project that does not exist there are no notifications', async () => {
  await expect(notify(ids(), null)).rejects.toMatchObject({ code: '23503' })
  await expect(notify(ids(), ids())).rejects.toMatchObject({ code: '23503' })
  const [one, other] = [await newProject(), await newProject()]
  await expect(notify(one.id, other.contactId)).rejects.toMatchObject({ code: '23503' })
})

it('they are deleted with their project', async () => {
  const { id, contactId } = await newProject()
  await notify(id, contactId)
  await notify(id, null)
  await eraser.query('DELETE FROM project WHERE id = $1', [id])
  expect(await left(id)).toEqual({ projects: 0, notifications: 0 })
})

it.each([['with'], ['without']])('so are those %s a contact that are written at that moment', async (which) => {
  const { id, contactId } = await newProject()
  await writer.query('BEGIN')
  await notify(id, which === 'with' ? contactId : null)
  const { rows } = await eraser.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const deleted = eraser.query('DELETE FROM project WHERE id = $1', [id])
  await until('it waits for the writer', async () => {
    const { rows: found } = await writer.query('SELECT cardinality(pg_blocking_pids($1)) AS locks', [rows[0]?.pid])
    return found[0]?.locks > 0
  })
  await writer.query('COMMIT')
  await deleted
  expect(await left(id)).toEqual({ projects: 0, notifications: 0 })
})
