/**
 * The clients of B4: many WebSockets in one process, with the documents of a graphql-ws client, read by as little code as possible, so that
 * the server is what is measured. Every frame ends with the number of its event, and each socket has to receive every number once, in order.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** What the benchmark asks for. */
export type ReadersRequest =
  /** Opens `each` sockets of each contact, from one on. `tokens`: null for the bare server. Answers with how long it took, ms */
  | {
      readonly do: 'open'
      readonly url: string
      readonly from: number
      readonly contacts: number
      readonly each: number
      readonly tokens: readonly string[] | null
    }
  /** Answers when so many events more have arrived, with the last frame. */
  | { readonly do: 'expect'; readonly frames: number }
  /** Answers with how late the events since the last call were that say when they were due, ms. */
  | { readonly do: 'latencies' }
  | { readonly do: 'close' }

export const SUBSCRIPTION =
  'subscription { messageReceived { message { title id body url sentAt seenAt readAt } cursor unseenCount } }'

/** How many sockets are opened at a time. */
const OPENING = 100
/** Addresses of this machine that the sockets are opened from. */
const ADDRESSES = 20
const GIVE_UP_MS = 60_000
const BRACE = 0x7d
const DUE = '"title":"'
const DUE_CHARACTERS = 17

let sockets: Socket[] = []
let received = 0
let expected = Number.POSITIVE_INFINITY
let arrived: (() => void) | null = null
let lastFrame = ''
let latencies: number[] = []
let isTimed = false

/** A masked frame of a client; the mask is nothing but zeros. */
function frameOf(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text)
  const head = payload.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8)
  head[0] = 0x80 | opcode
  if (payload.length < 126) head[1] = 0x80 | payload.length
  else {
    head[1] = 0x80 | 126
    head.writeUInt16BE(payload.length, 2)
  }
  return Buffer.concat([head, payload])
}
const PONG = frameOf(10, '')

/** The number at the end of a frame, in front of its braces. */
function numberIn(chunk: Buffer, end: number): number {
  let last = end - 1
  while (chunk[last] === BRACE) last--
  let number = 0
  for (let place = 1; (chunk[last] ?? 0) >= 0x30 && (chunk[last] ?? 0) <= 0x39; place *= 10, last--)
    number += place * ((chunk[last] ?? 0) - 0x30)
  return number
}

