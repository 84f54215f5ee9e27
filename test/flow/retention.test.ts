/** What is forgotten, what is kept, and what never stops counting. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createIds } from '../../src/domain/ids.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  Cancel,
  DeleteContacts,
  Feed,
  FeedChanged,
  GetContact,
  GetNotification,
  GetStats,
  ListNotifications,
  MarkAs,
  MessageReceived,
  Send,
} from '../helpers/operations.ts'
import { SetRetention } from '../helpers/operations-care.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const DAY = 24 * 3_600_000
const clock = createTestClock()
let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ clock, pruneMs: 50 })
})
afterAll(() => app.stop())

const send = async (project: TestProject, ...messages: object[]) =>
  (
    await project.api.do(Send, {
      messages: messages.map((one) => ({ template: 'note', contact: { externalId: 'ann' }, ...one })),
      wait: 'SENT',
    })
  ).sendMessages.results
const total = async (project: TestProject) => (await project.api.do(ListNotifications, {})).notifications.totalCount
/** Sends a message that nobody sees, and waits until everything older than `days` is gone. */
const pass = async (project: TestProject, days: number, left: number) => {
  clock.advance(days * DAY)
  // Projects are pruned in turn, at half speed: those of the tests before come first.
  await until(`${left} are left`, async () => (await total(project)) === left, 60_000)
}

describe('notifications', () => {
  it('go with their messages after 90 days; their ids and the transactions they named stay spent', async () => {
    const project = await newShop(app, null)
    const [first] = await send(project, { id: 'order-1', transactionId: 'tx-1', data: { n: 1 } })
    await pass(project, 89, 1)
    await send(project, { id: 'order-2' })
    await pass(project, 2, 1)
    expect((await project.api.do(GetNotification, { id: first?.notification?.id ?? '' })).notification).toBeNull()
    const refused = await send(
      project,
      { id: 'order-1', transactionId: 'tx-1', data: { n: 1 } },
      { id: 'order-1', data: { n: 2 } },
      { id: 'order-3', transactionId: 'tx-1' },
    )
    expect(refused.map((one) => [one.error?.code, one.notification])).toEqual([
      ['ID_EXISTS', null],
      ['ID_MISMATCH', null],
      ['TRANSACTION_EXISTS', null],
    ])
    expect((await project.api.do(Cancel, { transactionId: 'tx-1' })).cancel).toMatchObject({
      canceledCount: 0,
      alreadySentCount: 0,
    })
    const rows: { table: string }[] = await app.app.prisma
      .$queryRaw`SELECT 'message' AS table FROM message m WHERE NOT EXISTS (SELECT FROM notification n WHERE n.id = m.notification_id)
        UNION ALL SELECT 'attempt' FROM attempt a WHERE NOT EXISTS (SELECT FROM message m WHERE m.id = a.message_id)`
    expect(rows).toEqual([])
  })

  it('stay while something of them waits, and for the whole time after it came to its end', async () => {
    const project = await newShop(app, null)
    const [one] = await send(project, { sendAt: new Date(clock.now().getTime() + 200 * DAY).toISOString() }, { id: 'goes' })
    await pass(project, 91, 1)
    const find = async () => (await project.api.do(GetNotification, { id: one?.notification?.id ?? '' })).notification
    expect((await find())?.messages[0]?.status).toBe('SCHEDULED')
    clock.advance(110 * DAY)
    await until('it arrived', async () => (await find())?.messages[0]?.status === 'DELIVERED')
    await pass(project, 89, 1)
    await pass(project, 2, 0)
  })

  it('are kept as long as the project says', async () => {
    const [short, long] = [await newShop(app, null), await newShop(app, null)]
    for (const days of [31, 3661, -1]) {
      expect((await short.api.ask(SetRetention, { days })).codes).toEqual(['BAD_INPUT'])
    }
    expect((await short.api.do(SetRetention, { days: 32 })).updateProject.retentionDays).toBe(32)
    expect((await long.api.do(SetRetention, { days: 365 })).updateProject.retentionDays).toBe(365)
    await Promise.all([send(short, {}), send(long, {})])
    await pass(short, 33, 0)
    await pass(long, 70, 1)
    expect((await long.api.do(SetRetention, { days: null })).updateProject.retentionDays).toBe(90)
    await pass(long, 0, 0)
  })
})

