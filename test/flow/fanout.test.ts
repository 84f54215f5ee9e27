/** Sends to many: a broadcast, a topic. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  AddSuppressions,
  DeleteContacts,
  Feed,
  ListNotifications,
  Send,
  SetPreference,
  SubscribeToTopic,
  UnsubscribeFromTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast, ListWritten, Transaction, WatchProgress } from '../helpers/operations-fanout.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let project: TestProject
const COUNT = 2_500
const person = (n: number) => `c-${n}`
const transaction = async (id: string) => (await project.api.do(Transaction, { id })).transaction
const finished = (id: string, withinMs = 20_000) =>
  until('it is done', async () => ((await transaction(id))?.status === 'DONE' ? transaction(id) : null), withinMs)

beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  for (let from = 0; from < COUNT; from += 500) {
    await project.api.do(UpsertContacts, {
      contacts: times(500, (n) => ({ externalId: person(from + n), firstName: `N${from + n}` })),
    })
  }
})
afterAll(() => app.stop())

describe('broadcast', () => {
  it('NV-42: notifies each contact that existed when it was accepted once, and reports its progress', async () => {
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note', data: { n: 'hello' } } })
    expect(broadcast.status).toBe('ACCEPTED')
    const watched = await project.api.watch(WatchProgress, { transactionId: broadcast.transactionId })
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'late' }] })
    expect(await watched.ended(30_000)).toBeNull()
    expect(watched.events.at(-1)?.progress).toEqual({
      ...{ transactionId: broadcast.transactionId, status: 'DONE' },
      ...{ total: COUNT, done: COUNT, sent: COUNT, failed: 0 },
    })
    const { feed } = await project.api.do(Feed, { contact: person(7) })
    expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1, unreadCount: 1, nodes: [{ body: 'hello' }] })
    expect((await project.api.do(Feed, { contact: 'late' })).feed.totalCount).toBe(0)
  })
  it('progress that is subscribed to after the end sends the last state, and completes', async () => {
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note', transactionId: 'after-end' } })
    await finished(broadcast.transactionId)
    const watched = await project.api.watch(WatchProgress, { transactionId: 'after-end' })
    expect(await watched.ended()).toBeNull()
    expect(watched.events.map((event) => event.progress.status)).toEqual(['DONE'])
  })
})

describe('a topic', () => {
  it('NV-35: notifies each member once, under one transaction, and the send has an id but no notification', async () => {
    await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
    await project.api.do(SubscribeToTopic, { topic: 'news', contacts: times(300, (n) => person(n)) })
    const message = { id: 'topic-1', template: 'order', topic: 'news', data: { number: 5 } }
    const { sendMessages } = await project.api.do(Send, { messages: [message] })
    const [result] = sendMessages.results
    expect(result).toMatchObject({ ok: true, id: 'topic-1', notification: null, error: null })
    expect(await finished(result?.transactionId ?? '')).toMatchObject({ total: 300, done: 300, sent: 300, failed: 0 })
    const again = await project.api.do(Send, { messages: [message, { ...message, data: {} }] })
    expect(again.sendMessages.results).toMatchObject([
      { ok: false, error: { code: 'ID_EXISTS' }, notification: null, transactionId: result?.transactionId },
      { ok: false, error: { code: 'ID_MISMATCH' } },
    ])
  })
})

/** Contacts of a topic of their own, each with an e-mail address. */
async function crowd(topic: string, contacts: readonly { externalId: string; locale?: string; phone?: string }[]) {
  await project.api.do(UpsertContacts, {
    contacts: contacts.map((one) => ({
      ...one,
      firstName: one.externalId.toUpperCase(),
      email: `${one.externalId}@example.com`,
    })),
  })
  await project.api.do(UpsertTopics, { topics: [{ key: topic }] })
  await project.api.do(SubscribeToTopic, { topic, contacts: contacts.map((one) => one.externalId) })
}
const messagesOf = async (transactionId: string) => {
  const { notifications } = await project.api.do(ListWritten, { transactionId })
  return notifications.nodes
}

