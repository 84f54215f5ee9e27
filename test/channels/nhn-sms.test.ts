import { afterEach, describe, expect, it } from 'vitest'
import type { CallbackRequest } from '../../src/channels/provider.ts'
import { openProvider, parseSettings } from '../../src/channels/registry.ts'
import type { JsonObject } from '../../src/words.ts'
import { nhnRefused, sms, smsTaken } from '../helpers/korea.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { describeFaults } from '../helpers/vendor-faults.ts'
import { startVendor, type VendorAnswer } from '../helpers/vendor-http.ts'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const settingsOf = (baseUrl: string, changes: JsonObject = {}): JsonObject => ({
  appKey: 'app-1',
  secretKey: 'secret-1',
  from: '1544-6859',
  webhookSignature: 'hook-1',
  baseUrl,
  ...changes,
})

async function start(answer: VendorAnswer = { status: 200, body: smsTaken() }, changes: JsonObject = {}) {
  const vendor = await startVendor(() => answer)
  cleanUps.push(() => vendor.close())
  const provider = openProvider('nhn-sms', settingsOf(vendor.url, changes), { allowPrivateHosts: true })
  cleanUps.push(() => provider.close())
  return { vendor, provider }
}

describeFaults(sms(), (url, allowPrivateHosts) => openProvider('nhn-sms', settingsOf(url), { allowPrivateHosts }))

it('sends an SMS', async () => {
  const { vendor, provider } = await start()
  const message = sms()
  expect(await provider.send(message, never())).toEqual({
    providerMessageId: '20180810100630ReZQ6KZzAH0',
    response: JSON.stringify(smsTaken()),
  })
  const [request] = vendor.requests
  expect(request).toMatchObject({ method: 'POST', path: '/sms/v3.0/appKeys/app-1/sender/sms' })
  expect(request?.headers).toMatchObject({
    'x-secret-key': 'secret-1',
    'content-type': 'application/json;charset=UTF-8',
    'content-length': String(request?.raw.length),
  })
  expect(request?.body).toBe(
    `{"body":"안녕하세요","sendNo":"15446859","recipientList":[{"recipientNo":"01012345678","recipientGroupingKey":"${message.messageId}"}]}`,
  )
})

it('sends LMS and MMS with a title: its own, or the beginning of the text', async () => {
  const { vendor, provider } = await start()
  await provider.send(sms({ type: 'LMS', title: '주문' }), never())
  await provider.send(sms({ type: 'MMS', body: `${'가'.repeat(30)}\n끝`, extra: { attachFileIdList: [7] } }), never())
  expect(vendor.requests.map(({ path }) => path)).toEqual(Array(2).fill('/sms/v3.0/appKeys/app-1/sender/mms'))
  const [lms, mms] = vendor.requests.map(({ body }) => JSON.parse(body))
  expect(lms).toMatchObject({ title: '주문', body: '안녕하세요' })
  expect(lms).not.toHaveProperty('attachFileIdList')
  expect(mms).toMatchObject({ title: '가'.repeat(20), attachFileIdList: [7] })
})

