/** Statistics at an upgrade: what is there is counted, while processes of the version before go on writing; and reading them stays flat. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { foldStats } from '../../src/db/fold-stats.ts'
import { migrate } from '../../src/db/migrate.ts'
import { readProgress } from '../../src/db/progress.ts'
import { countChannels, countDays, countSent, countTemplates } from '../../src/db/stats.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { countsOf, readStats, recount, recountProgress } from '../helpers/recount.ts'

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations')
const MANY = process.env['TEST_FULL'] === '1' ? 1_000_000 : 20_000
const everything = { templateId: null, channel: null }
const since = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 7 * 24 * 3_600_000)

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(async () => {
  await db?.close()
  await database.drop()
})

const ask = async (client: Pick<pg.ClientBase, 'query'>, text: string, ...values: unknown[]) =>
  (await client.query<{ id: string }>(text, values)).rows

async function insertProject(client: Pick<pg.ClientBase, 'query'>, key: string): Promise<string> {
  const [row] = await ask(
    client,
    `INSERT INTO project (id, key, name, access_key, secret_hash) VALUES (uuidv7(), $1, 'P', $1, '\\x00') RETURNING id`,
    key,
  )
  const id = row?.id ?? ''
  await ask(
    client,
    `INSERT INTO template (project_id, id, key, name) SELECT $1::uuid, uuidv7(), 't' || n, 'T' FROM generate_series(1, 3) n`,
    id,
  )
  await ask(
    client,
    `INSERT INTO fanout (project_id, id, transaction_id, template_id, audience, until) SELECT $1::uuid, uuidv7(), 'many', t.id, '{}', t.id
      FROM template t WHERE t.project_id = $1 AND t.key = 't1'`,
    id,
  )
  return id
}

/** Inserts notifications of the last 30 days with two messages each, as the version before does: by statements that don't count. */
const insertMany = (client: Pick<pg.ClientBase, 'query'>, projectId: string, count: number) =>
  ask(
    client,
    `WITH n AS (
        INSERT INTO notification (project_id, id, transaction_id, template_id, channels, created_at)
        SELECT $1::uuid, uuidv7(), CASE WHEN i % 3 = 0 THEN 'many' ELSE 't' || i END, t.ids[1 + i % 3], '{IN_APP,EMAIL}',
          now() - (i::float8 / $2::int) * interval '30 days'
        FROM generate_series(1, $2::int) i, (SELECT array_agg(id ORDER BY key) AS ids FROM template WHERE project_id = $1) t
        RETURNING id, created_at
      ), numbered AS (SELECT *, row_number() OVER () AS i FROM n)
      INSERT INTO message (project_id, id, notification_id, channel, status, created_at, updated_at, due_at, history, feed, seen_at)
      SELECT $1::uuid, uuidv7(), n.id, c.channel::channel, s.status::message_status, n.created_at, n.created_at,
        CASE WHEN s.status = 'QUEUED' THEN now() END, '[]', CASE WHEN c.channel = 'IN_APP' THEN 'default' END,
        CASE WHEN c.channel = 'IN_APP' AND n.i % 4 = 0 THEN now() END
      FROM numbered n CROSS JOIN (VALUES ('IN_APP'), ('EMAIL')) c (channel)
      CROSS JOIN LATERAL (SELECT CASE WHEN c.channel = 'IN_APP' THEN 'DELIVERED'
        ELSE (ARRAY['SENT', 'FAILED', 'QUEUED', 'SKIPPED'])[1 + n.i % 4] END AS status) s`,
    projectId,
    count,
  )

