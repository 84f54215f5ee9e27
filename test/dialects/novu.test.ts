/** Novu's REST API v1: what its document prints and states, and what its clients @novu/node and @novu/api send, as they were seen to. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Call } from '../../src/dialects/dialect.ts'
import { novuEvents } from '../../src/dialects/novu-events.ts'
import { novuSubscribers } from '../../src/dialects/novu-subscribers.ts'
import { CarillonError } from '../../src/errors.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { type DialectAnswer, type DialectClient, shown } from '../helpers/dialect.ts'
import { newNovu } from '../helpers/novu.ts'
import { CreateApiKey, CreateContactToken, Feed, GetContact, ListNotifications, UpsertTemplates } from '../helpers/operations.ts'
import { Transaction } from '../helpers/operations-fanout.ts'
import { times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let novu: DialectClient
beforeAll(async () => {
  app = await startTestApp()
  ;[project, novu] = await newNovu(app)
})
afterAll(() => app?.stop())

type Body = Record<string, never> & { readonly data: never }
interface Item {
  readonly _id: string
  readonly [name: string]: unknown
}
const get = (path: string, client = novu) => client.call({ method: 'GET', path })
const post = (path: string, body?: unknown, client = novu) => client.call({ path, ...(body === undefined ? {} : { body }) })
const put = (path: string, body: unknown) => novu.call({ method: 'PUT', path, body })
const patch = (path: string, body: unknown, client = novu) => client.call({ method: 'PATCH', path, body })
const remove = (path: string, client = novu) => client.call({ method: 'DELETE', path })
/** What an answer says, without its wrapping. */
const dataOf = ({ body }: DialectAnswer) => (body as Body).data as never
const itemsOf = ({ body }: DialectAnswer) => (body as { data: Item[] }).data
const trigger = (event: object, client = novu) => post('/v1/events/trigger', event, client)
const subscribe = (subscriberId: string, fields: object = {}) => post('/v1/subscribers', { subscriberId, ...fields })
const contactOf = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact
const countOf = async (): Promise<number> => (await project.api.do(ListNotifications, { first: 1 })).notifications.totalCount
const feedOf = async (id: string, query = '') => itemsOf(await get(`/v1/subscribers/${id}/notifications/feed${query}`))
/** An error in Novu's form. */
const failure = (statusCode: number, message: unknown = expect.any(String), errors?: object) => ({
  status: statusCode,
  body: {
    statusCode,
    timestamp: expect.any(String) as unknown,
    path: expect.stringMatching(/^\/novu/) as unknown,
    message,
    ...(statusCode === 422 ? { errors: errors ?? (expect.any(Object) as unknown) } : {}),
  },
})
const processed = { acknowledged: true, status: 'processed', transactionId: expect.any(String) as unknown }

