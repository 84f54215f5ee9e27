/** The HTTP server: one port for GraphQL on every transport and for a table of routes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { GraphQLSchema } from 'graphql'
import type { Carillon } from '../carillon.ts'
import type { Config } from '../config.ts'
import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import { createEngine, type EngineDeps } from '../graphql/engine.ts'
import { createErrorPresenter } from '../graphql/errors.ts'
import { type SocketLimits, socketLimits } from '../graphql/limits.ts'
import { createSockets } from '../graphql/sockets.ts'
import type { Log } from '../log.ts'
import { noCredential } from '../values/credential.ts'
import type { DialectName } from '../words.ts'
import { type AuthHooks, clientOf, createAdmission, limitLookUps } from './admission.ts'
import { type Budgets, createBudgets } from './budgets.ts'
import { allowOrigin, answerPreflight, isPreflight } from './cors.ts'
import { createDialectEndpoint } from './dialect-endpoint.ts'
import { errorPage } from './error-page.ts'
import { createGraphiQL } from './graphiql.ts'
import { createGraphqlEndpoint } from './graphql-endpoint.ts'
import { type Check, createHealthRoutes } from './health.ts'
import { createHeartbeat } from './heartbeat.ts'
import { type ConnectionLimits, connectionLimits, type TurnLimits, turnLimits } from './limits.ts'
import { createMetricsRoute, type Metrics, type MetricsAccess } from './metrics.ts'
import { createPlaces } from './places.ts'
import type { Rates } from './rates.ts'
import { assertReadable, createReading } from './reading.ts'
import { createRefusals, isRefused } from './refusals.ts'
import { createPeer, createRemoteAddress, networkOf } from './remote-address.ts'
import { answer, refuse, sendError, sendStream } from './reply.ts'
import { basePathOf, createRequestPath, type RequestPath } from './request-path.ts'
import type { Reply, Route } from './route.ts'
import { createRouter } from './router.ts'
import { createSendBuffer } from './send-buffer.ts'
import { createTurns, type TurnDeps } from './turns.ts'

/** Limits that a test may lower. */
export type ServerLimits = SocketLimits & ConnectionLimits & TurnLimits

/** What the server needs. `C` is the context of GraphQL's resolvers. */
export interface HttpServerDeps<C extends object> {
  readonly schema: GraphQLSchema
  readonly createContext: EngineDeps<C>['createContext']
  readonly auth: AuthHooks
  readonly config: Pick<Config, 'explore' | 'maxBodyBytes' | 'trustedProxies' | 'publicUrl' | 'keepAliveMs'>
  readonly rates: Rates
  readonly budgets?: Budgets
  /** Runs work for a project; default: as it is. */
  readonly runFor?: TurnDeps['runFor']
  readonly metrics: Metrics
  /** who may read `/metrics`; left out: everybody */
  readonly metricsAccess?: MetricsAccess
  readonly log: Log
  /** the dependencies that `/ready` checks */
  readonly checks: readonly Check[]
  /** answered in addition to `/graphql`, `/health`, `/ready` and `/metrics` */
  readonly routes?: readonly Route[]
  /** the dialects that are served, and what they call; left out: none */
  readonly dialects?: { readonly names: readonly DialectName[]; readonly carillon: Carillon }
  readonly limits?: Partial<ServerLimits>
}

/** A server that listens, or is about to. */
export interface HttpServer {
  /** Opens the port. @returns its number, which the system chooses for 0. Rejects when the port is taken */
  listen(port: number, host: string): Promise<number>
  /**
   * Stops: no new connections, running requests are answered, and sockets are closed with 1012 ("reconnect") once their operations are.
   * Resolves when everything is closed, after `withinMs` at the latest, when the rest is cut.
   */
  drain(withinMs?: number): Promise<void>
  /** open sockets */
  readonly sockets: () => number
}

/**
 * How many connections may wait to be accepted; the system has a limit of its own (Linux: net.core.somaxconn). One that finds no room is
 * tried again by its client after a second: a burst of somebody else's connections would cost everybody that second.
 */
export const BACKLOG = 4_096

/** Options of every HTTP server. `requestTimeout` is off: how fast a body has to arrive is checked while it is read, and nothing else is waited for. */
export const TIMEOUTS = { requestTimeout: 0, connectionsCheckingInterval: 1_000 } as const

