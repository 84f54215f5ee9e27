/** Notifuse's REST interfaces: what its documents print and state, as a client of theirs calls it. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, Call, Route } from '../../src/dialects/dialect.ts'
import { contactsUpsert } from '../../src/dialects/notifuse-v2-contacts.ts'
import { messagesSend } from '../../src/dialects/notifuse-v2-send.ts'
import { CarillonError, problem } from '../../src/errors.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createDialectClient, type DialectClient } from '../helpers/dialect.ts'
import {
  ConfigureProviders,
  Feed,
  GetContact,
  ListNotifications,
  MarkAs,
  SetPreference,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

let app: TestApp
let smtp: SmtpSink
let sms: Vendor
let project: TestProject
let notifuse: DialectClient
beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  smtp.script(({ stage, line }) =>
    stage === 'rcpt' && line.includes('refused@') ? { reply: '550 5.1.1 No such mailbox' } : undefined,
  )
  sms = await startVendor(({ body }) =>
    new URLSearchParams(body).get('To') === '+447400123457'
      ? { status: 400, body: { code: 30007, message: 'Message filtered', status: 400 } }
      : { status: 201, body: { sid: `SM${'f'.repeat(32)}`, status: 'queued', error_code: null } },
  )
  project = await newShop(app, smtp)
  const settings = { accountSid: `AC${'1'.repeat(32)}`, authToken: 'token-1', from: '+15005550006', baseUrl: sms.url }
  await project.api.do(ConfigureProviders, { providers: [{ key: 'text', channel: 'SMS', kind: 'twilio', settings }] })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'welcome',
        inApp: [{ title: 'Welcome', body: 'Good to have you here, {{ firstName }}' }],
        email: [
          { locale: 'en', subject: 'Welcome, {{ firstName }}', text: 'Your plan: {{ plan }}' },
          { locale: 'de', subject: 'Willkommen, {{ firstName }}', text: 'Ihr Tarif: {{ plan }}' },
        ],
        sms: [{ body: 'Welcome, {{ firstName }}' }],
      },
      { key: 'outward', email: [{ subject: 'x', text: 'x' }], sms: [{ body: 'x' }] },
      { key: 'german', email: [{ locale: 'de', subject: 'Hallo', text: 'Hallo' }] },
    ],
  })
  notifuse = await createDialectClient(app.url, '/notifuse', `Bearer ${project.apiKey}`)
})
afterAll(async () => {
  await app?.stop()
  await smtp?.close()
  await sms?.close()
})

interface Result {
  readonly id?: string
  readonly ok: boolean
  readonly created?: boolean
  readonly error?: string
  readonly emailError?: string
  readonly smsError?: string
}
const resultsOf = ({ body }: { readonly body: unknown }): Result[] => (body as { results: Result[] }).results
const send = async (...messages: readonly unknown[]): Promise<Result[]> =>
  resultsOf(await notifuse.call({ path: '/messages.send', body: { messages } }))
const upsertUsers = async (...users: readonly unknown[]): Promise<Result[]> =>
  resultsOf(await notifuse.call({ path: '/users.upsert', body: { users } }))
const upsert = async (...contacts: readonly unknown[]) =>
  (await notifuse.call({ path: '/v2/contacts.upsert', body: { contacts } })).body
const contactOf = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact
const mailTo = (address: string) => smtp.messages.filter((one) => one.to.includes(address))
const countOf = async (): Promise<number> => (await project.api.do(ListNotifications, { first: 1 })).notifications.totalCount

/** The example of `messages.send`, as it is printed: its addresses are empty. */
const printedMessage = {
  notificationId: 'welcome',
  userId: 'xxxx',
  data: {},
  id: 'your-unique-id',
  userEmail: '',
  userTelephone: '+44 123456789',
  userLanguage: 'en',
  userTimezone: 'Europe/London',
  userFirstName: 'John',
  userLastName: 'Doe',
  userPhotoURL: 'https://....jpg',
  userCountry: 'GB',
  incrementId: 'xxxx',
  widgetSettingsOverride: { iconURL: 'https://...' },
  emailSettingsOverride: { subject: 'Hello {{ firstName }}', replyTo: '', cc: ',', bcc: ',' },
}
/** The example of the users, as it is printed. */
const printedUser = {
  id: 'your-user-unique-id',
  email: '',
  telephone: '+44 123456789',
  language: 'en',
  timezone: 'Europe/London',
  firstName: 'John',
  lastName: 'Doe',
  photoURL: 'https://....jpg',
  country: 'GB',
}
/** The body of the curl example of `contacts.upsert`, to the letter. */
const printedContacts = `{
        "contacts": [{
          "id": "123",
          "profile": {
            "$set": {
              "firstName": "Justin",
              "lastName": "Bieber",
              "email": "justin.bieber@yopmail.com"
            },

            "$push": {
              "tags": "customer"
            },

            "$inc": {
              "totalOrders": 1
            }
          },

          "createdAt": "2016-02-04T22:44:30.652Z"
        }]
      }`

