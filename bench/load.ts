/** A load generator that costs little: raw sockets, requests that are built beforehand, answers that are counted by their length. */
import { connect, type Socket } from 'node:net'

/** What a load gave. */
export interface Load {
  readonly count: number
  readonly seconds: number
  /** of each request, ms */
  readonly latencies: readonly number[]
}

/** One HTTP request, whole. */
export function request(url: string, credential: string, body: string): string {
  const { host } = new URL(url)
  return `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${credential}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/**
 * Keeps `concurrency` requests under way until `next` has none left.
 * @param next the request, or null at the end
 * @param check looks at an answer's body
 */
export async function load(
  url: string,
  concurrency: number,
  next: () => string | null,
  check: (body: string) => void,
): Promise<Load> {
  const { hostname, port } = new URL(url)
  const latencies: number[] = []
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const socket: Socket = connect(Number(port), hostname)
      let received = ''
      let sentAt = 0
      const send = (): void => {
        const text = next()
        if (text === null) {
          socket.end()
          resolve()
          return
        }
        sentAt = performance.now()
        socket.write(text)
      }
      socket.setNoDelay(true)
      socket.once('connect', send)
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
        const split = received.indexOf('\r\n\r\n')
        if (split < 0) return
        const head = received.slice(0, split)
        const length = /content-length: (\d+)/i.exec(head)?.[1]
        const isChunked = /transfer-encoding: chunked/i.test(head)
        const body = received.slice(split + 4)
        if (isChunked ? !body.endsWith('0\r\n\r\n') : body.length < Number(length ?? 0)) return
        latencies.push(performance.now() - sentAt)
        received = ''
        try {
          check(body)
        } catch (error) {
          socket.destroy()
          reject(error)
          return
        }
        send()
      })
      return promise
    }),
  )
  return { count: latencies.length, seconds: (performance.now() - begun) / 1000, latencies }
}
