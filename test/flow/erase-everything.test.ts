/** After an erasure, the whole database holds nothing that names the person, whatever was sent to them, by them, or without a contact. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { dumpOf } from '../helpers/dump.ts'
import {
  AddSuppressions,
  Cancel,
  ConfigureProviders,
  DeleteContacts,
  Feed,
  FeedChanged,
  GetContact,
  GetStats,
  ListNotifications,
  ListSuppressions,
  Send,
  SetPreference,
  SubscribeToTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { SendAlimtalk, SendText, TrackEvents, TriggerCampaign, UpsertCampaigns } from '../helpers/operations-audience.ts'
import { Erase } from '../helpers/operations-erase.ts'
import { Broadcast, Transaction } from '../helpers/operations-fanout.ts'
import { SetCredentials } from '../helpers/operations-vendors.ts'
import { times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let smtp: SmtpSink
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

const PERSON = {
  externalId: 'zebulon+shop@quatermass.example',
  email: 'Zebulon.Q+Shop@Quatermass.example',
  phone: '+82 10-7777-1234',
  firstName: 'Zebulon',
  lastName: "O'Quatermass",
  photoUrl: 'https://cdn.example/zebulon/o%27quatermass.png',
  properties: { nickname: 'Zebulon the Great', town: 'Quatermass Hill' },
}
/** Whatever names the person, in any spelling: everything about them has one of these in it. */
const NAMED = /zebulon|quatermass|7777-?1234|zebtoken/i
const base64 = (text: string): string[] => [0, 1, 2].map((skip) => Buffer.from(text.slice(skip)).toString('base64').slice(2, -4))
const ENCODED = [PERSON.externalId, PERSON.email, PERSON.email.toLowerCase(), 'Zebulon'].flatMap(base64)
const traces = async (): Promise<string[]> =>
  (await dumpOf(app.app.prisma)).flatMap((line) => {
    const at = NAMED.exec(line)?.index ?? Math.max(-1, ...ENCODED.map((one) => (one.length > 6 ? line.indexOf(one) : -1)))
    return at < 0 ? [] : [`${line.slice(0, line.indexOf(':'))}: ${line.slice(Math.max(0, at - 60), at + 40)}`]
  })

async function newProject(): Promise<TestProject> {
  const project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
      },
      ...(['SMS', 'PUSH', 'CHAT', 'ALIMTALK', 'WEBHOOK'] as const).map((channel) => ({
        key: channel.toLowerCase(),
        channel,
        kind: 'capture',
        settings: {},
      })),
    ],
  })
  const actor = '{{ actor.firstName }} {{ actor.lastName }} ({{ actor.externalId }})'
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'all',
        inApp: [
          {
            title: 'Hi {{ firstName }}',
            body: '{{ contact.email }}',
            url: 'https://shop.example/?e={{ contact.email | url_encode }}',
          },
        ],
        email: [
          {
            subject: 'Hi {{ firstName }}',
            text: '{{ contact.email | url_encode }} {{ note }}',
            html: '<b>{{ lastName | escape }}</b>',
          },
        ],
        sms: [{ body: 'Hi {{ firstName }}' }],
        push: [{ title: 'Hi {{ firstName }}', body: '{{ contact.email }}' }],
        chat: [{ body: 'Hi {{ firstName }}' }],
        webhook: [{ body: { who: '{{ contact.email }}' } }],
      },
      {
        key: 'follow',
        inApp: [
          {
            title: '{{ actor.firstName }} follows you',
            body: actor,
            iconUrl: '{{ actor.photoUrl }}',
            url: 'https://shop.example/u/{{ actor.externalId | url_encode }}',
            primaryAction: { label: 'See {{ actor.firstName }}', url: '/u/{{ actor.externalId | url_encode }}' },
          },
        ],
        email: [{ subject: '{{ actor.firstName }} follows you', text: actor, html: '<p>{{ actor.lastName | escape }}</p>' }],
      },
      { key: 'plain', email: [{ subject: 'To {{ name }}', text: 'For {{ name }}' }] },
      { key: 'folded', digest: { windowSeconds: 600 }, inApp: [{ body: '{% for e in digest.items %}{{ e.who }},{% endfor %}' }] },
    ],
  })
  await project.api.do(UpsertContacts, {
    contacts: times(5, (n) => ({ externalId: `reader-${n}`, email: `reader-${n}@example.com` })),
  })
  return project
}

