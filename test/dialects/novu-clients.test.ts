/**
 * Novu's own clients, unchanged but for their base address: every method that is served here, what it answers, and what it does. @novu/api holds each
 * answer against Novu's schemas itself, and throws where one differs. Meanwhile an inbox of
 * the subscriber is open.
 */
import { Novu as ApiNovu } from '@novu/api'
import { Novu as NodeNovu } from '@novu/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInboxClient } from '../../web/inbox/client.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { newNovuProject } from '../helpers/novu.ts'
import {
  ContactTopics,
  CreateContactToken,
  Feed,
  GetContact,
  GetPreferences,
  ListContacts,
  ListNotifications,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { GetReach } from '../helpers/operations-vendors.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

type Calls = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Calls => typeof value === 'object' && value !== null

/** The names of a client's methods, and those of the objects in it: `subscribers.list`. */
function methodsOf(client: object, groups: readonly string[]): string[] {
  return groups.flatMap((group) => {
    const object = (group === '' ? [] : group.split('.')).reduce<unknown>(
      (inner, name) => (isObject(inner) ? inner[name] : undefined),
      client,
    )
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(object) as object)
    return names
      .filter((name) => name !== 'constructor' && isObject(object) && typeof object[name] === 'function')
      .map((name) => (group === '' ? name : `${group}.${name}`))
  })
}

/** The client itself, which records in `called` which of its methods were. */
function recorded<T extends object>(client: T, called: Set<string>, path = ''): T {
  return new Proxy(client, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name, target)
      const inside = path === '' ? String(name) : `${path}.${String(name)}`
      if (typeof value === 'function') {
        return (...given: unknown[]): unknown => {
          called.add(inside)
          return Reflect.apply(value, target, given)
        }
      }
      return isObject(value) && !Array.isArray(value) ? recorded(value, called, inside) : value
    },
  })
}

/** What the inbox of a subscriber shows, live. */
async function openInbox(project: TestProject, subscriberId: string) {
  const { createContactToken } = await project.api.do(CreateContactToken, { contact: subscriberId, ttlSeconds: 3600 })
  const inbox = createInboxClient({ server: app.url, token: createContactToken.token, keep: false })
  await expect.poll(() => inbox.state.live).toBe('live')
  return {
    /** the bodies of its messages, the newest first, and how many are unseen */
    shown: () => [...inbox.state.messages.map(({ body }) => body), inbox.state.counts.unseen],
    /** how many messages are unseen, and how many unread */
    counts: () => [inbox.state.counts.unseen, inbox.state.counts.unread],
    ids: () => inbox.state.messages.map(({ id }) => id),
    close: () => inbox.close(),
  }
}

const contactOf = async ({ api }: TestProject, externalId: string) => (await api.do(GetContact, { externalId })).contact
const preferencesOf = async ({ api }: TestProject, contact: string) => (await api.do(GetPreferences, { contact })).preferences
const feedOf = async ({ api }: TestProject, contact: string) => (await api.do(Feed, { contact })).feed
const transactionsOf = async ({ api }: TestProject) =>
  (await api.do(ListNotifications, { first: 100 })).notifications.nodes.map((one) => one.transactionId)
const ofChannel = (preferences: Awaited<ReturnType<typeof preferencesOf>>, key: string, channel: string) =>
  preferences.templates.find(({ template }) => template.key === key)?.channels.find((one) => one.channel === channel)?.enabled