describe('each contact', () => {
  it('NV-42: is decided for as for a message of its own: language, preference, suppression, address', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [
        {
          key: 'decided',
          inApp: [
            { locale: 'en', body: 'Hello {{ firstName }}' },
            { locale: 'de', body: 'Hallo {{ firstName }}' },
          ],
          email: [{ subject: 'x', text: 'x' }],
          sms: [{ body: 'x' }],
        },
      ],
    })
    await crowd('decided', [
      { externalId: 'd-en' },
      { externalId: 'd-de', locale: 'de-AT' },
      { externalId: 'd-no' },
      { externalId: 'd-dead', phone: '+4366012345' },
    ])
    await project.api.do(SetPreference, { contact: 'd-no', template: 'decided', channel: 'IN_APP', enabled: false })
    await project.api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: 'd-dead@example.com' }] })
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'decided', topic: 'decided' } })
    expect(await finished(broadcast.transactionId)).toMatchObject({ total: 4, done: 4, sent: 4, failed: 0 })
    const body = async (contact: string) => (await project.api.do(Feed, { contact })).feed.nodes.map((node) => node.body)
    expect(await body('d-en')).toEqual(['Hello D-EN'])
    expect(await body('d-de')).toEqual(['Hallo D-DE'])
    expect(await body('d-no')).toEqual([])
    const statuses = Object.fromEntries(
      (await messagesOf(broadcast.transactionId)).map((one) => [
        one.contact?.externalId,
        Object.fromEntries(one.messages.map((message) => [message.channel, message.error?.code ?? message.status])),
      ]),
    )
    expect(statuses).toEqual({
      'd-en': { IN_APP: 'DELIVERED', EMAIL: 'SENT', SMS: 'ADDRESS_MISSING' },
      'd-de': { IN_APP: 'DELIVERED', EMAIL: 'SENT', SMS: 'ADDRESS_MISSING' },
      'd-no': { IN_APP: 'OPTED_OUT', EMAIL: 'SENT', SMS: 'ADDRESS_MISSING' },
      'd-dead': { IN_APP: 'DELIVERED', EMAIL: 'SUPPRESSED', SMS: 'SENT' },
    })
  })
  it('NV-42: with an actor, overrides and data', async () => {
    await crowd('dressed', [{ externalId: 'o-1' }, { externalId: 'o-2' }])
    const { broadcast } = await project.api.do(Broadcast, {
      input: {
        ...{ template: 'note', topic: 'dressed', data: { n: 7 }, actor: { externalId: 'boss', firstName: 'Bo' } },
        overrides: { inApp: { title: 'From {{ actor.firstName }} to {{ firstName }}', feed: 'desk' } },
      },
    })
    await finished(broadcast.transactionId)
    const { feed } = await project.api.do(Feed, { contact: 'o-2', feeds: ['desk'] })
    expect(feed).toMatchObject({
      unseenCount: 1,
      nodes: [{ title: 'From Bo to O-2', body: '7', feed: 'desk', data: { n: 7 }, actor: { externalId: 'boss' } }],
    })
  })
  it('incrementId folds for each member as for a message of its own', async () => {
    await crowd('folded', [{ externalId: 'f-1' }, { externalId: 'f-2' }])
    for (const n of [1, 2, 3]) {
      const { sendMessages } = await project.api.do(Send, {
        messages: [{ template: 'note', topic: 'folded', incrementId: 'i', data: { n } }],
      })
      expect(await finished(sendMessages.results[0]?.transactionId ?? '')).toMatchObject({ total: 2, done: 2 })
    }
    const { feed } = await project.api.do(Feed, { contact: 'f-1' })
    expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1, nodes: [{ count: 3, body: '3' }] })
  })
  it('rules of the template hold: what waits by one is scheduled, and the transaction is not done', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [
        {
          ...{ key: 'ruled', inApp: [{ body: 'x' }], email: [{ subject: 'x', text: 'x' }] },
          rules: [{ channel: 'EMAIL', delaySeconds: 600, onlyIf: 'UNREAD' }],
        },
      ],
    })
    await crowd('ruled', [{ externalId: 'r-1' }])
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'ruled', topic: 'ruled' } })
    const id = broadcast.transactionId
    const [only] = await until('it is written', async () => {
      const written = await messagesOf(id)
      return written.length === 1 ? written : null
    })
    expect(Object.fromEntries(only?.messages.map((one) => [one.channel, one.status]) ?? [])).toEqual({
      ...{ IN_APP: 'DELIVERED', EMAIL: 'SCHEDULED' },
    })
    expect(await transaction(id)).toMatchObject({ status: 'RUNNING', total: 1, done: 0, sent: 1 })
  })
  it('a template with a digest folds what is sent to a topic, for each member', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'digested', inApp: [{ body: '{{ digest.count }}' }], digest: { windowSeconds: 600 } }],
    })
    await crowd('digested', [{ externalId: 'g-1' }, { externalId: 'g-2' }])
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'digested', topic: 'digested' } })
    const written = await until('it is written', async () => {
      const nodes = await messagesOf(broadcast.transactionId)
      return nodes.length === 2 ? nodes : null
    })
    expect(written.flatMap((one) => one.messages)).toEqual([])
    expect(await transaction(broadcast.transactionId)).toMatchObject({ status: 'RUNNING', total: 2, done: 0, sent: 0 })
    expect((await project.api.do(Feed, { contact: 'g-1' })).feed.totalCount).toBe(0)
  })
  it('sendAt waits on every channel', async () => {
    await crowd('later', [{ externalId: 'l-1' }])
    const sendAt = new Date(Date.now() + 3_600_000).toISOString()
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'order', topic: 'later', sendAt } })
    const [only] = await until('it is written', async () => {
      const written = await messagesOf(broadcast.transactionId)
      return written.length === 1 ? written : null
    })
    expect(only?.sendAt).toBe(sendAt)
    expect(only?.messages.map((one) => [one.channel, one.status]).toSorted()).toEqual([
      ['EMAIL', 'SCHEDULED'],
      ['IN_APP', 'SCHEDULED'],
      ['SMS', 'SKIPPED'],
    ])
    expect((await project.api.do(Feed, { contact: 'l-1' })).feed.totalCount).toBe(0)
  })
})

