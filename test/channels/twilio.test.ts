import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type CallbackRequest, ProviderError } from '../../src/channels/provider.ts'
import { openProvider } from '../../src/channels/registry.ts'
import { createTwilio, twilio } from '../../src/channels/twilio.ts'
import type { JsonObject } from '../../src/words.ts'
import { sms } from '../helpers/hooks.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { describeFaults } from '../helpers/vendor-faults.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const accountSid = `AC${'0a'.repeat(16)}`
const authToken = '12345'
const base = { accountSid, authToken, from: '+15005550006' }
const messageSid = `SM${'f'.repeat(32)}`
const taken = { status: 201, body: { sid: messageSid, status: 'queued', error_code: null } }
const refused = (status: number, code: number, message = 'No.'): VendorAnswer => ({ status, body: { code, message, status } })
const callbackUrl = 'https://notify.example/callbacks/p1?x=1'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal

async function start(answer: VendorAnswer = taken, changes: JsonObject = {}, callback: string | null = null) {
  const vendor = await startVendor(() => answer)
  cleanUps.push(() => vendor.close())
  const settings = twilio.settings.parse({ ...base, baseUrl: `${vendor.url}/`, ...changes })
  const now = () => Date.parse('2026-01-02T03:04:05Z')
  const provider = createTwilio(settings, { allowPrivateHosts: true, callbackUrl: callback }, now)
  cleanUps.push(() => provider.close())
  return { vendor, provider }
}

describe('a text message', () => {
  it('goes out as a form with basic authentication', async () => {
    const { vendor, provider } = await start()
    const receipt = await provider.send(sms({ body: 'Hallo Ä & 1+1=2 😀' }), never())
    expect(receipt).toEqual({ providerMessageId: messageSid, response: JSON.stringify(taken.body) })
    const [request] = vendor.requests
    const form = 'To=%2B14155550100&From=%2B15005550006&Body=Hallo+%C3%84+%26+1%2B1%3D2+%F0%9F%98%80'
    expect(request).toMatchObject({ method: 'POST', path: `/2010-04-01/Accounts/${accountSid}/Messages.json`, body: form })
    expect(request?.headers).toEqual({
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
      connection: 'keep-alive',
      'content-length': String(form.length),
      'content-type': 'application/x-www-form-urlencoded',
      host: vendor.url.slice('http://'.length),
    })
  })

  it('goes through a messaging service, and asks for delivery reports', async () => {
    const messagingServiceSid = `MG${'1'.repeat(32)}`
    const vendor = await startVendor(() => taken)
    cleanUps.push(() => vendor.close())
    const settings = { accountSid, authToken, messagingServiceSid, baseUrl: vendor.url }
    const provider = openProvider('twilio', settings, { allowPrivateHosts: true, callbackUrl })
    cleanUps.push(() => provider.close())
    await provider.send(sms({ type: 'LMS', title: 'News' }), never())
    const status = 'StatusCallback=https%3A%2F%2Fnotify.example%2Fcallbacks%2Fp1%3Fx%3D1'
    expect(vendor.requests[0]?.body).toBe(
      `To=%2B14155550100&MessagingServiceSid=${messagingServiceSid}&Body=News%0AHello+Anna&${status}`,
    )
  })

  it('takes what the caller adds, and nothing that is not listed', async () => {
    const { vendor, provider } = await start()
    const ContentSid = `HX${'2'.repeat(32)}`
    const extra = { ValidityPeriod: 60, SmartEncoded: true, ContentSid, ContentVariables: { '1': 'Anna' } }
    await provider.send(sms({ extra }), never())
    expect(vendor.requests[0]?.body).toBe(
      `To=%2B14155550100&From=%2B15005550006&ValidityPeriod=60&SmartEncoded=true&ContentSid=${ContentSid}&ContentVariables=%7B%221%22%3A%22Anna%22%7D`,
    )
    for (const [wrong, field] of [
      [{ To: '+15005550001' }, 'extra.To'],
      [{ ValidityPeriod: 0 }, 'extra.ValidityPeriod'],
    ] as const) {
      const sending = provider.send(sms({ extra: wrong }), never())
      await expect(sending).rejects.toMatchObject({
        outcome: 'refused',
        code: 'BAD_INPUT',
        message: expect.stringContaining(`${field}:`),
      })
    }
    expect(vendor.requests).toHaveLength(1)
  })

  it('is refused before any request when its number is none, or not of the countries', async () => {
    const { vendor, provider } = await start(taken, { countries: ['US', '44'] })
    for (const address of [
      '',
      '+1 (555)',
      '010-1234-5678',
      '+0123456789',
      '+1415555010a',
      '+82 10 1234 5678',
      '+1 876 555 0100',
    ]) {
      const sending = provider.send(sms({ address }), never())
      await expect(sending, address).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
    }
    expect(vendor.requests).toEqual([])
    await provider.send(sms({ address: '+44 7700 900-123' }), never())
    expect(vendor.requests[0]?.body).toMatch(/^To=%2B447700900123&/)
  })

  it('is refused before any request when it is longer than 1,600 characters', async () => {
    const { vendor, provider } = await start()
    await provider.send(sms({ body: '😀'.repeat(1_600) }), never())
    const sending = provider.send(sms({ body: 'x'.repeat(1_601) }), never())
    await expect(sending).rejects.toMatchObject({ outcome: 'refused', code: 'TOO_LARGE' })
    expect(vendor.requests).toHaveLength(1)
  })

  it('counts as taken when 201 comes without the rest', async () => {
    const { provider } = await start({ status: 201, body: '' })
    expect(await provider.send(sms(), never())).toEqual({ providerMessageId: null, response: '' })
  })
})

