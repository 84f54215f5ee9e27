/**
 * Look-ups in the database that anybody can ask for: the owner of a key, the provider that a report names. What does not exist is
 * remembered for a moment, and each address has only so many look-ups without a result. What was found before is always looked up.
 */

import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import type { ConnectionLimits } from './limits.ts'
import { networkOf } from './remote-address.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** Limits look-ups, and remembers those without a result. */
export interface LookUps<T> {
  /**
   * Looks something up.
   * @param name identifies it; kept in memory, so not a secret itself
   * @param lookUp null: it does not exist
   * @param mayExist asked once the address has no more look-ups; true: it is looked up nevertheless
   * @returns null: it does not exist, or did not a moment ago
   * @throws CarillonError RATE_LIMITED with `retryAfterSeconds`
   */
  find(remoteAddress: string, name: string, lookUp: () => Promise<T | null>, mayExist?: () => Promise<boolean>): Promise<T | null>
}

const FOUND_MAX = 50_000
const FOUND_MS = 10 * 60_000
const MISSING_MAX = 10_000
/** Look-ups of one address that wait for the results of those before. */
const WAITING_MAX = 1_000

interface Address {
  /** look-ups that have begun, or wait to */
  asking: number
  running: number
  waiting: (() => void)[]
}

/** Creates the limit. `now`: monotonic milliseconds. */
export function createBoundedLookUps<T>(
  limits: Pick<ConnectionLimits, 'failedLookUpsPerMinute' | 'failedLookUpMs'>,
  now: () => number = () => performance.now(),
): LookUps<T> {
  const perMinute = limits.failedLookUpsPerMinute
  const failures = createTokenBuckets(perMinute / 60, perMinute, now)
  const found = createLru<true>({ max: FOUND_MAX, ttl: FOUND_MS })
  const missing = createLru<number>({ max: MISSING_MAX })
  const addresses = new Map<string, Address>()

  const isMissing = (name: string): boolean => (missing.get(name) ?? 0) > now()

  /**
   * Takes one of the address's look-ups, which is given back if it has a result. While some are running that may still be given back, it
   * waits for them: many clients with valid keys may come from one address at once.
   * @returns the seconds until there is one, or 0: then it counts as running
   */
  const take = async (key: string, address: Address): Promise<number> => {
    for (;;) {
      const seconds = failures.take(key)
      if (seconds === 0) address.running += 1
      if (seconds === 0 || address.running === 0 || address.waiting.length >= WAITING_MAX) return seconds
      await new Promise<void>((resolve) => address.waiting.push(resolve))
    }
  }

  const lookUpLimited: LookUps<T>['find'] = async (remoteAddress, name, lookUp, mayExist) => {
    const key = networkOf(remoteAddress)
    const address = addresses.get(key) ?? { asking: 0, running: 0, waiting: [] }
    addresses.set(key, address)
    address.asking += 1
    let taken = false
    try {
      const seconds = await take(key, address)
      taken = seconds === 0
      if (!taken && (await mayExist?.()) !== true) throw new CarillonError('RATE_LIMITED', { retryAfterSeconds: seconds })
      // It may have waited for a look-up of the same name.
      const value = isMissing(name) ? null : await lookUp()
      if (value !== null) found.set(name, true)
      else if (isMissing(name)) return null
      else {
        missing.set(name, now() + limits.failedLookUpMs)
        if (taken) address.running -= 1
        taken = false
      }
      return value
    } finally {
      if (taken) {
        address.running -= 1
        failures.give(key)
      }
      for (const go of address.waiting.splice(0)) go()
      address.asking -= 1
      if (address.asking === 0) addresses.delete(key)
    }
  }

  return {
    async find(remoteAddress, name, lookUp, mayExist) {
      if (isMissing(name)) return null
      if (!found.has(name)) return lookUpLimited(remoteAddress, name, lookUp, mayExist)
      const value = await lookUp()
      if (value === null) found.delete(name)
      return value
    },
  }
}