/** Creates the server. It opens no port before `listen`. */
export function createHttpServer<C extends object>(deps: HttpServerDeps<C>): HttpServer {
  const { schema, config, rates, metrics, log, createContext } = deps
  const { explore, maxBodyBytes } = config
  const limits: ServerLimits = { ...socketLimits, ...connectionLimits, ...turnLimits, ...deps.limits }
  const { sendBufferBytes } = limits
  const { meter } = metrics
  const present = createErrorPresenter(log, explore)
  const auth = limitLookUps(deps.auth, limits)
  const admission = createAdmission(auth, limits)
  const heartbeat = createHeartbeat(auth, limits, log)
  const { budgets = createBudgets(), runFor = (_projectId, work) => work() } = deps
  const turns = createTurns({ limits, runFor })
  const engine = createEngine({ schema, present, explore, budgets, turns, createContext })
  const remoteAddressOf = createRemoteAddress(config.trustedProxies, log)
  const peerOf = createPeer(config.trustedProxies)
  const routes = deps.routes ?? []
  const basePath = basePathOf(config.publicUrl)
  const pathOf = createRequestPath(basePath)
  const reading = createReading(limits, Math.max(maxBodyBytes, ...routes.map((route) => route.maxBodyBytes ?? 0)))
  const places = createPlaces(limits)
  const refusals = createRefusals(limits)
  const sockets = createSockets({
    engine,
    present,
    rates,
    admission,
    heartbeat,
    meter,
    log,
    limits,
    anonymousMs: limits.anonymousSocketMs,
    sendBufferBytes,
    createSendBuffer,
  })
  const graphql = createGraphqlEndpoint({
    engine,
    present,
    rates,
    admission,
    heartbeat,
    reading,
    refusals,
    meter,
    sendBufferBytes,
    maxBodyBytes,
    graphiql: explore ? createGraphiQL() : null,
  })
  const dialects =
    deps.dialects === undefined
      ? null
      : createDialectEndpoint({
          ...deps.dialects,
          basePath,
          present,
          rates,
          budgets,
          turns,
          admission,
          reading,
          refusals,
          meter,
          maxBodyBytes,
        })
  const router = createRouter<Route>([
    ...createHealthRoutes(deps.checks, () => isDraining),
    createMetricsRoute(metrics, deps.metricsAccess ?? 'open', (address) => refusals.pause(networkOf(address))),
    ...routes,
  ])
  const running = new Set<ServerResponse>()
  let isDraining = false

  /** @param known is called once the caller is known to be a project */
  const call = async (
    route: Route,
    params: Readonly<Record<string, string | undefined>>,
    request: IncomingMessage,
    response: ServerResponse,
    { search, written: url, root }: RequestPath,
    known: () => void,
  ): Promise<Reply> => {
    const { headers, method } = request
    const remoteAddress = remoteAddressOf(request)
    const hasBody = method !== 'GET' && method !== 'HEAD'
    const maxBytes = route.maxBodyBytes ?? maxBodyBytes
    if (hasBody) assertReadable(request, maxBytes)
    const read = async (client = networkOf(remoteAddress)): Promise<Buffer> =>
      hasBody ? reading.read(request, response, maxBytes, client) : Buffer.alloc(0)
    const head = { params, query: new URLSearchParams(search), url, root, headers, remoteAddress }
    if ('admit' in route) {
      const admitted = await route.admit(head)
      if (typeof admitted !== 'function') return admitted
      const whole = await read()
      const leaveAdmitted = admission.enter()
      try {
        return await admitted(whole)
      } finally {
        leaveAdmitted()
      }
    }
    if (route.auth === 'none') return route.handle({ ...head, body: await read(), caller: null })
    const person = route.takesSession && headers.authorization === undefined ? await admission.resume(headers) : null
    const caller = person ?? (await admission.authenticate(headers.authorization ?? null, headers.origin, remoteAddress))
    if (caller.kind === 'none') throw new CarillonError('UNAUTHENTICATED', { message: noCredential })
    if (caller.kind !== 'project') throw new CarillonError('FORBIDDEN')
    known()
    const body = await read(clientOf(caller, remoteAddress))
    const leave = admission.enter()
    try {
      rates.count(caller)
      return await route.handle({ ...head, body, caller })
    } finally {
      leave()
    }
  }

  const isShared = ({ headers }: IncomingMessage, path: string): boolean =>
    path === '/graphql' || router.find(headers['access-control-request-method'] ?? '', path)?.route?.isShared === true

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now()
    const { socket } = request
    if (!reading.begin(socket)) return
    let isKnown = false
    const asked = pathOf(request.url)
    const { path, search } = asked
    const isGraphql = path === '/graphql'
    const dialect = dialects?.nameOf(path) ?? null
    const match = isGraphql || dialect !== null ? null : router.find(request.method ?? 'GET', path)
    let label = isGraphql ? path : (match?.pattern ?? 'none')
    const known = ({ kind }: Caller): void => {
      isKnown = kind === 'project' || kind === 'operator'
    }
    running.add(response)
    response.once('close', () => {
      running.delete(response)
      // What is left of a body that nobody reads would keep the connection open.
      if (!request.complete) socket.destroySoon()
      reading.end(socket, isKnown)
      // A client whose answer left before the drain began expects to keep its connection: it is closed from here.
      if (isDraining) setImmediate(() => server.closeIdleConnections())
      meter.request(label, response.statusCode, (performance.now() - started) / 1_000)
    })
    if (isDraining) response.setHeader('connection', 'close')
    try {
      if (isPreflight(request) && isShared(request, path)) return answerPreflight(request, response)
      if (isGraphql) {
        allowOrigin(request, response)
        return await graphql.handle(request, response, search, remoteAddressOf(request), known)
      }
      if (dialects !== null && dialect !== null) {
        const matched = (pattern: string): void => {
          label = pattern
        }
        const remoteAddress = remoteAddressOf(request)
        return await dialects.handle(dialect, { request, response, asked, remoteAddress, matched, known })
      }
      if (match === null) throw new CarillonError('NOT_FOUND')
      if (match.route === null) {
        response.setHeader('allow', match.allow)
        throw new CarillonError('METHOD_NOT_ALLOWED')
      }
      const reply = await call(match.route, match.params, request, response, asked, () => {
        isKnown = true
      })
      if (reply.stream === undefined) answer(request, response, reply)
      else await sendStream(request, response, reply, reply.stream, limits.stallMs)
    } catch (error) {
      if (isRefused(error)) await refusals.pause(networkOf(remoteAddressOf(request)))
      sendError(request, response, present, error, (status, message) => errorPage(status, message, asked.root, explore))
    }
  }

  // Some HTTP clients offer to upgrade to HTTP/2 (`Upgrade: h2c`, Java's by default): the offer may be ignored, and the request is answered.
  const shouldUpgradeCallback = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket'
  const options = {
    ...TIMEOUTS,
    keepAliveTimeout: config.keepAliveMs,
    // `reading` cuts slow headers, and knows when this process was too busy to read them; this is for connections of API keys, which it doesn't count.
    headersTimeout: 6 * limits.headersMs,
    maxHeaderSize: 16 * 1024,
    shouldUpgradeCallback,
  }
  const server = createServer(options, (request, response) => void respond(request, response))
  server.on('connection', (socket) => reading.open(socket, peerOf(socket.remoteAddress)))
  // A client that waits for `100 Continue` gets it once its body is read, or the error before it sends any of it.
  server.on('checkContinue', (request, response) => void respond(request, response))
  /** Waits for a place, unless the client leaves meanwhile. */
  const placeOf = async (socket: Socket, remoteAddress: string): Promise<(() => void) | null> => {
    const gone = new AbortController()
    const abort = (): void => gone.abort()
    socket.on('close', abort)
    const place = await places.take(remoteAddress, gone.signal)
    socket.off('close', abort)
    return place
  }
  const upgrade = async (request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> => {
    if (!reading.begin(socket)) return
    socket.on('error', destroy)
    const { path } = pathOf(request.url)
    if (isDraining) return refuse(socket, new CarillonError('OVERLOADED', { retryAfterSeconds: 1 }))
    if (path !== '/graphql') return refuse(socket, new CarillonError('NOT_FOUND'))
    const remoteAddress = remoteAddressOf(request)
    const giveBack = places.takeFree(remoteAddress) ?? (await placeOf(socket, remoteAddress))
    if (giveBack === null) {
      await refusals.pause(networkOf(remoteAddress))
      return refuse(socket, tooManySockets(limits))
    }
    const identified = (): void => {
      socket.off('close', identified)
      giveBack()
    }
    socket.on('close', identified)
    if (socket.destroyed) return identified()
    if (isDraining) {
      identified()
      return refuse(socket, new CarillonError('OVERLOADED', { retryAfterSeconds: 1 }))
    }
    reading.forget(socket)
    sockets.accept(request, socket, head, remoteAddress, identified)
  }
  server.on('upgrade', (request, socket: Socket, head) => void upgrade(request, socket, head))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return refuse(socket, new CarillonError('REQUEST_TIMEOUT'))
    refuse(socket, new CarillonError('BAD_REQUEST'), error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400)
  })

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, host, backlog: BACKLOG }, () => {
          server.off('error', reject)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    async drain(withinMs = 10_000) {
      isDraining = true
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
      // Clients that keep connections open learn from the answer that this one ends.
      for (const response of running) if (!response.headersSent) response.setHeader('connection', 'close')
      sockets.drain()
      graphql.drain()
      const timer = setTimeout(() => {
        log.warn('Some requests were cut off because they took too long for a shutdown.', { sockets: sockets.count() })
        sockets.terminate()
        server.closeAllConnections()
      }, withinMs)
      await closed
      clearTimeout(timer)
      heartbeat.stop()
      reading.stop()
    },
    sockets: sockets.count,
  }
}

function destroy(this: Socket): void {
  this.destroy()
}

const tooManySockets = ({ anonymousSocketsPerAddress: max }: ConnectionLimits): CarillonError =>
  new CarillonError('RATE_LIMITED', {
    message: `This address has ${max} WebSockets without a credential. Send one with connection_init, or close some of them.`,
    max,
    retryAfterSeconds: 1,
  })