describeFaults(sms(), (url, allowPrivateHosts) => openProvider('twilio', { ...base, baseUrl: url }, { allowPrivateHosts }))

describe('a refusal', () => {
  const dead = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, about: 'address' }
  const account = { outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false, about: 'provider' }
  const outcomes: [string, VendorAnswer, object][] = [
    ['an invalid number', refused(400, 21211), dead],
    ['a number that is no mobile', refused(400, 21614), dead],
    ['a landline', refused(400, 21635), dead],
    ['a recipient who said STOP', refused(400, 21610), { ...dead, code: 'OPTED_OUT' }],
    ['a text that is too long', refused(400, 21617), { outcome: 'refused', code: 'TOO_LARGE', about: 'message' }],
    ['a wrong token', refused(401, 20003), account],
    ['a gateway that wants a password', { status: 401, body: 'Unauthorized' }, account],
    ['an account that is not there', refused(404, 20404), account],
    ['a wrong sender', refused(400, 21606), account],
    ['a country that is not enabled', refused(403, 21408), account],
    ['a full queue', refused(400, 21611), { outcome: 'retryable', code: 'RATE_LIMITED', about: 'provider' }],
    ['too many requests', refused(429, 20429), { outcome: 'retryable', code: 'RATE_LIMITED', retryAfterMs: null }],
    [
      'a code that is not known',
      refused(400, 29999),
      { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message', addressDead: false },
    ],
    ['a refusal without code', { status: 400, body: 'Bad request' }, { outcome: 'refused', about: 'message' }],
    [
      'an overload with a date',
      { status: 503, headers: { 'retry-after': 'Fri, 02 Jan 2026 03:05:05 GMT' } },
      { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE', retryAfterMs: 60_000 },
    ],
  ]
  it.each(outcomes)('sorts %s', async (_, answer, expected) => {
    const { vendor, provider } = await start(answer)
    const error = await provider.send(sms(), never()).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject(expected)
    expect(String(error)).not.toContain(authToken)
    expect(vendor.requests).toHaveLength(1)
  })
})

describe('a delivery report', () => {
  const open = () => createTwilio(twilio.settings.parse(base), { allowPrivateHosts: false, callbackUrl })
  const sign = (url: string, fields: Record<string, string>, key = authToken) => {
    const text = Object.keys(fields)
      .sort()
      .map((name) => name + fields[name])
      .join('')
    return createHmac('sha1', key)
      .update(url + text)
      .digest('base64')
  }
  const report = (changes: Record<string, string> = {}, signature?: string, url = callbackUrl): CallbackRequest => {
    const fields = { MessageSid: messageSid, MessageStatus: 'delivered', To: '+14155550100', AccountSid: accountSid, ...changes }
    return {
      method: 'POST',
      url,
      headers: { 'x-twilio-signature': signature ?? sign(url, fields) },
      rawBody: Buffer.from(new URLSearchParams(fields).toString()),
      now: new Date(),
    }
  }
  const verify = (request: CallbackRequest) => open().verify?.(request)

  it('is signed as in Twilio’s own example', () => {
    const fields = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    }
    const url = 'https://example.com/myapp.php?foo=1&bar=2'
    const request = {
      ...report({}, 'L/OH5YylLD5NRKLltdqwSvS0BnU=', url),
      rawBody: Buffer.from(new URLSearchParams(fields).toString()),
    }
    expect(verify(request)).toEqual([])
  })

  it('says what became of a message', () => {
    const event = { providerMessageId: messageSid, code: null, message: null, addressDead: false }
    expect(verify(report())).toEqual([{ ...event, status: 'DELIVERED' }])
    expect(verify(report({ MessageStatus: 'sent' }))).toEqual([{ ...event, status: 'SENT' }])
    expect(verify(report({ MessageStatus: 'read' }))).toEqual([{ ...event, status: 'DELIVERED' }])
    const failed = { ...event, status: 'FAILED' }
    expect(verify(report({ MessageStatus: 'undelivered', ErrorCode: '30005' }))).toEqual([
      { ...failed, code: 'ADDRESS_INVALID', message: 'Twilio reported undelivered with 30005.', addressDead: true },
    ])
    expect(verify(report({ MessageStatus: 'failed', ErrorCode: '21610' }))).toEqual([
      { ...failed, code: 'OPTED_OUT', message: 'Twilio reported failed with 21610.', addressDead: true },
    ])
    expect(verify(report({ MessageStatus: 'undelivered', ErrorCode: '30003' }))).toMatchObject([
      { status: 'FAILED', code: 'PROVIDER_REFUSED', addressDead: false },
    ])
    expect(verify(report({ MessageStatus: 'failed' }))).toMatchObject([{ message: 'Twilio reported failed.' }])
  })

  it('says nothing of states on the way, or that are not known', () => {
    for (const MessageStatus of ['queued', 'sending', 'accepted', 'scheduled', 'partially_delivered', 'toString', '']) {
      expect(verify(report({ MessageStatus })), MessageStatus).toEqual([])
    }
    expect(verify(report({ MessageSid: '' }))).toEqual([])
  })

  it('is refused when it is not signed, or signed otherwise', () => {
    const fields = { MessageSid: messageSid, MessageStatus: 'delivered', To: '+14155550100', AccountSid: accountSid }
    const forged: [string, CallbackRequest][] = [
      ['no signature', { ...report(), headers: {} }],
      ['an empty signature', report({}, '')],
      ['nonsense', report({}, 'not base64 at all')],
      ['another token', report({}, sign(callbackUrl, fields, 'other'))],
      ['another address', report({}, sign('https://notify.example/callbacks/p2', fields))],
      ['another status', report({ MessageStatus: 'failed' }, sign(callbackUrl, fields))],
      ['one more field', report({ ErrorCode: '1' }, sign(callbackUrl, fields))],
      ['another body', { ...report(), rawBody: Buffer.from('') }],
    ]
    for (const [what, request] of forged) {
      expect(() => verify(request), what).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }))
    }
  })

  it('says the same when it comes again', () => {
    const request = report()
    expect(verify(request)).toEqual(verify(request))
  })

  it('is known with and without the usual port', () => {
    const fields = { MessageSid: messageSid, MessageStatus: 'delivered', To: '+14155550100', AccountSid: accountSid }
    const withPort = callbackUrl.replace('.example/', '.example:443/')
    expect(verify(report({}, sign(withPort, fields)))).toHaveLength(1)
    expect(verify(report({}, sign(callbackUrl, fields), withPort))).toHaveLength(1)
  })
})

const wrong: [string, JsonObject, string][] = [
  ['no account', { authToken, from: '+15005550006' }, 'settings.accountSid'],
  ['an account that is a path', { ...base, accountSid: '../x' }, 'settings.accountSid'],
  ['a token with a line break', { ...base, authToken: 'a\r\nb' }, 'settings.authToken'],
  ['no sender', { accountSid, authToken }, 'settings.from'],
  ['two senders', { ...base, messagingServiceSid: `MG${'1'.repeat(32)}` }, 'settings.from'],
  ['a sender that is no number', { ...base, from: '+1 (500)' }, 'settings.from'],
  ['a country that is none', { ...base, countries: ['US', 'XX'] }, 'settings.countries.1'],
  ['a base address with a user', { ...base, baseUrl: 'https://u:p@a.example' }, 'settings.baseUrl'],
]
it.each(wrong)('refuses settings with %s', (_, settings, field) => {
  expect(() => openProvider('twilio', settings, { allowPrivateHosts: true })).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
  )
})

describeProvider('twilio', () => startContractVendor(() => taken, base))
