import { createDecipheriv, createECDH, createPublicKey, hkdfSync } from 'node:crypto'
import { jwtVerify } from 'jose'
import { afterEach, expect, it } from 'vitest'
import { openProvider } from '../../src/channels/registry.ts'
import { createWebPush, fitWebPush, topicOf, webPush } from '../../src/channels/web-push.ts'
import { encrypt } from '../../src/channels/web-push-crypto.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { push as anyPush, browser, vapidKeys } from '../helpers/push.ts'
import { startVendor, type VendorAnswer, type VendorRequest } from '../helpers/vendor-http.ts'

const vapid = vapidKeys()
const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const push = (changes: Parameters<typeof anyPush>[0] = {}) => anyPush({ channel: 'WEB_PUSH', ...changes })
const taken: VendorAnswer = { status: 201, headers: { location: 'https://push.example/message/1' } }

/** A push service, a browser that subscribed there, and a provider. */
async function start(answer: (request: VendorRequest, index: number) => VendorAnswer, settings: object = {}) {
  const vendor = await startVendor(answer)
  cleanUps.push(() => vendor.close())
  const clock = { now: Date.parse('2026-01-02T03:04:05Z') }
  const parsed = webPush.settings.parse({ ...vapid, subject: 'mailto:ops@example.org', ...settings })
  const provider = createWebPush(parsed, { allowPrivateHosts: true }, () => clock.now)
  cleanUps.push(() => provider.close())
  return { vendor, clock, provider, subscriber: browser(`${vendor.url}/send/abc?x=1`) }
}

/** What a browser does with what it is sent (RFC 8291), written from the browser's side. */
function decrypt(body: Buffer, { pair, auth }: Pick<ReturnType<typeof browser>, 'pair' | 'auth'>): string {
  const salt = body.subarray(0, 16)
  const senderKey = body.subarray(21, 86)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), senderKey])
  const input = new Uint8Array(hkdfSync('sha256', pair.computeSecret(senderKey), auth, info, 32))
  const key = new Uint8Array(hkdfSync('sha256', input, salt, 'Content-Encoding: aes128gcm\0', 16))
  const nonce = new Uint8Array(hkdfSync('sha256', input, salt, 'Content-Encoding: nonce\0', 12))
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAuthTag(body.subarray(-16))
  const padded = Buffer.concat([decipher.update(body.subarray(86, -16)), decipher.final()])
  expect([body.readUInt32BE(16), body[20], padded.at(-1)]).toEqual([4_096, 65, 2])
  return padded.subarray(0, -1).toString('utf8')
}

it('encrypts as the example of RFC 8291 does', () => {
  const own = createECDH('prime256v1')
  own.setPrivateKey(Buffer.from('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw', 'base64url'))
  const keys = {
    p256dh: Buffer.from('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4', 'base64url'),
    auth: Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url'),
  }
  const salt = Buffer.from('DGv6ra1nlYgDCS1FRnbzlw', 'base64url')
  const body = encrypt(Buffer.from('When I grow up, I want to be a watermelon'), keys, own, salt)
  expect(body.toString('base64url')).toBe(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
})

it('sends what only the browser can read, and says who sends it', async () => {
  const { vendor, clock, provider, subscriber } = await start(() => taken)
  const message = push({
    address: subscriber.address,
    imageUrl: 'https://img.example/1.png',
    url: 'https://app.example/orders/7',
    data: { order: 7 },
  })
  const receipt = await provider.send(message, never())
  expect(receipt).toEqual({ providerMessageId: 'https://push.example/message/1', response: '201' })
  const [request] = vendor.requests
  expect(request).toMatchObject({ method: 'POST', path: '/send/abc?x=1' })
  const { authorization = '', ...headers } = request?.headers ?? {}
  expect(headers).toEqual({
    host: new URL(vendor.url).host,
    connection: 'keep-alive',
    'content-length': String(request?.raw.length),
    'content-type': 'application/octet-stream',
    'content-encoding': 'aes128gcm',
    ttl: '86400',
    urgency: 'normal',
    topic: topicOf(message.messageId),
  })
  expect(headers['topic']).toMatch(/^[A-Za-z0-9_-]{32}$/)
  expect(JSON.parse(decrypt(request?.raw ?? Buffer.of(), subscriber))).toEqual({
    messageId: message.messageId,
    title: 'Hello',
    body: 'Hello Anna',
    imageUrl: 'https://img.example/1.png',
    url: 'https://app.example/orders/7',
    data: { order: 7 },
  })
  const [, jwt = '', key] = /^vapid t=([^,]+), k=(.+)$/.exec(authorization) ?? []
  expect(key).toBe(vapid.publicKey)
  const point = Buffer.from(vapid.publicKey, 'base64url')
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } })
  const { payload, protectedHeader } = await jwtVerify(jwt, publicKey, { currentDate: new Date(clock.now) })
  expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'ES256' })
  expect(payload).toEqual({ aud: vendor.url, exp: clock.now / 1000 + 12 * 3600, sub: 'mailto:ops@example.org' })
})