describe('the examples of the documents', () => {
  it('N1-01: messages.send takes the printed message as JSON, and stores what it says of the user', async () => {
    const answer = await notifuse.call({ path: '/messages.send', body: { messages: [printedMessage] } })
    expect(answer.status).toBe(200)
    expect(resultsOf(answer)).toEqual([
      { id: 'your-unique-id', ok: true, emailError: 'The contact has no address for this channel.' },
    ])
    expect(await contactOf('xxxx')).toMatchObject({
      email: null,
      phone: '+44 123456789',
      locale: 'en',
      timezone: 'Europe/London',
      firstName: 'John',
      lastName: 'Doe',
      photoUrl: 'https://....jpg',
      country: 'GB',
    })
    const { feed } = await project.api.do(Feed, { contact: 'xxxx' })
    expect(feed.nodes).toMatchObject([{ title: 'Welcome', body: 'Good to have you here, John' }])
  })

  it('users.upsert takes the printed user', async () => {
    expect(await upsertUsers(printedUser)).toEqual([{ id: 'your-user-unique-id', ok: true, created: true }])
    expect(await upsertUsers(printedUser)).toEqual([{ id: 'your-user-unique-id', ok: true, created: false }])
    expect(await contactOf('your-user-unique-id')).toMatchObject({ email: null, firstName: 'John', country: 'GB' })
  })

  it('N2-11, N2-30, N2-31: contacts.upsert takes the body of the curl example, and answers as printed', async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await notifuse.call({ path: '/v2/contacts.upsert', headers, body: printedContacts })
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({ statusCode: 200, success: true, inserted: ['123'], updated: [], failed: [] })
    expect(await contactOf('123')).toMatchObject({
      profile: {
        firstName: 'Justin',
        lastName: 'Bieber',
        email: 'justin.bieber@yopmail.com',
        tags: ['customer'],
        totalOrders: 1,
      },
      createdAt: '2016-02-04T22:44:30.652Z',
    })
  })

  it('N2-40: contacts.upsert takes what the clients for Node and PHP send', async () => {
    const [given] = (JSON.parse(printedContacts) as { contacts: object[] }).contacts
    const node = { 'content-type': 'application/json', 'user-agent': 'node-client v1.1.3' }
    const again = await notifuse.call({ path: '/v2/contacts.upsert', headers: node, body: { contacts: [given] } })
    expect(again.body).toEqual({ statusCode: 200, success: true, inserted: [], updated: ['123'], failed: [] })
    const rambo = {
      id: '123',
      profile: {
        $set: { firstName: 'John', lastName: 'Rambo', email: 'justin.bieber@yopmail.com' },
        $push: { tags: 'customer' },
        $inc: { totalOrders: 1 },
      },
      createdAt: '2010-02-04T22:44:30.652Z',
    }
    const php = { 'content-type': 'application/json', 'user-agent': 'php-client v2.0.1' }
    expect((await notifuse.call({ path: '/v2/contacts.upsert', headers: php, body: { contacts: [rambo] } })).status).toBe(200)
    expect(await contactOf('123')).toMatchObject({
      profile: { lastName: 'Rambo', tags: ['customer', 'customer', 'customer'], totalOrders: 3 },
      createdAt: '2016-02-04T22:44:30.652Z',
    })
  })
})

