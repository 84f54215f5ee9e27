/** The list of what was sent to many, at 100,000 of them: pages are read by an index, and what a filter asks for stays what it is. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { findTransactions } from '../../src/db/transaction.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createCursors } from '../../src/domain/cursor.ts'
import { createTransactions, STATUSES_COUNTED_MAX, type TransactionFilter } from '../../src/domain/transaction.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const MANY = 100_000
const [mine, other] = [crypto.randomUUID(), crypto.randomUUID()]
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let transactions: ReturnType<typeof createTransactions>

/** Ids in the order of `n`, a second apart. */
const idOf = (n: string): string =>
  `(lpad(to_hex(1700000000000 + ${n} * 1000), 12, '0') || '70008000' || lpad(to_hex(${n}), 12, '0'))::uuid`
const ask = async (text: string, ...values: unknown[]) => (await db.pool.query(text, values)).rows

/** One of a hundred is a run of a campaign, one of a thousand is to a topic; every second one is of template t1; the newest three are not written. */
async function fill(projectId: string, count: number): Promise<void> {
  await ask(
    `INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1::uuid, $1::text, 'P', $1::text, '\\x00')`,
    projectId,
  )
  await ask(
    `INSERT INTO template (project_id, id, key, name) SELECT $1, gen_random_uuid(), 't' || n, 'T' FROM generate_series(0, 1) n`,
    projectId,
  )
  await ask(
    `INSERT INTO campaign (project_id, id, key, name, dispatch, template_id) SELECT $1, gen_random_uuid(), 'weekly', 'W', 'SEGMENT', id FROM template
      WHERE project_id = $1 AND key = 't0'`,
    projectId,
  )
  await ask(`INSERT INTO topic (project_id, id, key, name) VALUES ($1, gen_random_uuid(), 'news', 'N')`, projectId)
  await ask(
    `INSERT INTO fanout (project_id, id, transaction_id, template_id, campaign_id, audience, status, total, written, until, created_at, by_kind, by_id, by_name)
      SELECT $1, ${idOf('n')}, 'tx-' || n, (array[t0.id, t1.id])[n % 2 + 1], CASE WHEN n % 100 = 0 THEN c.id END,
        CASE WHEN n % 1000 = 1 THEN jsonb_build_object('kind', 'topic', 'id', p.id) ELSE '{"kind":"all"}' END,
        CASE WHEN n > $2 - 3 THEN 'RUNNING' WHEN n % 10000 = 7 THEN 'CANCELED' ELSE 'DONE' END, 1000, 1000, ${idOf('n')},
        to_timestamp(1700000000 + n), 'KEY', 'key-' || n % 5, 'Backend ' || n % 5
      FROM generate_series(1, $2::int) n, template t0, template t1, campaign c, topic p
      WHERE t0.project_id = $1 AND t0.key = 't0' AND t1.project_id = $1 AND t1.key = 't1' AND c.project_id = $1 AND p.project_id = $1`,
    projectId,
    count,
  )
  await ask(
    `INSERT INTO stat_of (project_id, kind, of_id, channel, count, sent, delivered, failed, seen, read, waiting, lost)
      SELECT project_id, 'FANOUT', id, '', 1000, 990, 0, 10, 0, 0, CASE WHEN transaction_id = 'tx-50' THEN 5 ELSE 0 END, 10 FROM fanout WHERE project_id = $1`,
    projectId,
  )
}

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  transactions = createTransactions({ db, cursors: createCursors([Buffer.alloc(32)], systemClock) })
  await fill(mine, MANY)
  await fill(other, 5)
  await ask('VACUUM ANALYZE fanout')
  await ask('ANALYZE stat_of')
}, 60_000)
afterAll(async () => {
  await db.close()
  await database.drop()
})

const named = async (filter: TransactionFilter, first = 3) =>
  (await transactions.list(mine, filter, { first })).nodes.map((one) => one.transactionId)

