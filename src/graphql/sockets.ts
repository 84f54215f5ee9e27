/**
 * GraphQL over WebSocket (subprotocol `graphql-transport-ws`). graphql-ws implements the protocol; the limits are enforced here:
 * messages a second, operations at once, bytes waiting, clients that don't answer pings, credentials that end.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ExecutionResult } from 'graphql'
import { CloseCode, handleProtocols, makeServer, type WebSocket as ProtocolSocket, parseMessage } from 'graphql-ws'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Caller } from './context.ts'
import type { Engine } from './engine.ts'
import { codeOf, type PresentError } from './errors.ts'
import type { Pouring, Results, Sink } from './execution.ts'
import { bytesOf, headOf } from './frames.ts'
import type { SocketLimits } from './limits.ts'
import type { Admission, ConnectionBuffer, Heartbeat, LiveConnection, RateLimit, SocketMeter, Transport } from './transport.ts'

/** What the sockets need. */
export interface SocketDeps {
  readonly engine: Engine
  readonly present: PresentError
  readonly rates: RateLimit
  readonly admission: Admission
  readonly heartbeat: Heartbeat
  readonly meter: SocketMeter
  readonly log: Log
  readonly limits: SocketLimits
  /** how long a socket may go without a credential */
  readonly anonymousMs: number
  /** bytes that may wait for one socket */
  readonly sendBufferBytes: number
  /** Creates the send buffer of one socket. */
  createSendBuffer(maxBytes: number, transport: Transport): ConnectionBuffer
}

/** All open sockets. */
export interface Sockets {
  /**
   * Upgrades an HTTP connection to a WebSocket.
   * @param identified called once the socket has sent a valid credential
   */
  accept(request: IncomingMessage, socket: Socket, head: Buffer, remoteAddress: string, identified: () => void): void
  /** Closes each socket with 1012 as soon as its running queries and mutations are answered. Clients reconnect elsewhere. */
  drain(): void
  /** Cuts every socket that is still open. */
  terminate(): void
  count(): number
}

/** Close codes in addition to those of the protocol. */
const closing = { tooSlow: 4413, tooMany: 4429, restart: 1012, tryLater: 1013 } as const

/** One incoming message while it is processed. A subscription's is processed until it ends; `isStream` excludes it from what a drain waits for. */
interface Task {
  isStream: boolean
}

/** The protocol's implementation takes texts, and what was parsed of them: a text would be kept for as long as its subscription lasts. */
interface Listener {
  listen(message: string | ProtocolMessage): Promise<void>
}

/** What is known of a client before it has sent its credential. */
interface Upgrade {
  readonly request: IncomingMessage
  /** called once, when it has a credential */
  readonly identified: () => void
}

/**
 * One socket: its caller, and what it has open. It is what `graphql-ws`, the heartbeat and its send buffer know of the socket, and what they
 * call are methods that all sockets share: of ten thousand that nothing is sent to, each function of their own would take a megabyte.
 */
interface Connection extends LiveConnection, Transport, ProtocolSocket {
  close(code?: number, reason?: string): void
  readonly ws: ServerSocket
  /** what `ws` writes to as well: frames of both are whole, and in the order in which they were sent */
  readonly socket: Socket
  readonly remoteAddress: string
  readonly sendBuffer: ConnectionBuffer
  /** null: its caller is known, or was refused */
  upgrade: Upgrade | null
  readonly openedAt: number
  /** until it has sent `connection_init`, and then a credential */
  timer: NodeJS.Timeout | null
  /** frames that leave with the next write */
  unsent: string
  /** the kernel has not taken all of it: a call will tell when it has */
  isBlocked: boolean
  /** subscriptions that wait for that */
  waiting: Set<Pouring> | null
  /** messages that are processed, streams apart */
  running: number
  current: Task | null
  known: Caller
  leave: (() => void) | null
  /** takes an incoming message, and the end of the connection */
  listen: Listener['listen'] | null
  closed: ((code: number, reason: string) => Promise<void>) | null
  isPingUnanswered: boolean
  isEnded: boolean
  isDraining: boolean
  /** when the second began that messages are counted in, and how many have come in it */
  secondBegan: number
  count: number
}

