/** Lists of recipients: campaigns by API, and texts, Alimtalk and Friendtalk to bare numbers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { kakaoTaken, nhnRefused, smsTaken } from '../helpers/korea.ts'
import {
  AddSuppressions,
  Authenticate,
  ConfigureProviders,
  GetContact,
  SetPreference,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import {
  CountedDays,
  Dispatched,
  DispatchedAttempts,
  PutCredentials,
  SendAlimtalk,
  SendFriendtalk,
  SendText,
  TriggerCampaign,
  UpsertCampaigns,
  UpsertSegments,
} from '../helpers/operations-audience.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const CHANNELS = ['IN_APP', 'EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'CHAT', 'ALIMTALK', 'FRIENDTALK', 'WEBHOOK'] as const
type Channel = (typeof CHANNELS)[number]
interface Recipient {
  readonly type?: 'USER_ID' | 'PHONE_NUMBER' | 'EMAIL'
  readonly userId?: string
  readonly phoneNumber?: string
  readonly email?: string
  readonly eventParams?: Record<string, unknown>
}

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: CHANNELS.filter((channel) => channel !== 'IN_APP').map((channel) => ({
      ...{ key: channel.toLowerCase(), channel, kind: 'capture', settings: {} },
    })),
  })
  const text = 'Hello {{ user["name"] }}'
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'hello',
        inApp: [{ body: text }],
        email: [{ subject: 'Order {{ number }}', text }],
        sms: [{ body: text }],
        push: [{ title: 'Hi', body: text }],
        webPush: [{ title: 'Hi', body: text }],
        chat: [{ body: text }],
        alimtalk: [{ templateCode: 'T1', body: text }],
        friendtalk: [{ body: text }],
        webhook: [{ body: { text } }],
      },
      { key: 'silent', inApp: [{ body: 'x' }] },
    ],
  })
  await project.api.do(UpsertSegments, { segments: [{ key: 's', where: { profile: { path: 'id', is: 'EXISTS' } } }] })
  await project.api.do(UpsertCampaigns, {
    campaigns: [
      ...CHANNELS.map((channel) => ({ key: channel, template: 'hello', channel })),
      { key: 'every', template: 'hello' },
      { key: 'asleep', template: 'hello', active: false },
      { key: 'segment', template: 'hello', dispatch: 'SEGMENT' as const, segment: 's' },
      { key: 'mute', template: 'silent', channel: 'SMS' as const },
    ],
  })
  await project.api.do(UpsertContacts, {
    contacts: [
      { externalId: 'ann', email: 'Ann@example.com', phone: '+15005550001', profile: { set: { name: 'Ann' } } },
      { externalId: 'bob', email: 'bob@example.com', phone: '+15005550002', profile: { set: { name: 'Bob' } } },
      // Ann's other account: her number, and her address in other letters.
      { externalId: 'ann2', email: 'ann@EXAMPLE.com', phone: '+15005550001', profile: { set: { name: 'Ann' } } },
      { externalId: 'bare' },
      { externalId: 'optedOut', email: 'o@example.com', phone: '+15005550003' },
      { externalId: 'suppressed', email: 's@example.com', phone: '+15005550004' },
    ],
  })
  await project.api.do(SetPreference, { contact: 'optedOut', channel: 'SMS', enabled: false })
  await project.api.do(AddSuppressions, { suppressions: [{ channel: 'SMS', address: '+15005550004' }] })
})
afterAll(() => app.stop())

const trigger = async (campaign: string, recipients: readonly Recipient[], transactionId: string | null = null) =>
  (await project.api.do(TriggerCampaign, { campaign, recipients: [...recipients], transactionId })).triggerCampaign
const refusal = async (campaign: string, recipients: readonly Recipient[], transactionId: string | null = null) => {
  const { codes, errors } = await project.api.ask(TriggerCampaign, { campaign, recipients: [...recipients], transactionId })
  return [codes[0], errors[0]?.extensions['index'], errors[0]?.extensions['field']]
}
/** What became of a call's messages, once a worker is through with them. */
const said = async (transactionId: string) => {
  const read = async () => (await project.api.do(Dispatched, { transactionId })).notifications
  await until('all are sent', async () =>
    (await read()).nodes.every((one) => one.messages.every((message) => !['QUEUED', 'SENDING'].includes(message.status))),
  )
  return (await read()).nodes.toReversed()
}
const texts = async (transactionId: string) =>
  (await said(transactionId)).flatMap((one) =>
    one.messages.map((message) =>
      message.__typename === 'OutboundMessage' ? [message.address, message.text] : [null, message.body],
    ),
  )

