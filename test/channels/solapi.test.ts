import { createHash, createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { CallbackRequest, RenderedSms } from '../../src/channels/provider.ts'
import { openProvider, parseSettings } from '../../src/channels/registry.ts'
import { createSolapi, solapi } from '../../src/channels/solapi.ts'
import type { JsonObject } from '../../src/words.ts'
import { alimtalk, friendtalk, sms, solapiRefused, solapiTaken } from '../helpers/korea.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { describeFaults } from '../helpers/vendor-faults.ts'
import { startVendor, type VendorAnswer, type VendorRequest } from '../helpers/vendor-http.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const settingsOf = (baseUrl: string, changes: JsonObject = {}): JsonObject => ({
  apiKey: 'NCSKEY',
  apiSecret: 'SECRET',
  from: '02-1234-5678',
  pfId: 'KA01PF1',
  webhookSecret: 'hook-1',
  baseUrl,
  ...changes,
})
const taken: VendorAnswer = { status: 200, body: solapiTaken() }

async function start(answer: VendorAnswer = taken, changes: JsonObject = {}) {
  const vendor = await startVendor(() => answer)
  cleanUps.push(() => vendor.close())
  const settings = solapi.settings.parse(settingsOf(vendor.url, changes))
  const provider = createSolapi(settings, { allowPrivateHosts: true }, () => Date.parse('2026-01-02T03:04:05Z'))
  cleanUps.push(() => provider.close())
  return { vendor, provider }
}
const sent = (request: VendorRequest | undefined) => JSON.parse(request?.body ?? '').messages[0]

describeFaults(sms(), (url, allowPrivateHosts) => openProvider('solapi', settingsOf(url), { allowPrivateHosts }))

it('sends an SMS', async () => {
  const { vendor, provider } = await start()
  const message = sms()
  expect(await provider.send(message, never())).toEqual({
    providerMessageId: 'M4V20180307110044DTYYJBBYLPQZIB1',
    response: JSON.stringify(solapiTaken()),
  })
  const [request] = vendor.requests
  expect(request).toMatchObject({ method: 'POST', path: '/messages/v4/send-many/detail' })
  expect(request?.headers).toMatchObject({ 'content-type': 'application/json' })
  expect(request?.body).toBe(
    `{"messages":[{"to":"01012345678","from":"0212345678","country":"82","customFields":{"messageId":"${message.messageId}"},` +
      `"type":"SMS","text":"안녕하세요"}],"showMessageList":true}`,
  )
})

it('signs each request with a new salt', async () => {
  const { vendor, provider } = await start()
  for (let count = 0; count < 3; count++) await provider.send(sms(), never())
  const salts = vendor.requests.map(({ headers }) => {
    const form = /^HMAC-SHA256 apiKey=NCSKEY, date=(2026-01-02T03:04:05\.000Z), salt=([0-9a-f]{64}), signature=([0-9a-f]{64})$/
    const [, date, salt, signature] = form.exec(headers.authorization ?? '') ?? []
    expect(signature).toBe(createHmac('sha256', 'SECRET').update(`${date}${salt}`).digest('hex'))
    return salt
  })
  expect(new Set(salts).size).toBe(3)
})

