import { afterEach, describe, expect, it } from 'vitest'
import { createNhnKakao, nhnKakao } from '../../src/channels/nhn-kakao.ts'
import type { CallbackRequest } from '../../src/channels/provider.ts'
import { openProvider, parseSettings } from '../../src/channels/registry.ts'
import type { JsonObject } from '../../src/words.ts'
import { alimtalk, friendtalk, kakaoTaken, nhnRefused } from '../helpers/korea.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { describeFaults } from '../helpers/vendor-faults.ts'
import { startVendor, type VendorAnswer, type VendorRequest } from '../helpers/vendor-http.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const senderKey = 'a1'.repeat(20)
const settingsOf = (baseUrl: string, changes: JsonObject = {}): JsonObject => ({
  appKey: 'app-1',
  secretKey: 'secret-1',
  senderKey,
  webhookSignature: 'hook-1',
  baseUrl,
  ...changes,
})
const taken: VendorAnswer = { status: 200, body: kakaoTaken() }

async function start(answer: (request: VendorRequest, index: number) => VendorAnswer = () => taken) {
  const vendor = await startVendor(answer)
  cleanUps.push(() => vendor.close())
  const settings = nhnKakao.settings.parse(settingsOf(vendor.url))
  const provider = createNhnKakao(settings, { allowPrivateHosts: true }, () => Date.parse('2026-01-02T03:04:05Z'))
  cleanUps.push(() => provider.close())
  return { vendor, provider }
}

describeFaults(alimtalk(), (url, allowPrivateHosts) => openProvider('nhn-kakao', settingsOf(url), { allowPrivateHosts }))

it('sends an Alimtalk of a template with its parameters', async () => {
  const { vendor, provider } = await start()
  const message = alimtalk()
  expect(await provider.send(message, never())).toEqual({
    providerMessageId: '20180810100630KaZQ6KZzAH0',
    response: JSON.stringify(kakaoTaken()),
  })
  const [request] = vendor.requests
  expect(request).toMatchObject({ method: 'POST', path: '/alimtalk/v2.3/appkeys/app-1/messages' })
  expect(request?.headers).toMatchObject({
    'x-secret-key': 'secret-1',
    'x-nc-api-idempotency-key': message.messageId,
    'content-type': 'application/json;charset=UTF-8',
  })
  expect(request?.headers).not.toHaveProperty('x-convert-to-brand-message')
  expect(request?.body).toBe(
    `{"senderKey":"${senderKey}","templateCode":"order-1","recipientList":[{"recipientNo":"01012345678",` +
      `"recipientGroupingKey":"${message.messageId}","templateParameter":{"이름":"안나","count":"3"}}]}`,
  )
})

it('sends an Alimtalk whose text is filled in as raw message', async () => {
  const { vendor, provider } = await start()
  await provider.send(alimtalk({ body: '안나님, 주문 3건' }), never())
  expect(vendor.requests[0]).toMatchObject({ method: 'POST', path: '/alimtalk/v2.3/appkeys/app-1/raw-messages' })
  const [recipient] = JSON.parse(vendor.requests[0]?.body ?? '').recipientList
  expect(recipient).toMatchObject({ recipientNo: '01012345678', content: '안나님, 주문 3건' })
  expect(recipient).not.toHaveProperty('templateParameter')
})

it('sends a Friendtalk to be converted to a brand message', async () => {
  const { vendor, provider } = await start()
  const message = friendtalk({ address: '+82 10 1234 5678', isAd: false })
  await provider.send(message, never())
  const [request] = vendor.requests
  expect(request).toMatchObject({ method: 'POST', path: '/friendtalk/v2.3/appkeys/app-1/messages' })
  expect(request?.headers).toMatchObject({
    'x-secret-key': 'secret-1',
    'x-nc-api-idempotency-key': message.messageId,
    'x-convert-to-brand-message': 'true',
  })
  expect(request?.body).toBe(
    `{"senderKey":"${senderKey}","recipientList":[{"recipientNo":"01012345678","recipientGroupingKey":"${message.messageId}",` +
      `"content":"안녕하세요","isAd":false}]}`,
  )
})