describe('triggerCampaign', () => {
  it('LY-40, LY-42, LY-44, LY-47, LY-70, LY-112: sends to contacts with their profile, and what was given for each', async () => {
    const done = await trigger('EMAIL', [
      { userId: 'ann', eventParams: { number: 1 } },
      { type: 'USER_ID', userId: 'bob', eventParams: { number: 2 } },
    ])
    expect(done).toMatchObject({ acceptedCount: 2, duplicateCount: 0, skipped: [] })
    const sent = await said(done.transactionId)
    expect(sent.map((one) => [one.contact?.externalId, one.campaign?.key, one.template?.key, one.data])).toEqual([
      ['ann', 'EMAIL', 'hello', { number: 1 }],
      ['bob', 'EMAIL', 'hello', { number: 2 }],
    ])
    expect(sent.flatMap((one) => one.messages)).toMatchObject([
      { channel: 'EMAIL', status: 'SENT', address: 'Ann@example.com', subject: 'Order 1', text: 'Hello Ann' },
      { channel: 'EMAIL', status: 'SENT', address: 'bob@example.com', subject: 'Order 2', text: 'Hello Bob' },
    ])
  })

  it('LY-41: refuses a campaign that is not dispatched by API, an inactive one, and an unknown one', async () => {
    expect(await refusal('segment', [{ userId: 'ann' }])).toEqual(['CAMPAIGN_NOT_API', undefined, 'campaign'])
    expect(await refusal('asleep', [{ userId: 'ann' }])).toEqual(['CAMPAIGN_INACTIVE', undefined, 'campaign'])
    expect(await refusal('none', [{ userId: 'ann' }])).toEqual(['NOT_FOUND', undefined, 'campaign'])
    expect((await refusal('mute', [{ userId: 'ann' }]))[0]).toBe('TEMPLATE_EMPTY')
  })

  it('LY-43, LY-44, LY-45, LY-46, LY-71: a recipient whose field is missing refuses the call, naming the index', async () => {
    const fine: Recipient = { userId: 'ann' }
    expect(await refusal('SMS', [fine, {}])).toEqual(['BAD_INPUT', 1, 'userId'])
    expect(await refusal('SMS', [fine, { userId: '' }])).toEqual(['BAD_INPUT', 1, 'userId'])
    expect(await refusal('SMS', [fine, fine, { type: 'PHONE_NUMBER', userId: 'ann' }])).toEqual(['BAD_INPUT', 2, 'phoneNumber'])
    expect(await refusal('EMAIL', [{ type: 'EMAIL', phoneNumber: '+15005550001' }])).toEqual(['BAD_INPUT', 0, 'email'])
    expect(await refusal('SMS', [{ userId: 'ann', eventParams: { n: 'a\u0000b' } }])).toEqual(['BAD_INPUT', 0, 'eventParams'])
  })

  it('B7-09, LY-50, LY-51, LY-52, LY-53, LY-54, LY-55: each channel takes its recipient types and refuses the others', async () => {
    const recipients: Record<string, Recipient> = {
      USER_ID: { userId: 'ann' },
      PHONE_NUMBER: { type: 'PHONE_NUMBER', phoneNumber: '+15005550009' },
      EMAIL: { type: 'EMAIL', email: 'x@example.com' },
    }
    const taken: Record<Channel | 'every', readonly string[]> = {
      ...{ PUSH: ['USER_ID'], WEB_PUSH: ['USER_ID'], IN_APP: ['USER_ID'], CHAT: ['USER_ID'], WEBHOOK: ['USER_ID'] },
      ...{ ALIMTALK: ['USER_ID', 'PHONE_NUMBER'], SMS: ['USER_ID', 'PHONE_NUMBER'], FRIENDTALK: ['USER_ID', 'PHONE_NUMBER'] },
      EMAIL: ['USER_ID', 'EMAIL'],
      every: ['USER_ID'],
    }
    for (const [campaign, types] of Object.entries(taken)) {
      for (const [type, recipient] of Object.entries(recipients)) {
        const answer = await refusal(campaign, [{ userId: 'bob' }, recipient], `table-${campaign}-${type}`)
        const wanted = types.includes(type) ? [undefined, undefined, undefined] : ['CHANNEL_UNSUPPORTED', 1, 'type']
        expect(answer, `${campaign} ${type}`).toEqual(wanted)
        // Nothing is sent to bob either.
        const { notifications } = await project.api.do(Dispatched, { transactionId: `table-${campaign}-${type}` })
        if (!types.includes(type)) expect(notifications.totalCount, `${campaign} ${type}`).toBe(0)
      }
    }
  })

  it('B7-10, LY-47, LY-56, LY-57: a bare address is not looked up, and only its parameters render', async () => {
    const done = await trigger('SMS', [
      { type: 'PHONE_NUMBER', phoneNumber: '+15005550001' },
      { type: 'PHONE_NUMBER', phoneNumber: '+15005550010', eventParams: { user: { name: 'X' } } },
    ])
    expect(done).toMatchObject({ acceptedCount: 2, duplicateCount: 0, skipped: [] })
    const sent = await said(done.transactionId)
    expect(sent.map((one) => one.contact)).toEqual([null, null])
    // That number is Ann's, but nothing of her profile is used.
    expect((await texts(done.transactionId))[0]).toEqual(['+15005550001', 'Hello'])
    const mail = await trigger('EMAIL', [{ type: 'EMAIL', email: 'ann@example.com', eventParams: { number: 7 } }])
    expect(await texts(mail.transactionId)).toEqual([['ann@example.com', 'Hello']])
    expect((await said(mail.transactionId))[0]?.messages).toMatchObject([{ subject: 'Order 7' }])
  })

  it('B7-11, LY-60, LY-61, LY-62: two contacts with one number get one SMS, and duplicates are counted by address', async () => {
    const users = [{ userId: 'ann' }, { userId: 'ann2' }, { userId: 'bob' }, { userId: 'ann' }]
    const sms = await trigger('SMS', [...users, { type: 'PHONE_NUMBER', phoneNumber: '+15005550002' }])
    expect(sms).toMatchObject({ acceptedCount: 2, duplicateCount: 3, skipped: [] })
    expect((await texts(sms.transactionId)).map(([address]) => address)).toEqual(['+15005550001', '+15005550002'])
    // Numbers are compared as they are dialled, addresses without case.
    const number = (phoneNumber: string): Recipient => ({ type: 'PHONE_NUMBER', phoneNumber })
    const spellings = ['010-1234-1234', '01012341234', '+82 (0)10 1234 1234', '821012341234', '٠١٠١٢٣٤١٢٣٤'].map(number)
    expect(await trigger('SMS', spellings)).toMatchObject({ acceptedCount: 1, duplicateCount: 4, skipped: [] })
    const mail = await trigger('EMAIL', [...users, { type: 'EMAIL', email: 'BOB@example.com' }])
    expect(mail).toMatchObject({ acceptedCount: 2, duplicateCount: 3 })
    expect(await trigger('ALIMTALK', users)).toMatchObject({ acceptedCount: 2, duplicateCount: 2 })
    expect(await trigger('FRIENDTALK', users)).toMatchObject({ acceptedCount: 2, duplicateCount: 2 })
    expect(await trigger('IN_APP', users)).toMatchObject({ acceptedCount: 3, duplicateCount: 1 })
  })

  it('B7-11, LY-61: two contacts with one device get one push, and a contact gets it on its own devices alone', async () => {
    await project.api.do(UpsertContacts, { contacts: ['cat', 'cat2', 'dog'].map((externalId) => ({ externalId })) })
    for (const [contact, deviceTokens] of [
      ['cat', ['shared']],
      ['cat2', ['shared']],
      ['dog', ['shared', 'own']],
    ] as const) {
      await project.api.do(PutCredentials, { contact, provider: 'push', deviceTokens: [...deviceTokens] })
    }
    const done = await trigger('PUSH', [{ userId: 'cat' }, { userId: 'cat2' }, { userId: 'dog' }, { userId: 'bare' }])
    expect(done).toMatchObject({
      acceptedCount: 2,
      duplicateCount: 1,
      skipped: [{ index: 3, error: { code: 'ADDRESS_MISSING' } }],
    })
    await said(done.transactionId)
    const { notifications } = await project.api.do(DispatchedAttempts, { transactionId: done.transactionId })
    const attempts = notifications.nodes.flatMap((one) => one.messages.flatMap((message) => message.attempts))
    // The shared device once, for the first of the two, and the dog's own.
    expect(attempts.map((one) => one.ok)).toEqual([true, true])
  })

  it('an unreachable recipient is skipped with the reason; accepted, duplicates and skipped add up to all recipients', async () => {
    const recipients: Recipient[] = [
      ...['stranger', 'bare', 'ann', 'optedOut', 'suppressed', 'ann2'].map((userId) => ({ userId })),
      ...['+15005550004', 'not a number'].map((phoneNumber) => ({ type: 'PHONE_NUMBER' as const, phoneNumber })),
    ]
    const done = await trigger('SMS', recipients)
    expect(done.skipped.map(({ index, error }) => [index, error.code])).toEqual([
      [0, 'CONTACT_NOT_FOUND'],
      [1, 'ADDRESS_MISSING'],
      [3, 'OPTED_OUT'],
      [4, 'SUPPRESSED'],
      [6, 'SUPPRESSED'],
      [7, 'ADDRESS_INVALID'],
    ])
    expect([done.acceptedCount, done.duplicateCount]).toEqual([1, 1])
    expect((await said(done.transactionId)).map((one) => one.contact?.externalId)).toEqual(['ann'])
    // Nobody was made by asking.
    expect((await project.api.do(GetContact, { externalId: 'stranger' })).contact).toBeNull()
    const none = await trigger('EMAIL', [{ userId: 'stranger' }, { type: 'EMAIL', email: 'x' }])
    expect(none).toMatchObject({ acceptedCount: 0, skipped: [{ index: 0 }, { index: 1, error: { code: 'ADDRESS_INVALID' } }] })
  })

  it("a campaign without a channel goes out on all of its template's", async () => {
    const done = await trigger('every', [{ userId: 'ann' }, { userId: 'ann' }, { userId: 'bare' }])
    expect(done).toMatchObject({ acceptedCount: 2, duplicateCount: 1, skipped: [] })
    const [ann, bare] = await said(done.transactionId)
    const sent = (one: typeof ann) =>
      one?.messages
        .filter((message) => message.status === 'SENT' || message.status === 'DELIVERED')
        .map((message) => message.channel)
    expect(sent(ann)?.sort()).toEqual(['ALIMTALK', 'EMAIL', 'FRIENDTALK', 'IN_APP', 'SMS', 'WEBHOOK'])
    expect(sent(bare)?.sort()).toEqual(['IN_APP', 'WEBHOOK'])
  })

  it('NV-37: a transactionId is taken once, also by calls that meet', async () => {
    const recipients = times(3, (n): Recipient => ({ type: 'PHONE_NUMBER', phoneNumber: `+1500555100${n}` }))
    expect(await trigger('SMS', recipients, 'tx-1')).toMatchObject({ transactionId: 'tx-1', acceptedCount: 3 })
    expect(await refusal('SMS', recipients, 'tx-1')).toEqual(['TRANSACTION_EXISTS', undefined, 'transactionId'])
    const answers = await Promise.all(times(10, () => refusal('SMS', recipients, 'tx-2')))
    expect(answers.filter(([code]) => code === undefined)).toHaveLength(1)
    expect(answers.filter(([code]) => code === 'TRANSACTION_EXISTS')).toHaveLength(9)
    expect(await said('tx-2')).toHaveLength(3)
    expect((await refusal('SMS', recipients, 'é'))[0]).toBe('BAD_INPUT')
  })

  it('LY-42, LY-77, LY-74: takes 1,000 recipients, and refuses 1,001 and none', async () => {
    const recipients = times(1001, (n): Recipient => ({ type: 'PHONE_NUMBER', phoneNumber: `+1500666${1000 + n}` }))
    const { codes, errors } = await project.api.ask(TriggerCampaign, { campaign: 'SMS', recipients })
    expect([codes, errors[0]?.extensions['max'], errors[0]?.extensions['got']]).toEqual([['BATCH_TOO_LARGE'], 1000, 1001])
    expect(await trigger('SMS', recipients.slice(1))).toMatchObject({ acceptedCount: 1000, duplicateCount: 0, skipped: [] })
    expect((await refusal('SMS', []))[0]).toBe('BAD_INPUT')
  })

  it('LY-72: needs the credential of a project, and an access token is one', async () => {
    const variables = { campaign: 'SMS', recipients: [{ userId: 'ann' }] }
    expect((await app.anonymous.ask(TriggerCampaign, variables)).codes).toEqual(['UNAUTHENTICATED'])
    expect((await app.client('nonsense').ask(TriggerCampaign, variables)).codes).toEqual(['UNAUTHENTICATED'])
    expect((await (await project.page('ann')).ask(TriggerCampaign, variables)).codes).toEqual(['FORBIDDEN'])
    const { accessKey, secretKey } = project
    const { authenticate } = await app.anonymous.do(Authenticate, { accessKey, secretKey })
    expect((await app.client(authenticate.token).ask(TriggerCampaign, variables)).codes).toEqual([])
  })

  it('a channel without a provider refuses the call', async () => {
    const own = await app.project()
    await own.api.do(UpsertTemplates, { templates: [{ key: 't', sms: [{ body: 'x' }], inApp: [{ body: 'x' }] }] })
    await own.api.do(UpsertCampaigns, { campaigns: [{ key: 'c', template: 't', channel: 'SMS' }] })
    const recipients = [{ type: 'PHONE_NUMBER' as const, phoneNumber: '+15005550001' }]
    expect((await own.api.ask(TriggerCampaign, { campaign: 'c', recipients })).codes).toEqual(['CHANNEL_NOT_CONFIGURED'])
    await own.api.do(UpsertTemplates, { templates: [{ key: 't', active: false }] })
    expect((await own.api.ask(TriggerCampaign, { campaign: 'c', recipients })).codes).not.toEqual([])
  })
})

