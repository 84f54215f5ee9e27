/** The HTTP server of a process that only works on jobs: health, readiness and metrics. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarillonError } from '../errors.ts'
import { createErrorPresenter } from '../graphql/errors.ts'
import type { Log } from '../log.ts'
import { type Check, createHealthRoutes } from './health.ts'
import { connectionLimits } from './limits.ts'
import { createMetricsRoute, type Metrics, type MetricsAccess } from './metrics.ts'
import { createReading } from './reading.ts'
import { createRefusals } from './refusals.ts'
import { createPeer, networkOf } from './remote-address.ts'
import { answer, sendError } from './reply.ts'
import { createRequestPath } from './request-path.ts'
import type { PublicRoute } from './route.ts'
import { createRouter } from './router.ts'
import { BACKLOG, type HttpServer, TIMEOUTS } from './server.ts'

/** What the server needs. */
export interface WorkerServerDeps {
  readonly checks: readonly Check[]
  readonly metrics: Metrics
  readonly metricsAccess: MetricsAccess
  readonly log: Log
  /** how long a connection may wait for its next request */
  readonly keepAliveMs: number
}

const EMPTY = Buffer.alloc(0)

/** Creates the server. It opens no port before `listen`. */
export function createWorkerServer({
  checks,
  metrics,
  metricsAccess,
  log,
  keepAliveMs,
}: WorkerServerDeps): Pick<HttpServer, 'listen' | 'drain'> {
  const router = createRouter<PublicRoute>([
    ...createHealthRoutes(checks, () => isDraining),
    createMetricsRoute(metrics, metricsAccess, (address) => refusals.pause(networkOf(address))),
  ])
  const refusals = createRefusals(connectionLimits)
  const present = createErrorPresenter(log, false)
  const reading = createReading(connectionLimits, 0)
  const peerOf = createPeer([])
  const pathOf = createRequestPath('')
  let isDraining = false

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', headers, socket } = request
    const { path, search, written: url, root } = pathOf(request.url)
    if (!reading.begin(socket)) return
    response.once('close', () => {
      if (!request.complete) socket.destroySoon()
      reading.end(socket, false)
    })
    try {
      const match = router.find(method, path)
      if (match === null) throw new CarillonError('NOT_FOUND', { message: 'A worker answers /health, /ready and /metrics only.' })
      if (match.route === null) {
        response.setHeader('allow', match.allow)
        throw new CarillonError('METHOD_NOT_ALLOWED')
      }
      const { params, route } = match
      const query = new URLSearchParams(search)
      const remoteAddress = socket.remoteAddress ?? 'unknown'
      answer(
        request,
        response,
        await route.handle({ params, query, url, root, headers, body: EMPTY, remoteAddress, caller: null }),
      )
    } catch (error) {
      sendError(request, response, present, error)
    }
  }
  // Bodies are never read, so there is nothing to wait for but headers.
  const server = createServer(
    { ...TIMEOUTS, keepAliveTimeout: keepAliveMs, headersTimeout: connectionLimits.headersMs },
    (request, response) => {
      void respond(request, response)
    },
  )
  server.on('connection', (socket) => reading.open(socket, peerOf(socket.remoteAddress)))

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, host, backlog: BACKLOG }, () => {
          server.off('error', reject)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    async drain() {
      isDraining = true
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      reading.stop()
    },
  }
}
