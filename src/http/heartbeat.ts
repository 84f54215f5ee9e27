/** The heartbeat: one timer that pings all live connections, and ends those whose reader has stalled or whose credential is no longer valid. */
import type { Caller } from '../domain/caller.ts'
import type { PersonCaller } from '../domain/person.ts'
import type { LiveConnection } from '../graphql/transport.ts'
import type { Log } from '../log.ts'
import type { AuthHooks } from './admission.ts'
import type { ConnectionLimits } from './limits.ts'

/** The timer that watches all live connections. */
export interface Heartbeat {
  add(connection: LiveConnection): void
  remove(connection: LiveConnection): void
  stop(): void
}

/** Times are whole milliseconds: V8 keeps those in place. */
interface State {
  nextPingAt: number
  progress: number
  movedAt: number
}

/** Creates the heartbeat. Whatever it watches for, it notices within `tickMs`. */
export function createHeartbeat(
  auth: Pick<AuthHooks, 'findRevoked' | 'isEnded' | 'people'>,
  limits: Pick<ConnectionLimits, 'pingMs' | 'stallMs'>,
  log: Log,
  tickMs = 1_000,
): Heartbeat {
  const states = new Map<LiveConnection, State>()
  let isLookingUp = false
  let isLookingUpPeople = false

  const hasStalled = (connection: LiveConnection, state: State, elapsed: number): boolean => {
    // Nearly all have nothing waiting, and are asked nothing else.
    if (connection.backlog() > 0) {
      const progress = connection.progress()
      if (progress === state.progress) return elapsed - state.movedAt >= limits.stallMs
      state.progress = progress
    }
    state.movedAt = elapsed
    return false
  }

  const tick = (): void => {
    const nowMs = Date.now()
    const elapsed = Math.floor(performance.now())
    const byKey = new Map<string, LiveConnection[]>()
    const people = new Map<PersonCaller, LiveConnection>()
    for (const [connection, state] of states) {
      const caller = connection.caller()
      const hasExpired = 'expiresAt' in caller && caller.expiresAt !== null && caller.expiresAt.getTime() <= nowMs
      if (hasExpired || auth.isEnded(caller)) {
        connection.end('credential')
        continue
      }
      if (hasStalled(connection, state, elapsed)) {
        connection.end('stalled')
        continue
      }
      if (elapsed >= state.nextPingAt) {
        state.nextPingAt = elapsed + limits.pingMs
        connection.ping()
      }
      if (caller.kind !== 'project') continue
      if (isPerson(caller)) people.set(caller, connection)
      if (caller.keyId === null) continue
      const others = byKey.get(caller.keyId)
      if (others === undefined) byKey.set(caller.keyId, [connection])
      else others.push(connection)
    }
    if (byKey.size > 0) void endRevoked(byKey)
    if (people.size > 0) void endChangedPeople(people)
  }

  const endRevoked = async (byKey: ReadonlyMap<string, readonly LiveConnection[]>): Promise<void> => {
    if (isLookingUp) return
    isLookingUp = true
    try {
      for (const key of await auth.findRevoked([...byKey.keys()])) {
        for (const connection of byKey.get(key) ?? []) connection.end('credential')
      }
    } catch (error) {
      // The database is unavailable: open connections stay, and the next tick tries again.
      log.debug('Could not look up revoked keys.', { message: error instanceof Error ? error.message : String(error) })
    } finally {
      isLookingUp = false
    }
  }

  /** Ends the connections of people whose session has ended, or whose role has changed: they come back with the new one. */
  const endChangedPeople = async (byCaller: ReadonlyMap<PersonCaller, LiveConnection>): Promise<void> => {
    if (auth.people === undefined || isLookingUpPeople) return
    isLookingUpPeople = true
    try {
      for (const caller of await auth.people.findChanged([...byCaller.keys()])) byCaller.get(caller)?.end('credential')
    } catch (error) {
      log.debug('Could not look up the sessions of people.', { message: error instanceof Error ? error.message : String(error) })
    } finally {
      isLookingUpPeople = false
    }
  }

  let timer: NodeJS.Timeout | null = null
  return {
    add(connection) {
      // Spread over the interval, so that ten thousand sockets opened together are not pinged together.
      const now = Math.floor(performance.now())
      const nextPingAt = Math.floor(now + limits.pingMs * (0.5 + Math.random() / 2))
      states.set(connection, { nextPingAt, progress: connection.progress(), movedAt: now })
      timer ??= setInterval(tick, tickMs).unref()
    },
    remove(connection) {
      states.delete(connection)
      if (states.size > 0 || timer === null) return
      clearInterval(timer)
      timer = null
    },
    stop() {
      if (timer !== null) clearInterval(timer)
      timer = null
      states.clear()
    },
  }
}

const isPerson = (caller: Caller): caller is PersonCaller => caller.kind === 'project' && caller.sessionId !== undefined