it('the document describes requests as they are read: the printed ones, and the limits', () => {
  const contacts = JSON.parse(printedContacts) as { contacts: object[] }
  const requests = [
    ['/messages.send', { messages: [printedMessage] }],
    ['/users.upsert', { users: [printedUser] }],
    ['/v2/contacts.upsert', contacts],
  ] as const
  for (const [path, body] of requests) {
    const [name = '', [item] = []] = Object.entries(body)[0] ?? []
    const bodies = [body, { [name]: [] }, { [name]: times(101, () => item) }, { [name]: [{}] }, {}]
    expect([path, bodies.map((one) => notifuse.accepts(path, one))]).toEqual([path, [true, false, false, false, false]])
  }
})

describe('messages.send', () => {
  it('answers once the providers have: emailError and smsError, with ok true', async () => {
    const common = { notificationId: 'welcome', userLanguage: 'en', userCountry: 'GB' }
    const results = await send(
      { ...common, userId: 'fine', userEmail: 'fine@example.com', userTelephone: '+44 7400 123456' },
      { ...common, userId: 'refused', userEmail: 'refused@example.com', userTelephone: '+44 7400 123457' },
    )
    expect(results).toEqual([
      { id: expect.any(String), ok: true },
      {
        id: expect.any(String),
        ok: true,
        emailError: expect.stringContaining('No such mailbox'),
        smsError: expect.stringContaining('Message filtered'),
      },
    ])
    expect(mailTo('fine@example.com')).toHaveLength(1)
  })

  it('answers id/exists for an id that was sent before, and twice in a call; nothing is sent again', async () => {
    const message = { notificationId: 'welcome', userId: 'once', userEmail: 'once@example.com', id: 'order-1' }
    const [first, second] = await send(message, message)
    expect(first).toMatchObject({ id: 'order-1', ok: true })
    expect(second).toEqual({ id: 'order-1', ok: false, error: 'id/exists' })
    expect(await send({ ...message, data: { plan: 'other' } })).toEqual([{ id: 'order-1', ok: false, error: 'id/exists' }])
    expect(mailTo('once@example.com')).toHaveLength(1)
  })

  it('gives each message its own result, in the order of the call', async () => {
    const results = await send(
      { notificationId: 'note', userId: 'a' },
      { notificationId: 'nothing', userId: 'a', id: 'n-1' },
      { notificationId: 7, userId: 'a', id: 'n-2' },
      { notificationId: 'german', userId: 'a', userLanguage: 'fr' },
      { notificationId: 'note' },
      { notificationId: 'note', userId: 'a', userEmail: 'nobody' },
      'note',
      { notificationId: 'note', userId: '' },
      { notificationId: 'note', userId: 'b' },
    )
    expect(results).toEqual([
      { id: expect.any(String), ok: true },
      { id: 'n-1', ok: false, error: 'notification/not_found' },
      { id: 'n-2', ok: false, error: 'messages[2].notificationId: must be text.' },
      { ok: false, error: 'template/missing' },
      { ok: false, error: 'messages[4].userId: is needed.' },
      { ok: false, error: expect.stringMatching(/^userEmail: /) },
      { ok: false, error: 'messages[6]: must be an object.' },
      { ok: false, error: expect.stringMatching(/^userId: /) },
      { id: expect.any(String), ok: true },
    ])
  })

  it('fills in what is missing of a user, and overwrites nothing', async () => {
    await send({ notificationId: 'note', userId: 'gaps', userFirstName: 'Ann' })
    await send({ notificationId: 'note', userId: 'gaps', userFirstName: 'Eve', userLastName: 'Lee' })
    expect(await contactOf('gaps')).toMatchObject({ firstName: 'Ann', lastName: 'Lee' })
  })

  it('overrides subject, replies, copies and icon for that message alone', async () => {
    const message = { notificationId: 'order', userId: 'over', userEmail: 'over@example.com', userFirstName: 'Olga' }
    await send({
      ...message,
      widgetSettingsOverride: { iconURL: 'https://example.com/own.png' },
      emailSettingsOverride: {
        subject: 'Hello {{ firstName }}',
        replyTo: 'reply@example.com',
        cc: 'cc1@example.com,cc2@example.com',
        bcc: 'bcc1@example.com, bcc2@example.com',
      },
    })
    const [mail] = mailTo('over@example.com')
    expect(mail?.to.toSorted()).toEqual(['bcc1', 'bcc2', 'cc1', 'cc2', 'over'].map((name) => `${name}@example.com`))
    const raw = mail?.raw.toString() ?? ''
    expect(raw).toMatch(/^Subject: Hello Olga\r$/m)
    expect(raw).toMatch(/^Reply-To: reply@example.com\r$/m)
    expect(raw).toMatch(/^Cc: cc1@example.com,\s+cc2@example.com\r$/m)
    const { feed } = await project.api.do(Feed, { contact: 'over' })
    expect(feed.nodes[0]).toMatchObject({ iconUrl: 'https://example.com/own.png' })
  })

  it('counts up the unread message with the same incrementId, and starts again once it was read', async () => {
    const message = { notificationId: 'note', userId: 'counted', incrementId: 'i', data: { n: 1 } }
    await send(...times(5, () => message))
    const nodes = async () => (await project.api.do(Feed, { contact: 'counted' })).feed.nodes
    expect(await nodes()).toMatchObject([{ count: 5 }])
    const [{ id } = { id: '' }] = await nodes()
    await project.api.do(MarkAs, { contact: 'counted', messages: [id], read: true })
    await send(message)
    expect(await nodes()).toMatchObject([{ count: 1 }, { count: 5 }])
  })

  it('takes null for what is not given', async () => {
    const nothing = Object.fromEntries(Object.keys(printedMessage).map((name) => [name, null]))
    expect(await send({ ...nothing, notificationId: 'note', userId: 'null' })).toMatchObject([{ ok: true }])
  })
})

