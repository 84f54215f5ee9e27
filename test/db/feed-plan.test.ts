/** A page of a long feed costs what it reads: its plan is kept, and walks the index. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import {
  countBySeverity,
  countFeed,
  type FeedName,
  type FeedPart,
  readFeed,
  replayFeed,
  SEVERITY_SCAN,
} from '../../src/db/feed.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const LONG = 100_000
const PORTION = 10_000
const CALLS = 20
/** How many custom plans PostgreSQL makes of a statement before it may keep a generic one. */
const TRIES = 5
const [projectId, templateId, contactId] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  // One connection: plans belong to it.
  db = openDatabase(database.url, { max: 1, log: silentLog })
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
  await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [projectId, templateId])
  await db.pool.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, [projectId, contactId])
  await db.pool.query('INSERT INTO feed_state (project_id, contact_id, feed_seq) VALUES ($1, $2, $3)', [
    projectId,
    contactId,
    LONG,
  ])
  // In portions: a slow machine would need longer than a statement may take.
  for (let from = 1; from <= LONG; from += PORTION)
    await db.pool.query(
      `WITH r AS MATERIALIZED (SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS notification_id FROM generate_series($4::int, $5::int) n),
     n AS (INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, channels)
       SELECT $1, notification_id, 'tx', $3, $2, '{IN_APP}' FROM r)
     INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, sent_at, feed, title, body, template_id, arrived_seq,
       listed_seq, changed_seq, change_kind)
     SELECT $1, id, notification_id, $2, 'IN_APP', 'DELIVERED', now(), 'default', 'T', 'B', $3, n, n, n, 'RECEIVED' FROM r`,
      [projectId, contactId, templateId, from, from + PORTION - 1],
    )
  await db.pool.query('ANALYZE')
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function customPlansOf(name: string): Promise<number> {
  const { rows } = await db.pool.query<{ custom_plans: number }>(
    'SELECT custom_plans::int FROM pg_prepared_statements WHERE name LIKE $1',
    [`${name}%`],
  )
  expect(rows).toHaveLength(1)
  return rows[0]?.custom_plans ?? Number.NaN
}
const whole = { feeds: null, seen: null, read: null, archived: false }
const all: ReadonlySet<FeedPart> = new Set(['place', 'text', 'message', 'data', 'template', 'actor'])
const text: ReadonlySet<FeedPart> = new Set(['place', 'text'])
const names: Record<string, FeedName> = { 'by-key': { projectId, contactId }, 'by-name': { projectId, externalId: 'c' } }

it.each([
  ['by-key', 'DESC', 'below', { above: 0, below: LONG / 2, backward: false }],
  ['by-name', 'DESC', 'below', { above: 0, below: LONG / 2, backward: false }],
  ['by-key', 'ASC', 'above', { above: LONG / 2, below: Number.MAX_SAFE_INTEGER, backward: true }],
] as const)('plans a page %s %s, %s a place, a few times at most', async (name, direction, bound, place) => {
  const feed = names[name]
  if (feed === undefined) throw new Error('No feed')
  for (const [parts, read] of [
    [all, 'message-data-template-actor'],
    [text, 'text'],
  ] as const) {
    for (let call = 0; call < CALLS; call++) {
      const page = await readFeed(db.pool, feed, whole, { ...place, limit: 21 }, parts)
      const seqs = page?.messages.map((message) => message.listedSeq)
      expect([seqs?.length, seqs?.[0]]).toEqual([21, direction === 'DESC' ? LONG / 2 - 1 : LONG / 2 + 1])
    }
    expect(await customPlansOf(`read-feed-${name}-${direction}-${bound}-21-${read}`)).toBeLessThanOrEqual(TRIES)
  }
})

it('reads between two places, and no more rows than were asked for', async () => {
  const limits = { above: 100, below: 140, limit: 12, backward: false }
  const page = await readFeed(db.pool, { projectId, contactId }, whole, limits, all)
  expect(page?.messages.map((message) => message.listedSeq)).toEqual(Array.from({ length: 12 }, (_unused, n) => 139 - n))
})

it('reads what is after a place from its end, and what is before one from the beginning', async () => {
  const read = async (place: { above: number; below: number; backward: boolean }) => {
    const page = await readFeed(db.pool, { projectId, contactId }, whole, { ...place, limit: 2 }, text)
    return page?.messages.map((message) => message.listedSeq)
  }
  expect(await read({ above: 0, below: 3, backward: true })).toEqual([1, 2])
  expect(await read({ above: 0, below: 2, backward: true })).toEqual([1])
  expect(await read({ above: LONG - 1, below: Number.MAX_SAFE_INTEGER, backward: false })).toEqual([LONG])
  expect(await read({ above: 0, below: Number.MAX_SAFE_INTEGER, backward: true })).toEqual([1, 2])
  expect(await read({ above: 0, below: Number.MAX_SAFE_INTEGER, backward: false })).toEqual([LONG, LONG - 1])
})

it('plans what came since a place a few times at most', async () => {
  for (let call = 0; call < CALLS; call++) {
    const replay = await replayFeed(db.pool, { projectId, contactId }, 'arrivals', LONG / 2, 100)
    expect([replay?.changes.length, replay?.upTo]).toEqual([100, LONG / 2 + 100])
  }
  expect(await customPlansOf('replay-arrivals')).toBeLessThanOrEqual(TRIES)
})

it('joins no more than it says for severities, whatever the length of the feed', async () => {
  const key = { projectId, contactId }
  const template = crypto.randomUUID()
  await db.pool.query(`INSERT INTO template (project_id, id, key, name, severity) VALUES ($1, $2, 'high', 'H', 'HIGH')`, [
    projectId,
    template,
  ])
  await db.pool.query(
    `UPDATE notification SET template_id = $2 WHERE project_id = $1
      AND id IN (SELECT notification_id FROM message WHERE project_id = $1 AND listed_seq IN (1, $3))`,
    [projectId, template, LONG],
  )
  expect((await countBySeverity(db.pool, key, null)).toSorted((a, b) => a.unreadCount - b.unreadCount)).toEqual([
    { severity: 'HIGH', unseenCount: 1, unreadCount: 1 },
    { severity: 'NORMAL', unseenCount: SEVERITY_SCAN - 1, unreadCount: SEVERITY_SCAN - 1 },
  ])
  const filter = { ...whole, severities: ['HIGH'] as const }
  expect(await countFeed(db.pool, key, filter)).toBe(1)
  const read = async (place: { above: number; below: number; backward: boolean }) => {
    const page = await readFeed(db.pool, key, filter, { ...place, limit: 2 }, text)
    return page?.messages.map((message) => message.listedSeq)
  }
  expect(await read({ above: 0, below: Number.MAX_SAFE_INTEGER, backward: false })).toEqual([LONG])
  expect(await read({ above: 0, below: SEVERITY_SCAN, backward: false })).toEqual([1])
  expect(await read({ above: 0, below: Number.MAX_SAFE_INTEGER, backward: true })).toEqual([1])
})
