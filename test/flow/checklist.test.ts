/** Rows of the checklist that no other test is about: the least that calls take, and all that answers show. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  Authenticate,
  ConfigureProviders,
  GetContact,
  GetNotification,
  Send,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { FeedWhole, ProjectKeys, SetDevices, TextTo } from '../helpers/operations-care.ts'
import { printedSchema } from '../helpers/root-fields.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

let app: TestApp
let smtp: SmtpSink
let vendor: Vendor
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  vendor = await startVendor(() => ({ status: 201, body: { sid: `SM${'f'.repeat(32)}`, status: 'queued', error_code: null } }))
  project = await newShop(app, smtp)
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
  await vendor.close()
})

const whole = async (contact: string) => (await project.api.do(FeedWhole, { contact })).feed.nodes

it('N1-05, N1-30, N1-31, NV-30, NV-31, NV-34: a message names its template and its contact, and needs nothing more', async () => {
  const { sendMessages } = await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'least' } }] })
  expect(sendMessages.results[0]).toMatchObject({
    ok: true,
    notification: { template: { key: 'note' }, contact: { externalId: 'least' }, key: null, sendAt: null, actor: null },
  })
  const send = 'mutation Q($message: MessageInput!) { sendMessages(messages: [$message]) { results { ok } } }'
  expect(await project.api.raw(send, { message: { contact: { externalId: 'least' } } })).toEqual(['BAD_INPUT'])
  const nobody = await project.api.do(Send, { messages: [{ template: 'note', contact: {} }] })
  expect(nobody.sendMessages.results[0]).toMatchObject({ ok: false, error: { code: 'BAD_INPUT', field: 'contact.externalId' } })
})

it('N1-69: an imported contact is notified without profile fields in the message', async () => {
  await project.api.do(UpsertContacts, {
    contacts: [{ externalId: 'imported', email: 'imported@example.com', firstName: 'Imre' }],
  })
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template: 'order', channels: ['EMAIL'], contact: { externalId: 'imported' }, data: { number: 7 } }],
    wait: 'SENT',
  })
  expect(sendMessages.results[0]).toMatchObject({ ok: true, emailError: null })
  const mail = smtp.messages.find((one) => one.to.includes('imported@example.com'))
  expect(mail?.raw.toString()).toMatch(/Hello Imre/)
})

it('N2-13, LY-21, LY-22, LY-25: contacts come as a list or as one, each with its id, and the answer says who was changed', async () => {
  const upsert = 'mutation Q($contacts: [UpsertContactInput!]!) { upsertContacts(contacts: $contacts) { inserted updated } }'
  expect(await project.api.raw(upsert, { contacts: [{ email: 'a@example.com' }] })).toEqual(['BAD_INPUT'])
  // GraphQL takes one where a list is asked for.
  expect(await project.api.raw(upsert, { contacts: { externalId: 'single' } })).toEqual([])
  expect((await project.api.do(GetContact, { externalId: 'single' })).contact).not.toBeNull()
  const { upsertContacts } = await project.api.do(UpsertContacts, {
    contacts: ['single', 'x1', 'x2'].map((externalId) => ({ externalId, profile: { set: { tier: 1 } } })),
  })
  expect(upsertContacts).toMatchObject({ inserted: ['x1', 'x2'], updated: ['single'], failed: [] })
})

it('LY-02, LY-03: a project has one access key, which it shows, and one secret key, which it does not', async () => {
  const { viewer } = await project.api.do(ProjectKeys, {})
  expect(viewer.project?.accessKey).toBe(project.accessKey)
  expect(JSON.stringify(viewer)).not.toContain(project.secretKey)
  const pair = { accessKey: project.accessKey, secretKey: project.secretKey }
  expect((await app.anonymous.ask(Authenticate, pair)).codes).toEqual([])
  const other = await newShop(app, null)
  expect((await app.anonymous.ask(Authenticate, { ...pair, secretKey: other.secretKey })).codes).toEqual(['UNAUTHENTICATED'])
})

it('NV-77, NV-78: a message of the feed shows all that it has', async () => {
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'whole',
        feed: 'jobs',
        inApp: [
          {
            title: 'T {{ n }}',
            body: 'B {{ n }}',
            iconUrl: 'https://example.com/i.png',
            url: '/n/{{ n }}',
            primaryAction: { label: 'Yes', url: 'https://example.com/yes' },
            secondaryAction: { label: 'No' },
          },
        ],
      },
    ],
  })
  await project.api.do(Send, {
    messages: [
      {
        template: 'whole',
        transactionId: 'tx-whole',
        contact: { externalId: 'whole' },
        actor: { externalId: 'doer', firstName: 'Dora', lastName: 'D', photoUrl: 'https://example.com/d.png' },
        data: { n: 1, more: [true] },
      },
    ],
  })
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(await whole('whole')).toEqual([
    {
      __typename: 'InAppMessage',
      id: expect.any(String),
      channel: 'IN_APP',
      status: 'DELIVERED',
      transactionId: 'tx-whole',
      template: 'whole',
      feed: 'jobs',
      title: 'T 1',
      body: 'B 1',
      iconUrl: 'https://example.com/i.png',
      url: '/n/1',
      data: { n: 1, more: [true] },
      count: 1,
      createdAt: at,
      updatedAt: at,
      sentAt: at,
      deliveredAt: at,
      seenAt: null,
      readAt: null,
      archivedAt: null,
      error: null,
      actor: { externalId: 'doer', firstName: 'Dora', lastName: 'D', photoUrl: 'https://example.com/d.png' },
      primaryAction: { type: 'PRIMARY', label: 'Yes', url: 'https://example.com/yes', status: 'PENDING', payload: null },
      secondaryAction: { type: 'SECONDARY', label: 'No', url: null, status: 'PENDING', payload: null },
      notification: { id: expect.any(String), contact: { externalId: 'whole' } },
    },
  ])
})

it('X-11: a phone number is stored as it came, and sent as its calling code and digits', async () => {
  const own = await newShop(app, null)
  const settings = {
    accountSid: `AC${'0a'.repeat(16)}`,
    authToken: '12345',
    from: '+15005550006',
    baseUrl: vendor.url,
  }
  await own.api.do(ConfigureProviders, { providers: [{ key: 'text', channel: 'SMS', kind: 'twilio', settings }] })
  const phone = '+44 7911 123-456'
  const { sendMessages } = await own.api.do(Send, {
    messages: [{ template: 'order', channels: ['SMS'], contact: { externalId: 'raw', phone }, data: { number: 1 } }],
    wait: 'SENT',
  })
  expect(sendMessages.results[0]).toMatchObject({ ok: true, smsError: null })
  expect((await own.api.do(GetContact, { externalId: 'raw' })).contact?.phone).toBe(phone)
  expect(new URLSearchParams(vendor.requests.at(-1)?.body).get('To')).toBe('+447911123456')
})

it('X-07: one list of channels: every one takes a provider that captures what would go out, but in-app, which needs none', async () => {
  const type = printedSchema().getType('Channel')
  const channels = type !== undefined && 'getValues' in type ? type.getValues().map((value) => value.name) : []
  expect(channels.sort()).toEqual(
    ['ALIMTALK', 'CHAT', 'EMAIL', 'FRIENDTALK', 'IN_APP', 'PUSH', 'SMS', 'WEBHOOK', 'WEB_PUSH'].sort(),
  )
  const own = await app.project()
  const configure =
    'mutation Q($channel: Channel!, $key: ID!) { configureProviders(providers: [{ key: $key, channel: $channel, kind: "capture" }]) { key } }'
  for (const channel of channels) {
    const refused = channel === 'IN_APP' ? ['BAD_INPUT'] : []
    expect([channel, await own.api.raw(configure, { channel, key: channel })]).toEqual([channel, refused])
  }
})

it('N1-12: a hundred messages of one call are sent concurrently', async () => {
  const begun = performance.now()
  const { sendMessages } = await project.api.do(Send, {
    messages: times(100, (n) => ({
      template: 'order',
      channels: ['EMAIL' as const],
      contact: { externalId: `concurrent-${n}`, email: `concurrent-${n}@example.com` },
      data: { number: n },
    })),
    wait: 'SENT',
  })
  expect(sendMessages.results.map((result) => result.emailError)).toEqual(times(100, () => null))
  expect(performance.now() - begun).toBeLessThan(10_000)
  const id = sendMessages.results[99]?.notification?.id ?? ''
  expect((await project.api.do(GetNotification, { id })).notification?.messages[0]?.status).toBe('SENT')
})

it('NV-56, NV-57: tokens are kept for a provider of the project that pushes or chats, and replace what was there', async () => {
  const own = await newShop(app, null)
  await own.api.do(ConfigureProviders, { providers: [{ key: 'push', channel: 'PUSH', kind: 'capture' }] })
  await own.api.do(UpsertContacts, { contacts: [{ externalId: 'c' }] })
  const set = (provider: string, deviceTokens: string[]) => own.api.ask(SetDevices, { contact: 'c', provider, deviceTokens })
  await set('push', ['one', 'two'])
  expect((await set('push', ['three'])).data?.setCredentials.credentials).toEqual([
    { provider: 'push', channel: 'PUSH', deviceTokens: ['three'], webhookUrl: null },
  ])
  expect((await set('nowhere', ['x'])).codes).toEqual(['NOT_FOUND'])
  expect((await set('text', ['x'])).codes).toEqual(['CHANNEL_UNSUPPORTED'])
  expect((await set('push', [])).codes).toEqual([])
})

it('X-05: an id, a transaction, an address and an incrementId each keep a second one out in their own way', async () => {
  const own = await newShop(app, null)
  const send = async (more: object) =>
    (await own.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'c' }, ...more }] })).sendMessages.results[0]
  await send({ id: 'x', transactionId: 'tx' })
  expect((await send({ id: 'x' }))?.error?.code).toBe('ID_EXISTS')
  expect((await send({ transactionId: 'tx' }))?.error?.code).toBe('TRANSACTION_EXISTS')
  await send({ incrementId: 'i' })
  await send({ incrementId: 'i' })
  expect((await own.api.do(FeedWhole, { contact: 'c' })).feed.nodes.map((node) => node.count)).toEqual([2, 1])
  const { sendText } = await own.api.do(TextTo, { recipients: times(3, () => ({ phoneNumber: '+15005550006' })) })
  expect(sendText).toEqual({ acceptedCount: 1, duplicateCount: 2 })
})
