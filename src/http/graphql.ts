/** GraphQL over HTTP, server-sent events included: from the request's bytes to the answer's. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CarillonError } from '../errors.ts'
import type { Caller } from '../graphql/context.ts'
import { codeOf, type PresentError } from '../graphql/errors.ts'
import { type Gate, type Meter, mayComeFrom } from '../graphql/gate.ts'
import type { Limits } from '../graphql/limits.ts'
import { type BoundedOutlet, createOutlet } from '../graphql/outlet.ts'
import type { Admission, Rates } from '../graphql/rates.ts'
import type { Wheel } from '../graphql/wheel.ts'
import { type Engine, type HttpAnswer, retryAfter } from '../graphql/yoga.ts'
import type { SendAsset } from './asset.ts'
import { decodeBody, readBody } from './body.ts'
import { sendError } from './respond.ts'

/** What the endpoint needs. */
export interface GraphqlDeps {
  readonly engine: Engine
  readonly gate: Pick<Gate<object>, 'authenticate'>
  readonly present: PresentError
  readonly rates: Rates
  readonly admission: Admission
  readonly wheel: Wheel
  readonly meter: Meter
  readonly limits: Limits
  readonly maxBodyBytes: number
  /** null: there is none */
  readonly graphiql: SendAsset | null
}

/** Answers requests to `/graphql`. */
export interface GraphqlEndpoint {
  handle(request: IncomingMessage, response: ServerResponse, search: string, remoteAddress: string): Promise<void>
  /** Ends the open event streams. Clients reconnect elsewhere. */
  drain(): void
}

const isJson = /^application\/(graphql\+)?json\s*(;|$)/i

/** Makes the endpoint. */
export function createGraphqlEndpoint(deps: GraphqlDeps): GraphqlEndpoint {
  const { engine, gate, present, rates, admission, wheel, meter, limits, maxBodyBytes, graphiql } = deps
  const streams = new Set<() => void>()

  /** Who asks. A wrong credential is kept: `authenticate` may go on without one. */
  const identify = async (request: IncomingMessage, remoteAddress: string): Promise<[Caller, CarillonError | null]> => {
    try {
      return [await gate.authenticate(request.headers.authorization ?? null, remoteAddress), null]
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'UNAUTHENTICATED') return [{ kind: 'none' }, error]
      throw error
    }
  }

  /** A stream goes on for as long as its reader reads and its credential lasts. */
  const stream = async (
    response: ServerResponse,
    body: ReadableStream<Uint8Array>,
    outlet: BoundedOutlet,
    caller: Caller,
  ): Promise<void> => {
    const leave = admission.connect(caller)
    const reader = body.getReader()
    if (leave === null) {
      await reader.cancel()
      throw new CarillonError('RATE_LIMITED', { message: 'The contact has too many live connections.' })
    }
    response.writeHead(200)
    const end = (): void => void response.end()
    let written = 0
    const leaveWheel = wheel.add({
      caller: () => caller,
      backlog: () => outlet.held() + response.writableLength,
      progress: () => `${outlet.progress()} ${written} ${response.writableLength}`,
      ping: () => true,
      end: (reason) => (reason === 'credential' ? end() : response.destroy()),
    })
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
      leaveWheel()
      leave()
      response.end()
    }
  }

  const send = async (response: ServerResponse, answer: HttpAnswer, outlet: BoundedOutlet, caller: Caller): Promise<void> => {
    const { response: made, status, errors } = answer
    meter.operation(answer.isStream ? 'sse' : 'http', errors[0] === undefined ? 'OK' : codeOf(errors[0]))
    made.headers.forEach((value, name) => {
      if (name !== 'connection' && name !== 'content-encoding' && name !== 'content-length') response.setHeader(name, value)
    })
    const seconds = retryAfter(errors)
    if (seconds !== null) response.setHeader('retry-after', seconds)
    if (status === 405) response.setHeader('allow', 'POST')
    if (answer.isStream && made.body !== null) {
      response.setHeader('x-accel-buffering', 'no')
      return stream(response, made.body, outlet, caller)
    }
    // As text: Node then sends head and body in one piece.
    const body = await made.text()
    response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }

  return {
    async handle(request, response, search, remoteAddress) {
      const { method, headers } = request
      if (method !== 'GET' && method !== 'POST') {
        response.setHeader('allow', 'GET, POST')
        return sendError(request, response, present, new CarillonError('METHOD_NOT_ALLOWED'))
      }
      if (method === 'GET' && headers.accept?.includes('text/html') === true) {
        if (graphiql === null) return sendError(request, response, present, new CarillonError('NOT_FOUND'))
        return graphiql(request, response)
      }
      let leave = (): void => {}
      try {
        // Nobody's cookies are looked at, so a form that another site posts has no power; it is refused all the same.
        if (method === 'POST' && !isJson.test(headers['content-type'] ?? '')) {
          throw new CarillonError('UNSUPPORTED_MEDIA_TYPE', { message: 'Send the operation as application/json.' })
        }
        leave = admission.enter()
        const body = method === 'POST' ? decodeBody(await readBody(request, maxBodyBytes)) : ''
        const [caller, refusal] = await identify(request, remoteAddress)
        if (!mayComeFrom(caller, headers.origin)) {
          throw new CarillonError('FORBIDDEN', { message: 'The project does not allow its tokens to be used from this origin.' })
        }
        rates.count(caller)
        const outlet = createOutlet(
          limits.outletBytes,
          () => response.writableLength,
          () => response.destroy(),
        )
        const accept = headers.accept ?? '*/*'
        const answer = await engine.answer({ method, search, accept, body, caller, refusal, outlet, remoteAddress })
        // A stream is being read, not answered: it no longer counts among what waits.
        if (answer.isStream) leave()
        if (answer.status === 406)
          throw new CarillonError('BAD_REQUEST', { message: 'The answer has no form that the Accept header allows.' })
        await send(response, answer, outlet, caller)
      } catch (error) {
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
