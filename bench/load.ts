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

/** One kept-alive connection: sends a request, and tells of each answer. */
interface Lane {
  send(text: string): void
  end(): void
}

function openLane(
  url: string,
  told: { opened(lane: Lane): void; answered(lane: Lane, body: string): void; failed(error: unknown): void },
): void {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  let received = ''
  const lane: Lane = { send: (text) => void socket.write(text), end: () => void socket.end() }
  socket.setNoDelay(true)
  socket.once('connect', () => told.opened(lane))
  socket.on('error', told.failed)
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
      told.answered(lane, body)
    } catch (error) {
      socket.destroy()
      told.failed(error)
    }
  })
}

/** Connections that take what is sent as soon as one of them is free. */
export interface Lanes {
  send(text: string): void
  close(): void
}

/** Opens connections, and keeps them. @param check looks at an answer's body; what it throws ends the process: the run is void */
export async function openLanes(url: string, count: number, check: (body: string) => void): Promise<Lanes> {
  const free: Lane[] = []
  const all: Lane[] = []
  const waiting: string[] = []
  await Promise.all(
    Array.from({ length: count }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      openLane(url, {
        opened(lane) {
          all.push(lane)
          free.push(lane)
          resolve()
        },
        answered(lane, body) {
          check(body)
          const next = waiting.shift()
          if (next === undefined) free.push(lane)
          else lane.send(next)
        },
        failed(error) {
          reject(error)
          // Nobody waits for one of many requests: without its answer the counts can't be right.
          if (all.length === count) throw error
        },
      })
      return promise
    }),
  )
  return {
    send(text) {
      const lane = free.pop()
      if (lane === undefined) waiting.push(text)
      else lane.send(text)
    },
    close() {
      for (const lane of all) lane.end()
    },
  }
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
  const latencies: number[] = []
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      let sentAt = 0
      const go = (lane: Lane): void => {
        const text = next()
        if (text === null) {
          lane.end()
          resolve()
          return
        }
        sentAt = performance.now()
        lane.send(text)
      }
      openLane(url, {
        opened: go,
        answered(lane, body) {
          latencies.push(performance.now() - sentAt)
          check(body)
          go(lane)
        },
        failed: reject,
      })
      return promise
    }),
  )
  return { count: latencies.length, seconds: (performance.now() - begun) / 1000, latencies }
}