describe('to bare numbers', () => {
  const numbers = (count: number) => times(count, (n) => ({ phoneNumber: `+1500777${1000 + n}` }))

  it('LY-80, LY-82, LY-83, LY-85, LY-87: sendText says the body as it is to each number', async () => {
    const body = 'Code {{ number }} is 12 %'
    const { sendText } = await project.api.do(SendText, { type: 'SMS', body, recipients: numbers(2) })
    expect(sendText).toMatchObject({ acceptedCount: 2, duplicateCount: 0, skipped: [] })
    expect(await texts(sendText.transactionId)).toEqual([
      ['+15007771000', body],
      ['+15007771001', body],
    ])
    expect(await said(sendText.transactionId)).toMatchObject([
      { template: null, contact: null, campaign: null, messages: [{ channel: 'SMS', status: 'SENT' }] },
      { template: null, contact: null, campaign: null },
    ])
  })

  it('LY-83, LY-84: LMS and MMS have a title, an SMS leaves it out', async () => {
    for (const type of ['SMS', 'LMS', 'MMS'] as const) {
      const { sendText } = await project.api.do(SendText, { type, title: 'Title', body: 'Body', recipients: numbers(1) })
      const [sent] = await said(sendText.transactionId)
      expect(sent?.messages).toMatchObject([{ status: 'SENT', subject: type === 'SMS' ? null : 'Title', text: 'Body' }])
    }
  })

  it('LY-81, LY-90, LY-100: without a provider for the channel it is CHANNEL_NOT_CONFIGURED', async () => {
    const own = (await app.project()).api
    expect((await own.ask(SendText, { type: 'SMS', body: 'x', recipients: numbers(1) })).codes).toEqual([
      'CHANNEL_NOT_CONFIGURED',
    ])
    expect((await own.ask(SendAlimtalk, { templateCode: 'T', recipients: numbers(1) })).codes).toEqual(['CHANNEL_NOT_CONFIGURED'])
    const recipients = [{ phoneNumber: '+15007771000', text: 'x' }]
    expect((await own.ask(SendFriendtalk, { recipients })).codes).toEqual(['CHANNEL_NOT_CONFIGURED'])
  })

  it('LY-91, LY-92, LY-93, LY-94: sendAlimtalk sends a registered template with the parameters of each number', async () => {
    const { sendAlimtalk } = await project.api.do(SendAlimtalk, {
      templateCode: 'ORDER1',
      recipients: [
        { phoneNumber: '01012345678', parameters: { name: 'Ann', number: 1 } },
        { phoneNumber: '01012345679' },
        { phoneNumber: '01012345678' },
      ],
    })
    expect(sendAlimtalk).toMatchObject({ acceptedCount: 2, duplicateCount: 1 })
    const sent = await said(sendAlimtalk.transactionId)
    expect(sent.map((one) => [one.data, one.messages[0]?.channel, one.messages[0]?.status])).toEqual([
      [{ name: 'Ann', number: 1 }, 'ALIMTALK', 'SENT'],
      [{}, 'ALIMTALK', 'SENT'],
    ])
    const { codes } = await project.api.ask(SendAlimtalk, { templateCode: '', recipients: numbers(1) })
    expect(codes).toEqual(['BAD_INPUT'])
  })

  it('LY-101, LY-102, LY-103, LY-104, LY-105, LY-76: sendFriendtalk sends a text to each number, and other types are not implemented', async () => {
    const recipients = [
      { phoneNumber: '01012345678', text: 'Hi {{ you }}' },
      { phoneNumber: '01012345679', text: 'Ho' },
    ]
    const { sendFriendtalk } = await project.api.do(SendFriendtalk, { isAd: true, recipients })
    expect(await texts(sendFriendtalk.transactionId)).toEqual([
      ['01012345678', 'Hi {{ you }}'],
      ['01012345679', 'Ho'],
    ])
    for (const messageType of ['IMAGE', 'WIDE'] as const) {
      expect((await project.api.ask(SendFriendtalk, { messageType, recipients })).codes).toEqual(['NOT_IMPLEMENTED'])
    }
    const empty = await project.api.ask(SendFriendtalk, { recipients: [...recipients, { phoneNumber: '010', text: '' }] })
    expect([empty.codes, empty.errors[0]?.extensions['index']]).toEqual([['BAD_INPUT'], 2])
  })

  it('B7-07, LY-86, LY-92, LY-104: each takes 1,000 numbers, and refuses 1,001 and none', async () => {
    const all = numbers(1001)
    const asks = [
      (recipients: typeof all) => project.api.ask(SendText, { type: 'SMS', body: 'x', recipients }),
      (recipients: typeof all) => project.api.ask(SendAlimtalk, { templateCode: 'T', recipients }),
      (recipients: typeof all) =>
        project.api.ask(SendFriendtalk, { recipients: recipients.map((one) => ({ ...one, text: 'x' })) }),
    ]
    for (const ask of asks) {
      const { codes, errors } = await ask(all)
      expect([codes, errors[0]?.extensions['max'], errors[0]?.extensions['got']]).toEqual([['BATCH_TOO_LARGE'], 1000, 1001])
      const fine = await ask(all.slice(1))
      expect([fine.codes, Object.values(fine.data ?? {})[0]]).toMatchObject([[], { acceptedCount: 1000, skipped: [] }])
      expect((await ask([])).codes).toEqual(['BAD_INPUT'])
    }
  })

  it('LY-86, LY-87, NV-37: an empty number refuses the call, a bad one is skipped, a transactionId is taken once', async () => {
    const ask = (recipients: { phoneNumber: string }[], transactionId: string | null = null) =>
      project.api.ask(SendText, { type: 'SMS', body: 'x', recipients, transactionId })
    const empty = await ask([...numbers(1), { phoneNumber: '' }])
    expect([empty.codes, empty.errors[0]?.extensions['index']]).toEqual([['BAD_INPUT'], 1])
    const bad = await ask([{ phoneNumber: 'call me' }, ...numbers(1), { phoneNumber: '+15005550004' }])
    expect(bad.data?.sendText).toMatchObject({
      acceptedCount: 1,
      skipped: [
        { index: 0, error: { code: 'ADDRESS_INVALID' } },
        { index: 2, error: { code: 'SUPPRESSED' } },
      ],
    })
    expect((await project.api.ask(SendText, { type: 'SMS', body: '', recipients: numbers(1) })).codes).toEqual(['BAD_INPUT'])
    expect((await ask(numbers(1), 'text-1')).codes).toEqual([])
    expect((await ask(numbers(1), 'text-1')).codes).toEqual(['TRANSACTION_EXISTS'])
  })
})

