/** Google's access token: fetched once for all sends, and again before it expires. */
import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import { excerpt, type HttpClient, jsonOf, retryAfterMs } from './http.ts'
import { ProviderError } from './provider.ts'

/** What is used of a service account's key file. */
export interface ServiceAccount {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id?: string | undefined
  readonly token_uri: string
}

/** A source of access tokens, each valid for some minutes at least. */
export interface TokenSource {
  /** @throws ProviderError: nothing has been sent, so never `unknown` */
  take(signal: AbortSignal): Promise<string>
  /** Google refused this token: the next `take` fetches another. */
  reject(token: string): void
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const TOKEN_MS = 10_000
const LIFE_SECONDS = 3_600
/** Renewed this long before it expires, or after 90 % of a shorter lifetime. */
const MARGIN_MS = 5 * 60_000

const answer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

interface Held {
  readonly token: string
  readonly renewAt: number
  readonly expiresAt: number
}

/** @param now ms; for tests */
export function createTokenSource(account: ServiceAccount, http: HttpClient, now: () => number): TokenSource {
  let held: Held | null = null
  let fetching: Promise<Held> | null = null

  async function fetchToken(): Promise<Held> {
    const at = Math.floor(now() / 1000)
    const key = await importPKCS8(account.private_key, 'RS256')
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(account.private_key_id ? { kid: account.private_key_id } : {}) })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(at)
      .setExpirationTime(at + LIFE_SECONDS)
      .sign(key)
    const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    // A caller may stop waiting; the fetch is shared by all of them, and continues.
    const request = { host: 'provider', method: 'POST', url: account.token_uri, headers, body, timeoutMs: TOKEN_MS } as const
    const { status, headers: answerHeaders, text } = await http.send(request, new AbortController().signal).catch(nothingSent)
    const response = excerpt(text)
    if (status === 429 || status >= 500) {
      const more = { retryAfterMs: retryAfterMs(answerHeaders['retry-after'], now()), response, about: 'provider' } as const
      throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', `Google gave no access token: it answered ${status}.`, more)
    }
    const parsed = status === 200 ? answer.safeParse(jsonOf(text)) : null
    if (parsed?.success !== true) {
      const message = `Google gave no access token: it answered ${status}. Check the service account.`
      // An answer that contains the token is not shown to the operator.
      throw new ProviderError('refused', 'PROVIDER_REFUSED', message, {
        response: status === 200 ? null : response,
        about: 'provider',
      })
    }
    const { access_token: token, expires_in: seconds } = parsed.data
    const expiresAt = now() + seconds * 1000
    return { token, expiresAt, renewAt: expiresAt - Math.min(MARGIN_MS, seconds * 100) }
  }

  function renew(): Promise<Held> {
    fetching ??= fetchToken()
      .then((fetched) => {
        held = fetched
        return fetched
      })
      .finally(() => {
        fetching = null
      })
    return fetching
  }

  return {
    async take(signal) {
      if (signal.aborted) throw stopped(signal)
      if (held !== null && now() < held.renewAt) return held.token
      const renewed = renew()
      // The current token is still valid: no caller waits for the next, or fails with it.
      if (held !== null && now() < held.expiresAt) {
        renewed.catch(() => {})
        return held.token
      }
      const { promise, reject } = Promise.withResolvers<never>()
      const stop = () => reject(stopped(signal))
      signal.addEventListener('abort', stop, { once: true })
      try {
        return (await Promise.race([renewed, promise])).token
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    reject(token) {
      if (held?.token === token) held = null
    },
  }
}

const stopped = (signal: AbortSignal): ProviderError =>
  new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The attempt was stopped before anything was sent.', {
    about: 'provider',
    cause: signal.reason,
  })

/** The outcome of a token request is never unknown to the message: nothing was sent. */
function nothingSent(error: unknown): never {
  if (!(error instanceof ProviderError) || error.outcome !== 'unknown') throw error
  throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'Google gave no access token: no answer came.', {
    cause: error,
    about: 'provider',
  })
}