/** Opens a socket, and resolves once it is acknowledged and subscribed. */
function open(url: URL, index: number, token: string | null, contact: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ host: url.hostname, port: Number(url.port), localAddress: `127.0.0.${2 + (index % ADDRESSES)}` })
  const id = randomUUID()
  let rest: Buffer = Buffer.alloc(0)
  let isOpen = false
  let isSubscribed = false
  let attempt = 0
  let isRefused = false
  let number = 0
  const fail = (what: string): void => {
    socket.destroy()
    reject(new Error(`Void: B4 socket: ${what}`))
    if (isSubscribed) throw new Error(`Void: B4 socket: ${what}`)
  }
  const count = (chunk: Buffer, from: number, end: number): void => {
    number += 1
    if (numberIn(chunk, end) !== number) fail(`expected ${number}: ${chunk.toString('utf8', from, end)}`)
    if (isTimed) {
      const at = chunk.indexOf(DUE, from) + DUE.length
      latencies.push(performance.timeOrigin + performance.now() - Number(chunk.toString('latin1', at, at + DUE_CHARACTERS)))
    }
    if (++received !== expected) return
    lastFrame = chunk.toString('utf8', from, end)
    arrived?.()
  }
  const subscribe = (): void => {
    attempt += 1
    socket.write(frameOf(1, JSON.stringify({ id, type: 'subscribe', payload: { query: SUBSCRIPTION } })))
    // The answer to an operation after it: the subscription was not refused.
    const after = { id: `after ${attempt}`, type: 'subscribe', payload: { query: '{ __typename }' } }
    socket.write(frameOf(1, JSON.stringify(after)))
  }
  const subscribed = (): void => {
    isSubscribed = true
    resolve(socket)
  }
  const greet = (text: string): void => {
    const message = JSON.parse(text)
    // An operation is refused when it comes, or when it has waited for too long.
    const refusal = message.payload?.[0] ?? message.payload?.errors?.[0]
    const seconds = Number(refusal?.extensions?.retryAfterSeconds)
    if (message.type === 'connection_ack' && token === null) subscribed()
    else if (message.type === 'connection_ack') subscribe()
    else if (seconds > 0 && (message.type === 'error' || message.id === id)) {
      // A contact has so many operations a second, and a server so many at a time: both are tried again, unless the first one was accepted.
      if (message.id === id) isRefused = true
      else if (isRefused) setTimeout(subscribe, seconds * 1_000 * (1 + Math.random()))
      else setTimeout(subscribed, seconds * 1_000)
      if (message.id !== id) isRefused = false
    } else if (message.id === id && message.type === 'complete' && isRefused) {
      // It ends a refusal that came as its result.
    } else if (message.id !== `after ${attempt}`) fail(text)
    else if (message.type === 'complete' && isRefused) {
      isRefused = false
      setTimeout(subscribe, 1_000)
    } else if (message.type === 'complete') subscribed()
  }
  const take = (chunk: Buffer, from: number, end: number): void => {
    if (isSubscribed) count(chunk, from, end)
    else greet(chunk.toString('utf8', from, end))
  }
  socket.setNoDelay(true)
  socket.once('connect', () =>
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    ),
  )
  socket.once('error', (error) => fail(error.message))
  socket.once('close', () => fail('closed'))
  socket.on('data', (got: Buffer) => {
    let chunk = rest.length === 0 ? got : Buffer.concat([rest, got])
    if (!isOpen) {
      const head = chunk.indexOf('\r\n\r\n')
      if (head < 0) {
        rest = chunk
        return
      }
      if (!chunk.toString('latin1', 0, head).startsWith('HTTP/1.1 101')) return fail(chunk.toString('latin1'))
      isOpen = true
      socket.write(
        frameOf(
          1,
          JSON.stringify(
            token === null ? { contact, id } : { type: 'connection_init', payload: { authorization: `Bearer ${token}` } },
          ),
        ),
      )
      chunk = chunk.subarray(head + 4)
    }
    let from = 0
    while (chunk.length - from >= 2) {
      const short = (chunk[from + 1] ?? 0) & 0x7f
      const begin = from + (short === 126 ? 4 : 2)
      if (chunk.length < begin) break
      const end = begin + (short === 126 ? chunk.readUInt16BE(from + 2) : short)
      if (chunk.length < end) break
      const opcode = (chunk[from] ?? 0) & 0x0f
      if (opcode === 1) take(chunk, begin, end)
      else if (opcode === 9) socket.write(PONG)
      else return fail(`a frame of the kind ${opcode}: ${chunk.toString('utf8', begin, end)}`)
      from = end
    }
    rest = chunk.subarray(from)
  })
  return promise
}

async function answer(request: ReadersRequest): Promise<unknown> {
  switch (request.do) {
    case 'open': {
      const { url, from, tokens, each, contacts } = request
      const to = new URL(url)
      const begun = performance.now()
      const end = contacts * each
      let next = 0
      await Promise.all(
        Array.from({ length: OPENING }, async () => {
          for (let index = next++; index < end; index = next++) {
            const contact = from + Math.floor(index / each)
            sockets.push(await open(to, index, tokens?.[contact] ?? null, contact))
          }
        }),
      )
      return performance.now() - begun
    }
    case 'expect': {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = setTimeout(() => reject(new Error(`Void: B4: ${expected - received} frames did not arrive`)), GIVE_UP_MS)
      expected = request.frames
      arrived = resolve
      if (received >= expected) resolve()
      await promise
      clearTimeout(timer)
      expected = Number.POSITIVE_INFINITY
      received = 0
      return lastFrame
    }
    case 'latencies': {
      const measured = latencies
      latencies = []
      isTimed = true
      return measured
    }
    case 'close': {
      const closed = sockets
      sockets = []
      received = 0
      for (const socket of closed) {
        socket.removeAllListeners('close')
        socket.destroy()
      }
      return null
    }
  }
}

process.on('message', async ({ ask, request }: { ask: number; request: ReadersRequest }) => {
  const result = await answer(request)
  process.send?.({ ask, result })
})
process.stdout.write('ready .\n')