it('counts what is there, once, although a process of the version before writes all the time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-migrations-'))
  await cp(MIGRATIONS, folder, {
    recursive: true,
    filter: (path) =>
      !/0017_stats|0019_progress|0022_delivery|0023_direct|0024_transactions|0025_template_versions|0026_readers|0027_statistics/.test(
        path,
      ),
  })
  await migrate(database.url, silentLog, folder)
  await rm(folder, { recursive: true })
  db = openDatabase(database.url, { max: 4, log: silentLog })
  const project = await insertProject(db.pool, 'old')
  await insertMany(db.pool, project, 5_000)
  await ask(
    db.pool,
    `INSERT INTO day_count (project_id, day, template_id, channel, count, messages, sent, delivered, failed, seen, read)
      SELECT $1::uuid, current_date - 100, id, c, 7, CASE WHEN c = '' THEN 14 ELSE 7 END, 5, 4, 3, 2, 1 FROM template, unnest('{"",EMAIL}'::text[]) c WHERE project_id = $1`,
    project,
  )
  let isDone = false
  const old = (async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    while (!isDone) {
      await insertMany(client, project, 20)
      await ask(
        client,
        `UPDATE message SET status = CASE WHEN status = 'QUEUED' THEN 'SENT' ELSE 'DELIVERED' END::message_status, due_at = NULL
          WHERE project_id = $1 AND id IN (SELECT id FROM message WHERE project_id = $1 AND status IN ('QUEUED', 'SENT') LIMIT 30)`,
        project,
      )
    }
    await client.end()
  })()
  expect(await migrate(database.url, silentLog)).toEqual([
    '0017_stats',
    '0019_progress',
    '0022_delivery',
    '0023_direct',
    '0024_transactions',
    '0025_template_versions',
    '0026_readers',
    '0027_statistics',
  ])
  isDone = true
  await old
  const compare = async (): Promise<void> => {
    for (const channel of [null, 'EMAIL'] as const) {
      const filter = { templateId: null, channel }
      expect(await readStats(db.pool, project, filter, since)).toEqual(await recount(db.pool, project, filter, since))
    }
    const [fanout] = await ask(db.pool, 'SELECT id FROM fanout WHERE project_id = $1', project)
    const { counted, recounted } = await countsOf(db.pool, project, 'FANOUT', fanout?.id ?? '')
    expect(counted).toEqual(recounted)
    expect(await readProgress(db.pool, project, 'many')).toMatchObject(await recountProgress(db.pool, project, 'many'))
  }
  await compare()
  while (await foldStats(db.pool));
  await compare()
}, 120_000)

it(`reads the statistics, and the progress of a third, of ${MANY.toLocaleString('en')} notifications in at most 1.5 times the time of a thousand`, async () => {
  const [few, many] = [await insertProject(db.pool, 'few'), await insertProject(db.pool, 'many')]
  await insertMany(db.pool, few, 1_000)
  // Foreign keys of tables that look empty would be checked by reading them whole.
  await db.pool.query('ANALYZE')
  // On a connection of its own: a statement of the pool may take ten seconds, and a busy machine may stall for longer.
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  for (let part = 0; part < MANY / 10_000; part++) await insertMany(client, many, 10_000)
  await client.end()
  while (await foldStats(db.pool));
  await db.pool.query('VACUUM ANALYZE stat_day, stat_minute, stat_of, stat_delta, stat_change')
  const from = new Date(Date.now() - 31 * 24 * 3_600_000).toISOString().slice(0, 10)
  const read = async (project: string): Promise<number> => {
    const begun = performance.now()
    await countDays(db.pool, project, from, everything)
    await countChannels(db.pool, project, from, everything)
    await countTemplates(db.pool, project, from, everything)
    await countSent(db.pool, project, since, false, everything)
    await countSent(db.pool, project, since, true, everything)
    await readProgress(db.pool, project, 'many')
    return performance.now() - begun
  }
  const [day] = await countDays(db.pool, many, from, everything)
  expect(day?.count).toBeGreaterThan(MANY / 40)
  const times: { few: number[]; many: number[] } = { few: [], many: [] }
  for (let round = 0; round < 60; round++) {
    times.few.push(await read(few))
    times.many.push(await read(many))
  }
  const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0
  const [fewMs, manyMs] = [median(times.few), median(times.many)]
  process.stderr.write(`  a thousand ${fewMs.toFixed(1)} ms, ${MANY.toLocaleString('en')} ${manyMs.toFixed(1)} ms\n`)
  expect(manyMs / fewMs).toBeLessThanOrEqual(1.5)
}, 600_000)
