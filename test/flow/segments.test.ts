/** Segments: stored, counted, and narrowing lists of contacts. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ListContacts, SubscribeToTopic, UpsertContacts, UpsertTopics } from '../helpers/operations.ts'
import { DeleteSegments, GetSegment, TrackEvents, UpsertSegments } from '../helpers/operations-audience.ts'
import { times } from '../helpers/setup.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await app.project()
  await project.api.do(UpsertContacts, {
    contacts: times(30, (n) => ({
      externalId: `c${n}`,
      ...(n % 2 === 0 ? { email: `c${n}@example.com` } : { phone: `+1500555000${n % 10}` }),
      firstName: n < 15 ? 'Ann' : 'Bob',
      profile: {
        set: {
          plan: n % 3 === 0 ? 'pro' : 'free',
          score: n,
          tags: n > 25 ? ['vip', 'old'] : [],
          address: { city: n < 5 ? 'Seoul' : 'Oslo' },
        },
      },
    })),
  })
})
afterAll(() => app.stop())

async function members(where: object): Promise<string[]> {
  const { upsertSegments } = await project.api.do(UpsertSegments, { segments: [{ key: 'probe', where: where as never }] })
  const { contacts } = await project.api.do(ListContacts, { filter: { segment: 'probe' }, first: 100 })
  expect([upsertSegments[0]?.contactCount, contacts.totalCount]).toEqual([contacts.nodes.length, contacts.nodes.length])
  return contacts.nodes.map((one) => one.externalId)
}
const at = (path: string, is: string, value?: unknown) => ({ profile: { path, is, ...(value === undefined ? {} : { value }) } })

it('LY-18: a segment is a condition on fields and properties, and counts who is in it now', async () => {
  expect(await members(at('score', 'LESS_THAN', 3))).toEqual(['c0', 'c1', 'c2'])
  expect(await members({ all: [at('plan', 'EQUALS', 'pro'), at('score', 'AT_LEAST', 24)] })).toEqual(['c24', 'c27'])
  expect(await members({ any: [at('tags', 'CONTAINS', 'vip'), at('id', 'IN', ['c1', 'nobody'])] })).toEqual([
    'c1',
    'c26',
    'c27',
    'c28',
    'c29',
  ])
  expect(await members({ not: at('address.city', 'STARTS_WITH', 'Os') })).toEqual(times(5, (n) => `c${n}`))
  expect(
    await members({ all: [at('email', 'EXISTS'), at('firstName', 'EQUALS', 'Bob'), at('score', 'GREATER_THAN', 26)] }),
  ).toEqual(['c28'])
  expect(await members(at('$phone_number', 'MISSING'))).toHaveLength(15)
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'c9', profile: { set: { score: -1 } } }] })
  expect(await members(at('score', 'LESS_THAN', 1))).toEqual(['c0', 'c9'])
})

it('LY-15, LY-18: a segment matches events by name, count, age, and params under the keys that are marked for segments', async () => {
  await project.api.do(TrackEvents, {
    events: [
      { name: 'bought', contact: 'c1', params: { plan: 'pro', color: 'red' }, segmentationKeys: ['plan'] },
      { name: 'bought', contact: 'c1', params: { plan: 'free' } },
      { name: 'bought', contact: 'c2', params: { plan: 'pro', color: 'red' } },
      { name: 'bought', contact: 'c3', occurredAt: new Date(clock.now().getTime() - 7_200_000).toISOString() },
      { name: 'bought', isGlobal: true },
    ],
  })
  const event = (more: object = {}) => members({ event: { name: 'bought', ...more } })
  expect(await event()).toEqual(['c1', 'c2', 'c3'])
  expect(await event({ atLeast: 2 })).toEqual(['c1'])
  expect(await event({ withinSeconds: 3600 })).toEqual(['c1', 'c2'])
  expect(await event({ params: { plan: 'pro' } })).toEqual(['c1', 'c2'])
  // c1's color was not given for segments.
  expect(await event({ params: { color: 'red' } })).toEqual(['c2'])
  expect(await members({ not: { event: { name: 'bought' } } })).toHaveLength(27)
  clock.advance(3_600_000)
  expect(await event({ withinSeconds: 3600 })).toEqual([])
})

it('where is answered as it was stored; a field left out stays as it is', async () => {
  const where = {
    all: [
      at('plan', 'EQUALS', 'pro'),
      { event: { name: 'bought', withinSeconds: 60, atLeast: 2, params: { a: [1, { b: null }] } } },
    ],
  }
  await project.api.do(UpsertSegments, { segments: [{ key: 'kept', name: 'Kept', where: where as never }] })
  await project.api.do(UpsertSegments, { segments: [{ key: 'kept', name: 'Renamed' }] })
  const { segment, segments } = await project.api.do(GetSegment, { key: 'kept' })
  expect(segment).toEqual({ key: 'kept', name: 'Renamed', where, contactCount: 0 })
  expect(segments.nodes.map((one) => one.key)).toContain('kept')
  expect((await project.api.do(GetSegment, { key: 'none' })).segment).toBeNull()
  expect((await project.api.do(DeleteSegments, { keys: ['kept', 'none'] })).deleteSegments.deletedCount).toBe(1)
  expect((await project.api.do(GetSegment, { key: 'kept' })).segment).toBeNull()
})

it('LY-18: a path may have any name, also one that every object has', async () => {
  for (const path of ['constructor', 'toString', '__proto__', 'valueOf.name']) {
    expect([path, await members(at(path, 'EXISTS'))]).toEqual([path, []])
  }
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'c0', profile: { set: { toString: 'x' } } }] })
  expect(await members(at('toString', 'EQUALS', 'x'))).toEqual(['c0'])
})

it('refuses a wrong condition with its index and place, and stores none of the batch', async () => {
  const ask = (where: unknown) =>
    project.api.ask(UpsertSegments, {
      segments: [
        { key: 'ok', where: at('a', 'EXISTS') as never },
        { key: 'bad', where: where as never },
      ],
    })
  for (const [where, field] of [
    [undefined, 'where'],
    [null, 'where'],
    [{ all: [] }, 'where.all'],
    [{ any: [at('a', 'EXISTS'), at('a..b', 'EXISTS')] }, 'where.any[1].profile.path'],
    [at('a', 'IN', 'x'), 'where.profile.value'],
  ] as const) {
    const { codes, errors } = await ask(where)
    expect([codes, errors[0]?.extensions['index'], errors[0]?.extensions['field']]).toEqual([['BAD_INPUT'], 1, field])
  }
  const many = await ask({ any: times(101, (n) => at('a', 'EQUALS', n)) })
  expect([many.codes, many.errors[0]?.extensions['max']]).toEqual([['BAD_INPUT'], 100])
  // Exactly one of them, which GraphQL itself sees to.
  expect((await ask({ ...at('a', 'EXISTS'), event: { name: 'x' } })).codes).toHaveLength(1)
  expect((await project.api.do(GetSegment, { key: 'ok' })).segment).toBeNull()
  const segments = times(1001, (n) => ({ key: `s${n}`, where: at('a', 'EXISTS') as never }))
  expect((await project.api.ask(UpsertSegments, { segments })).codes).toEqual(['BATCH_TOO_LARGE'])
})

it('NV-03: pages through the contacts of a segment and a topic, both ways', async () => {
  await project.api.do(UpsertSegments, { segments: [{ key: 'ann', where: at('firstName', 'EQUALS', 'Ann') as never }] })
  await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
  await project.api.do(SubscribeToTopic, { topic: 'news', contacts: times(12, (n) => `c${n + 10}`) })
  const list = async (variables: object) => (await project.api.do(ListContacts, variables)).contacts
  const filter = { topic: 'news', segment: 'ann' }
  const all = await list({ filter })
  expect([all.totalCount, all.nodes.map((one) => one.externalId)]).toEqual([5, times(5, (n) => `c${n + 10}`)])
  const first = await list({ filter, first: 2 })
  const next = await list({ filter, first: 2, after: first.pageInfo.endCursor })
  expect([...first.nodes, ...next.nodes]).toEqual(all.nodes.slice(0, 4))
  expect([next.pageInfo.hasNextPage, next.pageInfo.hasPreviousPage]).toEqual([true, true])
  const last = await list({ filter, last: 2 })
  expect(last.nodes).toEqual(all.nodes.slice(3))
  expect((await list({ filter, last: 2, before: last.pageInfo.startCursor })).nodes).toEqual(all.nodes.slice(1, 3))
  expect((await list({ filter: { topic: 'news' } })).totalCount).toBe(12)
  expect((await list({ filter: { segment: 'none' } })).totalCount).toBe(0)
  expect((await list({ filter: { ...filter, search: '_1' } })).totalCount).toBe(0)
  expect((await list({ filter: { ...filter, search: 'C11' } })).nodes).toEqual([{ externalId: 'c11' }])
  expect((await list({ filter: { segment: 'ann', email: 'C2@EXAMPLE.com' } })).nodes).toEqual([{ externalId: 'c2' }])
})

it('is of its project alone', async () => {
  const other = await app.project()
  await other.api.do(UpsertSegments, { segments: [{ key: 'all', where: { not: at('nothing', 'EXISTS') } as never }] })
  expect((await other.api.do(GetSegment, { key: 'all' })).segment?.contactCount).toBe(0)
  expect((await project.api.do(GetSegment, { key: 'all' })).segment).toBeNull()
})
