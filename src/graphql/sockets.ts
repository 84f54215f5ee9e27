/**
 * GraphQL over WebSocket (subprotocol `graphql-transport-ws`). The protocol is graphql-ws's; what bounds it is ours:
 * messages a second, operations at once, bytes that wait, silent readers, credentials that end.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ExecutionResult } from 'graphql'
import { CloseCode, handleProtocols, makeServer, parseMessage } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Caller } from './context.ts'
import { codeOf, type PresentError } from './errors.ts'
import { type Gate, type Meter, mayComeFrom } from './gate.ts'
import type { Limits } from './limits.ts'
import { type BoundedOutlet, createOutlet } from './outlet.ts'
import type { Admission, Rates } from './rates.ts'
import type { Wheel } from './wheel.ts'
import type { Engine } from './yoga.ts'

/** What the sockets need. */
export interface SocketDeps {
  readonly engine: Engine
  readonly gate: Pick<Gate<object>, 'authenticate'>
  readonly present: PresentError
  readonly rates: Rates
  readonly admission: Admission
  readonly wheel: Wheel
  readonly meter: Meter
  readonly log: Log
  readonly limits: Limits
}

/** All open sockets. */
export interface Sockets {
  /** Takes over an HTTP connection that asked to be upgraded. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, remoteAddress: string): void
  /** Closes each socket with 1012 as soon as its running queries and mutations are answered. Clients reconnect elsewhere. */
  drain(): void
  /** Cuts what is still open. */
  terminate(): void
  count(): number
}

/** Close codes beside those of the protocol. */
const closing = { tooLarge: 4413, tooMany: 4429, restart: 1012, tryLater: 1013 } as const

/** One message that is being handled. A subscription's is handled until it ends, so it says when it is one. */
interface Task {
  isStream: boolean
}

/** One socket: who holds it, and what it has open. */
interface Connection {
  readonly ws: WebSocket
  readonly outlet: BoundedOutlet
  readonly remoteAddress: string
  readonly origin: string | undefined
  /** the HTTP header, for clients that can set one */
  readonly authorization: string | null
  readonly tasks: Set<Task>
  readonly taskOf: WeakMap<object, Task>
  caller: Caller
  leave: () => void
  current: Task
  isEnded: boolean
  isDraining: boolean
  end(code: number, reason: string): void
}

const nobody: Caller = { kind: 'none' }

