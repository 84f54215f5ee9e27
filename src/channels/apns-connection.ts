/**
 * One HTTP/2 connection for all requests to a host, opened when it is needed and replaced when it fails. Failures are distinguished: a request
 * that the server never processed (connection refused, GOAWAY before it, REFUSED_STREAM) is retryable, any other is of unknown outcome.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { type AddressGuard, guardRefusal } from './address-guard.ts'
import type { HttpAnswer } from './http.ts'
import { ProviderError } from './provider.ts'

/** How long things may take, ms. */
export interface Http2Times {
  /** TCP, TLS and the server's settings */
  readonly connectMs: number
  /** one request, waiting for a connection included */
  readonly requestMs: number
  /** interval of the PING frames that check a connection */
  readonly pingMs: number
  /** how long the server may take to acknowledge a PING */
  readonly pongMs: number
  /** a connection is closed after this time without a request */
  readonly idleMs: number
}

/** A client of one host. */
export interface Http2Client {
  /** @throws ProviderError: `retryable` when the server has surely not processed it, else `unknown`; `refused` for a forbidden address */
  post(path: string, headers: Http2Headers, body: string, signal: AbortSignal): Promise<HttpAnswer>
  /** Waits for the requests under way, refuses new ones, and closes the connection. */
  close(): Promise<void>
}

/** A header that is undefined is not sent. */
type Http2Headers = Readonly<Record<string, string | undefined>>

interface Connection {
  readonly session: ClientHttp2Session
  /** requests under way */
  open: number
  usedAt: number
  /** the server has not processed, and won't process, streams after this one */
  lastStreamId: number
  /** sends a PING now; without an answer the connection is destroyed */
  check(): void
}

const ANSWER_BYTES = 65_536
const LAST_ID = 2 ** 31 - 1

/** Creates a client of `origin` (`https://host`, or `http://host` for HTTP/2 without TLS). */
export function createHttp2Client(origin: string, guard: AddressGuard, times: Http2Times): Http2Client {
  const inFlight = new Set<Promise<HttpAnswer>>()
  const waiting: (() => void)[] = []
  let current: Connection | null = null
  let connecting: Promise<void> | null = null
  let closed = false

  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake()
  }

  function open(): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    guard.checkHost(new URL(origin).hostname)
    const session = connect(origin, { lookup: guard.lookup, settings: { enablePush: false } })
    const connection: Connection = { session, open: 0, usedAt: performance.now(), lastStreamId: LAST_ID, check }
    let cause: Error | undefined
    const tooLate = setTimeout(() => session.destroy(new LateError('The connection took too long.')), times.connectMs)
    const pinging = setInterval(check, times.pingMs).unref()
    let pong: NodeJS.Timeout | undefined

    function check(): void {
      if (session.closed || session.destroyed || pong !== undefined) return
      if (connection.open === 0 && performance.now() - connection.usedAt > times.idleMs) {
        retire()
        session.close()
        return
      }
      pong = setTimeout(() => session.destroy(new LateError('The connection is dead.')), times.pongMs)
      // If the connection closes first, the callback gets an error: the `close` event deals with that.
      session.ping(() => {
        clearTimeout(pong)
        pong = undefined
      })
    }

    function retire(): void {
      if (current === connection) current = null
      wakeAll()
    }

    session.on('remoteSettings', () => {
      clearTimeout(tooLate)
      resolve(connection)
      wakeAll()
    })
    session.on('goaway', (_code, lastStreamId) => {
      connection.lastStreamId = Math.min(connection.lastStreamId, lastStreamId)
      retire()
    })
    session.on('error', (error) => {
      cause = error
    })
    session.on('close', () => {
      clearTimeout(tooLate)
      clearTimeout(pong)
      clearInterval(pinging)
      retire()
      reject(notReached(cause))
    })
    return promise
  }

  /** Waits for a connection that accepts one more request, and counts the request on it. */
  async function take(stop: AbortSignal): Promise<Connection> {
    for (;;) {
      if (stop.aborted) throw notReached(late(stop))
      if (current?.session.closed === true || current?.session.destroyed === true) current = null
      const connection = current
      if (connection === null) {
        connecting ??= open()
          .then((opened) => {
            if (!opened.session.closed) current = opened
          })
          .finally(() => {
            connecting = null
          })
        await unlessStopped(connecting, stop)
      } else if (connection.open < (connection.session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY)) {
        connection.open++
        return connection
      } else {
        // The server limits its concurrent streams (Apple: to one, until a request has carried a valid token).
        await unlessStopped(new Promise<void>((resolve) => waiting.push(resolve)), stop)
      }
    }
  }

  async function request(path: string, headers: Http2Headers, body: string, signal: AbortSignal): Promise<HttpAnswer> {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(times.requestMs)])
    const connection = await take(stop)
    try {
      if (stop.aborted) throw notReached(late(stop))
      connection.usedAt = performance.now()
      return await exchange(connection, begin(connection, path, headers), body, stop)
    } finally {
      connection.open--
      wakeAll()
    }
  }

  return {
    async post(path, headers, body, signal) {
      if (closed) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'The provider was closed.', { about: 'provider' })
      const answer = request(path, headers, body, signal)
      inFlight.add(answer)
      return answer.finally(() => inFlight.delete(answer))
    },
    async close() {
      closed = true
      // Aborting a request that was sent would make its outcome unknown.
      await Promise.allSettled(inFlight)
      await connecting?.catch(() => {})
      current?.session.destroy()
    },
  }
}

