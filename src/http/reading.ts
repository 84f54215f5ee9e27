/**
 * Requests that are not whole yet: connections whose headers or body are still arriving, whatever they ask for. They take no place among
 * the operations in flight; they have bounds of their own, by client and in all. What a slow client holds never keeps another one out:
 * beyond a bound, the oldest are cut and the new one is let in, so that a request that arrives without delay is always served.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { CarillonError } from '../errors.ts'
import type { ConnectionLimits } from './limits.ts'
import { refuse } from './reply.ts'

/** The bounds of requests that are not whole yet. */
export interface Reading {
  /** Counts a new connection until its first request is whole. `client`: of the connection; null: a proxy, which many clients are behind */
  open(socket: Socket, client: string | null): void
  /**
   * Reads the body of a request, and counts it to a client meanwhile. Sends `100 Continue` first if the client waits for it.
   * @throws CarillonError TOO_LARGE as soon as the limit is exceeded (the rest is left unread), UNSUPPORTED_MEDIA_TYPE for a compressed
   *   body, REQUEST_TIMEOUT when it comes too slowly, OVERLOADED when it was cut in favor of others, BAD_REQUEST when the client disconnects
   */
  read(request: IncomingMessage, response: ServerResponse, maxBytes: number, client: string): Promise<Buffer>
  /** A request has begun: its headers are whole. @returns false: its connection was cut, and it must not be executed */
  begin(socket: Socket): boolean
  /** It was answered: the connection waits for the next one. `isKnown`: its caller was a project or the operator, and it is not counted */
  end(socket: Socket, isKnown: boolean): void
  /** The connection is a WebSocket from now on: nothing more is read of it here. */
  forget(socket: Socket): void
  /** Stops the timer, once all connections are closed. */
  stop(): void
}

/** One connection. */
interface Connection {
  readonly socket: Socket
  readonly peer: string | null
  /** requests that have begun and are not answered */
  requests: number
  client: string
  since: number
  bytes: number
  /** what the socket had received when it began to wait for a request */
  readBefore: number
  /** when the first byte of the headers was noticed; null: none has come */
  headersSince: number | null
  /** it has been answered before, and may be idle */
  isReused: boolean
  /** it was answered and closed before its headers were whole */
  isCut: boolean
  /** ends the reading of the body; null: the headers are still to come */
  fail: ((error: CarillonError) => void) | null
}

/** What one client holds; the oldest first. */
interface Share {
  readonly connections: Set<Connection>
  bytes: number
}

type ReadingLimits = Pick<
  ConnectionLimits,
  | 'bodyBytesPerSecond'
  | 'bodyGraceMs'
  | 'headersMs'
  | 'unfinishedPerClient'
  | 'unfinishedMs'
  | 'unfinishedInAll'
  | 'unfinishedBytesPerClient'
  | 'unfinishedBytesInAll'
>

const PROXIES = 'proxies'
const CHECK_MS = 1_000

