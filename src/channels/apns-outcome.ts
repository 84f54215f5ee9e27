/** Sorts what Apple's refusals mean for a message. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import { ProviderError } from './provider.ts'

const refusal = z.object({ reason: z.string() })

/** Apple's word for why it refused; empty where it gave none. */
export function reasonOf({ status, text }: HttpAnswer): string {
  const parsed = status === 200 ? null : refusal.safeParse(jsonOf(text))
  return parsed?.success === true ? parsed.data.reason : ''
}

interface Meaning {
  readonly code: ErrorCode
  readonly addressDead?: boolean
  readonly aboutProvider?: boolean
}

const aboutUs: Meaning = { code: 'PROVIDER_REFUSED', aboutProvider: true }
const gone: Meaning = { code: 'ADDRESS_INVALID', addressDead: true }

/**
 * What a refusal for good means, by Apple's reason. What is not here speaks of the message.
 * BadDeviceToken does not end an address: it is also what every device gets when the provider is set to the other one of production
 * and sandbox, and the price of a mistake is that nobody gets a push any more.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  Unregistered: gone,
  ExpiredToken: gone,
  BadDeviceToken: { code: 'ADDRESS_INVALID' },
  DeviceTokenNotForTopic: { code: 'ADDRESS_INVALID', aboutProvider: true },
  PayloadTooLarge: { code: 'TOO_LARGE' },
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

/** Refusals that another attempt may find gone. */
const passing = new Set(['IdleTimeout', 'InternalServerError', 'ServiceUnavailable', 'Shutdown'])

/** The outcome of an answer other than 200. */
export function outcomeOf(answer: HttpAnswer, now: number): ProviderError {
  const { status, headers, text } = answer
  const reason = reasonOf(answer)
  const said = excerpt(`APNs answered ${status} ${reason}`.trim())
  const more = { retryAfterMs: retryAfterMs(headers['retry-after'], now), response: excerpt(text) }
  if (status === 429) {
    // TooManyRequests speaks of one device.
    const aboutProvider = reason !== 'TooManyRequests'
    return new ProviderError('retryable', 'RATE_LIMITED', said, { ...more, aboutProvider })
  }
  if (status === 500 || status === 503 || passing.has(reason)) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', said, { ...more, aboutProvider: true })
  }
  // Something between us and Apple answered, and doesn't say how far the message came.
  if (status >= 500) return new ProviderError('unknown', 'OUTCOME_UNKNOWN', said, more)
  // Without Apple's own word, 410 is still its word for a device that is gone, and 403 for us.
  const fallback: Meaning = status === 410 ? gone : status === 400 || status === 413 ? { code: 'PROVIDER_REFUSED' } : aboutUs
  const meaning = meanings[reason] ?? fallback
  return new ProviderError('refused', meaning.code, said, { ...meaning, response: more.response })
}