describe('users.upsert', () => {
  it('creates users, fills in what is missing, and says of each what became of it', async () => {
    expect(await upsertUsers({ id: 'u1', firstName: 'Una' }, { id: 'u2', email: 'none' }, { email: 'x@example.com' })).toEqual([
      { id: 'u1', ok: true, created: true },
      { id: 'u2', ok: false, error: expect.stringMatching(/^email: /) },
      { ok: false, error: 'users[2].id: is needed.' },
    ])
    await upsertUsers({ id: 'u1', firstName: 'Eve', telephone: '+44 123456789' })
    expect(await contactOf('u1')).toMatchObject({ firstName: 'Una', phone: '+44 123456789' })
    expect(await contactOf('u2')).toBeNull()
  })
})

describe('contacts.upsert', () => {
  it('N2-33: lists who failed, and is a success unless all of them did', async () => {
    const some = await upsert(
      { id: 'k1', profile: { $set: { plan: 'pro' } } },
      { id: 'k2', profile: { plan: 'plain keys' } },
      { id: 'k3', profile: { $rename: { a: 'b' } } },
      { id: 'k4', profile: { $set: { n: 'text' }, $inc: { n: 1 } } },
      { id: 'k5', createdAt: 'yesterday' },
    )
    expect(some).toEqual({
      statusCode: 200,
      success: true,
      inserted: ['k1'],
      updated: [],
      failed: ['k2', 'k3', 'k5', 'k4'],
      errors: ['k2', 'k3', 'k5', 'k4'].map((id) => ({ id, message: expect.any(String) })),
    })
    const { statusCode, success, failed } = (await upsert({ id: 'k2', profile: 7 })) as Record<string, unknown>
    expect({ statusCode, success, failed }).toEqual({ statusCode: 200, success: false, failed: ['k2'] })
  })

  it('answers 200 with one failed for a contact without an id, as the test of the client for Node expects', async () => {
    const answer = await upsert({ profile: { $set: { firstName: 'John', lastName: 'Doe' } } })
    expect(answer).toMatchObject({ statusCode: 200, success: false, inserted: [], updated: [], failed: [''] })
  })

  it('applies a contact that comes twice in order, and reports it once; if one of the two is wrong, neither counts', async () => {
    const twice = await upsert({ id: 'd', profile: { $inc: { n: 1 } } }, { id: 'd', profile: { $inc: { n: 2 } } })
    expect(twice).toMatchObject({ inserted: ['d'], updated: [], failed: [] })
    expect(await upsert({ id: 'd', profile: { $inc: { n: 4 } } }, { id: 'd', profile: [] })).toMatchObject({ failed: ['d'] })
    expect(await contactOf('d')).toMatchObject({ profile: { n: 3 } })
  })

  it('gives the exact sum of a hundred parallel increments', async () => {
    await Promise.all(times(100, () => upsert({ id: 'sum', profile: { $inc: { total: 1 } } })))
    expect(await contactOf('sum')).toMatchObject({ profile: { total: 100 } })
  })
})

