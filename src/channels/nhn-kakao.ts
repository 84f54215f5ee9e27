/** The provider `nhn-kakao`: KakaoTalk messages through NHN Cloud KakaoTalk Bizmessage, v2.3. */
import { z } from 'zod'
import { baseUrl } from './extra.ts'
import { createHttpClient, excerpt, jsonOf } from './http.ts'
import { appKey, type FailedDelivery, meaningsOf, readAnswer, readReport, recipientResult, refusalOf, secret } from './nhn.ts'
import { alimtalkExtra, friendtalkExtra, requestOf } from './nhn-kakao-body.ts'
import { countries, createPhoneReader } from './phone.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, type Receipt } from './provider.ts'

const settings = z.strictObject({
  appKey,
  secretKey: secret,
  /** the 40 characters of a KakaoTalk channel's sending profile */
  senderKey: z.string().regex(/^[A-Za-z0-9]{1,40}$/, 'must be a sender key'),
  /** what is entered as signature beside the webhook in NHN's console; without it, delivery reports are refused */
  webhookSignature: secret.optional(),
  countries: countries.default(['KR']),
  baseUrl: baseUrl.default('https://kakaotalk-bizmessage.api.nhncloudservice.com'),
})

const taken = z.object({
  message: z.object({ requestId: z.string().nullish(), sendResults: z.array(recipientResult).nullish() }),
})
const listed = z.object({
  header: z.object({ isSuccessful: z.literal(true) }),
  messageSearchResultResponse: z.object({ messages: z.array(z.object({ requestId: z.string() })).nullable() }),
})

/** The same idempotency key came within ten minutes. */
const REPEATED = -1005

/** By NHN's table of result codes; what is not here speaks of the message, its template or its parameters. */
const meanings = meaningsOf({
  account: [-1006, -1014, -1019, -1024, -1027, -2017, -9992],
  later: [-7000],
  address: [-5000],
  optedOut: [],
  tooLong: [-2000, -2004, -2019, -2030],
})

/** Settings of an `nhn-kakao` provider, defaults filled in. */
export type NhnKakaoSettings = z.output<typeof settings>

/** The kind `nhn-kakao`. */
export const nhnKakao = {
  kind: 'nhn-kakao',
  channels: ['ALIMTALK', 'FRIENDTALK'],
  settings,
  secrets: ['secretKey', 'webhookSignature'],
  extra: (channel) => (channel === 'FRIENDTALK' ? friendtalkExtra : alimtalkExtra),
  create: (given: NhnKakaoSettings, deps: ProviderDeps): Provider => createNhnKakao(given, deps),
} satisfies ProviderKind<NhnKakaoSettings>

/** Makes the provider. `now`: ms, for tests. */
export function createNhnKakao(given: NhnKakaoSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader({ allowed: given.countries, home: '82' })
  const base = { 'x-secret-key': given.secretKey, 'content-type': 'application/json;charset=UTF-8' }

  /**
   * A repeat was refused for its key, so an earlier attempt came to NHN, whatever was heard of it. But also an attempt that NHN then
   * failed may have used up the key: only when NHN lists no such message, it was not taken. Then the outcome is left open, so that it
   * is asked about again, and sent once the key is free again.
   */
  async function findEarlier(service: string, messageId: string, text: string, signal: AbortSignal): Promise<Receipt> {
    const query = new URLSearchParams({
      startRequestDate: koreanMinute(now() - 3_600_000),
      endRequestDate: koreanMinute(now() + 3_600_000),
      recipientGroupingKey: messageId,
    })
    const url = `${given.baseUrl}/${service}/v2.3/appkeys/${given.appKey}/messages?${query}`
    const answer = await http.send({ method: 'GET', url, headers: base, body: null }, signal).catch((error: unknown) => {
      if (error instanceof ProviderError) return null // what can't be asked now is taken at NHN's first word
      throw error
    })
    const parsed = listed.safeParse(answer?.status === 200 ? jsonOf(answer.text) : null)
    const messages = parsed.success ? (parsed.data.messageSearchResultResponse.messages ?? []) : null
    if (messages === null || messages.length > 0) {
      return { providerMessageId: messages?.[0]?.requestId ?? null, response: excerpt(text) }
    }
    const said = 'NHN had this message within the last ten minutes, and does not list it.'
    throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', said, { response: excerpt(text) })
  }

  return {
    kind: 'nhn-kakao',
    limits,
    async send(message, signal) {
      if (message.channel !== 'ALIMTALK' && message.channel !== 'FRIENDTALK') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `KakaoTalk can't carry ${message.channel}.`)
      }
      const to = phones.read(message.address)
      const { path, body } = requestOf(message, to.country === 'KR' ? `0${to.national}` : to.digits, given.senderKey)
      const service = message.channel === 'ALIMTALK' ? 'alimtalk' : 'friendtalk'
      const url = `${given.baseUrl}/${service}/v2.3/appkeys/${given.appKey}${path}`
      // KakaoTalk ended Friendtalk with 2025: NHN takes it only with this header, and sends it as a brand message.
      const converted = message.channel === 'FRIENDTALK' ? { 'x-convert-to-brand-message': 'true' } : {}
      const headers = { ...base, 'x-nc-api-idempotency-key': message.messageId, ...converted }
      const answer = await http.send({ method: 'POST', url, headers, body: JSON.stringify(body) }, signal)
      const { header, rest } = readAnswer(answer)
      if (header.resultCode === REPEATED) return findEarlier(service, message.messageId, answer.text, signal)
      const parsed = taken.safeParse(rest)
      const failed = parsed.success ? parsed.data.message.sendResults?.find(({ resultCode }) => resultCode !== 0) : undefined
      // "All of the receivers failed" is what the header says where the one recipient's own result says why.
      if (failed !== undefined) throw refusalOf(failed, meanings, answer.text)
      if (!header.isSuccessful) throw refusalOf(header, meanings, answer.text)
      return {
        providerMessageId: parsed.success ? (parsed.data.message.requestId ?? null) : null,
        response: excerpt(answer.text),
      }
    },
    verify: (request) => readReport(request, given.webhookSignature, deliveryOf),
    close: () => http.close(),
  }
}

/** `yyyy-MM-dd HH:mm` in Korea, which has no summer time. */
const koreanMinute = (ms: number): string => new Date(ms + 9 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')

/** What KakaoTalk's codes say. Who has no KakaoTalk, or blocked a channel, may have it again: no number is given up for that. */
function deliveryOf(resultCode: string): FailedDelivery {
  const code = resultCode === '3019' ? 'ADDRESS_INVALID' : resultCode === '3020' ? 'OPTED_OUT' : 'PROVIDER_REFUSED'
  return { code, addressDead: false }
}