describe('the feed', () => {
  it('loses what is old from its counts exactly, and its numbers go on', async () => {
    const project = await newShop(app, null)
    const early = await project.page('ann')
    await send(project, {}, {}, {}, { overrides: { inApp: { feed: 'jobs' } } })
    const before = (await early.do(Feed, {})).feed
    await early.do(MarkAs, { messages: [before.nodes[0]?.id ?? ''], seen: true })
    await early.do(MarkAs, { messages: [before.nodes[1]?.id ?? ''], read: true })
    await early.do(MarkAs, { messages: [before.nodes[2]?.id ?? ''], archived: true })
    expect((await early.do(Feed, {})).feed).toMatchObject({ totalCount: 3, unseenCount: 1, unreadCount: 2 })
    clock.advance(60 * DAY)
    await send(project, {}, { overrides: { inApp: { feed: 'jobs' } } })
    await pass(project, 31, 2)
    const page = await project.page('ann')
    const { feed } = await page.do(Feed, {})
    expect(feed).toMatchObject({ totalCount: 2, unseenCount: 2, unreadCount: 2 })
    expect((await page.do(Feed, { feeds: ['jobs'] })).feed).toMatchObject({ totalCount: 1, unseenCount: 1, unreadCount: 1 })

    expect((await page.ask(Feed, { after: before.cursor })).codes).toEqual(['CURSOR_EXPIRED'])
    const stale = await page.watch(MessageReceived, { after: before.cursor })
    expect(JSON.stringify(await stale.ended())).toMatch(/CURSOR_EXPIRED/)
    stale.close()
    const live = await page.watch(FeedChanged, { after: feed.cursor })
    await send(project, { data: { n: 'new' } })
    const [event] = await live.waitFor(1)
    expect(event?.feedChanged).toMatchObject({ kind: 'RECEIVED', unseenCount: 3, unreadCount: 3 })
    live.close()
    expect((await page.do(MarkAs, { all: {}, read: true })).markAs).toMatchObject({
      changedCount: 3,
      unseenCount: 0,
      unreadCount: 0,
    })
  })

  it('keeps what was marked lately: a change that a cursor can ask for is never gone', async () => {
    const project = await newShop(app, null)
    await send(project, {}, { contact: { externalId: 'ben' } })
    clock.advance(80 * DAY)
    const page = await project.page('ann')
    const { feed } = await page.do(Feed, {})
    await page.do(MarkAs, { all: {}, read: true })
    await pass(project, 11, 1)
    const later = await project.page('ann')
    const live = await later.watch(FeedChanged, { after: feed.cursor })
    expect((await live.waitFor(1))[0]?.feedChanged.kind).toBe('ALL_MARKED')
    live.close()
    expect((await later.do(Feed, {})).feed.nodes[0]?.readAt).not.toBeNull()
  })
})

describe('counts', () => {
  const filters = [
    {},
    { template: 'note' },
    { template: 'order' },
    { channel: 'EMAIL' },
    { channel: 'SMS' },
    { channel: 'IN_APP' },
  ] as const
  const daysOf = async (project: TestProject, filter: (typeof filters)[number]) =>
    (await project.api.do(GetStats, { last: 400, ...filter })).stats.days.filter((day) => day.count > 0)

  it('N2-05, N2-07, NV-22, NV-25: are the same when what they count is gone', async () => {
    const project = await newShop(app, null)
    const ann = { externalId: 'ann', email: 'ann@example.com', phone: '+15005550006' }
    await send(project, {}, { incrementId: 'fold' }, { incrementId: 'fold' })
    await send(project, { template: 'order', contact: ann, data: { number: 1 } }, { template: 'order', channels: ['EMAIL'] })
    await send(project, { template: 'order', contact: { externalId: 'nobody' }, channels: ['SMS'] })
    const page = await project.page('ann')
    await page.do(MarkAs, { messages: [(await page.do(Feed, {})).feed.nodes[0]?.id ?? ''], read: true })
    clock.advance(40 * DAY)
    await send(project, { id: 'keep' }, { template: 'order', contact: ann, channels: ['SMS'], data: { number: 2 } })
    const [days, contact, all] = [
      await Promise.all(filters.map((filter) => daysOf(project, filter))),
      await project.api.do(GetContact, { externalId: 'ann' }),
      await project.api.do(GetStats, { last: 1 }),
    ]
    expect(days[0]).toHaveLength(2)
    await pass(project, 51, 2)
    const half = await Promise.all(filters.map((filter) => daysOf(project, filter)))
    expect(half).toEqual(days)
    expect((await project.api.do(GetStats, { last: 1 })).stats.yearlySent).toBe(all.stats.yearlySent)
    await pass(project, 90, 0)
    expect(await Promise.all(filters.map((filter) => daysOf(project, filter)))).toEqual(days)
    expect((await project.api.do(GetContact, { externalId: 'ann' })).contact?.monthlyReceived).toEqual(
      contact.contact?.monthlyReceived,
    )
    expect((await project.api.do(GetStats, { last: 1 })).stats).toMatchObject({
      weeklySent: 0,
      monthlySent: 0,
      yearlySent: all.stats.yearlySent,
    })
    clock.advance(186 * DAY)
    expect((await project.api.do(GetStats, { last: 1 })).stats.yearlySent).toBe(2)
    expect((await project.api.do(GetContact, { externalId: 'ann' })).contact?.monthlyReceived).toEqual(
      contact.contact?.monthlyReceived,
    )
  })

  it('of a contact go when it is erased', async () => {
    const project = await newShop(app, null)
    await send(project, { contact: { externalId: 'gone' } })
    await pass(project, 91, 0)
    const contactId = (await project.api.do(GetContact, { externalId: 'gone' })).contact?.id ?? ''
    const rows = () => app.app.prisma.monthCount.count({ where: { contactId } })
    expect(await rows()).toBe(1)
    await project.api.do(DeleteContacts, { contacts: [{ externalId: 'gone' }] })
    expect(await rows()).toBe(0)
    expect((await project.api.do(GetStats, { last: 100 })).stats.yearlySent).toBe(1)
  })

  it('are exact with three processes that prune at once under traffic', async () => {
    const project = await newShop(app, null)
    for (let batch = 0; batch < 12; batch++) {
      await send(project, ...times(100, (n) => ({ id: `${batch}-${n}`, contact: { externalId: `c${n % 7}` } })))
    }
    const others = [await app.another({}, { clock, pruneMs: 20 }), await app.another({}, { clock, pruneMs: 20 })]
    clock.advance(91 * DAY)
    let isDone = false
    const traffic = (async () => {
      let sent = 0
      for (; !isDone; sent++) await send(project, { contact: { externalId: `c${sent % 7}` } })
      return sent
    })()
    const left = () => app.app.prisma.notification.count({ where: { projectId: project.id, key: { not: null } } })
    await until('the old ones are gone', async () => (await left()) === 0)
    isDone = true
    const sent = await traffic
    await Promise.all(others.map((other) => other.stop()))
    const { stats } = await project.api.do(GetStats, { last: 100 })
    expect(stats.days.reduce((sum, day) => sum + day.count, 0)).toBe(1_200 + sent)
    expect(stats.yearlySent).toBe(1_200 + sent)
    for (const n of times(7, (index) => index)) {
      const page = await project.page(`c${n}`)
      const { feed } = await page.do(Feed, { first: 1 })
      expect([feed.unseenCount, feed.unreadCount]).toEqual([feed.totalCount, feed.totalCount])
    }
    expect((await send(project, { id: '5-50', contact: { externalId: 'c1' } }))[0]?.error?.code).toBe('ID_EXISTS')
  })
})

