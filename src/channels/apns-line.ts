/**
 * One HTTP/2 connection for all requests to a host, opened when it is needed and replaced when it fails. It says how sure a failure is:
 * a request that the server never processed (connection refused, GOAWAY before it, REFUSED_STREAM) may simply be made again.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { type AddressGuard, guardRefusal } from './address-guard.ts'
import type { HttpAnswer } from './http.ts'
import { ProviderError } from './provider.ts'

/** How long things may take, ms. */
export interface Http2Times {
  /** TCP, TLS and the server's settings */
  readonly connectMs: number
  /** one request, from when it is asked for */
  readonly requestMs: number
  /** how often a connection is asked whether it lives */
  readonly pingMs: number
  /** how long it may take to say so */
  readonly pongMs: number
  /** unused this long, it is ended */
  readonly idleMs: number
}

/** A client of one host. */
export interface Http2Client {
  /** @throws ProviderError: `retryable` when the server has surely not processed it, else `unknown`; `refused` for a forbidden address */
  post(path: string, headers: Http2Headers, body: string, signal: AbortSignal): Promise<HttpAnswer>
  /** Lets requests that were begun end, refuses new ones, and ends the connection. */
  close(): Promise<void>
}

/** A header that is undefined is not sent. */
type Http2Headers = Readonly<Record<string, string | undefined>>

interface Line {
  readonly session: ClientHttp2Session
  /** requests under way */
  open: number
  usedAt: number
  /** the server has not processed, and won't process, streams after this one */
  lastStreamId: number
  /** asks at once whether the connection lives */
  check(): void
}

const ANSWER_BYTES = 65_536
const LAST_ID = 2 ** 31 - 1

/** Makes a client of `origin` (`https://host`, or `http://host` for HTTP/2 without TLS). */
export function createHttp2Client(origin: string, guard: AddressGuard, times: Http2Times): Http2Client {
  const inFlight = new Set<Promise<HttpAnswer>>()
  const waiting: (() => void)[] = []
  let current: Line | null = null
  let connecting: Promise<void> | null = null
  let closed = false

  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake()
  }

  function open(): Promise<Line> {
    const { promise, resolve, reject } = Promise.withResolvers<Line>()
    guard.checkHost(new URL(origin).hostname)
    const session = connect(origin, { lookup: guard.lookup, settings: { enablePush: false } })
    const line: Line = { session, open: 0, usedAt: performance.now(), lastStreamId: LAST_ID, check }
    let cause: Error | undefined
    const tooLate = setTimeout(() => session.destroy(new LateError('The connection took too long.')), times.connectMs)
    const pinging = setInterval(check, times.pingMs).unref()
    let pong: NodeJS.Timeout | undefined

    function check(): void {
      if (session.closed || session.destroyed || pong !== undefined) return
      if (line.open === 0 && performance.now() - line.usedAt > times.idleMs) {
        retire()
        session.close()
        return
      }
      pong = setTimeout(() => session.destroy(new LateError('The connection is dead.')), times.pongMs)
      // The callback comes with an error when the connection ends first, which `close` sees.
      session.ping(() => {
        clearTimeout(pong)
        pong = undefined
      })
    }

    function retire(): void {
      if (current === line) current = null
      wakeAll()
    }

    session.on('remoteSettings', () => {
      clearTimeout(tooLate)
      resolve(line)
      wakeAll()
    })
    session.on('goaway', (_code, lastStreamId) => {
      line.lastStreamId = Math.min(line.lastStreamId, lastStreamId)
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

  /** Takes a place on a connection that has room for one more request. */
  async function take(stop: AbortSignal): Promise<Line> {
    for (;;) {
      if (stop.aborted) throw notReached(late(stop))
      if (current?.session.closed === true || current?.session.destroyed === true) current = null
      const line = current
      if (line === null) {
        connecting ??= open()
          .then((opened) => {
            if (!opened.session.closed) current = opened
          })
          .finally(() => {
            connecting = null
          })
        await unlessStopped(connecting, stop)
      } else if (line.open < (line.session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY)) {
        line.open++
        return line
      } else {
        // The server says how many requests it takes at once (Apple: one, until the first has shown a token).
        await unlessStopped(new Promise<void>((resolve) => waiting.push(resolve)), stop)
      }
    }
  }

  async function request(path: string, headers: Http2Headers, body: string, signal: AbortSignal): Promise<HttpAnswer> {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(times.requestMs)])
    const line = await take(stop)
    try {
      if (stop.aborted) throw notReached(late(stop))
      line.usedAt = performance.now()
      return await exchange(line, begin(line, path, headers), body, stop)
    } finally {
      line.open--
      wakeAll()
    }
  }

  return {
    async post(path, headers, body, signal) {
      if (closed) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'The provider was closed.')
      const answer = request(path, headers, body, signal)
      inFlight.add(answer)
      return answer.finally(() => inFlight.delete(answer))
    },
    async close() {
      closed = true
      // Cutting off a request that has gone out would make its outcome unknown.
      await Promise.allSettled(inFlight)
      await connecting?.catch(() => {})
      current?.session.destroy()
    },
  }
}

/** Why a connection was given up by us. */
class LateError extends Error {
  override readonly name = 'LateError'
}

function begin({ session }: Line, path: string, headers: Http2Headers): ClientHttp2Stream {
  try {
    return session.request({ ':method': 'POST', ':path': path, ...headers })
  } catch (cause) {
    // The connection ended in this moment.
    throw notReached(cause)
  }
}

function exchange(line: Line, stream: ClientHttp2Stream, body: string, stop: AbortSignal): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const chunks: Buffer[] = []
  let size = 0
  let answered: { status: number; headers: Record<string, string | undefined> } | null = null
  let cause: unknown
  const onStop = () => {
    cause = late(stop)
    stream.close(constants.NGHTTP2_CANCEL)
    // No answer: perhaps the connection is gone without a word, and then the next request shouldn't find it.
    line.check()
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
    const isUnprocessed = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (stream.id ?? LAST_ID) > line.lastStreamId
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
    ? new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The provider could not be reached in time.', { cause })
    : new ProviderError('retryable', 'PROVIDER_UNREACHABLE', `The provider could not be reached: ${reasonOf(cause)}`, { cause })
}

function lost(cause: unknown): ProviderError {
  const what =
    cause instanceof LateError ? 'The provider did not answer in time' : 'The connection was lost before the provider answered'
  return new ProviderError('unknown', 'OUTCOME_UNKNOWN', `${what}: it may have taken the message.`, { cause })
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'the connection ended')
