/** `/metrics`: what Prometheus reads of the process and of the server. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { CarillonError } from '../errors.ts'
import type { DialectName } from '../words.ts'
import { createFresh } from './fresh.ts'
import { connectionLimits } from './limits.ts'
import type { PublicRoute } from './route.ts'

/** What the server counts. Times are in seconds. */
export interface Meter {
  request(route: string, status: number, seconds: number): void
  /** `code`: `OK`, or the code of the first error */
  operation(transport: 'http' | 'websocket' | 'sse' | DialectName, code: string): void
  socketOpened(): void
  socketClosed(code: number): void
}

/** The metrics of one process. */
export interface Metrics {
  readonly meter: Meter
  /**
   * Adds a number that is read for each scrape; one that takes a promise, at most every 5 s. `read` must not throw; while its promise
   * rejects, the number is left out.
   */
  gauge(name: string, help: string, read: () => number | Promise<number>): void
  /** Adds a number that only grows. @returns a function that adds to it */
  counter(name: string, help: string): (by?: number) => void
  /** The text of `/metrics`, and its content type. */
  render(): Promise<{ readonly text: string; readonly type: string }>
}

/** Creates the metrics, in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Histogram({
    name: 'carillon_http_request_seconds',
    help: 'Duration of HTTP requests, by route and status.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  })
  const operations = new Counter({
    name: 'carillon_operations_total',
    help: 'Operations by transport (of GraphQL, or the name of a dialect) and by the code of their first error, OK if there was none.',
    labelNames: ['transport', 'code'],
    registers,
  })
  const sockets = new Gauge({ name: 'carillon_sockets', help: 'Open WebSockets.', registers })
  const closes = new Counter({
    name: 'carillon_socket_closes_total',
    help: 'Closed WebSockets by close code.',
    labelNames: ['code'],
    registers,
  })
  let isCollecting = false
  /** The metrics of any Node process, from the first scrape on: one of them wakes the process 100 times a second to measure its lag. */
  const collectProcess = (): void => {
    if (!isCollecting) collectDefaultMetrics({ register: registry })
    isCollecting = true
  }
  return {
    meter: {
      request: (route, status, seconds) => requests.observe({ route, status }, seconds),
      operation: (transport, code) => operations.inc({ transport, code }),
      socketOpened: () => sockets.inc(),
      socketClosed(code) {
        sockets.dec()
        // Clients can choose among thousands of codes, and each label is a time series that never goes away.
        closes.inc({ code: code < 3000 || ownCloseCodes.has(code) ? code : code < 4000 ? '3xxx' : '4xxx' })
      },
    },
    gauge(name, help, read) {
      let counted: number | Promise<number> | null = null
      let countedAt = 0
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          if (!(counted instanceof Promise) || performance.now() - countedAt >= connectionLimits.countMs) {
            counted = read()
            countedAt = performance.now()
          }
          try {
            this.set(await counted)
          } catch {
            // The database is unavailable, which `/ready` reports; a stale number would hide it.
            this.remove()
          }
        },
      })
    },
    counter(name, help) {
      const counter = new Counter({ name, help, registers })
      return (by = 1) => counter.inc(by)
    },
    render: createFresh(
      async () => {
        collectProcess()
        return { text: await registry.metrics(), type: registry.contentType }
      },
      connectionLimits.freshReadsPerSecond,
      connectionLimits.freshReads,
    ),
  }
}

const ownCloseCodes = new Set([4400, 4401, 4403, 4406, 4408, 4409, 4413, 4429])

/** Who may read `/metrics`: everybody, nobody, or the owner of the key. */
export type MetricsAccess = 'open' | 'closed' | { readonly key: string }

/** Creates the route. `pause`: how long an address that asks again and again waits, as for a refusal. */
export const createMetricsRoute = (
  { render }: Pick<Metrics, 'render'>,
  access: MetricsAccess,
  pause: (remoteAddress: string) => Promise<void> | null,
): PublicRoute => ({
  method: 'GET',
  path: '/metrics',
  auth: 'none',
  async handle({ headers: { authorization = '' }, remoteAddress }) {
    assertAccess(access, authorization)
    await pause(remoteAddress)
    const { text, type } = await render()
    return { status: 200, headers: { 'content-type': type }, body: text }
  },
})

function assertAccess(access: MetricsAccess, authorization: string): void {
  if (access === 'open') return
  if (access === 'closed')
    throw new CarillonError('UNAUTHENTICATED', { message: 'The metrics are closed: set CARILLON_METRICS_KEY on the server.' })
  const given = authorization.trim().replace(/^bearer\s+/i, '')
  if (timingSafeEqual(digestOf(given), digestOf(access.key))) return
  throw new CarillonError('UNAUTHENTICATED', { message: 'Send the metrics key as Authorization: Bearer KEY.' })
}

/** Digests have the same length, which comparing in constant time needs. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