describe('the request to the vendor', () => {
  let vendor: Vendor
  let shop: TestProject
  beforeAll(async () => {
    vendor = await startVendor(({ path, body }) => {
      if (path.startsWith('/sms')) return { status: 200, body: smsTaken() }
      return { status: 200, body: body.includes('UNREGISTERED') ? nhnRefused(-2001) : kakaoTaken() }
    })
    shop = await app.project()
    const keys = { appKey: 'app-1', secretKey: 'secret-1', baseUrl: vendor.url }
    await shop.api.do(ConfigureProviders, {
      providers: [
        { key: 'text', channel: 'SMS', kind: 'nhn-sms', settings: { ...keys, from: '1544-6859' } },
        { key: 'alim', channel: 'ALIMTALK', kind: 'nhn-kakao', settings: { ...keys, senderKey: 'K1' } },
        { key: 'friend', channel: 'FRIENDTALK', kind: 'nhn-kakao', settings: { ...keys, senderKey: 'K1' } },
      ],
    })
  })
  afterAll(() => vendor.close())
  const phoneNumber = '01012345678'
  const requests = async (count: number) => {
    await until('the vendor has it', () => vendor.requests.length === count)
    return vendor.requests.splice(0).map(({ path, body }) => ({ path, ...JSON.parse(body) }))
  }

  it("LY-81, LY-84: a text has its sender from the provider's settings, and an MMS its title", async () => {
    await shop.api.do(SendText, { type: 'MMS', title: 'Order', body: 'Hello {{ n }}', recipients: [{ phoneNumber }] })
    expect(await requests(1)).toMatchObject([
      { path: '/sms/v3.0/appKeys/app-1/sender/mms', title: 'Order', body: 'Hello {{ n }}', sendNo: '15446859' },
    ])
  })

  it('LY-91, LY-93: Alimtalk goes with template code and parameters, and what the vendor refuses fails with its reason', async () => {
    const parameters = { name: 'Ann', count: 3 }
    await shop.api.do(SendAlimtalk, { templateCode: 'ORDER1', recipients: [{ phoneNumber, parameters }] })
    const [request] = await requests(1)
    expect(request).toMatchObject({ senderKey: 'K1', templateCode: 'ORDER1' })
    expect(JSON.stringify(request.recipientList)).toContain('"templateParameter":{"name":"Ann","count":"3"}')
    const { sendAlimtalk } = await shop.api.do(SendAlimtalk, { templateCode: 'UNREGISTERED', recipients: [{ phoneNumber }] })
    const { nodes } = await until('it has failed', async () => {
      const { notifications } = await shop.api.do(Dispatched, { transactionId: sendAlimtalk.transactionId })
      return notifications.nodes[0]?.messages[0]?.status === 'FAILED' ? notifications : null
    })
    expect(nodes[0]?.messages[0]?.error?.code).toBe('PROVIDER_REFUSED')
    vendor.requests.splice(0)
  })

  it('LY-103: Friendtalk is marked as an advertisement where it is one', async () => {
    for (const isAd of [true, false]) {
      await shop.api.do(SendFriendtalk, { isAd, recipients: [{ phoneNumber, text: 'Sale' }] })
      const [request] = await requests(1)
      expect(JSON.stringify(request)).toContain(`"isAd":${isAd}`)
      expect(JSON.stringify(request)).toContain('"content":"Sale"')
    }
  })

  it('LY-88: statistics count what went to bare numbers', async () => {
    const read = async () => (await shop.api.do(CountedDays, {})).stats
    const stats = await until('the last outcome is written', async () => ((await read()).weeklySent === 4 ? read() : null))
    expect(stats).toEqual({ weeklySent: 4, days: [{ count: 5, sent: 4 }] })
    expect((await shop.api.do(CountedDays, { channel: 'SMS' })).stats.days).toEqual([{ count: 1, sent: 1 }])
  })
})
