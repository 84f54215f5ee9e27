import { afterEach, describe, expect, it } from 'vitest'
import { createCapture, isCapture } from '../../src/channels/capture.ts'
import { type Provider, ProviderError, type Rendered } from '../../src/channels/provider.ts'
import { hideSecrets, type KindName, kindOf, kinds, openProvider, parseSettings } from '../../src/channels/registry.ts'
import { channels, type JsonObject } from '../../src/domain/words.ts'
import { CarillonError } from '../../src/errors.ts'
import { startApns } from '../helpers/apns-server.ts'
import { email } from '../helpers/email.ts'
import { call, chat } from '../helpers/hooks.ts'
import { alimtalk, friendtalk, kakaoTaken, smsTaken, solapiTaken } from '../helpers/korea.ts'
import { browser, keyPair, push, serviceAccount, vapidKeys } from '../helpers/push.ts'
import { startSmtp } from '../helpers/smtp.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** What the suite needs to know of each kind: settings that reach a vendor of its own, and how many messages that vendor has. */
interface Bench {
  readonly settings: JsonObject
  readonly received: () => number
  /** the vendor gives no id of its own */
  readonly givesNoId?: boolean
}
const rsa = keyPair('rsa')
const ec = keyPair('ec')
const benches = {
  capture: async () => ({ settings: { delayMs: 1 }, received: () => 0 }),
  smtp: async () => {
    const server = await startSmtp()
    cleanUps.push(() => server.close())
    return { settings: { host: '127.0.0.1', port: server.port, from: 'a@example.org' }, received: () => server.messages.length }
  },
  fcm: async () => {
    const server = await startVendor(({ path }) =>
      path === '/token'
        ? { status: 200, body: { access_token: 't', expires_in: 3599, token_type: 'Bearer' } }
        : { status: 200, body: { name: 'projects/demo-1/messages/1' } },
    )
    cleanUps.push(() => server.close())
    const settings = { baseUrl: server.url, serviceAccount: serviceAccount(server.url, rsa.pem) }
    return { settings, received: () => server.requests.length }
  },
  apns: async () => {
    const server = await startApns(() => ({ status: 200, headers: { 'apns-id': crypto.randomUUID() } }))
    cleanUps.push(() => server.close())
    const settings = { teamId: 'TEAM123456', keyId: 'KEY1234567', privateKey: ec.pem, topic: 'example.app', baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  'web-push': async () => {
    const server = await startVendor(() => ({ status: 201, headers: { location: '/message/1' } }))
    cleanUps.push(() => server.close())
    const settings = { ...vapidKeys(), subject: 'mailto:a@b.example', baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  'nhn-sms': async () => {
    const server = await startVendor(() => ({ status: 200, body: smsTaken() }))
    cleanUps.push(() => server.close())
    const settings = { appKey: 'app-1', secretKey: 'secret-1', from: '15446859', countries: ['1'], baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  'nhn-kakao': async () => {
    const server = await startVendor(() => ({ status: 200, body: kakaoTaken() }))
    cleanUps.push(() => server.close())
    const settings = { appKey: 'app-1', secretKey: 'secret-1', senderKey: 'a'.repeat(40), baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  solapi: async () => {
    const server = await startVendor(() => ({ status: 200, body: solapiTaken() }))
    cleanUps.push(() => server.close())
    const from = '01000000000'
    const settings = { apiKey: 'NCSKEY', apiSecret: 'SECRET', from, pfId: 'KA01PF1', countries: ['1', 'KR'], baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  twilio: async () => {
    const server = await startVendor(() => ({ status: 201, body: { sid: `SM${'0'.repeat(32)}`, status: 'queued' } }))
    cleanUps.push(() => server.close())
    const settings = { accountSid: `AC${'a'.repeat(32)}`, authToken: 'token', from: '+15005550006', baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  webhook: async () => {
    const server = await startVendor(() => ({ status: 204 }))
    cleanUps.push(() => server.close())
    const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
    const settings = { secret, headers: { 'x-team': 'orders' }, baseUrl: server.url }
    return { settings, received: () => server.requests.length }
  },
  slack: () => chatBench({ status: 200, body: 'ok' }),
  discord: async () => ({ ...(await chatBench({ status: 200, body: { id: '1' } })), givesNoId: false }),
  mattermost: () => chatBench({ status: 200, body: 'ok' }),
  msteams: () => chatBench({ status: 202 }),
} satisfies Record<KindName, () => Promise<Bench>>

async function chatBench(answer: VendorAnswer): Promise<Bench> {
  const server = await startVendor(() => answer)
  cleanUps.push(() => server.close())
  return { settings: { baseUrl: server.url }, received: () => server.requests.length, givesNoId: true }
}

const suites: [KindName, () => Promise<Bench>][] = [
  ['capture', benches.capture],
  ['smtp', benches.smtp],
  ['fcm', benches.fcm],
  ['apns', benches.apns],
  ['web-push', benches['web-push']],
  ['nhn-sms', benches['nhn-sms']],
  ['nhn-kakao', benches['nhn-kakao']],
  ['solapi', benches.solapi],
  ['twilio', benches.twilio],
  ['webhook', benches.webhook],
  ['slack', benches.slack],
  ['discord', benches.discord],
  ['mattermost', benches.mattermost],
  ['msteams', benches.msteams],
]
const sms: Rendered = {
  channel: 'SMS',
  messageId: '0199c1de-0000-7000-8000-000000000002',
  address: '+15005550006',
  type: 'SMS',
  title: null,
  body: 'Hello',
  createdAt: new Date(),
}
const webPush = push({ channel: 'WEB_PUSH', address: browser('https://push.example/send/1').address })
/** A message for each channel that a kind may carry. */
const messages: readonly Rendered[] = [email(), sms, push(), webPush, alimtalk(), friendtalk(), chat(), call()]
const never = () => new AbortController().signal

function open(kind: KindName, settings: JsonObject): Provider {
  const provider = openProvider(kind, settings, { allowPrivateHosts: true })
  cleanUps.push(() => provider.close())
  return provider
}

it('has a bench for every kind', () => expect(suites.map(([kind]) => kind)).toEqual(Object.keys(kinds)))

describe.each(suites)('the kind %s', (kind, bench) => {
  const examples = () => messages.filter(({ channel }) => kindOf(kind).channels.includes(channel))

  it('sends, and gives a receipt', async () => {
    const { settings, givesNoId = false } = await bench()
    const provider = open(kind, settings)
    expect(provider.kind).toBe(kind)
    expect(provider.limits.concurrency).toBeGreaterThan(0)
    for (const message of examples()) {
      const receipt = await provider.send(message, never())
      expect(receipt.providerMessageId).toEqual(givesNoId ? null : expect.any(String))
      expect(receipt.response?.length).toBeLessThanOrEqual(1_000)
    }
  })

  it('sends as many at once as its limit says', async () => {
    const { settings } = await bench()
    const provider = open(kind, settings)
    const [message = email()] = examples()
    const sends = Array.from({ length: provider.limits.concurrency }, () => provider.send(message, never()))
    expect((await Promise.allSettled(sends)).every(({ status }) => status === 'fulfilled')).toBe(true)
  })

  it('sends nothing when it is already stopped, and says that it may be tried again', async () => {
    const { settings, received } = await bench()
    const provider = open(kind, settings)
    for (const message of examples()) {
      const error = await provider.send(message, AbortSignal.abort()).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(ProviderError)
      expect(error).toMatchObject({ outcome: 'retryable', retryable: true })
    }
    expect(received()).toBe(0)
  })

  it('refuses a channel that it does not carry', async () => {
    const { settings } = await bench()
    const provider = open(kind, settings)
    for (const message of messages.filter(({ channel }) => !kindOf(kind).channels.includes(channel))) {
      await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'refused', code: 'CHANNEL_UNSUPPORTED' })
    }
    for (const channel of channels.filter((name) => !kindOf(kind).channels.includes(name))) {
      expect(() => parseSettings(kind, channel, settings)).toThrow(expect.objectContaining({ code: 'CHANNEL_UNSUPPORTED' }))
    }
  })

  it('closes, also twice, also unused', async () => {
    const { settings } = await bench()
    const used = open(kind, settings)
    const [message = email()] = examples()
    await used.send(message, never())
    await used.close()
    await used.close()
    await open(kind, settings).close()
  })

  it('takes its settings and nothing else', async () => {
    const { settings } = await bench()
    for (const channel of kindOf(kind).channels.filter((name) => channels.some((known) => known === name))) {
      const known = channels.find((name) => name === channel)
      if (known !== undefined) expect(parseSettings(kind, known, settings)).toEqual(settings)
    }
    expect(() => openProvider(kind, { ...settings, extra: 1 }, { allowPrivateHosts: true })).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field: 'settings.extra' }) }),
    )
  })

  it('hides its secrets and nothing else', async () => {
    const { settings } = await bench()
    const secrets = Object.fromEntries(kindOf(kind).secrets.map((name) => [name, 'top-secret']))
    const shown = hideSecrets(kind, { ...settings, ...secrets })
    expect(JSON.stringify(shown)).not.toContain('top-secret')
    expect(shown).toEqual({ ...settings, ...Object.fromEntries(Object.keys(secrets).map((name) => [name, 'set'])) })
    const open = Object.fromEntries(Object.entries(settings).filter(([name]) => !kindOf(kind).secrets.includes(name)))
    expect(hideSecrets(kind, open)).toEqual(open)
  })
})

describe('settings', () => {
  const wrong: [string, JsonObject, string][] = [
    ['no host', { from: 'a@b.example' }, 'settings.host'],
    ['no sender', { host: 'mail.example' }, 'settings.from'],
    ['a sender of two addresses', { host: 'mail.example', from: 'a@b.example, c@d.example' }, 'settings.from'],
    ['a port out of range', { host: 'mail.example', from: 'a@b.example', port: 70_000 }, 'settings.port'],
    ['a port as text', { host: 'mail.example', from: 'a@b.example', port: '25' }, 'settings.port'],
    ['a host with a line break', { host: 'mail.example\r\nx', from: 'a@b.example' }, 'settings.host'],
    ['a user without password', { host: 'mail.example', from: 'a@b.example', user: 'u' }, 'settings.password'],
    ['a misspelt setting', { host: 'mail.example', from: 'a@b.example', requireTLS: true }, 'settings.requireTLS'],
  ]
  it.each(wrong)('of smtp with %s are refused, naming the field', (_, settings, field) => {
    expect(() => parseSettings('smtp', 'EMAIL', settings)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
    )
  })

  it('of an unknown kind are refused, naming the kinds', () => {
    for (const name of ['pigeon', 'toString', '__proto__']) {
      expect(() => kindOf(name)).toThrow(CarillonError)
      expect(() => kindOf(name)).toThrow(/it is one of capture, smtp/)
    }
  })
})

describe('capture', () => {
  it('keeps the last 1,000, oldest first', async () => {
    const provider = createCapture({ delayMs: 0 }, { allowPrivateHosts: false })
    for (let at = 0; at < 1_005; at++) await provider.send(email({ messageId: `m${at}` }), never())
    const kept = provider.kept().map(({ message }) => message.messageId)
    expect(kept).toHaveLength(1_000)
    expect([kept[0], kept[999]]).toEqual(['m5', 'm1004'])
    expect(isCapture(provider)).toBe(true)
  })

  it('keeps nothing of a send that was stopped while it was delayed', async () => {
    const provider = createCapture({ delayMs: 60_000 }, { allowPrivateHosts: false })
    const stop = new AbortController()
    const sending = provider.send(email(), stop.signal)
    stop.abort()
    await expect(sending).rejects.toMatchObject({ outcome: 'retryable' })
    expect(provider.kept()).toEqual([])
  })
})