it('finds by each filter, and by several', async () => {
  expect(await named({})).toEqual(['tx-100000', 'tx-99999', 'tx-99998'])
  expect(await named({ kinds: ['CAMPAIGN'] })).toEqual(['tx-100000', 'tx-99900', 'tx-99800'])
  expect(await named({ kinds: ['BROADCAST'] })).toEqual(['tx-99999', 'tx-99998', 'tx-99997'])
  expect(await named({ kinds: ['BROADCAST', 'CAMPAIGN'] }, 1)).toEqual(['tx-100000'])
  expect(await named({ campaign: 'weekly', templates: ['t1'] })).toEqual([])
  expect(await named({ topic: 'news' })).toEqual(['tx-99001', 'tx-98001', 'tx-97001'])
  expect(await named({ templates: ['t1', 'no-such'] }, 2)).toEqual(['tx-99999', 'tx-99997'])
  expect(await named({ by: 'Backend 3' }, 2)).toEqual(['tx-99998', 'tx-99993'])
  expect(await named({ by: 'key-3', kinds: ['CAMPAIGN'] })).toEqual([])
  const [from, to] = [new Date((1_700_000_000 + 500) * 1000), new Date((1_700_000_000 + 502) * 1000)]
  expect(await named({ from, to })).toEqual(['tx-501', 'tx-500'])
  for (const filter of [{ topic: 'none' }, { segment: 'news' }, { campaign: 'none' }, { by: 'nobody' }, { templates: [] }]) {
    expect(await named(filter)).toEqual([])
  }
})

it('finds by the state that progress shows, with what is waiting', async () => {
  expect(await named({ statuses: ['RUNNING'] }, 10)).toEqual(['tx-100000', 'tx-99999', 'tx-99998', 'tx-50'])
  expect(await named({ statuses: ['CANCELED'] }, 2)).toEqual(['tx-90007', 'tx-80007'])
  expect(await named({ statuses: ['DONE'] }, 2)).toEqual(['tx-99997', 'tx-99996'])
  expect(await named({ statuses: ['ACCEPTED'] })).toEqual([])
})

it('counts what a filter is for', async () => {
  const total = async (filter: TransactionFilter) => (await transactions.list(mine, filter, { first: 1 })).total()
  expect([await total({}), await total({ topic: 'news' }), await total({ campaign: 'weekly' })]).toEqual([MANY, 100, 1000])
})

it('refuses what no transaction of the list can be', async () => {
  await expect(named({ kinds: ['CALL'] })).rejects.toMatchObject({ code: 'BAD_INPUT', details: { field: 'kinds' } })
  await expect(named({ topic: 'a', segment: 'b' })).rejects.toMatchObject({ code: 'BAD_INPUT', details: { field: 'segment' } })
  await expect(named({ by: 'x'.repeat(256) })).rejects.toMatchObject({ code: 'BAD_INPUT', details: { field: 'by' } })
  await expect(named({ templates: Array(101).fill('t') })).rejects.toMatchObject({
    code: 'BAD_INPUT',
    details: { max: 100, got: 101 },
  })
  const { cursorOf, nodes } = await transactions.list(other, {}, { first: 1 })
  const after = nodes.map(cursorOf)[0] ?? null
  await expect(transactions.list(mine, {}, { after })).rejects.toMatchObject({ code: 'BAD_CURSOR' })
})

it('shows a project nothing of another', async () => {
  const { nodes, total } = await transactions.list(other, {}, { first: 100 })
  expect([nodes.length, await total(), nodes.every((one) => one.projectId === other)]).toEqual([5, 5, true])
  const [campaign] = await ask('SELECT id FROM campaign WHERE project_id = $1', mine)
  expect((await transactions.runs(other, campaign.id, {})).nodes).toEqual([])
  expect((await transactions.runs(mine, campaign.id, { first: 1 })).nodes.map((one) => one.transactionId)).toEqual(['tx-100000'])
  expect(await transactions.named(other, 'tx-50000')).toBeNull()
})

it('goes on where it was while new ones are accepted', async () => {
  const seen: string[] = []
  let after: string | null = null
  for (let page = 0; page < 5; page++) {
    const { nodes, cursorOf } = await transactions.list(mine, { kinds: ['CAMPAIGN'] }, { first: 2, after })
    seen.push(...nodes.map((one) => one.transactionId))
    after = nodes.map(cursorOf).at(-1) ?? null
    await ask(
      `INSERT INTO fanout (project_id, id, transaction_id, template_id, campaign_id, audience, until)
        SELECT project_id, ${idOf(String(MANY + 1000 + page))}, 'new-${page}', template_id, campaign_id, audience, until FROM fanout
        WHERE project_id = $1 AND transaction_id = 'tx-100'`,
      mine,
    )
  }
  expect(seen).toEqual(Array.from({ length: 10 }, (_unused, index) => `tx-${MANY - index * 100}`))
  await ask(`DELETE FROM fanout WHERE project_id = $1 AND transaction_id LIKE 'new-%'`, mine)
})