/** Creates the bounds of one server. `maxBodyBytes`: of the largest body; any one body fits into the bounds. */
export function createReading(limits: ReadingLimits, maxBodyBytes: number, now = () => performance.now()): Reading {
  const bytesPerClient = Math.max(limits.unfinishedBytesPerClient, 2 * maxBodyBytes)
  const bytesInAll = Math.max(limits.unfinishedBytesInAll, 4 * maxBodyBytes)
  const connections = new WeakMap<Socket, Connection>()
  const shares = new Map<string, Share>()
  let count = 0
  let bytes = 0
  let timer: NodeJS.Timeout | null = null
  let checkedAt = 0

  const release = (connection: Connection): void => {
    const share = shares.get(connection.client)
    if (share?.connections.delete(connection) !== true) return
    share.bytes -= connection.bytes
    bytes -= connection.bytes
    count -= 1
    connection.bytes = 0
    connection.fail = null
    if (share.connections.size === 0) shares.delete(connection.client)
  }

  const evict = (connection: Connection, error = new CarillonError('OVERLOADED', { retryAfterSeconds: 1 })): void => {
    const { socket, fail, readBefore } = connection
    release(connection)
    if (fail !== null) fail(error)
    // A client that has sent nothing waits for no answer.
    else if (socket.bytesRead === readBefore) socket.destroy()
    else {
      connection.isCut = true
      refuse(socket, error)
    }
  }

  const largest = (sizeOf: (share: Share) => number): Share | null => {
    let found: Share | null = null
    for (const share of shares.values()) if (found === null || sizeOf(share) > sizeOf(found)) found = share
    return found
  }

  /** Cuts the oldest one, `except` apart. @returns false: there is none */
  const evictOldest = (share: Share | null, except: Connection | null, isCandidate: (one: Connection) => boolean): boolean => {
    for (const one of share?.connections ?? []) {
      if (one === except || !isCandidate(one)) continue
      evict(one)
      return true
    }
    return false
  }

  /** Beyond the bound of a client, only those are cut that have waited for a while: many clients may be behind one address. */
  const cutWaiting = (client: string, share: Share, except: Connection | null): void => {
    const before = now() - limits.unfinishedMs
    const isOld = ({ since }: Connection): boolean => since <= before
    while (client !== PROXIES && share.connections.size > limits.unfinishedPerClient && evictOldest(share, except, isOld));
  }

  const hold = (connection: Connection, client: string, fail: Connection['fail']): void => {
    release(connection)
    Object.assign(connection, {
      client,
      fail,
      since: now(),
      bytes: 0,
      readBefore: connection.socket.bytesRead,
      headersSince: null,
    })
    const share = shares.get(client) ?? { connections: new Set(), bytes: 0 }
    shares.set(client, share)
    share.connections.add(connection)
    count += 1
    if (timer === null) {
      checkedAt = now()
      timer = setInterval(check, CHECK_MS).unref()
    }
    cutWaiting(client, share, connection)
    while (count > limits.unfinishedInAll && evictOldest(largest(sizeOf), connection, () => true));
  }
  const sizeOf = ({ connections: { size } }: Share): number => size

  const grow = (connection: Connection, by: number): void => {
    const share = shares.get(connection.client)
    if (share === undefined) return
    connection.bytes += by
    share.bytes += by
    bytes += by
    const hasBytes = (one: Connection): boolean => one.bytes > 0
    while (share.bytes > bytesPerClient && evictOldest(share, connection, hasBytes));
    while (
      bytes > bytesInAll &&
      evictOldest(
        largest((one) => one.bytes),
        connection,
        hasBytes,
      )
    );
  }

  /** Whether the headers of a request, or the first byte of a new connection, have taken too long. */
  const isHeadersLate = (connection: Connection, at: number): boolean => {
    const { socket, readBefore, since, isReused } = connection
    if (socket.bytesRead === readBefore) return !isReused && at - since >= limits.headersMs
    connection.headersSince ??= at
    return at - connection.headersSince >= limits.headersMs
  }

  const forgive = (ms: number): void => {
    for (const { connections: all } of shares.values()) {
      for (const connection of all) {
        connection.since += ms
        if (connection.headersSince !== null) connection.headersSince += ms
      }
    }
  }

  const check = (): void => {
    const at = now()
    // A process that did not run for a while has not read what came meanwhile: that is not the client's time. It is read before the next check.
    const stalled = at - checkedAt - CHECK_MS
    checkedAt = at
    if (stalled > CHECK_MS) return void forgive(stalled)
    for (const [client, share] of shares) {
      for (const connection of share.connections) {
        const elapsed = at - connection.since
        if (connection.fail === null) {
          if (isHeadersLate(connection, at)) evict(connection, new CarillonError('REQUEST_TIMEOUT'))
          continue
        }
        if (elapsed < limits.bodyGraceMs) continue
        const expected = Math.floor((elapsed / 1_000) * limits.bodyBytesPerSecond)
        if (connection.bytes >= expected) continue
        const { fail, bytes: got } = connection
        release(connection)
        const message = `The request body came too slowly: send at least ${limits.bodyBytesPerSecond} bytes a second.`
        fail(new CarillonError('REQUEST_TIMEOUT', { message, max: expected, got }))
      }
      cutWaiting(client, share, null)
    }
    if (count > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  /** The same for all connections. */
  function closed(this: Socket): void {
    const connection = connections.get(this)
    if (connection !== undefined) release(connection)
  }

  return {
    open(socket, peer) {
      const client = peer ?? PROXIES
      const connection = {
        socket,
        peer,
        requests: 0,
        client,
        since: 0,
        bytes: 0,
        readBefore: 0,
        headersSince: null,
        isReused: false,
        isCut: false,
        fail: null,
      }
      connections.set(socket, connection)
      socket.on('close', closed)
      hold(connection, client, null)
    },
    begin(socket) {
      const connection = connections.get(socket)
      if (connection === undefined) return true
      connection.requests += 1
      release(connection)
      return !connection.isCut
    },
    end(socket, isKnown) {
      const connection = connections.get(socket)
      if (connection === undefined) return
      connection.requests -= 1
      connection.isReused = true
      // With pipelining, the next request may have begun already.
      if (connection.requests === 0 && !isKnown && !socket.destroyed) hold(connection, connection.peer ?? PROXIES, null)
    },
    async read(request, response, maxBytes, client) {
      assertReadable(request, maxBytes)
      if (request.destroyed && !request.complete) throw incomplete()
      const connection = connections.get(request.socket)
      return new Promise((resolve, reject) => {
        const chunks: Buffer[] = []
        let received = 0
        const stop = (): void => {
          request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
          if (connection !== undefined) release(connection)
        }
        const fail = (error: CarillonError): void => {
          stop()
          request.pause()
          chunks.length = 0
          reject(error)
        }
        const onData = (chunk: Buffer): void => {
          received += chunk.length
          if (received <= maxBytes) {
            chunks.push(chunk)
            if (connection !== undefined) grow(connection, chunk.length)
          } else fail(tooLarge(maxBytes, received))
        }
        const onEnd = (): void => {
          stop()
          resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
        }
        const onClose = (): void => fail(incomplete())
        if (connection !== undefined) hold(connection, client, fail)
        if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
        request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
      })
    },
    forget(socket) {
      closed.call(socket)
      connections.delete(socket)
      socket.off('close', closed)
    },
    stop() {
      if (timer !== null) clearInterval(timer)
      timer = null
    },
  }
}

/**
 * Refuses a body by its headers alone.
 * @throws CarillonError TOO_LARGE, UNSUPPORTED_MEDIA_TYPE
 */
export function assertReadable({ headers }: IncomingMessage, maxBytes: number): void {
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new CarillonError('UNSUPPORTED_MEDIA_TYPE', {
      message: 'Compressed request bodies are not supported: send the body without Content-Encoding.',
    })
  }
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > maxBytes) throw tooLarge(maxBytes, announced)
}

const tooLarge = (max: number, got: number): CarillonError =>
  new CarillonError('TOO_LARGE', { message: `The request body is larger than ${max} bytes.`, max, got })
const incomplete = (): CarillonError => new CarillonError('BAD_REQUEST', { message: 'The request body is incomplete.' })
