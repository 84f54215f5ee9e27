/** Sorts what FCM's refusals mean for a message. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { ProviderError } from './provider.ts'

const refusal = z.object({
  error: z.object({
    message: z.string().default(''),
    status: z.string().default(''),
    details: z.array(z.object({ errorCode: z.string().optional() })).default([]),
  }),
})

/** Google asks for a minute where it names no time. */
const QUOTA_MS = 60_000

interface Meaning {
  readonly code: ErrorCode
  readonly addressDead?: boolean
  readonly aboutProvider?: boolean
}

/** What FCM's own error codes mean, when the message is refused for good. */
const meanings: Readonly<Record<string, Meaning>> = {
  UNREGISTERED: { code: 'ADDRESS_INVALID', addressDead: true },
  INVALID_ARGUMENT: { code: 'PROVIDER_REFUSED' },
  // The device belongs to another Firebase project: a provider with that project's account may reach it.
  SENDER_ID_MISMATCH: { code: 'PROVIDER_REFUSED', aboutProvider: true },
  THIRD_PARTY_AUTH_ERROR: { code: 'PROVIDER_REFUSED', aboutProvider: true },
  UNAUTHENTICATED: { code: 'PROVIDER_REFUSED', aboutProvider: true },
  PERMISSION_DENIED: { code: 'PROVIDER_REFUSED', aboutProvider: true },
}

/**
 * The outcome of an answer other than 200. Only UNREGISTERED says that a device is gone: a bare 404 is also what a wrong project or
 * address gets, and INVALID_ARGUMENT what a wrong message gets.
 */
export function outcomeOf({ status, headers, text }: HttpAnswer, now: number): ProviderError {
  const parsed = refusal.safeParse(jsonOf(text))
  const error = parsed.success ? parsed.data.error : { message: '', status: '', details: [] }
  const name = error.details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? error.status
  const said = excerpt(`FCM answered ${status} ${name}: ${error.message}`)
  const response = excerpt(text)
  const wait = retryAfterMs(headers['retry-after'], now)
  if (status === 429) {
    const more = { retryAfterMs: wait ?? QUOTA_MS, response, aboutProvider: true }
    return new ProviderError('retryable', 'RATE_LIMITED', said, more)
  }
  if (status === 500 || status === 503) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', said, { retryAfterMs: wait, response, aboutProvider: true })
  }
  // Something between us and FCM answered, and doesn't say how far the message came.
  if (status >= 500) return new ProviderError('unknown', 'OUTCOME_UNKNOWN', said, { retryAfterMs: wait, response })
  const fallback: Meaning = { code: 'PROVIDER_REFUSED', aboutProvider: status !== 400 && status !== 413 }
  const meaning = meanings[name] ?? fallback
  const isToken = name === 'INVALID_ARGUMENT' && /registration token/i.test(error.message)
  return new ProviderError('refused', isToken ? 'ADDRESS_INVALID' : meaning.code, said, { ...meaning, response })
}