it('lists a call once, whichever of its sends a filter asks for', async () => {
  for (const [n, template] of [
    [1, 't0'],
    [2, 't1'],
    [3, 't1'],
  ] as const) {
    await ask(
      `INSERT INTO fanout (project_id, id, transaction_id, template_id, audience, until) SELECT project_id, ${idOf(String(MANY + 10 + n))}, 'call', id, '{"kind":"all"}',
        ${idOf('1')} FROM template WHERE project_id = $1 AND key = $2`,
      mine,
      template,
    )
  }
  expect(await named({}, 2)).toEqual(['call', 'tx-100000'])
  expect(await named({ templates: ['t1'] }, 2)).toEqual(['call', 'tx-99999'])
  expect(await named({ templates: ['t0'] }, 2)).toEqual(['call', 'tx-100000'])
  expect(await named({ statuses: ['ACCEPTED'] })).toEqual(['call'])
  await ask(`DELETE FROM fanout WHERE project_id = $1 AND transaction_id = 'call'`, mine)
})

it('reads a page by an index, and no more rows than it has', async () => {
  const plans: string[] = []
  const explaining = {
    query: async ({ text, values }: { text: string; values: unknown[] }) => {
      const { rows } = await db.pool.query(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${text}`, values)
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
      return { rows: [] }
    },
  }
  const none = {
    ...{
      ofCampaign: null,
      by: null,
      templates: null,
      topic: null,
      segment: null,
      campaign: null,
      campaignId: null,
      statuses: null,
    },
    ...{ from: null, to: null, fromId: null, toId: null },
  }
  const range = { after: null, before: null, ascending: false, limit: 21 }
  const [campaign] = await ask('SELECT id FROM campaign WHERE project_id = $1', mine)
  const filters = [
    none,
    { ...none, campaignId: campaign.id },
    { ...none, templates: ['t1'] },
    { ...none, statuses: ['DONE' as const] },
  ]
  for (const filter of filters) await findTransactions(explaining as never, mine, filter, range)
  for (const plan of plans) {
    expect(plan).toMatch(/Limit .*rows=21/)
    expect(plan).toMatch(/Index (Only )?Scan.* using fanout_(pkey|campaign|template) on fanout f/)
    expect(plan).toContain('fanout_project_id_transaction_id_idx')
    expect(plan).not.toContain('Seq Scan on fanout')
  }
  expect(plans[1]).toContain('fanout_campaign')
})

it('counts messages by channel and state, as far as is said', async () => {
  const insert = (transactionId: string, count: number) =>
    ask(
      `WITH r AS MATERIALIZED (SELECT gen_random_uuid() AS id, n FROM generate_series(1, $3::int) n), i AS (
        INSERT INTO notification (project_id, id, transaction_id, channels) SELECT $1, id, $2, '{EMAIL,SMS}' FROM r)
        INSERT INTO message (project_id, id, notification_id, channel, status)
        SELECT $1, gen_random_uuid(), id, c, CASE WHEN c = 'SMS' THEN 'SKIPPED' WHEN n = 1 THEN 'FAILED' ELSE 'SENT' END::message_status
        FROM r, unnest('{EMAIL,SMS}'::channel[]) c`,
      mine,
      transactionId,
      count,
    )
  await insert('few', 3)
  await insert('lots', STATUSES_COUNTED_MAX + 1)
  expect(await transactions.statuses({ projectId: mine, transactionId: 'few' })).toEqual({
    counts: [
      { channel: 'EMAIL', status: 'SENT', count: 2 },
      { channel: 'EMAIL', status: 'FAILED', count: 1 },
      { channel: 'SMS', status: 'SKIPPED', count: 3 },
    ],
    notifications: 3,
    isWhole: true,
  })
  const lots = await transactions.statuses({ projectId: mine, transactionId: 'lots' })
  expect([lots.notifications, lots.isWhole]).toEqual([STATUSES_COUNTED_MAX, false])
  expect(lots.counts.reduce((sum, one) => sum + one.count, 0)).toBe(2 * STATUSES_COUNTED_MAX)
  expect(await transactions.statuses({ projectId: other, transactionId: 'few' })).toEqual({
    counts: [],
    notifications: 0,
    isWhole: true,
  })
})
