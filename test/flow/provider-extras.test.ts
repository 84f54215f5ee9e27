/** What a message adds for providers is judged when it is asked for, by what each provider's kind takes: NV-33. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  ConfigureProviders,
  DeleteProviders,
  ListNotifications,
  Preview,
  Send,
  SubscribeToTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
/** One in which nothing is ever sent. */
let quiet: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await shop()
  quiet = await shop()
})
afterAll(() => app.stop())

async function shop(): Promise<TestProject> {
  const made = await app.project()
  const key = `0x${'1'.repeat(8)}`
  await made.api.do(ConfigureProviders, {
    providers: [
      {
        ...{ key: 'twilio', channel: 'SMS', kind: 'twilio', priority: 1 },
        settings: { accountSid: `AC${'0'.repeat(32)}`, authToken: key, from: '+15005550006' },
      },
      { key: 'captured', channel: 'SMS', kind: 'capture', settings: {} },
      { key: 'mail', channel: 'EMAIL', kind: 'smtp', settings: { host: '127.0.0.1', from: 'shop@example.com' }, active: false },
      ...(['SMS', 'ALIMTALK', 'FRIENDTALK'] as const).map((channel) => ({
        ...{ key: `solapi-${channel}`, channel, kind: 'solapi', priority: 9, active: false },
        settings: { apiKey: 'key', apiSecret: 'secret', from: '0212345678', pfId: 'KA01PF' },
      })),
      ...(['ALIMTALK', 'FRIENDTALK'] as const).map((channel) => ({
        ...{ key: `nhn-${channel}`, channel, kind: 'nhn-kakao', active: false },
        settings: { appKey: 'key', secretKey: 'secret', senderKey: 'a'.repeat(40) },
      })),
      { key: 'teams', channel: 'CHAT', kind: 'msteams', settings: {} },
      { key: 'hook', channel: 'WEBHOOK', kind: 'webhook', settings: { secret: `whsec_${Buffer.alloc(32).toString('base64')}` } },
    ],
  })
  await made.api.do(UpsertTemplates, {
    templates: [
      { key: 'note', inApp: [{ body: 'x' }], sms: [{ body: 'x' }] },
      { key: 'folded', inApp: [{ body: '{{ digest.count }}' }], digest: { windowSeconds: 60 } },
    ],
  })
  await made.api.do(UpsertContacts, { contacts: [{ externalId: 'ann', phone: '+15005550006' }] })
  await made.api.do(UpsertTopics, { topics: [{ key: 'team' }] })
  await made.api.do(SubscribeToTopic, { topic: 'team', contacts: ['ann'] })
  return made
}

const message = (providers: Record<string, unknown>, more: object = {}) => ({
  ...{ template: 'note', contact: { externalId: 'ann' }, overrides: { providers } },
  ...more,
})
/** What is wrong, and where: `overrides.providers.` stands before each. */
const wrong: readonly [providers: Record<string, unknown>, field: string][] = [
  [{ nobody: { To: 'x' } }, 'nobody'],
  [{ nobody: null }, 'nobody'],
  [{ TWILIO: {} }, 'TWILIO'],
  [{ constructor: {} }, 'constructor'],
  [{ twilio: { To: '+15005550001' } }, 'twilio.To'],
  [{ twilio: { ValidityPeriod: '60' } }, 'twilio.ValidityPeriod'],
  [{ twilio: { ValidityPeriod: 0 } }, 'twilio.ValidityPeriod'],
  [{ twilio: { ContentVariables: { 1: 7 } } }, 'twilio.ContentVariables.1'],
  [{ captured: { a: 1 }, mail: { subject: 'x' } }, 'mail.subject'],
  [{ twilio: 'x' }, 'twilio'],
  [{ twilio: [] }, 'twilio'],
  [{ 'solapi-SMS': { buttons: [] } }, 'solapi-SMS.buttons'],
  [{ 'solapi-ALIMTALK': { imageId: 'F1' } }, 'solapi-ALIMTALK.imageId'],
  [{ 'nhn-ALIMTALK': { imageUrl: 'https://img.example/1' } }, 'nhn-ALIMTALK.imageUrl'],
  [{ 'nhn-FRIENDTALK': { quickReplies: [{}] } }, 'nhn-FRIENDTALK.quickReplies'],
  [{ 'nhn-FRIENDTALK': { buttons: [{ ordering: 1 }, { ordering: 9 }] } }, 'nhn-FRIENDTALK.buttons.1.ordering'],
  [{ teams: { title: 'x' } }, 'teams.title'],
  [{ hook: { headers: {} } }, 'hook.headers'],
]

