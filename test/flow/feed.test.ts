/** The feed: what is in it, and marking it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  DeleteMessages,
  Feed,
  FeedChanged,
  GetNotification,
  ListNotifications,
  MarkAs,
  MessageReceived,
  SendBare,
} from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let page: Client
let contact: string
let contacts = 0
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())
beforeEach(async () => {
  contact = `f${++contacts}`
  page = await project.page(contact)
})

const fill = (count: number, feed: string | null = null, from = 0) =>
  project.api.do(SendBare, {
    messages: times(count, (n) => ({
      template: 'note',
      contact: { externalId: contact },
      data: { n: from + n },
      overrides: feed === null ? null : { inApp: { feed } },
    })),
  })
const list = async (variables: object = {}) => (await page.do(Feed, variables)).feed
const bodies = async (variables: object = {}) => (await list(variables)).nodes.map((node) => node.body)
const mark = async (variables: object) => (await page.do(MarkAs, variables)).markAs
const remove = async (variables: object) => (await page.do(DeleteMessages, variables)).deleteMessages
const idOf = async (body: string) => (await list({ archived: null })).nodes.find((node) => node.body === body)?.id ?? ''

describe('reading', () => {
  it('NV-70, NV-71, B7-16: counts by feed, whatever the other filters, equal what the list has', async () => {
    await fill(3, 'a')
    await fill(2, 'b', 10)
    await fill(1, 'c', 20)
    await mark({ messages: [await idOf('0')], seen: true })
    const both = await list({ feeds: ['a', 'b'], seen: false })
    expect(both).toMatchObject({ totalCount: 4, unseenCount: 4, unreadCount: 5 })
    expect(both.nodes).toHaveLength(both.totalCount)
    expect(await bodies({ feeds: ['a'], seen: true })).toEqual(['0'])
    expect(await list()).toMatchObject({ totalCount: 6, unseenCount: 5, unreadCount: 6 })
    expect(await list({ feeds: [] })).toMatchObject({ totalCount: 0, unseenCount: 0 })
  })
  it.each(['constructor', '__proto__', 'toString'])('I27: a feed may be called %s', async (name) => {
    await fill(2, name)
    expect(await list({ feeds: [name] })).toMatchObject({ totalCount: 2, unseenCount: 2, unreadCount: 2 })
    await mark({ all: { feeds: [name] }, read: true })
    expect(await list()).toMatchObject({ unseenCount: 0, unreadCount: 0 })
  })
  it('pages newest first, forwards and backwards', async () => {
    await fill(7)
    const first = await list({ first: 3 })
    expect(first.nodes.map((node) => node.body)).toEqual(['6', '5', '4'])
    await fill(1, null, 7)
    expect(await bodies({ first: 3, after: first.pageInfo.endCursor })).toEqual(['3', '2', '1'])
    expect(await bodies({ last: 2 })).toEqual(['1', '0'])
    expect(await bodies({ first: 5, before: first.pageInfo.startCursor })).toEqual(['7'])
    expect(await bodies({ last: 9, after: first.pageInfo.endCursor })).toEqual(['3', '2', '1', '0'])
  })
  it('shows archived ones only when asked', async () => {
    await fill(3)
    await mark({ messages: [await idOf('1')], archived: true })
    expect(await bodies()).toEqual(['2', '0'])
    expect(await bodies({ archived: true })).toEqual(['1'])
    expect(await bodies({ archived: null })).toEqual(['2', '1', '0'])
    expect(await list({ archived: null })).toMatchObject({ unseenCount: 2, unreadCount: 2 })
  })
  it('says CONTACT_NOT_FOUND for a stranger, and BAD_CURSOR for another contact’s cursor', async () => {
    expect((await project.api.ask(Feed, { contact: 'stranger' })).codes).toEqual(['CONTACT_NOT_FOUND'])
    await fill(1)
    const { cursor } = await list()
    const other = await project.page('other')
    expect((await other.ask(Feed, { after: cursor })).codes).toEqual(['BAD_CURSOR'])
  })
  it('is cheap to follow from where it stands: nothing is missed between the query and the subscription', async () => {
    await fill(2)
    const { cursor } = await list()
    await fill(2, null, 2)
    const live = await page.watch(MessageReceived, { after: cursor })
    await fill(1, null, 4)
    const events = await live.waitFor(3)
    expect(events.map((event) => event.messageReceived.message.body)).toEqual(['2', '3', '4'])
    live.close()
  })
  it('NV-70: has nothing in an unknown feed, whatever its name', async () => {
    for (const feeds of [['never'], ['a\0b']]) {
      const { feed } = await page.do(Feed, { feeds })
      expect([feed.nodes, feed.unseenCount]).toEqual([[], 0])
      expect(await mark({ all: { feeds }, read: true })).toMatchObject({ changedCount: 0, unreadCount: 0 })
    }
  })
  it('sends changes of the requested feeds only', async () => {
    const { feed } = await page.do(Feed, {})
    const live = await page.watch(MessageReceived, { feeds: ['wanted'], after: feed.cursor })
    await fill(1, 'other')
    await fill(1, 'wanted', 1)
    const [event] = await live.waitFor(1)
    expect(event?.messageReceived).toMatchObject({ message: { body: '1', feed: 'wanted' }, unseenCount: 1, unreadCount: 1 })
    live.close()
  })
})

describe('marking', () => {
  it('NV-73, NV-74, NV-75, B7-17: marks both ways, pushes exact counts; read is seen, unseen does not clear read', async () => {
    await fill(3)
    // From a cursor: what changes before the subscription has begun is not missed.
    const { feed } = await page.do(Feed, {})
    const live = await page.watch(FeedChanged, { after: feed.cursor })
    const id = await idOf('1')
    expect(await mark({ messages: [id], read: true })).toMatchObject({
      ...{ changedCount: 1, unseenCount: 2, unreadCount: 2 },
      messages: [{ id, seenAt: expect.any(String), readAt: expect.any(String) }],
    })
    // Each is seen before the next: two changes of one message may come as one when they are replayed.
    await live.waitFor(1)
    expect(await mark({ messages: [id], seen: false })).toMatchObject({
      unseenCount: 3,
      unreadCount: 2,
      messages: [{ seenAt: null, readAt: expect.any(String) }],
    })
    await live.waitFor(2)
    expect(await mark({ messages: [id], read: false })).toMatchObject({ unseenCount: 3, unreadCount: 3 })
    expect(await mark({ messages: [id], read: false })).toMatchObject({ changedCount: 0, unreadCount: 3 })
    const events = await live.waitFor(3)
    expect(events.map(({ feedChanged }) => [feedChanged.kind, feedChanged.unseenCount, feedChanged.unreadCount])).toEqual([
      ['MARKED', 2, 2],
      ['MARKED', 3, 2],
      ['MARKED', 3, 3],
    ])
    live.close()
  })
  it('marks all of some feeds, up to a cursor', async () => {
    await fill(3, 'a')
    await fill(2, 'b', 10)
    const { edges } = await list({ feeds: ['a'] })
    // The newest first: the second edge is the message "1".
    expect(await mark({ all: { feeds: ['a'], until: edges[1]?.cursor }, read: true })).toMatchObject({
      changedCount: 2,
      unseenCount: 1,
      unreadCount: 1,
      messages: [],
    })
    expect(await bodies({ read: false })).toEqual(['11', '10', '2'])
    expect(await mark({ all: {}, seen: true })).toMatchObject({ changedCount: 3, unseenCount: 0, unreadCount: 3 })
    expect(await mark({ all: {}, archived: true })).toMatchObject({ changedCount: 5, unseenCount: 0, unreadCount: 0 })
    expect(await bodies()).toEqual([])
  })
  it('stays exact when messages arrive while all are marked', async () => {
    await Promise.all([...times(10, (n) => fill(3, null, n * 3)), ...times(5, () => mark({ all: {}, read: true }))])
    const { unreadCount, unseenCount } = await list()
    expect(await list({ read: false, first: 1 })).toMatchObject({ totalCount: unreadCount })
    expect(await list({ seen: false, first: 1 })).toMatchObject({ totalCount: unseenCount })
  })
  it('refuses what it does not understand, and then changes nothing', async () => {
    await fill(2)
    const id = await idOf('0')
    const codes = async (variables: object) => {
      const answer = await page.ask(MarkAs, variables)
      return [answer.codes[0], answer.errors[0]?.extensions['index']]
    }
    expect(await codes({ messages: [id] })).toEqual(['BAD_INPUT', undefined])
    expect(await codes({ messages: [id], all: {}, read: true })).toEqual(['BAD_INPUT', undefined])
    expect(await codes({ read: true })).toEqual(['BAD_INPUT', undefined])
    expect(await codes({ messages: [id, 'nonsense'], read: true })).toEqual(['NOT_FOUND', 1])
    expect(await codes({ messages: [id, '0199c1de-0000-7000-8000-000000000002'], read: true })).toEqual(['NOT_FOUND', 1])
    expect(await codes({ messages: times(1_001, () => id), read: true })).toEqual(['BATCH_TOO_LARGE', undefined])
    expect(await codes({ all: { until: 'x' }, read: true })).toEqual(['BAD_CURSOR', undefined])
    expect(await list()).toMatchObject({ unreadCount: 2 })
  })
})

describe('deleting', () => {
  it('takes messages out of the feed for good, once, live and for those who were away, and keeps the record', async () => {
    await fill(3)
    const { cursor } = await list()
    const [id, archived] = [await idOf('1'), await idOf('0')]
    await mark({ messages: [archived], archived: true })
    const live = await page.watch(FeedChanged, {})
    const gone = { messages: [id, archived] }
    expect(await remove(gone)).toEqual({
      ...{ changedCount: 2, unseenCount: 1, unreadCount: 1 },
      messages: [id, archived].map((one) => ({ id: one, deletedAt: expect.any(String) })),
    })
    expect(await remove(gone)).toMatchObject({ changedCount: 0, unseenCount: 1, unreadCount: 1 })
    expect(await bodies({ archived: null })).toEqual(['2'])
    const kinds = (events: Awaited<ReturnType<typeof live.waitFor>>) =>
      events.map(({ feedChanged }) => [feedChanged.kind, feedChanged.message?.id, feedChanged.unseenCount])
    expect(kinds(await live.waitFor(2))).toEqual([
      ['DELETED', id, 1],
      ['DELETED', archived, 1],
    ])
    live.close()
    const late = await page.watch(FeedChanged, { after: cursor })
    expect(kinds(await late.waitFor(2))).toEqual([
      ['DELETED', id, 1],
      ['DELETED', archived, 1],
    ])
    late.close()
    const { codes, errors } = await page.ask(MarkAs, { messages: [id], read: false })
    expect([codes, errors[0]?.extensions['index']]).toEqual([['NOT_FOUND'], 0])
    const { nodes } = (await project.api.do(ListNotifications, { filter: { contact } })).notifications
    const records = await Promise.all(
      nodes.map(async (node) => (await project.api.do(GetNotification, { id: node.id })).notification?.messages),
    )
    expect(records.flat().map((one) => one && 'body' in one && [one.status, one.body])).toEqual(
      ['2', '1', '0'].map((body) => ['DELIVERED', body]),
    )
  })
  it('deletes, or archives, what is read of some feeds, and no more', async () => {
    await fill(3, 'a')
    await fill(2, 'b', 10)
    for (const body of ['0', '1', '10']) await mark({ messages: [await idOf(body)], read: true })
    const { cursor } = await list()
    expect(await mark({ all: { read: true, feeds: ['b'] }, archived: true })).toMatchObject({ changedCount: 1, unreadCount: 1 })
    expect(await bodies()).toEqual(['11', '2', '1', '0'])
    expect(await remove({ all: { read: true, archived: false } })).toMatchObject({
      changedCount: 2,
      unseenCount: 2,
      unreadCount: 2,
    })
    expect(await bodies({ archived: null })).toEqual(['11', '10', '2'])
    expect(await remove({ all: { archived: true } })).toMatchObject({ changedCount: 1, unseenCount: 2 })
    expect(await remove({ all: { feeds: ['a'], read: false } })).toMatchObject({
      changedCount: 1,
      unseenCount: 0,
      unreadCount: 0,
    })
    expect(await list({ archived: null })).toMatchObject({ totalCount: 1, unseenCount: 1, unreadCount: 1 })
    // Who was away then is told to read again.
    const late = await page.watch(FeedChanged, { after: cursor })
    expect((await late.waitFor(1)).map(({ feedChanged }) => feedChanged.kind)).toEqual(['ALL_MARKED'])
    late.close()
  })
  it('stays exact when messages arrive, are read and are deleted at once', async () => {
    await fill(5)
    const ids = await Promise.all(times(5, (n) => idOf(`${n}`)))
    await Promise.all([
      ...times(4, (n) => fill(2, null, 10 + n * 2)),
      ...ids.flatMap((id) => [
        remove({ messages: [id] }),
        remove({ messages: [id] }),
        page.ask(MarkAs, { messages: [id], read: true }),
      ]),
    ])
    expect(await list()).toMatchObject({ totalCount: 8, unseenCount: 8, unreadCount: 8 })
  })
})