describe('events', () => {
  it('NV-01: takes the printed trigger below /novu/v1, with 201 and the answer in data', async () => {
    const answer = await trigger({
      name: 'comment',
      to: { subscriberId: 'printed', email: 'email@email.com', firstName: 'John', lastName: 'Doe' },
      payload: { customVariables: 'Hello' },
      transactionId: 'transactionId',
      overrides: {},
    })
    expect(shown(answer)).toEqual({
      status: 201,
      body: { data: { acknowledged: true, status: 'processed', transactionId: 'transactionId' } },
    })
    expect(await contactOf('printed')).toMatchObject({ email: 'email@email.com', firstName: 'John', lastName: 'Doe' })
    expect(novu.document.servers).toEqual([{ url: '/novu' }])
    expect(Object.keys(novu.document.paths).filter((path) => !path.startsWith('/v1/'))).toEqual([])
  })

  it('overwrites what a recipient has, and creates the actor', async () => {
    await subscribe('inline', { email: 'old@example.com', firstName: 'Old' })
    const to = { subscriberId: 'inline', email: 'new@example.com' }
    expect(
      dataOf(await trigger({ name: 'comment', to, actor: { subscriberId: 'ben-1', firstName: 'Ben' }, payload: {} })),
    ).toEqual(processed)
    expect(await contactOf('inline')).toMatchObject({ email: 'new@example.com', firstName: 'Old' })
    expect(await feedOf('inline')).toMatchObject([{ title: 'Ben commented', actor: { type: 'user', data: null } }])
  })

  it('sends to several subscribers and topics in one transaction, and names who is left out', async () => {
    await Promise.all([subscribe('many-1'), subscribe('many-2')])
    await post('/v1/topics', { key: 'many', name: 'Many' })
    await post('/v1/topics/many/subscribers', { subscribers: ['many-2'] })
    const to = ['many-1', { type: 'Topic', topicKey: 'many' }, { subscriberId: 'many-3', email: 'nonsense' }]
    expect(dataOf(await trigger({ name: 'note', to, payload: { n: 1 }, transactionId: 'many' }))).toEqual({
      ...processed,
      transactionId: 'many',
      error: [expect.stringMatching(/^email: /)],
    })
    for (const id of ['many-1', 'many-2']) {
      await expect.poll(() => feedOf(id)).toMatchObject([{ transactionId: 'many', payload: { n: 1 } }])
    }
  })

  it('notifies once who is named several times', async () => {
    const to = ['same', { subscriberId: 'same', firstName: 'Same' }, 'same', 'same-2']
    expect(dataOf(await trigger({ name: 'note', to, payload: { n: 1 } }))).toEqual(processed)
    expect(await feedOf('same')).toHaveLength(1)
    expect(await feedOf('same-2')).toHaveLength(1)
  })

  it('notifies once who is named and a member of a topic, or a member of several', async () => {
    await post('/v1/subscribers/bulk', { subscribers: ['one', 'two', 'three'].map((subscriberId) => ({ subscriberId })) })
    for (const [key, ...subscribers] of [
      ['left', 'one', 'two'],
      ['right', 'two', 'three'],
    ]) {
      await post('/v1/topics', { key, name: key })
      await post(`/v1/topics/${key}/subscribers`, { subscribers })
    }
    const to = [{ type: 'Topic', topicKey: 'left' }, 'one', { type: 'Topic', topicKey: 'right' }]
    await trigger({ name: 'note', to, payload: { n: 1 }, transactionId: 'folded' })
    await expect
      .poll(async () => (await project.api.do(Transaction, { id: 'folded' })).transaction)
      .toMatchObject({ status: 'DONE', total: 3 })
    const { nodes } = (await project.api.do(ListNotifications, { filter: { transactionId: 'folded' } })).notifications
    expect(nodes.map(({ contact }) => contact?.externalId).sort()).toEqual(['one', 'three', 'two'])
  })

  it('puts what a payload says into texts and feeds as it is, whatever its names are, and changes nobody', async () => {
    const to = { subscriberId: 'literal', email: 'literal@example.com' }
    await subscribe('literal', to)
    const payload = {
      id: 7,
      email: 'other@example.com',
      country: 'Narnia',
      'a..b': 1,
      'a.b': { c: 2 },
      subscriber: 'x',
      comment: 'y',
    }
    expect(dataOf(await trigger({ name: 'comment', to: 'literal', payload }))).toEqual(processed)
    expect(await feedOf('literal')).toMatchObject([{ payload, content: 'y', subscriber: { subscriberId: 'literal' } }])
    expect(await contactOf('literal')).toMatchObject({
      email: 'literal@example.com',
      country: null,
      profile: expect.not.objectContaining({ data: expect.anything() as unknown }) as unknown,
    })
  })

  it('answers what is wrong with a workflow in its own words', async () => {
    const to = 'words'
    expect(dataOf(await trigger({ name: 'off', to }))).toMatchObject({ acknowledged: true, status: 'trigger_not_active' })
    expect(dataOf(await trigger({ name: 'empty', to }))).toMatchObject({ status: 'no_workflow_steps_defined' })
    expect(dataOf(await trigger({ name: 'note', to, tenant: 'acme' }))).toEqual({
      acknowledged: true,
      status: 'no_tenant_found',
    })
    const unknown = { name: { messages: ['template_not_found'], value: null } }
    expect(shown(await trigger({ name: 'nothing', to }))).toEqual(failure(422, 'template_not_found', unknown))
    const nobody = { to: { messages: ['subscriber_id_missing'], value: null } }
    expect(shown(await trigger({ name: 'note', payload: {} }))).toEqual(failure(422, 'to: subscriber_id_missing.', nobody))
    await trigger({ name: 'note', to, transactionId: 'twice' })
    expect(shown(await trigger({ name: 'note', to, transactionId: 'twice' }))).toEqual(
      failure(409, 'An earlier call used this transactionId. Use a new one.'),
    )
  })

  it('takes overrides of e-mail, and those of providers by key or kind, and refuses what nobody knows', async () => {
    const to = { subscriberId: 'over', email: 'over@example.com', firstName: 'O' }
    const sent = await trigger({
      name: 'mail',
      to,
      payload: { x: 1 },
      overrides: { email: { subject: 'Other', cc: ['c@example.com'] } },
    })
    expect(sent.status).toBe(201)
    await expect
      .poll(async () => itemsOf(await get('/v1/messages?subscriberId=over&channel=email')))
      .toMatchObject([{ subject: 'Other', email: 'over@example.com', status: 'sent', providerId: 'mail', content: '1' }])
    for (const overrides of [{ sendgrid: { a: 1 } }, { email: { attachments: [] } }, { layoutIdentifier: 'x' }]) {
      expect((await trigger({ name: 'mail', to, overrides })).status, JSON.stringify(overrides)).toBe(422)
    }
  })

  it('takes 100 events, answers in their order, and lets a wrong one fail alone', async () => {
    const events = times(100, (n) => ({ name: 'note', to: `bulk-${n % 10}`, payload: { n } }))
    const wrong = events.with(3, { name: 'nothing', to: 'bulk-3', payload: { n: 3 } }).with(7, { name: 'note' } as never)
    const results = itemsOf(await post('/v1/events/trigger/bulk', { events: wrong }))
    expect(results).toHaveLength(100)
    expect(results.filter(({ status }) => status !== 'processed')).toEqual([
      { acknowledged: true, status: 'error', error: ['template_not_found'] },
      { acknowledged: true, status: 'error', error: ['events[7].to: subscriber_id_missing.'] },
    ])
    expect(new Set(results.map(({ transactionId }) => transactionId)).size).toBe(99)
    const before = await countOf()
    const tooMany = await post('/v1/events/trigger/bulk', { events: [...events, events[0]] })
    expect(shown(tooMany)).toEqual(failure(422, 'events: has 101 items, at most 100 are allowed.'))
    expect(shown(await post('/v1/events/trigger/bulk', { events: [] }))).toEqual(failure(422, "events: can't be empty."))
    expect(await countOf()).toBe(before)
    const to = times(101, (n) => `too-many-${n}`)
    expect((await trigger({ name: 'note', to })).status).toBe(422)
    expect(await countOf()).toBe(before)
  })

  it('says which events of a call were taken where the server could not take all, and to try again only where it took none', async () => {
    const route = novuEvents.find(({ path }) => path === '/v1/events/trigger/bulk')
    const send = async (_project: unknown, [message]: readonly { contact: { externalId: string } }[]) => {
      if (message?.contact.externalId === 'late') throw new CarillonError('OVERLOADED')
      return [{ ok: true, transactionId: 't' }]
    }
    const caller = { kind: 'project', project: { id: project.id }, who: { kind: 'token' } }
    const call = { carillon: { send }, caller } as unknown as Call
    const bulk = (...to: string[]) => {
      const body = JSON.stringify({ events: to.map((one) => ({ name: 'note', to: one })) })
      return route?.begin({ headers: {}, params: {}, query: new URLSearchParams(), body }).run(call)
    }
    const overloaded = { acknowledged: true, status: 'error', error: ['The server is overloaded. Try again in a moment.'] }
    expect(await bulk('late', 'a', 'late')).toEqual({ status: 201, body: { data: [overloaded, processed, overloaded] } })
    await expect(bulk('late', 'late')).rejects.toMatchObject({ code: 'OVERLOADED' })
  })

  it('writes the subscribers of at most 8 events of a call at a time, and lists providers once', async () => {
    const route = novuEvents.find(({ path }) => path === '/v1/events/trigger/bulk')
    let [now, most, lists] = [0, 0, 0]
    const upsert = async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now -= 1
      return { inserted: [], updated: [], failed: [] }
    }
    const providers = { list: async () => [{ key: `provider-${++lists}`, kind: 'capture', priority: 1 }] }
    const carillon = { contacts: { upsert }, providers, send: async () => [{ ok: true, transactionId: 't' }] }
    const caller = { kind: 'project', project: { id: project.id }, who: { kind: 'token' } }
    const call = { carillon, caller, permit: () => undefined } as unknown as Call
    const events = times(100, (n) => ({
      name: 'note',
      to: { subscriberId: `s-${n}`, firstName: 'S' },
      overrides: { capture: {} },
    }))
    const answer = await route
      ?.begin({ headers: {}, params: {}, query: new URLSearchParams(), body: JSON.stringify({ events }) })
      .run(call)
    expect(answer).toMatchObject({ status: 201, body: { data: { length: 100 } } })
    expect([most, lists]).toEqual([8, 1])
  })

  it('broadcasts to all subscribers, and cancels what waits', async () => {
    const [own, client] = await newNovu(app)
    await post('/v1/subscribers/bulk', { subscribers: [{ subscriberId: 'a' }, { subscriberId: 'b' }] }, client)
    const begun = await post('/v1/events/trigger/broadcast', { name: 'note', payload: { n: 1 }, transactionId: 'all' }, client)
    expect(shown(begun)).toEqual({ status: 201, body: { data: { ...processed, transactionId: 'all' } } })
    await expect.poll(async () => itemsOf(await get('/v1/subscribers/b/notifications/feed', client))).toHaveLength(1)
    await own.api.do(UpsertTemplates, { templates: [{ key: 'late', delaySeconds: 3_600, inApp: [{ body: 'x' }] }] })
    await trigger({ name: 'late', to: ['a', 'b'], transactionId: 'late' }, client)
    const canceled = { status: 200, body: { acknowledged: true, data: true } }
    expect(shown(await remove('/v1/events/trigger/late', client))).toEqual(canceled)
    // It is canceled: this call cancels nothing.
    expect((await remove('/v1/events/trigger/late', client)).body).toEqual({ acknowledged: true, data: false })
    expect((await remove('/v1/events/trigger/nothing', client)).body).toEqual({ acknowledged: true, data: false })
    expect(dataOf(await post('/v1/events/trigger/broadcast', { name: 'off', payload: {} }, client))).toMatchObject({
      status: 'trigger_not_active',
    })
  })
})

