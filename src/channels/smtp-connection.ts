/**
 * One connection to a mail server, driven through nodemailer's protocol code. Not through its pool, which does not
 * distinguish a connection lost before the whole message was sent from one lost after, and resolves names past the address guard.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import SMTPConnection, { type SMTPConnectionSendInfo, type SMTPEnvelope } from 'nodemailer/lib/smtp-connection'
import type { AddressGuard } from './address-guard.ts'
import { ProviderError } from './provider.ts'

/** How a mail server is reached. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** TLS from the first byte; else STARTTLS where the server offers it */
  readonly secure: boolean
  readonly requireTls: boolean
  /** log in without TLS too */
  readonly allowInsecureAuth: boolean
  readonly tlsVerify: boolean
  readonly user: string | null
  readonly password: string | null
}

/** How long things may take, ms. */
export interface SmtpTimes {
  readonly connectMs: number
  readonly greetingMs: number
  /** silence on a connection in use */
  readonly silenceMs: number
  /** from `send` to its outcome, waiting for a connection included */
  readonly totalMs: number
  /** an idle connection is kept this long */
  readonly idleMs: number
}

/** What is sent: `to[0]` is the main recipient. */
export interface SmtpJob {
  readonly from: string
  readonly to: readonly [string, ...string[]]
  readonly raw: Buffer
}

/** A message got no answer, or a negative one (its cause then carries the `response`). Classified by smtp-outcome.ts. */
export class SmtpFailure extends Error {
  override readonly name = 'SmtpFailure'
  /** the whole message, its final dot included, was written to the connection */
  readonly isFullySent: boolean
  constructor(message: string, isFullySent: boolean, cause: unknown) {
    super(message, { cause })
    this.isFullySent = isFullySent
  }

  /** the server answered with an error code, so the connection is still usable */
  get wasAnswered(): boolean {
    return this.cause instanceof Error && 'response' in this.cause && typeof this.cause.response === 'string'
  }
}