describe('what is refused', () => {
  const codes = async (input: object) =>
    (await project.api.ask(Broadcast, { input: { template: 'note', ...input } })).errors.map((error) => [
      error.extensions['code'],
      error.extensions['field'] ?? null,
    ])
  it('NV-42, NV-43: unknown names, two audiences, a time too late, a broken override, a used transactionId', async () => {
    expect(await codes({ template: 'nothing' })).toEqual([['TEMPLATE_NOT_FOUND', 'template']])
    expect(await codes({ topic: 'nothing' })).toEqual([['NOT_FOUND', 'topic']])
    expect(await codes({ segment: 'nothing' })).toEqual([['NOT_FOUND', 'segment']])
    expect(await codes({ topic: 'news', segment: 'nothing' })).toEqual([['BAD_INPUT', 'segment']])
    expect(await codes({ sendAt: new Date(Date.now() + 400 * 86_400_000).toISOString() })).toEqual([['BAD_INPUT', 'sendAt']])
    expect((await codes({ overrides: { inApp: { body: '{{ x' } } }))[0]?.[0]).toBe('TEMPLATE_BROKEN')
    expect(await codes({ transactionId: 'after-end' })).toEqual([['TRANSACTION_EXISTS', 'transactionId']])
  })
  it('NV-35: a message to an unknown topic fails alone; to a contact and a topic, to neither', async () => {
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        { template: 'note', topic: 'nothing' },
        { template: 'note', topic: 'news', contact: { externalId: 'x' } },
        { template: 'note' },
        { template: 'note', contact: { externalId: 'fine' } },
      ],
    })
    expect(sendMessages.results.map((one) => [one.ok, one.error?.code ?? null, one.error?.field ?? null])).toEqual([
      [false, 'NOT_FOUND', 'topic'],
      [false, 'BAD_INPUT', 'topic'],
      [false, 'BAD_INPUT', 'contact'],
      [true, null, null],
    ])
  })
  it('a transaction of several messages counts all of them, and an unknown one is null', async () => {
    await crowd('mixed', [{ externalId: 'm-1' }, { externalId: 'm-2' }])
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        { template: 'note', topic: 'mixed' },
        { template: 'note', topic: 'mixed' },
        { template: 'note', contact: { externalId: 'm-3' } },
      ],
    })
    const id = sendMessages.results[0]?.transactionId ?? ''
    expect(new Set(sendMessages.results.map((one) => one.transactionId)).size).toBe(1)
    expect(await finished(id)).toEqual({ transactionId: id, status: 'DONE', total: 5, done: 5, sent: 5, failed: 0 })
    expect(await transaction('nothing')).toBeNull()
  })
})