describe('the messages of v2', () => {
  interface Queued {
    readonly id: string
    readonly status: string
    readonly templateData: Record<string, unknown>
  }
  const sendTwo = async (...messages: readonly unknown[]) =>
    (await notifuse.call({ path: '/v2/messages.send', body: { messages } })).body as {
      statusCode: number
      success: boolean
      queued: Queued[]
      failed: { notification?: string; contact?: string; error: string }[]
    }
  const info = (id: string) => notifuse.call({ method: 'GET', path: `/v2/messages.info?message=${encodeURIComponent(id)}` })

  it('N2-41: messages.send changes the contact and queues the message, and messages.info says what became of it', async () => {
    const { queued, ...rest } = await sendTwo({
      notification: 'welcome',
      channel: 'mail',
      channelOptions: { openTracking: false },
      template: 'english-v1',
      templateData: { plan: 'pro' },
      contact: 'v2',
      contactProfile: { $set: { firstName: 'John', email: 'v2@example.com' } },
      contactCreatedAt: '2015-10-05T07:36:36.345Z',
    })
    expect(rest).toEqual({ statusCode: 200, success: true, failed: [] })
    expect(queued).toMatchObject([
      {
        project: project.key,
        notification: 'welcome',
        contact: { id: 'v2' },
        channel: { key: 'mail', kind: 'email' },
        status: 'queued',
      },
    ])
    expect(await contactOf('v2')).toMatchObject({ firstName: 'John', createdAt: '2015-10-05T07:36:36.345Z' })
    const id = queued[0]?.id ?? ''
    await expect.poll(async () => (await info(id)).body).toMatchObject({ status: 'sent' })
    expect((await info(id)).body).toMatchObject({
      statusCode: 200,
      id,
      notification: 'welcome',
      template: { key: 'welcome' },
      channel: { key: 'mail', kind: 'email' },
      contact: { id: 'v2' },
      templateData: { plan: 'pro' },
      compiledTemplates: { subject: 'Welcome, John' },
    })
    expect(mailTo('v2@example.com')).toHaveLength(1)
  })

  it('schedules a message up to 7 days ahead, and fails one beyond', async () => {
    const at = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
    const later = { notification: 'note', contact: 'later' }
    const { queued, failed } = await sendTwo({ ...later, sendAt: at(6.9) }, { ...later, sendAt: at(7.1) })
    expect(queued).toMatchObject([{ status: 'scheduled' }])
    expect(failed).toEqual([{ notification: 'note', contact: 'later', error: 'sendAt: is more than 7 days ahead.' }])
    const { body } = await info(queued[0]?.id ?? '')
    expect(body).toMatchObject({ status: 'scheduled' })
    expect(body).not.toHaveProperty('compiledTemplates')
  })

  it('does not show what the data marks as secret', async () => {
    const { queued } = await sendTwo({
      notification: 'welcome',
      channel: 'in-app',
      contact: 'secret',
      templateData: { _token: 'hunter2', plan: 'pro' },
    })
    const { body } = await info(queued[0]?.id ?? '')
    expect(body).toMatchObject({ status: 'delivered', templateData: { plan: 'pro' } })
    expect(JSON.stringify([queued, body])).not.toContain('hunter2')
  })

  it('fails a message that names what is not there, and one whose channel has no address', async () => {
    const common = { notification: 'welcome', contact: 'nobody' }
    const { success, failed } = await sendTwo(
      { ...common, channel: 'sendgrid-acme' },
      { ...common, notification: 'nothing' },
      { ...common, channel: 'mail' },
      { ...common, contactProfile: { $inc: { email: 1 } } },
      { contact: 'nobody' },
    )
    expect(success).toBe(false)
    expect(failed.map(({ error }) => error)).toEqual([
      'messages[4].notification: is needed.',
      'channel: there is no provider with this key, and no such channel.',
      expect.stringMatching(/^profile.email: /),
      'There is no template "nothing".',
      expect.stringContaining('no address'),
    ])
  })

  it('fails a message that is sent on none of the channels of its template, with the reason of each', async () => {
    const silent = { notification: 'outward', contact: 'mute' }
    const { queued, failed } = await sendTwo(silent, { notification: 'welcome', contact: 'mute' })
    expect(queued).toMatchObject([{ notification: 'welcome', status: 'queued' }])
    expect(failed).toEqual([{ ...silent, error: 'The contact has no address for this channel.' }])
    const $set = { phone: '+447400123456', email: 'mute@example.com' }
    await project.api.do(SetPreference, { contact: 'mute', channel: 'SMS', enabled: false })
    const { failed: differing } = await sendTwo(silent)
    expect(differing).toEqual([
      { ...silent, error: expect.stringMatching(/^email: The contact has no address .* sms: The contact /) },
    ])
    expect((await sendTwo({ ...silent, contactProfile: { $set } })).queued).toMatchObject([{ notification: 'outward' }])
  })

  it('messages.info shows a channel on which it was sent rather than one that was skipped', async () => {
    const { queued } = await sendTwo({ notification: 'welcome', contact: 'unreachable' })
    expect((await info(queued[0]?.id ?? '')).body).toMatchObject({ status: 'delivered', channel: { kind: 'in_app' } })
  })

  describe('a call that fails after contacts were changed', () => {
    const run = (route: Route, body: object, carillon: object): Promise<Answer> => {
      const problemOf = (error: unknown) =>
        error instanceof CarillonError ? problem(error.code, error.message) : problem('INTERNAL')
      const caller = { kind: 'project', project: { id: project.id, key: project.key }, who: { kind: 'token' } }
      const call = { carillon, caller, now: new Date(), permit() {}, problemOf } as unknown as Call
      return route.begin({ headers: {}, params: {}, query: new URLSearchParams(), body: JSON.stringify(body) }).run(call)
    }
    const fails = (error: Error) => async (): Promise<never> => Promise.reject(error)
    const overloaded = new CarillonError('OVERLOADED')
    const unknown = new CarillonError('OUTCOME_UNKNOWN')
    const changed = { upsert: async () => ({ inserted: [], updated: ['a'], failed: [] }) }
    const message = { notification: 'note', contact: 'a' }

    it('N2-41: is answered with 200 where a repeated one would add to a profile again: each message failed, and says that the contact did not', async () => {
      const messages = [
        { ...message, contactProfile: { $inc: { total: 1 } } },
        { ...message, contactProfile: { $push: { tags: 'new' } } },
        { ...message, contactProfile: { $set: { plan: 'pro' } } },
        message,
      ]
      const busy = 'The server is overloaded. Try again in a moment.'
      const hint = `${busy} The contact was changed as contactProfile says: repeat the message without it.`
      const failed = [hint, hint, busy, busy].map((error) => ({ notification: 'note', contact: 'a', error }))
      for (const error of [overloaded, new Error('a bug')]) {
        const answer = await run(messagesSend, { messages }, { contacts: changed, send: fails(error) })
        const body = answer.body as { failed: unknown[] }
        expect({ status: answer.status, body: { ...body, failed: body.failed.length } }).toEqual({
          status: 200,
          body: { statusCode: 200, success: false, queued: [], failed: 4 },
        })
        if (error === overloaded) expect(body.failed).toEqual(failed)
      }
    })

    it('is answered with its error where it can be repeated as it is', async () => {
      const messages = [message, { ...message, contactProfile: { $set: { plan: 'pro' }, $inc: {} } }]
      await expect(run(messagesSend, { messages }, { contacts: changed, send: fails(overloaded) })).rejects.toBe(overloaded)
      const upsertOf = (profile: object, error: Error) =>
        run(contactsUpsert, { contacts: [{ id: 'a', profile }] }, { contacts: { upsert: fails(error) } })
      await expect(upsertOf({ $set: { plan: 'pro' } }, unknown)).rejects.toBe(unknown)
      await expect(upsertOf({ $inc: { total: 1 } }, overloaded)).rejects.toBe(overloaded)
    })

    it('names the contacts of which nobody knows whether they were changed, once each', async () => {
      const contacts = [{ id: 'a', profile: { $inc: { total: 1 } } }, { id: 'a' }, { id: 'b' }]
      const { status, body } = await run(contactsUpsert, { contacts }, { contacts: { upsert: fails(unknown) } })
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { success: false, inserted: [], updated: [], failed: ['a', 'b'] },
      })
      expect(JSON.stringify(body)).toContain('may or may not have been changed')
    })

    it('says so as well of a message that was refused by itself', async () => {
      const profile = { $inc: { total: 1 } }
      const { failed } = await sendTwo({ notification: 'nothing', contact: 'refused', contactProfile: profile })
      expect(failed).toMatchObject([
        { error: expect.stringMatching(/^There is no template "nothing"\. The contact was changed/) },
      ])
      expect(await contactOf('refused')).toMatchObject({ profile: { total: 1 } })
    })
  })

  it('answers 404 for a message that is not there, or of another project', async () => {
    const { queued } = await sendTwo({ notification: 'note', contact: 'own' })
    const other = await app.project()
    const foreign = await notifuse.as(`Bearer ${other.apiKey}`)
    const id = queued[0]?.id ?? ''
    for (const path of [
      `/v2/messages.info?message=${id}`,
      '/v2/messages.info?message=message_id',
      '/v2/messages.info?message=%00',
    ]) {
      const { status, body } = await foreign.call({ method: 'GET', path })
      expect({ status, body }).toEqual({
        status: 404,
        body: { statusCode: 404, error: 'Not Found', message: 'There is no message with this id.' },
      })
    }
  })
})

