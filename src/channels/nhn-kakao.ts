/** The provider `nhn-kakao`: KakaoTalk messages through NHN Cloud KakaoTalk Bizmessage, v2.3. */
import { z } from 'zod'
import { HOME_COUNTRY } from '../values/phone.ts'
import { createHttpClient, excerpt, jsonOf } from './http.ts'
import {
  appKey,
  type FailedDelivery,
  meaningsOf,
  readAnswer,
  readReport,
  recipientResult,
  refusalOf,
  secretKey,
  webhookSignature,
} from './nhn.ts'
import { alimtalkExtra, friendtalkExtra, MAX_LENGTH, requestOf } from './nhn-kakao-body.ts'
import { countries, countriesInfo, createPhoneReader, dialPlan, homeNumbers } from './phone.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, type Receipt } from './provider.ts'
import { apiUrl } from './settings.ts'

const settings = z.strictObject({
  appKey,
  secretKey,
  senderKey: z
    .string()
    .regex(/^[A-Za-z0-9]{1,40}$/, 'must be a sender key')
    .meta({
      title: 'Sender key',
      description:
        "The 40 characters of a KakaoTalk channel's sender profile. NHN Cloud console, KakaoTalk Bizmessage, Sender profile.",
    }),
  webhookSignature,
  countries: countries.prefault([HOME_COUNTRY]).meta(countriesInfo),
  baseUrl: apiUrl('https://kakaotalk-bizmessage.api.nhncloudservice.com'),
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

/** By NHN's table of result codes; any other code is about the message, its template or its parameters. */
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
  title: 'NHN Cloud KakaoTalk Bizmessage',
  channels: ['ALIMTALK', 'FRIENDTALK'],
  settings,
  dials: homeNumbers,
  carries: (_channel, { body }) => body <= MAX_LENGTH,
  extra: (channel) => (channel === 'FRIENDTALK' ? friendtalkExtra : alimtalkExtra),
  create: (given: NhnKakaoSettings, deps: ProviderDeps): Provider => createNhnKakao(given, deps),
} satisfies ProviderKind<NhnKakaoSettings>

/** `now`: ms, for tests. */
export function createNhnKakao(given: NhnKakaoSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader(dialPlan(homeNumbers, given.countries))
  const base = { 'x-secret-key': given.secretKey, 'content-type': 'application/json;charset=UTF-8' }

  /**
   * A repeat was refused for its idempotency key, so an earlier attempt reached NHN. It may have failed there and used up the key all the
   * same: if NHN lists no such message, it was not accepted. The outcome is then reported as unknown, so that the message is attempted
   * again, and sent once the key has expired.
   */
  async function findEarlier(service: string, messageId: string, text: string, signal: AbortSignal): Promise<Receipt> {
    const query = new URLSearchParams({
      startRequestDate: koreanMinute(now() - 3_600_000),
      endRequestDate: koreanMinute(now() + 3_600_000),
      recipientGroupingKey: messageId,
    })
    const url = `${given.baseUrl}/${service}/v2.3/appkeys/${given.appKey}/messages?${query}`
    const answer = await http
      .send({ host: 'provider', method: 'GET', url, headers: base, body: null }, signal)
      .catch((error: unknown) => {
        if (error instanceof ProviderError) return null // NHN can't be reached, so its first answer counts
        throw error
      })
    const parsed = listed.safeParse(answer?.status === 200 ? jsonOf(answer.text) : null)
    const messages = parsed.success ? (parsed.data.messageSearchResultResponse.messages ?? []) : null
    if (messages === null || messages.length > 0) {
      return { providerMessageId: messages?.[0]?.requestId ?? null, response: excerpt(text) }
    }
    const summary = 'NHN had this message within the last ten minutes, and does not list it.'
    throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, { about: 'message', response: excerpt(text) })
  }

  return {
    kind: 'nhn-kakao',
    limits,
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'ALIMTALK' && message.channel !== 'FRIENDTALK') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `KakaoTalk can't carry ${message.channel}.`, {
          about: 'message',
        })
      }
      const to = phones.read(message.address)
      const { path, body } = requestOf(message, to.country === 'KR' ? `0${to.national}` : to.digits, given.senderKey)
      const service = message.channel === 'ALIMTALK' ? 'alimtalk' : 'friendtalk'
      const url = `${given.baseUrl}/${service}/v2.3/appkeys/${given.appKey}${path}`
      // KakaoTalk ended Friendtalk with 2025: NHN accepts it only with this header, and sends it as a brand message.
      const converted = message.channel === 'FRIENDTALK' ? { 'x-convert-to-brand-message': 'true' } : {}
      const headers = { ...base, 'x-nc-api-idempotency-key': message.messageId, ...converted }
      const answer = await http.send({ host: 'provider', method: 'POST', url, headers, body: JSON.stringify(body) }, signal)
      const { header, rest } = readAnswer(answer)
      if (header.resultCode === REPEATED) return findEarlier(service, message.messageId, answer.text, signal)
      const parsed = taken.safeParse(rest)
      const failed = parsed.success ? parsed.data.message.sendResults?.find(({ resultCode }) => resultCode !== 0) : undefined
      // The recipient's own result gives the reason; the header has only "all of the receivers failed".
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

/** What KakaoTalk's codes mean. A person without KakaoTalk, or who blocked the channel, may change that: the number is not suppressed. */
function deliveryOf(resultCode: string): FailedDelivery {
  const code = resultCode === '3019' ? 'ADDRESS_INVALID' : resultCode === '3020' ? 'OPTED_OUT' : 'PROVIDER_REFUSED'
  return { code, addressDead: false }
}
