/** The provider `solapi`: text messages, and KakaoTalk's, through SOLAPI v4. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { HOME_COUNTRY } from '../values/phone.ts'
import { createHttpClient, excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { countries, countriesInfo, createPhoneReader, dialPlan, homeNumbers } from './phone.ts'
import {
  type CallbackEvent,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type Receipt,
} from './provider.ts'
import { apiUrl } from './settings.ts'
import { checkShared } from './shared-secret.ts'
import { carries, kakaoExtra, messageOf, textExtra } from './solapi-body.ts'
import { isAccountError, meaningOf } from './solapi-outcome.ts'

const key = z.string().regex(/^[A-Za-z0-9]{1,100}$/, 'must be letters and digits')

const settings = z.strictObject({
  apiKey: key.meta({ title: 'API key', description: 'SOLAPI console, API keys.' }),
  apiSecret: key.meta({ title: 'API secret', description: 'Shown with the API key. SOLAPI console, API keys.', writeOnly: true }),
  from: z
    .string()
    .regex(/^\d[\d-]{2,19}$/, 'must be a number, as it is registered with SOLAPI')
    .optional()
    .meta({
      title: 'From',
      description: 'The sender number, as it is registered in the SOLAPI console, Sender numbers. Required for SMS.',
      examples: ['029302266'],
    }),
  pfId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,100}$/, 'must be a pfId')
    .optional()
    .meta({
      title: 'KakaoTalk channel ID (pfId)',
      description: 'Begins with KA01PF. SOLAPI console, KakaoTalk channels. Required for ALIMTALK and FRIENDTALK.',
    }),
  friendtalk: z.enum(['BMS_FREE', 'CTA']).default('BMS_FREE').meta({
    title: 'Friendtalk is sent as',
    description: "BMS_FREE: KakaoTalk's brand message. CTA: Friendtalk as it was until the end of 2025.",
    'x-advanced': true,
  }),
  webhookSecret: z.string().min(1).max(200).optional().meta({
    title: 'Webhook secret',
    description: 'The secret of the webhook in the SOLAPI console. Delivery reports must carry it; without it they are refused.',
    writeOnly: true,
  }),
  countries: countries.prefault([HOME_COUNTRY]).meta(countriesInfo),
  baseUrl: apiUrl('https://api.solapi.com'),
})

/** Settings of a `solapi` provider, defaults filled in. */
export type SolapiSettings = z.output<typeof settings>

/** The kind `solapi`. */
export const solapi = {
  kind: 'solapi',
  title: 'SOLAPI',
  channels: ['SMS', 'ALIMTALK', 'FRIENDTALK'],
  smsEncoding: 'EUC-KR',
  settings,
  needs: (channel) => (channel === 'SMS' ? ['from'] : ['pfId']),
  dials: homeNumbers,
  carries,
  extra: (channel) => (channel === 'SMS' ? textExtra : kakaoExtra),
  create: (given: SolapiSettings, deps: ProviderDeps): Provider => createSolapi(given, deps),
} satisfies ProviderKind<SolapiSettings>

/** `now`: ms, for tests. */
export function createSolapi(given: SolapiSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader(dialPlan(homeNumbers, given.countries))
  return {
    kind: 'solapi',
    limits,
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'SMS' && message.channel !== 'ALIMTALK' && message.channel !== 'FRIENDTALK') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `SOLAPI can't carry ${message.channel}.`, { about: 'message' })
      }
      // The list makes the answer name the message's id, and a refusal its code: one that failed comes with 200 all the same.
      const body = JSON.stringify({ messages: [messageOf(message, phones.read(message.address), given)], showMessageList: true })
      const headers = { authorization: authorization(given, now()), 'content-type': 'application/json' }
      const url = `${given.baseUrl}/messages/v4/send-many/detail`
      return receiptOf(await http.send({ host: 'provider', method: 'POST', url, headers, body }, signal))
    },
    verify({ headers, rawBody }) {
      const { webhookSecret } = given
      // SOLAPI does not sign its reports: it sends the digest of a secret with them.
      checkShared(headers['x-solapi-secret'], webhookSecret && createHash('sha1').update(webhookSecret).digest('hex'))
      const parsed = reports.safeParse(jsonOf(Buffer.from(rawBody).toString('utf8')))
      return parsed.success ? parsed.data.flatMap(eventsOf) : []
    },
    close: () => http.close(),
  }
}

