/** Several providers for one channel: which is tried first, which takes over, which is paused, and that none holds up the others. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import { silentLog } from '../../src/log.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, GetNotification, Send, UpsertTemplates } from '../helpers/operations.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { pause, until } from '../helpers/until.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const Health = graphql(`
  query Health { providers { key priority health { state successRate latencyMs lastError checkedAt } } }
`)

let app: TestApp
let project: TestProject
const cleanUps: (() => Promise<unknown>)[] = []
const warnings: { readonly message: string; readonly fields: Record<string, unknown> | undefined }[] = []
beforeAll(async () => {
  app = await startTestApp({ log: { ...silentLog, warn: (message, fields) => warnings.push({ message, fields }) } })
})
afterAll(() => app.stop())
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function sink(): Promise<SmtpSink> {
  const server = await startSmtp()
  cleanUps.push(() => server.close())
  return server
}
const smtp = (key: string, port: number, priority: number, more: object = {}) => ({
  ...{ key, channel: 'EMAIL' as const, kind: 'smtp', priority },
  settings: { host: '127.0.0.1', port, from: 'shop@example.com', tlsVerify: false, ...more },
})
/** A vendor of text messages that answers as the test says, at any time. */
async function texts(answer: () => VendorAnswer | Promise<VendorAnswer>) {
  const vendor = await startVendor(answer)
  cleanUps.push(() => vendor.close())
  return vendor
}
const twilio = (key: string, baseUrl: string, priority: number) => ({
  ...{ key, channel: 'SMS' as const, kind: 'twilio', priority },
  settings: { accountSid: `AC${'a'.repeat(32)}`, authToken: 'token', from: '+15005550006', baseUrl },
})
const taken = { status: 201, body: { sid: `SM${'0'.repeat(32)}`, status: 'queued' } }
const away = { status: 503, body: { code: 20503, message: 'Service unavailable', to: '+14155550101' } }

async function prepare(providers: readonly object[]): Promise<void> {
  project = await app.project()
  await project.api.do(ConfigureProviders, { providers: providers as never })
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'mail', email: [{ subject: 'Number {{ n }}', text: 'Hello' }] },
      { key: 'text', sms: [{ body: 'Number {{ n }}' }] },
    ],
  })
}
async function send(template: string, n: number, wait: 'ACCEPTED' | 'SENT' = 'SENT'): Promise<string> {
  const contact = { externalId: `${template}-${n}`, email: `c${n}@example.com`, phone: `+1415555${String(n).padStart(4, '0')}` }
  const { sendMessages } = await project.api.do(Send, { messages: [{ template, contact, data: { n } }], wait })
  return sendMessages.results[0]?.notification?.id ?? ''
}
async function messageOf(id: string) {
  const { notification } = await project.api.do(GetNotification, { id })
  const message = notification?.messages[0]
  if (message === undefined || message.__typename !== 'OutboundMessage') throw new Error('There is no such message')
  return message
}
const settled = (id: string) =>
  until('the message has an outcome', async () => {
    const message = await messageOf(id)
    return ['SENT', 'FAILED', 'UNKNOWN'].includes(message.status) ? message : null
  })

it('asks the provider with the lowest priority number, and no other', async () => {
  const [first, second] = [await sink(), await sink()]
  await prepare([smtp('second', second.port, 5), smtp('first', first.port, 1)])
  const message = await settled(await send('mail', 1))
  expect(message.provider?.key).toBe('first')
  expect([first.messages.length, second.messages.length]).toEqual([1, 0])
})

it('lets the next provider take over, within one round, when the first is away', async () => {
  const second = await sink()
  await prepare([smtp('gone', 1, 1), smtp('second', second.port, 2)])
  const message = await settled(await send('mail', 1))
  expect(message.status).toBe('SENT')
  expect(message.attempts.map(({ number, ok, provider }) => [number, ok, provider?.key])).toEqual([
    [1, false, 'gone'],
    [2, true, 'second'],
  ])
  expect(message.history.map(({ status, detail }) => [status, detail])).toEqual([
    ['QUEUED', null],
    ['SENDING', 'gone'],
    ['SENDING', 'second'],
    ['SENT', null],
  ])
  expect(second.messages).toHaveLength(1)
})

it('lets the next provider take over when the first refuses for its own reasons, and not when it refuses the message', async () => {
  const [first, second] = [await sink(), await sink()]
  await prepare([smtp('first', first.port, 1), smtp('second', second.port, 2)])
  first.script(({ stage }) => (stage === 'rcpt' ? { reply: '550 5.1.1 No such user' } : undefined))
  const refused = await settled(await send('mail', 1))
  expect([refused.status, refused.attempts.length, second.messages.length]).toEqual(['FAILED', 1, 0])
  first.script(({ stage }) => (stage === 'mail' ? { reply: '530 5.7.0 Authentication required' } : undefined))
  const handed = await settled(await send('mail', 2))
  expect([handed.status, handed.provider?.key, second.messages.length]).toEqual(['SENT', 'second', 1])
})

it('never asks a second provider after an outcome that nobody knows', async () => {
  const first = await texts(() => 'reset')
  const second = await texts(() => taken)
  await prepare([twilio('first', first.url, 1), twilio('second', second.url, 2)])
  const message = await settled(await send('text', 1))
  expect(message.status).toBe('UNKNOWN')
  expect(message.provider?.key).toBe('first')
  expect([first.requests.length, second.requests.length]).toEqual([1, 0])
})

