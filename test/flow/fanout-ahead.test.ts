/** While a chunk of a send to many is written, the next one is read and planned. What changes in between is respected all the same. */
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkExtra } from '../../src/channels/registry.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createContentCache } from '../../src/domain/contents.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { CHUNK, createFanoutWriter } from '../../src/send/write-fanout.ts'
import type { Signal, SignalTarget } from '../../src/words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { addContacts } from '../helpers/contacts.ts'
import { SetPreference, UpsertTemplates } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const YEAR_MS = 366 * 86_400_000
const ids = createIds(systemClock)
let app: TestApp
let db: Database
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  db = openDatabase(app.databaseUrl, { max: 6, log: silentLog })
})
afterAll(async () => {
  await db.close()
  await app.stop()
})

/** A new project with contacts, and a send that no worker takes: it is due in a year, and the writer's clock is a year ahead. */
async function hold(contacts: number): Promise<void> {
  project = await newShop(app, null)
  await addContacts(db.pool, project.id, contacts)
  const template = await app.app.prisma.template.findFirstOrThrow({ where: { projectId: project.id, key: 'note' } })
  const row = { projectId: project.id, id: ids(), templateId: template.id, until: ids(), data: { n: 1 }, transactionId: 'held' }
  await app.app.prisma.fanout.create({
    data: { ...row, audience: { kind: 'all' }, channels: ['IN_APP'], dueAt: new Date(Date.now() + YEAR_MS - 60_000) },
  })
}

/** A writer, how often it has read members, and what it published. */
function open(listens: (target: SignalTarget) => boolean) {
  const seen = { reads: 0, ended: 0, published: [] as Signal[] }
  const watched = new WeakSet<PoolClient>()
  const watch = (client: PoolClient): PoolClient => {
    if (watched.has(client)) return client
    watched.add(client)
    const query = client.query.bind(client) as (...args: readonly unknown[]) => Promise<unknown>
    const counted = async (...args: readonly unknown[]): Promise<unknown> => {
      const [given] = args
      const isRead = typeof given === 'object' && given !== null && 'name' in given && given.name === 'read-members-all'
      if (isRead) seen.reads++
      const result = await query(...args)
      if (isRead) seen.ended++
      return result
    }
    return Object.assign(client, { query: counted })
  }
  const pool = new Proxy(db.pool, {
    get(target, name) {
      if (name === 'connect') return async () => watch(await target.connect())
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const writer = createFanoutWriter({
    ...{ db: { ...db, pool }, clock: { now: () => new Date(), offsetMs: YEAR_MS }, ids, renderer: createRenderer() },
    ...{ contents: createContentCache(), checkExtra, vendors: { dials: () => null }, wake: () => {}, listens },
    publish: (signals) => void seen.published.push(...signals),
  })
  const ahead = (reads: number) => until('the next chunk is read', () => seen.ended >= reads)
  /** Until nothing is due: the end is only known when nobody is left to read. */
  async function finish(): Promise<void> {
    for (let outcome: unknown = true; outcome !== false; ) {
      outcome = await writer.write(CHUNK)
      expect(typeof outcome).toBe('boolean')
    }
  }
  return { writer, seen, ahead, finish }
}

const statuses = async (): Promise<Record<string, number>> => {
  const { rows } = await db.pool.query<{ status: string; total: number }>(
    'SELECT status, count(*)::int AS total FROM message WHERE project_id = $1 GROUP BY 1',
    [project.id],
  )
  return Object.fromEntries(rows.map((row) => [row.status, row.total]))
}

it('G7: a chunk that was read in advance is read once', async () => {
  await hold(3 * CHUNK)
  const { writer, seen, ahead, finish } = open(() => false)
  for (const reads of [2, 3, 4]) {
    expect(await writer.write(CHUNK)).toBe(true)
    await ahead(reads)
  }
  await finish()
  // The fourth finds nobody.
  expect(seen.reads).toBe(4)
  expect(await statuses()).toEqual({ DELIVERED: 3 * CHUNK })
})

it('G5: an opt-out after a chunk was read in advance, and before it is written, is respected', async () => {
  await hold(2 * CHUNK)
  const { writer, seen, ahead, finish } = open(() => false)
  expect(await writer.write(CHUNK)).toBe(true)
  await ahead(2)
  await project.api.do(SetPreference, { contact: `c${CHUNK + 7}`, channel: 'IN_APP', enabled: false })
  expect(await writer.write(CHUNK)).toBe(true)
  expect(seen.reads).toBeGreaterThanOrEqual(3)
  await finish()
  expect(await statuses()).toEqual({ DELIVERED: 2 * CHUNK - 1, SKIPPED: 1 })
})

it('a contact that appears among those of a chunk after it was read in advance is notified', async () => {
  await hold(2 * CHUNK)
  const { writer, ahead, finish } = open(() => false)
  expect(await writer.write(CHUNK)).toBe(true)
  await ahead(2)
  // As if its process's clock were behind, or its transaction had been long. Ids are in the order of time.
  await db.pool.query(
    `WITH c AS (INSERT INTO contact (project_id, id, external_id)
       SELECT $1::uuid, (left(id::text, 24) || lpad(to_hex(('x' || right(id::text, 12))::bit(48)::bigint # 1), 12, '0'))::uuid, 'late' FROM contact
       WHERE project_id = $1 AND external_id = $2 RETURNING project_id, id)
     INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM c`,
    [project.id, `c${CHUNK + 7}`],
  )
  await finish()
  expect(await statuses()).toEqual({ DELIVERED: 2 * CHUNK + 1 })
})

it('a template that was changed after a chunk was planned in advance is rendered as it is now', async () => {
  await hold(2 * CHUNK)
  const { writer, ahead, finish } = open(() => false)
  expect(await writer.write(CHUNK)).toBe(true)
  await ahead(2)
  await project.api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'new {{ n }}' }] }] })
  await finish()
  const { rows } = await db.pool.query(
    'SELECT body, count(*)::int AS total FROM message WHERE project_id = $1 GROUP BY 1 ORDER BY 1',
    [project.id],
  )
  expect(rows).toEqual([
    { body: '1', total: CHUNK },
    { body: 'new 1', total: CHUNK },
  ])
})

it('G9: signals are made for those who listen, and all of a chunk is published', async () => {
  await hold(20)
  const { rows } = await db.pool.query<{ id: string }>(
    'SELECT id FROM contact WHERE project_id = $1 ORDER BY id OFFSET 3 LIMIT 1',
    [project.id],
  )
  const contactId = rows[0]?.id ?? ''
  const { writer, seen } = open(
    (target) => target.topic === 'activity' || (target.topic === 'feed' && target.contactId === contactId),
  )
  expect(await writer.write(CHUNK)).toBe(true)
  await writer.published()
  const message = { contactId, body: '1', status: 'DELIVERED', arrivedSeq: 1 }
  const counts = { default: [1, 1] }
  expect(seen.published).toMatchObject([
    { topic: 'feed', contactId, changes: [{ seq: 1, kind: 'RECEIVED', counts, message }] },
    { topic: 'activity', projectId: project.id },
  ])
  const [, activity] = seen.published
  expect(activity?.topic === 'activity' ? activity.changes.map((one) => one.status) : []).toEqual(Array(20).fill('DELIVERED'))
})
