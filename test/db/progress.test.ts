/** The counted progress of sends to many, where somebody does not count it: a process of an earlier version, or an erasure. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase, transact } from '../../src/db/database.ts'
import { renameTransaction } from '../../src/db/erase-names.ts'
import { foldStats } from '../../src/db/fold-stats.ts'
import { hashedName } from '../../src/db/hash.ts'
import { readProgress } from '../../src/db/progress.ts'
import { silentLog } from '../../src/log.ts'
import { createHistory, type World } from '../helpers/history.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { recountProgress } from '../helpers/recount.ts'
import { seeded } from '../helpers/seed.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

const ask = (text: string, ...values: unknown[]) => db.pool.query(text, values)

/** Whether the send to many has counts that are not folded yet, and a message on one of several channels that still waits. */
async function hasBoth({ project, fanout }: World): Promise<boolean> {
  const { rows } = await ask(
    `SELECT EXISTS (SELECT FROM stat_delta WHERE project_id = $1 AND fanout_id = $2 AND channel = '') AND EXISTS (${WAITING}) AS both`,
    project,
    fanout,
  )
  return rows[0]?.both === true
}

/** A project with a send to many whose progress is counted, folded and not. */
async function newWorld(): Promise<World> {
  const random = seeded()
  const { newProject, accept } = createHistory(db)
  const world = await newProject()
  for (let round = 0; round < 10; round++) await accept(random, world)
  while (await foldStats(db.pool));
  for (let round = 0; round < 5 || !(await hasBoth(world)); round++) await accept(random, world)
  return world
}

const WAITING = `SELECT m.id FROM message m JOIN notification n
  ON n.project_id = m.project_id AND n.id = m.notification_id AND n.transaction_id = 'many' AND cardinality(n.channels) > 1
  WHERE m.project_id = $1 AND m.status = 'QUEUED' AND m.channel <> 'IN_APP'`

/** Ends a message on one of several channels. */
const skipOne = (project: string) =>
  ask(`UPDATE message SET status = 'SKIPPED', due_at = NULL WHERE project_id = $1 AND id = (${WAITING} LIMIT 1)`, project)

/** What the counters say, whether or not they are used. */
const isCounted = async ({ project, fanout }: World): Promise<boolean> => {
  const { rows } = await ask(
    `SELECT bool_and(waiting IS NOT NULL) AS counted FROM (SELECT waiting FROM stat_of WHERE project_id = $1 AND of_id = $2 AND channel = ''
      UNION ALL SELECT waiting FROM stat_delta WHERE project_id = $1 AND fanout_id = $2 AND channel = '') s`,
    project,
    fanout,
  )
  return rows[0]?.counted === true
}

const compare = async ({ project }: World, name = 'many'): Promise<void> =>
  expect(await readProgress(db.pool, project, name)).toMatchObject(await recountProgress(db.pool, project, name))

describe('The progress of a send to many is right', () => {
  it('though the process before wrote a chunk of it, counting statistics but not progress', async () => {
    const world = await newWorld()
    expect(await isCounted(world)).toBe(true)
    await ask(
      `WITH n AS (
          INSERT INTO notification (project_id, id, transaction_id, template_id, channels) VALUES ($1, $2, 'many', $3, '{SMS}')
        ), m AS (
          INSERT INTO message (project_id, id, notification_id, channel, status, due_at, history) VALUES ($1, $2, $2, 'SMS', 'QUEUED', now(), '[]')
        )
        INSERT INTO stat_delta (project_id, at, template_id, fanout_id, channel, count)
        SELECT $1, now(), $3, $4, '', 1 WHERE set_config('carillon.counted', 'on', true) = 'on'`,
      world.project,
      world.campaign,
      world.templates[0],
      world.fanout,
    )
    await compare(world)
    while (await foldStats(db.pool));
    await compare(world)
  })

  it('though the process before folded what was added, and what changed', async () => {
    const changed = await newWorld()
    await skipOne(changed.project)
    await ask('DELETE FROM stat_change WHERE project_id = $1', changed.project)
    expect(await isCounted(changed)).toBe(false)
    await compare(changed)
    const added = await newWorld()
    await ask(
      `WITH d AS (DELETE FROM stat_delta WHERE project_id = $1 AND fanout_id = $2 RETURNING *)
        INSERT INTO stat_of AS s (project_id, kind, of_id, channel, count, sent, delivered, failed, seen, read)
        SELECT project_id, 'FANOUT', fanout_id, channel, sum(count), sum(sent), sum(delivered), sum(failed), sum(seen), sum(read) FROM d GROUP BY 1, 3, 4
        ON CONFLICT (project_id, kind, of_id, channel) DO UPDATE SET count = s.count + EXCLUDED.count, sent = s.sent + EXCLUDED.sent`,
      added.project,
      added.fanout,
    )
    expect(await isCounted(added)).toBe(false)
    await compare(added)
  })

  it('while its transaction is renamed page by page, because a person was erased', async () => {
    const world = await newWorld()
    const name = hashedName(world.project, 'many')
    let isDone = false
    while (!isDone) {
      isDone = await transact(db.pool, (tx) => renameTransaction(tx, world.project, 'many', 3))
      await skipOne(world.project)
    }
    await foldStats(db.pool)
    await compare(world, name)
  })

  it('whose messages are all that is counted: a call to single contacts writes no row for it', async () => {
    const world = await newWorld()
    while (await foldStats(db.pool));
    await ask(
      `WITH n AS (
          INSERT INTO notification (project_id, id, transaction_id, template_id, channels) VALUES ($1, $2, 'single', $3, '{SMS,EMAIL}')
        )
        INSERT INTO message (project_id, id, notification_id, channel, status, due_at, history)
        SELECT $1::uuid, c.id, $2, c.channel::channel, 'QUEUED', now(), '[]' FROM (VALUES ($2::uuid, 'SMS'), ($3, 'EMAIL')) c (id, channel)`,
      world.project,
      world.campaign,
      world.templates[0],
    )
    while (await foldStats(db.pool));
    await ask(
      `UPDATE message SET status = 'SKIPPED', due_at = NULL WHERE project_id = $1 AND notification_id = $2`,
      world.project,
      world.campaign,
    )
    const { rows } = await ask('SELECT project_id FROM stat_change UNION ALL SELECT project_id FROM stat_delta')
    expect(rows).toEqual([])
    await compare(world, 'single')
  })
})
