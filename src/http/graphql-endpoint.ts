/** GraphQL over HTTP, server-sent events included: from the bytes of the request to the bytes of the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import { type Engine, type HttpAnswer, retryAfterOf } from '../graphql/engine.ts'
import { codeOf, type PresentError } from '../graphql/errors.ts'
import type { LiveConnection } from '../graphql/transport.ts'
import { type Admission, clientOf } from './admission.ts'
import type { Asset } from './asset.ts'
import { decodeBody } from './body.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Meter } from './metrics.ts'
import type { Rates } from './rates.ts'
import type { Reading } from './reading.ts'
import { isRefused, type Refusals } from './refusals.ts'
import { isNavigation, sendError, sendReply } from './reply.ts'
import { createSendBuffer, type SendBuffer } from './send-buffer.ts'

/** What the endpoint needs. */
export interface GraphqlEndpointDeps {
  readonly engine: Engine
  readonly present: PresentError
  readonly rates: Rates
  readonly admission: Admission
  readonly heartbeat: Heartbeat
  readonly reading: Reading
  readonly refusals: Refusals
  readonly meter: Meter
  /** bytes that may wait for one reader */
  readonly sendBufferBytes: number
  readonly maxBodyBytes: number
  /** null: GraphiQL is off */
  readonly graphiql: Asset | null
}

/** Answers requests to `/graphql`. */
export interface GraphqlEndpoint {
  /**
   * @param known is told the caller, once he is known
   * @throws CarillonError METHOD_NOT_ALLOWED; NOT_FOUND to a browser, where GraphiQL is off
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    search: string,
    remoteAddress: string,
    known: (caller: Caller) => void,
  ): Promise<void>
  /** Ends the open event streams. Clients reconnect elsewhere. */
  drain(): void
}

/** What Node says about the bytes itself. The engine's names are in any case. */
const ownHeaders: ReadonlySet<string> = new Set(['connection', 'content-encoding', 'content-length'])

const isJson = /^application\/(graphql\+)?json\s*(;|$)/i

