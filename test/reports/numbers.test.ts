/** Phone numbers and bare addresses, through the server: what was reported of other systems, and relatives. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  AddSuppressions,
  ConfigureProviders,
  GetContact,
  GetNotification,
  ListContacts,
  Preview,
  Send,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { Erase } from '../helpers/operations-erase.ts'
import { newShop } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let contacts = 0
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const preview = async (message: object, template = 'order') =>
  (await project.api.do(Preview, { message: { template, data: { number: 7 }, ...message } })).preview
const onChannel = async (channel: string, contact: object) =>
  (await preview({ contact })).channels.find((one) => one.channel === channel)
const send = async (message: object) => {
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template: 'order', data: { number: 7 }, ...message }],
    wait: 'SENT',
  })
  return sendMessages.results[0]
}

describe('alphagov/notifications-api#147: a suppression holds in whatever spelling', () => {
  it.each([
    ['national, and international', '010-1234-5601', '+82 10-1234-5601', null],
    ['international, and national', '+82 10 1234 5602', '01012345602', null],
    ['with a 0 in brackets', '+82 (0)10-1234-5603', '010.1234.5603', null],
    ['without a plus', '821012345604', '+821012345604', null],
    ['with 00', '0082 10 1234 5605', '+82-10-1234-5605', null],
    ['in Arabic-Indic digits', '٠١٠١٢٣٤٥٦٠٦', '+821012345606', null],
    ['in full-width digits', '＋８２１０１２３４５６０７', '010 1234 5607', null],
    ['by the country of the contact', '+49 151 23456789', '0151 23456789', 'DE'],
    ['with the 0 that stays', '+39 (0)6 1234 5678', '06 1234 5678', 'IT'],
  ])('%s: %s, %s', async (_title, suppressed, phone, country) => {
    const contact = { externalId: `s${++contacts}`, phone, country }
    expect(await onChannel('SMS', contact)).toMatchObject({ wouldSend: true })
    await project.api.do(AddSuppressions, { suppressions: [{ channel: 'SMS', address: suppressed }] })
    expect(await onChannel('SMS', contact)).toMatchObject({ wouldSend: false, reason: { code: 'SUPPRESSED' } })
    expect(await onChannel('SMS', { phone, country })).toMatchObject({ reason: { code: 'SUPPRESSED' } })
  })
})

it.each([
  ['010-1234-5621', null, ['+82 10-1234-5621', '821012345621', '01012345621', '+82 (0)10 1234 5621']],
  ['+1 (415) 555-0122', null, ['+14155550122', '+1 415-555-0122']],
  ['01512 3456723', 'DE', ['+4915123456723', '+49 1512 3456723']],
  ['+82-10-1234-5624', null, ['010-1234-5624', '01012345624']],
  ['+442079460958', null, ['+44 20 7946 0958', '+44 (0)20 7946 0958']],
])('a contact with %s of %s is found, and named by an erasure, by %j', async (phone, country, spellings) => {
  const externalId = `f${++contacts}`
  await project.api.do(UpsertContacts, { contacts: [{ externalId, phone, country }] })
  for (const spelling of spellings) {
    const found = await project.api.do(ListContacts, { filter: { phone: spelling }, first: 10 })
    expect([spelling, ...found.contacts.nodes.map((one) => one.externalId)]).toEqual([spelling, externalId])
    const { deleteContacts } = await project.api.do(Erase, { addresses: [spelling] })
    expect([spelling, ...(deleteContacts.erasure?.keptContacts ?? [])]).toEqual([spelling, externalId])
  }
})

describe('linphone-iphone#541: a number is what the plan of its country says', () => {
  it.each([
    ['+1 (555)', null, 'ADDRESS_INVALID'],
    ['0151-123', null, 'ADDRESS_INVALID'],
    ['0151 23456789', null, 'ADDRESS_INVALID'],
    ['+1 900 555 0100', null, 'ADDRESS_INVALID'],
    ['+1 415 555 0100 ext. 7', null, 'ADDRESS_INVALID'],
    ['112', null, 'ADDRESS_INVALID'],
    ['0151 23456789', 'DE', null],
    ['+39 (0)6 1234 5678', null, null],
    ['010-1234-5678', null, null],
  ])('%s of %s: %s', async (phone, country, code) => {
    const contact = { externalId: `n${++contacts}`, phone, country }
    const { upsertContacts } = await project.api.do(UpsertContacts, { contacts: [contact] })
    expect(upsertContacts.failed.map((one) => one.error.code)).toEqual(code === null ? [] : [code])
    expect((await send({ contact }))?.error?.code ?? null).toBe(code)
    // What was written is kept as it was written.
    if (code === null) expect((await project.api.do(GetContact, { externalId: contact.externalId })).contact?.phone).toBe(phone)
  })
})

it.each([821012345678, 1.5, true, ['010-1234-5678'], { number: '010-1234-5678' }])(
  'laravel fcm#37: a profile whose phone is %j is refused by every call that takes one',
  async (phone) => {
    const externalId = `p${++contacts}`
    const sent = await send({ contact: { externalId, profile: { phone } } })
    expect(sent?.error).toMatchObject({ code: 'BAD_INPUT', field: 'contact.profile.phone' })
    const acted = await send({ contact: { externalId }, actor: { externalId: 'actor', profile: { phone } } })
    expect(acted?.error).toMatchObject({ code: 'BAD_INPUT', field: 'actor.profile.phone' })
    expect((await preview({ contact: { externalId, profile: { $phone_number: phone } } })).error).toMatchObject({
      code: 'BAD_INPUT',
      field: 'contact.profile.$phone_number',
    })
    const { upsertContacts } = await project.api.do(UpsertContacts, { contacts: [{ externalId, profile: { set: { phone } } }] })
    expect(upsertContacts.failed.map((one) => one.error)).toMatchObject([{ code: 'BAD_INPUT', field: 'profile.phone' }])
  },
)

it('instasent/sms-counter-php#15: a text is measured in units of its encoding, by the vendor that sends it', async () => {
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'long', sms: [{ body: '😀'.repeat(70) }] },
      { key: 'kr', sms: [{ body: '한 a' }] },
    ],
  })
  const sizeOf = async (template: string, phone: string) => (await preview({ contact: { phone } }, template)).channels[0]?.sms
  expect(await sizeOf('long', '+15005550006')).toEqual({ encoding: 'UCS-2', characters: 140, segments: 3, bytes: 280 })
  await project.api.do(ConfigureProviders, {
    providers: [
      { key: 'text', channel: 'SMS', kind: 'capture', settings: {}, active: false },
      {
        key: 'nhn',
        channel: 'SMS',
        kind: 'nhn-sms',
        settings: { appKey: 'k', secretKey: 's', from: '15446859', countries: ['KR', 'US'] },
      },
    ],
  })
  expect(await sizeOf('kr', '010-1234-5678')).toEqual({ encoding: 'EUC-KR', characters: 3, segments: 1, bytes: 4 })
  expect(await sizeOf('kr', '+1 415 555 0100')).toEqual({ encoding: 'UCS-2', characters: 3, segments: 1, bytes: 6 })
  await project.api.do(ConfigureProviders, {
    providers: [
      { key: 'nhn', channel: 'SMS', kind: 'nhn-sms', settings: { appKey: 'k', secretKey: 's', from: '15446859' }, active: false },
      { key: 'text', channel: 'SMS', kind: 'capture', settings: {}, active: true },
    ],
  })
})

describe('a message to an address alone', () => {
  const bare = async (contact: object) => {
    const result = await send({ contact })
    return (await project.api.do(GetNotification, { id: result?.notification?.id ?? '' })).notification
  }
  it.each([
    ['e-mail', { email: 'bare@example.com' }, { EMAIL: 'bare@example.com' }],
    ['a number', { phone: '+1 500 555 0009' }, { SMS: '+1 500 555 0009' }],
    ['a number that its country reads', { phone: '0151 23456780', country: 'de' }, { SMS: '+4915123456780' }],
    ['both', { email: 'both@example.com', phone: '010-1234-5611' }, { EMAIL: 'both@example.com', SMS: '010-1234-5611' }],
  ])('goes to %s', async (_title, contact, expected) => {
    const shown = await preview({ contact })
    const sendable = shown.channels.filter((one) => one.wouldSend)
    expect(Object.fromEntries(sendable.map((one) => [one.channel, one.address]))).toEqual(expected)
    expect(shown.channels.find((one) => one.channel === 'IN_APP')?.reason?.code).toBe('ADDRESS_MISSING')
    const sent = await bare(contact)
    expect(sent?.contact).toBeNull()
    const reached = sent?.messages.flatMap((one) =>
      one.__typename === 'OutboundMessage' && one.status === 'SENT' ? [[one.channel, one.address]] : [],
    )
    expect(Object.fromEntries(reached ?? [])).toEqual(expected)
    expect(sent?.messages.filter((one) => one.status !== 'SENT').map((one) => [one.status, one.error?.code])).toEqual(
      shown.channels.filter((one) => !one.wouldSend).map(() => ['SKIPPED', 'ADDRESS_MISSING']),
    )
  })
  it('makes no contact, and uses nothing of the one that has the address', async () => {
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'owner', email: 'owner@example.com', firstName: 'Ann' }] })
    const shown = await preview({ contact: { email: 'owner@example.com' } })
    expect(shown.channels.find((one) => one.channel === 'EMAIL')).toMatchObject({ wouldSend: true, text: 'Hello' })
    expect((await project.api.do(GetContact, { externalId: 'bare@example.com' })).contact).toBeNull()
  })
  it('is repeated by its id like any other', async () => {
    const message = { id: 'bare-1', contact: { email: 'once@example.com' } }
    expect((await send(message))?.error).toBeNull()
    expect((await send(message))?.error?.code).toBe('ID_EXISTS')
    expect((await send({ ...message, contact: { email: 'other@example.com' } }))?.error?.code).toBe('ID_MISMATCH')
  })
  it.each([
    [{}, 'BAD_INPUT', 'contact.externalId'],
    [{ firstName: 'Ann' }, 'BAD_INPUT', 'contact.firstName'],
    [{ email: 'a@example.com', firstName: 'Ann' }, 'BAD_INPUT', 'contact.firstName'],
    [{ email: 'a@example.com', locale: 'de' }, 'BAD_INPUT', 'contact.locale'],
    [{ email: 'a@example.com', profile: { plan: 'pro' } }, 'BAD_INPUT', 'contact.profile'],
    [{ email: 'x' }, 'ADDRESS_INVALID', 'contact.email'],
    [{ email: '' }, 'ADDRESS_INVALID', 'contact.email'],
    [{ phone: '0151-123' }, 'ADDRESS_INVALID', 'contact.phone'],
  ])('is refused as %j', async (contact, code, field) => {
    expect((await send({ contact }))?.error).toMatchObject({ code, field })
    expect((await preview({ contact })).error).toMatchObject({ code, field })
  })
  it('is not for an actor', async () => {
    const sent = await send({ contact: { email: 'a@example.com' }, actor: { email: 'b@example.com' } })
    expect(sent?.error).toMatchObject({ code: 'BAD_INPUT', field: 'actor.externalId' })
  })
})
