/**
 * Hosts that contacts' addresses name: push services, webhooks, chat hooks, receiving domains. Fifty that fail and one that works meet at one
 * provider, through the real worker. Sources: Couchers-org/couchers#8211, web-push-libs/web-push#188.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import type { Channel, TemplateInput } from '../../generated/graphql.ts'
import type { JsonObject } from '../../src/words.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { type NameServer, startNameServer } from '../helpers/dns.ts'
import { ConfigureProviders, GetNotification, ListSuppressions, Send, UpsertTemplates } from '../helpers/operations.ts'
import { GetReach, SetCredentials } from '../helpers/operations-vendors.ts'
import { browser, vapidKeys } from '../helpers/push.ts'
import { startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const RecipientHealth = graphql(`
  query RecipientHealth {
    providers { key health { state successRate lastError recipientFailures lastRecipientError } }
  }
`)

const FULL = process.env['TEST_FULL'] === '1'
const DEAD = 50
const clock = createTestClock()
let app: TestApp
const cleanUps: (() => Promise<unknown>)[] = []
/** Knows no name: the one of the machine may be slow to say so. */
let dns: NameServer
beforeAll(async () => {
  dns = await startNameServer({})
  app = await startTestApp({ clock, dnsServers: [dns.address] })
})
afterAll(async () => {
  await app.stop()
  await dns.close()
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** Kinds whose addresses name their own host. */
interface HostCase {
  readonly kind: string
  readonly channel: Exclude<Channel, 'IN_APP'>
  readonly content: Partial<TemplateInput>
  readonly settings: JsonObject
  credentials(url: string): { readonly deviceTokens?: string[]; readonly webhookUrl?: string }
}
const inChat = (kind: string): HostCase => ({
  kind,
  channel: 'CHAT',
  content: { chat: [{ body: 'Hello' }] },
  settings: {},
  credentials: (url) => ({ webhookUrl: `${url}/hook` }),
})
const webPush: HostCase = {
  kind: 'web-push',
  channel: 'WEB_PUSH',
  content: { webPush: [{ title: 'Hi', body: 'Hello' }] },
  settings: { ...vapidKeys(), subject: 'mailto:ops@example.com' },
  credentials: (url) => ({ deviceTokens: [browser(`${url}/send`).address] }),
}
const webhook: HostCase = {
  kind: 'webhook',
  channel: 'WEBHOOK',
  content: { webhook: [{ body: { hello: 'you' } }] },
  settings: { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` },
  credentials: (url) => ({ webhookUrl: `${url}/hook` }),
}
const cases: readonly HostCase[] = [webPush, webhook, ...['slack', 'discord', 'mattermost', 'msteams'].map(inChat)]

async function open({ kind, channel, content, settings }: HostCase, more: JsonObject = {}): Promise<TestProject> {
  const project = await app.project()
  const provider = { key: 'main', channel, kind, settings: { ...settings, ...more } }
  await project.api.do(ConfigureProviders, { providers: [provider] })
  await project.api.do(UpsertTemplates, { templates: [{ key: 'hi', ...content }] })
  // What failed is tried again later: it must not keep name servers busy during the next test.
  cleanUps.push(() => project.api.do(ConfigureProviders, { providers: [{ key: 'main', active: false }] }))
  return project
}
/** How long a name server may take to say that there is no such name, when it is asked for many. */
const NAMES_MS = 60_000

/** Gives contacts their addresses. */
async function reach(project: TestProject, of: HostCase, urls: ReadonlyMap<string, string>, provider = 'main'): Promise<void> {
  const contacts = [...urls.keys()].map((externalId) => ({ template: 'hi', contact: { externalId }, channels: [] }))
  await project.api.do(Send, { messages: contacts })
  const set = [...urls].map(([contact, url]) => project.api.do(SetCredentials, { contact, provider, ...of.credentials(url) }))
  await Promise.all(set)
}

async function send(project: TestProject, contacts: readonly string[]): Promise<string[]> {
  const messages = contacts.map((externalId) => ({ template: 'hi', contact: { externalId } }))
  const { sendMessages } = await project.api.do(Send, { messages })
  return sendMessages.results.map((result) => result.notification?.id ?? '')
}
async function find(project: TestProject, id: string) {
  const { notification } = await project.api.do(GetNotification, { id })
  const [message] = notification?.messages ?? []
  if (message?.__typename !== 'OutboundMessage') throw new Error('There is no such message.')
  return message
}
const sent = (project: TestProject, id: string, withinMs?: number) =>
  until('it is sent', async () => ['SENT', 'DELIVERED'].includes((await find(project, id)).status), withinMs)
const attempted = (project: TestProject, id: string, count = 1, withinMs?: number) =>
  until(
    `it was attempted ${count} times`,
    async () => {
      const message = await find(project, id)
      return message.attempts.length >= count && message.status !== 'SENDING' ? message : null
    },
    withinMs,
  )
async function health(project: TestProject, key = 'main') {
  const { providers } = await project.api.do(RecipientHealth, {})
  const found = providers.find((one) => one.key === key)
  if (found === undefined) throw new Error('There is no such provider.')
  return found.health
}

/** A server on every loopback address, so that each of `127.0.1.N` is a host of its own. */
async function everywhere(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return address.port
}
const answering = (text: string) => (socket: Socket) => socket.once('data', () => socket.end(text))
const unused = 9

/** How a host fails: the URL of the n-th. */
const deaths: Readonly<Record<string, () => Promise<(n: number) => string>>> = {
  'do not resolve': async () => (n) => `http://push-${n}.carillon.test`,
  'can not exist': async () => (n) => `http://push-${n}.invalid`,
  'refuse the connection': async () => (n) => `http://127.0.1.${n}:${unused}`,
  'never answer': async () => {
    const port = await everywhere((socket) => socket.resume())
    return (n) => `http://127.0.1.${n}:${port}`
  },
  'answer 500': async () => {
    const port = await everywhere(answering('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
    return (n) => `http://127.0.1.${n}:${port}`
  },
  'answer 429 with Retry-After': async () => {
    const port = await everywhere(
      answering('HTTP/1.1 429 Slow\r\nRetry-After: 600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
    )
    return (n) => `http://127.0.1.${n}:${port}`
  },
  'answer 403': async () => {
    const port = await everywhere(answering('HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
    return (n) => `http://127.0.1.${n}:${port}`
  },
  'have broken TLS': async () => {
    const port = await everywhere(answering('this is no TLS\r\n'))
    return (n) => `https://127.0.1.${n}:${port}`
  },
}

const taken: VendorAnswer = { status: 201, body: { id: '1' } }
async function live(answer: () => VendorAnswer = () => taken) {
  const vendor = await startVendor(answer)
  cleanUps.push(() => vendor.close())
  return vendor
}

/**
 * Who meets which failure. Kinds share their HTTP client, and chat services nearly all of their code: one kind meets every failure, the others a few.
 * `TEST_FULL=1`: all of them meet all.
 */
const few = ['never answer', 'answer 500']
const shortCases = ['web-push', 'webhook', 'slack']
const table = cases.flatMap((of) =>
  Object.keys(deaths)
    .filter((death) => FULL || of.kind === 'web-push' || (shortCases.includes(of.kind) && few.includes(death)))
    .map((death) => ({ of, kind: of.kind, death })),
)

it.each(table)(
  '$kind sends to a host that works, at once, beside fifty that $death',
  async ({ of, death }) => {
    const urlOf = (await deaths[death]?.()) ?? String
    const vendor = await live()
    const project = await open(of)
    const dead = Array.from({ length: DEAD }, (_, index) => `dead-${index}`)
    await reach(project, of, new Map([...dead.map((name, index) => [name, urlOf(index + 1)] as const), ['good', vendor.url]]))
    await send(project, dead)
    const hangs = death === 'never answer'
    // More failures than open the circuit of a provider.
    if (!hangs) await until('many failed', async () => (await health(project)).recipientFailures >= 25, NAMES_MS)
    const started = performance.now()
    const [id = ''] = await send(project, ['good'])
    await sent(project, id)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(vendor.requests).toHaveLength(1)
    expect(await health(project)).toMatchObject({ state: 'HEALTHY', successRate: 1, lastError: null })
  },
  2 * NAMES_MS,
)

it('e-mail goes out at once to a domain that takes it, beside fifty that do not', async () => {
  const server = await startSmtp()
  cleanUps.push(() => server.close())
  server.script(({ stage, line }) =>
    stage === 'rcpt' && line.includes('@dead-') ? { reply: '451 4.4.1 no answer from the host' } : undefined,
  )
  const project = await app.project()
  const settings = { host: '127.0.0.1', port: server.port, from: 'shop@example.com' }
  await project.api.do(ConfigureProviders, { providers: [{ key: 'main', channel: 'EMAIL', kind: 'smtp', settings }] })
  await project.api.do(UpsertTemplates, { templates: [{ key: 'hi', email: [{ subject: 'Hi', text: 'Hello' }] }] })
  const sendTo = async (emails: readonly string[]) => {
    const messages = emails.map((email) => ({ template: 'hi', contact: { externalId: email, email } }))
    const { sendMessages } = await project.api.do(Send, { messages })
    return sendMessages.results.map((result) => result.notification?.id ?? '')
  }
  const ids = await sendTo(Array.from({ length: DEAD }, (_, index) => `anna@dead-${index}.example.com`))
  await until('many failed', async () => (await health(project)).recipientFailures >= 25, NAMES_MS)
  const started = performance.now()
  const [id = ''] = await sendTo(['anna@good.example.com'])
  await sent(project, id)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(await health(project)).toMatchObject({ state: 'HEALTHY', successRate: 1 })
  expect(await attempted(project, ids[0] ?? '')).toMatchObject({ status: 'QUEUED', error: { code: 'HOST_UNREACHABLE' } })
})

it('a relay that can not be reached is the provider, whose circuit opens', async () => {
  const relay = await live()
  await relay.close()
  const project = await open(webPush, { baseUrl: relay.url })
  const names = Array.from({ length: 25 }, (_, index) => `c-${index}`)
  await reach(project, webPush, new Map(names.map((name, index) => [name, `https://push-${index}.example.com`])))
  await send(project, names)
  await until('the circuit is open', async () => (await health(project)).state === 'OPEN', 30_000)
  // Outcomes are persisted a moment after the circuit has opened.
  await expect.poll(async () => (await health(project)).lastError).toMatch(/could not be reached/)
})

it('the next provider takes a message whose host fails, and the first one stays in use for others', async () => {
  const slack = inChat('slack')
  const vendor = await live()
  const project = await open(slack)
  await project.api.do(ConfigureProviders, {
    providers: [{ key: 'second', channel: 'CHAT', kind: 'mattermost', settings: {}, priority: 1 }],
  })
  const names = Array.from({ length: 15 }, (_, index) => `c-${index}`)
  await reach(project, slack, new Map(names.map((name, index) => [name, `http://127.0.1.${index + 1}:${unused}`])))
  await reach(project, slack, new Map(names.map((name) => [name, vendor.url])), 'second')
  await reach(project, slack, new Map([['good', vendor.url]]))
  for (const id of await send(project, names)) await sent(project, id)
  const [id = ''] = await send(project, ['good'])
  await sent(project, id)
  const { attempts } = await find(project, id)
  expect(attempts.map((one) => one.provider?.key)).toEqual(['main'])
  expect(await health(project)).toMatchObject({ state: 'HEALTHY', recipientFailures: 15 })
})

it('a pause that one host asks for holds back what goes to that host alone', async () => {
  let isBusy = true
  const busy = await live(() => (isBusy ? { status: 429, headers: { 'retry-after': '3' } } : taken))
  const other = await live()
  const project = await open(webPush)
  await reach(
    project,
    webPush,
    new Map([
      ['a', busy.url],
      ['b', busy.url],
      ['c', other.url],
    ]),
  )
  const [first = ''] = await send(project, ['a'])
  await attempted(project, first)
  isBusy = false
  const started = performance.now()
  const [held = '', free = ''] = await send(project, ['b', 'c'])
  await sent(project, free)
  expect(performance.now() - started).toBeLessThan(2_500)
  expect(busy.requests).toHaveLength(1)
  await sent(project, held, 20_000)
  // It was held back, not tried and refused.
  expect((await find(project, held)).attempts).toHaveLength(1)
})

it.each([webPush, webhook, inChat('slack')])(
  '$kind drops an address whose host can not exist, and says so',
  async (of) => {
    const project = await open(of)
    await reach(project, of, new Map([['gone', 'http://push.service.invalid']]))
    const [id = ''] = await send(project, ['gone'])
    const message = await until(
      'it failed',
      async () => {
        const found = await find(project, id)
        return found.status === 'FAILED' ? found : null
      },
      NAMES_MS,
    )
    expect(message.error).toMatchObject({ code: 'HOST_NOT_FOUND' })
    expect(message.attempts).toHaveLength(1)
    expect(message.attempts[0]?.error?.message).toContain('push.service.invalid can not exist: the address was dropped')
    const { contact } = await project.api.do(GetReach, { contact: 'gone' })
    if (of.channel === 'WEB_PUSH') expect(contact?.credentials).toMatchObject([{ deviceTokens: [] }])
    else {
      const { suppressions } = await project.api.do(ListSuppressions, {})
      expect(suppressions.nodes).toMatchObject([{ channel: of.channel, reason: 'HARD_BOUNCE' }])
    }
  },
  2 * NAMES_MS,
)

const hours = (count: number): number => count * 3_600_000
/** How long a host fails before its address is dropped: messages are sent so many hours after each other. */
const ends: readonly [string, (n: number) => string, readonly number[], string][] = [
  ['a name that has not existed for hours', () => 'http://push.carillon.test', [0, 7], 'HOST_NOT_FOUND'],
  ['a host that has failed for days', () => `http://127.0.1.1:${unused}`, [0, 48, 60, 20], 'HOST_UNREACHABLE'],
]
it.each(ends)(
  'drops the device of %s, though no process remembers it, and not before',
  async (_, urlOf, steps, code) => {
    const vendor = await live()
    const project = await open(webPush)
    await reach(
      project,
      webPush,
      new Map([
        ['gone', urlOf(1)],
        ['good', vendor.url],
      ]),
    )
    let latest = ''
    for (const step of steps) {
      clock.advance(hours(step))
      const { contact } = await project.api.do(GetReach, { contact: 'gone' })
      expect(contact?.credentials[0]?.deviceTokens).toHaveLength(1)
      // Another one works, so it is not our own network that fails.
      const [good = ''] = await send(project, ['good'])
      await sent(project, good)
      ;[latest = ''] = await send(project, ['gone'])
      await attempted(project, latest, step === 0 ? 2 : 1, NAMES_MS)
      // What the pool remembers of its hosts ends with the provider's version, as with a process.
      await project.api.do(ConfigureProviders, { providers: [{ key: 'main', ratePerSecond: 1_000 + step }] })
    }
    const message = await find(project, latest)
    expect(message).toMatchObject({ status: 'FAILED', error: { code } })
    expect(message.error?.message).toMatch(/has failed since .*, so the address was dropped/)
    const { contact } = await project.api.do(GetReach, { contact: 'gone' })
    expect(contact?.credentials).toMatchObject([{ deviceTokens: [] }])
  },
  4 * NAMES_MS,
)
