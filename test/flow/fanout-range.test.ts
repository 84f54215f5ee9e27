/** Sends to many read their audience in ranges, count it separately, and leave out nobody whose id comes from a clock that runs ahead. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkExtra } from '../../src/channels/registry.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { lockFanout, readMembers } from '../../src/db/fanout.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createContentCache } from '../../src/domain/contents.ts'
import { createIds, firstIdAt } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { CHUNK, createFanoutWriter } from '../../src/send/write-fanout.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { addContacts } from '../helpers/contacts.ts'
import { Cancel, Feed, UpsertContacts } from '../helpers/operations.ts'
import { UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast, Transaction } from '../helpers/operations-fanout.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const CONTACTS = 12_000
let app: TestApp
let db: Database
let project: TestProject
const ids = createIds(systemClock)
beforeAll(async () => {
  app = await startTestApp()
  db = openDatabase(app.databaseUrl, { max: 6, log: silentLog })
  project = await newShop(app, null)
  await addContacts(db.pool, project.id, CONTACTS)
  await project.api.do(UpsertSegments, {
    segments: [
      { key: 'nobody', where: { profile: { path: 'plan', is: 'EQUALS', value: 'none' } } },
      { key: 'last', where: { profile: { path: 'firstName', is: 'EQUALS', value: `N${CONTACTS - 1}` } } },
    ],
  })
})
afterAll(async () => {
  await db.close()
  await app.stop()
})
const transaction = async (of: TestProject, id: string) => (await of.api.do(Transaction, { id })).transaction
const finished = (of: TestProject, id: string) =>
  until('it is done', async () => ((await transaction(of, id))?.status === 'DONE' ? transaction(of, id) : null), 20_000)

/** A send that no worker takes: it is due in a year, and the test reads it with a clock that is a year ahead. */
const YEAR_MS = 366 * 86_400_000
async function held(audience: object, transactionId: string): Promise<void> {
  const template = await app.app.prisma.template.findFirstOrThrow({ where: { projectId: project.id, key: 'note' } })
  const row = { projectId: project.id, id: ids(), templateId: template.id, until: ids(), data: { n: 1 } }
  await app.app.prisma.fanout.create({
    data: { ...row, transactionId, audience, channels: ['IN_APP'], dueAt: new Date(Date.now() + YEAR_MS - 60_000) },
  })
}
const whenever = { now: () => new Date(), offsetMs: YEAR_MS }
const writer = (pool: Database['pool']) =>
  createFanoutWriter({
    ...{ db: { ...db, pool }, clock: whenever, ids, renderer: createRenderer(), contents: createContentCache() },
    checkExtra,
    vendors: { dials: () => null },
    wake: () => {},
    publish: () => {},
    listens: () => true,
  }).write
const nobody = { kind: 'segment', id: '', condition: { profile: { path: 'plan', is: 'EQUALS', value: 'none' } } }

it('G7, F29: a segment that matches nobody is read 5,000 contacts at a time, and the place moves on', async () => {
  await held(nobody, 'in-ranges')
  const client = await db.pool.connect()
  try {
    await client.query('BEGIN')
    const locked = await lockFanout(client, YEAR_MS)
    if (locked === null) throw new Error('nothing is due')
    const places: (string | null)[] = []
    let cursor: string | null = null
    for (let isLast = false; !isLast; ) {
      const read = await readMembers(client, { ...locked, cursor }, { limit: 2_000, examined: 5_000 }, 0)
      expect(read.members).toEqual([])
      places.push(read.cursor)
      cursor = read.cursor
      isLast = read.isLast
    }
    const { rows } = await client.query<{ id: string }>('SELECT id FROM contact WHERE project_id = $1 ORDER BY id', [project.id])
    expect(places).toEqual([rows[4_999]?.id, rows[9_999]?.id, null])
    await client.query('ROLLBACK')
  } finally {
    client.release()
  }
  await project.api.do(Cancel, { transactionId: 'in-ranges' })
})

it('NV-43: a segment whose only member is the last of many contacts is notified, and counted', async () => {
  await project.api.do(Broadcast, { input: { template: 'note', segment: 'last', transactionId: 'to-the-last' } })
  expect(await finished(project, 'to-the-last')).toMatchObject({ total: 1, done: 1, sent: 1, failed: 0 })
  await project.api.do(Broadcast, { input: { template: 'note', segment: 'nobody', transactionId: 'to-nobody' } })
  expect(await finished(project, 'to-nobody')).toMatchObject({ total: 0, done: 0, sent: 0, failed: 0 })
})

it('G7, NV-44: a count that fails leaves the total unknown and holds up neither what is written nor cancel', async () => {
  await held({ kind: 'all' }, 'uncounted')
  // The transaction has a connection of its own; the pool itself is asked only for the count.
  let refused = 0
  const pool = new Proxy(db.pool, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name, target)
      return async () => {
        refused++
        throw new Error('canceling statement due to statement timeout')
      }
    },
  })
  const write = writer(pool)
  expect(await write(CHUNK)).toBe(true)
  expect(await write(CHUNK)).toBe(true)
  expect(refused).toBe(1)
  expect(await transaction(project, 'uncounted')).toMatchObject({ status: 'RUNNING', total: null, done: 2 * CHUNK })
  await project.api.do(Cancel, { transactionId: 'uncounted' })
  expect(await write(CHUNK)).toBe(false)
})

it('NV-42: the audience is counted once, while it is being written', async () => {
  await held({ kind: 'all' }, 'counted')
  const write = writer(db.pool)
  expect(await write(CHUNK)).toBe(true)
  const counted = await until('it is counted', async () => {
    const state = await transaction(project, 'counted')
    return state?.total === null ? null : state
  })
  expect(counted).toMatchObject({ status: 'RUNNING', total: CONTACTS, done: CHUNK })
  await project.api.do(Cancel, { transactionId: 'counted' })
})

it('F29: a contact whose id comes from a clock that runs ahead is notified, and an actor that the call created is not', async () => {
  const shop = await newShop(app, null)
  await shop.api.do(UpsertContacts, { contacts: [{ externalId: 'here' }] })
  const { broadcast: first } = await shop.api.do(Broadcast, {
    input: { template: 'note', actor: { externalId: 'speaker' }, transactionId: 'by-a-new-actor' },
  })
  expect(await finished(shop, first.transactionId)).toMatchObject({ total: 1, done: 1 })
  const { prisma } = app.app
  const contactId = firstIdAt(Date.now() + 600_000)
  await prisma.contact.create({ data: { projectId: shop.id, id: contactId, externalId: 'ahead' } })
  await prisma.feedState.create({ data: { projectId: shop.id, contactId } })
  const { broadcast } = await shop.api.do(Broadcast, { input: { template: 'note', transactionId: 'skewed' } })
  expect(await finished(shop, broadcast.transactionId)).toMatchObject({ total: 3, done: 3 })
  expect((await shop.api.do(Feed, { contact: 'ahead' })).feed.totalCount).toBe(1)
})