describe('the client for PHP, byte for byte', () => {
  /** A request as its HTTP library writes it, and JSON as PHP encodes it: slashes and what is not ASCII are escaped. @returns what is answered */
  async function exchange(line: string, body: string | null): Promise<{ status: number; body: Record<string, unknown> }> {
    const { hostname, port, host } = new URL(app.url)
    const own = [`Host: ${host}`, 'User-Agent: php-client v2.0.1', 'Accept: application/json', 'Content-Type: application/json']
    const length = body === null ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
    const head = [`${line} HTTP/1.1`, ...own, `Authorization: Bearer ${project.apiKey}`, 'Connection: close', ...length]
    const socket = connect(Number(port), hostname)
    socket.write(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`)
    const answer = await text(socket)
    const [top = '', json = ''] = answer.split('\r\n\r\n')
    return { status: Number(top.split(' ')[1]), body: JSON.parse(json) as Record<string, unknown> }
  }

  it('contacts.upsert, messages.send and messages.info, which it asks for at messages.send', async () => {
    const contacts =
      '{"contacts":[{"id":"php","profile":{"$set":{"firstName":"Ren\\u00e9","photoUrl":"https:\\/\\/a.example\\/p.jpg"},"$push":[],"$inc":{"totalOrders":1}}}]}'
    expect(await exchange('POST /notifuse/v2/contacts.upsert', contacts)).toEqual({
      status: 200,
      body: { statusCode: 200, success: true, inserted: ['php'], updated: [], failed: [] },
    })
    expect(await contactOf('php')).toMatchObject({ firstName: 'René', photoUrl: 'https://a.example/p.jpg' })
    const messages = '{"messages":[{"notification":"note","contact":"php","templateData":[],"channelOptions":[]}]}'
    const sent = await exchange('POST /notifuse/v2/messages.send', messages)
    expect(sent).toMatchObject({ status: 200, body: { success: true, queued: [{ contact: { id: 'php' }, templateData: {} }] } })
    const [{ id } = { id: '' }] = sent.body['queued'] as { id: string }[]
    const shown = await exchange(`GET /notifuse/v2/messages.send?message=${id}`, null)
    expect(shown).toMatchObject({ status: 200, body: { statusCode: 200, success: true, id, status: 'delivered' } })
    expect(shown).toEqual(await exchange(`GET /notifuse/v2/messages.info?message=${id}`, null))
    // It throws what these two say.
    expect(await exchange('POST /notifuse/v2/contacts.upsert', '[]')).toEqual({
      status: 400,
      body: { statusCode: 400, error: 'Bad Request', message: 'The request body must be an object.' },
    })
  })

  it('takes an empty list of PHP where an object is meant, and no other list', async () => {
    const one = { id: 'listed', profile: { $set: ['a'] } }
    expect(await upsert(one)).toMatchObject({ failed: ['listed'] })
    expect(await send({ notificationId: 'note', userId: 'listed', data: [] })).toMatchObject([{ ok: true }])
    expect(await send({ notificationId: 'note', userId: 'listed', data: [1] })).toMatchObject([
      { ok: false, error: 'messages[0].data: must be an object.' },
    ])
  })
})

describe('limits', () => {
  it('every call is refused without the key of a project, with another method, and with a body of 2 MB', async () => {
    const refused = (statusCode: number, error: string) => ({
      status: statusCode,
      body: { statusCode, error, message: expect.any(String) },
    })
    const calls = [
      ['/messages.send', { messages: [printedMessage] }, 'POST'],
      ['/users.upsert', { users: [printedUser] }, 'POST'],
      ['/v2/contacts.upsert', JSON.parse(printedContacts) as object, 'POST'],
      ['/v2/messages.send', { messages: [{ notification: 'note', contact: '123' }] }, 'GET, HEAD, POST'],
      ['/v2/messages.info?message=x', undefined, 'GET, HEAD'],
    ] as const
    for (const [path, body, allow] of calls) {
      const method = body === undefined ? 'GET' : 'POST'
      for (const authorization of [null, 'Bearer YOUR_PROJECT_API_KEY', `Bearer ${project.apiKey}x`]) {
        const { status, body: answer } = await notifuse.call({ method, path, body, authorization })
        expect({ status, body: answer }, path).toEqual(refused(401, 'Unauthorized'))
      }
      const wrong = await notifuse.call({ method: 'PUT', path, body: body ?? {} })
      expect({ status: wrong.status, body: wrong.body }, path).toEqual(refused(405, 'Method Not Allowed'))
      expect([path, wrong.headers.get('allow')]).toEqual([path, allow])
      if (body === undefined) continue
      const large = JSON.stringify({ ...body, more: 'x'.repeat(2 * 1024 * 1024) })
      const { status, body: answer } = await notifuse.call({ path, body: large })
      expect({ status, body: answer }, path).toEqual(refused(413, 'Payload Too Large'))
    }
  })

  it.each<[path: string, name: string, max: number, make: (n: number) => object]>([
    ['/messages.send', 'messages', 50, (n: number) => ({ notificationId: 'note', userId: `m${n}` })],
    ['/users.upsert', 'users', 100, (n: number) => ({ id: `u${n}` })],
    ['/v2/contacts.upsert', 'contacts', 50, (n: number) => ({ id: `c${n}` })],
    ['/v2/messages.send', 'messages', 50, (n: number) => ({ notification: 'note', contact: `m${n}` })],
  ])('%s takes its limit of %s: %i, and refuses one more as a whole', async (path, name, max, make) => {
    expect((await notifuse.call({ path, body: { [name]: times(max, make) } })).body).not.toHaveProperty('error')
    const [before, contacts] = [await countOf(), await app.app.prisma.contact.count()]
    const tooMany = times(max + 1, (n) => make(n + 1_000))
    // Also where one of them is wrong by itself.
    for (const list of [tooMany, tooMany.with(3, {})]) {
      const { status, body } = await notifuse.call({ path, body: { [name]: list } })
      expect({ status, body }).toEqual({
        status: 400,
        body: {
          statusCode: 400,
          error: 'Bad Request',
          message: `${name}: has ${max + 1} items, at most ${max} are allowed.`,
        },
      })
    }
    const empty = await notifuse.call({ path, body: { [name]: [] } })
    expect(empty.body).toEqual({ statusCode: 400, error: 'Bad Request', message: `${name}: can't be empty.` })
    expect([await countOf(), await app.app.prisma.contact.count()]).toEqual([before, contacts])
  })
})
