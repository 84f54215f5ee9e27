/** Contacts: upserting, profile operations, lists. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { GetContact, ListContacts, Send, UpsertContacts } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
})
afterAll(() => app.stop())

type Input = Parameters<typeof project.api.do<unknown, { contacts: { externalId: string }[] }>>[1]['contacts'][number]
const upsert = async (...contacts: Input[]) => (await project.api.do(UpsertContacts, { contacts })).upsertContacts
const get = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact
const profileOf = async (externalId: string) => (await get(externalId))?.profile

describe('upsertContacts', () => {
  it('N1-65, N1-66, N1-67, N1-68, N1-70, N2-10, N2-32, NV-51, NV-53: creates contacts and fills what is missing; a bad one fails alone', async () => {
    const first = await upsert(
      { externalId: 'a', email: 'a@example.com', firstName: 'A' } as Input,
      { externalId: 'b', email: 'nonsense' } as Input,
    )
    expect(first).toMatchObject({
      inserted: ['a'],
      updated: [],
      failed: [{ externalId: 'b', error: { code: 'ADDRESS_INVALID', field: 'contact.email' } }],
    })
    expect(await upsert({ externalId: 'a', firstName: 'B', lastName: 'L' } as Input)).toMatchObject({
      inserted: [],
      updated: ['a'],
    })
    expect(await get('a')).toMatchObject({ email: 'a@example.com', firstName: 'A', lastName: 'L' })
    expect(await get('b')).toBeNull()
  })
  it('X-02: `set` overwrites, and null removes', async () => {
    await upsert({ externalId: 'over', firstName: 'A', lastName: 'B' } as Input)
    await upsert({ externalId: 'over', mode: 'OVERWRITE', firstName: 'C', lastName: null } as Input)
    expect(await get('over')).toMatchObject({ firstName: 'C', lastName: null })
  })
  it('LY-23, N2-12, B7-07: takes 1,000 in one call, and refuses 1,001 as a whole', async () => {
    const result = await upsert(...times(1_000, (n) => ({ externalId: `k-${n}` })))
    expect(result.inserted).toHaveLength(1_000)
    const answer = await project.api.ask(UpsertContacts, { contacts: times(1_001, (n) => ({ externalId: `l-${n}` })) })
    expect(answer.codes).toEqual(['BATCH_TOO_LARGE'])
    expect(answer.errors[0]?.extensions).toMatchObject({ max: 1_000, got: 1_001 })
    expect(await get('l-0')).toBeNull()
  })
  it('N2-14, N2-15, N2-16, N2-17, N2-18: applies all operators of one contact together', async () => {
    await upsert({ externalId: 'ops', profile: { set: { plan: 'free', tags: ['x'], total: 2 } } } as Input)
    await upsert({
      externalId: 'ops',
      profile: {
        set: { plan: 'pro' },
        push: { tags: 'customer', fresh: 1 },
        inc: { total: 3, visits: 1 },
        setMissing: { plan: 'no', since: 2020 },
      },
    } as Input)
    // `plan` is touched twice there: refused as a whole.
    expect(await profileOf('ops')).toMatchObject({ plan: 'free', total: 2 })
    await upsert({
      externalId: 'ops',
      profile: {
        set: { plan: 'pro' },
        push: { tags: 'customer', fresh: 1 },
        inc: { total: 3, visits: 1 },
        setMissing: { since: 2020 },
      },
    } as Input)
    expect(await profileOf('ops')).toMatchObject({
      plan: 'pro',
      tags: ['x', 'customer'],
      fresh: [1],
      total: 5,
      visits: 1,
      since: 2020,
    })
  })
  it.each([
    ['push on a text', { push: { plan: 1 } }],
    ['inc on a text', { inc: { plan: 1 } }],
    ['inc by a text', { inc: { n: 'x' } }],
    ['two operators on one path', { set: { n: 1 }, inc: { n: 1 } }],
    ['two operators on a path and its parent', { set: { a: {} }, inc: { 'a.b': 1 } }],
    ['a path through a text', { set: { 'plan.x': 1 } }],
    ['the prototype', { set: { '__proto__.x': 1 } }],
    ['the id', { set: { id: 'other' } }],
    ['a wrong e-mail address', { set: { email: 'x' } }],
  ])('N2-20: refuses %s, and leaves the contact as it is', async (_what, profile) => {
    await upsert({ externalId: 'strict', mode: 'OVERWRITE', profile: { set: { plan: 'pro' } } } as Input)
    const before = await profileOf('strict')
    expect((await upsert({ externalId: 'strict', profile } as Input)).failed).toHaveLength(1)
    expect(await profileOf('strict')).toEqual(before)
  })
  it('N2-20: takes dotted paths, and creates missing parents', async () => {
    await upsert({ externalId: 'dots', profile: { set: { 'address.city': 'Seoul' }, inc: { 'stats.orders': 2 } } } as Input)
    expect(await profileOf('dots')).toMatchObject({ address: { city: 'Seoul' }, stats: { orders: 2 } })
    await upsert({ externalId: 'dots', profile: { unset: ['address.city', 'nothing.there'] } } as Input)
    expect(await profileOf('dots')).toMatchObject({ address: {}, stats: { orders: 2 } })
  })
  it('LY-20, LY-24, LY-26, LY-27: sets properties of an unknown contact, and takes the reserved names of addresses', async () => {
    await upsert({
      externalId: 'ly',
      profile: { set: { $email: 'ly@example.com', $phone_number: '010-1234-1234', tier: 1 } },
    } as Input)
    await upsert({ externalId: 'ly', profile: { set: { other: 2 } } } as Input)
    expect(await get('ly')).toMatchObject({ email: 'ly@example.com', phone: '010-1234-1234', profile: { tier: 1, other: 2 } })
  })
  it('N2-19, B7-05: counts createdAt on insert alone', async () => {
    const createdAt = '2016-02-04T22:44:30.652Z'
    await upsert({ externalId: 'old', createdAt } as Input)
    await upsert({ externalId: 'old', createdAt: '2020-01-01T00:00:00.000Z' } as Input)
    expect((await get('old'))?.createdAt).toBe(createdAt)
  })
  it('N2-21: applies duplicates of a batch in order, and reports them once', async () => {
    const result = await upsert(
      { externalId: 'duplicates', profile: { set: { n: 1 } } } as Input,
      { externalId: 'duplicates', profile: { inc: { n: 5 } } } as Input,
    )
    expect(result).toEqual({ inserted: ['duplicates'], updated: [], failed: [] })
    expect(await profileOf('duplicates')).toMatchObject({ n: 6 })
  })
  it('N2-17, B7-04: a hundred parallel inc through two servers give the exact sum', async () => {
    const other = await app.another()
    const clients = [project.api, other.client(`Bearer ${project.apiKey}`)]
    await Promise.all(
      times(100, (n) =>
        (clients[n % 2] ?? project.api).do(UpsertContacts, { contacts: [{ externalId: 'sum', profile: { inc: { total: n } } }] }),
      ),
    )
    expect(await profileOf('sum')).toMatchObject({ total: 4_950 })
  })
})

it('N2-18: parallel calls that make the same new contacts apply each operation once', async () => {
  // Each call begins with one that only it has, so that calls overtake one another in the middle of a batch.
  const of = (n: number) => [
    { externalId: `own-${n}`, profile: { inc: { n: 1 } } },
    ...times(3, (m) => ({ externalId: `all-${m}`, profile: { inc: { n: 1 } } })),
  ]
  await Promise.all(times(20, (n) => project.api.do(UpsertContacts, { contacts: of(n) })))
  for (const name of times(3, (m) => `all-${m}`)) expect(await profileOf(name)).toMatchObject({ n: 20 })
  for (const name of times(20, (n) => `own-${n}`)) expect(await profileOf(name)).toMatchObject({ n: 1 })
})

it('N2-20: refuses more than 1,000 operations on one contact', async () => {
  const set = Object.fromEntries(times(1_001, (n) => [`k${n}`, n]))
  expect((await upsert({ externalId: 'many', profile: { set } } as Input)).failed[0]?.error.code).toBe('BAD_INPUT')
})

it('N2-20: a path that no property can have fails its contact alone', async () => {
  const { upsertContacts } = await project.api.do(UpsertContacts, {
    contacts: [
      ...['constructor', '__proto__', 'a.constructor', 'a\0b', '\ud800'].map((path) => ({
        externalId: 'odd',
        profile: { unset: [path] },
      })),
      ...['constructor', 'a\0b', '\ud800'].map((path) => ({ externalId: `set-${path.length}`, profile: { set: { [path]: 1 } } })),
      { externalId: 'even', profile: { unset: ['toString'], setMissing: { valueOf: 1 } } },
    ].map((one, index) => ({ ...one, externalId: `${one.externalId}-${index}` })) as Input[],
  })
  expect(upsertContacts.inserted).toEqual(['even-8'])
  expect(upsertContacts.failed.map(({ error }) => error.code)).toEqual(times(8, () => 'BAD_INPUT'))
})

it('a contact whose id holds a NUL fails alone', async () => {
  const { upsertContacts } = await project.api.do(UpsertContacts, {
    contacts: ['before', 'nul\0', 'after'].map((externalId) => ({ externalId: `id-${externalId}` })),
  })
  expect(upsertContacts).toMatchObject({
    inserted: ['id-before', 'id-after'],
    failed: [{ externalId: 'id-nul\0', error: { code: 'BAD_INPUT', field: 'externalId' } }],
  })
})

describe('reading', () => {
  it('N2-01, N2-02, N2-03, N2-04, NV-52, NV-55, X-01: shows ids, all of the profile, and null for a stranger', async () => {
    await upsert({ externalId: '123', firstName: 'Z', profile: { set: { tags: ['a'] } } } as Input)
    const contact = await get('123')
    expect(contact).toMatchObject({
      externalId: '123',
      profile: { id: '123', externalId: '123', firstName: 'Z', tags: ['a'] },
      isOnline: false,
    })
    expect(contact?.id).not.toBe('123')
    expect(await get('stranger')).toBeNull()
    expect(await get('nul\0')).toBeNull()
  })
  it('N2-05, N2-06, N2-07, B7-19: counts what was received by UTC month, and rolls over at its end', async () => {
    const now = clock.now()
    const monthEnd = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
    const send = () => project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'monthly' } }] })
    clock.advance(monthEnd - 5_000 - clock.now().getTime())
    await send()
    await send()
    clock.advance(60_000)
    await send()
    const last = new Date(monthEnd - 1)
    const next = new Date(monthEnd)
    expect((await get('monthly'))?.monthlyReceived).toEqual([
      { year: last.getUTCFullYear(), month: last.getUTCMonth() + 1, count: 2 },
      { year: next.getUTCFullYear(), month: next.getUTCMonth() + 1, count: 1 },
    ])
  })
})

describe('lists', () => {
  let list: TestProject
  beforeAll(async () => {
    list = await app.project()
    await list.api.do(UpsertContacts, {
      contacts: times(25, (n) => ({
        externalId: `c${String(n).padStart(2, '0')}`,
        email: `C${n}@Example.com`,
        firstName: n === 3 ? 'Finn' : null,
      })),
    })
  })
  const page = async (variables: object) => (await list.api.do(ListContacts, variables)).contacts

  it('NV-03, NV-04, NV-50, X-10: pages forwards and backwards, 20 by default, stable while rows arrive', async () => {
    const first = await page({})
    expect(first.nodes).toHaveLength(20)
    expect(first).toMatchObject({ totalCount: 25, pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    await list.api.do(UpsertContacts, { contacts: [{ externalId: 'late' }] })
    const second = await page({ after: first.pageInfo.endCursor })
    expect(second.nodes.map((node) => node.externalId)).toEqual([...times(5, (n) => `c2${n}`), 'late'])
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
    const back = await page({ last: 2, before: second.pageInfo.startCursor })
    expect(back.nodes.map((node) => node.externalId)).toEqual(['c18', 'c19'])
    expect(back.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: true })
    expect((await page({ first: 1, after: first.edges[4]?.cursor })).nodes).toEqual([{ externalId: 'c05' }])
  })
  it.each([
    [{ first: 0 }, 'BAD_INPUT'],
    [{ first: -1 }, 'BAD_INPUT'],
    [{ first: 101 }, 'BAD_INPUT'],
    [{ last: 101 }, 'BAD_INPUT'],
    [{ first: 1, last: 1 }, 'BAD_INPUT'],
    [{ after: 'x' }, 'BAD_CURSOR'],
    [{ after: '' }, 'BAD_CURSOR'],
    [{ before: 'x'.repeat(1_000) }, 'BAD_CURSOR'],
  ])('NV-04, I12, I13: refuses wrong page arguments, number %#', async (variables, code) => {
    expect((await list.api.ask(ListContacts, variables)).codes).toEqual([code])
  })
  it('I13: refuses a cursor of another project', async () => {
    const { pageInfo } = await page({})
    expect((await project.api.ask(ListContacts, { after: pageInfo.endCursor })).codes).toEqual(['BAD_CURSOR'])
  })
  it('narrows by search, e-mail and phone', async () => {
    const found = async (filter: object) => (await page({ filter })).nodes.map((node) => node.externalId)
    expect(await found({ search: 'finn' })).toEqual(['c03'])
    expect(await found({ email: 'c7@example.COM' })).toEqual(['c07'])
    expect(await found({ search: '%' })).toEqual([])
    expect(await found({ phone: '1' })).toEqual([])
  })
})
