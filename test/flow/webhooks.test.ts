/** Webhooks as their receiver gets them: signed so that it can verify them, and only to addresses that may be reached. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { startNameServer, type ZoneAnswer } from '../helpers/dns.ts'
import { ConfigureProviders, GetNotification, Send, TestProvider, UpsertTemplates } from '../helpers/operations.ts'
import { SetCredentials } from '../helpers/operations-vendors.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const key = Buffer.alloc(32, 7)
const oldKey = Buffer.alloc(24, 9)
const secret = (bytes: Buffer): string => `whsec_${bytes.toString('base64')}`
const fine: VendorAnswer = { status: 200, body: 'thanks' }
let receiver: Vendor
let answer: VendorAnswer = fine
beforeAll(async () => {
  receiver = await startVendor(() => answer)
})
afterAll(() => receiver.close())

async function open(app: TestApp, settings: Record<string, unknown>): Promise<TestProject> {
  const project = await app.project()
  await project.api.do(ConfigureProviders, { providers: [{ key: 'hook', channel: 'WEBHOOK', kind: 'webhook', settings }] })
  await project.api.do(UpsertTemplates, {
    templates: [{ key: 'call', webhook: [{ body: { type: 'order', number: '{{ number }}', text: 'Ä "quoted" {{ number }}' } }] }],
  })
  return project
}
async function send(project: TestProject, externalId: string) {
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template: 'call', contact: { externalId }, data: { number: 7 } }],
    wait: 'SENT',
  })
  const { notification } = await project.api.do(GetNotification, { id: sendMessages.results[0]?.notification?.id ?? '' })
  const [message] = notification?.messages ?? []
  if (message?.__typename !== 'OutboundMessage') throw new Error('There is no such message.')
  return message
}
const reach = async (project: TestProject, contact: string, webhookUrl: string) => {
  await project.api.do(Send, { messages: [{ template: 'call', contact: { externalId: contact }, channels: [] }] })
  await project.api.do(SetCredentials, { contact, provider: 'hook', webhookUrl })
}

/** What a receiver does, by Standard Webhooks: any of the signatures, over the raw body, within five minutes. */
function isGenuine(request: Vendor['requests'][number], bytes: Buffer): boolean {
  const header = (name: string): string => String(request.headers[name])
  if (Math.abs(Date.now() / 1000 - Number(header('webhook-timestamp'))) > 300) return false
  const signed = `${header('webhook-id')}.${header('webhook-timestamp')}.${request.raw.toString('utf8')}`
  const expected = createHmac('sha256', bytes).update(signed).digest()
  return header('webhook-signature')
    .split(' ')
    .some((one) => one.startsWith('v1,') && timingSafeEqual(Buffer.from(one.slice(3), 'base64'), expected))
}

it("go to a contact's own host while the names of others are answered by nobody", async () => {
  // More than there are threads for look-ups by the system.
  const dead = Array.from({ length: 8 }, (_unused, n) => `dead-${n}`)
  const zone: Record<string, ZoneAnswer> = { 'hook.test': { addresses: ['127.0.0.1'] } }
  for (const name of dead) zone[`${name}.test`] = 'silence'
  const dns = await startNameServer(zone)
  const app = await startTestApp({ dnsServers: [dns.address] })
  try {
    const project = await open(app, { secret: secret(key) })
    const { port } = new URL(receiver.url)
    await Promise.all(dead.map((name) => reach(project, name, `http://${name}.test:${port}/in`)))
    await reach(project, 'alive', `http://hook.test:${port}/alive`)
    await project.api.do(Send, {
      messages: dead.map((externalId) => ({ template: 'call', contact: { externalId }, data: { number: 1 } })),
    })
    await until('all are looked up', () => dead.every((name) => dns.asked.includes(`${name}.test`)))
    expect(await send(project, 'alive')).toMatchObject({ status: 'SENT' })
    expect(receiver.requests.at(-1)?.path).toBe('/alive')
  } finally {
    // What is under way is waited for at the end: it need not be long.
    for (const name of dead) zone[`${name}.test`] = { rcode: 3 }
    await app.stop()
    await dns.close()
  }
})

