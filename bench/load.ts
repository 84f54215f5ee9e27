/** A load generator that uses little CPU: raw sockets, requests built in advance, answers that are delimited by their length. */
import { connect, type Socket } from 'node:net'

/** The result of a load. */
export interface Load {
  readonly count: number
  readonly seconds: number
  /** of each request, ms */
  readonly latencies: readonly number[]
}

/** The text of a whole HTTP request: a GraphQL POST with a bearer token. `body` is JSON. */
export const request = (url: string, credential: string, body: string): string =>
  post(url, '/graphql', `Bearer ${credential}`, body)

/** The text of a whole HTTP request: a POST. `body` is JSON. */
export function post(url: string, path: string, authorization: string, body: string): string {
  const { host } = new URL(url)
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nAuthorization: ${authorization}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** A kept-alive connection that sends one request at a time. */
interface Connection {
  send(text: string): void
  end(): void
}

function openConnection(
  url: string,
  on: {
    opened(connection: Connection): void
    answered(connection: Connection, body: string): void
    failed(error: unknown): void
  },
): void {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  let received = ''
  const connection: Connection = { send: (text) => void socket.write(text), end: () => void socket.end() }
  socket.setNoDelay(true)
  socket.once('connect', () => on.opened(connection))
  socket.on('error', on.failed)
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    const split = received.indexOf('\r\n\r\n')
    if (split < 0) return
    const head = received.slice(0, split)
    const length = /content-length: (\d+)/i.exec(head)?.[1]
    const isChunked = /transfer-encoding: chunked/i.test(head)
    const body = received.slice(split + 4)
    if (isChunked ? !body.endsWith('0\r\n\r\n') : body.length < Number(length ?? 0)) return
    received = ''
    try {
      on.answered(connection, body)
    } catch (error) {
      socket.destroy()
      on.failed(error)
    }
  })
}

/** A pool of connections: each request is sent as soon as one of them is free. */
export interface ConnectionPool {
  send(text: string): void
  close(): void
}

/**
 * Opens `count` connections, and keeps them open.
 * @param check called with the body of each answer; if it throws, the process ends, because the run is void
 */
export async function openPool(url: string, count: number, check: (body: string) => void): Promise<ConnectionPool> {
  const free: Connection[] = []
  const all: Connection[] = []
  const waiting: string[] = []
  await Promise.all(
    Array.from({ length: count }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      openConnection(url, {
        opened(connection) {
          all.push(connection)
          free.push(connection)
          resolve()
        },
        answered(connection, body) {
          check(body)
          const next = waiting.shift()
          if (next === undefined) free.push(connection)
          else connection.send(next)
        },
        failed(error) {
          reject(error)
          // No caller waits for a single request, but without its answer the counts are wrong: end the process.
          if (all.length === count) throw error
        },
      })
      return promise
    }),
  )
  return {
    send(text) {
      const connection = free.pop()
      if (connection === undefined) waiting.push(text)
      else connection.send(text)
    },
    close() {
      for (const connection of all) connection.end()
    },
  }
}

/**
 * Keeps `concurrency` requests under way until `next` has none left.
 * @param next returns the next request, or null when there are no more
 * @param check called with the body of each answer; if it throws, the load fails with that error
 */
export async function load(
  url: string,
  concurrency: number,
  next: () => string | null,
  check: (body: string) => void,
): Promise<Load> {
  const latencies: number[] = []
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      let sentAt = 0
      const go = (connection: Connection): void => {
        const text = next()
        if (text === null) {
          connection.end()
          resolve()
          return
        }
        sentAt = performance.now()
        connection.send(text)
      }
      openConnection(url, {
        opened: go,
        answered(connection, body) {
          latencies.push(performance.now() - sentAt)
          check(body)
          go(connection)
        },
        failed: reject,
      })
      return promise
    }),
  )
  return { count: latencies.length, seconds: (performance.now() - begun) / 1000, latencies }
}