/** A WebSocket of this server. */
class ServerSocket extends WebSocket {
  connection: Connection | null = null
}
const connectionOf = (ws: WebSocket): Connection | null => (ws instanceof ServerSocket ? ws.connection : null)

const anonymous: Caller = { kind: 'none' }
const done = { done: true, value: undefined } as const
/** Frames of one moment that leave at once, without waiting for more of them. */
const WRITE_BYTES = 16_384

const isPourable = (result: object): result is Results => 'isPourable' in result && result.isPourable === true
/** What a close frame carries beside its code. */
const REASON_BYTES = 123
/** A message as the reason of a close frame: cut off at a whole character. */
const reasonOf = (message: string): string => {
  const bytes = Buffer.from(message)
  return bytes.length <= REASON_BYTES
    ? message
    : `${bytes
        .subarray(0, REASON_BYTES - 6)
        .toString()
        .replace(/\ufffd$/, '')}…`
}

/** Creates the WebSocket server. It opens no port: the HTTP server passes connections to `accept`. */
export function createSockets(deps: SocketDeps): Sockets {
  const { engine, present, rates, admission, heartbeat, meter, log, limits, anonymousMs, sendBufferBytes } = deps
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    maxFragments: limits.messageFragments,
    closeTimeout: limits.closeMs,
    handleProtocols,
    WebSocket: ServerSocket,
  }
  const server = new WebSocketServer(options)
  const connections = new Set<Connection>()
  /** of operations that are being prepared */
  const tasks = new WeakMap<object, Task>()

  const protocol = makeServer<Record<string, unknown>, Connection>({
    // There is a timer for that already.
    connectionInitWaitTimeout: 0,
    async onConnect(context) {
      const { extra: connection, connectionParams } = context
      const { upgrade, remoteAddress, openedAt } = connection
      if (upgrade === null) return false
      const { headers } = upgrade.request
      const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'] ?? headers.authorization ?? null
      // The protocol's implementation would keep the credential for as long as the socket is open.
      Object.assign(context, { connectionParams: undefined })
      wait(connection, openedAt + anonymousMs - performance.now(), endAnonymous)
      try {
        if (given !== null && typeof given !== 'string')
          throw new CarillonError('UNAUTHENTICATED', { message: 'authorization in the connection parameters must be text.' })
        const person = given === null ? await admission.resume(headers, connectionParams?.['project']) : null
        const caller = person ?? (await admission.authenticate(given, headers.origin, remoteAddress))
        const leave = admission.connect(caller)
        if (leave === null) {
          connection.close(closing.tooMany, 'Too many connections')
          return false
        }
        // The socket may have closed while its credential was looked up.
        if (connection.isEnded) leave()
        else Object.assign(connection, { known: caller, leave })
        if (caller.kind !== 'none') {
          stopWaiting(connection)
          upgrade.identified()
          connection.upgrade = null
        }
        return !connection.isEnded
      } catch (error) {
        const presented = present(error)
        const code = codeOf(presented)
        if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'PROJECT_SUSPENDED')
          connection.close(CloseCode.Forbidden, reasonOf(presented.message))
        else if (code === 'RATE_LIMITED') connection.close(closing.tooMany, 'Too many wrong credentials')
        else connection.close(closing.tryLater, 'Try again later')
        return false
      }
    },
    async onSubscribe({ extra: connection, subscriptions }, _id, payload) {
      if (connection.current !== null) tasks.set(payload, connection.current)
      if (Object.keys(subscriptions).length > limits.operationsPerSocket) {
        connection.close(closing.tooMany, 'Too many operations')
        return [present(new CarillonError('RATE_LIMITED'))]
      }
      try {
        rates.count(connection.known)
      } catch (error) {
        return [present(error)]
      }
      const { query, variables, operationName, extensions } = payload
      const { known: caller, sendBuffer, remoteAddress } = connection
      // A subscription would keep its text for as long as it lasts.
      Object.assign(payload, { query: '' })
      const prepared = await engine.prepare({ query, variables, operationName, extensions, caller, sendBuffer, remoteAddress })
      if (!('args' in prepared)) meter.operation('websocket', prepared[0] === undefined ? 'OK' : codeOf(prepared[0]))
      return 'args' in prepared ? prepared.args : prepared
    },
    execute: (args) => admitted(() => engine.run(args)),
    subscribe: (args) => admitted(() => engine.run(args)),
    onOperation({ extra: connection }, id, payload, _args, result) {
      const isStream = Symbol.asyncIterator in result
      const task = tasks.get(payload)
      tasks.delete(payload)
      if (task !== undefined && isStream) {
        task.isStream = true
        connection.running -= 1
        closeIfDrained(connection)
      }
      const first = 'errors' in result ? result.errors?.[0] : undefined
      meter.operation('websocket', first === undefined ? 'OK' : codeOf(present(first)))
      return isPourable(result) ? new Pour(connection, id, result) : undefined
    },
  })

  const admitted = async (run: () => ReturnType<Engine['run']>): Promise<ExecutionResult | AsyncIterable<ExecutionResult>> => {
    let leave: () => void
    try {
      leave = admission.enter()
    } catch (error) {
      return { errors: [present(error)] }
    }
    try {
      return await run()
    } finally {
      leave()
    }
  }

  /** connections with unsent frames */
  let unsent: Connection[] = []

  const write = (connection: Connection): void => {
    const { ws, socket, unsent: frames } = connection
    if (frames === '') return
    connection.unsent = ''
    if (ws.readyState !== ws.OPEN || connection.isEnded) return
    socket.write(frames, 'latin1')
    // Mostly the kernel takes it at once, and nobody need be called, which takes as much time as the rest of the write.
    if (socket.writableLength > 0) callWhenTaken(connection)
  }

  /** Calls those that wait once the kernel has taken all that was written until now. */
  const callWhenTaken = (connection: Connection): void => {
    if (connection.isBlocked) return
    connection.isBlocked = true
    connection.socket.write('', (error) => {
      // Of a socket that is lost: its subscriptions end with it.
      if (error) return
      connection.isBlocked = false
      const { waiting } = connection
      connection.waiting = null
      for (const pour of waiting ?? []) pour.resume()
    })
  }

  const writeAll = (): void => {
    const connections = unsent
    unsent = []
    for (const connection of connections) write(connection)
  }

  /**
   * The results of a subscription as the protocol's implementation sees them: it begins and ends them, and answers their errors, while they go
   * to the socket without passing through it.
   */
  class Pour implements Sink, Pouring, AsyncIterableIterator<never> {
    readonly #connection: Connection
    readonly #results: Results
    /** what is in front of each payload */
    readonly #start: string
    readonly #ended = Promise.withResolvers<typeof done>()
    #pouring: Pouring | null = null

    constructor(connection: Connection, id: string, results: Results) {
      this.#connection = connection
      this.#results = results
      this.#start = bytesOf(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
    }

    isReady(): boolean {
      // Only once the kernel has its last result, a subscription asks for the next one.
      const connection = this.#connection
      // What is closing takes nothing any more: its subscriptions end with it, and read nothing for nobody until then.
      if (connection.isEnded || connection.ws.readyState !== WebSocket.OPEN) return false
      if (connection.socket.writableLength === 0) return true
      // What waits may be a frame of `ws`.
      callWhenTaken(connection)
      connection.waiting ??= new Set()
      connection.waiting.add(this)
      return false
    }

    send(payload: string): void {
      const connection = this.#connection
      const start = this.#start
      if (connection.ws.readyState !== WebSocket.OPEN || connection.isEnded) return
      if (connection.buffered() > sendBufferBytes) {
        connection.overflow()
        return
      }
      if (connection.unsent === '' && unsent.push(connection) === 1) process.nextTick(writeAll)
      connection.unsent += `${headOf(start.length + payload.length + 1)}${start}${payload}}`
      if (connection.unsent.length > WRITE_BYTES) write(connection)
    }

    end(error: unknown): void {
      if (error === undefined) this.#ended.resolve(done)
      else this.#ended.reject(error)
    }

    resume(): void {
      this.#pouring?.resume()
    }

    [Symbol.asyncIterator](): this {
      return this
    }

    next(): Promise<typeof done> {
      this.#pouring ??= this.#results.pour(this)
      return this.#ended.promise
    }

    async return(): Promise<typeof done> {
      await this.#results.return()
      this.#ended.resolve(done)
      return done
    }
  }

  /** During a drain, closes a socket whose last answer has been sent. */
  const closeIfDrained = (connection: Connection): void => {
    if (connection.isDraining && connection.running === 0) connection.close(closing.restart, 'Reconnect')
  }

  /** Calls back once so much time has passed, instead of what was waited for before. */
  const wait = (connection: Connection, ms: number, late: (connection: Connection) => void): void => {
    stopWaiting(connection)
    connection.timer = setTimeout(late, ms, connection).unref()
  }
  const stopWaiting = (connection: Connection): void => {
    if (connection.timer !== null) clearTimeout(connection.timer)
    connection.timer = null
  }
  const endSilent = (connection: Connection): void =>
    connection.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
  // 4401: clients of the protocol do not come back by themselves.
  const endAnonymous = (connection: Connection): void => connection.close(CloseCode.Unauthorized, 'Credential required')

  class SocketConnection implements Connection {
    readonly ws: ServerSocket
    readonly socket: Socket
    readonly remoteAddress: string
    readonly sendBuffer: ConnectionBuffer
    upgrade: Upgrade | null
    readonly openedAt = Math.floor(performance.now())
    timer: NodeJS.Timeout | null = null
    unsent = ''
    isBlocked = false
    waiting: Set<Pouring> | null = null
    running = 0
    current: Task | null = null
    known = anonymous
    leave: (() => void) | null = null
    listen: Connection['listen'] = null
    closed: Connection['closed'] = null
    isPingUnanswered = false
    isEnded = false
    isDraining = false
    secondBegan = 0
    count = 0

    constructor(ws: ServerSocket, socket: Socket, remoteAddress: string, upgrade: Upgrade) {
      this.ws = ws
      this.socket = socket
      this.remoteAddress = remoteAddress
      this.upgrade = upgrade
      this.sendBuffer = deps.createSendBuffer(sendBufferBytes, this)
    }

    get protocol(): string {
      return this.ws.protocol
    }

    /** Resolves when the kernel has the bytes, so that an operation asks for its next value only after this one has left. */
    send(data: string): Promise<void> {
      write(this)
      const { ws, socket } = this
      if (ws.readyState !== WebSocket.OPEN || this.isEnded) return Promise.resolve()
      if (socket.writableLength > sendBufferBytes) {
        this.overflow()
        return Promise.resolve()
      }
      return new Promise((resolve) => ws.send(data, () => resolve()))
    }

    close(code = 1000, reason = ''): void {
      if (this.isEnded) return
      write(this)
      this.isEnded = true
      this.ws.close(code, reason)
    }

    onMessage(listen: Parameters<ProtocolSocket['onMessage']>[0]): void {
      this.listen = listen
    }

    buffered(): number {
      return this.unsent.length + this.socket.writableLength
    }

    overflow(): void {
      this.close(closing.tooSlow, 'Too slow')
    }

    caller(): Caller {
      return this.known
    }

    backlog(): number {
      return this.sendBuffer.held() + this.socket.writableLength
    }

    progress(): number {
      // Both only grow: what was released, and what the kernel has taken.
      return this.sendBuffer.progress() + this.socket.bytesWritten - this.socket.writableLength
    }

    ping(): void {
      const { ws } = this
      if (this.isPingUnanswered) ws.terminate()
      else if (ws.readyState === WebSocket.OPEN) ws.ping()
      this.isPingUnanswered = true
    }

    end(reason: 'credential' | 'stalled'): void {
      if (reason === 'credential') this.close(CloseCode.Forbidden, 'Forbidden')
      else this.overflow()
    }
  }

  function onPong(this: WebSocket): void {
    const connection = connectionOf(this)
    if (connection !== null) connection.isPingUnanswered = false
  }

  // ws has already answered an invalid frame with its own close code; without a listener the error would end the process.
  const onError = (error: Error): void => log.debug('A socket failed.', { message: error.message })

  function onClose(this: WebSocket, code: number, reason: Buffer): void {
    const connection = connectionOf(this)
    if (connection === null) return
    connection.isEnded = true
    stopWaiting(connection)
    connections.delete(connection)
    heartbeat.remove(connection)
    connection.leave?.()
    meter.socketClosed(code)
    connection.closed?.(code, String(reason)).catch((error: unknown) => present(error))
  }

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    const connection = connectionOf(this)
    // What arrives during a drain is left unanswered: nothing of it has begun, and the client sends it again after reconnecting.
    if (connection === null || connection.isEnded || connection.isDraining) return
    const now = Math.floor(performance.now())
    if (now - connection.secondBegan >= 1_000) {
      connection.secondBegan = now
      connection.count = 0
    }
    connection.count += 1
    if (connection.count > limits.messagesPerSecond) {
      connection.close(closing.tooMany, 'Too many messages')
      return
    }
    const message = isBinary ? null : messageOf(String(data))
    if (message === null) connection.close(CloseCode.BadRequest, 'Invalid message received')
    else take(connection, message)
  }

  const take = (connection: Connection, message: ProtocolMessage): void => {
    const task: Task = { isStream: false }
    const done = (): void => {
      if (!task.isStream) connection.running -= 1
      closeIfDrained(connection)
    }
    connection.current = task
    connection.running += 1
    connection.listen?.(message).then(done, (error: unknown) => {
      present(error)
      connection.close(closing.tryLater, 'Try again later')
      done()
    })
  }

  const open = (ws: ServerSocket, socket: Socket, remoteAddress: string, upgrade: Upgrade): void => {
    const connection = new SocketConnection(ws, socket, remoteAddress, upgrade)
    ws.connection = connection
    connections.add(connection)
    meter.socketOpened()
    wait(connection, limits.initMs, endSilent)
    heartbeat.add(connection)
    ws.on('pong', onPong)
    ws.on('error', onError)
    ws.on('message', onMessage)
    ws.on('close', onClose)
    connection.closed = protocol.opened(connection, connection)
  }

  return {
    accept(request, socket, head, remoteAddress, identified) {
      server.handleUpgrade(request, socket, head, (ws) => open(ws, socket, remoteAddress, { request, identified }))
    },
    drain() {
      for (const connection of connections) {
        connection.isDraining = true
        closeIfDrained(connection)
      }
    },
    terminate() {
      for (const { ws } of connections) ws.terminate()
    },
    count: () => connections.size,
  }
}

type ProtocolMessage = ReturnType<typeof parseMessage>
const clientMessages = new Set<string>(['connection_init', 'ping', 'pong', 'subscribe', 'complete'])

/** A message of a client; null: it is none. */
function messageOf(text: string): ProtocolMessage | null {
  try {
    const message = parseMessage(text)
    return clientMessages.has(message.type) ? message : null
  } catch {
    return null
  }
}