it('sends again through the same provider alone, where a message may have arrived that the receiver folds', async () => {
  const [first, second] = [await sink(), await sink()]
  await prepare([smtp('first', first.port, 1), smtp('second', second.port, 2)])
  let resets = 0
  // The mail has arrived and the answer is lost.
  first.script(({ stage }) => (stage === 'dot' && resets++ === 0 ? 'reset' : undefined))
  const message = await settled(await send('mail', 1))
  expect(message.status).toBe('SENT')
  expect(new Set(message.attempts.map((one) => one.provider?.key))).toEqual(new Set(['first']))
  expect(second.messages).toHaveLength(0)
  expect(new Set(first.messages.map((mail) => mail.messageId)).size).toBe(1)
})

it('F24: pauses a failing provider, shows it, and resumes it after probes', async () => {
  let isAway = true
  const first = await texts(() => (isAway ? away : taken))
  const second = await texts(() => taken)
  await prepare([twilio('first', first.url, 1), twilio('second', second.url, 2)])
  const ids = await Promise.all(Array.from({ length: 40 }, (_unused, n) => send('text', n, 'ACCEPTED')))
  for (const id of ids) expect((await settled(id)).status).toBe('SENT')
  // All got through by the second; the first was tried until its circuit opened, not for every message.
  expect(second.requests.length).toBe(40)
  const health = async (key: string) =>
    (await project.api.do(Health, {})).providers.find((one) => one.key === key)?.health ?? { state: null, lastError: null }
  await until('the circuit is open', async () => (await health('first')).state === 'OPEN')
  expect((await health('first')).lastError).toContain('503')
  const paused = warnings.find(
    ({ message, fields }) => message === 'A provider fails and is paused' && fields?.['provider'] === 'first',
  )
  expect(paused?.fields).toMatchObject({ code: 'PROVIDER_UNREACHABLE', reason: expect.stringContaining('Service unavailable') })
  expect(JSON.stringify(paused?.fields)).not.toContain('4155550101')
  expect((await health('second')).state).toBe('HEALTHY')
  const asked = first.requests.length
  const more = await Promise.all(Array.from({ length: 20 }, (_unused, n) => send('text', 100 + n, 'ACCEPTED')))
  for (const id of more) expect((await settled(id)).status).toBe('SENT')
  // Probes only, one at a time.
  expect(first.requests.length - asked).toBeLessThan(10)
  isAway = false
  let n = 200
  await until(
    'the first is used again',
    async () => (await settled(await send('text', n++, 'ACCEPTED'))).provider?.key === 'first',
    20_000,
  )
  await until('the circuit is closed', async () => (await health('first')).state !== 'OPEN')
})

it('keeps messages in the queue while the only provider fails, and sends them all when it works again', async () => {
  let isAway = true
  const vendor = await texts(() => (isAway ? away : taken))
  await prepare([twilio('only', vendor.url, 1)])
  const ids = await Promise.all(Array.from({ length: 30 }, (_unused, n) => send('text', n, 'ACCEPTED')))
  await until('it is paused', async () => (await project.api.do(Health, {})).providers[0]?.health.state === 'OPEN')
  isAway = false
  for (const id of ids)
    expect(
      (await until('it is sent', async () => ((await messageOf(id)).status === 'SENT' ? messageOf(id) : null), 40_000)).status,
    ).toBe('SENT')
  const bodies = vendor.requests.map((request) => new URLSearchParams(request.body).get('Body'))
  expect(new Set(bodies).size).toBe(30)
})

it('F23: a provider that takes ten seconds a message does not delay other channels', async () => {
  const slow = await texts(async () => {
    await pause(10_000)
    return taken
  })
  const quick = await sink()
  await prepare([twilio('slow', slow.url, 1), smtp('quick', quick.port, 1)])
  // Far more than a worker has in flight at once.
  for (let from = 0; from < 3_000; from += 100) {
    await project.api.do(Send, {
      messages: Array.from({ length: 100 }, (_unused, n) => ({
        ...{ template: 'text', data: { n: from + n } },
        contact: { externalId: `slow-${from + n}`, phone: `+1415${String(5_550_000 + from + n)}` },
      })),
    })
  }
  await until('the slow one is busy', () => slow.requests.length > 0)
  await Promise.all(Array.from({ length: 100 }, (_unused, n) => send('mail', n, 'ACCEPTED')))
  await quick.waitFor(100, 20_000)
  // Behind the texts they would have come after ten minutes: all but those that were under way still wait.
  expect(slow.requests.length).toBeLessThan(500)
})

it('keeps to a provider’s rate', async () => {
  const arrived: number[] = []
  const vendor = await texts(() => {
    arrived.push(performance.now())
    return taken
  })
  await prepare([{ ...twilio('slow', vendor.url, 1), ratePerSecond: 20 }])
  const ids = await Promise.all(Array.from({ length: 40 }, (_unused, n) => send('text', n, 'ACCEPTED')))
  for (const id of ids) await settled(id)
  // The first ones wait for a connection, and may come late; timers may be late as well, never early. 34 steps of 50 ms are left.
  const seconds = ((arrived.at(-1) ?? 0) - (arrived[5] ?? 0)) / 1_000
  expect(seconds).toBeGreaterThan(1.6)
})