/** Makes the sockets' server. It opens no port: the HTTP server hands connections over. */
export function createSockets(deps: SocketDeps): Sockets {
  const { engine, gate, present, rates, admission, wheel, meter, log, limits } = deps
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
        if (given !== null && typeof given !== 'string') throw new CarillonError('UNAUTHENTICATED')
        const caller = await gate.authenticate(given, connection.remoteAddress)
        if (!mayComeFrom(caller, connection.origin)) throw new CarillonError('FORBIDDEN')
        const leave = admission.connect(caller)
        if (leave === null) {
          connection.end(closing.tooMany, 'Too many connections')
          return false
        }
        // It may have gone while its credential was looked up.
        if (connection.isEnded) leave()
        else Object.assign(connection, { caller, leave })
        return !connection.isEnded
      } catch (error) {
        const code = codeOf(present(error))
        if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') connection.end(CloseCode.Forbidden, 'Forbidden')
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
      const { query, variables, operationName } = payload
      const { caller, outlet, remoteAddress } = connection
      const prepared = await engine.prepare({ query, variables, operationName, caller, outlet, remoteAddress })
      if (!('args' in prepared)) meter.operation('websocket', prepared[0] === undefined ? 'OK' : codeOf(prepared[0]))
      return 'args' in prepared ? prepared.args : prepared
    },
    execute: (args) => admitted(() => engine.run(args)),
    subscribe: (args) => admitted(() => engine.run(args)),
    onOperation({ extra: connection }, _id, payload, _args, result) {
      const isStream = Symbol.asyncIterator in result
      const task = connection.taskOf.get(payload)
      if (task !== undefined && isStream) {
        task.isStream = true
        finish(connection)
      }
      const first = 'errors' in result ? result.errors?.[0] : undefined
      meter.operation('websocket', first === undefined ? 'OK' : codeOf(present(first)))
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

  /** Lets a socket go that was only waiting for its last answers. */
  const finish = (connection: Connection): void => {
    if (!connection.isDraining) return
    for (const task of connection.tasks) if (!task.isStream) return
    connection.end(closing.restart, 'Reconnect')
  }

  const open = (ws: WebSocket, request: IncomingMessage, remoteAddress: string): void => {
    const end = (code: number, reason: string): void => {
      if (connection.isEnded) return
      connection.isEnded = true
      ws.close(code, reason)
    }
    const connection: Connection = {
      ws,
      outlet: createOutlet(
        limits.outletBytes,
        () => ws.bufferedAmount,
        () => end(closing.tooLarge, 'Too slow'),
      ),
      remoteAddress,
      origin: request.headers.origin,
      authorization: request.headers.authorization ?? null,
      tasks: new Set(),
      taskOf: new WeakMap(),
      caller: nobody,
      leave: () => {},
      current: { isStream: false },
      isEnded: false,
      isDraining: false,
      end,
    }
    connections.add(connection)
    meter.socketOpened()

    let isSilent = false
    ws.on('pong', () => {
      isSilent = false
    })
    const leaveWheel = wheel.add({
      caller: () => connection.caller,
      backlog: () => connection.outlet.held() + ws.bufferedAmount,
      progress: () => `${connection.outlet.progress()} ${ws.bufferedAmount}`,
      ping() {
        if (isSilent) {
          ws.terminate()
          return false
        }
        isSilent = true
        if (ws.readyState === ws.OPEN) ws.ping()
        return true
      },
      end: (reason) => (reason === 'credential' ? end(CloseCode.Forbidden, 'Forbidden') : end(closing.tooLarge, 'Too slow')),
    })

    // ws has answered a broken frame with its own close code already; without a listener the error would end the process.
    ws.on('error', (error) => log.debug('A socket broke.', { message: error.message }))

    const closed = protocol.opened(
      {
        protocol: ws.protocol,
        // Resolves when the bytes are with the kernel, so that an operation asks for its next value when this one has left.
        send: (data) =>
          new Promise((resolve) => {
            if (ws.readyState !== ws.OPEN || connection.isEnded) return resolve()
            if (ws.bufferedAmount > limits.outletBytes) {
              end(closing.tooLarge, 'Too slow')
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
      connections.delete(connection)
      leaveWheel()
      connection.leave()
      meter.socketClosed(code)
      closed(code, String(reason)).catch((error: unknown) => present(error))
    })
  }

  const receive = (connection: Connection, listen: (text: string) => Promise<void>): void => {
    let second = 0
    let count = 0
    connection.ws.on('message', (data, isBinary) => {
      // What comes while draining is left to the next server: nothing of it was begun.
      if (connection.isEnded || connection.isDraining) return
      const now = performance.now()
      if (now - second >= 1_000) {
        second = now
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
          // A message that only servers send is the client's fault; all else was ours.
          if (!isFromClient(text)) return connection.end(CloseCode.BadRequest, 'Invalid message received')
          present(error)
          connection.end(closing.tryLater, 'Try again later')
        })
        .finally(() => {
          connection.tasks.delete(task)
          finish(connection)
        })
    })
  }

  return {
    accept(request, socket, head, remoteAddress) {
      server.handleUpgrade(request, socket, head, (ws) => open(ws, request, remoteAddress))
    },
    drain() {
      for (const connection of connections) {
        connection.isDraining = true
        finish(connection)
      }
    },
    terminate() {
      for (const { ws } of connections) ws.terminate()
    },
    count: () => connections.size,
  }
}

const fromClients = new Set(['connection_init', 'ping', 'pong', 'subscribe', 'complete'])

const isFromClient = (text: string): boolean => {
  try {
    return fromClients.has(parseMessage(text).type)
  } catch {
    return false
  }
}