it('merges what the caller adds, and refuses what it does not take before any request', async () => {
  const { vendor, provider } = await start()
  const resendParameter = { isResend: true, resendType: 'SMS', resendContent: '안녕', resendSendNo: '15446859' }
  await provider.send(alimtalk({ extra: { statsId: 's1', resendParameter, buttons: [{ ordering: 1, target: 'out' }] } }), never())
  const buttons = [{ ordering: 1, type: 'WL', name: '보기', linkMo: 'https://m.example' }]
  await provider.send(friendtalk({ extra: { imageUrl: 'https://img.example/1', buttons } }), never())
  const [first, second] = vendor.requests.map(({ body }) => JSON.parse(body))
  expect(first).toMatchObject({ statsId: 's1', recipientList: [{ resendParameter, buttons: [{ ordering: 1, target: 'out' }] }] })
  expect(second).toMatchObject({ recipientList: [{ imageUrl: 'https://img.example/1', buttons }] })
  const wrong: [JsonObject, RegExp][] = [
    [{ senderKey: 'x' }, /^extra\.senderKey: /],
    [{ recipientList: [] }, /^extra\.recipientList: /],
    [{ requestDate: '2030-01-01 00:00' }, /^extra\.requestDate: /],
    [{ buttons: [{ ordering: 1, evil: 'x' }] }, /^extra\.buttons\.0\.evil: /],
    [{ statsId: 'too long for it' }, /^extra\.statsId: /],
  ]
  for (const [extra, said] of wrong) {
    for (const message of [alimtalk({ extra }), friendtalk({ extra })]) {
      const error = provider.send(message, never())
      await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message: expect.stringMatching(said) })
    }
  }
  for (const address of ['+1 415 555 0100', 'abc']) {
    const error = provider.send(alimtalk({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID' })
  }
  expect(vendor.requests).toHaveLength(2)
})

describe('refusals, which come with 200', () => {
  const about = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'provider' }
  const message = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message' }
  const cases: [number, object][] = [
    [4, message],
    [-1000, about],
    [-1001, about],
    [-1006, about],
    [-1027, about],
    [-1031, message],
    [-2001, message],
    [-2017, about],
    [-2019, { outcome: 'refused', code: 'TOO_LARGE' }],
    [-3003, message],
    [-3004, message],
    [-3005, message],
    [-3010, message],
    [-5000, { outcome: 'refused', code: 'ADDRESS_INVALID', about: 'address' }],
    [-7000, { outcome: 'retryable' }],
    [-9992, about],
    [-9999, { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' }],
  ]
  it.each(cases)('code %i', async (code, expected) => {
    for (const body of [nhnRefused(code), kakaoTaken(code)]) {
      const { provider } = await start(() => ({ status: 200, body }))
      const error = provider.send(alimtalk(), never())
      await expect(error).rejects.toMatchObject({ ...expected, response: JSON.stringify(body), addressDead: false })
    }
  })
})

describe('a repeat that NHN refuses for its key', () => {
  const list = (messages: object[]): VendorAnswer => ({
    status: 200,
    body: {
      header: { isSuccessful: true, resultCode: 0, resultMessage: 'SUCCESS' },
      messageSearchResultResponse: { messages, totalCount: messages.length },
    },
  })
  const repeated: VendorAnswer = { status: 200, body: nhnRefused(-1005) }
  const answering = (onList: VendorAnswer) => start(({ method }) => (method === 'GET' ? onList : repeated))

  it('was taken before, and gets the id of that', async () => {
    for (const message of [alimtalk(), friendtalk()]) {
      const { vendor, provider } = await answering(list([{ requestId: 'r1', recipientSeq: 1 }]))
      expect(await provider.send(message, never())).toMatchObject({ providerMessageId: 'r1' })
      const asked = new URL(vendor.requests[1]?.path ?? '', vendor.url)
      expect(vendor.requests[1]).toMatchObject({ method: 'GET', headers: { 'x-secret-key': 'secret-1' }, body: '' })
      expect(asked.pathname).toBe(`/${message.channel.toLowerCase()}/v2.3/appkeys/app-1/messages`)
      expect(Object.fromEntries(asked.searchParams)).toEqual({
        startRequestDate: '2026-01-02 11:04',
        endRequestDate: '2026-01-02 13:04',
        recipientGroupingKey: message.messageId,
      })
    }
  })
  it('counts as taken when NHN does not say what it had', async () => {
    const answers: VendorAnswer[] = ['reset', { status: 500 }, { status: 404 }, { status: 200, body: nhnRefused(-9999) }]
    for (const answer of answers) {
      const { provider } = await answering(answer)
      expect(await provider.send(alimtalk(), never())).toEqual({
        providerMessageId: null,
        response: JSON.stringify(nhnRefused(-1005)),
      })
    }
  })
  it('leaves the outcome open when NHN lists no such message', async () => {
    const { provider } = await answering(list([]))
    await expect(provider.send(alimtalk(), never())).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
  })
  it('is folded after a connection was lost: one message, one key', async () => {
    const { vendor, provider } = await start(({ method }, index) =>
      index === 0 ? 'reset' : method === 'GET' ? list([{ requestId: 'r1' }]) : repeated,
    )
    expect(provider.limits.foldsRepeats).toBe(true)
    await expect(provider.send(alimtalk(), never())).rejects.toMatchObject({ outcome: 'unknown' })
    expect(await provider.send(alimtalk(), never())).toMatchObject({ providerMessageId: 'r1' })
    const keys = vendor.requests.slice(0, 2).map(({ headers }) => headers['x-nc-api-idempotency-key'])
    expect(keys).toEqual([alimtalk().messageId, alimtalk().messageId])
  })
})

describe('delivery reports', () => {
  const hook = (requestId: string, resultCode: string, changes: object = {}) => ({
    kakaoMessageType: 'ALIMTALK_NORMAL',
    requestId,
    recipientSeq: 1,
    resultCode,
    ...changes,
  })
  const request = (hooks: unknown, signature = 'hook-1'): CallbackRequest => ({
    method: 'POST',
    url: 'https://carillon.example/callbacks/1',
    headers: { 'x-toast-webhook-signature': signature },
    rawBody: Buffer.from(JSON.stringify({ productName: 'KakaoTalk Bizmessage', event: 'MESSAGE_RESULT_UPDATE', hooks })),
    now: new Date('2026-01-02T03:04:05Z'),
  })
  it('say what became of messages', async () => {
    const { provider } = await start()
    const hooks = [
      hook('r1', '1000'),
      hook('r2', 'MRC01'),
      hook('r3', 'MRC02'),
      hook('r4', '3019'),
      hook('r5', '3020'),
      hook('r6', '3022', { messageStatus: 'FAILED' }),
      hook('r7', '1000', { messageStatus: 'COMPLETED' }),
      hook('r8', '', { messageStatus: 'SENDING' }),
      hook('r9', 'something'),
    ]
    const failed = { status: 'FAILED', code: 'PROVIDER_REFUSED', addressDead: false }
    expect(provider.verify?.(request(hooks))).toMatchObject([
      { providerMessageId: 'r1', status: 'DELIVERED' },
      { providerMessageId: 'r2', status: 'DELIVERED' },
      { providerMessageId: 'r3', ...failed },
      { providerMessageId: 'r4', ...failed, code: 'ADDRESS_INVALID' },
      { providerMessageId: 'r5', ...failed, code: 'OPTED_OUT' },
      { providerMessageId: 'r6', ...failed },
      { providerMessageId: 'r7', status: 'DELIVERED' },
    ])
  })
  it('are refused without the right signature', async () => {
    const { provider } = await start()
    expect(() => provider.verify?.(request([hook('r1', '1000')], 'forged'))).toThrow(
      expect.objectContaining({ name: 'CarillonError', code: 'UNAUTHENTICATED' }),
    )
  })
})

it('refuses wrong settings, naming the field', () => {
  for (const field of ['appKey', 'secretKey', 'senderKey', 'countries', 'baseUrl']) {
    expect(() => parseSettings('nhn-kakao', 'ALIMTALK', settingsOf('https://kakao.example', { [field]: 'é/' }))).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field: `settings.${field}` }) }),
    )
  }
})

describeProvider('nhn-kakao', () => startContractVendor(() => taken, settingsOf))
