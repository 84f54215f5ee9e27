/**
 * What NHN Cloud's two services have in common: how they answer, what their refusals mean, and how they report.
 * Their failures come as HTTP 200: only the answer's header and the recipient's own result show the outcome of a message.
 */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { type CallbackEvent, type CallbackRequest, type Concern, ProviderError } from './provider.ts'
import { checkShared } from './shared-secret.ts'

const headerValue = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be printable, without spaces')

/** The setting `appKey`: part of the URL. */
export const appKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an app key')
  .meta({ title: 'App key', description: "NHN Cloud console, the service's page, URL & Appkey." })

/** The setting `secretKey`: sent as a header. */
export const secretKey = headerValue.meta({
  title: 'Secret key',
  description: "NHN Cloud console, the service's page, URL & Appkey.",
  writeOnly: true,
})

/** The setting `webhookSignature`. */
export const webhookSignature = headerValue.optional().meta({
  title: 'Webhook signature',
  description:
    "The signature entered with the webhook's URL in the NHN Cloud console. Delivery reports must carry it; without it they are refused.",
  writeOnly: true,
})

/** What a refusal means. `retry`: NHN did not accept it, and may later. */
export interface Meaning {
  readonly code: ErrorCode
  readonly retry?: true
  readonly about: Concern
}

const account: Meaning = { code: 'PROVIDER_REFUSED', about: 'provider' }
const later: Meaning = { code: 'PROVIDER_UNREACHABLE', retry: true, about: 'provider' }

/** The codes that both services have. */
const shared: Readonly<Record<string, Meaning>> = {
  '-1000': account,
  '-1001': account,
  '-1002': account,
  '-1003': account,
  '-9995': account,
  '-9996': account,
  '-9998': account,
  '-9999': later,
}

/** One service's documented codes and those that both have. Any other code is about the message. */
export const meaningsOf = (codes: {
  readonly account: readonly number[]
  readonly later: readonly number[]
  readonly address: readonly number[]
  readonly optedOut: readonly number[]
  readonly tooLong: readonly number[]
}): Readonly<Record<string, Meaning>> => ({
  ...shared,
  ...allOf(codes.account, account),
  ...allOf(codes.later, later),
  ...allOf(codes.address, { code: 'ADDRESS_INVALID', about: 'address' }),
  ...allOf(codes.optedOut, { code: 'OPTED_OUT', about: 'address' }),
  ...allOf(codes.tooLong, { code: 'TOO_LARGE', about: 'message' }),
})

const allOf = (codes: readonly number[], meaning: Meaning): Record<string, Meaning> =>
  Object.fromEntries(codes.map((code) => [String(code), meaning]))

const result = z.object({ resultCode: z.number(), resultMessage: z.string().nullish() })
/** How either service reports on one recipient. */
export const recipientResult = result
const answered = z.object({ header: result.extend({ isSuccessful: z.boolean() }) })

/** The header and the rest of an answer that NHN gave. @throws ProviderError when something else answered, or not with 200 */
export function readAnswer({ status, headers, text }: HttpAnswer): {
  header: z.output<typeof answered>['header']
  rest: unknown
} {
  const response = excerpt(text)
  const summary = excerpt(`NHN answered ${status}: ${text}`)
  const wait = retryAfterMs(headers['retry-after'])
  const about = { retryAfterMs: wait, response, about: 'provider' } as const
  if (status === 429) throw new ProviderError('retryable', 'RATE_LIMITED', summary, about)
  if (status === 503) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, about)
  // NHN or a gateway failed, perhaps after accepting the message.
  if (status >= 500) throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, about)
  const body = jsonOf(text)
  const parsed = answered.safeParse(body)
  const isOk = status >= 200 && status < 300
  if (parsed.success && (isOk || !parsed.data.header.isSuccessful)) return { header: parsed.data.header, rest: body }
  // A success that can't be read may be the message's, cut off.
  if (isOk) throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, { about: 'provider', response })
  throw new ProviderError('refused', 'PROVIDER_REFUSED', summary, {
    about: status === 400 || status === 413 ? 'message' : 'provider',
    response,
  })
}

/** The outcome of a refusal. */
export function refusalOf(
  { resultCode, resultMessage }: z.output<typeof result>,
  meanings: Readonly<Record<string, Meaning>>,
  text: string,
): ProviderError {
  const { code, about, retry = false } = meanings[String(resultCode)] ?? { code: 'PROVIDER_REFUSED', about: 'message' }
  const summary = excerpt(`NHN refused it with ${resultCode}: ${resultMessage ?? ''}`)
  return new ProviderError(retry ? 'retryable' : 'refused', code, summary, { about, response: excerpt(text) })
}

const report = z.object({
  event: z.string(),
  hooks: z.array(z.unknown()).max(10_000),
})
const hook = z.object({
  requestId: z.string().min(1),
  messageStatus: z.string().nullish(),
  resultCode: z.union([z.string(), z.number().transform(String)]).nullish(),
})

/** What a delivery code means. */
export interface FailedDelivery {
  readonly code: ErrorCode
  readonly addressDead: boolean
}

/** SMS reports `1000`; KakaoTalk `1000` or, where it only distinguishes success from failure, `MRC01`. */
const successes: readonly string[] = ['1000', 'MRC01']
const failures: readonly string[] = ['FAILED', 'CANCEL', 'DUPLICATED', 'FAILED_AD']

/**
 * Reads a delivery report. NHN does not sign: the report carries the text entered with the webhook's URL in NHN's console. Someone who
 * has seen a report can replay it, without effect: a message never returns to an earlier state.
 * @throws CarillonError UNAUTHENTICATED
 */
export function readReport(
  request: CallbackRequest,
  signature: string | undefined,
  meaningOf: (resultCode: string) => FailedDelivery,
): readonly CallbackEvent[] {
  const given = request.headers['x-toast-webhook-signature'] ?? request.headers['x-nhn-webhook-signature']
  checkShared(given, signature)
  const parsed = report.safeParse(jsonOf(Buffer.from(request.rawBody).toString('utf8')))
  if (!parsed.success || parsed.data.event !== 'MESSAGE_RESULT_UPDATE') return []
  return parsed.data.hooks.flatMap((one): CallbackEvent[] => {
    const parsedHook = hook.safeParse(one)
    if (!parsedHook.success) return []
    const { requestId, messageStatus, resultCode } = parsedHook.data
    const isDone = messageStatus === 'COMPLETED' || (messageStatus ?? null) === null
    const isSuccess = isDone && (successes.includes(resultCode ?? '') || (messageStatus === 'COMPLETED' && !resultCode))
    const event = { providerMessageId: requestId, code: null, message: null, addressDead: false }
    if (isSuccess) return [{ ...event, status: 'DELIVERED' }]
    const isFailure = failures.includes(messageStatus ?? '') || (isDone && /^[A-Z]{0,3}\d{2,4}$/.test(resultCode ?? ''))
    if (!isFailure) return []
    const { code, addressDead } = meaningOf(resultCode ?? '')
    const message = `NHN reported ${[messageStatus, resultCode].filter(Boolean).join(' ')}.`
    return [{ ...event, status: 'FAILED', code, message, addressDead }]
  })
}