/** Ends a stream that nobody reads. Its subscription is told only once the stream has begun, which it does with the first read. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  await reader.read()
  await reader.cancel()
}

/** Creates the endpoint. */
export function createGraphqlEndpoint(deps: GraphqlEndpointDeps): GraphqlEndpoint {
  const { engine, present, rates, admission, heartbeat, reading, refusals, meter, sendBufferBytes, maxBodyBytes, graphiql } = deps
  const streams = new Set<() => void>()

  /** Finds the caller. A wrong credential does not fail yet, since `authenticate` is executed in spite of it: it is returned. */
  const identify = async (request: IncomingMessage, remoteAddress: string): Promise<[Caller, CarillonError | null]> => {
    const { authorization = null, origin } = request.headers
    try {
      // A credential in the header wins over the cookie of a session.
      const person = authorization === null ? await admission.resume(request.headers) : null
      return [person ?? (await admission.authenticate(authorization, origin, remoteAddress)), null]
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'UNAUTHENTICATED') return [{ kind: 'none' }, error]
      throw error
    }
  }

  /** Sends an event stream, until the client ends it, its reader stalls or its credential ends. */
  const stream = async (
    response: ServerResponse,
    body: ReadableStream<Uint8Array>,
    sendBuffer: SendBuffer,
    caller: Caller,
  ): Promise<void> => {
    const leave = admission.connect(caller)
    const reader = body.getReader()
    if (leave === null) {
      await discard(reader)
      throw new CarillonError('RATE_LIMITED', { message: 'The contact has too many live connections. Close one of them first.' })
    }
    response.writeHead(200)
    const end = (): void => void response.end()
    let written = 0
    const connection: LiveConnection = {
      caller: () => caller,
      backlog: () => sendBuffer.held() + response.writableLength,
      // Both only grow: what was released, and what the kernel has taken.
      progress: () => sendBuffer.progress() + written - response.writableLength,
      ping() {},
      end: (reason) => (reason === 'credential' ? end() : void response.destroy()),
    }
    heartbeat.add(connection)
    streams.add(end)
    const closed = new Promise<void>((resolve) => response.once('close', resolve))
    closed.then(() => reader.cancel()).catch(() => {})
    try {
      while (!response.writableEnded && !response.destroyed) {
        const { done, value } = await reader.read()
        if (done || response.writableEnded || response.destroyed) break
        written += value.byteLength
        if (!response.write(value)) await Promise.race([new Promise<void>((resolve) => response.once('drain', resolve)), closed])
      }
    } finally {
      streams.delete(end)
      heartbeat.remove(connection)
      leave()
      response.end()
    }
  }

  const send = async (
    request: IncomingMessage,
    response: ServerResponse,
    answer: HttpAnswer,
    sendBuffer: SendBuffer,
    caller: Caller,
  ): Promise<void> => {
    const { status, errors, headers, body } = answer
    const isStream = typeof body !== 'string'
    meter.operation(isStream ? 'sse' : 'http', errors[0] === undefined ? 'OK' : codeOf(errors[0]))
    for (const [name, value] of headers) {
      // `Content-Encoding: none` of its event streams is no coding, and proxies that take it for one pass nothing on.
      if (!ownHeaders.has(name.toLowerCase())) response.setHeader(name, value)
    }
    const seconds = retryAfterOf(errors)
    if (seconds !== null) response.setHeader('retry-after', seconds)
    if (status === 405) response.setHeader('allow', 'POST')
    if (isStream) {
      // A proxy that keeps, compresses or gathers what comes delays every event.
      response.setHeader('cache-control', 'no-cache, no-transform')
      response.setHeader('x-accel-buffering', 'no')
      if (request.method === 'HEAD') {
        await discard(body.getReader())
        return void response.writeHead(200).end()
      }
      return stream(response, body, sendBuffer, caller)
    }
    // As text: Node then sends head and body in one packet.
    response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }

  return {
    async handle(request, response, search, remoteAddress, known) {
      const { headers } = request
      // HEAD is a GET whose answer has no body, which Node leaves out.
      const method = request.method === 'HEAD' ? 'GET' : request.method
      if (method !== 'GET' && method !== 'POST') {
        response.setHeader('allow', 'GET, HEAD, POST')
        throw new CarillonError('METHOD_NOT_ALLOWED')
      }
      if (isNavigation(request)) {
        if (graphiql === null) throw new CarillonError('NOT_FOUND')
        return sendReply(response, await graphiql(headers))
      }
      let leave = (): void => {}
      let caller: Caller = { kind: 'none' }
      const client = (): string => clientOf(caller, remoteAddress)
      try {
        // A form posted by another site: it could not set the header that a cookie needs, either.
        if (method === 'POST' && !isJson.test(headers['content-type'] ?? '')) {
          throw new CarillonError('UNSUPPORTED_MEDIA_TYPE', { message: 'Send the operation as application/json.' })
        }
        const [identified, refusal] = await identify(request, remoteAddress)
        caller = identified
        known(caller)
        const body = method === 'POST' ? decodeBody(await reading.read(request, response, maxBodyBytes, client())) : ''
        // The request is whole and its caller known: only now it takes a place.
        leave = admission.enter()
        rates.count(caller)
        const sendBuffer = createSendBuffer(sendBufferBytes, {
          buffered: () => response.writableLength,
          overflow: () => void response.destroy(),
        })
        const accept = headers.accept ?? '*/*'
        const answer = await engine.answer({ method, search, accept, body, caller, refusal, sendBuffer, remoteAddress })
        // An event stream is a live connection from here on, no longer a request in flight.
        if (typeof answer.body !== 'string') leave()
        if (answer.status === 406) {
          throw new CarillonError('BAD_REQUEST', { message: 'None of the media types in the Accept header is available.' })
        }
        const [error] = answer.errors
        if (error !== undefined && (caller.kind === 'none' || isRefused(error.originalError))) {
          leave()
          await refusals.pause(client())
        }
        await send(request, response, answer, sendBuffer, caller)
      } catch (error) {
        leave()
        if (isRefused(error)) await refusals.pause(client())
        sendError(request, response, present, error)
      } finally {
        leave()
      }
    },
    drain() {
      for (const end of streams) end()
    },
  }
}
