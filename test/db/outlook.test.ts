/** When there is work next: each duty on its own, by the database's clock, and cheap however much is there that is not due. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { type Outlook, readOutlook } from '../../src/db/outlook.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const ids = createIds(systemClock)
const nothing: Outlook = { messages: null, fanouts: null, digests: null, campaigns: null, snoozes: null, stats: null }
const project = ids()
const template = ids()
const contact = ids()
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    project,
  ])
  await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [project, template])
  await db.pool.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, [project, contact])
})
beforeEach(async () => {
  for (const table of ['notification', 'fanout', 'digest', 'campaign', 'stat_delta', 'stat_change'])
    await db.pool.query(`DELETE FROM ${table}`)
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** Inserts a row due in so many seconds. */
const insert = (text: string, ...values: unknown[]) => db.pool.query(text, values)
async function message(seconds: number, status = 'QUEUED', bulk = false, leaseSeconds: number | null = null): Promise<void> {
  const notification = ids()
  await insert(
    `INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id) VALUES ($1, $2, 'x', $3, $4)`,
    ...[project, notification, template, contact],
  )
  await insert(
    `WITH m AS (INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, bulk)
        VALUES ($1, $2, $3, $4, 'EMAIL', $5, $6) RETURNING *)
      INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, lease_until, created_at)
      SELECT project_id, id, notification_id, contact_id, channel, bulk, now() + $7 * interval '1 second', now() + $8 * interval '1 second', created_at
      FROM m WHERE status IN ('SCHEDULED', 'QUEUED')`,
    ...[project, ids(), notification, contact, status, bulk, seconds, leaseSeconds],
  )
  await db.pool.query('DELETE FROM stat_delta')
  await db.pool.query('DELETE FROM stat_change')
}
/** In seconds. */
async function look(offsetMs = 0): Promise<Outlook> {
  const { messages, fanouts, digests, campaigns, snoozes, stats } = await readOutlook(db.pool, offsetMs)
  const seconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms / 1_000) + 0)
  return {
    messages: seconds(messages),
    fanouts: seconds(fanouts),
    digests: seconds(digests),
    campaigns: seconds(campaigns),
    snoozes: seconds(snoozes),
    stats: seconds(stats),
  }
}

it('sees nothing in an empty database', async () => {
  expect(await look()).toEqual(nothing)
})

it('sees the earliest message of either kind, waiting or claimed, and none that has ended', async () => {
  await message(-100, 'SENT')
  expect(await look()).toEqual(nothing)
  await message(3_000, 'SCHEDULED')
  expect(await look()).toEqual({ ...nothing, messages: 3_000 })
  await message(-70, 'QUEUED', true, 60)
  expect(await look()).toEqual({ ...nothing, messages: 60 })
  await message(-5)
  expect(await look()).toEqual({ ...nothing, messages: -5 })
  // Its lease has run out: it was due all the time.
  await message(-50, 'QUEUED', true, -20)
  expect((await look()).messages).toBeLessThan(0)
})

it('sees sends to many, windows, campaigns and events, each on its own', async () => {
  await insert(
    `INSERT INTO fanout (project_id, id, transaction_id, template_id, audience, until, due_at, status)
      SELECT $1, gen_random_uuid(), 'f', $2, '{}', $3, now() + s * interval '1 second', status
      FROM (VALUES (-9, 'DONE'), (50, 'RUNNING'), (70, 'ACCEPTED')) AS v (s, status)`,
    ...[project, template, contact],
  )
  expect(await look()).toEqual({ ...nothing, fanouts: 50 })
  await insert(
    `INSERT INTO digest (project_id, id, contact_id, template_id, key, closes_at, closed_at)
      SELECT $1, gen_random_uuid(), $2, $3, s::text, now() + s * interval '1 second', CASE WHEN s < 0 THEN now() END
      FROM unnest(ARRAY[-9, 40, 80]) AS s`,
    ...[project, contact, template],
  )
  expect(await look()).toEqual({ ...nothing, fanouts: 50, digests: 40 })
  const campaign = ids()
  await insert(
    `INSERT INTO campaign (project_id, id, key, name, dispatch, template_id, next_run_at)
      VALUES ($1, $2, 'k', 'K', 'AUTO', $3, now() + interval '30 seconds'), ($1, gen_random_uuid(), 'l', 'L', 'AUTO', $3, NULL)`,
    ...[project, campaign, template],
  )
  expect(await look()).toEqual({ ...nothing, fanouts: 50, digests: 40, campaigns: 30 })
  const event = ids()
  await insert(
    `INSERT INTO event (project_id, id, name, contact_id, occurred_at) VALUES ($1, $2, 'e', $3, now())`,
    project,
    event,
    contact,
  )
  await insert(
    `INSERT INTO campaign_trigger (project_id, campaign_id, event_id, due_at) VALUES ($1, $2, $3, now() + interval '20 seconds')`,
    ...[project, campaign, event],
  )
  expect(await look()).toEqual({ ...nothing, fanouts: 50, digests: 40, campaigns: 20 })
  // The time of tests moves with the clock of the process; the lease of an event is the database's alone.
  expect(await look(10_000)).toEqual({ ...nothing, fanouts: 40, digests: 30, campaigns: 20 })
})

it('sees messages that come back into their feeds', async () => {
  await insert(
    `INSERT INTO snooze (project_id, message_id, contact_id, until, listed_seq)
      SELECT $1, gen_random_uuid(), $2, now() + s * interval '1 second', 1 FROM unnest(ARRAY[80, 40]) AS s`,
    ...[project, contact],
  )
  expect(await look(10_000)).toEqual({ ...nothing, snoozes: 30 })
  await insert('DELETE FROM snooze')
})

it('sees changes that are not in the sums yet', async () => {
  await insert(`INSERT INTO stat_delta (project_id, at, template_id, channel) VALUES ($1, now(), $2, '')`, ...[project, template])
  expect(await look()).toEqual({ ...nothing, stats: 0 })
})

it('reads the first entries of indexes, whatever waits', async () => {
  await insert(
    `WITH n AS (INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id)
        SELECT $1, gen_random_uuid(), 'x', $2, $3 FROM generate_series(1, 5000) RETURNING id)
      INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, created_at)
        SELECT $1, gen_random_uuid(), id, $3, 'EMAIL', false, now() + interval '1 day', now() FROM n`,
    ...[project, template, contact],
  )
  await db.pool.query('DELETE FROM stat_delta')
  await db.pool.query('DELETE FROM stat_change')
  await db.pool.query('VACUUM ANALYZE')
  const client = await db.pool.connect()
  try {
    await readOutlook(client, 0)
    const { rows } = await client.query<{ 'QUERY PLAN': string }>('EXPLAIN (ANALYZE, BUFFERS) EXECUTE "read-outlook" (0)')
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    const blocks = /Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(plan)
    expect(Number(blocks?.[1]) + Number(blocks?.[2] ?? 0), plan).toBeLessThan(30)
  } finally {
    client.release()
  }
})
