/**
 * GraphQL over WebSocket (subprotocol `graphql-transport-ws`). graphql-ws implements the protocol; the limits are enforced here:
 * messages a second, operations at once, bytes waiting, clients that don't answer pings, credentials that end.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ExecutionResult } from 'graphql'
import { CloseCode, handleProtocols, makeServer, parseMessage } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Caller } from './context.ts'
import type { Engine } from './engine.ts'
import { codeOf, type PresentError } from './errors.ts'
import type { Results } from './execution.ts'
import { bytesOf, headOf } from './frames.ts'
import type { SocketLimits } from './limits.ts'
import type { Admission, ConnectionBuffer, Heartbeat, RateLimit, SocketMeter } from './transport.ts'

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
  /**
   * Creates the send buffer of one socket.
   * @param buffered bytes that the socket itself still holds
   * @param onFull ends the connection
   */
  createSendBuffer(maxBytes: number, buffered: () => number, onFull: () => void): ConnectionBuffer
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

/** One socket: its caller, and what it has open. */
interface Connection {
  readonly ws: WebSocket
  /** what `ws` writes to as well: frames of both are whole, and in the order in which they were sent */
  readonly socket: Socket
  /** frames that leave with the next write */
  unsent: string
  /** writes that have not left, or of which that is not known yet */
  writes: number
  /** subscriptions that wait for those writes */
  readonly waiting: Set<() => void>
  readonly sendBuffer: ConnectionBuffer
  readonly remoteAddress: string
  readonly origin: string | undefined
  /** the HTTP header, for clients that can set one */
  readonly authorization: string | null
  /** of the upgrade */
  readonly headers: IncomingHttpHeaders
  readonly tasks: Set<Task>
  readonly taskOf: WeakMap<object, Task>
  caller: Caller
  leave: () => void
  /** called once, when it has a credential */
  readonly identified: () => void
  current: Task
  isEnded: boolean
  isDraining: boolean
  end(code: number, reason: string): void
}

const anonymous: Caller = { kind: 'none' }
/** Frames of one moment that leave at once, without waiting for more of them. */
const WRITE_BYTES = 16_384

