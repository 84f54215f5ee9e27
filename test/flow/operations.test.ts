/** Operations of their own: actions, presence, dead letters, projects, topics. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  Authenticate,
  ContactTopics,
  DeleteProviders,
  DeleteTopics,
  Feed,
  FeedChanged,
  GetNotification,
  RecordAction,
  RetryMessages,
  RotateSecretKey,
  Send,
  SetOnline,
  SubscribeToTopic,
  UnsubscribeFromTopic,
  UpdateProject,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let smtp: SmtpSink
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
  project = await newShop(app, smtp)
})
beforeEach(() => smtp.script(null))
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

describe('recordAction', () => {
  it('NV-76: stores what was done with a button, and publishes it live', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'ask', inApp: [{ body: 'Come?', primaryAction: { label: 'Yes' }, secondaryAction: { label: 'No' } }] }],
    })
    const page = await project.page('guest')
    const live = await page.watch(FeedChanged, {})
    await project.api.do(Send, { messages: [{ template: 'ask', contact: { externalId: 'guest' } }] })
    // Seen before the next change: two of one message may come as one when they are replayed.
    await live.waitFor(1)
    const { feed } = await page.do(Feed, {})
    const message = feed.nodes[0]?.id ?? ''
    const { recordAction } = await page.do(RecordAction, { message, type: 'PRIMARY', status: 'DONE', payload: { seats: 2 } })
    expect(recordAction).toEqual({
      id: message,
      primaryAction: { status: 'DONE', payload: { seats: 2 } },
      secondaryAction: { status: 'PENDING', payload: null },
    })
    expect((await live.waitFor(2)).map((event) => event.feedChanged.kind)).toEqual(['RECEIVED', 'ACTED'])
    live.close()
    expect((await page.ask(RecordAction, { message: 'x', type: 'PRIMARY', status: 'DONE' })).codes).toEqual(['NOT_FOUND'])
    await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'guest' } }] })
    const plain = (await page.do(Feed, {})).feed.nodes[0]?.id ?? ''
    expect((await page.ask(RecordAction, { message: plain, type: 'PRIMARY', status: 'DONE' })).codes).toEqual(['NOT_FOUND'])
  })
})

describe('setOnline', () => {
  it('NV-58: going offline sets when the contact last was online', async () => {
    const page = await project.page('present')
    expect((await page.do(SetOnline, { isOnline: true })).setOnline).toEqual({
      externalId: 'present',
      isOnline: true,
      lastOnlineAt: null,
    })
    expect((await project.api.do(SetOnline, { contact: 'present', isOnline: false })).setOnline).toMatchObject({
      isOnline: false,
      lastOnlineAt: expect.any(String),
    })
    expect((await project.api.ask(SetOnline, { contact: 'nobody', isOnline: true })).codes).toEqual(['CONTACT_NOT_FOUND'])
  })
})

describe('retryMessages', () => {
  const send = async (externalId: string) => {
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        {
          template: 'order',
          channels: ['EMAIL'],
          contact: { externalId, email: `${externalId}@example.com` },
          data: { number: 1 },
        },
      ],
      wait: 'SENT',
    })
    return sendMessages.results[0]?.notification?.id ?? ''
  }
  const find = async (id: string) => (await project.api.do(GetNotification, { id })).notification?.messages[0]

  it('sends what failed again, as new attempts of the same message', async () => {
    smtp.script(({ stage }) => (stage === 'data' ? { reply: '554 no' } : undefined))
    const [first, second] = [await send('r1'), await send('r2')]
    expect((await find(first))?.status).toBe('FAILED')
    smtp.script(null)
    const id = (await find(first))?.id ?? ''
    expect((await project.api.do(RetryMessages, { messages: [id, 'nonsense'] })).retryMessages.retriedCount).toBe(1)
    await until('it is out', async () => (await find(first))?.status === 'SENT')
    expect((await find(first))?.attempts.map((one) => [one.number, one.ok])).toEqual([
      [1, false],
      [2, true],
    ])
    expect((await find(first))?.id).toBe(id)
    // Sent ones are left alone; by filter the other one goes as well.
    expect((await project.api.do(RetryMessages, { messages: [id] })).retryMessages.retriedCount).toBe(0)
    expect((await project.api.do(RetryMessages, { filter: { contact: 'r2' } })).retryMessages.retriedCount).toBe(1)
    await until('the other is out', async () => (await find(second))?.status === 'SENT')
    expect((await project.api.ask(RetryMessages, {})).codes).toEqual(['BAD_INPUT'])
  })
  it('has a full set of attempts again', async () => {
    smtp.script(({ stage }) => (stage === 'mail' ? { reply: '451 later' } : undefined))
    const id = await send('r3')
    for (let attempt = 2; attempt <= 8; attempt++) {
      clock.advance(3_600_000)
      await until(`attempt ${attempt}`, async () => (await find(id))?.attempts.length === attempt)
    }
    await until('it has failed', async () => (await find(id))?.status === 'FAILED')
    await project.api.do(RetryMessages, { messages: [(await find(id))?.id ?? ''] })
    await until('attempt 9', async () => (await find(id))?.attempts.length === 9)
    await until('it waits for the next', async () => (await find(id))?.status === 'QUEUED')
  })
})

describe('projects', () => {
  it('updateProject changes what is given, and refuses what it can not be', async () => {
    const own = await newShop(app, null)
    const { updateProject } = await own.api.do(UpdateProject, {
      input: { name: 'New', locale: 'ko', allowedOrigins: ['https://example.com'], inboundDomain: 'in.example.com' },
    })
    expect(updateProject).toEqual({
      name: 'New',
      locale: 'ko',
      timezone: 'UTC',
      inboundDomain: 'in.example.com',
      allowedOrigins: ['https://example.com'],
      resendUnknown: false,
    })
    for (const input of [
      { locale: '!' },
      { timezone: 'Mars/Base' },
      { allowedOrigins: ['example.com'] },
      { allowedOrigins: ['https://example.com/x'] },
      { allowedOrigins: ['https://*.example.com'] },
      { inboundDomain: 'x' },
    ]) {
      expect((await own.api.ask(UpdateProject, { input })).codes).toEqual(['BAD_INPUT'])
    }
    const many = times(1_001, (n) => `https://${n}.example.com`)
    expect((await own.api.ask(UpdateProject, { input: { allowedOrigins: many } })).codes).toEqual(['BATCH_TOO_LARGE'])
    expect((await own.api.ask(UpdateProject, { input: { allowedOrigins: [] } })).codes).toEqual([])
  })
  it('F45: rotateSecretKey refuses the old secret key at once, and takes the new one', async () => {
    const own = await newShop(app, null)
    const { rotateSecretKey } = await own.api.do(RotateSecretKey, {})
    expect(rotateSecretKey.accessKey).toBe(own.accessKey)
    expect((await app.anonymous.ask(Authenticate, { accessKey: own.accessKey, secretKey: own.secretKey })).codes).toEqual([
      'UNAUTHENTICATED',
    ])
    expect((await app.anonymous.ask(Authenticate, rotateSecretKey)).codes).toEqual([])
  })
  it('deleteProviders: a deleted provider is used no more, and what went through it stays', async () => {
    const own = await newShop(app, null)
    const message = {
      template: 'order',
      channels: ['SMS' as const],
      contact: { externalId: 'x', phone: '+15005550006' },
      data: { number: 1 },
    }
    const { sendMessages } = await own.api.do(Send, { messages: [message], wait: 'SENT' })
    expect((await own.api.do(DeleteProviders, { keys: ['text', 'none'] })).deleteProviders.deletedCount).toBe(1)
    const { notification } = await own.api.do(GetNotification, { id: sendMessages.results[0]?.notification?.id ?? '' })
    expect(notification?.messages[0]).toMatchObject({ status: 'SENT', provider: null, attempts: [{ ok: true, provider: null }] })
    const after = await own.api.do(Send, { messages: [message], wait: 'SENT' })
    expect(after.sendMessages.results[0]?.smsError?.code).toBe('CHANNEL_NOT_CONFIGURED')
  })
})

describe('topics', () => {
  it('hold contacts: added all or none, taken out, counted', async () => {
    await project.api.do(UpsertContacts, { contacts: times(3, (n) => ({ externalId: `m${n}` })) })
    await project.api.do(UpsertTopics, { topics: [{ key: 'news', name: 'News' }, { key: 'offers' }] })
    expect(
      (await project.api.do(SubscribeToTopic, { topic: 'news', contacts: ['m0', 'm1', 'm0'] })).subscribeToTopic.contactCount,
    ).toBe(2)
    const unknown = await project.api.ask(SubscribeToTopic, { topic: 'news', contacts: ['m2', 'stranger'] })
    expect([unknown.codes, unknown.errors[0]?.extensions['index']]).toEqual([['CONTACT_NOT_FOUND'], 1])
    await project.api.do(SubscribeToTopic, { topic: 'offers', contacts: ['m0'] })
    const { contact, topics } = await project.api.do(ContactTopics, { externalId: 'm0' })
    expect(contact?.topics.map((topic) => topic.key)).toEqual(['news', 'offers'])
    expect(topics.nodes).toEqual([
      { key: 'news', contactCount: 2 },
      { key: 'offers', contactCount: 1 },
    ])
    expect(
      (await project.api.do(UnsubscribeFromTopic, { topic: 'news', contacts: ['m0', 'stranger'] })).unsubscribeFromTopic
        .contactCount,
    ).toBe(1)
    expect((await project.api.ask(SubscribeToTopic, { topic: 'none', contacts: ['m0'] })).codes).toEqual(['NOT_FOUND'])
    expect((await project.api.do(DeleteTopics, { keys: ['news', 'none'] })).deleteTopics.deletedCount).toBe(1)
    expect((await project.api.do(ContactTopics, { externalId: 'm1' })).contact?.topics).toEqual([])
  })
})