describe('@novu/node', () => {
  const called = new Set<string>()
  let project: TestProject
  let novu: NodeNovu
  beforeAll(async () => {
    project = await newNovuProject(app)
    novu = recorded(new NodeNovu(project.apiKey, { backendUrl: `${app.url}/novu` }), called)
  })
  /** The body of an answer, where its status is right. */
  const body = async (answer: Promise<{ readonly status: number; readonly data: unknown }>, status = 200): Promise<never> => {
    const { status: got, data } = await answer
    expect(got).toBe(status)
    return data as never
  }
  const data = async (...given: Parameters<typeof body>): Promise<never> => ((await body(...given)) as { data: never }).data

  it('triggers, in bulk and for all, and cancels', async () => {
    const sent = { acknowledged: true, status: 'processed', transactionId: 'n-1' }
    const to = { subscriberId: 'ann', email: 'ann@example.com', firstName: 'Ann', data: { plan: 'pro' } }
    const payload = { comment: 'Nice' }
    expect(await data(novu.trigger('comment', { to, payload, transactionId: 'n-1', actor: 'ben' }), 201)).toEqual(sent)
    expect(await contactOf(project, 'ann')).toMatchObject({ email: 'ann@example.com', firstName: 'Ann' })
    expect(await feedOf(project, 'ann')).toMatchObject({ totalCount: 1, nodes: [{ body: 'Nice', transactionId: 'n-1' }] })
    await body(novu.events.trigger('note', { to: ['ann', 'ben'], payload: { n: 2 }, transactionId: 'n-2' }), 201)
    const many = ['n-3', 'n-4'].map((transactionId) => ({ name: 'note', to: 'ben', payload: { n: 3 }, transactionId }))
    const results = await data(novu.bulkTrigger(many), 201)
    expect(results).toMatchObject([{ transactionId: 'n-3' }, { transactionId: 'n-4' }])
    await body(novu.events.bulkTrigger([{ name: 'note', to: 'ben', payload: {}, transactionId: 'n-5' }]), 201)
    expect(await data(novu.broadcast('note', { payload: { n: 6 }, transactionId: 'n-6' }), 201)).toMatchObject({
      status: 'processed',
    })
    await body(novu.events.broadcast('note', { payload: { n: 7 }, transactionId: 'n-7' }), 201)
    await expect.poll(() => transactionsOf(project)).toEqual(expect.arrayContaining(['n-2', 'n-3', 'n-4', 'n-5', 'n-6', 'n-7']))
    await project.api.do(UpsertTemplates, { templates: [{ key: 'late', delaySeconds: 3_600, inApp: [{ body: 'x' }] }] })
    await body(novu.trigger('late', { to: 'ann', payload: {}, transactionId: 'n-8' }), 201)
    expect(await data(novu.events.cancel('n-8'))).toBe(true)
    const [canceled] = (await project.api.do(ListNotifications, { filter: { transactionId: 'n-8' } })).notifications.nodes
    expect(canceled?.messages).toEqual([{ channel: 'IN_APP', status: 'CANCELED' }])
    expect(await data(novu.events.cancel('n-8'))).toBe(false)
  })

  it('creates, changes, lists, looks up and deletes subscribers, with their credentials', async () => {
    const { subscribers } = novu
    expect(
      await data(subscribers.identify('sue', { firstName: 'Sue', email: 'sue@example.com', data: { seats: 2 } }), 201),
    ).toMatchObject({
      subscriberId: 'sue',
      data: { seats: 2 },
    })
    await body(
      subscribers.update('sue', { lastName: 'Shaw', phone: '+447400123456', avatar: 'https://a.example/s.png', locale: 'en' }),
    )
    expect(await contactOf(project, 'sue')).toMatchObject({
      firstName: 'Sue',
      lastName: 'Shaw',
      phone: '+447400123456',
      locale: 'en',
    })
    expect(
      await data(subscribers.bulkCreate([{ subscriberId: 'sam' }, { subscriberId: 'sue', firstName: 'Susan' }]), 201),
    ).toMatchObject({
      created: [{ subscriberId: 'sam' }],
      updated: [{ subscriberId: 'sue' }],
    })
    expect(await data(subscribers.get('sue'))).toMatchObject({ firstName: 'Susan', lastName: 'Shaw' })
    const { totalCount } = (await project.api.do(ListContacts, { first: 1 })).contacts
    expect(await body(subscribers.list(0, 50))).toMatchObject({ totalCount, data: { length: totalCount }, hasMore: false })
    const stored = async () => (await project.api.do(GetReach, { contact: 'sue' })).contact?.credentials
    await body(subscribers.setCredentials('sue', 'push', { deviceTokens: ['d-1'] }))
    await body(subscribers.setCredentials('sue', 'slack', { webhookUrl: 'https://hooks.slack.com/services/T/B/x' }, 'slack'))
    expect(await stored()).toMatchObject([{ provider: 'push', deviceTokens: ['d-1'] }, { provider: 'slack' }])
    await body(subscribers.unsetCredentials('sue', 'push'))
    await body(subscribers.deleteCredentials('sue', 'slack'), 204)
    expect(await stored()).toMatchObject([
      { provider: 'push', deviceTokens: [] },
      { provider: 'slack', webhookUrl: null },
    ])
    expect(await data(subscribers.updateOnlineStatus('sue', true))).toMatchObject({ isOnline: true })
    expect(await contactOf(project, 'sue')).toMatchObject({ isOnline: true })
    expect(await data(subscribers.delete('sue'))).toEqual({ acknowledged: true, status: 'deleted' })
    expect(await contactOf(project, 'sue')).toBeNull()
  })

  it('reads and sets preferences', async () => {
    const { subscribers } = novu
    await subscribers.identify('pia', {})
    const whole: unknown[] = await data(subscribers.getPreference('pia', { includeInactiveChannels: false }))
    expect(await data(subscribers.getPreferenceByLevel('pia', 'template' as never))).toEqual(whole)
    expect(
      await data(subscribers.updatePreference('pia', 'order', { channel: { type: 'email' as never, enabled: false } })),
    ).toMatchObject({
      preference: { enabled: true, channels: { email: false, sms: true } },
    })
    expect(ofChannel(await preferencesOf(project, 'pia'), 'order', 'EMAIL')).toBe(false)
    await body(subscribers.updateGlobalPreference('pia', { preferences: [{ type: 'sms' as never, enabled: false }] }))
    expect(ofChannel(await preferencesOf(project, 'pia'), 'order', 'SMS')).toBe(false)
    expect(await data(subscribers.getGlobalPreference('pia'))).toMatchObject([
      { preference: { channels: { sms: false, email: true } } },
    ])
  })

  it('sends to a page that is open, marks what it shows, and takes it away', async () => {
    const { subscribers } = novu
    await subscribers.identify('liv', {})
    const live = await openInbox(project, 'liv')
    await novu.trigger('comment', { to: 'liv', payload: { comment: 'one' }, transactionId: 'live-1' })
    await expect.poll(live.shown).toEqual(['one', 1])
    await novu.trigger('note', { to: 'liv', payload: { n: 2 }, transactionId: 'live-2' })
    await expect.poll(live.shown).toEqual(['2', 'one', 2])
    const feed = await body(subscribers.getNotificationsFeed('liv', { page: 0, limit: 10, seen: false, payload: { n: 2 } }))
    const [{ _id: second }] = (feed as { data: [{ _id: string }] }).data
    const [first = { id: '' }] = (await feedOf(project, 'liv')).nodes.filter(({ id }) => id !== second)
    expect(await data(subscribers.getUnseenCount('liv', false))).toEqual({ count: 2 })
    await body(subscribers.markMessageSeen('liv', second), 201)
    await expect.poll(live.counts).toEqual([1, 2])
    await body(subscribers.markMessageRead('liv', second), 201)
    await expect.poll(live.counts).toEqual([1, 1])
    await body(subscribers.markMessageAs('liv', first.id, { seen: true, read: true }), 201)
    await expect.poll(live.counts).toEqual([0, 0])
    expect(await data(subscribers.markAllMessagesAs('liv', 'unread' as never), 201)).toBe(2)
    await expect.poll(live.counts).toEqual([0, 2])
    expect(await feedOf(project, 'liv')).toMatchObject({ unseenCount: 0, unreadCount: 2 })
    const action = { status: 'done' as never, payload: { from: 'page' } }
    expect(await data(subscribers.markMessageActionSeen('liv', first.id, 'primary' as never, action), 201)).toMatchObject({
      cta: { action: { status: 'done', result: { payload: { from: 'page' } } } },
    })
    const listed = await body(novu.messages.list({ subscriberId: 'liv', channel: 'in_app' as never, transactionIds: ['live-2'] }))
    expect(listed).toMatchObject({ totalCount: 1, data: [{ _id: second }] })
    expect(await data(novu.messages.deleteById(second))).toEqual({ acknowledged: true, status: 'deleted' })
    await expect.poll(live.ids).toEqual([first.id])
    await body(novu.messages.deleteByTransactionId('live-1'), 204)
    await expect.poll(live.ids).toEqual([])
    expect((await feedOf(project, 'liv')).totalCount).toBe(0)
    live.close()
  })

  it('keeps topics and their members', async () => {
    const { topics } = novu
    await novu.subscribers.bulkCreate([{ subscriberId: 'tom' }, { subscriberId: 'tia' }])
    expect(await data(topics.create({ key: 'red', name: 'Red' }), 201)).toMatchObject({ key: 'red' })
    expect(await data(topics.addSubscribers('red', { subscribers: ['tom', 'tia', 'nobody'] }))).toEqual({
      succeeded: ['tom', 'tia'],
      failed: { notFound: ['nobody'] },
    })
    expect((await project.api.do(ContactTopics, { externalId: 'tom' })).contact?.topics).toEqual([{ key: 'red', name: 'Red' }])
    expect(await data(topics.getSubscriber('red', 'tom'))).toMatchObject({ topicKey: 'red', externalSubscriberId: 'tom' })
    await body(topics.checkSubscriber('red', 'tia'))
    await novu.trigger('note', { to: [{ type: 'Topic' as never, topicKey: 'red' }], payload: { n: 1 } })
    await expect.poll(async () => (await feedOf(project, 'tia')).totalCount).toBe(1)
    await body(topics.removeSubscribers('red', { subscribers: ['tom'] }), 204)
    expect(await data(topics.rename('red', 'Rot'))).toMatchObject({ name: 'Rot', subscribers: ['tia'] })
    expect(await data(topics.get('red'))).toMatchObject({ key: 'red', name: 'Rot' })
    expect(await body(topics.list({ page: 0, pageSize: 10, key: 'red' }))).toMatchObject({
      totalCount: 1,
      data: [{ name: 'Rot' }],
    })
    await body(topics.delete('red'), 204)
    expect((await project.api.do(ContactTopics, { externalId: 'tia' })).topics.totalCount).toBe(0)
  })

  it('asks about inbound mail', async () => {
    expect(await data(novu.inboundParse.getMxStatus())).toEqual({ mxRecordConfigured: false })
  })

  it('was called with every method of what is served', () => {
    const groups = ['events', 'subscribers', 'topics', 'messages', 'inboundParse']
    const methods = [...methodsOf(novu, groups), 'trigger', 'bulkTrigger', 'broadcast']
    expect([...called].sort()).toEqual(methods.sort())
  })
})

