/** Classifies Twilio's error codes, of a message that it refuses and of one that it could not deliver. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { type Concern, ProviderError } from './provider.ts'

/** What an error code means. */
export interface TwilioMeaning {
  readonly code: ErrorCode
  readonly addressDead?: boolean
  readonly about: Concern
  /** not taken now, but perhaps later */
  readonly retry?: boolean
}

const dead: TwilioMeaning = { code: 'ADDRESS_INVALID', about: 'address', addressDead: true }
const number: TwilioMeaning = { code: 'ADDRESS_INVALID', about: 'address' }
const account: TwilioMeaning = { code: 'PROVIDER_REFUSED', about: 'provider' }
const later: TwilioMeaning = { code: 'RATE_LIMITED', retry: true, about: 'provider' }
const tooLong: TwilioMeaning = { code: 'TOO_LARGE', about: 'message' }

const groups: readonly (readonly [TwilioMeaning, readonly number[]])[] = [
  // no valid number, no mobile, a landline, a number that is unknown or no longer there
  [dead, [21211, 21614, 21635, 30005]],
  // the recipient replied STOP
  [{ code: 'OPTED_OUT', about: 'address', addressDead: true }, [21610]],
  // a short code, the sender itself, a premium number; 30006 is a landline, or a carrier that can't be reached
  [number, [21265, 21266, 21268, 30006]],
  [tooLong, [21605, 21617]],
  // credentials, a suspended account
  [account, [20003, 20005, 20006, 20008, 20404, 30002]],
  // the sender: not a number, not ours, not one for messages, not for this country
  [account, [21212, 21267, 21603, 21606, 21607, 21612, 21659, 21660, 21661, 21701, 21703, 21705, 30034]],
  // countries that are not enabled, recipients that a trial account has not verified, a callback address that Twilio can't reach
  [account, [21408, 21608, 21609]],
  // more at once than the account, or the sender's queue, accepts
  [later, [14107, 20429, 21611]],
]
const meanings: ReadonlyMap<number, TwilioMeaning> = new Map(
  groups.flatMap(([meaning, codes]) => codes.map((code) => [code, meaning] as const)),
)

/** What a code means; an unknown one only that Twilio refused the message. */
export const meaningOf = (code: number | null): TwilioMeaning =>
  (code === null ? undefined : meanings.get(code)) ?? { code: 'PROVIDER_REFUSED', about: 'message' }

const refusal = z.object({ code: z.number().nullish(), message: z.string().nullish() })

/** The outcome of an answer that is not a success. */
export function outcomeOf({ status, headers, text }: HttpAnswer, now: number): ProviderError {
  const parsed = refusal.safeParse(jsonOf(text))
  const { code = null, message = null } = parsed.data ?? {}
  const summary = excerpt(`Twilio answered ${status}${code === null ? '' : ` with ${code}`}: ${message ?? text}`)
  const response = excerpt(text)
  const wait = retryAfterMs(headers['retry-after'], now)
  if (status === 503) {
    const more = { about: 'provider', retryAfterMs: wait, response } as const
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, more)
  }
  // Twilio or a gateway failed, perhaps after accepting the message, and a second one would reach the phone.
  if (status >= 500)
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, { about: 'provider', retryAfterMs: wait, response })
  const meaning = status === 429 ? later : meaningOf(code)
  if (meaning.retry === true) {
    return new ProviderError('retryable', meaning.code, summary, { about: 'provider', retryAfterMs: wait, response })
  }
  // 401, 403, 404 and redirects are about the account or the URL of the service.
  const about = (code === null && status !== 400) || status === 401 ? 'provider' : meaning.about
  return new ProviderError('refused', meaning.code, summary, { ...meaning, about, response })
}
