/** Classifies FCM's refusals. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { type Concern, ProviderError } from './provider.ts'

const refusal = z.object({
  error: z.object({
    message: z.string().default(''),
    status: z.string().default(''),
    details: z.array(z.object({ errorCode: z.string().optional() })).default([]),
  }),
})

/** Google's documentation asks for a minute if the answer names no time. */
const QUOTA_MS = 60_000

interface Meaning {
  readonly code: ErrorCode
  readonly addressDead?: boolean
  readonly about: Concern
}

/** FCM's error codes of permanent refusals. */
const meanings: Readonly<Record<string, Meaning>> = {
  UNREGISTERED: { code: 'ADDRESS_INVALID', about: 'address', addressDead: true },
  INVALID_ARGUMENT: { code: 'PROVIDER_REFUSED', about: 'message' },
  // The device belongs to another Firebase project: a provider with that project's account may reach it.
  SENDER_ID_MISMATCH: { code: 'PROVIDER_REFUSED', about: 'provider' },
  THIRD_PARTY_AUTH_ERROR: { code: 'PROVIDER_REFUSED', about: 'provider' },
  UNAUTHENTICATED: { code: 'PROVIDER_REFUSED', about: 'provider' },
  PERMISSION_DENIED: { code: 'PROVIDER_REFUSED', about: 'provider' },
}

/**
 * The outcome of an answer other than 200. Only UNREGISTERED means that a device is gone: a wrong project or URL also gets 404,
 * and an invalid message also gets INVALID_ARGUMENT.
 */
export function outcomeOf({ status, headers, text }: HttpAnswer, now: number): ProviderError {
  const parsed = refusal.safeParse(jsonOf(text))
  const error = parsed.success ? parsed.data.error : { message: '', status: '', details: [] }
  const name = error.details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? error.status
  const summary = excerpt(`FCM answered ${status} ${name}: ${error.message}`)
  const response = excerpt(text)
  const wait = retryAfterMs(headers['retry-after'], now)
  if (status === 429) {
    const more = { about: 'provider', retryAfterMs: wait ?? QUOTA_MS, response } as const
    return new ProviderError('retryable', 'RATE_LIMITED', summary, more)
  }
  if (status === 500 || status === 503) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, { retryAfterMs: wait, response, about: 'provider' })
  }
  // A gateway answered, perhaps after FCM accepted the message.
  if (status >= 500)
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, { about: 'provider', retryAfterMs: wait, response })
  const fallback: Meaning = { code: 'PROVIDER_REFUSED', about: status === 400 || status === 413 ? 'message' : 'provider' }
  const meaning = meanings[name] ?? fallback
  const isToken = name === 'INVALID_ARGUMENT' && /registration token/i.test(error.message)
  if (isToken) return new ProviderError('refused', 'ADDRESS_INVALID', summary, { about: 'address', response })
  return new ProviderError('refused', meaning.code, summary, { ...meaning, response })
}