/** Everything that can be written about the person. */
async function fill(project: TestProject): Promise<void> {
  const { api } = project
  const { properties, ...fields } = PERSON
  const { upsertContacts } = await api.do(UpsertContacts, { contacts: [{ ...fields, profile: { set: properties } }] })
  expect(upsertContacts.failed).toEqual([])
  const externalId = PERSON.externalId
  await api.do(UpsertTopics, { topics: [{ key: 'news', name: 'News' }] })
  await api.do(SubscribeToTopic, { topic: 'news', contacts: [externalId, 'reader-1'] })
  for (const [provider, more] of Object.entries({
    push: { deviceTokens: ['zebtoken-1', 'zebtoken-2'] },
    chat: { webhookUrl: 'https://chat.example/zebulon' },
    webhook: { webhookUrl: 'https://hooks.example/zebulon' },
  }))
    await api.do(SetCredentials, { contact: externalId, provider, ...more })
  const send = async (message: object, wait: 'SENT' | null = 'SENT') => {
    const { sendMessages } = await api.do(Send, {
      messages: [message as { template: string }],
      ...(wait === null ? {} : { wait }),
    })
    expect(sendMessages.results[0]?.error ?? null).toBe(null)
    return sendMessages.results[0]?.notification?.id ?? ''
  }
  const to = { contact: { externalId } }
  // A refusal whose text repeats the address.
  smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '451 4.7.1 <Zebulon.Q+Shop@Quatermass.example> later' } : undefined))
  await send({ template: 'all', ...to, id: 'welcome-zebulon@quatermass.example', data: { note: 'for Zebulon' } })
  smtp.script(null)
  await send({ template: 'all', ...to, transactionId: 'order-zebulon%40quatermass.example', data: { note: 'for Zebulon' } })
  await send(
    {
      template: 'all',
      ...to,
      delaySeconds: 6_000,
      overrides: { email: { subject: 'Later, Zebulon' }, inApp: { feed: 'zebulon' } },
    },
    null,
  )
  await send({ template: 'all', ...to, incrementId: 'zebulon', data: { note: 'for Zebulon' } })
  await send({ template: 'folded', ...to, data: { who: 'Zebulon' } }, null)
  // By the person, to others; and to itself.
  const actor = { actor: { externalId } }
  await send({ template: 'follow', contact: { externalId: 'reader-1' }, ...actor, data: { by: 'Zebulon', at: 7 } })
  await send({ template: 'follow', contact: { externalId: 'reader-2' }, ...actor, incrementId: 'by-zebulon' })
  await send(
    { template: 'follow', contact: { externalId: 'reader-3' }, ...actor, delaySeconds: 6_000, data: { by: 'Zebulon' } },
    null,
  )
  await send({ template: 'follow', ...to, ...actor })
  await send({ template: 'folded', contact: { externalId: 'reader-4' }, ...actor, data: { who: 'Zebulon' } }, null)
  await api.do(Broadcast, {
    input: { template: 'follow', ...actor, data: { by: "O'Quatermass" }, transactionId: 'from-zebulon' },
  })
  await send({ template: 'follow', topic: 'news', ...actor, id: 'all-zebulon+shop@quatermass.example' }, null)
  await until(
    'both are written',
    async () => (await app.app.prisma.fanout.count({ where: { projectId: project.id, status: 'DONE' } })) === 2,
  )
  // What was folded into a digest that is sent.
  await send({ template: 'folded', contact: { externalId: 'reader-0' }, ...actor, data: { who: 'Zebulon' } }, null)
  await send({ template: 'folded', contact: { externalId: 'reader-0' }, data: { who: 'Somebody' } }, null)
  await app.app.prisma.digest.updateMany({
    where: { projectId: project.id, contact: { externalId: 'reader-0' } },
    data: { closesAt: new Date(0) },
  })
  await until(
    'the digest is closed',
    async () => (await app.app.prisma.digest.count({ where: { projectId: project.id, closedAt: { not: null } } })) === 1,
  )
  // Without a contact.
  await api.do(UpsertCampaigns, {
    campaigns: [{ key: 'mailing', name: 'Mailing', dispatch: 'API', channel: 'EMAIL', template: 'plain' }],
  })
  await api.do(TriggerCampaign, {
    campaign: 'mailing',
    recipients: [{ type: 'EMAIL', email: 'zebulon.q+shop@QUATERMASS.example', eventParams: { name: 'Zebulon' } }],
    transactionId: 'mailing-zebulon.q+shop@quatermass.example',
  })
  await api.do(SendText, { type: 'SMS', body: 'Hello Zebulon', recipients: [{ phoneNumber: '010-7777-1234' }] })
  await api.do(SendText, { type: 'SMS', body: 'Hello Zebulon', recipients: [{ phoneNumber: '+821077771234' }] })
  await api.do(SendAlimtalk, {
    templateCode: 'code',
    recipients: [{ phoneNumber: '01077771234', parameters: { name: 'Zebulon' } }],
  })
  await until(
    'all of it is out',
    async () =>
      (await app.app.prisma.message.count({
        where: { projectId: project.id, contactId: null, status: { in: ['QUEUED', 'SENDING'] } },
      })) === 0,
  )
  await api.do(TrackEvents, {
    events: [
      { name: 'visit', contact: externalId, params: { page: '/zebulon' }, segmentationKeys: ['page'] },
      { name: 'sale', isGlobal: true, params: { buyer: 'zebulon.q+shop@quatermass.example' } },
    ],
  })
  await api.do(AddSuppressions, {
    suppressions: [
      { channel: 'EMAIL', address: PERSON.email },
      { channel: 'SMS', address: '010-7777-1234' },
      { channel: 'PUSH', address: 'zebtoken-2' },
    ],
  })
  await api.do(SetPreference, { contact: externalId, template: 'follow', enabled: false })
  const { prisma } = app.app
  const provider = await prisma.provider.findFirstOrThrow({ where: { projectId: project.id, key: 'sms' } })
  await prisma.deliveryReport.create({
    data: {
      projectId: project.id,
      providerId: provider.id,
      providerMessageId: 'unknown',
      status: 'FAILED',
      errorMessage: 'No such number: +821077771234',
    },
  })
  // An id of a notification that was pruned.
  await prisma.spentId.create({
    data: {
      projectId: project.id,
      key: 'old-ZEBULON.Q+shop@quatermass.example',
      contentHash: Buffer.alloc(32),
      transactionId: 'old-zebulon.q%2bshop%40quatermass.example',
    },
  })
}

