/** Tables that have grown are analysed: a plan that was made while one was small is not kept for it. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { analyzeGrown } from '../../src/db/analyze.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { addContacts } from '../helpers/contacts.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'

const ids = createIds(systemClock)
let database: TestDatabase
/** One connection, whose plans are kept. */
let pool: pg.Pool
beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  for (const table of ['contact', 'feed_state']) await pool.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`)
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

/** Adds contacts, in a project of their own. */
async function add(count: number, on: Pick<pg.Pool, 'query'> = pool): Promise<void> {
  const id = ids()
  await on.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, $2, 'P', $2, '')`, [id, `p${id}`])
  await addContacts(on, id, count)
}

/** The plan that this connection keeps for finding a contact. */
async function plan(): Promise<string> {
  const { rows } = await pool.query(`EXPLAIN EXECUTE find ('${ids()}', '${ids()}')`)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

it('G7: after an import, once, and not after a few rows more', async () => {
  await add(20)
  await pool.query('ANALYZE')
  await pool.query(`SET plan_cache_mode = force_generic_plan`)
  await pool.query('PREPARE find (uuid, uuid) AS SELECT FROM contact WHERE project_id = $1 AND id = $2')
  expect(await plan()).toContain('Seq Scan')
  await add(1_000)
  expect(await analyzeGrown(pool)).toEqual([])

  await add(10_000)
  expect(await plan()).toContain('Seq Scan')
  expect((await analyzeGrown(pool)).toSorted()).toEqual(['contact', 'feed_state'])
  expect(await plan()).toContain('contact_pkey')
  expect(await analyzeGrown(pool)).toEqual([])
  await add(5_000)
  expect(await analyzeGrown(pool)).toEqual([])
})

it('G7: what a send to many fills, after some hundred rows', async () => {
  const { rows } = await pool.query('SELECT project_id, id FROM contact LIMIT 1')
  await pool.query('ANALYZE notification')
  const fill = (count: number) =>
    pool.query(
      `INSERT INTO notification (project_id, id, transaction_id, contact_id, channels, created_at)
        SELECT $1, id, 't', $2, '{IN_APP}', now() FROM unnest($3::uuid[]) id`,
      [rows[0]?.project_id, rows[0]?.id, Array.from({ length: count }, () => ids())],
    )
  await fill(20)
  expect(await analyzeGrown(pool)).toEqual([])
  await fill(1_000)
  expect(await analyzeGrown(pool)).toEqual(['notification'])
  expect(await analyzeGrown(pool)).toEqual([])
})

it('leaves a table that is being vacuumed to that', async () => {
  await add(60_000)
  const other = new pg.Client({ connectionString: database.url })
  await other.connect()
  try {
    await other.query('BEGIN; LOCK TABLE contact IN SHARE UPDATE EXCLUSIVE MODE')
    await analyzeGrown(pool)
    await other.query('ROLLBACK')
    expect(await analyzeGrown(pool)).toEqual(['contact'])
  } finally {
    await other.end()
  }
})

it('G7: an import of one transaction when it is committed, not before: its rows can be counted only then', async () => {
  const other = new pg.Client({ connectionString: database.url })
  await other.connect()
  try {
    await pool.query('TRUNCATE contact CASCADE')
    await pool.query('ANALYZE')
    await other.query('BEGIN')
    await add(12_000, other)
    expect(await analyzeGrown(pool)).toEqual([])
    // It is not four times as large at its end as it was then.
    await add(12_000, other)
    await other.query('COMMIT')
    expect((await analyzeGrown(pool)).toSorted()).toEqual(['contact', 'feed_state'])
    expect(await plan()).toMatch(/contact_pkey[\s\S]*id = \$2/)
    expect(await analyzeGrown(pool)).toEqual([])
  } finally {
    await other.end()
  }
})

it('analyses messages and their attempts by a sample of 9,000 rows; a migration that adds a column gives it a target of at most 30', async () => {
  const { rows } = await pool.query('SELECT project_id FROM contact LIMIT 1')
  await pool.query(
    `WITH n AS (
        INSERT INTO notification (project_id, id, transaction_id, channels) SELECT $1::uuid, gen_random_uuid(), 't', '{EMAIL}'
        FROM generate_series(1, 10000) RETURNING project_id, id
      ), m AS (
        INSERT INTO message (project_id, id, notification_id, channel, status, address) SELECT project_id, id, id, 'EMAIL', 'SENT', id || '@example.com' FROM n
        RETURNING project_id, id
      )
      INSERT INTO attempt (project_id, message_id, number, started_at, ok) SELECT project_id, id, 1, now(), true FROM m`,
    [rows[0]?.project_id],
  )
  const client = await pool.connect()
  const reported: string[] = []
  const listen = ({ message }: { message?: string | undefined }): void => void reported.push(message ?? '')
  client.on('notice', listen)
  try {
    for (const table of ['message', 'attempt']) await client.query(`ANALYZE VERBOSE ${table}`)
  } finally {
    client.off('notice', listen)
    client.release()
  }
  expect(reported.join('\n').match(/\d+ rows in sample/g)).toEqual(['9000 rows in sample', '9000 rows in sample'])
})
