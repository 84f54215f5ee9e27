/** Events: reported in batches, stored with their contact, matched by segments. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { DeleteContacts, GetContact } from '../helpers/operations.ts'
import { TrackEvents } from '../helpers/operations-audience.ts'
import { times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let record: pg.Client
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  record = new pg.Client({ connectionString: app.databaseUrl })
  await record.connect()
})
afterAll(async () => {
  await record.end()
  await app.stop()
})

const stored = async (name: string) =>
  (
    await record.query(
      `SELECT e.name, e.params, e.keys, e.occurred_at, c.external_id FROM event e LEFT JOIN contact c ON c.id = e.contact_id
       WHERE e.project_id = $1 AND e.name = $2 ORDER BY e.id`,
      [project.id, name],
    )
  ).rows
const refusal = async (event: object) => {
  const { codes, errors } = await project.api.ask(TrackEvents, { events: [{ name: 'fine', contact: 'e1' }, event as never] })
  return [codes[0], errors[0]?.extensions['index'], errors[0]?.extensions['field']]
}

it('LY-10, LY-11, LY-12, LY-14, LY-15, LY-17: stores an event with all its fields, and answers how many', async () => {
  const { trackEvents } = await project.api.do(TrackEvents, {
    events: [
      {
        name: 'bought',
        contact: 'buyer',
        params: { plan: 'pro', price: 12.5, lines: [{ sku: 'a' }] },
        segmentationKeys: ['plan', 'plan'],
        occurredAt: '2026-01-31T10:00:00+09:00',
      },
      { name: 'bought', contact: 'buyer' },
    ],
  })
  expect(trackEvents).toEqual({ acceptedCount: 2 })
  const [first, second] = await stored('bought')
  expect(first).toEqual({
    name: 'bought',
    params: { plan: 'pro', price: 12.5, lines: [{ sku: 'a' }] },
    keys: ['plan'],
    occurred_at: new Date('2026-01-31T01:00:00Z'),
    external_id: 'buyer',
  })
  expect(second).toMatchObject({ params: {}, keys: [], external_id: 'buyer' })
  expect(Math.abs(second.occurred_at.getTime() - Date.now())).toBeLessThan(60_000)
  // Made by the first, found by the second: one contact, with a feed.
  const { contact } = await project.api.do(GetContact, { externalId: 'buyer' })
  expect(contact?.externalId).toBe('buyer')
  const { rows } = await record.query(
    'SELECT count(*)::int AS n FROM feed_state f JOIN contact c ON c.id = f.contact_id WHERE c.external_id = $1',
    ['buyer'],
  )
  expect(rows[0]?.n).toBe(1)
})

it('LY-13, LY-16: a global event has no contact, every other one must have one', async () => {
  await project.api.do(TrackEvents, { events: [{ name: 'launched', isGlobal: true, params: { version: 2 } }] })
  expect(await stored('launched')).toMatchObject([{ params: { version: 2 }, external_id: null }])
  expect(await refusal({ name: 'fine' })).toEqual(['BAD_INPUT', 1, 'contact'])
  expect(await refusal({ name: 'fine', contact: null, isGlobal: false })).toEqual(['BAD_INPUT', 1, 'contact'])
  expect(await refusal({ name: 'fine', contact: 'e1', isGlobal: true })).toEqual(['BAD_INPUT', 1, 'contact'])
  expect(await stored('fine')).toEqual([])
})

it('LY-12, LY-14: a bad event refuses the whole call, naming its index, and nothing is stored', async () => {
  for (const [event, field] of [
    [{ name: '', contact: 'e1' }, 'name'],
    [{ name: 'x'.repeat(256), contact: 'e1' }, 'name'],
    [{ name: 'a\u0000b', contact: 'e1' }, 'name'],
    [{ name: 'fine', contact: '' }, 'contact'],
    [{ name: 'fine', contact: 'e1', params: { n: 1e300 } }, 'params'],
    [{ name: 'fine', contact: 'e1', params: { n: 'a\u0000b' } }, 'params'],
    [{ name: 'fine', contact: 'e1', segmentationKeys: [''] }, 'segmentationKeys'],
    [{ name: 'fine', contact: 'e1', segmentationKeys: times(101, String) }, 'segmentationKeys'],
    [{ name: 'fine', contact: 'e1', occurredAt: '0000-01-01T00:00:00Z' }, 'occurredAt'],
    [{ name: 'fine', contact: 'e1', occurredAt: '9999-01-01T00:00:00Z' }, 'occurredAt'],
  ] as const) {
    expect(await refusal(event)).toEqual(['BAD_INPUT', 1, field])
  }
  expect(await stored('fine')).toEqual([])
  expect((await project.api.do(GetContact, { externalId: 'e1' })).contact).toBeNull()
})

it('LY-10: takes 1,000 events in one call, and refuses 1,001 and none', async () => {
  const events = times(1001, (n) => ({ name: 'many', contact: `m${n % 300}`, params: { n } }))
  const { codes, errors } = await project.api.ask(TrackEvents, { events })
  expect([codes, errors[0]?.extensions['max'], errors[0]?.extensions['got']]).toEqual([['BATCH_TOO_LARGE'], 1000, 1001])
  expect(await stored('many')).toEqual([])
  expect((await project.api.do(TrackEvents, { events: events.slice(1) })).trackEvents.acceptedCount).toBe(1000)
  expect(await stored('many')).toHaveLength(1000)
  expect((await project.api.ask(TrackEvents, { events: [] })).codes).toEqual(['BAD_INPUT'])
})

it('LY-16: twenty calls at once that make the same contacts store every event with the right one', async () => {
  await Promise.all(
    times(20, (call) =>
      project.api.do(TrackEvents, { events: times(50, (n) => ({ name: 'meeting', contact: `meet${(n * 7 + call) % 50}` })) }),
    ),
  )
  const rows = await stored('meeting')
  expect(rows).toHaveLength(1000)
  const byContact = Map.groupBy(rows, (row) => row.external_id)
  expect([byContact.size, ...new Set([...byContact.values()].map((list) => list.length))]).toEqual([50, 20])
})

it('LY-18: events are erased with their contact, also one that arrives while it is erased', async () => {
  await project.api.do(TrackEvents, { events: [{ name: 'left', contact: 'gone' }] })
  await Promise.all([
    project.api.do(DeleteContacts, { contacts: [{ externalId: 'gone' }] }),
    ...times(10, () => project.api.do(TrackEvents, { events: [{ name: 'left', contact: 'gone' }] })),
  ])
  // Each is with the contact that was erased, and gone with it, or with the one that was created after it.
  const { contact } = await project.api.do(GetContact, { externalId: 'gone' })
  const rows = await stored('left')
  expect(rows.every((row) => row.external_id === 'gone')).toBe(true)
  expect(contact === null ? rows.length : rows.length > 0).toBe(contact === null ? 0 : true)
})

it('LY-10: needs the credential of a project', async () => {
  const events = [{ name: 'fine', contact: 'e1' }]
  expect((await app.anonymous.ask(TrackEvents, { events })).codes).toEqual(['UNAUTHENTICATED'])
  expect((await (await project.page('e1')).ask(TrackEvents, { events })).codes).toEqual(['FORBIDDEN'])
})
