/** The doors of a process that only works: health, readiness and metrics. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Check, sendHealth, sendReadiness } from './health.ts'
import type { Metrics } from './metrics.ts'
import { sendJson } from './respond.ts'

/** Makes them. Nothing is open before `listen`. */
export function createWorkerDoors({ checks, metrics }: { readonly checks: readonly Check[]; readonly metrics: Metrics }) {
  let isDraining = false
  const server = createServer((request, response) => {
    if (request.url === '/health') return sendHealth(response)
    if (request.url === '/ready') return void sendReadiness(response, checks, isDraining)
    if (request.url === '/metrics') {
      return void metrics.render().then(({ text, type }) => response.writeHead(200, { 'content-type': type }).end(text))
    }
    sendJson(response, 404, {
      errors: [{ message: 'A worker answers /health, /ready and /metrics only.', extensions: { code: 'NOT_FOUND' } }],
    })
  })
  return {
    /** Opens the port. @returns the one it got. Rejects when the port is taken */
    listen: (port: number, host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    async drain(): Promise<void> {
      isDraining = true
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
