/** The doors: one port for GraphQL in all its forms, for pages, health and metrics. */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { GraphQLSchema } from 'graphql'
import type { Config } from '../config.ts'
import { CarillonError } from '../errors.ts'
import { createErrorPresenter } from '../graphql/errors.ts'
import type { Gate } from '../graphql/gate.ts'
import { limits as defaults, type Limits } from '../graphql/limits.ts'
import { createAdmission, type Rates } from '../graphql/rates.ts'
import { createSockets } from '../graphql/sockets.ts'
import { createWheel } from '../graphql/wheel.ts'
import { createEngine } from '../graphql/yoga.ts'
import type { Log } from '../log.ts'
import { createGraphiQL } from './graphiql.ts'
import { createGraphqlEndpoint } from './graphql.ts'
import { type Check, sendHealth, sendReadiness } from './health.ts'
import type { Metrics } from './metrics.ts'
import { createRemoteAddress } from './remote-address.ts'
import { sendError } from './respond.ts'

/** One more door: a page, a callback. `path` is exact, or ends in `/` and stands for all below it. */
export interface Route {
  readonly path: string
  handle(request: IncomingMessage, response: ServerResponse, remoteAddress: string): void | Promise<void>
}

/** What the doors need. */
export interface DoorsDeps<C extends object> {
  readonly schema: GraphQLSchema
  readonly gate: Gate<C>
  readonly config: Pick<Config, 'explore' | 'maxBodyBytes' | 'trustedProxies'>
  readonly rates: Rates
  readonly metrics: Metrics
  readonly log: Log
  /** what `/ready` asks */
  readonly checks: readonly Check[]
  readonly routes?: readonly Route[]
  readonly limits?: Partial<Limits>
}

/** The running doors. */
export interface Doors {
  /** Opens the port. @returns the one it got. Rejects when the port is taken */
  listen(port: number, host: string): Promise<number>
  /**
   * Stops: no new connections, running requests are answered, sockets are told to reconnect (1012) once theirs are.
   * Resolves when all is closed, at the latest after `withinMs`, when what is left is cut.
   */
  drain(withinMs?: number): Promise<void>
  readonly sockets: () => number
}

const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
} as const

/** Makes the doors. Nothing is open before `listen`. */
export function createDoors<C extends object>(deps: DoorsDeps<C>): Doors {
  const { schema, gate, config, rates, metrics, log, checks, routes = [] } = deps
  const limits: Limits = { ...defaults, ...deps.limits }
  const { meter } = metrics
  const present = createErrorPresenter(log, config.explore)
  const admission = createAdmission(limits)
  const wheel = createWheel(gate, limits, log)
  const engine = createEngine(schema, gate, present, config.explore)
  const remoteAddress = createRemoteAddress(config.trustedProxies)
  const sockets = createSockets({ engine, gate, present, rates, admission, wheel, meter, log, limits })
  const graphql = createGraphqlEndpoint({
    ...{ engine, gate, present, rates, admission, wheel, meter, limits },
    maxBodyBytes: config.maxBodyBytes,
    graphiql: config.explore ? createGraphiQL() : null,
  })
  const running = new Set<ServerResponse>()
  let isDraining = false

  const routed = (path: string): Route | undefined =>
    routes.find(
      (route) => route.path === path || (route.path.length > 1 && route.path.endsWith('/') && path.startsWith(route.path)),
    )

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now()
    const [path, search] = splitUrl(request.url ?? '/')
    const route = path === '/graphql' || builtIn.has(path) ? path : (routed(path)?.path ?? 'none')
    running.add(response)
    response.once('close', () => {
      running.delete(response)
      // Who was told before this began that the connection stays: nobody waits for them to let go of it.
      if (isDraining) setImmediate(() => server.closeIdleConnections())
      meter.request(route, response.statusCode, (performance.now() - started) / 1_000)
    })
    if (isDraining) response.setHeader('connection', 'close')
    try {
      if (path === '/graphql') {
        allowOrigin(request, response)
        if (isPreflight(request)) return void response.writeHead(204).end()
        return await graphql.handle(request, response, search, remoteAddress(request))
      }
      const own = routed(path)
      if (own !== undefined) return await own.handle(request, response, remoteAddress(request))
      if (!builtIn.has(path)) throw new CarillonError('NOT_FOUND')
      if (request.method !== 'GET' && request.method !== 'HEAD') throw new CarillonError('METHOD_NOT_ALLOWED')
      if (path === '/health') return sendHealth(response)
      if (path === '/ready') return await sendReadiness(response, checks, isDraining)
      const { text, type } = await metrics.render()
      response.writeHead(200, { 'content-type': type }).end(text)
    } catch (error) {
      sendError(request, response, present, error)
    }
  }

  // Some HTTP clients offer to go on with HTTP/2 (`Upgrade: h2c`, Java's by default): that may be ignored, and the request is answered.
  const shouldUpgradeCallback = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket'
  const options = { ...TIMEOUTS, maxHeaderSize: 16 * 1024, shouldUpgradeCallback }
  const server = createServer(options, (request, response) => void respond(request, response))
  // Who announces a body that is too large is told so before it sends one.
  server.on('checkContinue', (request, response) => {
    if (!(Number(request.headers['content-length'] ?? 0) > config.maxBodyBytes)) response.writeContinue()
    void respond(request, response)
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const [path] = splitUrl(request.url ?? '/')
    if (isDraining) return refuse(socket, 503)
    if (path !== '/graphql') return refuse(socket, 404)
    sockets.accept(request, socket, head, remoteAddress(request))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    refuse(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400)
  })

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    async drain(withinMs = 10_000) {
      isDraining = true
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
      // Who keeps a connection open learns with the answer that it ends.
      for (const response of running) if (!response.headersSent) response.setHeader('connection', 'close')
      sockets.drain()
      graphql.drain()
      const timer = setTimeout(() => {
        log.warn('Some requests were cut: they took longer than a stop may take.', { sockets: sockets.count() })
        sockets.terminate()
        server.closeAllConnections()
      }, withinMs)
      await closed
      clearTimeout(timer)
      wheel.stop()
    },
    sockets: sockets.count,
  }
}

const builtIn = new Set(['/health', '/ready', '/metrics'])

/** Path and query string (with its question mark). No parser that could fail on what a client made up. */
const splitUrl = (url: string): [path: string, search: string] => {
  const mark = url.indexOf('?')
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark)]
}

const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined

/**
 * Any page may ask: there are no cookies, so a page has only the credential that it was given.
 * Where a project names its origins, a token from another one is refused when it is looked at.
 */
function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin')
  if (origin === undefined) return
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-allow-methods', 'GET, POST')
  response.setHeader('access-control-allow-headers', 'authorization, content-type, accept')
  response.setHeader('access-control-expose-headers', 'retry-after')
  response.setHeader('access-control-max-age', '86400')
}

/** Answers a connection that has no response object. */
function refuse(socket: Duplex, status: 400 | 404 | 408 | 431 | 503): void {
  const code = status === 404 ? 'NOT_FOUND' : status === 503 ? 'OVERLOADED' : 'BAD_REQUEST'
  const { message } = new CarillonError(code)
  const body = JSON.stringify({ errors: [{ message, extensions: { code } }] })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
