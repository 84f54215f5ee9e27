/** Two providers of text messages, one for Korea and one for all countries: who dials a number is known before it is accepted. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { smsTaken } from '../helpers/korea.ts'
import {
  ConfigureProviders,
  GetNotification,
  ListNotifications,
  Preview,
  Send,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const FINAL = new Set(['SENT', 'FAILED', 'SKIPPED', 'UNKNOWN'])
const notItaly = 'This provider does not send to numbers of IT.'
const unread = 'The address is not a phone number with + and its calling code.'
/** A number in national format, of no country that the contact has. */
const AT_HOME = '010-1234-1001'
const ITALY = '+39 06 1234 5678'
const KOREA = '+82 10-1234-1002'

let app: TestApp
let project: TestProject
let korea: Vendor
let world: Vendor
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())
beforeEach(async () => {
  korea = await startVendor(() => ({ status: 200, body: smsTaken() }))
  world = await startVendor(() => ({ status: 201, body: { sid: `SM${'0'.repeat(32)}`, status: 'queued' } }))
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 'text', sms: [{ body: 'Hello' }] }] })
})
afterEach(() => Promise.all([korea.close(), world.close()]))

const forKorea = (more: object = {}) => ({
  ...{ key: 'korea', channel: 'SMS' as const, kind: 'nhn-sms', priority: 1 },
  settings: { appKey: 'app-1', secretKey: 'secret-1', from: '15446859', baseUrl: korea.url, ...more },
})
const forAll = () => ({
  ...{ key: 'world', channel: 'SMS' as const, kind: 'twilio', priority: 2 },
  settings: { accountSid: `AC${'a'.repeat(32)}`, authToken: 'token', from: '+15005550006', baseUrl: world.url },
})
const configure = (...providers: ReturnType<typeof forKorea | typeof forAll>[]) =>
  project.api.do(ConfigureProviders, { providers })

async function settled(id: string) {
  const message = await until('the message has an outcome', async () => {
    const found = (await project.api.do(GetNotification, { id })).notification?.messages[0]
    return found !== undefined && FINAL.has(found.status) ? found : null
  })
  const provider = message.__typename === 'OutboundMessage' ? (message.provider?.key ?? null) : null
  return [message.status, provider, message.error?.message ?? null, message.attempts.length]
}

/** What the preview says, what the result says, and what became of it. */
async function send(phone: string) {
  const message = { template: 'text', contact: { externalId: phone.replace(/\D/g, ''), phone } }
  const { preview } = await project.api.do(Preview, { message })
  const { sendMessages } = await project.api.do(Send, { messages: [message] })
  const [result] = sendMessages.results
  const [told] = preview.channels
  return {
    preview: told?.reason?.code ?? told?.provider,
    result: result?.channelErrors[0]?.error.message ?? null,
    became: await settled(result?.notification?.id ?? ''),
  }
}

it.each<[string, string, string]>([
  ['in national format', AT_HOME, 'korea'],
  ['of Korea', KOREA, 'korea'],
  ['of Italy', ITALY, 'world'],
  ['of the United States', '+1 415 555 0100', 'world'],
  ['of Britain', '+44 20 7946 0958', 'world'],
])('a number %s goes through the first provider that dials it, in one attempt', async (_title, phone, key) => {
  await configure(forKorea(), forAll())
  expect(await send(phone)).toEqual({ preview: key, result: null, became: ['SENT', key, null, 1] })
})

it('what no provider dials is not tried, and says why when it is accepted', async () => {
  const silent = (why: string) => ({ preview: 'ADDRESS_INVALID', result: why, became: ['SKIPPED', null, why, 0] })
  await configure(forKorea())
  expect(await send(ITALY)).toEqual(silent(notItaly))
  await configure({ ...forKorea(), active: false } as never, forAll())
  expect(await send(AT_HOME)).toEqual(silent(unread))
  expect([korea.requests.length, world.requests.length]).toEqual([0, 0])
})

it('a change of the countries counts from the next message on', async () => {
  await configure(forKorea())
  expect((await send(ITALY)).preview).toBe('ADDRESS_INVALID')
  await configure(forKorea({ countries: ['KR', '39'] }))
  expect(await send(ITALY)).toEqual({ preview: 'korea', result: null, became: ['SENT', 'korea', null, 1] })
  await configure(forKorea({ countries: ['IT'] }))
  expect((await send(KOREA)).result).toBe('This provider does not send to numbers of KR.')
})

it('a message that waits is decided again when it is due: by the providers of then', async () => {
  await configure(forKorea(), forAll())
  const waits = { template: 'text', contact: { externalId: 'waits', phone: ITALY }, delaySeconds: 2 }
  const { sendMessages } = await project.api.do(Send, { messages: [waits] })
  await configure({ ...forAll(), active: false } as never)
  expect(await settled(sendMessages.results[0]?.notification?.id ?? '')).toEqual(['SKIPPED', null, notItaly, 0])
})

it.each(['a broadcast', 'a campaign'])(
  '%s passes over the provider that does not dial a number, contact by contact',
  async (kind) => {
    const send = async (): Promise<void> => {
      if (kind === 'a broadcast') await project.api.do(Broadcast, { input: { template: 'text' } })
      else {
        const schedule = { at: new Date().toISOString() }
        const campaign = { key: `all-${Date.now()}`, dispatch: 'SEGMENT' as const, template: 'text', segment: 'all', schedule }
        await project.api.do(UpsertCampaigns, { campaigns: [campaign] })
      }
    }
    const outcomes = async (count: number) => {
      const nodes = await until('all have an outcome', async () => {
        const { notifications } = await project.api.do(ListNotifications, { first: 100 })
        const isDone = notifications.nodes.every(({ messages }) => messages.every(({ status }) => FINAL.has(status)))
        return notifications.nodes.length === count && isDone ? notifications.nodes : null
      })
      const each = nodes.map(async ({ id, contact }) => [contact?.externalId, ...(await settled(id)).slice(0, 3)] as const)
      return (await Promise.all(each)).sort((a, b) => String(a).localeCompare(String(b)))
    }
    const profile = { set: { plan: 'pro' } }
    await project.api.do(UpsertContacts, {
      contacts: [
        { externalId: 'home', phone: AT_HOME, profile },
        { externalId: 'italy', phone: ITALY, profile },
        { externalId: 'korea', phone: KOREA, profile },
      ],
    })
    const where = { profile: { path: 'plan', is: 'EQUALS' as const, value: 'pro' } }
    await project.api.do(UpsertSegments, { segments: [{ key: 'all', where }] })
    await configure(forKorea(), forAll())
    await send()
    expect(await outcomes(3)).toEqual([
      ['home', 'SENT', 'korea', null],
      ['italy', 'SENT', 'world', null],
      ['korea', 'SENT', 'korea', null],
    ])
    await configure({ ...forKorea(), active: false } as never)
    await send()
    expect((await outcomes(6)).filter(([, status]) => status === 'SKIPPED')).toEqual([['home', 'SKIPPED', null, unread]])
  },
)
