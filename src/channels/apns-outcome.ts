/** Classifies Apple's refusals. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { type Concern, ProviderError } from './provider.ts'

const refusal = z.object({ reason: z.string() })

/** Apple's reason for a refusal; empty if it gave none. */
export function reasonOf({ status, text }: HttpAnswer): string {
  const parsed = status === 200 ? null : refusal.safeParse(jsonOf(text))
  return parsed?.success === true ? parsed.data.reason : ''
}

interface Meaning {
  readonly code: ErrorCode
  readonly addressDead?: boolean
  readonly about: Concern
}

const aboutUs: Meaning = { code: 'PROVIDER_REFUSED', about: 'provider' }
const gone: Meaning = { code: 'ADDRESS_INVALID', about: 'address', addressDead: true }

/**
 * What a permanent refusal means, by Apple's reason. Any other reason is about the message.
 * BadDeviceToken does not remove a device: every device gets it if the provider uses the sandbox instead of production, or the reverse,
 * and all of them would be lost.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  Unregistered: gone,
  ExpiredToken: gone,
  BadDeviceToken: { code: 'ADDRESS_INVALID', about: 'address' },
  DeviceTokenNotForTopic: { code: 'ADDRESS_INVALID', about: 'provider' },
  PayloadTooLarge: { code: 'TOO_LARGE', about: 'message' },
  MissingTopic: aboutUs,
  BadTopic: aboutUs,
  TopicDisallowed: aboutUs,
  MissingProviderToken: aboutUs,
  InvalidProviderToken: aboutUs,
  ExpiredProviderToken: aboutUs,
  Forbidden: aboutUs,
  BadCertificate: aboutUs,
  BadCertificateEnvironment: aboutUs,
  BadPath: aboutUs,
  MethodNotAllowed: aboutUs,
}

/** Temporary refusals. */
const passing = new Set(['IdleTimeout', 'InternalServerError', 'ServiceUnavailable', 'Shutdown'])

/** The outcome of an answer other than 200. */
export function outcomeOf(answer: HttpAnswer, now: number): ProviderError {
  const { status, headers, text } = answer
  const reason = reasonOf(answer)
  const summary = excerpt(`APNs answered ${status} ${reason}`.trim())
  const more = { retryAfterMs: retryAfterMs(headers['retry-after'], now), response: excerpt(text) }
  if (status === 429) {
    // TooManyRequests is about one device.
    const about = reason === 'TooManyRequests' ? 'address' : 'provider'
    return new ProviderError('retryable', 'RATE_LIMITED', summary, { ...more, about })
  }
  if (status === 500 || status === 503 || passing.has(reason)) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, { ...more, about: 'provider' })
  }
  // A gateway answered, perhaps after Apple accepted the message.
  if (status >= 500) return new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, { ...more, about: 'provider' })
  // Without a reason, the status decides: 410 is a device that is gone, 403 our credentials.
  const fallback: Meaning =
    status === 410 ? gone : status === 400 || status === 413 ? { code: 'PROVIDER_REFUSED', about: 'message' } : aboutUs
  const meaning = meanings[reason] ?? fallback
  return new ProviderError('refused', meaning.code, summary, { ...meaning, response: more.response })
}
