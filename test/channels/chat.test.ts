import { afterEach, describe, expect, it } from 'vitest'
import { breakLinks, breakMentions, cutText, jsonBytes } from '../../src/channels/chat-text.ts'
import { ProviderError } from '../../src/channels/provider.ts'
import { kinds, openProvider } from '../../src/channels/registry.ts'
import { chat } from '../helpers/hooks.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal

async function start(kind: string, answer: VendorAnswer, settings = {}, allowPrivateHosts = true) {
  const vendor = await startVendor(() => answer)
  const provider = openProvider(kind, settings, { allowPrivateHosts })
  cleanUps.push(async () => {
    await vendor.close()
    await provider.close()
  })
  return { vendor, provider }
}

const services = Object.values(kinds)
  .filter(({ channels }) => channels.join() === 'CHAT')
  .map(({ kind }) => kind)
describe.each(services)('the chat service %s', (kind) => {
  it('gets JSON at the address that the contact named', async () => {
    const { vendor, provider } = await start(kind, { status: 200, body: 'ok' })
    await provider.send(chat({ address: `${vendor.url}/hooks/T1/B2` }), never())
    const [request] = vendor.requests
    expect(request?.method).toBe('POST')
    expect(request?.path).toMatch(/^\/hooks\/T1\/B2(\?wait=true)?$/)
    expect(request?.headers).toEqual({
      connection: 'keep-alive',
      'content-length': String(request?.raw.length),
      'content-type': 'application/json',
      host: vendor.url.slice('http://'.length),
    })
    expect(JSON.stringify(JSON.parse(request?.body ?? ''))).toBe(request?.body)
    expect(provider.limits.foldsRepeats).toBe(false)
  })

  it('is reached by the relay, where there is one, with the query as it was', async () => {
    const relay = await startVendor(() => ({ status: 200, body: 'ok' }))
    cleanUps.push(() => relay.close())
    const { provider } = await start(kind, 'hang', { baseUrl: `${relay.url}/relay` })
    await provider.send(chat({ address: 'https://chat.example/hooks/T1?sig=%2Fb~+' }), never())
    expect(relay.requests[0]?.path).toMatch(/^\/relay\/hooks\/T1\?sig=%2Fb~\+(&wait=true)?$/)
  })

  const outcomes: [string, VendorAnswer, object][] = [
    [
      'a limit',
      { status: 429, headers: { 'retry-after': '30' }, body: {} },
      { outcome: 'retryable', code: 'RATE_LIMITED', retryAfterMs: 30_000, about: kind === 'mattermost' ? 'host' : 'address' },
    ],
    [
      'an overload',
      { status: 503, headers: { 'retry-after': '7' } },
      { outcome: 'retryable', code: 'HOST_UNREACHABLE', about: 'host', retryAfterMs: 7_000 },
    ],
    ['a failure', { status: 500, body: 'rollup_error' }, { outcome: 'unknown', code: 'OUTCOME_UNKNOWN', about: 'host' }],
    ['a gateway', { status: 502, body: 'Bad gateway' }, { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
    [
      'a refusal',
      { status: 400, body: 'invalid_payload' },
      { outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false, about: 'address', retryAfterMs: null },
    ],
    ['a text that is too long', { status: 413 }, { outcome: 'refused', code: 'TOO_LARGE' }],
    ['a page that is not there', { status: 404, body: '<html>' }, { outcome: 'refused', addressDead: false }],
    ['a redirect', { status: 302, headers: { location: '/login' } }, { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
    ['a huge refusal', { status: 400, body: 'x'.repeat(1_000_000) }, { outcome: 'refused', response: 'x'.repeat(1_000) }],
    ['a lost connection', 'reset', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN', about: 'host' }],
  ]
  it.each(outcomes)('sorts %s', async (_, answer, expected) => {
    const { vendor, provider } = await start(kind, answer)
    const error = await provider.send(chat({ address: `${vendor.url}/top-secret` }), never()).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject(expected)
    expect(String(error)).not.toContain('top-secret')
    expect(vendor.requests).toHaveLength(1)
  })

  it('leaves the outcome open when no answer comes, and may try again when nobody listens', async () => {
    const { vendor, provider } = await start(kind, 'hang')
    const message = chat({ address: vendor.url })
    const stop = new AbortController()
    const sending = provider.send(message, stop.signal).catch((caught: unknown) => caught)
    await until('the request came', () => vendor.requests.length === 1)
    stop.abort()
    expect(await sending).toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
    await vendor.close()
    await expect(provider.send(message, never())).rejects.toMatchObject({
      outcome: 'retryable',
      code: 'HOST_UNREACHABLE',
      about: 'host',
    })
  })

  it('is not asked to take an address that is wrong or points inside', async () => {
    const { vendor, provider } = await start(kind, { status: 200 }, {}, false)
    for (const address of [
      '',
      'nonsense',
      vendor.url,
      'https://u:p@chat.example/',
      'https://chat.example:8065/',
      'file:///etc',
    ]) {
      const sending = provider.send(chat({ address }), never())
      await expect(sending, address).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
    }
    for (const address of ['https://127.0.0.1/', 'https://localhost/', 'https://169.254.169.254/']) {
      await expect(provider.send(chat({ address }), never()), address).rejects.toMatchObject({ outcome: 'refused' })
    }
    expect(vendor.requests).toEqual([])
  })

  it('takes nothing from the caller that is not listed', async () => {
    const { vendor, provider } = await start(kind, { status: 200 })
    for (const extra of [{ text: 'x' }, { channel: '#all' }, { allowed_mentions: { parse: ['everyone'] } }, { blocks: [] }]) {
      const sending = provider.send(chat({ address: vendor.url, extra }), never())
      const message = expect.stringContaining(`extra.${Object.keys(extra)[0]}`)
      await expect(sending).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message })
    }
    expect(vendor.requests).toEqual([])
  })
})

describe('a text', () => {
  it('is cut between characters as a reader sees them, with an ellipsis', () => {
    const family = '\u{1F468}‍\u{1F469}‍\u{1F467}'
    expect(cutText('abc', 3)).toBe('abc')
    expect(cutText('abcd', 3)).toBe('ab…')
    expect(cutText('a bcd', 3)).toBe('a…')
    expect(cutText(`ab${family}`, 9)).toBe('ab…')
    expect(cutText(`ab${family}`, 10)).toBe(`ab${family}`)
    expect(cutText('äää', 5, jsonBytes)).toBe('ä…')
    expect(cutText('\n\n\n', 5, jsonBytes)).toBe('…')
    expect(cutText('a\ud800', 9)).toBe('a\ufffd')
    expect(cutText('x'.repeat(1_000_000), 1_000)).toHaveLength(1_000)
  })

  it('of a value keeps no link with another text, and no mention of everybody', () => {
    expect(breakLinks('[a](http://b) ![c](d) [e][f] [g]: h [i]')).toBe(
      '[a]\u200b(http://b) ![c]\u200b(d) [e]\u200b[f] [g]\u200b: h [i]',
    )
    expect(breakMentions('@all @Channel, @here! @everyone @anna a@allen.example')).toBe(
      '@\u200ball @\u200bChannel, @\u200bhere! @\u200beveryone @anna a@allen.example',
    )
  })
})