it('NV-54: nothing in the database names a contact that was erased, nor its addresses', async () => {
  const project = await newProject()
  await fill(project)
  const { api } = project
  const reader = await project.page('reader-1')
  const live = await reader.watch(FeedChanged, { after: (await reader.do(Feed, {})).feed.cursor })
  const before = await api.do(GetStats, { last: 1 })
  expect((await traces()).length).toBeGreaterThan(40)

  const { deleteContacts } = await api.do(Erase, { contacts: [{ externalId: PERSON.externalId }] })
  expect(deleteContacts).toMatchObject({ deletedCount: 1, erasure: { isComplete: true, keptContacts: [] } })
  expect(deleteContacts.erasure?.notificationCount).toBeGreaterThan(8)
  expect(deleteContacts.erasure?.rewrittenCount).toBeGreaterThan(5)
  expect(deleteContacts.erasure?.suppressionCount).toBe(3)
  expect(await traces()).toEqual([])
  expect(await app.app.prisma.erasure.count()).toBe(0)

  // The readers' messages are there, and name nobody; a page that is open sees it.
  const { feed } = await reader.do(Feed, {})
  expect(feed.nodes.map((one) => one.actor)).toEqual([null, null, null])
  expect(feed.nodes.map((one) => one.title)).toEqual(['… follows you', '… follows you', '… follows you'])
  expect(feed.nodes.map((one) => one.data)).toContainEqual({ by: '…', at: 7 })
  const [change] = await live.waitFor(3)
  expect(change?.feedChanged).toMatchObject({ kind: 'UPDATED', unseenCount: 3 })
  live.close()
  expect((await api.do(GetStats, { last: 1 })).stats.days[0]?.count).toBe(before.stats.days[0]?.count)

  // What waited for others is sent, and names nobody either.
  clock.advance(7_000_000)
  await until('it is sent', async () =>
    smtp.messages.some((mail) => mail.to.includes('reader-3@example.com') && mail.subject.trim() === 'follows you'),
  )
  expect(await traces()).toEqual([])
})

