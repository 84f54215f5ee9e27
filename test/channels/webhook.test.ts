import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { ProviderError } from '../../src/channels/provider.ts'
import { openProvider } from '../../src/channels/registry.ts'
import { createWebhook, signaturesOf, webhook } from '../../src/channels/webhook.ts'
import type { JsonObject } from '../../src/words.ts'
import { call } from '../helpers/hooks.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const keys = [Buffer.alloc(24, 1), Buffer.alloc(64, 2)]
const secretOf = (key: Uint8Array) => `whsec_${Buffer.from(key).toString('base64')}`
const secret = keys.map(secretOf).join(' ')
const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal

/** A receiver with the given answer, and a provider whose own URL it is. */
async function start(answer: VendorAnswer = { status: 204 }, changes: JsonObject = {}, allowPrivateHosts = true) {
  const vendor = await startVendor(() => answer)
  const clock = { now: Date.parse('2026-01-02T03:04:05.678Z') }
  const settings = webhook.settings.parse({ secret, url: `${vendor.url}/own`, ...changes })
  const provider = createWebhook(settings, { allowPrivateHosts }, () => clock.now)
  cleanUps.push(async () => {
    await vendor.close()
    await provider.close()
  })
  return { vendor, provider, clock }
}

describe('a call', () => {
  it('goes out signed by every secret', async () => {
    const { vendor, provider } = await start({ status: 200, body: 'thanks' })
    const receipt = await provider.send(call({ address: `${vendor.url}/in?a=%2Fb#part` }), never())
    expect(receipt).toEqual({ providerMessageId: call().messageId, response: '200 thanks' })
    const [request] = vendor.requests
    const body = '{"order":7,"name":"Änna"}'
    expect(request).toMatchObject({ method: 'POST', path: '/in?a=%2Fb', body })
    const signed = `${call().messageId}.1767323045.${body}`
    expect(request?.headers).toEqual({
      connection: 'keep-alive',
      'content-length': String(Buffer.byteLength(body)),
      'content-type': 'application/json',
      host: vendor.url.slice('http://'.length),
      'user-agent': 'Carillon',
      'webhook-id': call().messageId,
      'webhook-signature': keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`).join(' '),
      'webhook-timestamp': '1767323045',
    })
  })

  it('is signed as in the example of Standard Webhooks', () => {
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    expect(signaturesOf([key], 'msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })

  it('keeps its id when it goes out again, with a new time', async () => {
    const { vendor, provider, clock } = await start()
    await provider.send(call({ address: '' }), never())
    clock.now += 60_000
    await provider.send(call({ address: '' }), never())
    expect(vendor.requests.map(({ headers }) => headers['webhook-id'])).toEqual([call().messageId, call().messageId])
    expect(vendor.requests.map(({ headers }) => headers['webhook-timestamp'])).toEqual(['1767323045', '1767323105'])
    expect(new Set(vendor.requests.map(({ headers }) => headers['webhook-signature'])).size).toBe(2)
    expect(provider.limits.foldsRepeats).toBe(true)
  })

  it('carries the headers of its settings', async () => {
    const headers = { 'X-Team': 'orders', 'User-Agent': 'Shop/1' }
    const { vendor, provider } = await start({ status: 204 }, { headers, authorization: 'Bearer top' })
    await provider.send(call({ address: '', body: null }), never())
    expect(vendor.requests[0]).toMatchObject({ path: '/own', body: 'null' })
    expect(vendor.requests[0]?.headers).toMatchObject({ 'x-team': 'orders', 'user-agent': 'Shop/1', authorization: 'Bearer top' })
  })

  it('carries nothing but the signature to an address of a contact', async () => {
    const settings = { headers: { 'X-Api-Key': 'top' }, authorization: 'Bearer top' }
    const { vendor, provider } = await start({ status: 204 }, settings)
    await provider.send(call({ address: `${vendor.url}/in` }), never())
    const headers = vendor.requests[0]?.headers
    expect(JSON.stringify(headers)).not.toContain('top')
    expect(headers).toMatchObject({ 'user-agent': 'Carillon', 'webhook-signature': expect.stringMatching(/^v1,/) })
    expect(headers).not.toHaveProperty('authorization')
    expect(headers).not.toHaveProperty('x-api-key')
  })

  it('goes by the relay, where there is one', async () => {
    const { vendor } = await start()
    const { provider } = await start({ status: 204 }, { baseUrl: `${vendor.url}/relay/` })
    await provider.send(call({ address: 'https://receiver.example/in?x=1' }), never())
    expect(vendor.requests[0]?.path).toBe('/relay/in?x=1')
  })

  it('takes nothing that the caller adds', async () => {
    const { vendor, provider } = await start()
    await expect(provider.send(call({ address: '', extra: { headers: {} } }), never())).rejects.toMatchObject({
      outcome: 'refused',
      code: 'BAD_INPUT',
      message: expect.stringContaining('extra.headers'),
    })
    expect(vendor.requests).toEqual([])
  })

  it('is refused when nobody named an address', async () => {
    const provider = openProvider('webhook', { secret }, { allowPrivateHosts: true })
    cleanUps.push(() => provider.close())
    await expect(provider.send(call({ address: '' }), never())).rejects.toMatchObject({
      outcome: 'refused',
      code: 'ADDRESS_MISSING',
    })
  })
})

describe('an address', () => {
  const forbidden: [string, string][] = [
    ['not an address', 'receiver'],
    ['a file', 'file:///etc/passwd'],
    ['gopher', 'gopher://receiver.example/'],
    ['http', 'http://receiver.example/'],
    ['a user', 'https://user@receiver.example/'],
    ['a user and a password', 'https://user:pass@receiver.example/'],
    ['port 22', 'https://receiver.example:22/'],
    ['port 6379', 'https://receiver.example:6379/'],
    ['port 8443', 'https://receiver.example:8443/'],
    ['a line break', 'https://receiver.example/\r\nx: y'],
    ['a space', ' https://receiver.example/'],
    ['100 KB', `https://receiver.example/${'x'.repeat(100_000)}`],
  ]
  it.each(forbidden)('is refused with %s', async (_, address) => {
    const { vendor, provider } = await start({ status: 204 }, {}, false)
    const error = await provider.send(call({ address }), never()).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
    expect(String(error)).not.toContain('pass@')
    expect(vendor.requests).toEqual([])
  })

  const inside = [
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://0.0.0.0/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://017700000001/',
    'https://127。0。0。1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1:443/',
    'https://100.64.0.1/',
    'https://[fc00::1]/',
    'https://[fe80::1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://localhost/',
  ]
  it.each(inside)('is refused when it points inside: %s', async (address) => {
    const { provider } = await start({ status: 204 }, {}, false)
    await expect(provider.send(call({ address }), never())).rejects.toMatchObject({ outcome: 'refused' })
  })

  it('of the provider is held to the same', async () => {
    const { vendor, provider } = await start({ status: 204 }, {}, false)
    await expect(provider.send(call({ address: '' }), never())).rejects.toMatchObject({ outcome: 'refused' })
    expect(vendor.requests).toEqual([])
  })
})

describe('an answer', () => {
  const outcomes: [string, VendorAnswer, object][] = [
    [
      'a failure',
      { status: 500, body: 'oops' },
      { outcome: 'retryable', code: 'HOST_UNREACHABLE', about: 'host', response: 'oops', retryAfterMs: null },
    ],
    ['a gateway', { status: 502 }, { outcome: 'retryable' }],
    ['a failed check', { status: 401 }, { outcome: 'retryable', code: 'PROVIDER_REFUSED', about: 'address' }],
    ['a missing page', { status: 404 }, { outcome: 'retryable', addressDead: false }],
    ['a limit', { status: 429, headers: { 'retry-after': '30' } }, { code: 'RATE_LIMITED', about: 'host', retryAfterMs: 30_000 }],
    ['a limit of decades', { status: 429, headers: { 'retry-after': '999999999' } }, { retryAfterMs: 24 * 3_600_000 }],
    [
      'an overload with a date',
      { status: 503, headers: { 'retry-after': 'Fri, 02 Jan 2026 03:05:05 GMT' } },
      { outcome: 'retryable', retryAfterMs: 59_322 },
    ],
    ['its end', { status: 410 }, { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, about: 'address' }],
    ['a redirect', { status: 302, headers: { location: '/in' } }, { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
    ['a permanent redirect', { status: 308, headers: { location: '/in' } }, { outcome: 'refused', addressDead: false }],
    ['a huge refusal', { status: 400, body: 'x'.repeat(1_000_000) }, { outcome: 'retryable', response: 'x'.repeat(1_000) }],
    ['a lost connection', 'reset', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
  ]
  it.each(outcomes)('is sorted: %s', async (_, answer, expected) => {
    const { vendor, provider } = await start(answer)
    const error = await provider.send(call({ address: `${vendor.url}/in` }), never()).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject(expected)
    expect(vendor.requests.map(({ path }) => path)).toEqual(['/in'])
  })

  it('of the provider’s own address speaks of the provider', async () => {
    for (const status of [410, 404, 503, 302]) {
      const { provider } = await start({ status })
      await expect(provider.send(call({ address: '' }), never())).rejects.toMatchObject({
        about: 'provider',
        addressDead: false,
      })
    }
  })

  it('that does not end is not read to its end', async () => {
    const { provider } = await start((response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', pour)
      }
      pour()
    })
    const receipt = await provider.send(call({ address: '' }), never())
    expect(receipt.response).toHaveLength(1_000)
  })

  it('that does not come leaves the outcome open', async () => {
    const { vendor, provider } = await start('hang')
    const stop = new AbortController()
    const sending = provider.send(call({ address: '' }), stop.signal).catch((caught: unknown) => caught)
    await until('the request came', () => vendor.requests.length === 1)
    stop.abort()
    expect(await sending).toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
  })

  it('that cannot come may come later', async () => {
    const { vendor, provider } = await start()
    await vendor.close()
    await expect(provider.send(call({ address: '' }), never())).rejects.toMatchObject({
      outcome: 'retryable',
      code: 'PROVIDER_UNREACHABLE',
    })
  })
})

const wrong: [string, JsonObject, string][] = [
  ['no secret', { url: 'https://a.example/' }, 'settings.secret'],
  ['an empty secret', { secret: ' ' }, 'settings.secret'],
  ['a secret without its mark', { secret: Buffer.alloc(32).toString('base64') }, 'settings.secret'],
  ['a short secret', { secret: secretOf(Buffer.alloc(23)) }, 'settings.secret'],
  ['a long secret', { secret: secretOf(Buffer.alloc(65)) }, 'settings.secret'],
  [
    'six secrets',
    {
      secret: Array(6)
        .fill(secretOf(Buffer.alloc(32)))
        .join(' '),
    },
    'settings.secret',
  ],
  ['an address with a user', { secret, url: 'https://u:p@a.example/' }, 'settings.url'],
  ['a file as address', { secret, url: 'file:///etc/passwd' }, 'settings.url'],
  ['a header with a line break', { secret, headers: { 'x-a': 'b\r\nc: d' } }, 'settings.headers.x-a'],
  ['a header name with a line break', { secret, headers: { 'x\r\na': 'b' } }, 'settings.headers.x\r\na'],
  ['a header name with a colon', { secret, headers: { 'x:a': 'b' } }, 'settings.headers.x:a'],
  ['an authorization with a line break', { secret, authorization: 'a\nb' }, 'settings.authorization'],
  ...['Host', 'Content-Length', 'Content-Type', 'Webhook-Signature', 'webhook-id', 'Transfer-Encoding', 'Connection'].map(
    (name): [string, JsonObject, string] => [
      `the header ${name}`,
      { secret, headers: { [name]: 'x' } },
      `settings.headers.${name}`,
    ],
  ),
]
it.each(wrong)('refuses settings with %s', (_, settings, field) => {
  expect(() => openProvider('webhook', settings, { allowPrivateHosts: true })).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
  )
})

describeProvider('webhook', () => startContractVendor(() => ({ status: 204 }), { secret, headers: { 'x-team': 'orders' } }))
