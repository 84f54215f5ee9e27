/** How often one may ask: token buckets in memory, one per key, the least recently used forgotten first. */
import { LRUCache } from 'lru-cache'
import { CarillonError } from '../errors.ts'
import type { Caller } from './context.ts'
import type { Limits } from './limits.ts'

/** Buckets that fill with time. */
export interface Buckets {
  /** Takes one token. @returns 0, or the seconds until there is one again */
  take(key: string): number
  /** What `take` would say, taking nothing. */
  peek(key: string): number
}

interface Level {
  tokens: number
  at: number
}

/** Makes buckets that hold `burst` tokens and fill at `perSecond`. `now`: milliseconds that never go back. */
export function createBuckets(perSecond: number, burst: number, now: () => number = () => performance.now()): Buckets {
  const levels = new LRUCache<string, Level>({ max: 50_000 })
  const filled = (key: string): Level => {
    const at = now()
    const level = levels.get(key)
    if (level === undefined) return { tokens: burst, at }
    return { tokens: Math.min(burst, level.tokens + ((at - level.at) / 1_000) * perSecond), at }
  }
  const wait = (level: Level): number => (level.tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - level.tokens) / perSecond)))
  return {
    take(key) {
      const level = filled(key)
      const seconds = wait(level)
      if (seconds === 0) level.tokens -= 1
      levels.set(key, level)
      return seconds
    },
    peek: (key) => wait(filled(key)),
  }
}

/** Who may go on. */
export interface Rates {
  /**
   * Counts one operation of this caller.
   * @throws CarillonError RATE_LIMITED with `retryAfterSeconds`
   */
  count(caller: Caller): void
  /**
   * For `authenticate`: call `assert` before looking, `failed` when the secret was wrong.
   * Ten failures a minute per address and key: who guesses locks nobody else out.
   */
  readonly authentication: {
    /** @throws CarillonError RATE_LIMITED with `retryAfterSeconds` */
    assert(remoteAddress: string, accessKey: string): void
    failed(remoteAddress: string, accessKey: string): void
  }
}

const limited = (retryAfterSeconds: number): CarillonError => new CarillonError('RATE_LIMITED', { retryAfterSeconds })

/** Makes the rates. `perKey`: requests a second for one API key; null: no limit. */
export function createRates(perKey: number | null, now?: () => number): Rates {
  const contacts = createBuckets(20, 60, now)
  const keys = perKey === null ? null : createBuckets(perKey, perKey, now)
  const failures = createBuckets(10 / 60, 10, now)
  const attempt = (remoteAddress: string, accessKey: string): string => JSON.stringify([remoteAddress, accessKey.slice(0, 255)])
  return {
    count(caller) {
      let seconds = 0
      if (caller.kind === 'contact') seconds = contacts.take(`${caller.project.id}:${caller.contactId}`)
      // An access token stands for its project's keys: it has no limit of its own to hide behind.
      else if (caller.kind === 'project') seconds = keys?.take(caller.keyId ?? caller.project.id) ?? 0
      if (seconds > 0) throw limited(seconds)
    },
    authentication: {
      assert(remoteAddress, accessKey) {
        const seconds = failures.peek(attempt(remoteAddress, accessKey))
        if (seconds > 0) throw limited(seconds)
      },
      failed(remoteAddress, accessKey) {
        failures.take(attempt(remoteAddress, accessKey))
      },
    },
  }
}

/** Who is in at the moment. */
export interface Admission {
  /**
   * Lets one operation in.
   * @returns what lets it out again, once
   * @throws CarillonError OVERLOADED when too many are being answered
   */
  enter(): () => void
  /**
   * Lets one live connection of this caller in.
   * @returns what lets it out again, once; null: this contact has too many
   */
  connect(caller: Caller): (() => void) | null
  inFlight(): number
}

/** Makes the counts that all transports share. */
export function createAdmission(limits: Pick<Limits, 'operationsInFlight' | 'connectionsPerContact'>): Admission {
  let inFlight = 0
  const connections = new Map<string, number>()
  const once = (leave: () => void) => {
    let isIn = true
    return () => {
      if (isIn) leave()
      isIn = false
    }
  }
  return {
    enter() {
      if (inFlight >= limits.operationsInFlight) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 1 })
      inFlight += 1
      return once(() => {
        inFlight -= 1
      })
    },
    connect(caller) {
      if (caller.kind !== 'contact') return () => {}
      const key = `${caller.project.id}:${caller.contactId}`
      const count = connections.get(key) ?? 0
      if (count >= limits.connectionsPerContact) return null
      connections.set(key, count + 1)
      return once(() => {
        const left = (connections.get(key) ?? 1) - 1
        if (left === 0) connections.delete(key)
        else connections.set(key, left)
      })
    },
    inFlight: () => inFlight,
  }
}