describe('where private hosts are allowed', () => {
  let app: TestApp
  let project: TestProject
  beforeAll(async () => {
    app = await startTestApp()
    project = await open(app, { secret: `${secret(key)} ${secret(oldKey)}`, url: `${receiver.url}/own` })
  })
  afterAll(() => app.stop())

  it('are signed with each secret, over the raw body, for a receiver to verify', async () => {
    await reach(project, 'a', `${receiver.url}/in?k=1`)
    const before = receiver.requests.length
    const message = await send(project, 'a')
    expect(message).toMatchObject({ status: 'SENT', providerMessageId: message.id, address: `${receiver.url}/in?k=…` })
    const request = receiver.requests[before]
    if (request === undefined) throw new Error('Nothing came.')
    expect(request.path).toBe('/in?k=1')
    expect(JSON.parse(request.body)).toEqual({ type: 'order', number: '7', text: 'Ä "quoted" 7' })
    expect(isGenuine(request, key)).toBe(true)
    expect(isGenuine(request, oldKey)).toBe(true)
    expect(isGenuine(request, Buffer.alloc(32, 8))).toBe(false)
    expect(isGenuine({ ...request, raw: Buffer.from(`${request.body} `) }, key)).toBe(false)
  })

  it("go to the provider's own address where the contact has none", async () => {
    const before = receiver.requests.length
    expect(await send(project, 'nobody')).toMatchObject({ status: 'SENT' })
    expect(receiver.requests[before]?.path).toBe('/own')
  })

  it('follow no redirect', async () => {
    const elsewhere = await startVendor(() => fine)
    await reach(project, 'r', `${receiver.url}/moved`)
    const before = receiver.requests.length
    try {
      for (const status of [301, 302, 307, 308]) {
        answer = { status, headers: { location: `${elsewhere.url}/there` } }
        expect(await send(project, 'r')).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_REFUSED' } })
      }
      expect(receiver.requests).toHaveLength(before + 4)
      expect(elsewhere.requests).toEqual([])
    } finally {
      answer = fine
      await elsewhere.close()
    }
  })
})

describe('where private hosts are not allowed', () => {
  let app: TestApp
  let project: TestProject
  beforeAll(async () => {
    app = await startTestApp({ env: { CARILLON_ALLOW_PRIVATE_HOSTS: 'off' } })
    project = await open(app, { secret: secret(key) })
  })
  afterAll(() => app.stop())

  it.each([
    ['an address that is private', 'https://127.0.0.1/in'],
    ['one of a private network', 'https://10.0.0.7/in'],
    ['one where clouds keep credentials', 'https://169.254.169.254/latest'],
    ['the same written as a number', 'https://2130706433/in'],
    ['an IPv6 address of this machine', 'https://[::1]/in'],
    ['an IPv4 address in IPv6', 'https://[::ffff:127.0.0.1]/in'],
    ['a name that is resolved to one when connecting', 'https://localhost/in'],
  ])('are refused for %s, and nothing is connected to', async (name, url) => {
    await reach(project, name, url)
    const message = await send(project, name)
    expect(message).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_REFUSED' }, attempts: [{ ok: false }] })
    expect(message.error?.message).toMatch(/private address/)
  })

  it('are refused without TLS, and at any port but the usual ones, when they are set and, if they were set before, when they are sent to', async () => {
    const before = receiver.requests.length
    const urls = [`${receiver.url}/in`, 'https://example.com:8443/in']
    for (const url of urls) await expect(reach(project, url, url)).rejects.toThrow(/ADDRESS_INVALID/)
    const permissive = await app.another({ CARILLON_ALLOW_PRIVATE_HOSTS: 'on' })
    for (const url of urls) await reach({ ...project, api: permissive.client(`Bearer ${project.apiKey}`) }, url, url)
    await permissive.app.stop()
    for (const url of urls)
      expect(await send(project, url)).toMatchObject({ status: 'FAILED', error: { code: 'ADDRESS_INVALID' } })
    expect(receiver.requests).toHaveLength(before)
  })

  it('go nowhere through any other kind either', async () => {
    const settings = { accountSid: `AC${'0'.repeat(32)}`, authToken: 't', from: '+15005550006', baseUrl: receiver.url }
    await project.api.do(ConfigureProviders, {
      providers: [
        { key: 'text', channel: 'SMS', kind: 'twilio', settings },
        {
          key: 'mail',
          channel: 'EMAIL',
          kind: 'smtp',
          settings: { host: '127.0.0.1', port: Number(new URL(receiver.url).port), from: 'a@example.com' },
        },
      ],
    })
    const before = receiver.requests.length
    for (const [provider, to] of [
      ['text', '+15005550006'],
      ['mail', 'b@example.com'],
    ] as const) {
      const { testProvider } = await project.api.do(TestProvider, { provider, to })
      expect(testProvider).toMatchObject({ ok: false, error: { code: 'PROVIDER_REFUSED' } })
      expect(testProvider.error?.message).toMatch(/private address/)
    }
    expect(receiver.requests).toHaveLength(before)
  })
})
