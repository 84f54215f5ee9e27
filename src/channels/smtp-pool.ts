/** The connections to one mail server: opened as they are needed, kept while they are used, one message at a time on each. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection'
import type { AddressGuard } from './address-guard.ts'
import { openLine, SmtpFailure, type SmtpJob, type SmtpLine, type SmtpServer, type SmtpTimes, StoppedError } from './smtp-line.ts'

/** A pool of connections. */
export interface SmtpPool {
  /** Sends one message. @throws SmtpFailure; ProviderError when the guard refuses the host */
  send(job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo>
  /** Lets sends that were begun end, refuses new ones, and takes leave of the server. */
  close(): Promise<void>
}

/** A server that counts messages per connection ends it sooner or later; ending it ourselves costs no failed attempt. */
const MESSAGES_PER_LINE = 100

/** Makes the pool. `ratePerSecond`: messages are begun evenly, at most so many a second; null: as they come. */
export function createSmtpPool(
  server: SmtpServer & { readonly maxConnections: number },
  times: SmtpTimes,
  guard: AddressGuard,
  ratePerSecond: number | null,
): SmtpPool {
  const lines = new Set<SmtpLine>()
  const idle = new Map<SmtpLine, NodeJS.Timeout>()
  const waiting: Array<() => void> = []
  const pace = createPace(ratePerSecond)
  const atRest: Array<() => void> = []
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
    tellWhenAtRest()
  }

  function tellWhenAtRest(): void {
    if (closed && busy === 0 && lines.size === 0) for (const tell of atRest.splice(0)) tell()
  }

  /** The line that was idle for the shortest time: the others get a chance to be let go. */
  function takeIdle(): SmtpLine | undefined {
    const [line, timer] = [...idle].at(-1) ?? []
    clearTimeout(timer)
    if (line !== undefined) idle.delete(line)
    return line
  }

  function dismiss(line: SmtpLine): void {
    clearTimeout(idle.get(line))
    idle.delete(line)
    line.quit()
  }

  async function open(signal: AbortSignal): Promise<SmtpLine> {
    const line = await openLine(server, times, guard, signal, (ended) => {
      clearTimeout(idle.get(ended))
      idle.delete(ended)
      lines.delete(ended)
      tellWhenAtRest()
    })
    if (line.isAlive()) lines.add(line)
    return line
  }

  /** Makes the line ready for the next message, or lets it go; then it's the next one's turn. Never throws. */
  async function giveBack(line: SmtpLine, refused: boolean): Promise<void> {
    try {
      if (refused && line.isAlive()) await line.reset()
      if (!line.isAlive()) return
      if (closed || line.sent() >= MESSAGES_PER_LINE) dismiss(line)
      else
        idle.set(
          line,
          setTimeout(() => dismiss(line), times.idleMs),
        )
    } catch {
      // A line that can't be reset is of no use. The outcome of its message is known already.
      line.close()
    } finally {
      endTurn()
    }
  }

  /** Ends the turn, at the latest when the line is ready for the next message. */
  async function sendInTurn(job: SmtpJob, signal: AbortSignal): Promise<SMTPConnectionSendInfo> {
    let line: SmtpLine | undefined
    try {
      await pace(signal)
      for (;;) {
        const kept = takeIdle()
        line = kept ?? (await open(signal))
        try {
          const info = await line.send(job, signal)
          void giveBack(line, false)
          return info
        } catch (error) {
          // A server may end an idle connection in the moment we use it. That says nothing about this message: it gets another connection.
          const answered = error instanceof SmtpFailure && (error.wasAnswered || error.handedOver)
          if (kept === undefined || answered || signal.aborted) throw error
          kept.close()
        }
        line = undefined
      }
    } catch (error) {
      if (line === undefined) endTurn()
      else {
        if (!(error instanceof SmtpFailure && error.wasAnswered)) line.close()
        void giveBack(line, true)
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
      for (const line of [...idle.keys()]) dismiss(line)
      const rest = new Promise<void>((resolve) => atRest.push(resolve))
      tellWhenAtRest()
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