it('signs once for an origin, again before that runs out, and encrypts each message with keys of its own', async () => {
  const { vendor, clock, provider, subscriber } = await start(() => taken)
  await Promise.all(Array.from({ length: 20 }, () => provider.send(push({ address: subscriber.address }), never())))
  expect(new Set(vendor.requests.map(({ headers }) => headers.authorization)).size).toBe(1)
  expect(new Set(vendor.requests.map(({ raw }) => raw.subarray(0, 86).toString('hex'))).size).toBe(20)
  expect(new Set(vendor.requests.map(({ headers }) => headers['topic'])).size).toBe(1)
  clock.now += 11 * 3_600_000
  await provider.send(push({ address: subscriber.address }), never())
  expect(new Set(vendor.requests.map(({ headers }) => headers.authorization)).size).toBe(2)
})

it('takes time to live and urgency for one message, and refuses what else the caller adds', async () => {
  const { vendor, provider, subscriber } = await start(() => taken, { ttlSeconds: 60, urgency: 'low' })
  await provider.send(push({ address: subscriber.address }), never())
  await provider.send(push({ address: subscriber.address, extra: { ttlSeconds: 0, urgency: 'high' } }), never())
  expect(vendor.requests.map(({ headers }) => [headers['ttl'], headers['urgency']])).toEqual([
    ['60', 'low'],
    ['0', 'high'],
  ])
  const error = provider.send(push({ address: subscriber.address, extra: { topic: 'x' } }), never())
  await expect(error).rejects.toMatchObject({
    outcome: 'refused',
    code: 'BAD_INPUT',
    message: expect.stringMatching(/^extra\.topic: /),
  })
  expect(vendor.requests).toHaveLength(2)
})

it('goes through a relay when it is set to one, and still speaks to the push service', async () => {
  const relay = await startVendor(() => ({ status: 404 }))
  cleanUps.push(() => relay.close())
  const { vendor, provider, subscriber } = await start(() => taken, { baseUrl: `${relay.url}/relay/` })
  const error = await provider.send(push({ address: subscriber.address }), never()).catch((caught: unknown) => caught)
  // A relay that doesn't know its way says nothing of the browser.
  expect(error).toMatchObject({ outcome: 'refused', addressDead: false })
  expect([vendor.requests.length, relay.requests[0]?.path]).toEqual([0, '/relay/send/abc?x=1'])
  const claims = relay.requests[0]?.headers.authorization?.split('.')[1] ?? ''
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ aud: vendor.url })
})

const outcomes: [string, VendorAnswer, object][] = [
  ['a subscription that ended', { status: 410 }, { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true }],
  ['a subscription that is not there', { status: 404 }, { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true }],
  [
    'a wrong request',
    { status: 400, body: 'bad' },
    { outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false, about: 'address', response: 'bad' },
  ],
  ['a missing identification', { status: 401 }, { outcome: 'refused', about: 'host', addressDead: false }],
  ['a key that the subscription is not for', { status: 403 }, { outcome: 'refused', about: 'host', addressDead: false }],
  ['a message that is too large', { status: 413 }, { outcome: 'refused', code: 'TOO_LARGE' }],
  [
    'too many messages',
    { status: 429, headers: { 'retry-after': '11' } },
    { outcome: 'retryable', code: 'RATE_LIMITED', about: 'host', retryAfterMs: 11_000 },
  ],
  ['an overload', { status: 503, headers: { 'retry-after': '999999999' } }, { outcome: 'retryable', retryAfterMs: 86_400_000 }],
  ['a failure inside', { status: 500 }, { outcome: 'retryable', code: 'HOST_UNREACHABLE', about: 'host' }],
  ['a gateway without an answer', { status: 504 }, { outcome: 'unknown', about: 'host' }],
  ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, { outcome: 'refused' }],
  ['a lost connection', 'reset', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
  ['a huge refusal', { status: 400, body: 'x'.repeat(1_000_000) }, { outcome: 'refused', response: 'x'.repeat(1_000) }],
]
it.each(outcomes)('sorts %s', async (_, answer, expected) => {
  const { vendor, provider, subscriber } = await start(() => answer)
  await expect(provider.send(push({ address: subscriber.address }), never())).rejects.toMatchObject(expected)
  expect(vendor.requests).toHaveLength(1)
})