describe('@novu/api', () => {
  const called = new Set<string>()
  let project: TestProject
  let novu: ApiNovu
  beforeAll(async () => {
    project = await newNovuProject(app)
    // Its default is to repeat for an hour what failed.
    const retryConfig = { strategy: 'none' } as const
    novu = recorded(new ApiNovu({ apiKey: project.apiKey, serverURL: `${app.url}/novu`, retryConfig }), called)
  })

  it('triggers, in bulk and for all, and cancels', async () => {
    const to = [{ subscriberId: 'ann', email: 'ann@example.com', firstName: 'Ann' }, 'ben']
    const sent = await novu.trigger({ name: 'comment', to, payload: { comment: 'Nice' }, transactionId: 'a-1', actor: 'ben' })
    expect(sent.result).toEqual({ acknowledged: true, status: 'processed', transactionId: 'a-1' })
    expect(await contactOf(project, 'ann')).toMatchObject({ email: 'ann@example.com', firstName: 'Ann' })
    expect(await feedOf(project, 'ben')).toMatchObject({ totalCount: 1, nodes: [{ body: 'Nice', transactionId: 'a-1' }] })
    const events = ['a-2', 'a-3'].map((transactionId) => ({ name: 'note', to: 'ben', payload: { n: 3 }, transactionId }))
    expect((await novu.triggerBulk({ events: [...events, { name: 'nothing', to: 'ben' }] })).result).toMatchObject([
      { transactionId: 'a-2' },
      { transactionId: 'a-3' },
      { acknowledged: true, status: 'error', error: ['template_not_found'] },
    ])
    await novu.triggerBroadcast({ name: 'note', payload: { n: 4 }, transactionId: 'a-4' })
    await expect.poll(() => transactionsOf(project)).toEqual(expect.arrayContaining(['a-2', 'a-3', 'a-4']))
    await project.api.do(UpsertTemplates, { templates: [{ key: 'late', delaySeconds: 3_600, inApp: [{ body: 'x' }] }] })
    await novu.trigger({ name: 'late', to: 'ann', transactionId: 'a-5' })
    expect((await novu.cancel('a-5')).result).toMatchObject({ data: true })
    expect((await novu.cancel('a-5')).result).toMatchObject({ data: false })
  })

  it('creates, changes, lists, looks up and deletes subscribers, with their credentials', async () => {
    const { subscribers } = novu
    const made = await subscribers.create({ subscriberId: 'sue', firstName: 'Sue', email: 'sue@example.com', data: { seats: 2 } })
    expect(made.result).toMatchObject({ subscriberId: 'sue', firstName: 'Sue', deleted: false, environmentId: project.id })
    expect((await subscribers.update({ lastName: 'Shaw', locale: 'en' }, 'sue')).result).toMatchObject({ lastName: 'Shaw' })
    expect(await contactOf(project, 'sue')).toMatchObject({ firstName: 'Sue', lastName: 'Shaw', locale: 'en' })
    await subscribers.createBulk({ subscribers: [{ subscriberId: 'sam' }, { subscriberId: 'sue', firstName: 'Susan' }] })
    expect((await subscribers.retrieve('sue', true)).result).toMatchObject({ firstName: 'Susan', topics: [] })
    const { totalCount } = (await project.api.do(ListContacts, { first: 1 })).contacts
    const { result } = await subscribers.list(0, 100)
    expect(result).toMatchObject({ page: 0, pageSize: 100, hasMore: false, data: { length: totalCount } })
    const stored = async () => (await project.api.do(GetReach, { contact: 'sue' })).contact?.credentials
    const slack = { providerId: 'slack', credentials: { webhookUrl: 'https://hooks.slack.com/services/T/B/x' } } as const
    expect((await subscribers.credentials.update(slack, 'sue')).result.channels).toMatchObject([{ providerId: 'slack' }])
    const push = (...deviceTokens: string[]) =>
      ({ providerId: 'push-webhook', integrationIdentifier: 'push', credentials: { webhookUrl: '', deviceTokens } }) as const
    await subscribers.credentials.append(push('d-1'), 'sue')
    await subscribers.credentials.append(push('d-2'), 'sue')
    expect(await stored()).toMatchObject([{ provider: 'push', deviceTokens: ['d-1', 'd-2'] }, { provider: 'slack' }])
    await subscribers.credentials.delete('sue', 'slack')
    expect(await stored()).toMatchObject([{ provider: 'push' }, { provider: 'slack', webhookUrl: null }])
    expect((await subscribers.properties.updateOnlineFlag({ isOnline: true }, 'sue')).result).toMatchObject({ isOnline: true })
    expect(await contactOf(project, 'sue')).toMatchObject({ isOnline: true })
    expect((await subscribers.delete('sue')).result).toEqual({ acknowledged: true, status: 'deleted' })
    expect(await contactOf(project, 'sue')).toBeNull()
  })

  it('reads and sets preferences', async () => {
    const { preferences } = novu.subscribers
    await novu.subscribers.create({ subscriberId: 'pia' })
    const whole = (await preferences.list('pia', false)).result
    const ofLevel = (preferenceLevel: 'global' | 'template') =>
      preferences.retrieveByLevel({ preferenceLevel, subscriberId: 'pia' })
    expect((await ofLevel('template')).result).toEqual(whole)
    const updateSubscriberPreferenceRequestDto = { channel: { type: 'email', enabled: false } } as const
    await preferences.update({ subscriberId: 'pia', workflowId: 'order', updateSubscriberPreferenceRequestDto })
    expect(ofChannel(await preferencesOf(project, 'pia'), 'order', 'EMAIL')).toBe(false)
    await preferences.updateGlobal({ preferences: [{ type: 'sms', enabled: false }] }, 'pia')
    expect(ofChannel(await preferencesOf(project, 'pia'), 'order', 'SMS')).toBe(false)
    expect((await ofLevel('global')).result).toMatchObject([{ preference: { channels: { sms: false, email: true } } }])
  })

  it('sends to a page that is open, marks what it shows, and takes it away', async () => {
    const { subscribers } = novu
    await subscribers.create({ subscriberId: 'liv' })
    const live = await openInbox(project, 'liv')
    await novu.trigger({ name: 'comment', to: 'liv', payload: { comment: 'one' }, transactionId: 'live-1' })
    await expect.poll(live.shown).toEqual(['one', 1])
    await novu.trigger({ name: 'note', to: 'liv', payload: { n: 2 }, transactionId: 'live-2' })
    await expect.poll(live.shown).toEqual(['2', 'one', 2])
    const { result: feed } = await subscribers.notifications.feed({ subscriberId: 'liv', page: 0, seen: false })
    expect(feed).toMatchObject({
      totalCount: 2,
      hasMore: false,
      data: [{ transactionId: 'live-2' }, { transactionId: 'live-1' }],
    })
    const [second = '', first = ''] = feed.data.map(({ id }) => id)
    expect((await subscribers.notifications.unseenCount({ subscriberId: 'liv', seen: false })).result).toEqual({ count: 2 })
    const seen = await subscribers.messages.markAllAs({ messageId: second, markAs: 'seen' }, 'liv')
    expect(seen.result).toMatchObject([{ id: second, seen: true, read: false }])
    await expect.poll(live.counts).toEqual([1, 2])
    expect((await subscribers.messages.markAll({ markAs: 'read', feedIdentifier: 'news' }, 'liv')).result).toBe(1)
    await expect.poll(live.counts).toEqual([0, 1])
    const markMessageActionAsSeenDto = { status: 'done', payload: { from: 'page' } } as const
    await subscribers.messages.updateAsSeen({
      messageId: first,
      type: 'primary',
      subscriberId: 'liv',
      markMessageActionAsSeenDto,
    })
    expect((await feedOf(project, 'liv')).nodes.find(({ id }) => id === first)?.primaryAction).toMatchObject({ status: 'DONE' })
    const { result } = await novu.messages.retrieve({ subscriberId: 'liv', channel: 'in_app', transactionId: ['live-2'] })
    expect(result.data).toHaveLength(1)
    expect((await novu.messages.delete(second)).result).toMatchObject({ acknowledged: true, status: 'deleted' })
    await expect.poll(live.ids).toEqual([first])
    await novu.messages.deleteByTransactionId('live-1', 'in_app')
    await expect.poll(live.ids).toEqual([])
    expect((await feedOf(project, 'liv')).totalCount).toBe(0)
    live.close()
  })

  it('keeps topics and their members', async () => {
    const { topics } = novu
    await novu.subscribers.createBulk({ subscribers: [{ subscriberId: 'tom' }, { subscriberId: 'tia' }] })
    expect((await topics.create({ key: 'red', name: 'Red' })).result).toMatchObject({ key: 'red' })
    const assigned = await topics.subscribers.assign({ subscribers: ['tom', 'tia', 'nobody'] }, 'red')
    expect(assigned.result).toEqual({ succeeded: ['tom', 'tia'], failed: { notFound: ['nobody'] } })
    expect((await project.api.do(ContactTopics, { externalId: 'tom' })).contact?.topics).toEqual([{ key: 'red', name: 'Red' }])
    expect(await topics.subscribers.retrieve('tom', 'red')).toBeTruthy()
    await novu.trigger({ name: 'note', to: { type: 'Topic', topicKey: 'red' }, payload: { n: 1 } })
    await expect.poll(async () => (await feedOf(project, 'tia')).totalCount).toBe(1)
    await topics.subscribers.remove({ subscribers: ['tom'] }, 'red')
    expect((await topics.rename({ name: 'Rot' }, 'red')).result).toMatchObject({ name: 'Rot', subscribers: ['tia'] })
    expect((await topics.retrieve('red')).result).toMatchObject({ key: 'red', name: 'Rot' })
    expect((await topics.list({ key: 'red' })).result).toMatchObject({ totalCount: 1, data: [{ name: 'Rot' }] })
    await topics.delete('red')
    expect((await project.api.do(ContactTopics, { externalId: 'tia' })).topics.totalCount).toBe(0)
  })

  it('looks at what was sent, and how much', async () => {
    const to = { subscriberId: 'act', email: 'act@example.com', firstName: 'Act' }
    await novu.trigger({ name: 'order', to, payload: { number: 1 }, transactionId: 'act-1' })
    const { result } = await novu.notifications.list({
      search: 'act',
      channels: ['email'],
      templates: ['order', 'mail'],
      emails: ['act@example.com'],
    })
    expect(result.data).toMatchObject([{ transactionId: 'act-1', subscriber: { email: 'act@example.com' } }])
    const [{ id = '' } = {}] = result.data
    expect((await novu.notifications.retrieve(id)).result).toMatchObject({ transactionId: 'act-1', template: { name: 'order' } })
    const weeklySent = async () => (await novu.notifications.stats.retrieve()).result.weeklySent
    const { totalCount } = (await project.api.do(ListNotifications, { first: 1 })).notifications
    await expect.poll(weeklySent).toBe(totalCount - 1)
    expect((await novu.notifications.stats.graph(7)).result).toHaveLength(7)
  })

  it('was called with every method of what is served', () => {
    const groups = [
      ...['', 'notifications', 'notifications.stats', 'messages', 'topics', 'topics.subscribers', 'subscribers'],
      ...['subscribers.credentials', 'subscribers.properties', 'subscribers.preferences'],
      ...['subscribers.notifications', 'subscribers.messages'],
    ]
    expect([...called].sort()).toEqual(methodsOf(novu, groups).sort())
  })
})
