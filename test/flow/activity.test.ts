/** What an operator sees: notifications, their histories, statistics, and the live view. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  Feed,
  GetNotification,
  GetResultStats,
  GetStats,
  ListNotifications,
  MarkAs,
  NotificationChanged,
  Send,
  UpsertContacts,
} from '../helpers/operations.ts'
import { TriggerCampaign, UpsertCampaigns } from '../helpers/operations-audience.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const DAY = 24 * 3_600_000
const clock = createTestClock()
let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const send = async (...messages: object[]) =>
  (
    await project.api.do(Send, {
      messages: messages.map((one) => ({ template: 'note', contact: { externalId: 'x' }, ...one })),
      wait: 'SENT',
    })
  ).sendMessages.results
const found = async (filter: object) =>
  (await project.api.do(ListNotifications, { filter })).notifications.nodes.map((node) => node.key)

describe('notifications', () => {
  beforeAll(async () => {
    await send({
      id: 'n1',
      contact: { externalId: 'ann', firstName: 'Annabel', email: 'ann_b@example.com' },
      template: 'order',
      data: { number: 1 },
      transactionId: 'tx-n1',
    })
    await send({
      id: 'n2',
      contact: { externalId: 'ben', email: 'annxb@example.com', phone: '+15005550006' },
      template: 'order',
      channels: ['SMS'],
    })
    await send({ id: 'n3', contact: { externalId: 'cat' } })
  })
  it.each([
    [{}, ['n3', 'n2', 'n1']],
    [{ channels: ['SMS'] }, ['n2', 'n1']],
    [{ channels: ['EMAIL', 'SMS'] }, ['n2', 'n1']],
    [{ templates: ['note'] }, ['n3']],
    [{ templates: ['note', 'order'], contact: 'ann' }, ['n1']],
    [{ emails: ['ANN_B@example.com'] }, ['n1']],
    [{ search: 'annab' }, ['n1']],
    [{ search: '5550006' }, ['n2']],
    [{ search: 'tx-n' }, ['n1']],
    [{ search: 'ord' }, ['n2', 'n1']],
    [{ search: '_' }, ['n1']],
    [{ transactionId: 'tx-n1' }, ['n1']],
    [{ statuses: ['SKIPPED'] }, ['n1']],
    [{ statuses: ['CANCELED'] }, []],
    [{ search: 'nothing like it' }, []],
  ])('NV-20, NV-21: newest first, the filter %j finds %j', async (filter, keys) => {
    expect(await found(filter)).toEqual(keys)
  })
  it('NV-20: narrows by time', async () => {
    const from = clock.now()
    clock.advance(1_000)
    await send({ id: 'n4' })
    clock.advance(1_000)
    const to = clock.now().toISOString()
    expect(await found({ from: from.toISOString(), to })).toEqual(['n4'])
    expect(await found({ to: from.toISOString() })).not.toContain('n4')
  })
  it('NV-26, NV-27: shows each message with its attempts and history', async () => {
    const [result] = await send({
      contact: { externalId: 'ben' },
      template: 'order',
      data: { number: 9 },
      actor: { externalId: 'ann' },
    })
    const { notification } = await project.api.do(GetNotification, { id: result?.notification?.id ?? '' })
    expect(notification).toMatchObject({
      data: { number: 9 },
      contact: { externalId: 'ben' },
      actor: { externalId: 'ann' },
      canceledAt: null,
    })
    const sms = notification?.messages.find((one) => one.channel === 'SMS')
    expect(sms).toMatchObject({
      __typename: 'OutboundMessage',
      status: 'SENT',
      text: 'Order 9',
      address: '+15005550006',
      attempts: [{ number: 1, ok: true, error: null, response: 'captured', provider: { key: 'text' } }],
    })
    expect(sms?.history).toMatchObject([{ status: 'QUEUED' }, { status: 'SENDING', detail: 'text' }, { status: 'SENT' }])
    expect(notification?.messages.find((one) => one.channel === 'IN_APP')).toMatchObject({
      __typename: 'InAppMessage',
      status: 'DELIVERED',
      attempts: [],
      title: 'Order 9',
    })
    expect((await project.api.do(GetNotification, { id: 'nonsense' })).notification).toBeNull()
  })
  it('notificationChanged sends each status as it is reached, narrowed by a filter', async () => {
    const live = await project.api.watch(NotificationChanged, { filter: { contact: 'ben', statuses: ['SENT'] } })
    await send({ contact: { externalId: 'cat' }, template: 'order' }, { contact: { externalId: 'ben' }, template: 'order' })
    const events = await live.waitFor(2)
    expect(
      events.map(({ notificationChanged }) => [notificationChanged.status, notificationChanged.message.channel]).toSorted(),
    ).toEqual([
      ['SENT', 'EMAIL'],
      ['SENT', 'SMS'],
    ])
    live.close()
  })
})

describe('stats', () => {
  it('NV-22, NV-23, NV-24, NV-25, LY-88: count each notification once, by UTC day, and what became of it', async () => {
    const shop = await newShop(app, null)
    const make = (count: number, more: object = {}) =>
      shop.api.do(Send, {
        messages: times(count, () => ({ template: 'note', contact: { externalId: 's' }, ...more })),
        wait: 'SENT',
      })
    await make(1)
    clock.advance(40 * DAY)
    await make(2, { template: 'order', contact: { externalId: 's', email: 's@example.com' } })
    clock.advance(DAY)
    await make(3)
    const { feed } = await shop.api.do(Feed, { contact: 's' })
    await shop.api.do(MarkAs, { contact: 's', messages: [feed.nodes[0]?.id ?? ''], read: true })
    const { stats } = await shop.api.do(GetStats, {})
    expect(stats).toMatchObject({ weeklySent: 5, monthlySent: 5, yearlySent: 6 })
    expect(stats.days).toHaveLength(32)
    const today = clock.now().toISOString().slice(0, 10)
    expect(stats.days[0]).toEqual({
      ...{ date: today, count: 3, sent: 3, delivered: 3, failed: 0, seen: 1, read: 1 },
      templates: [{ template: 'note', count: 3 }],
      channels: [{ channel: 'IN_APP', sent: 3, delivered: 3, failed: 0, seen: 1, read: 1 }],
    })
    // Two notifications on three channels, without a phone number: still two.
    expect(stats.days[1]).toMatchObject({ count: 2, sent: 2, delivered: 2 })
    expect(stats.days[1]?.channels.map((one) => [one.channel, one.sent])).toEqual([
      ['IN_APP', 2],
      ['EMAIL', 2],
      ['SMS', 0],
    ])
    expect(stats.days.slice(2).every((day) => day.count === 0)).toBe(true)
    const narrowed = await shop.api.do(GetStats, { last: 2, template: 'order', channel: 'EMAIL' })
    expect(narrowed.stats.days.map((day) => day.count)).toEqual([0, 2])
    expect((await shop.api.ask(GetStats, { last: 0 })).codes).toEqual(['BAD_INPUT'])
    expect((await shop.api.ask(GetStats, { template: 'none' })).codes).toEqual(['TEMPLATE_NOT_FOUND'])
  })

  it('has those of a campaign, of a broadcast and of a provider apart', async () => {
    const shop = await newShop(app, null)
    await shop.api.do(UpsertContacts, {
      contacts: times(3, (n) => ({ externalId: `c${n}`, email: `c${n}@example.com`, phone: n === 0 ? '+15005550006' : null })),
    })
    await shop.api.do(UpsertCampaigns, { campaigns: [{ key: 'news', template: 'order' }] })
    const recipients = [{ type: 'USER_ID' as const, userId: 'c0' }]
    await shop.api.do(TriggerCampaign, { campaign: 'news', recipients })
    await shop.api.do(Broadcast, { input: { template: 'order', transactionId: 'all' } })
    await send({ contact: { externalId: 'elsewhere' } })
    const ask = () => shop.api.do(GetResultStats, { campaign: 'news', transaction: 'all' })
    await until('all is sent', async () => {
      const { campaign, providers } = await ask()
      return campaign?.stats.channels.at(-1)?.sent === 1 && providers.reduce((sum, { stats }) => sum + stats.sent, 0) === 6
    })
    const { campaign, transaction, providers } = await ask()
    const results = { delivered: 0, failed: 0, seen: 0, read: 0 }
    expect(campaign?.stats).toEqual({
      ...{ ...results, count: 1, sent: 1, delivered: 1 },
      channels: [
        { ...results, channel: 'IN_APP', sent: 1, delivered: 1 },
        { ...results, channel: 'EMAIL', sent: 1 },
        { ...results, channel: 'SMS', sent: 1 },
      ],
    })
    expect(transaction?.stats).toEqual({
      ...{ count: 3, sent: 3, delivered: 3, failed: 0 },
      channels: [
        { channel: 'IN_APP', sent: 3, failed: 0 },
        { channel: 'EMAIL', sent: 3, failed: 0 },
        { channel: 'SMS', sent: 1, failed: 0 },
      ],
    })
    expect(Object.fromEntries(providers.map(({ key, stats }) => [key, stats]))).toEqual({
      mail: { sent: 4, delivered: 0, failed: 0 },
      text: { sent: 2, delivered: 0, failed: 0 },
    })
  })
})