describe('what a provider does not take', () => {
  it.each(wrong)('NV-33: %j is BAD_INPUT for that message alone, naming the field', async (providers, field) => {
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        message(providers, { id: `bad-${field}` }),
        message({ captured: { any: ['thing'] }, twilio: { SmartEncoded: true } }),
      ],
    })
    expect(sendMessages.results).toMatchObject([
      { ok: false, notification: null, error: { code: 'BAD_INPUT', field: `overrides.providers.${field}` } },
      { ok: true, error: null },
    ])
  })

  it.each(wrong)(
    'NV-33: %j is BAD_INPUT to a topic, in a broadcast and in a preview, and leaves nothing',
    async (providers, field) => {
      const before = await rowsOf(app.databaseUrl, quiet.id)
      const said = { code: 'BAD_INPUT', field: `overrides.providers.${field}` }
      const { sendMessages } = await quiet.api.do(Send, {
        messages: [{ template: 'note', topic: 'team', overrides: { providers }, transactionId: 'to-nobody' }],
      })
      expect(sendMessages.results[0]).toMatchObject({ ok: false, error: said })
      const { errors } = await quiet.api.ask(Broadcast, {
        input: { template: 'note', overrides: { providers }, transactionId: 'to-nobody' },
      })
      expect(errors[0]?.extensions).toMatchObject(said)
      const { preview } = await quiet.api.do(Preview, { message: message(providers) })
      expect(preview).toMatchObject({ ok: false, error: said, channels: [] })
      expect(await rowsOf(app.databaseUrl, quiet.id)).toEqual(before)
    },
  )
})

it('NV-33: what each provider takes is accepted, for one that is not active as well', async () => {
  const providers = {
    ...{ twilio: { ValidityPeriod: 60 }, captured: {}, mail: {}, teams: null, hook: {} },
    ...{ 'solapi-SMS': { imageId: 'F1' }, 'solapi-FRIENDTALK': { disableSms: false } },
    ...{ 'nhn-FRIENDTALK': { imageUrl: 'https://img.example/1' }, 'nhn-ALIMTALK': { quickReplies: [{ ordering: 1 }] } },
  }
  expect((await project.api.do(Preview, { message: message(providers) })).preview).toMatchObject({ ok: true, error: null })
  const { sendMessages } = await project.api.do(Send, { messages: [message(providers)], wait: 'SENT' })
  expect(sendMessages.results[0]).toMatchObject({ ok: true, channelErrors: [] })
  const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note', overrides: { providers } } })
  expect(broadcast.status).toBe('ACCEPTED')
})

it('NV-33: another project has its own providers', async () => {
  const other = await app.project()
  await other.api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'x' }] }] })
  const { sendMessages } = await other.api.do(Send, { messages: [message({ captured: {} })] })
  expect(sendMessages.results[0]).toMatchObject({
    ok: false,
    error: { code: 'BAD_INPUT', field: 'overrides.providers.captured' },
  })
})

it('NV-33: what was accepted stays so when its provider is gone: a repeat is ID_EXISTS, a digest closes, a send to many is written', async () => {
  await project.api.do(ConfigureProviders, {
    providers: [{ key: 'brief', channel: 'SMS', kind: 'capture', settings: {}, priority: 8 }],
  })
  const once = message({ brief: { a: 1 } }, { id: 'once' })
  const folded = message({ brief: { a: 1 } }, { template: 'folded', contact: { externalId: 'digested' } })
  const { sendMessages } = await project.api.do(Send, { messages: [once, folded] })
  expect(sendMessages.results).toMatchObject([{ ok: true }, { ok: true }])
  const sendAt = new Date(clock.now().getTime() + 60_000).toISOString()
  const overrides = { providers: { brief: { a: 1 } } }
  await project.api.do(Broadcast, { input: { template: 'note', overrides, transactionId: 'later', sendAt } })
  const toTeam = { template: 'note', topic: 'team', overrides, sendAt, transactionId: 'counted', incrementId: 'one' }
  expect((await project.api.do(Send, { messages: [toTeam] })).sendMessages.results).toMatchObject([{ ok: true }])
  await project.api.do(DeleteProviders, { keys: ['brief'] })
  const again = await project.api.do(Send, { messages: [once, message({ brief: { a: 1 } })] })
  expect(again.sendMessages.results).toMatchObject([
    { ok: false, error: { code: 'ID_EXISTS' } },
    { ok: false, error: { code: 'BAD_INPUT' } },
  ])
  clock.advance(61_000)
  await until('the digest is closed and all is written', async () => {
    const digested = await project.api.do(ListNotifications, { filter: { contact: 'digested', templates: ['folded'] } })
    const later = await project.api.do(ListNotifications, { filter: { transactionId: 'later', contact: 'ann' } })
    const counted = await project.api.do(ListNotifications, { filter: { transactionId: 'counted', contact: 'ann' } })
    return [digested, later, counted].map((one) => one.notifications.totalCount).join() === '2,1,1'
  })
})
