/** What Prometheus reads: the process, and what the doors count. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Meter } from '../graphql/gate.ts'

/** The metrics of one process. */
export interface Metrics {
  readonly meter: Meter
  /** Adds a number that is read whenever somebody asks. `read` must not throw; a rejected promise leaves the number out. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void
  /** Adds a number that only grows. @returns what counts */
  counter(name: string, help: string): (by?: number) => void
  /** The text of `/metrics`, and its content type. */
  render(): Promise<{ readonly text: string; readonly type: string }>
}

/** Makes the metrics, with a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'carillon_http_request_seconds',
    help: 'HTTP requests by route and status: how long they took.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  })
  const operations = new Counter({
    name: 'carillon_operations_total',
    help: 'GraphQL operations by transport and code of their first error, OK without one.',
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
  return {
    meter: {
      request: (route, status, seconds) => requests.observe({ route, status }, seconds),
      operation: (transport, code) => operations.inc({ transport, code }),
      socketOpened: () => sockets.inc(),
      socketClosed(code) {
        sockets.dec()
        // Clients choose among thousands of codes; each label is a series for ever.
        closes.inc({ code: code < 3000 || ours.has(code) ? code : code < 4000 ? '3xxx' : '4xxx' })
      },
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          try {
            this.set(await read())
          } catch {
            // The store is away: `/ready` says so, and a stale number would say otherwise.
            this.remove()
          }
        },
      })
    },
    counter(name, help) {
      const counter = new Counter({ name, help, registers })
      return (by = 1) => counter.inc(by)
    },
    render: async () => ({ text: await registry.metrics(), type: registry.contentType }),
  }
}

const ours = new Set([4400, 4401, 4403, 4406, 4408, 4409, 4413, 4429])
