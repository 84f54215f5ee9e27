/**
 * One HTTP request to a vendor: addresses are checked when connecting, redirects are not followed, the answer's size and the total time are
 * limited. Failures are distinguished: nothing was sent, or the vendor may have accepted it.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { canNotExist, hostOfUrl } from '../values/host.ts'
import { createAddressGuard, guardRefusal } from './address-guard.ts'
import { createHostNames, type HostNames } from './host-names.ts'
import { type HostOwner, ProviderError, Rehearsed } from './provider.ts'

/** A request to a vendor. */
export interface HttpRequest {
  /** whose host it goes to: whom it concerns when there is no answer */
  readonly host: HostOwner
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** sent unchanged */
  readonly body: string | Uint8Array | null
  /** the whole exchange; default 15 s */
  readonly timeoutMs?: number
}

/** A vendor's response, with any status. */
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
  /** Waits for the requests under way, refuses new ones, and closes the connections. */
  close(): Promise<void>
}

const TIMEOUT_MS = 15_000
const ANSWER_BYTES = 65_536

/** `concurrency`: connections to one host. `rehearses`, `names`: as in `ProviderDeps` */
export function createHttpClient(deps: {
  readonly allowPrivateHosts: boolean
  readonly concurrency: number
  readonly rehearses?: boolean
  readonly names?: HostNames
}): HttpClient {
  const { allowPrivateHosts, names = createHostNames({ allowPrivateHosts }) } = deps
  const guards = {
    provider: createAddressGuard({ allowPrivateHosts }),
    host: createAddressGuard({ allowPrivateHosts, names }),
  } satisfies Record<HostOwner, unknown>
  // Vendors close idle connections after about a minute. Closing ours well before avoids requests of unknown outcome on a closing connection.
  const options = { keepAlive: true, keepAliveMsecs: 10_000, maxSockets: deps.concurrency, timeout: 15_000 }
  const plain = new HttpAgent(options)
  const secure = new HttpsAgent(options)
  const inFlight = new Set<Promise<unknown>>()
  let closed = false

  return {
    async send({ host, method, url, headers, body, timeoutMs = TIMEOUT_MS }, signal) {
      if (closed) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'The provider was closed.', { about: 'provider' })
      const target = new URL(url)
      const guard = guards[host]
      try {
        guard.checkHost(target.hostname)
      } catch (error) {
        throw failureOf(error, false, signal, host, target)
      }
      if (deps.rehearses === true) throw new Rehearsed()
      const isSecure = target.protocol === 'https:'
      const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
      /** once the whole request was sent, the vendor may have acted on it */
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
      request.on('error', (error) => reject(failureOf(error, isSent, signal, host, target)))
      request.on('response', (response) => {
        read(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, headers: singles(response), text }),
          // The status alone decides the outcome; only the vendor's explanation is lost.
          () => resolve({ status: response.statusCode ?? 0, headers: singles(response), text: '' }),
        )
      })
      request.end(body ?? undefined)
      inFlight.add(promise)
      return promise.finally(() => inFlight.delete(promise))
    },
    async close() {
      closed = true
      // Aborting a request that was sent would make its outcome unknown.
      await Promise.allSettled(inFlight)
      plain.destroy()
      secure.destroy()
    },
  }
}

/** Why there is no answer. What is about the host of an address names that host: `forget.ts` finds its earlier failures by it. */
function failureOf(error: unknown, isSent: boolean, signal: AbortSignal, host: HostOwner, target: URL): ProviderError {
  const refusal = guardRefusal(error)
  // An address that points inside is refused at every provider; a vendor's URL that does is a setting of the provider.
  if (refusal !== null && host === 'host') {
    return new ProviderError('refused', refusal.code, refusal.message, { about: 'address', cause: error })
  }
  if (refusal !== null) return refusal
  const cause = error instanceof Error ? error : new Error(String(error))
  const isTimeout = cause.name === 'TimeoutError' || cause.name === 'AbortError' || signal.aborted
  const name = hostOfUrl(target.href) ?? target.host
  const who = host === 'host' ? `host ${name}` : 'provider'
  if (isSent) {
    const what = isTimeout ? `The ${who} did not answer in time` : `The connection was lost before the ${who} answered`
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', `${what}: it may have taken the message.`, { about: host, cause })
  }
  if (host === 'host' && 'code' in cause && cause.code === 'ENOTFOUND') return notFound(name, cause)
  const [unreachable, late] =
    host === 'host'
      ? (['HOST_UNREACHABLE', 'HOST_UNREACHABLE'] as const)
      : (['PROVIDER_UNREACHABLE', 'PROVIDER_TIMEOUT'] as const)
  return isTimeout
    ? new ProviderError('retryable', late, `The ${who} could not be reached in time.`, { about: host, cause })
    : new ProviderError('retryable', unreachable, `The ${who} could not be reached: ${cause.message}`, { about: host, cause })
}

/** The name has no address: a mistake of a name server at worst, unless it is one that can't exist. */
const notFound = (name: string, cause: Error): ProviderError =>
  canNotExist(name)
    ? new ProviderError('refused', 'HOST_NOT_FOUND', `The host ${name} can not exist: the address was dropped.`, {
        about: 'address',
        addressDead: true,
        cause,
      })
    : new ProviderError('retryable', 'HOST_NOT_FOUND', `The host ${name} does not exist: its name has no address.`, {
        about: 'host',
        cause,
      })

/** Reads an answer up to the limit, and does not wait for the rest. */
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

/** An answer's text, cut to the length that is stored. */
export const excerpt = (text: string): string => text.slice(0, 1_000)

/** Parses JSON; null if the text is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // the caller's schema reports what is missing
  }
}