/** A signature is good for one request, for fifteen minutes. */
function authorization({ apiKey, apiSecret }: SolapiSettings, now: number): string {
  const date = new Date(now).toISOString()
  const salt = randomBytes(32).toString('hex')
  const signature = createHmac('sha256', apiSecret)
    .update(date + salt)
    .digest('hex')
  return `HMAC-SHA256 apiKey=${apiKey}, date=${date}, salt=${salt}, signature=${signature}`
}

const entry = z.object({ messageId: z.string().nullish(), statusCode: z.string(), statusMessage: z.string().nullish() })
const detail = z.object({
  groupInfo: z.object({ count: z.object({ total: z.number(), registeredFailed: z.number() }) }),
  failedMessageList: z.array(entry).nullish(),
  messageList: z.array(entry).nullish(),
})
const refusal = z.object({ errorCode: z.string(), errorMessage: z.string().nullish() })

/** @throws ProviderError when the message was refused, or may have been */
function receiptOf({ status, headers, text }: HttpAnswer): Receipt {
  const response = excerpt(text)
  const wait = retryAfterMs(headers['retry-after'])
  const body = jsonOf(text)
  if (status >= 200 && status < 300) {
    const parsed = detail.safeParse(body)
    if (!parsed.success)
      throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', 'SOLAPI answered what can not be read.', {
        about: 'provider',
        response,
      })
    const { failedMessageList, messageList, groupInfo } = parsed.data
    const sent = messageList?.[0]
    const failed = failedMessageList?.[0] ?? messageList?.find(({ statusCode }) => !/^[24]/.test(statusCode))
    const isFailed = failed !== undefined || groupInfo.count.registeredFailed >= Math.max(1, groupInfo.count.total)
    if (!isFailed) return { providerMessageId: sent?.messageId ?? null, response }
    const summary = excerpt(`SOLAPI refused it with ${failed?.statusCode ?? 'no code'}: ${failed?.statusMessage ?? ''}`)
    const { code, about } = meaningOf(failed?.statusCode ?? '')
    throw new ProviderError('refused', code, summary, { about, response })
  }
  const parsed = refusal.safeParse(body)
  const errorCode = parsed.success ? parsed.data.errorCode : ''
  const summary = excerpt(`SOLAPI answered ${status} ${errorCode}: ${parsed.success ? (parsed.data.errorMessage ?? '') : text}`)
  const ours = { about: 'provider', retryAfterMs: wait, response } as const
  if (status === 429) throw new ProviderError('retryable', 'RATE_LIMITED', summary, ours)
  if (status === 503) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, ours)
  // The signature was used before: a proxy sent the request twice, and the first one may have been accepted.
  if (status >= 500 || errorCode === 'DuplicatedSignature') {
    throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, ours)
  }
  throw new ProviderError('refused', 'PROVIDER_REFUSED', summary, {
    about: isAccountError(status, errorCode) ? 'provider' : 'message',
    response,
  })
}

const reports = z.array(z.unknown()).max(10_000)
const report = z.object({ messageId: z.string().min(1), statusCode: z.string(), statusMessage: z.string().nullish() })

function eventsOf(one: unknown): CallbackEvent[] {
  const parsed = report.safeParse(one)
  if (!parsed.success) return []
  const { messageId: providerMessageId, statusCode, statusMessage } = parsed.data
  const event = { providerMessageId, code: null, message: null, addressDead: false }
  if (statusCode === '4000') return [{ ...event, status: 'DELIVERED' }]
  if (statusCode === '3000') return [{ ...event, status: 'SENT' }]
  if (!/^[13]\d{3}$/.test(statusCode)) return []
  const message = excerpt(`SOLAPI reported ${statusCode}: ${statusMessage ?? ''}`)
  return [{ ...event, status: 'FAILED', code: meaningOf(statusCode).code, message }]
}