describe('subscribers', () => {
  it('are created, changed, looked up and deleted, with every field', async () => {
    const fields = {
      ...{ email: 'anna@example.com', firstName: 'Anna', lastName: 'Berg', phone: '+447400123456', locale: 'en' },
      ...{ avatar: 'https://example.com/a.png', data: { plan: 'pro' } },
    }
    const made = await subscribe('anna', fields)
    const whole = {
      ...{ _id: expect.any(String) as unknown, subscriberId: 'anna', _organizationId: project.id, _environmentId: project.id },
      ...{ ...fields, channels: [], isOnline: false, deleted: false, __v: 0 },
      ...{ createdAt: expect.any(String) as unknown, updatedAt: expect.any(String) as unknown },
    }
    expect(shown(made)).toEqual({ status: 201, body: { data: whole } })
    expect(dataOf(await get('/v1/subscribers/anna'))).toEqual(whole)
    const changed = await put('/v1/subscribers/anna', { lastName: 'Falk', email: '', data: { seats: 2 } })
    const { email: _email, ...rest } = whole
    expect(dataOf(changed)).toEqual({ ...rest, lastName: 'Falk', data: { plan: 'pro', seats: 2 } })
    // Both spellings: of the document, and of @novu/node.
    expect(dataOf(await patch('/v1/subscribers/anna/online-status', { isOnline: true }))).toMatchObject({ isOnline: true })
    expect(dataOf(await patch('/v1/subscribers/anna/online-status', { online: false }))).toMatchObject({
      isOnline: false,
      lastOnlineAt: expect.any(String),
    })
    expect((await patch('/v1/subscribers/anna/online-status', {})).status).toBe(422)
    expect(dataOf(await remove('/v1/subscribers/anna'))).toEqual({ acknowledged: true, status: 'deleted' })
    for (const call of [get('/v1/subscribers/anna'), remove('/v1/subscribers/anna'), put('/v1/subscribers/anna', {})]) {
      expect(shown(await call)).toEqual(failure(404, 'Subscriber not found'))
    }
  })

  it('keep their data as it is, whatever its names are, and templates have it', async () => {
    await subscribe('own-data', { email: 'own@example.com' })
    const data = {
      id: 7,
      externalId: 'x',
      email: 'other@example.com',
      $email: 'e',
      country: 'Narnia',
      locale: 5,
      'a..b': 1,
      'a.b': 2,
      '': 3,
    }
    expect(dataOf(await put('/v1/subscribers/own-data', { data }))).toMatchObject({ email: 'own@example.com', data })
    expect(dataOf(await put('/v1/subscribers/own-data', { data: { country: { name: 'x' }, plan: 'pro' } }))).toMatchObject({
      data: { ...data, country: { name: 'x' }, plan: 'pro' },
    })
    expect(await contactOf('own-data')).toMatchObject({
      externalId: 'own-data',
      email: 'own@example.com',
      country: null,
      locale: null,
    })
    const to = { subscriberId: 'own-data', data: { x: 'free' } }
    await trigger({
      name: 'mail',
      to,
      payload: { x: 1 },
      overrides: { email: { subject: '{{ subscriber.data.x }} {{ subscriber.email }}' } },
    })
    const path = '/v1/messages?subscriberId=own-data&channel=email'
    await expect.poll(async () => itemsOf(await get(path))).toMatchObject([{ subject: 'free own@example.com', status: 'sent' }])
  })

  it('NV-03: are listed in pages by number, with their count, at most 10,000 rows into the list', async () => {
    const [, client] = await newNovu(app)
    const subscribers = times(25, (n) => ({ subscriberId: `s${String(n).padStart(2, '0')}` }))
    await post('/v1/subscribers/bulk', { subscribers }, client)
    const seen: unknown[] = []
    for (const page of [0, 1, 2]) {
      const { body } = await get(`/v1/subscribers?page=${page}`, client)
      expect(body).toMatchObject({ page, pageSize: 10, totalCount: 25, hasMore: page < 2 })
      seen.push(...(body as { data: Item[] }).data.map((one) => one['subscriberId']))
    }
    expect(seen).toEqual(subscribers.map((one) => one.subscriberId))
    expect((await get('/v1/subscribers?page=1&limit=20', client)).body).toMatchObject({ pageSize: 20, data: { length: 5 } })
    expect((await get('/v1/subscribers?page=100&limit=100', client)).body).toMatchObject({ data: [], hasMore: false })
    for (const query of ['page=1001', 'page=101&limit=100', 'page=-1', 'page=x', 'limit=0', 'limit=101', 'page=1&page=2']) {
      expect((await get(`/v1/subscribers?${query}`, client)).status, query).toBe(422)
    }
  })

  it('are created in bulk, up to 500; a wrong one fails alone', async () => {
    const subscribers = [{ subscriberId: 'bulk-new' }, { subscriberId: 'bulk-new-2', email: 'no' }, { email: 'a@b.co' }]
    await subscribe('bulk-old')
    const answer = await post('/v1/subscribers/bulk', { subscribers: [...subscribers, { subscriberId: 'bulk-old' }] })
    expect(shown(answer)).toEqual({
      status: 201,
      body: {
        data: {
          created: [{ subscriberId: 'bulk-new' }],
          updated: [{ subscriberId: 'bulk-old' }],
          failed: [
            { message: 'subscribers[2].subscriberId: is needed.' },
            { subscriberId: 'bulk-new-2', message: expect.stringMatching(/^email: /) as unknown },
          ],
        },
      },
    })
    const tooMany = times(501, (n) => ({ subscriberId: `no-${n}` }))
    expect((await post('/v1/subscribers/bulk', { subscribers: tooMany })).status).toBe(422)
  })

  it('are not written in part if they name a provider that is not there', async () => {
    const channels = [{ providerId: 'pushpad', credentials: { deviceTokens: ['t'] } }]
    expect(shown(await post('/v1/subscribers', { subscriberId: 'partial', email: 'partial@example.com', channels }))).toEqual(
      failure(404, 'There is no such provider.'),
    )
    const bulk = await post('/v1/subscribers/bulk', {
      subscribers: [{ subscriberId: 'partial', channels }, { subscriberId: 'sound' }],
    })
    const failed = [{ subscriberId: 'partial', message: 'There is no such provider.' }]
    expect(dataOf(bulk)).toEqual({ created: [{ subscriberId: 'sound' }], updated: [], failed })
    expect(await contactOf('partial')).toBeNull()
  })

  it('have credentials by the key or the kind of a provider: replaced by PUT, added by PATCH, removed by DELETE', async () => {
    await subscribe('devices')
    const path = '/v1/subscribers/devices/credentials'
    const tokens = async (answer: Promise<DialectAnswer>) =>
      (dataOf(await answer) as { channels: { credentials: { deviceTokens: string[] } }[] }).channels.map(
        ({ credentials }) => credentials.deviceTokens,
      )
    const push = (...deviceTokens: string[]) => ({ providerId: 'push', credentials: { deviceTokens } })
    expect(await tokens(put(path, push('a', 'b')))).toEqual([['a', 'b']])
    expect(await tokens(put(path, push('c')))).toEqual([['c']])
    await Promise.all(times(10, (n) => patch(path, push('c', `d${n}`))))
    expect((await tokens(patch(path, push())))[0]).toHaveLength(11)
    // How @novu/node unsets: of today, and up to 0.16.
    expect(await tokens(put(path, push()))).toEqual([])
    await put(path, push('a'))
    expect(await tokens(put(path, { providerId: 'push', credentials: {} }))).toEqual([])
    const slack = { providerId: 'slack', credentials: { webhookUrl: 'https://hooks.slack.com/services/T0/B0/secret-1' } }
    const answer = await put(path, slack)
    expect(dataOf(answer)).toMatchObject({ channels: [{ providerId: 'slack', integrationIdentifier: 'slack' }] })
    expect(JSON.stringify(answer.body)).not.toContain('secret-1')
    const removed = await remove(`${path}/slack`)
    expect(shown(removed)).toEqual({ status: 204, body: undefined })
    // Novu's document requires it.
    expect(removed.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(dataOf(await get('/v1/subscribers/devices'))).toMatchObject({ channels: [] })
    for (const wrong of [
      { ...slack, providerId: 'fcm' },
      { ...slack, integrationIdentifier: 'other' },
    ]) {
      expect(shown(await put(path, wrong))).toEqual(failure(404, 'There is no such provider.'))
    }
    expect((await put(path, { providerId: 'mail', credentials: {} })).status).toBe(422)
    expect((await put('/v1/subscribers/nobody/credentials', slack)).status).toBe(404)
  })
})

describe('preferences', () => {
  it('are listed by template with its channels, and set for a template, a channel of it, or all', async () => {
    await subscribe('choosy')
    const path = '/v1/subscribers/choosy/preferences'
    const list = dataOf(await get(path)) as { template: Item; preference: unknown }[]
    expect(list.map(({ template }) => template._id)).toEqual(['comment', 'critical', 'empty', 'mail', 'note', 'order'])
    const order = list.find(({ template }) => template._id === 'order')
    expect(order).toEqual({
      template: {
        _id: 'order',
        name: 'order',
        critical: false,
        triggers: [{ type: 'event', identifier: 'order', variables: [] }],
      },
      preference: { enabled: true, channels: { email: true, sms: true, in_app: true } },
    })
    expect(dataOf(await patch(`${path}/order`, { channel: { type: 'email', enabled: false } }))).toMatchObject({
      preference: { enabled: true, channels: { email: false, sms: true } },
    })
    expect(dataOf(await patch(`${path}/order`, { enabled: false }))).toMatchObject({
      preference: { enabled: false, channels: { email: false, sms: false, in_app: false } },
    })
    expect(shown(await patch(`${path}/critical`, { enabled: false }))).toEqual(failure(403))
    expect(shown(await patch(`${path}/nothing`, { enabled: false }))).toEqual(failure(422, 'template_not_found'))
    expect((await patch(`${path}/order`, {})).status).toBe(422)
    const global = await patch(path, { enabled: true, preferences: [{ type: 'sms', enabled: false }] })
    const channels = { in_app: true, email: true, sms: false, chat: true, push: true }
    expect(dataOf(global)).toEqual({ preference: { enabled: true, channels } })
    expect(dataOf(await get(`${path}/global`))).toEqual([{ preference: { enabled: true, channels } }])
    expect(dataOf(await get(`${path}/template`))).toHaveLength(6)
    expect((await get(`${path}/other`)).status).toBe(422)
  })

  it('are set for all channels at once: no answer shows a part of a change', async () => {
    await subscribe('at-once')
    const path = '/v1/subscribers/at-once/preferences'
    const answers = await Promise.all(times(12, (n) => patch(path, { enabled: n % 2 === 0 })))
    for (const answer of answers) {
      const { channels } = (dataOf(answer) as { preference: { channels: Record<string, boolean> } }).preference
      expect(new Set(Object.values(channels)).size, JSON.stringify(channels)).toBe(1)
    }
    // Nor is anything changed by one that is refused.
    const before = dataOf(await get(`${path}/global`))
    expect((await patch(path, { enabled: true, preferences: [{ type: 'fax', enabled: true }] })).status).toBe(422)
    expect(dataOf(await get(`${path}/global`))).toEqual(before)
  })
})

describe('the feed', () => {
  it('is read by page, feed, seen, read and payload, with all fields', async () => {
    await trigger({
      name: 'comment',
      to: 'reader',
      actor: 'ben',
      payload: { comment: 'Nice!', post: { id: 7 } },
      transactionId: 'r-1',
    })
    await Promise.all(times(12, (n) => trigger({ name: 'note', to: 'reader', payload: { n } })))
    const path = '/v1/subscribers/reader/notifications/feed'
    const page = await get(`${path}?page=1&limit=5`)
    expect(page.body).toMatchObject({ page: 1, pageSize: 5, totalCount: 13, hasMore: true, data: { length: 5 } })
    expect((await get(`${path}?page=2&limit=5`)).body).toMatchObject({ hasMore: false, data: { length: 3 } })
    const [one, ...others] = await feedOf('reader', '?feedIdentifier=news&seen=false')
    expect(others).toEqual([])
    expect(one).toMatchObject({
      ...{ _environmentId: project.id, _organizationId: project.id, _templateId: 'comment', _messageTemplateId: 'comment' },
      ...{ _feedId: 'news', _jobId: one?._id, templateIdentifier: 'comment', transactionId: 'r-1', channel: 'in_app' },
      ...{ title: 'commented', content: 'Nice!', read: false, seen: false, deleted: false, status: 'sent' },
      payload: { comment: 'Nice!', post: { id: 7 } },
      cta: {
        type: 'redirect',
        data: { url: '/posts/7' },
        action: {
          status: 'pending',
          buttons: [
            { type: 'primary', content: 'Answer' },
            { type: 'secondary', content: 'Later' },
          ],
        },
      },
    })
    const found = async (payload: unknown) => feedOf('reader', `?payload=${encodeURIComponent(btoa(JSON.stringify(payload)))}`)
    expect(await found({ post: { id: 7 } })).toEqual([one])
    expect(await found({ n: 3 })).toMatchObject([{ payload: { n: 3 } }])
    expect(await found({ n: 99 })).toEqual([])
    expect(await feedOf('reader', '?feedIdentifier=news&feedIdentifier=default&limit=100')).toHaveLength(13)
    expect(await feedOf('reader', '?feedIdentifier[]=news')).toHaveLength(1)
    expect(await feedOf('reader', '?read=true')).toEqual([])
    for (const query of ['payload=e30x', 'payload=MQ==', 'seen=maybe', 'page=1001']) {
      expect((await get(`${path}?${query}`)).status, query).toBe(422)
    }
    expect((await get('/v1/subscribers/nobody/notifications/feed')).status).toBe(404)
  })

  it('counts what is unseen, by feed', async () => {
    await trigger({ name: 'comment', to: 'counter' })
    await trigger({ name: 'note', to: 'counter' })
    const count = async (query = '') =>
      (dataOf(await get(`/v1/subscribers/counter/notifications/unseen${query}`)) as { count: number }).count
    expect([await count('?seen=false'), await count(), await count('?feedIdentifier=news'), await count('?limit=1')]).toEqual([
      2, 2, 1, 1,
    ])
    await post('/v1/subscribers/counter/messages/mark-all', { markAs: 'seen', feedIdentifier: 'news' })
    expect([await count(), await count('?seen=true')]).toEqual([1, 1])
  })

  it('NV-72: is marked by all spellings, both ways, and each tells the message', async () => {
    await trigger({ name: 'comment', to: 'marker' })
    await trigger({ name: 'note', to: 'marker' })
    const [{ _id: second }, { _id: first }] = (await feedOf('marker')) as [Item, Item]
    const path = '/v1/subscribers/marker/messages'
    const marked = async (answer: Promise<DialectAnswer>) => {
      const { status, body } = await answer
      expect(status).toBe(201)
      return [(body as { data: Item | Item[] }).data].flat().map(({ _id, seen, read }) => [_id === first ? 1 : 2, seen, read])
    }
    expect(await marked(post(`${path}/${first}/seen`))).toEqual([[1, true, false]])
    expect(await marked(post(`${path}/markAs`, { messageId: first, mark: { seen: false } }))).toEqual([[1, false, false]])
    expect(await marked(post(`${path}/markAs`, { messageId: `${first},${second}`, mark: { read: true } }))).toEqual([
      [1, true, true],
      [2, true, true],
    ])
    expect(await marked(post(`${path}/markAs`, { messageId: [first], mark: { seen: true, read: false } }))).toEqual([
      [1, true, false],
    ])
    expect(await marked(post(`${path}/mark-as`, { messageId: [second], markAs: 'unread' }))).toEqual([[2, true, false]])
    expect(await marked(post(`${path}/mark-as`, { messageId: first, markAs: 'unseen' }))).toEqual([[1, false, false]])
    expect(dataOf(await post(`${path}/mark-all`, { markAs: 'read' }))).toBe(2)
    expect(dataOf(await post(`${path}/mark-all`, { markAs: 'read', feedIdentifier: ['news'] }))).toBe(0)
    const { feed } = await project.api.do(Feed, { contact: 'marker' })
    expect(feed).toMatchObject({ unseenCount: 0, unreadCount: 0 })
    expect((await post(`${path}/markAs`, { messageId: crypto.randomUUID(), mark: { seen: true } })).status).toBe(404)
    expect((await post(`${path}/markAs`, { messageId: first, mark: {} })).status).toBe(422)
  })

  it('keeps what was done with a button, with or without a body', async () => {
    await trigger({ name: 'comment', to: 'clicker' })
    const [{ _id }] = (await feedOf('clicker')) as [Item]
    const path = `/v1/subscribers/clicker/messages/${_id}/actions`
    const result = async (answer: Promise<DialectAnswer>) => (dataOf(await answer) as { cta: { action: unknown } }).cta.action
    expect(await result(post(`${path}/primary`, { status: 'done', payload: { from: 'page' } }))).toMatchObject({
      status: 'done',
      result: { type: 'primary', payload: { from: 'page' } },
    })
    expect(await result(post(`${path}/primary`, { status: 'pending' }))).toMatchObject({ status: 'pending' })
    // As @novu/node 0.16 sends it.
    expect(await result(post(`${path}/secondary`))).toMatchObject({ status: 'done', result: { type: 'secondary' } })
    expect((await post(`${path}/third`, {})).status).toBe(422)
  })
})

describe('messages', () => {
  it('are listed by channel, subscriber and transactions, and one of a feed is taken out of it', async () => {
    const to = { subscriberId: 'lister', email: 'lister@example.com', firstName: 'L' }
    await trigger({ name: 'order', to, payload: { number: 1 }, transactionId: 'l-1' })
    await trigger({ name: 'note', to: 'lister', payload: { n: 1 }, transactionId: 'l-2' })
    const list = async (query: string) => itemsOf(await get(`/v1/messages?${query}`))
    expect((await list('subscriberId=lister')).map(({ channel }) => channel)).toEqual(expect.arrayContaining(['in_app', 'email']))
    expect(await list('subscriberId=lister&channel=email')).toMatchObject([{ email: 'lister@example.com', transactionId: 'l-1' }])
    const both = 'subscriberId=lister&channel=in_app'
    expect((await list(`${both}&transactionId[]=l-1&transactionId[]=l-2`)).map((one) => one['transactionId'])).toEqual([
      'l-2',
      'l-1',
    ])
    expect(await list(`${both}&transactionId=l-2`)).toHaveLength(1)
    expect((await get(`/v1/messages?${both}&limit=1`)).body).toMatchObject({ totalCount: 2, hasMore: true, data: { length: 1 } })
    const [{ _id: note }] = (await list(`${both}&transactionId=l-2`)) as [Item]
    expect(dataOf(await remove(`/v1/messages/${note}`))).toEqual({ acknowledged: true, status: 'deleted' })
    expect(await feedOf('lister')).toMatchObject([{ transactionId: 'l-1' }])
    expect(await list(`${both}&transactionId=l-2`)).toEqual([])
    const [{ _id: mail }] = (await list('subscriberId=lister&channel=email')) as [Item]
    expect((await remove(`/v1/messages/${mail}`)).status).toBe(422)
    for (const id of ['x', crypto.randomUUID(), '%00']) expect((await remove(`/v1/messages/${id}`)).status).toBe(404)
  })

  it('are taken out of feeds by their transaction', async () => {
    const to = [{ subscriberId: 'taken-1', email: 'taken@example.com', firstName: 'T' }, 'taken-2']
    await trigger({ name: 'order', to, payload: { number: 1 }, transactionId: 'taken' })
    await trigger({ name: 'note', to, payload: { n: 1 }, transactionId: 'kept' })
    const path = '/v1/messages/transaction/taken'
    expect((await remove(`${path}?channel=email`)).status).toBe(422)
    expect(shown(await remove(path))).toEqual({ status: 204, body: undefined })
    for (const id of ['taken-1', 'taken-2']) expect(await feedOf(id)).toMatchObject([{ transactionId: 'kept' }])
    expect(itemsOf(await get('/v1/messages?subscriberId=taken-1&channel=email'))).toHaveLength(1)
    for (const wrong of [path, '/v1/messages/transaction/nothing', '/v1/messages/transaction/%00']) {
      expect((await remove(wrong)).status, wrong).toBeOneOf([404, 422])
    }
  })

  it('are found by a transactionId that named somebody who was erased', async () => {
    const transactionId = 'order of gone@example.com'
    await trigger({ name: 'note', to: ['gone@example.com', 'stays'], payload: { n: 1 }, transactionId })
    expect((await remove('/v1/subscribers/gone@example.com')).status).toBe(200)
    await expect
      .poll(async () => itemsOf(await get(`/v1/messages?transactionId=${encodeURIComponent(transactionId)}`)))
      .toMatchObject([
        { content: '1', transactionId: expect.stringMatching(/^§/) as unknown },
        { content: '', _subscriberId: '' },
      ])
  })
})

describe('topics', () => {
  it('are created, listed, renamed and deleted, and have members', async () => {
    await Promise.all([subscribe('t-anna'), subscribe('t-ben')])
    const made = await post('/v1/topics', { key: 'red', name: 'Red' })
    expect(shown(made)).toMatchObject({ status: 201, body: { data: { key: 'red' } } })
    const added = await post('/v1/topics/red/subscribers', { subscribers: ['t-anna', 't-nobody', 't-ben'] })
    expect(shown(added)).toEqual({
      status: 200,
      body: { data: { succeeded: ['t-anna', 't-ben'], failed: { notFound: ['t-nobody'] } } },
    })
    const whole = {
      key: 'red',
      name: 'Red',
      _environmentId: project.id,
      subscribers: expect.arrayContaining(['t-anna', 't-ben']) as unknown,
    }
    expect(dataOf(await get('/v1/topics/red'))).toMatchObject(whole)
    expect((await get('/v1/topics?key=red&page=0&pageSize=5')).body).toMatchObject({ totalCount: 1, pageSize: 5, data: [whole] })
    expect((await get('/v1/topics?pageSize=1')).body).toMatchObject({ pageSize: 1, data: { length: 1 } })
    expect(dataOf(await get('/v1/topics/red/subscribers/t-anna'))).toMatchObject({
      topicKey: 'red',
      externalSubscriberId: 't-anna',
    })
    expect((await get('/v1/topics/red/subscribers/t-nobody')).status).toBe(404)
    expect(dataOf(await patch('/v1/topics/red', { name: 'Rot' }))).toMatchObject({ key: 'red', name: 'Rot' })
    expect(shown(await post('/v1/topics/red/subscribers/removal', { subscribers: ['t-anna'] }))).toEqual({
      status: 204,
      body: undefined,
    })
    expect(dataOf(await get('/v1/topics/red'))).toMatchObject({ subscribers: ['t-ben'] })
    expect((await get('/v1/subscribers/t-ben?includeTopics=true')).body).toMatchObject({ data: { topics: ['red'] } })
    expect((await remove('/v1/topics/red')).status).toBe(204)
    for (const call of [get('/v1/topics/red'), remove('/v1/topics/red'), patch('/v1/topics/red', { name: 'x' })]) {
      expect((await call).status).toBe(404)
    }
    expect((await post('/v1/topics/red/subscribers', { subscribers: ['t-ben'] })).status).toBe(404)
    expect((await post('/v1/topics/red/subscribers', { subscribers: ['t-nobody'] })).status).toBe(404)
  })
})

describe('activity', () => {
  it('lists notifications by each filter, and tells one with its jobs', async () => {
    const [, client] = await newNovu(app)
    const to = { subscriberId: 'anna', email: 'anna@example.com', firstName: 'Anna' }
    await trigger({ name: 'order', to, payload: { number: 1 }, transactionId: 'n-1' }, client)
    await trigger({ name: 'note', to: 'ben', payload: { n: 1 }, transactionId: 'n-2' }, client)
    const list = async (query: string) =>
      itemsOf(await get(`/v1/notifications?${query}`, client)).map((one) => one['transactionId'])
    expect(await list('')).toEqual(['n-2', 'n-1'])
    for (const query of [
      ...['channels=email', 'channels=email&channels=sms', 'channels[]=email', 'templates=order&templates=mail'],
      ...['emails=ANNA%40example.com', 'search=anna', 'transactionId=n-1', 'subscriberIds=anna'],
      'channels=email&channels=in_app&emails=anna%40example.com&page=0&search=ord&templates=order&transactionId=n-1',
    ]) {
      expect(await list(query), query).toEqual(['n-1'])
    }
    expect(await list('page=1')).toEqual([])
    for (const query of ['channels=fax', 'page=x', 'page=1001', 'after=yesterday']) {
      expect((await get(`/v1/notifications?${query}`, client)).status, query).toBe(422)
    }
    const [{ _id }] = itemsOf(await get('/v1/notifications?transactionId=n-1', client)) as [Item]
    await expect
      .poll(async () => (dataOf(await get(`/v1/notifications/${_id}`, client)) as { jobs: Item[] }).jobs)
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            type: 'email',
            status: 'completed',
            providerId: 'email-webhook',
            executionDetails: expect.arrayContaining([expect.objectContaining({ status: 'Success', isRetry: false })]) as unknown,
          }),
          expect.objectContaining({ type: 'in_app', status: 'completed', providerId: 'novu' }),
        ]),
      )
    expect(dataOf(await get(`/v1/notifications/${_id}`, client))).toMatchObject({
      transactionId: 'n-1',
      subscriber: { subscriberId: 'anna', firstName: 'Anna', email: 'anna@example.com' },
      template: { _id: 'order', name: 'order', triggers: [{ type: 'event', identifier: 'order' }] },
      payload: { number: 1 },
    })
    for (const id of ['x', crypto.randomUUID(), '%00']) expect((await get(`/v1/notifications/${id}`, client)).status).toBe(404)
    await expect
      .poll(async () => dataOf(await get('/v1/notifications/stats', client)))
      .toEqual({ weeklySent: 2, monthlySent: 2, yearlySent: 2 })
    const days = dataOf(await get('/v1/notifications/graph/stats?days=7', client)) as Item[]
    expect(days).toHaveLength(7)
    expect(days[0]).toMatchObject({ count: 2, templates: expect.arrayContaining(['order', 'note']) as unknown })
    expect(dataOf(await get('/v1/notifications/graph/stats', client))).toHaveLength(32)
    for (const days of ['0', '401', '999999999', 'x']) {
      const text = days === 'x' ? 'must be a whole number' : 'must be from 1 to 400'
      expect(shown(await get(`/v1/notifications/graph/stats?days=${days}`, client))).toEqual(
        failure(422, `days: ${text}.`, { days: { messages: [text], value: days } }),
      )
    }
    expect(dataOf(await get('/v1/inbound-parse/mx/status', client))).toEqual({ mxRecordConfigured: false })
  })
})