/** A time limit of ours ended a request or a connection. */
class LateError extends Error {
  override readonly name = 'LateError'
}

function begin({ session }: Connection, path: string, headers: Http2Headers): ClientHttp2Stream {
  try {
    return session.request({ ':method': 'POST', ':path': path, ...headers })
  } catch (cause) {
    // The connection was closed in the meantime.
    throw notReached(cause)
  }
}

function exchange(connection: Connection, stream: ClientHttp2Stream, body: string, stop: AbortSignal): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const chunks: Buffer[] = []
  let size = 0
  let answered: { status: number; headers: Record<string, string | undefined> } | null = null
  let cause: unknown
  const onStop = () => {
    cause = late(stop)
    stream.close(constants.NGHTTP2_CANCEL)
    // The connection may be dead without having been closed: check it before the next request uses it.
    connection.check()
  }
  stop.addEventListener('abort', onStop, { once: true })
  stream.on('response', (headers) => {
    const texts = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)])
    answered = { status: headers[':status'] ?? 0, headers: Object.fromEntries(texts) }
  })
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size >= ANSWER_BYTES) stream.close(constants.NGHTTP2_CANCEL)
  })
  stream.on('error', (error) => {
    cause ??= error
  })
  stream.on('close', () => {
    stop.removeEventListener('abort', onStop)
    const text = Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString('utf8')
    // A status is an outcome, even where the rest of the answer is missing.
    if (answered !== null) return resolve({ ...answered, text })
    const isUnprocessed = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (stream.id ?? LAST_ID) > connection.lastStreamId
    reject(isUnprocessed ? notReached(cause) : lost(cause))
  })
  stream.end(body)
  return promise
}

async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onStop = () => reject(notReached(late(stop)))
  stop.addEventListener('abort', onStop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    stop.removeEventListener('abort', onStop)
  }
}

const late = (stop: AbortSignal): LateError => new LateError('The attempt was stopped.', { cause: stop.reason })

function notReached(cause: unknown): ProviderError {
  const refusal = guardRefusal(cause)
  if (refusal !== null) return refusal
  return cause instanceof LateError
    ? new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The provider could not be reached in time.', {
        about: 'provider',
        cause,
      })
    : new ProviderError('retryable', 'PROVIDER_UNREACHABLE', `The provider could not be reached: ${reasonOf(cause)}`, {
        about: 'provider',
        cause,
      })
}

function lost(cause: unknown): ProviderError {
  const what =
    cause instanceof LateError ? 'The provider did not answer in time' : 'The connection was lost before the provider answered'
  return new ProviderError('unknown', 'OUTCOME_UNKNOWN', `${what}: it may have taken the message.`, { about: 'provider', cause })
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'the connection ended')