it('does not know what became of a message when no answer comes in time', async () => {
  const asked = Promise.withResolvers<void>()
  const { provider, subscriber } = await start(() => {
    asked.resolve()
    return 'hang'
  })
  const stop = new AbortController()
  const sending = provider.send(push({ address: subscriber.address }), stop.signal)
  await asked.promise
  stop.abort()
  await expect(sending).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
})

it('refuses an address that is no subscription, before any request', async () => {
  const { vendor, provider } = await start(() => taken)
  const { pair, auth } = browser(vendor.url)
  const p256dh = pair.getPublicKey('base64url')
  const subscription = (endpoint: string, keys: object) => JSON.stringify({ endpoint, keys })
  const good = { p256dh, auth: auth.toString('base64url') }
  const addresses = [
    '',
    'null',
    'a1'.repeat(32),
    'x'.repeat(10_001),
    subscription('file:///etc/passwd', good),
    subscription('http://u:p@127.0.0.1/', good),
    subscription('not an address', good),
    subscription(vendor.url, {}),
    subscription(vendor.url, { ...good, auth: 'AAAA' }),
    subscription(vendor.url, { ...good, p256dh: Buffer.alloc(65, 4).toString('base64url') }),
    subscription(vendor.url, { ...good, p256dh: p256dh.slice(0, 40) }),
  ]
  for (const address of addresses) {
    const error = provider.send(push({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
  }
  expect(vendor.requests).toEqual([])
})

it('reaches no private address unless it may, and speaks only https then', async () => {
  const { vendor } = await start(() => taken)
  const settings = { ...vapid, subject: 'mailto:ops@example.org' }
  const provider = openProvider('web-push', settings, { allowPrivateHosts: false })
  cleanUps.push(() => provider.close())
  for (const endpoint of [
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://localhost/x',
    'https://0x7f.1/x',
    `${vendor.url}/x`,
  ]) {
    const error = provider.send(push({ address: browser(endpoint).address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', addressDead: false })
  }
  expect(vendor.requests).toEqual([])
})

it('cuts a push to what an encrypted record of 4,096 bytes holds', async () => {
  const { vendor, provider, subscriber } = await start(() => taken)
  await provider.send(push({ address: subscriber.address, body: 'ä'.repeat(10_000) }), never())
  const raw = vendor.requests[0]?.raw ?? Buffer.of()
  expect(raw.length).toBeLessThanOrEqual(4_096)
  expect(raw.length).toBeGreaterThan(4_093)
  expect(JSON.parse(decrypt(raw, subscriber)).body).toMatch(/^ä+…$/)
  expect(fitWebPush(push())).toEqual({ message: push(), truncated: false })
  expect(fitWebPush(push({ body: 'x'.repeat(4_000) })).truncated).toBe(true)
  expect(() => fitWebPush(push({ data: { big: 'x'.repeat(4_000) } }))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
})

const other = vapidKeys()
const wrongSettings: [string, object, string][] = [
  ['keys that do not belong together', { privateKey: other.privateKey }, 'settings.privateKey'],
  ['a public key that is cut', { publicKey: vapid.publicKey.slice(0, 40) }, 'settings.publicKey'],
  ['a subject that nobody reads', { subject: 'ops' }, 'settings.subject'],
  ['a time to live beyond four weeks', { ttlSeconds: 2_419_201 }, 'settings.ttlSeconds'],
]
it.each(wrongSettings)('refuses settings with %s', (_, changes, field) => {
  const settings = { ...vapid, subject: 'mailto:ops@example.org', ...changes }
  expect(() => openProvider('web-push', settings, { allowPrivateHosts: true })).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
  )
})

describeProvider('web-push', () => startContractVendor(() => taken, { ...vapid, subject: 'mailto:a@b.example' }))
