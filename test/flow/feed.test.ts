/** The feed: what is in it, and marking it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { createSnoozeReturner } from '../../src/domain/snooze.ts'
import { silentLog } from '../../src/log.ts'
import type { Signal } from '../../src/words.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  ArchivedTimes,
  BySeverity,
  DeleteMessages,
  Feed,
  FeedChanged,
  GetNotification,
  ListNotifications,
  MarkAs,
  MessageReceived,
  SendBare,
  SeverityChanged,
  Snoozed,
  SnoozeMessages,
  TemplateSeverity,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
let page: Client
let contact: string
let contacts = 0
beforeAll(async () => {
  app = await startTestApp({ clock, compareMs: 1_000 })
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

describe('snoozing', () => {
  const MINUTE = 60_000
  const inMs = (ms: number): string => new Date(clock.now().getTime() + ms).toISOString()
  const snooze = async (variables: { messages: string[]; until?: string | null }) =>
    (await page.do(SnoozeMessages, variables)).snoozeMessages
  const snoozed = async (variables: object = {}) => (await page.do(Snoozed, variables)).feed
  const kindsOf = (events: readonly { feedChanged: { kind: string; unseenCount: number } }[]) =>
    events.map(({ feedChanged }) => [feedChanged.kind, feedChanged.unseenCount])

  it('takes messages out until a time, and brings each back at the top, unseen, once, live and for those who were away', async () => {
    await fill(3)
    const [first, second] = [await idOf('0'), await idOf('1')]
    await mark({ messages: [first], read: true })
    await mark({ messages: [second], archived: true })
    const { cursor } = await list()
    const live = await page.watch(FeedChanged, {})
    const at = inMs(MINUTE)
    expect(await snooze({ messages: [first, second], until: at })).toEqual({
      ...{ changedCount: 2, unseenCount: 1, unreadCount: 1 },
      messages: [first, second].map((id) => ({ id, snoozedUntil: at })),
    })
    expect(await snooze({ messages: [first], until: at })).toMatchObject({ changedCount: 0 })
    expect(await bodies({ archived: null })).toEqual(['2'])
    expect(await list({ archived: null })).toMatchObject({ totalCount: 1, unseenCount: 1 })
    const newest = await snoozed({ first: 1 })
    expect(newest).toMatchObject({ totalCount: 2, nodes: [{ body: '1', snoozedUntil: at }] })
    expect((await snoozed({ after: newest.pageInfo.endCursor })).nodes.map((one) => one.body)).toEqual(['0'])
    // All that are in the feed, and no more.
    expect(await mark({ all: {}, seen: true })).toMatchObject({ changedCount: 1, unseenCount: 0 })

    clock.advance(2 * MINUTE)
    expect(kindsOf(await live.waitFor(5))).toEqual([
      ['SNOOZED', 1],
      ['SNOOZED', 1],
      ['ALL_MARKED', 0],
      ['UNSNOOZED', 1],
      ['UNSNOOZED', 2],
    ])
    expect((await bodies()).toSorted()).toEqual(['0', '1', '2'])
    expect((await bodies()).at(-1)).toBe('2')
    expect(await list()).toMatchObject({ totalCount: 3, unseenCount: 2, unreadCount: 3 })
    expect(await snoozed()).toMatchObject({ totalCount: 0, nodes: [] })
    const late = await page.watch(FeedChanged, { after: cursor })
    expect((await late.waitFor(3)).map(({ feedChanged }) => feedChanged.kind)).toEqual(['ALL_MARKED', 'UNSNOOZED', 'UNSNOOZED'])
    for (const one of [live, late]) one.close()
  })
  it('puts a message back where it was; archiving and deleting hold while it is snoozed', async () => {
    await fill(4)
    const ids = await Promise.all(times(4, (n) => idOf(`${n}`)))
    const [low = '', other = '', archived = '', deleted = ''] = ids
    await mark({ messages: [low], read: true })
    await snooze({ messages: ids, until: inMs(MINUTE) })
    expect(await list()).toMatchObject({ totalCount: 0, unseenCount: 0, unreadCount: 0 })
    expect(await snooze({ messages: [low], until: null })).toMatchObject({ changedCount: 1, unseenCount: 0, unreadCount: 0 })
    expect(await snooze({ messages: [low] })).toMatchObject({ changedCount: 0 })
    expect(await snooze({ messages: [other], until: null })).toMatchObject({ unseenCount: 1 })
    expect(await bodies()).toEqual(['1', '0'])
    // One that was archived is put back into the archive.
    await mark({ messages: [low], archived: true })
    await snooze({ messages: [low], until: inMs(MINUTE) })
    await snooze({ messages: [low], until: inMs(2 * MINUTE) })
    const back = await page.watch(FeedChanged, {})
    expect(await snooze({ messages: [low] })).toMatchObject({ changedCount: 1, unseenCount: 1, unreadCount: 1 })
    expect((await back.waitFor(1)).map(({ feedChanged }) => [feedChanged.kind, feedChanged.unreadCount])).toEqual([
      ['UNSNOOZED', 1],
    ])
    back.close()
    expect([await bodies(), await bodies({ archived: true })]).toEqual([['1'], ['0']])
    await mark({ messages: [low], archived: false })
    await snooze({ messages: [other], until: inMs(9 * MINUTE) })
    await mark({ messages: [archived], archived: true })
    await remove({ messages: [deleted] })
    expect((await snoozed()).nodes.map((one) => one.body)).toEqual(['2', '1'])
    clock.advance(2 * MINUTE)
    await until('what is due is back', async () => (await snoozed()).totalCount === 1)
    expect(await bodies()).toEqual(['0'])
    expect(await bodies({ archived: true })).toEqual(['2'])
    expect(await list()).toMatchObject({ unseenCount: 0, unreadCount: 0 })
  })
  it('0.1 beside it neither folds into what is deleted or snoozed, nor counts it, nor takes it out of the archive', async () => {
    const send = (n: number) =>
      project.api.do(SendBare, {
        messages: [{ template: 'note', contact: { externalId: contact }, incrementId: `k${n}`, data: { n } }],
      })
    await fill(1, 'all')
    await remove({ all: { feeds: ['all'] } })
    for (let n = 1; n <= 3; n++) await send(n)
    const [deleted, put] = [await idOf('1'), await idOf('2')]
    await snooze({ messages: [deleted, put], until: inMs(60 * MINUTE) })
    await remove({ messages: [deleted] })
    await mark({ messages: [put], seen: true })
    const db = openDatabase(app.databaseUrl, { max: 1, log: silentLog })
    const own = `channel = 'IN_APP' AND contact_id = (SELECT id FROM contact WHERE external_id = $1)`
    const ask = async (text: string) => (await db.pool.query<{ body: string }>(text, [contact])).rows.map((row) => row.body)
    try {
      // What folding, and the counts that are lost by pruning, were found by.
      expect(
        await ask(
          `SELECT body FROM message WHERE ${own} AND increment_id IS NOT NULL AND read_at IS NULL AND archived_at IS NULL`,
        ),
      ).toEqual(['3'])
      expect(
        await ask(
          `SELECT body FROM message WHERE ${own} AND arrived_seq IS NOT NULL AND archived_at IS NULL AND read_at IS NULL`,
        ),
      ).toEqual(['3'])
      for (const away of ['deleted_at', 'snoozed_until']) {
        await expect(ask(`UPDATE message SET archived_at = NULL WHERE ${own} AND ${away} IS NOT NULL`)).rejects.toThrow(
          'message_away',
        )
      }
    } finally {
      await db.close()
    }
    expect([await bodies({ archived: true }), await bodies()]).toEqual([[], ['3']])
    expect(await snoozed()).toMatchObject({ nodes: [{ body: '2', archivedAt: null }] })
    for (const n of [1, 2]) await send(n)
    expect(await list()).toMatchObject({ totalCount: 3, unseenCount: 3, unreadCount: 3 })
    const { nodes } = (await project.api.do(ArchivedTimes, { contact })).notifications
    expect(nodes.flatMap((node) => node.messages)).toEqual(times(6, () => ({ archivedAt: null })))
  })
  it('brings each back once, however many workers find it due', async () => {
    await fill(40)
    const { nodes } = await list({ first: 100 })
    await snooze({ messages: nodes.map(({ id }) => id), until: inMs(6_000) })
    const live = await page.watch(FeedChanged, {})
    const db = openDatabase(app.databaseUrl, { max: 8, log: silentLog })
    const kinds: string[] = []
    const publish = (signals: readonly Signal[]): void => {
      for (const signal of signals) if (signal.topic === 'feed') kinds.push(...signal.changes.map(({ kind }) => kind))
    }
    clock.advance(7_000)
    const workers = times(6, () => createSnoozeReturner({ db, clock, publish })(new AbortController().signal))
    await Promise.all(workers)
    await until('all are back', async () => (await list()).totalCount === 40)
    await db.close()
    expect(await list()).toMatchObject({ totalCount: 40, unseenCount: 40, unreadCount: 40 })
    expect(kinds.length).toBeLessThanOrEqual(40)
    // The changes of other processes are found by comparison, at the latest.
    const back = (await live.waitFor(40)).map(({ feedChanged }) => feedChanged.message?.id)
    expect(new Set(back).size).toBe(40)
    live.close()
  })
  it('refuses a time that is past, too near or too far, and messages that are not there', async () => {
    await fill(1)
    const id = await idOf('0')
    const codes = async (variables: { messages: string[]; until: string }) => {
      const answer = await page.ask(SnoozeMessages, variables)
      const { field, index } = answer.errors[0]?.extensions ?? {}
      return [answer.codes[0], field ?? index]
    }
    for (const ms of [-MINUTE, 0, 4_000, 367 * 24 * 60 * MINUTE]) {
      expect(await codes({ messages: [id], until: inMs(ms) })).toEqual(['BAD_INPUT', 'until'])
    }
    expect((await codes({ messages: [], until: inMs(MINUTE) }))[0]).toBe('BAD_INPUT')
    expect(await codes({ messages: [id, 'x'], until: inMs(MINUTE) })).toEqual(['NOT_FOUND', 1])
    expect(await bodies()).toEqual(['0'])
  })
})

describe('severity', () => {
  it('is that of the template: live, listed, counted and selected by it', async () => {
    const urgent = { key: 'urgent', severity: 'CRITICAL' as const, inApp: [{ body: 'u{{ n }}' }] }
    await project.api.do(UpsertTemplates, {
      templates: [urgent, { key: 'quiet', severity: 'LOW', inApp: [{ body: 'q{{ n }}' }] }],
    })
    const live = await page.watch(SeverityChanged, {})
    for (const template of ['urgent', 'note', 'quiet', 'urgent']) {
      await project.api.do(SendBare, { messages: [{ template, contact: { externalId: contact }, data: { n: 1 } }] })
    }
    const seen = (await live.waitFor(4)).map(({ feedChanged: { message } }) => message?.severity)
    expect(seen).toEqual(['CRITICAL', 'NORMAL', 'LOW', 'CRITICAL'])
    live.close()
    const of = async (variables: object = {}) => (await page.do(BySeverity, variables)).feed
    expect((await of()).nodes.map((one) => one.severity)).toEqual(['CRITICAL', 'LOW', 'NORMAL', 'CRITICAL'])
    await mark({ messages: [await idOf('q1')], read: true })
    expect((await of({ first: 1 })).bySeverity).toEqual([
      { severity: 'LOW', unseenCount: 0, unreadCount: 0 },
      { severity: 'NORMAL', unseenCount: 1, unreadCount: 1 },
      { severity: 'HIGH', unseenCount: 0, unreadCount: 0 },
      { severity: 'CRITICAL', unseenCount: 2, unreadCount: 2 },
    ])
    const first = await of({ severities: ['CRITICAL', 'HIGH'], first: 1 })
    expect(first).toMatchObject({ totalCount: 2, nodes: [{ body: 'u1', severity: 'CRITICAL' }] })
    expect((await of({ severities: ['CRITICAL'], after: first.pageInfo.endCursor })).nodes).toHaveLength(1)
    expect(await of({ severities: ['HIGH'] })).toMatchObject({ totalCount: 0, nodes: [] })
    await project.api.do(UpsertTemplates, { templates: [{ key: 'quiet', severity: 'HIGH' }] })
    expect(await of({ severities: ['HIGH'] })).toMatchObject({ totalCount: 1, nodes: [{ body: 'q1', severity: 'HIGH' }] })
  })
  it('is part of the versions of a template, and NORMAL unless it is said', async () => {
    const put = (fields: object) => project.api.do(UpsertTemplates, { templates: [{ key: 'level', ...fields }] })
    await put({ inApp: [{ body: 'b' }] })
    await put({ severity: 'NORMAL' })
    await put({ severity: 'HIGH' })
    await put({ name: 'Level' })
    await put({ severity: null })
    const template = (await project.api.do(TemplateSeverity, { key: 'level' })).template
    expect(template).toMatchObject({ severity: 'NORMAL', version: 4 })
    expect(template?.versions.nodes.map(({ number, severity }) => [number, severity])).toEqual([
      [4, 'NORMAL'],
      [3, 'HIGH'],
      [2, 'HIGH'],
      [1, 'NORMAL'],
    ])
    expect(template?.versions.nodes[2]?.changes).toEqual([{ path: 'severity', before: null, after: 'HIGH' }])
  })
})
