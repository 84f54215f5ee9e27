/** Statistics: the kept sums say what counting the rows says, whatever happened, in which order, and at which moment they are read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FIRST } from '../../src/db/cancel.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { foldStats } from '../../src/db/fold-stats.ts'
import { readProgress } from '../../src/db/progress.ts'
import { pruneNotifications } from '../../src/db/prune.ts'
import { firstIdAt } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createHistory, tolerate, type World } from '../helpers/history.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { countsOf, readStats, recount, recountProgress } from '../helpers/recount.ts'
import { seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'

const FULL = process.env['TEST_FULL'] === '1'
const DAY_MS = 24 * 3_600_000
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let history: ReturnType<typeof createHistory>

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 8, log: silentLog })
  history = createHistory(db)
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** Compares, for every filter. `withPruned`: what campaigns and the like sent is still there to be counted */
async function compare({ project, templates, fanout, campaign, providers }: World, isWhole = true): Promise<void> {
  const since = new Date(Math.floor((Date.now() - 1.5 * DAY_MS) / 60_000) * 60_000)
  for (const templateId of [null, ...templates]) {
    for (const channel of [null, 'IN_APP', 'EMAIL'] as const) {
      const filter = { templateId, channel }
      const { sent, ...rest } = await readStats(db.pool, project, filter, since)
      const { sent: sentOfRows, ...restOfRows } = await recount(db.pool, project, filter, since)
      expect(rest, JSON.stringify(filter)).toEqual(restOfRows)
      if (isWhole) expect(sent).toBe(sentOfRows)
    }
  }
  if (!isWhole) return
  expect(await readProgress(db.pool, project, 'many')).toMatchObject(await recountProgress(db.pool, project, 'many'))
  const of = [['CAMPAIGN', campaign], ['FANOUT', fanout], ...providers.map((id) => ['PROVIDER', id] as const)] as const
  for (const [kind, id] of of) {
    const { counted, recounted } = await countsOf(db.pool, project, kind, id)
    expect(counted, kind).toEqual(recounted)
  }
}

const HISTORIES = FULL ? 60 : 6
const STEPS = FULL ? 120 : 60

describe('the sums', () => {
  it(`say what counting the rows says, in ${HISTORIES} random histories`, async () => {
    const random = seeded()
    for (let done = 0; done < HISTORIES; done++) {
      const world = await history.newProject()
      for (let step = 0; step < STEPS; step++) {
        await random.of(history.steps)(random, world)
        if (random.int(STEPS / 3) === 0) await compare(world)
      }
      await compare(world)
      // Folded to the end, they are the same.
      while (await foldStats(db.pool));
      await compare(world)
      // What was pruned stays counted.
      await history.accept(random, world)
      const before = new Date(Date.now() + 60_000)
      await db.pool.query(
        `UPDATE message SET status = 'SENT', due_at = NULL WHERE project_id = $1 AND status IN ('SCHEDULED', 'QUEUED', 'SENDING')
        AND channel <> 'IN_APP'`,
        [world.project],
      )
      const progress = await readProgress(db.pool, world.project, 'many')
      await pruneNotifications(db.pool, { projectId: world.project, below: firstIdAt(before.getTime()), before }, FIRST, 1_000)
      await compare(world, false)
      expect(await readProgress(db.pool, world.project, 'many')).toEqual(progress)
    }
  }, 900_000)

  it('are exact while eight writers and a folder work at once', async () => {
    const random = seeded()
    const world = await history.newProject()
    let isDone = false
    const folding = (async () => {
      while (!isDone) await foldStats(db.pool)
    })()
    await Promise.all(
      times(8, async () => {
        for (let step = 0; step < 25; step++) await random.of(history.steps)(random, world).catch(tolerate)
      }),
    )
    isDone = true
    await folding
    await compare(world)
  }, 120_000)

  it('are counted again by stat_recount, whatever they were before', async () => {
    const random = seeded()
    const world = await history.newProject()
    for (let step = 0; step < 40; step++) await random.of(history.steps)(random, world)
    await db.pool.query('UPDATE stat_day SET sent = sent + 5 WHERE project_id = $1', [world.project])
    await db.pool.query('DELETE FROM stat_of WHERE project_id = $1', [world.project])
    await db.pool.query('SELECT stat_recount()')
    await compare(world)
  })
})