/** The caller's signal or the time limit of the attempt ended it. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError'
}

/** One connection, after greeting, TLS and login. */
export interface SmtpConnection {
  isAlive(): boolean
  /** messages begun on it */
  sent(): number
  /** @throws SmtpFailure */
  send(job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo>
  /** Ends a transaction that a refusal left half done. @throws SmtpFailure */
  reset(): Promise<void>
  /** Sends QUIT, and closes. */
  quit(): void
  close(): void
}

const NO_TLS_MESSAGE =
  'The mail server offered no TLS, so the password was not sent. Let it offer STARTTLS, or set secure: true for a port with implicit TLS ' +
  '(465). Only for a test server: allowInsecureAuth: true.'

const refusedInClear = (): ProviderError =>
  new ProviderError('retryable', 'PROVIDER_UNREACHABLE', NO_TLS_MESSAGE, { about: 'provider' })

/** How long the answer to QUIT may take, ms; then the connection is closed without it. */
const QUIT_MS = 1_000

/**
 * Opens a connection. `onEnd` is called once, when it has ended for whatever reason.
 * @throws SmtpFailure; ProviderError when the guard refuses the host
 */
export async function openSmtpConnection(
  server: SmtpServer,
  times: SmtpTimes,
  guard: AddressGuard,
  signal: AbortSignal,
  onEnd: (connection: SmtpConnection) => void,
): Promise<SmtpConnection> {
  const socket = await openSocket(server, times, guard, signal)
  const connection = new SMTPConnection({
    connection: socket,
    host: server.host,
    secure: server.secure,
    secured: server.secure,
    requireTLS: server.requireTls && !server.secure,
    tls: { rejectUnauthorized: server.tlsVerify },
    connectionTimeout: times.connectMs + times.greetingMs,
    greetingTimeout: times.greetingMs,
    socketTimeout: times.silenceMs,
    // QUIT has a timer of its own; in every other case a closing connection is not needed any more.
    socketCloseTimeout: 0,
  })
  let sent = 0
  let quitTimer: NodeJS.Timeout | undefined
  const opened: SmtpConnection = {
    isAlive: () => !connection.destroyed,
    sent: () => sent,
    send(job, untilStopped) {
      sent++
      return transmit(connection, job, untilStopped)
    },
    reset: () =>
      perform<void>(connection, new AbortController().signal, NEVER, (done) => connection.reset((error) => done(error))),
    quit() {
      quitTimer = setTimeout(() => connection.close(), QUIT_MS)
      connection.quit()
    },
    close: () => connection.close(),
  }
  // An idle connection may be lost at any time; without a listener that would end the process.
  connection.on('error', () => {})
  connection.once('end', () => {
    clearTimeout(quitTimer)
    onEnd(opened)
  })
  try {
    await perform<void>(connection, signal, NEVER, (done) => connection.connect((error) => done(error)))
    const { user, password } = server
    // A relay that accepts us by our IP address may not offer AUTH.
    if (user !== null && password !== null && connection.allowsAuth) {
      // Nothing was sent yet. Retried, because somebody on the way may take STARTTLS out of the answer for a while.
      if (!connection.secure && !server.allowInsecureAuth) throw new SmtpFailure(NO_TLS_MESSAGE, false, refusedInClear())
      await perform<void>(connection, signal, NEVER, (done) => connection.login({ user, pass: password }, (error) => done(error)))
    }
    return opened
  } catch (error) {
    connection.close()
    throw error
  }
}

async function transmit(connection: SMTPConnection, job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo> {
  let isFullySent = false
  let mainRefusal: Error | undefined
  // nodemailer writes what became of each recipient into the object that it is given.
  const envelope: SMTPEnvelope & { rejectedErrors?: readonly (Error & { recipient?: unknown })[] } = {
    from: job.from,
    to: [...job.to],
    size: job.raw.length,
  }
  const body = new Readable({
    // Read once the server has agreed to take the message. If it refused the main recipient and accepted a copy's, nothing may
    // be sent: the next attempt would reach the copies twice. Without the final dot the server discards what it has.
    read() {
      mainRefusal = envelope.rejectedErrors?.find((error) => error.recipient === job.to[0])
      if (mainRefusal !== undefined) {
        this.destroy(new Error('The main recipient was refused.'))
        return
      }
      this.push(job.raw)
      this.push(null)
    },
  })
  body.once('end', () => {
    isFullySent = true
  })
  try {
    return await perform<SMTPConnectionSendInfo>(
      connection,
      signal,
      () => isFullySent,
      (done) => connection.send(envelope, body, done),
    )
  } catch (error) {
    if (mainRefusal === undefined) throw error
    connection.close()
    throw new SmtpFailure(mainRefusal.message, false, mainRefusal)
  }
}

const NEVER = () => false

/** Runs one step until it is answered, the connection ends, or the signal is aborted. The step's error becomes the failure's cause. */
function perform<T>(
  connection: SMTPConnection,
  signal: AbortSignal,
  isFullySent: () => boolean,
  step: (done: (error: Error | null | undefined, result: T) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const settle = () => {
      connection.off('error', fail)
      connection.off('end', onEnd)
      signal.removeEventListener('abort', onAbort)
    }
    const fail = (error: Error) => {
      settle()
      reject(new SmtpFailure(error.message, isFullySent(), error))
    }
    // The connection's own error comes right after its end; only when there is none is the end all that is known.
    const onEnd = () => queueMicrotask(() => fail(new Error('The connection was closed.')))
    const onAbort = () => {
      fail(new StoppedError('The attempt was stopped.', { cause: signal.reason }))
      connection.close()
    }
    connection.once('error', fail)
    connection.once('end', onEnd)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    step((error, result) => {
      if (error !== null && error !== undefined) return fail(error)
      settle()
      resolve(result)
    })
  })
}

/** Opens the socket, TLS included where the connection begins with it; the guard sees the address that is used. */
function openSocket(server: SmtpServer, times: SmtpTimes, guard: AddressGuard, signal: AbortSignal): Promise<Socket> {
  guard.checkHost(server.host)
  const { host, port } = server
  const where = { host, port, lookup: guard.lookup, autoSelectFamily: true }
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket: Socket = server.secure
    ? connectTls({ ...where, ...name, rejectUnauthorized: server.tlsVerify })
    : connectPlain(where)
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off('error', fail)
    }
    const fail = (error: Error) => {
      settle()
      // Later errors don't matter, but without a listener they would end the process.
      socket.on('error', () => {})
      socket.destroy()
      reject(new SmtpFailure(error.message, false, error))
    }
    const onAbort = () => fail(new StoppedError('The attempt was stopped.', { cause: signal.reason }))
    const tooLate = () => fail(Object.assign(new Error('No connection in time.'), { code: 'ETIMEDOUT' }))
    const timer = setTimeout(tooLate, times.connectMs)
    socket.once('error', fail)
    socket.once(server.secure ? 'secureConnect' : 'connect', () => {
      settle()
      resolve(socket)
    })
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