it('NV-43: a segment gets it as it was when the broadcast was accepted, and no contact outside it', async () => {
  await project.api.do(UpsertContacts, {
    contacts: times(20, (n) => ({ externalId: `s-${n}`, profile: { set: { plan: n % 2 === 0 ? 'pro' : 'free' } } })),
  })
  const where = (plan: string) => ({ profile: { path: 'plan', is: 'EQUALS' as const, value: plan } })
  await project.api.do(UpsertSegments, { segments: [{ key: 'pro', where: where('pro') }] })
  const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note', segment: 'pro', data: { n: 'pro' } } })
  await project.api.do(UpsertSegments, { segments: [{ key: 'pro', where: where('free') }] })
  expect(await finished(broadcast.transactionId)).toMatchObject({ total: 10, done: 10, sent: 10 })
  const told = (await messagesOf(broadcast.transactionId)).map((one) => one.contact?.externalId).toSorted()
  expect(told).toEqual(times(10, (n) => `s-${2 * n}`).toSorted())
})

it('F41: contacts join and leave a topic and are erased during a send to it: nobody is notified twice, and those who stay are notified', async () => {
  const members = times(2_000, (n) => person(n))
  await project.api.do(UpsertTopics, { topics: [{ key: 'restless' }] })
  for (let from = 0; from < members.length; from += 1_000)
    await project.api.do(SubscribeToTopic, { topic: 'restless', contacts: members.slice(from, from + 1_000) })
  const { broadcast } = await project.api.do(Broadcast, {
    input: { template: 'note', topic: 'restless', transactionId: 'restless' },
  })
  const restless = members.filter((_one, index) => index % 10 === 3)
  const gone = members.filter((_one, index) => index % 100 === 7)
  for (let round = 0; round < 3; round++) {
    await project.api.do(UnsubscribeFromTopic, { topic: 'restless', contacts: restless })
    await project.api.do(SubscribeToTopic, { topic: 'restless', contacts: restless })
  }
  await project.api.do(DeleteContacts, { contacts: gone.map((externalId) => ({ externalId })) })
  await finished(broadcast.transactionId, 30_000)
  const told = new Map<string, number>()
  let after: string | null = null
  do {
    const { notifications }: { notifications: Awaited<ReturnType<typeof pageOf>> } = { notifications: await pageOf(after) }
    for (const node of notifications.nodes)
      if (node.contact !== null) told.set(node.contact.externalId, (told.get(node.contact.externalId) ?? 0) + 1)
    after = notifications.pageInfo.hasNextPage ? notifications.pageInfo.endCursor : null
  } while (after !== null)
  expect([...told.values()].every((count) => count === 1)).toBe(true)
  const staying = members.filter((one) => !restless.includes(one) && !gone.includes(one))
  expect(staying.every((one) => told.get(one) === 1)).toBe(true)
})

const pageOf = async (after: string | null) =>
  (await project.api.do(ListNotifications, { filter: { transactionId: 'restless' }, first: 100, after })).notifications
