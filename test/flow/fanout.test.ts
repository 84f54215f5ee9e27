/** Sends to many: a broadcast, a topic. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, Send, SubscribeToTopic, UpsertContacts, UpsertTopics } from '../helpers/operations.ts'
import { Broadcast, Transaction, WatchProgress } from '../helpers/operations-fanout.ts'
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
  it('NV-42: tells all contacts that there were when it was accepted, each once, and says how far it is', async () => {
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
  it('A5: progress that is begun after the end tells the end, and completes', async () => {
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note', transactionId: 'after-end' } })
    await finished(broadcast.transactionId)
    const watched = await project.api.watch(WatchProgress, { transactionId: 'after-end' })
    expect(await watched.ended()).toBeNull()
    expect(watched.events.map((event) => event.progress.status)).toEqual(['DONE'])
  })
})

describe('a topic', () => {
  it('NV-35: tells each member once, under one transaction, and the send has an id but no notification', async () => {
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