const isPourable = (result: object): result is Results & { readonly pour: NonNullable<Results['pour']> } =>
  'pour' in result && result.pour !== null
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
  }
  const server = new WebSocketServer(options)
  const connections = new Set<Connection>()

  const protocol = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: limits.initMs,
    async onConnect({ extra: connection, connectionParams }) {
      const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'] ?? connection.authorization
      try {
        if (given !== null && typeof given !== 'string')
          throw new CarillonError('UNAUTHENTICATED', { message: 'authorization in the connection parameters must be text.' })
        const person = given === null ? await admission.resume(connection.headers, connectionParams?.['project']) : null
        const caller = person ?? (await admission.authenticate(given, connection.origin, connection.remoteAddress))
        const leave = admission.connect(caller)
        if (leave === null) {
          connection.end(closing.tooMany, 'Too many connections')
          return false
        }
        // The socket may have closed while its credential was looked up.
        if (connection.isEnded) leave()
        else Object.assign(connection, { caller, leave })
        if (caller.kind !== 'none') connection.identified()
        return !connection.isEnded
      } catch (error) {
        const presented = present(error)
        const code = codeOf(presented)
        if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'PROJECT_SUSPENDED')
          connection.end(CloseCode.Forbidden, reasonOf(presented.message))
        else if (code === 'RATE_LIMITED') connection.end(closing.tooMany, 'Too many wrong credentials')
        else connection.end(closing.tryLater, 'Try again later')
        return false
      }
    },
    async onSubscribe({ extra: connection, subscriptions }, _id, payload) {
      connection.taskOf.set(payload, connection.current)
      if (Object.keys(subscriptions).length > limits.operationsPerSocket) {
        connection.end(closing.tooMany, 'Too many operations')
        return [present(new CarillonError('RATE_LIMITED'))]
      }
      try {
        rates.count(connection.caller)
      } catch (error) {
        return [present(error)]
      }
      const { query, variables, operationName, extensions } = payload
      const { caller, sendBuffer, remoteAddress } = connection
      const prepared = await engine.prepare({ query, variables, operationName, extensions, caller, sendBuffer, remoteAddress })
      if (!('args' in prepared)) meter.operation('websocket', prepared[0] === undefined ? 'OK' : codeOf(prepared[0]))
      return 'args' in prepared ? prepared.args : prepared
    },
    execute: (args) => admitted(() => engine.run(args)),
    subscribe: (args) => admitted(() => engine.run(args)),
    onOperation({ extra: connection }, id, payload, _args, result) {
      const isStream = Symbol.asyncIterator in result
      const task = connection.taskOf.get(payload)
      if (task !== undefined && isStream) {
        task.isStream = true
        closeIfDrained(connection)
      }
      const first = 'errors' in result ? result.errors?.[0] : undefined
      meter.operation('websocket', first === undefined ? 'OK' : codeOf(present(first)))
      return isPourable(result) ? poured(connection, id, result.pour, result) : undefined
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
    const { ws, socket, unsent: frames, waiting } = connection
    if (frames === '') return
    connection.unsent = ''
    if (ws.readyState !== ws.OPEN || connection.isEnded) return
    connection.writes += 1
    socket.write(frames, 'latin1', () => {
      connection.writes -= 1
      if (connection.writes > 0 || waiting.size === 0) return
      const resumed = [...waiting]
      waiting.clear()
      for (const resume of resumed) resume()
    })
  }

  const writeAll = (): void => {
    const connections = unsent
    unsent = []
    for (const connection of connections) write(connection)
  }

  /** Sends the result of a subscription. `start`: what is in front of its payload */
  const sendNext = (connection: Connection, start: string, payload: string): void => {
    if (connection.ws.readyState !== connection.ws.OPEN || connection.isEnded) return
    if (connection.unsent.length + connection.socket.writableLength > sendBufferBytes) {
      connection.end(closing.tooSlow, 'Too slow')
      return
    }
    if (connection.unsent === '' && unsent.push(connection) === 1) process.nextTick(writeAll)
    connection.unsent += `${headOf(start.length + payload.length + 1)}${start}${payload}}`
    if (connection.unsent.length > WRITE_BYTES) write(connection)
  }

  /**
   * The results of a subscription as the protocol's implementation sees them: it begins and ends them, and answers their errors, while they go
   * to the socket without passing through it.
   */
  const poured = (connection: Connection, id: string, pour: NonNullable<Results['pour']>, results: Results): Results => {
    const start = bytesOf(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
    const done = { done: true, value: undefined } as const
    const ended = Promise.withResolvers<typeof done>()
    const begin = (): void => {
      const pouring = pour({
        isReady() {
          // Only once the kernel has its last result, a subscription asks for the next one.
          if (connection.writes === 0 || connection.socket.writableLength === 0) return true
          connection.waiting.add(resume)
          return false
        },
        send: (payload) => sendNext(connection, start, payload),
        end: (error) => (error === undefined ? ended.resolve(done) : ended.reject(error)),
      })
      const resume = (): void => pouring.resume()
    }
    let isBegun = false
    return {
      ...results,
      [Symbol.asyncIterator]() {
        return this
      },
      next() {
        if (!isBegun) begin()
        isBegun = true
        return ended.promise
      },
      async return() {
        await results.return?.()
        ended.resolve(done)
        return done
      },
    }
  }

  /** During a drain, closes a socket whose last answer has been sent. */
  const closeIfDrained = (connection: Connection): void => {
    if (!connection.isDraining) return
    for (const task of connection.tasks) if (!task.isStream) return
    connection.end(closing.restart, 'Reconnect')
  }

  const open = (ws: WebSocket, socket: Socket, request: IncomingMessage, remoteAddress: string, identified: () => void): void => {
    const end = (code: number, reason: string): void => {
      if (connection.isEnded) return
      write(connection)
      connection.isEnded = true
      ws.close(code, reason)
    }
    const buffered = (): number => connection.unsent.length + socket.writableLength
    const connection: Connection = {
      ws,
      socket,
      unsent: '',
      writes: 0,
      waiting: new Set(),
      sendBuffer: deps.createSendBuffer(sendBufferBytes, buffered, () => end(closing.tooSlow, 'Too slow')),
      remoteAddress,
      origin: request.headers.origin,
      authorization: request.headers.authorization ?? null,
      headers: request.headers,
      tasks: new Set(),
      taskOf: new WeakMap(),
      caller: anonymous,
      leave: () => {},
      identified() {
        clearTimeout(timer)
        identified()
      },
      current: { isStream: false },
      isEnded: false,
      isDraining: false,
      end,
    }
    connections.add(connection)
    meter.socketOpened()
    // 4401: clients of the protocol do not come back by themselves.
    const timer = setTimeout(() => end(CloseCode.Unauthorized, 'Credential required'), anonymousMs).unref()

    let isPingUnanswered = false
    ws.on('pong', () => {
      isPingUnanswered = false
    })
    const stopHeartbeat = heartbeat.add({
      caller: () => connection.caller,
      backlog: () => connection.sendBuffer.held() + socket.writableLength,
      // Both only grow: what was released, and what the kernel has taken.
      progress: () => connection.sendBuffer.progress() + socket.bytesWritten - socket.writableLength,
      ping() {
        if (isPingUnanswered) return ws.terminate()
        isPingUnanswered = true
        if (ws.readyState === ws.OPEN) ws.ping()
      },
      end: (reason) => (reason === 'credential' ? end(CloseCode.Forbidden, 'Forbidden') : end(closing.tooSlow, 'Too slow')),
    })

    // ws has already answered an invalid frame with its own close code; without a listener the error would end the process.
    ws.on('error', (error) => log.debug('A socket failed.', { message: error.message }))

    const closed = protocol.opened(
      {
        protocol: ws.protocol,
        // Resolves when the kernel has the bytes, so that an operation asks for its next value only after this one has left.
        send: (data) =>
          new Promise((resolve) => {
            write(connection)
            if (ws.readyState !== ws.OPEN || connection.isEnded) return resolve()
            if (socket.writableLength > sendBufferBytes) {
              end(closing.tooSlow, 'Too slow')
              return resolve()
            }
            ws.send(data, () => resolve())
          }),
        close: (code, reason) => end(code ?? 1000, reason ?? ''),
        onMessage: (listen) => receive(connection, listen),
      },
      connection,
    )

    ws.once('close', (code, reason) => {
      connection.isEnded = true
      clearTimeout(timer)
      connections.delete(connection)
      stopHeartbeat()
      connection.leave()
      meter.socketClosed(code)
      closed(code, String(reason)).catch((error: unknown) => present(error))
    })
  }

  const receive = (connection: Connection, listen: (text: string) => Promise<void>): void => {
    let secondBegan = 0
    let count = 0
    connection.ws.on('message', (data, isBinary) => {
      // What arrives during a drain is left unanswered: nothing of it has begun, and the client sends it again after reconnecting.
      if (connection.isEnded || connection.isDraining) return
      const now = performance.now()
      if (now - secondBegan >= 1_000) {
        secondBegan = now
        count = 0
      }
      count += 1
      if (count > limits.messagesPerSecond) return connection.end(closing.tooMany, 'Too many messages')
      if (isBinary) return connection.end(CloseCode.BadRequest, 'Invalid message received')
      const text = String(data)
      const task: Task = { isStream: false }
      connection.current = task
      connection.tasks.add(task)
      listen(text)
        .catch((error: unknown) => {
          // A message that only servers send is the client's fault; everything else is a fault of the server.
          if (!isFromClient(text)) return connection.end(CloseCode.BadRequest, 'Invalid message received')
          present(error)
          connection.end(closing.tryLater, 'Try again later')
        })
        .finally(() => {
          connection.tasks.delete(task)
          closeIfDrained(connection)
        })
    })
  }

  return {
    accept(request, socket, head, remoteAddress, identified) {
      server.handleUpgrade(request, socket, head, (ws) => open(ws, socket, request, remoteAddress, identified))
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

const clientMessages = new Set(['connection_init', 'ping', 'pong', 'subscribe', 'complete'])

const isFromClient = (text: string): boolean => {
  try {
    return clientMessages.has(parseMessage(text).type)
  } catch {
    return false
  }
}