it('sends LMS and MMS with their title, and abroad with the calling code apart', async () => {
  const { vendor, provider } = await start(taken, { countries: ['KR', 'US'] })
  await provider.send(sms({ type: 'LMS', title: '주문' }), never())
  await provider.send(sms({ type: 'MMS', extra: { imageId: 'F1' } }), never())
  await provider.send(sms({ address: '+1 (415) 555-0100', title: 'not for SMS' }), never())
  const [lms, mms, abroad] = vendor.requests.map(sent)
  expect(lms).toMatchObject({ type: 'LMS', subject: '주문', text: '안녕하세요' })
  expect(mms).toMatchObject({ type: 'MMS', imageId: 'F1' })
  expect(mms).not.toHaveProperty('subject')
  expect(abroad).toMatchObject({ to: '4155550100', country: '1', type: 'SMS' })
  expect(abroad).not.toHaveProperty('subject')
  for (const address of ['+44 7911 123456', 'abc']) {
    const error = provider.send(sms({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID' })
  }
  expect(vendor.requests).toHaveLength(3)
})

it('sends an Alimtalk, and no text instead unless the caller says so', async () => {
  const { vendor, provider } = await start()
  await provider.send(alimtalk(), never())
  await provider.send(alimtalk({ body: '안나님', extra: { disableSms: false } }), never())
  expect(sent(vendor.requests[0])).toEqual({
    to: '01012345678',
    from: '0212345678',
    country: '82',
    customFields: { messageId: alimtalk().messageId },
    type: 'ATA',
    kakaoOptions: { pfId: 'KA01PF1', disableSms: true, templateId: 'order-1', variables: { '#{이름}': '안나', '#{count}': '3' } },
  })
  expect(sent(vendor.requests[1])).toMatchObject({ text: '안나님', kakaoOptions: { disableSms: false } })
})

it('sends a Friendtalk as the brand message that replaced it, or as it was', async () => {
  const { vendor, provider } = await start()
  await provider.send(friendtalk(), never())
  const bms = { targeting: 'I', chatBubbleType: 'TEXT' }
  expect(sent(vendor.requests[0])).toMatchObject({
    type: 'BMS_FREE',
    text: '안녕하세요',
    kakaoOptions: { pfId: 'KA01PF1', disableSms: true, bms },
  })
  const { vendor: old, provider: before } = await start(taken, { friendtalk: 'CTA' })
  const buttons = [{ buttonType: 'WL', buttonName: '보기', linkMo: 'https://m.example' }]
  await before.send(friendtalk({ extra: { buttons } }), never())
  const kakaoOptions = { pfId: 'KA01PF1', disableSms: true, buttons, adFlag: true }
  expect(sent(old.requests[0])).toMatchObject({ type: 'CTA', kakaoOptions })
})

it('refuses what the caller may not add, and what its settings do not allow, before any request', async () => {
  const { vendor, provider } = await start()
  const wrong: [RenderedSms, RegExp][] = [
    [sms({ extra: { to: '010' } }), /^extra\.to: /],
    [sms({ extra: { from: '010' } }), /^extra\.from: /],
    [sms({ extra: { imageId: 'F1' } }), /^extra\.imageId: /],
  ]
  for (const [message, said] of wrong) {
    const error = provider.send(message, never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message: expect.stringMatching(said) })
  }
  await expect(provider.send(alimtalk({ extra: { pfId: 'x' } }), never())).rejects.toMatchObject({ code: 'BAD_INPUT' })
  const lacking = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'provider' }
  const bare = openProvider('solapi', { apiKey: 'K', apiSecret: 'S', baseUrl: vendor.url }, { allowPrivateHosts: true })
  cleanUps.push(() => bare.close())
  await expect(bare.send(sms(), never())).rejects.toMatchObject({ ...lacking, message: expect.stringContaining('"from"') })
  await expect(bare.send(alimtalk(), never())).rejects.toMatchObject({ ...lacking, message: expect.stringContaining('"pfId"') })
  expect(vendor.requests).toHaveLength(0)
})

describe('refusals', () => {
  const about = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'provider' }
  const message = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message' }
  const codes: [string, object][] = [
    ['1010', message],
    ['1029', message],
    ['1030', about],
    ['1031', { outcome: 'refused', code: 'TOO_LARGE' }],
    ['1041', message],
    ['1061', { outcome: 'refused', code: 'OPTED_OUT', about: 'address' }],
    ['1062', about],
    ['9999', message],
  ]
  it.each(codes)('of a message come with 200: code %s', async (code, expected) => {
    const body = solapiRefused(code)
    const { provider } = await start({ status: 200, body })
    const error = provider.send(sms(), never())
    await expect(error).rejects.toMatchObject({ ...expected, response: JSON.stringify(body) })
  })
  it('are found without a list of what failed', async () => {
    const { groupInfo } = solapiRefused('1062')
    const { provider } = await start({ status: 200, body: { groupInfo } })
    await expect(provider.send(sms(), never())).rejects.toMatchObject(message)
    const { groupInfo: fine, messageList } = solapiTaken()
    const listed = { groupInfo: fine, messageList: messageList.map((one) => ({ ...one, statusCode: '1062' })) }
    const { provider: another } = await start({ status: 200, body: listed })
    await expect(another.send(sms(), never())).rejects.toMatchObject(about)
  })
  const errors: [number, string, object][] = [
    [400, 'ValidationError', message],
    [400, 'FailedToAddMessage', message],
    [413, 'RecipientsTooMany', message],
    [403, 'InvalidAPIKey', about],
    [400, 'InvalidAPIKey', about],
    [403, 'SignatureDoesNotMatch', about],
    [403, 'RequestTimeTooSkewed', about],
    [403, 'DuplicatedSignature', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
    [402, 'NotEnoughBalance', about],
    [404, 'ResourceNotFound', about],
  ]
  it.each(errors)('of a request: %i %s', async (status, errorCode, expected) => {
    const body = { errorCode, errorMessage: 'No.' }
    const { provider } = await start({ status, body })
    const error = provider.send(sms(), never())
    await expect(error).rejects.toMatchObject({ ...expected, response: JSON.stringify(body) })
  })
})

describe('delivery reports', () => {
  const digest = createHash('sha1').update('hook-1').digest('hex')
  const request = (body: unknown, headers: CallbackRequest['headers'] = { 'x-solapi-secret': digest }): CallbackRequest => ({
    method: 'POST',
    url: 'https://carillon.example/callbacks/1',
    headers: { 'x-solapi-event-name': 'SINGLE-REPORT', ...headers },
    rawBody: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    now: new Date('2026-01-02T03:04:05Z'),
  })
  const report = (messageId: string, statusCode: string) => ({ messageId, statusCode, statusMessage: 'said', groupId: 'G1' })

  it('say what became of messages', async () => {
    const { provider } = await start()
    const body = ['4000', '3000', '2000', '3104', '3107', '3108', '1061', 'what'].map((code) => report(`M${code}`, code))
    const failed = { status: 'FAILED', code: 'PROVIDER_REFUSED', addressDead: false }
    const events = provider.verify?.(request([...body, null, { messageId: 1 }]))
    expect(events).toMatchObject([
      { providerMessageId: 'M4000', status: 'DELIVERED', code: null, message: null },
      { providerMessageId: 'M3000', status: 'SENT', code: null },
      { providerMessageId: 'M3104', ...failed, code: 'ADDRESS_INVALID' },
      { providerMessageId: 'M3107', ...failed, code: 'OPTED_OUT' },
      { providerMessageId: 'M3108', ...failed, message: 'SOLAPI reported 3108: said' },
      { providerMessageId: 'M1061', ...failed, code: 'OPTED_OUT' },
    ])
    for (const text of ['', '{}', 'null', '"x"']) expect(provider.verify?.(request(text))).toEqual([])
  })
  it('are refused without the digest of the secret', async () => {
    const unauthenticated = expect.objectContaining({ name: 'CarillonError', code: 'UNAUTHENTICATED' })
    const { provider } = await start()
    const wrong = [undefined, '', 'hook-1', digest.toUpperCase(), createHash('sha1').update('hook-2').digest('hex')]
    for (const given of wrong) {
      expect(() => provider.verify?.(request([report('M1', '4000')], { 'x-solapi-secret': given }))).toThrow(unauthenticated)
    }
    const bare = openProvider('solapi', { apiKey: 'K', apiSecret: 'S' }, { allowPrivateHosts: false })
    cleanUps.push(() => bare.close())
    const empty = createHash('sha1').update('').digest('hex')
    for (const given of [undefined, '', empty]) {
      expect(() => bare.verify?.(request([report('M1', '4000')], { 'x-solapi-secret': given }))).toThrow(unauthenticated)
    }
  })
})

it('refuses wrong settings, naming the field', () => {
  for (const field of ['apiKey', 'apiSecret', 'from', 'pfId', 'friendtalk', 'countries', 'baseUrl']) {
    expect(() => parseSettings('solapi', 'SMS', settingsOf('https://api.example', { [field]: 'é/' }))).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field: `settings.${field}` }) }),
    )
  }
})

it.each([
  ['SMS', 'from', 'pfId'],
  ['ALIMTALK', 'pfId', 'from'],
  ['FRIENDTALK', 'pfId', 'from'],
] as const)('on %s is not configured without %s, and is without %s', (channel, needed, other) => {
  const { [needed]: _needed, ...without } = settingsOf('https://api.example')
  expect(() => parseSettings('solapi', channel, without)).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field: `settings.${needed}` }) }),
  )
  const { [other]: _other, ...enough } = settingsOf('https://api.example')
  expect(parseSettings('solapi', channel, enough)).toEqual(enough)
})

describeProvider('solapi', () =>
  startContractVendor(
    () => taken,
    (url) => settingsOf(url, { countries: ['1', 'KR'] }),
  ),
)
