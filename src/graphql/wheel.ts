/** One timer for all live connections: pings, readers that stopped, credentials that ended. */
import type { Log } from '../log.ts'
import type { Caller } from './context.ts'
import type { Gate } from './gate.ts'
import type { Limits } from './limits.ts'

/** A live connection, as the wheel sees it. */
export interface Spoke {
  caller(): Caller
  /** bytes that wait for the reader */
  backlog(): number
  /** a number that changes whenever some of them left */
  progress(): number | string
  /** Asks whether the other side lives. False: it did not answer the last time, and is cut off. */
  ping(): boolean
  end(reason: 'credential' | 'stalled'): void
}

/** The timer, and who is on it. */
export interface Wheel {
  /** @returns what takes it off again */
  add(spoke: Spoke): () => void
  stop(): void
}

interface Seat {
  nextPing: number
  progress: number | string
  since: number
}

/** Makes the wheel. `tickMs`: how late it may notice. */
export function createWheel(
  gate: Pick<Gate<object>, 'isRevoked'>,
  limits: Pick<Limits, 'pingMs' | 'stallMs'>,
  log: Log,
  tickMs = 1_000,
): Wheel {
  const seats = new Map<Spoke, Seat>()
  let isAsking = false

  const turn = (): void => {
    const now = Date.now()
    const mono = performance.now()
    for (const [spoke, seat] of seats) {
      const caller = spoke.caller()
      if ('expiresAt' in caller && caller.expiresAt !== null && caller.expiresAt.getTime() <= now) {
        spoke.end('credential')
        continue
      }
      const progress = spoke.progress()
      if (spoke.backlog() === 0 || progress !== seat.progress) {
        seat.progress = progress
        seat.since = mono
      } else if (mono - seat.since >= limits.stallMs) {
        spoke.end('stalled')
        continue
      }
      if (mono >= seat.nextPing) {
        seat.nextPing = mono + limits.pingMs
        spoke.ping()
      }
    }
    void askForRevoked()
  }

  const askForRevoked = async (): Promise<void> => {
    const byKey = new Map<string, Spoke[]>()
    for (const spoke of seats.keys()) {
      const caller = spoke.caller()
      if (caller.kind !== 'project' || caller.keyId === null) continue
      const others = byKey.get(caller.keyId)
      if (others === undefined) byKey.set(caller.keyId, [spoke])
      else others.push(spoke)
    }
    if (byKey.size === 0 || isAsking) return
    isAsking = true
    try {
      for (const key of await gate.isRevoked([...byKey.keys()])) for (const spoke of byKey.get(key) ?? []) spoke.end('credential')
    } catch (error) {
      // The store is away: open connections stay, and the next turn asks again.
      log.debug('Could not ask for revoked keys.', { message: error instanceof Error ? error.message : String(error) })
    } finally {
      isAsking = false
    }
  }

  let timer: NodeJS.Timeout | null = null
  return {
    add(spoke) {
      // Spread over the interval, so that ten thousand sockets that came at once are not pinged at once.
      const now = performance.now()
      seats.set(spoke, { nextPing: now + limits.pingMs * (0.5 + Math.random() / 2), progress: spoke.progress(), since: now })
      timer ??= setInterval(turn, tickMs).unref()
      return () => {
        seats.delete(spoke)
        if (seats.size > 0 || timer === null) return
        clearInterval(timer)
        timer = null
      }
    },
    stop() {
      if (timer !== null) clearInterval(timer)
      timer = null
      seats.clear()
    },
  }
}