it('sends abroad where its countries say so', async () => {
  const { vendor, provider } = await start({ status: 200, body: smsTaken() }, { countries: ['KR', '1'] })
  for (const address of ['+1 (415) 555-0100', '+82 10-1234-5678']) await provider.send(sms({ address }), never())
  const recipients = vendor.requests.map(({ body }) => JSON.parse(body).recipientList[0])
  expect(recipients).toMatchObject([{ internationalRecipientNo: '14155550100' }, { recipientNo: '01012345678' }])
  const { vendor: atHome, provider: korean } = await start()
  for (const address of ['+1 415 555 0100', 'abc', '']) {
    const error = korean.send(sms({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
  }
  expect(atHome.requests).toHaveLength(0)
})

it('merges what the caller adds, and refuses what it does not take before any request', async () => {
  const { vendor, provider } = await start()
  const added = { templateId: 'T1', templateParameter: { 이름: '안나' }, statsId: 's1' }
  await provider.send(sms({ extra: { purpose: 'AD', ...added } }), never())
  await provider.send(sms({ extra: { purpose: 'AUTH' } }), never())
  await provider.send(sms({ type: 'LMS', extra: { purpose: 'AD' } }), never())
  const paths = vendor.requests.map(({ path }) => path.replace('/sms/v3.0/appKeys/app-1', ''))
  expect(paths).toEqual(['/sender/ad-sms', '/sender/auth/sms', '/sender/ad-mms'])
  const body = JSON.parse(vendor.requests[0]?.body ?? '')
  expect(body).toMatchObject({ templateId: 'T1', statsId: 's1', recipientList: [{ templateParameter: { 이름: '안나' } }] })
  expect(body).not.toHaveProperty('purpose')
  const wrong: [Parameters<typeof sms>[0], RegExp][] = [
    [{ extra: { recipientList: [] } }, /^extra\.recipientList: /],
    [{ extra: { sendNo: '1' } }, /^extra\.sendNo: /],
    [{ extra: { requestDate: '2030-01-01 00:00' } }, /^extra\.requestDate: /],
    [{ extra: { attachFileIdList: [1] } }, /^extra\.attachFileIdList: /],
    [{ type: 'LMS', extra: { purpose: 'AUTH' } }, /^extra\.purpose: /],
  ]
  for (const [changes, said] of wrong) {
    const error = provider.send(sms(changes), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message: expect.stringMatching(said) })
  }
  expect(vendor.requests).toHaveLength(3)
})

it('refuses a text of more than 4,000 characters before any request', async () => {
  const { vendor, provider } = await start()
  for (const type of ['SMS', 'LMS'] as const) {
    await provider.send(sms({ type, body: '😀'.repeat(4_000) }), never())
    const sending = provider.send(sms({ type, body: 'x'.repeat(4_001) }), never())
    await expect(sending).rejects.toMatchObject({ outcome: 'refused', code: 'TOO_LARGE' })
  }
  expect(vendor.requests).toHaveLength(2)
})

describe('refusals, which come with 200', () => {
  const about = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'provider' }
  const message = { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message' }
  const cases: [number, object][] = [
    [4, message],
    [-1000, about],
    [-1004, about],
    [-1008, about],
    [-2000, message],
    [-2001, { outcome: 'refused', code: 'ADDRESS_INVALID' }],
    [-2014, message],
    [-2015, { outcome: 'refused', code: 'TOO_LARGE' }],
    [-2016, message],
    [-2019, { outcome: 'refused', code: 'ADDRESS_INVALID', about: 'address' }],
    [-2021, { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' }],
    [-2022, message],
    [-2023, message],
    [-2024, about],
    [-2312, about],
    [-6001, { outcome: 'refused', code: 'OPTED_OUT', addressDead: false }],
    [-6003, message],
    [-8000, message],
    [-9996, about],
    [-9997, message],
    [-9998, about],
    [-9999, { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' }],
    [-77_777, message],
  ]
  it.each(cases)('code %i', async (code, expected) => {
    for (const body of [nhnRefused(code), smsTaken(code)]) {
      const { provider } = await start({ status: 200, body })
      const error = provider.send(sms(), never())
      await expect(error).rejects.toMatchObject({ ...expected, response: JSON.stringify(body), addressDead: false })
    }
  })
  it('with another status speak of the account', async () => {
    for (const status of [401, 403, 404]) {
      const { provider } = await start({ status, body: 'no' })
      await expect(provider.send(sms(), never())).rejects.toMatchObject({ outcome: 'refused', about: 'provider' })
    }
    const { provider } = await start({ status: 400, body: nhnRefused(-2019) })
    await expect(provider.send(sms(), never())).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID' })
  })
})

describe('delivery reports', () => {
  const hook = (changes: object = {}) => ({
    hookId: '20240429205809GcSUXthVA00',
    senderType: 'NORMAL_SMS',
    requestId: 'r1',
    recipientSeq: 1,
    recipientNo: '01012345678',
    messageStatus: 'COMPLETED',
    resultCode: '1000',
    ...changes,
  })
  const request = (hooks: unknown, headers: CallbackRequest['headers'] = { 'x-toast-webhook-signature': 'hook-1' }) => ({
    method: 'POST',
    url: 'https://carillon.example/callbacks/1',
    headers,
    rawBody: Buffer.from(JSON.stringify({ hooksId: 'h1', productName: 'SMS', event: 'MESSAGE_RESULT_UPDATE', hooks })),
    now: new Date('2026-01-02T03:04:05Z'),
  })

  it('say what became of messages', async () => {
    const { provider } = await start()
    const hooks = [
      hook(),
      hook({ requestId: 'r2', messageStatus: 'FAILED', resultCode: '3001' }),
      hook({ requestId: 'r3', messageStatus: 'FAILED', resultCode: '3012' }),
      hook({ requestId: 'r4', messageStatus: 'FAILED', resultCode: '3003' }),
      hook({ requestId: 'r5', messageStatus: 'CANCEL', resultCode: null }),
      hook({ requestId: 'r6', messageStatus: 'DUPLICATED', resultCode: 'E915' }),
      hook({ requestId: 'r7', messageStatus: 'FAILED_AD', resultCode: 'E919' }),
    ]
    const dead = { status: 'FAILED', code: 'ADDRESS_INVALID', addressDead: true }
    const failed = { status: 'FAILED', code: 'PROVIDER_REFUSED', addressDead: false }
    expect(provider.verify?.(request(hooks))).toMatchObject([
      { providerMessageId: 'r1', status: 'DELIVERED', code: null, message: null, addressDead: false },
      { providerMessageId: 'r2', ...dead },
      { providerMessageId: 'r3', ...failed },
      { providerMessageId: 'r4', ...failed, code: 'ADDRESS_INVALID' },
      { providerMessageId: 'r5', ...failed },
      { providerMessageId: 'r6', ...failed },
      { providerMessageId: 'r7', ...failed },
    ])
    const repeated = request(hooks)
    expect(provider.verify?.(repeated)).toEqual(provider.verify?.(repeated))
  })
  it('say nothing where they say nothing that is known', async () => {
    const { provider } = await start()
    const hooks = [hook({ messageStatus: 'SENDING' }), hook({ messageStatus: 'RESEND_AD' }), { requestId: 7 }, null, 'x']
    expect(provider.verify?.(request(hooks))).toEqual([])
    expect(provider.verify?.(request('x'))).toEqual([])
    for (const text of ['', 'null', '[]', '{"event":"UNSUBSCRIBE","hooks":[{"recipientNo":"010"}]}', '\xff']) {
      expect(provider.verify?.({ ...request([]), rawBody: Buffer.from(text, 'latin1') })).toEqual([])
    }
  })
  it('are refused without the right signature', async () => {
    const { provider } = await start()
    const wrong: CallbackRequest['headers'][] = [
      {},
      { 'x-toast-webhook-signature': '' },
      { 'x-toast-webhook-signature': 'hook-2' },
      { 'x-toast-webhook-signature': 'hook-1 ' },
    ]
    const unauthenticated = expect.objectContaining({ name: 'CarillonError', code: 'UNAUTHENTICATED' })
    for (const headers of wrong) expect(() => provider.verify?.(request([hook()], headers))).toThrow(unauthenticated)
    expect(provider.verify?.(request([hook()], { 'x-nhn-webhook-signature': 'hook-1' }))).toHaveLength(1)
    const open = openProvider(
      'nhn-sms',
      { appKey: 'a', secretKey: 's', from: '15446859', baseUrl: 'https://sms.example' },
      { allowPrivateHosts: false },
    )
    cleanUps.push(() => open.close())
    for (const headers of [{}, { 'x-toast-webhook-signature': '' }, { 'x-toast-webhook-signature': 'undefined' }]) {
      expect(() => open.verify?.(request([hook()], headers))).toThrow(unauthenticated)
    }
  })
})

it('refuses wrong settings, naming the field', () => {
  const wrong: [JsonObject, string][] = [
    [{ appKey: '../x' }, 'settings.appKey'],
    [{ secretKey: 'a\r\nb' }, 'settings.secretKey'],
    [{ from: '+82 10' }, 'settings.from'],
    [{ countries: [] }, 'settings.countries'],
    [{ countries: ['KR', 'ZZ'] }, 'settings.countries.1'],
    [{ baseUrl: 'ftp://x' }, 'settings.baseUrl'],
  ]
  for (const [changes, field] of wrong) {
    expect(() => parseSettings('nhn-sms', 'SMS', settingsOf('https://sms.example', changes))).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
    )
  }
})

describeProvider('nhn-sms', () =>
  startContractVendor(
    () => ({ status: 200, body: smsTaken() }),
    (url) => settingsOf(url, { countries: ['1'] }),
  ),
)
