/** The connections to one mail server: opened as they are needed, kept while they are used, one message at a time on each. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection'
import type { AddressGuard } from './address-guard.ts'
import {
  openSmtpConnection,
  type SmtpConnection,
  SmtpFailure,
  type SmtpJob,
  type SmtpServer,
  type SmtpTimes,
  StoppedError,
} from './smtp-connection.ts'

/** Sends over connections that are kept. */
export interface SmtpPool {
  /** Sends one message. @throws SmtpFailure; ProviderError when the guard refuses the host */
  send(job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo>
  /** Waits for the sends under way, refuses new ones, and closes the connections. */
  close(): Promise<void>
}

/** Servers that limit messages per connection close it at some point. Closing it first costs no failed attempt. */
const MESSAGES_PER_CONNECTION = 100

/** `ratePerSecond`: the starts of messages are spaced evenly to stay below this rate; null: no limit. */
export function createSmtpPool(
  server: SmtpServer & { readonly maxConnections: number },
  times: SmtpTimes,
  guard: AddressGuard,
  ratePerSecond: number | null,
): SmtpPool {
  const connections = new Set<SmtpConnection>()
  const idle = new Map<SmtpConnection, NodeJS.Timeout>()
  const waiting: Array<() => void> = []
  const pace = createPace(ratePerSecond)
  const onceClosed: Array<() => void> = []
  let busy = 0
  let closed = false

  async function takeTurn(signal: AbortSignal): Promise<void> {
    if (busy < server.maxConnections) {
      busy++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(stopped('No connection became free in time.', signal))
      }
      waiting.push(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  function endTurn(): void {
    const next = waiting.shift()
    if (next !== undefined) {
      next()
      return
    }
    busy--
    resolveWhenClosed()
  }

  function resolveWhenClosed(): void {
    if (closed && busy === 0 && connections.size === 0) for (const resolve of onceClosed.splice(0)) resolve()
  }

  /** The connection most recently used: the others can reach their idle time-out. */
  function takeIdle(): SmtpConnection | undefined {
    const [connection, timer] = [...idle].at(-1) ?? []
    clearTimeout(timer)
    if (connection !== undefined) idle.delete(connection)
    return connection
  }

  function quit(connection: SmtpConnection): void {
    clearTimeout(idle.get(connection))
    idle.delete(connection)
    connection.quit()
  }

  async function open(signal: AbortSignal): Promise<SmtpConnection> {
    const connection = await openSmtpConnection(server, times, guard, signal, (ended) => {
      clearTimeout(idle.get(ended))
      idle.delete(ended)
      connections.delete(ended)
      resolveWhenClosed()
    })
    if (connection.isAlive()) connections.add(connection)
    return connection
  }

  /** Keeps the connection for the next message, or closes it, and ends the turn. Never throws. */
  async function giveBack(connection: SmtpConnection, refused: boolean): Promise<void> {
    try {
      if (refused && connection.isAlive()) await connection.reset()
      if (!connection.isAlive()) return
      if (closed || connection.sent() >= MESSAGES_PER_CONNECTION) quit(connection)
      else
        idle.set(
          connection,
          setTimeout(() => quit(connection), times.idleMs),
        )
    } catch {
      // A connection that can't be reset is closed. The outcome of its message is already known.
      connection.close()
    } finally {
      endTurn()
    }
  }

  /** Sends, and ends the turn once the connection is ready for the next message or closed. */
  async function sendInTurn(job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo> {
    let connection: SmtpConnection | undefined
    try {
      await pace(signal)
      for (;;) {
        const kept = takeIdle()
        connection = kept ?? (await open(signal))
        try {
          const info = await connection.send(job, signal)
          void giveBack(connection, false)
          return info
        } catch (error) {
          // A server may close an idle connection just as it is used. The message was not refused: it gets another connection.
          const answered = error instanceof SmtpFailure && (error.wasAnswered || error.isFullySent)
          if (kept === undefined || answered || signal.aborted) throw error
          kept.close()
        }
        connection = undefined
      }
    } catch (error) {
      if (connection === undefined) endTurn()
      else {
        if (!(error instanceof SmtpFailure && error.wasAnswered)) connection.close()
        void giveBack(connection, true)
      }
      throw error
    }
  }

  return {
    async send(job, signal) {
      if (closed) throw new SmtpFailure('The provider was closed.', false, undefined)
      await takeTurn(signal)
      return sendInTurn(job, signal)
    },
    async close() {
      closed = true
      for (const connection of [...idle.keys()]) quit(connection)
      const rest = new Promise<void>((resolve) => onceClosed.push(resolve))
      resolveWhenClosed()
      await rest
    },
  }
}

const stopped = (message: string, signal: AbortSignal): SmtpFailure =>
  new SmtpFailure(message, false, new StoppedError(message, { cause: signal.reason }))

function createPace(perSecond: number | null): (signal: AbortSignal) => Promise<void> {
  let nextAt = 0
  return async (signal) => {
    if (signal.aborted) throw stopped('The attempt was stopped.', signal)
    if (perSecond === null) return
    const now = performance.now()
    const at = Math.max(now, nextAt)
    nextAt = at + 1_000 / perSecond
    if (at - now < 1) return
    try {
      await sleep(at - now, undefined, { signal })
    } catch {
      // A timer ends early for one reason only.
      throw stopped('The attempt was stopped.', signal)
    }
  }
}