it('forgets events, closed digests, claims, reports and sends to many that ended, and keeps what is open', async () => {
  const project = await newShop(app, null)
  await send(project, {})
  const { prisma } = app.app
  const ids = createIds(clock)
  const contact = await prisma.contact.findFirstOrThrow({ where: { projectId: project.id } })
  const template = await prisma.template.findFirstOrThrow({ where: { projectId: project.id, key: 'note' } })
  const now = clock.now()
  await prisma.event.createMany({
    data: times(1_500, () => ({ projectId: project.id, id: ids(), name: 'opened', contactId: contact.id, occurredAt: now })),
  })
  const digest = { projectId: project.id, contactId: contact.id, templateId: template.id, closesAt: now, createdAt: now }
  await prisma.digest.createMany({
    data: [
      { ...digest, id: ids(), key: 'closed', closedAt: now },
      { ...digest, id: ids(), key: 'open' },
    ],
  })
  const fanout = { projectId: project.id, templateId: template.id, audience: { kind: 'all' }, until: ids(), createdAt: now }
  await prisma.fanout.createMany({
    data: [
      { ...fanout, id: ids(), transactionId: 'done', status: 'DONE', key: 'news-1', contentHash: new Uint8Array(32) },
      { ...fanout, id: ids(), transactionId: 'runs', status: 'RUNNING', dueAt: new Date(clock.now().getTime() + 1_000 * DAY) },
    ],
  })
  const provider = await prisma.provider.findFirstOrThrow({ where: { projectId: project.id } })
  const report = { projectId: project.id, providerId: provider.id, providerMessageId: 'nobody-knows', createdAt: now }
  await prisma.deliveryReport.create({ data: { ...report, status: 'DELIVERED' } })
  const said = await prisma.message.findFirstOrThrow({ where: { projectId: project.id }, include: { notification: true } })
  const { transactionId } = said.notification
  await prisma.deviceClaim.create({
    data: { projectId: project.id, transactionId, tokenHash: new Uint8Array(32), messageId: said.id, createdAt: now },
  })
  await pass(project, 91, 0)
  const where = { projectId: project.id }
  await until('reports are gone', async () => (await prisma.deliveryReport.count({ where })) === 0)
  await until('events are gone', async () => (await prisma.event.count({ where })) === 0)
  await until('claims are gone', async () => (await prisma.deviceClaim.count({ where })) === 0)
  await until('one digest is left', async () => (await prisma.digest.count({ where })) === 1)
  await until('one send to many is left', async () => (await prisma.fanout.count({ where })) === 1)
  expect((await prisma.digest.findMany({ where })).map((one) => one.key)).toEqual(['open'])
  expect((await prisma.fanout.findMany({ where })).map((one) => one.transactionId)).toEqual(['runs'])
  expect((await send(project, { id: 'news-1' }))[0]?.error?.code).toBe('ID_MISMATCH')
})
