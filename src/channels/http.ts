/**
 * One HTTP request to a vendor, held in: addresses checked when connecting, no redirects, bounded answers, one time-out for all of it.
 * It says how sure a failure is: nothing was sent, or the vendor may have taken it.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createAddressGuard, guardRefusal } from './address-guard.ts'
import { ProviderError } from './provider.ts'

/** A request. `body`: what goes over the wire, as it is. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  /** the whole exchange; default 15 s */
  readonly timeoutMs?: number
}

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** at most 64 KB of it */
  readonly text: string
}

/** A vendor's HTTP client: connections are kept and reused. */
export interface HttpClient {
  /** @throws ProviderError: `retryable` when nothing can have arrived, `unknown` when it may have, `refused` for a forbidden address */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  /** Lets requests that were begun end, refuses new ones, and ends the connections. */
  close(): Promise<void>
}

const TIMEOUT_MS = 15_000
const ANSWER_BYTES = 65_536

/** Makes a client. `concurrency`: connections to one host. */
export function createHttpClient(deps: { readonly allowPrivateHosts: boolean; readonly concurrency: number }): HttpClient {
  const guard = createAddressGuard(deps)
  // Vendors end idle connections after a minute or so. Ours end well before: a request that meets the vendor's end is of unknown outcome.
  const options = { keepAlive: true, keepAliveMsecs: 10_000, maxSockets: deps.concurrency, timeout: 15_000 }
  const plain = new HttpAgent(options)
  const secure = new HttpsAgent(options)
  const inFlight = new Set<Promise<unknown>>()
  let closed = false

  return {
    async send({ method, url, headers, body, timeoutMs = TIMEOUT_MS }, signal) {
      if (closed) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'The provider was closed.')
      const target = new URL(url)
      guard.checkHost(target.hostname)
      const isSecure = target.protocol === 'https:'
      const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
      /** once the request has gone out whole, the vendor may have acted on it */
      let isSent = false
      const request = (isSecure ? httpsRequest : httpRequest)(target, {
        method,
        headers: { ...headers, ...(body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
        agent: isSecure ? secure : plain,
        lookup: guard.lookup,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      request.on('finish', () => {
        isSent = true
      })
      request.on('error', (error) => reject(failureOf(error, isSent, signal)))
      request.on('response', (response) => {
        read(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, headers: singles(response), text }),
          // The status is known, so the outcome is: what is cut off is only what the vendor had to say about it.
          () => resolve({ status: response.statusCode ?? 0, headers: singles(response), text: '' }),
        )
      })
      request.end(body ?? undefined)
      inFlight.add(promise)
      return promise.finally(() => inFlight.delete(promise))
    },
    async close() {
      closed = true
      // Cutting off a request that has gone out would make its outcome unknown.
      await Promise.allSettled(inFlight)
      plain.destroy()
      secure.destroy()
    },
  }
}

function failureOf(error: Error, isSent: boolean, signal: AbortSignal): ProviderError {
  const refusal = guardRefusal(error)
  if (refusal !== null) return refusal
  const isTimeout = error.name === 'TimeoutError' || error.name === 'AbortError' || signal.aborted
  if (isSent) {
    const what = isTimeout ? 'The provider did not answer in time' : 'The connection was lost before the provider answered'
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', `${what}: it may have taken the message.`, { cause: error })
  }
  return isTimeout
    ? new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The provider could not be reached in time.', { cause: error })
    : new ProviderError('retryable', 'PROVIDER_UNREACHABLE', `The provider could not be reached: ${error.message}`, {
        cause: error,
      })
}

/** Reads an answer up to its limit; what is beyond it is not waited for. */
async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    chunks.push(chunk)
    if (size >= ANSWER_BYTES) {
      response.destroy()
      break
    }
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString('utf8')
}

const singles = ({ headers }: IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]))

/** `Retry-After` in milliseconds, seconds or an HTTP date, within 1 s to 24 h; null where there is none that can be read. */
export function retryAfterMs(value: string | undefined, now: number = Date.now()): number | null {
  if (value === undefined) return null
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? null : Math.min(24 * 3_600_000, Math.max(1_000, ms))
}

/** What an answer said, cut to what is kept of it. */
export const excerpt = (text: string): string => text.slice(0, 1_000)

/** A text as JSON; null where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // what is missing in it, the reader says
  }
}