describe('who is let in', () => {
  it('nobody without a key, by whatever route; no key of another project to what is of this one', async () => {
    for (const [path, methods] of Object.entries(novu.document.paths)) {
      for (const method of Object.keys(methods)) {
        const asked = { method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x') }
        for (const authorization of [null, 'ApiKey wrong', 'ApiKey', `Basic ${project.apiKey}`]) {
          expect(shown(await novu.call({ ...asked, authorization })), `${method} ${path}`).toEqual(failure(401))
        }
      }
    }
    await trigger({ name: 'comment', to: { subscriberId: 'private', email: 'private@example.com' }, transactionId: 'private' })
    const [{ _id, _notificationId }] = (await feedOf('private')) as [Item]
    const other = await app.project()
    const foreign = await novu.as(`ApiKey ${other.apiKey}`)
    const answers = await Promise.all([
      ...['/v1/subscribers/private', '/v1/subscribers/private/preferences', '/v1/subscribers/private/notifications/feed'].map(
        (path) => get(path, foreign),
      ),
      get(`/v1/notifications/${String(_notificationId)}`, foreign),
      remove(`/v1/messages/${_id}`, foreign),
      remove('/v1/subscribers/private', foreign),
      post(`/v1/subscribers/private/messages/${_id}/seen`, undefined, foreign),
      patch('/v1/subscribers/private/preferences/order', { enabled: false }, foreign),
    ])
    for (const { status } of answers) expect(status).toBe(404)
    for (const path of ['/v1/subscribers', '/v1/messages', '/v1/notifications', '/v1/topics']) {
      expect((await get(path, foreign)).body, path).toMatchObject({ totalCount: 0, data: [] })
    }
    expect((await remove('/v1/events/trigger/private', foreign)).body).toEqual({ acknowledged: true, data: false })
    expect(await feedOf('private')).toMatchObject([{ seen: false }])
  })

  it('no contact by the token for its own page, by whatever route: a call names whom it is about', async () => {
    await Promise.all([subscribe('spy'), trigger({ name: 'comment', to: 'victim', payload: { comment: 'for the victim' } })])
    const [{ _id }] = (await feedOf('victim')) as [Item]
    const { createContactToken } = await project.api.do(CreateContactToken, { contact: 'spy' })
    const authorization = `ApiKey ${createContactToken.token}`
    for (const [path, methods] of Object.entries(novu.document.paths)) {
      for (const method of Object.keys(methods)) {
        const asked = { method: method.toUpperCase(), path: path.replace('{messageId}', _id).replaceAll(/\{\w+\}/g, 'victim') }
        expect(shown(await novu.call({ ...asked, authorization })), `${method} ${path}`).toEqual(failure(403))
      }
    }
    expect(await feedOf('victim')).toMatchObject([{ _id, seen: false, read: false }])
  })

  it('a key, as far as its scopes reach; one that only sends is shown nothing that is stored', async () => {
    await subscribe('stored', { email: 'stored@example.com', data: { plan: 'gold' } })
    const secret = (await project.api.do(CreateApiKey, { name: 'sender', scopes: ['SEND'] })).createApiKey.secret
    const sender = await novu.as(`ApiKey ${secret}`)
    expect((await trigger({ name: 'note', to: 'stored' }, sender)).status).toBe(201)
    const made = await post('/v1/subscribers', { subscriberId: 'stored', firstName: 'S' }, sender)
    expect([made.status, JSON.stringify(made.body)]).toEqual([201, expect.not.stringMatching(/stored@example|gold|"S"/)])
    const calls = [
      get('/v1/subscribers/stored', sender),
      get('/v1/subscribers', sender),
      get('/v1/notifications', sender),
      get('/v1/messages', sender),
      remove('/v1/subscribers/stored', sender),
      patch('/v1/subscribers/stored/preferences/order', { enabled: true }, sender),
      post('/v1/subscribers/stored/messages/markAs', { messageId: 'x', mark: { seen: true } }, sender),
    ]
    for (const call of calls) expect(shown(await call)).toEqual(failure(403))
  })
})

describe('what is not as it should be', () => {
  it('answers 404 for a path, 405 for a method, 400 for what is not JSON, 413 and 415 for a body', async () => {
    for (const path of ['', '/', '/v1', '/v2/subscribers', '/v1/nothing', '/v1/subscribers/a/b', '/v1/%zz']) {
      expect(shown(await post(path, {})), path).toMatchObject({ status: expect.toBeOneOf([404, 405]) as unknown })
    }
    expect(shown(await get('/v1/nothing?x=1'))).toEqual({
      ...failure(404, 'Not found.'),
      body: { ...failure(404, 'Not found.').body, path: '/novu/v1/nothing?x=1' },
    })
    const wrong = await patch('/v1/events/trigger', {})
    expect([shown(wrong), wrong.headers.get('allow')]).toEqual([failure(405), 'POST'])
    for (const body of ['', '{', 'name=x']) {
      expect(shown(await post('/v1/events/trigger', body)), body).toEqual(failure(400, 'The request body is not valid JSON.'))
    }
    for (const body of ['null', '7', '[]', '"x"', '{}']) expect((await post('/v1/events/trigger', body)).status, body).toBe(422)
    const large = { name: 'note', to: 'large', payload: { text: 'x'.repeat(2 * 1024 * 1024) } }
    expect(shown(await trigger(large))).toEqual(failure(413))
    const packed = { path: '/v1/events/trigger', headers: { 'content-encoding': 'gzip' }, body: new Blob([gzipSync('{}')]) }
    expect(shown(await novu.call(packed))).toEqual(failure(415))
  })

  const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  const values: readonly unknown[] = [
    ...[
      null,
      true,
      0,
      -1,
      1e308,
      2 ** 53,
      '',
      ' ',
      [],
      {},
      [[]],
      deep(40),
      deep(1_000),
      '\0',
      '\ud800',
      'a\0b',
      '\u202e',
      'x'.repeat(100_000),
    ],
    ...['{{ x }}', "'; DROP TABLE contact; --", { toString: 1 }, { $where: '1' }, '../../etc/passwd', 'javascript:alert(1)', '٣'],
    ...[JSON.parse('{"__proto__": {"polluted": true}}') as unknown, { constructor: { prototype: { polluted: true } } }],
  ]
  const subscriber = {
    ...{ subscriberId: 'h', email: 'h@example.com', firstName: 'a', lastName: 'b', phone: '+447400123456' },
    ...{ avatar: 'https://a.example/p', locale: 'en', data: {}, channels: [] },
  }
  const event = { name: 'note', to: 'h', payload: {}, overrides: {}, transactionId: undefined, actor: 'h', tenant: undefined }
  const bodies: readonly (readonly [method: string, path: string, body: Readonly<Record<string, unknown>>])[] = [
    ['POST', '/v1/events/trigger', event],
    ['POST', '/v1/events/trigger', { ...event, to: [subscriber, { type: 'Topic', topicKey: 'h' }] }],
    ['POST', '/v1/events/trigger/bulk', { events: [event] }],
    ['POST', '/v1/events/trigger/broadcast', { ...event, name: 'nothing' }],
    ['POST', '/v1/subscribers', subscriber],
    ['POST', '/v1/subscribers/bulk', { subscribers: [subscriber] }],
    ['PUT', '/v1/subscribers/h', subscriber],
    [
      'PUT',
      '/v1/subscribers/h/credentials',
      { providerId: 'push', integrationIdentifier: 'push', credentials: { deviceTokens: [] } },
    ],
    ['PATCH', '/v1/subscribers/h/credentials', { providerId: 'push', integrationIdentifier: 'push', credentials: {} }],
    ['PATCH', '/v1/subscribers/h/online-status', { isOnline: true, online: true }],
    ['PATCH', '/v1/subscribers/h/preferences', { enabled: true, preferences: [] }],
    ['PATCH', '/v1/subscribers/h/preferences/order', { enabled: true, channel: { type: 'email', enabled: true } }],
    ['POST', '/v1/subscribers/h/messages/markAs', { messageId: 'x', mark: { seen: true } }],
    ['POST', '/v1/subscribers/h/messages/mark-as', { messageId: 'x', markAs: 'seen' }],
    ['POST', '/v1/subscribers/h/messages/mark-all', { markAs: 'seen', feedIdentifier: 'x' }],
    ['POST', '/v1/subscribers/h/messages/x/actions/primary', { status: 'done', payload: {} }],
    ['POST', '/v1/topics', { key: 'h', name: 'H' }],
    ['PATCH', '/v1/topics/h', { name: 'H' }],
    ['POST', '/v1/topics/h/subscribers', { subscribers: ['h'] }],
    ['POST', '/v1/topics/h/subscribers/removal', { subscribers: ['h'] }],
  ]

  it('costs an item for each of the credentials that it sets, which are as many statements', () => {
    const costOf = (method: string, path: string, body: unknown): number | undefined =>
      [...novuSubscribers, ...novuEvents]
        .find((one) => one.method === method && one.path === path)
        ?.begin({ headers: {}, params: {}, query: new URLSearchParams(), body: JSON.stringify(body) }).items
    const channels = times(3, () => ({ providerId: 'fcm', credentials: {} }))
    const [rich, plain] = [{ subscriberId: 'a', channels }, { subscriberId: 'b' }]
    const many = { name: 'note', to: [rich, 'b', plain, { type: 'Topic', topicKey: 't' }], actor: rich }
    expect([
      costOf('POST', '/v1/subscribers', rich),
      costOf('PUT', '/v1/subscribers/:subscriberId', { channels }),
      costOf('POST', '/v1/subscribers/bulk', { subscribers: [rich, plain] }),
      costOf('POST', '/v1/events/trigger', many),
      costOf('POST', '/v1/events/trigger/bulk', { events: [many, { name: 'note', to: 'b' }] }),
      costOf('POST', '/v1/events/trigger/broadcast', { name: 'note', actor: rich }),
    ]).toEqual([4, 4, 5, 10, 11, 4])
  })

  it.each(bodies)('%s %s: any value in any field is an answer in its own form, and no 5xx', async (method, path, body) => {
    await subscribe('h')
    await post('/v1/topics', { key: 'h', name: 'H' })
    const wholes = values.map((value) => JSON.stringify(value))
    const fields = Object.keys(body).flatMap((name) => values.map((value) => JSON.stringify({ ...body, [name]: value })))
    for (const text of [...wholes, ...fields]) {
      const { status } = await novu.call({ method, path, body: text })
      expect(status, `${method} ${path} ${text.slice(0, 200)}`).toBeLessThan(500)
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('any value of the header idempotency-key is an answer in its own form, and no 5xx', async () => {
    const keys = [
      '',
      ' ',
      'x',
      'x'.repeat(255),
      'x'.repeat(256),
      'x'.repeat(8_000),
      "'; DROP TABLE fanout; --",
      '{{ x }}',
      'é',
      '__proto__',
      'a, b',
    ]
    for (const [path, body] of [
      ['/v1/events/trigger', event],
      ['/v1/events/trigger/bulk', { events: [event, { name: 'note' }, event] }],
      ['/v1/events/trigger/broadcast', { ...event, name: 'nothing' }],
      ['/v1/subscribers', subscriber],
    ] as const) {
      for (const key of keys) {
        const { status } = await novu.call({ path, body, headers: { 'idempotency-key': key } })
        expect(status, `${path} ${key.slice(0, 50)}`).toBeLessThan(500)
      }
    }
  })

  it('what comes several times at once is an answer in its own form, and no 5xx', async () => {
    const removals = ['/v1/subscribers/h', '/v1/topics/h', '/v1/events/trigger/h', '/v1/subscribers/h/credentials/push']
    const calls = [...bodies, ...removals.map((path) => ['DELETE', path, undefined] as const)]
    for (const [method, path, body] of calls) {
      const answers = await Promise.all(times(6, () => novu.call({ method, path, ...(body === undefined ? {} : { body }) })))
      for (const { status } of answers) expect(status, `${method} ${path}`).toBeLessThan(500)
    }
    // All of them at once: some create what others change and delete.
    const mixed = await Promise.all(
      times(3, () =>
        calls.map(([method, path, body]) => novu.call({ method, path, ...(body === undefined ? {} : { body }) })),
      ).flat(),
    )
    for (const { status } of mixed) expect(status).toBeLessThan(500)
  })

  it('answers 405 for each method that a path has not, and 413 for each body that is too large', async () => {
    const large = 'x'.repeat(2 * 1024 * 1024)
    for (const [path, methods] of Object.entries(novu.document.paths)) {
      const asked = path.replaceAll(/\{\w+\}/g, 'x')
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const isKnown = Object.hasOwn(methods, method.toLowerCase())
        // What is literal in one path may be a parameter in another.
        const isServed = Object.entries(novu.document.paths).some(
          ([other, has]) =>
            new RegExp(`^${other.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(asked) && Object.hasOwn(has, method.toLowerCase()),
        )
        if (!isServed) expect(shown(await novu.call({ method, path: asked })), `${method} ${path}`).toEqual(failure(405))
        if (isKnown && method !== 'GET') {
          expect(shown(await novu.call({ method, path: asked, body: large })), `${method} ${path}`).toEqual(failure(413))
        }
      }
    }
  })

  it('any value in a path or a query is an answer in its own form, and no 5xx', async () => {
    const texts = [
      '%00',
      '%ED%A0%80',
      '..%2f..%2f',
      'x'.repeat(4_000),
      '%F0%9F%98%80',
      "'%20OR%201=1",
      '__proto__',
      '{{x}}',
      '-1',
      '1e9',
      '[]',
    ]
    for (const [path, methods] of Object.entries(novu.document.paths)) {
      for (const [method, { parameters = [] }] of Object.entries(
        methods as Record<string, { parameters?: { in: string; name: string }[] }>,
      )) {
        for (const text of texts) {
          const asked = path.replaceAll(/\{\w+\}/g, text)
          const query = parameters
            .filter((one) => one.in === 'query')
            .map(({ name }) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
          for (const each of ['', ...query]) {
            const body = method === 'get' || method === 'delete' ? {} : { body: {} }
            const { status } = await novu.call({
              method: method.toUpperCase(),
              path: `${each === '' ? asked : path.replaceAll(/\{\w+\}/g, 'h')}?${each}`,
              ...body,
            })
            expect(status, `${method} ${path} ${text} ${each}`).toBeLessThan(500)
          }
        }
      }
    }
  })
})