it('NV-54: an id that was erased is still known, and so are its transaction and a suppressed address', async () => {
  const project = await newProject()
  await fill(project)
  const { api } = project
  await api.do(Erase, { contacts: [{ externalId: PERSON.externalId }] })
  const again = async (message: object) => {
    const { sendMessages } = await api.do(Send, { messages: [message as { template: string }], wait: 'SENT' })
    return sendMessages.results[0]
  }
  const first = { template: 'all', contact: { externalId: PERSON.externalId }, data: { note: 'for Zebulon' } }
  const mails = smtp.messages.length
  expect(await again({ ...first, id: 'welcome-zebulon@quatermass.example' })).toMatchObject({
    ok: false,
    error: { code: 'ID_EXISTS' },
  })
  const other = { template: 'plain', contact: { externalId: 'reader-1' }, data: { name: 'x' } }
  for (const id of [
    'welcome-zebulon@quatermass.example',
    'all-zebulon+shop@quatermass.example',
    'old-ZEBULON.Q+shop@quatermass.example',
  ])
    expect(await again({ ...other, id })).toMatchObject({ ok: false, error: { code: 'ID_MISMATCH' } })
  const transactionId = 'order-zebulon%40quatermass.example'
  expect(await again({ ...other, transactionId })).toMatchObject({ ok: false, error: { code: 'TRANSACTION_EXISTS' } })
  expect((await api.do(Transaction, { id: transactionId })).transaction).toMatchObject({ transactionId, status: 'DONE' })
  expect((await api.do(ListNotifications, { filter: { transactionId } })).notifications.totalCount).toBe(1)
  expect((await api.do(Cancel, { transactionId })).cancel).toMatchObject({ transactionId })
  expect(smtp.messages.length).toBe(mails)
  expect(await traces()).toEqual([])

  const mailing = (email: string) => ({
    campaign: 'mailing',
    recipients: [{ type: 'EMAIL' as const, email, eventParams: { name: 'x' } }],
  })
  await api.do(TriggerCampaign, mailing(PERSON.email))
  await api.do(TriggerCampaign, mailing('another@quatermass.test'))
  await until('the other is out', () => smtp.messages.some((mail) => mail.to.includes('another@quatermass.test')))
  expect(smtp.messages.slice(mails).map((mail) => mail.to[0])).toEqual(['another@quatermass.test'])
  // The hash can be removed like any suppression.
  const { suppressions } = await api.do(ListSuppressions, { first: 10 })
  expect(suppressions.nodes.map((one) => one.address.replace(/^§[0-9a-f]{64}$/, 'hash'))).toEqual(['hash', 'hash', 'hash'])
})

it('NV-54: a bare address is erased in every spelling, and contacts who have it stay and are named', async () => {
  const project = await newProject()
  const { api } = project
  await api.do(UpsertContacts, { contacts: [{ externalId: 'holder', email: 'Zeb@quatermass.example' }] })
  await api.do(UpsertCampaigns, {
    campaigns: [{ key: 'mailing', name: 'Mailing', dispatch: 'API', channel: 'EMAIL', template: 'plain' }],
  })
  for (const email of ['zeb@Quatermass.example', 'ZEB@quatermass.example', 'zeb.two@quatermass.example'])
    await api.do(TriggerCampaign, {
      campaign: 'mailing',
      recipients: [{ type: 'EMAIL', email, eventParams: { name: 'Quatermass' } }],
    })
  for (const phoneNumber of ['010-7777-1234', '+82 10 7777 1234', '01077771234', '010-7777-1235', '+1 310 777 1234'])
    await api.do(SendText, { type: 'SMS', body: 'Hello', recipients: [{ phoneNumber }] })
  await api.do(Send, { messages: [{ template: 'all', contact: { externalId: 'holder' }, data: {} }], wait: 'SENT' })
  await until(
    'all of it is out',
    async () =>
      (await app.app.prisma.message.count({ where: { projectId: project.id, status: { in: ['QUEUED', 'SENDING'] } } })) === 0,
  )
  const { deleteContacts } = await api.do(Erase, { addresses: ['Zeb@QUATERMASS.example', ' +82 (0)10-7777-1234 '] })
  expect(deleteContacts).toMatchObject({ deletedCount: 0, erasure: { notificationCount: 5, keptContacts: ['holder'] } })
  const left = await app.app.prisma.message.findMany({
    where: { projectId: project.id, contactId: null, address: { not: null } },
  })
  expect(left.map((one) => one.address).sort()).toEqual(['+1 310 777 1234', '010-7777-1235', 'zeb.two@quatermass.example'])
  expect((await api.do(GetContact, { externalId: 'holder' })).contact).toMatchObject({ email: 'Zeb@quatermass.example' })
  const kept = await app.app.prisma.message.findMany({
    where: { projectId: project.id, contact: { externalId: 'holder' }, channel: 'EMAIL' },
  })
  expect(kept.map((one) => one.address)).toEqual(['Zeb@quatermass.example'])
  // Again, and an address that nobody knows: nothing is left to erase.
  const again = await api.do(Erase, { addresses: ['zeb@quatermass.example', 'nobody@example.com', '010-7777-1234'] })
  expect(again.deleteContacts).toMatchObject({
    deletedCount: 0,
    erasure: { notificationCount: 0, idCount: 0, keptContacts: ['holder'] },
  })
  expect((await api.ask(Erase, { addresses: [] })).codes).toEqual(['BAD_INPUT'])
  expect((await api.ask(Erase, { addresses: [' '] })).codes).toEqual(['BAD_INPUT'])
  expect((await api.ask(Erase, {})).codes).toEqual(['BAD_INPUT'])
  expect((await api.do(DeleteContacts, { contacts: [{ externalId: 'holder' }] })).deleteContacts.deletedCount).toBe(1)
})
