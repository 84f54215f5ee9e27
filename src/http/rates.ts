/** Rate limits per credential, and of failed attempts to authenticate. Each process counts on its own. */

import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import { connectionLimits } from './limits.ts'
import { networkOf } from './remote-address.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** The rate limits of one process. */
export interface Rates {
  /**
   * Counts one operation of this caller.
   * @throws CarillonError RATE_LIMITED with `retryAfterSeconds`
   */
  count(caller: Caller): void
  /**
   * Limits attempts of `authenticate`. Ten failures a minute per address and key, so that an attacker who guesses locks out no one else; and per
   * address, as many keys that have never been right as there are look-ups without a result.
   * @param check checks a secret; a failure is UNAUTHENTICATED
   * @throws CarillonError RATE_LIMITED with `retryAfterSeconds`, or what `check` threw
   */
  authenticate<T>(remoteAddress: string, accessKey: string, check: () => Promise<T>): Promise<T>
}

const CONTACT = { perSecond: 20, burst: 60 } as const
const FAILURES = { perSecond: 10 / 60, burst: 10 } as const
/** A key is cut to this length, so that invented ones don't fill the memory. */
const ACCESS_KEY_CHARS = 255
/** Access keys that are remembered to have been right. */
const RIGHT_MAX = 10_000

const limited = (retryAfterSeconds: number): CarillonError => new CarillonError('RATE_LIMITED', { retryAfterSeconds })

/** All access tokens of a project share a bucket; each person has one. */
const bucketOf = ({ who, keyId, project }: Extract<Caller, { kind: 'project' }>): string =>
  who.kind === 'person' ? `person ${project.id} ${who.id}` : (keyId ?? project.id)

/** Creates the rate limits. `perKey`: requests a second for one API key; null: no limit. `now`: monotonic milliseconds. */
export function createRates(perKey: number | null, now?: () => number): Rates {
  const contacts = createTokenBuckets(CONTACT.perSecond, CONTACT.burst, now)
  const keys = perKey === null ? null : createTokenBuckets(perKey, perKey, now)
  const failures = createTokenBuckets(FAILURES.perSecond, FAILURES.burst, now)
  const { failedLookUpsPerMinute: perMinute } = connectionLimits
  /** look-ups of access keys that have not been right yet, by address */
  const unknown = createTokenBuckets(perMinute / 60, perMinute, now)
  const right = createLru<true>({ max: RIGHT_MAX })
  const attempt = (remoteAddress: string, accessKey: string): string =>
    JSON.stringify([remoteAddress, accessKey.slice(0, ACCESS_KEY_CHARS)])
  return {
    count(caller) {
      let seconds = 0
      if (caller.kind === 'contact') seconds = contacts.take(`${caller.project.id}:${caller.contactId}`)
      // All access tokens of a project share one bucket: issuing more of them does not raise the limit.
      else if (caller.kind === 'project') seconds = keys?.take(bucketOf(caller)) ?? 0
      if (seconds > 0) throw limited(seconds)
    },
    async authenticate(remoteAddress, accessKey, check) {
      const name = attempt(remoteAddress, accessKey)
      const seconds = failures.peek(name)
      if (seconds > 0) throw limited(seconds)
      const isRight = right.has(accessKey)
      const network = networkOf(remoteAddress)
      const secondsOfAddress = isRight ? 0 : unknown.take(network)
      if (secondsOfAddress > 0) throw limited(secondsOfAddress)
      // Many may be checked at once. Those that end after the last failure that is allowed learn nothing, the right one among them neither.
      const result = await check().catch((error: unknown) => {
        const wait = error instanceof CarillonError && error.code === 'UNAUTHENTICATED' ? failures.take(name) : 0
        throw wait > 0 ? limited(wait) : error
      })
      const wait = failures.peek(name)
      if (wait > 0) throw limited(wait)
      if (!isRight) unknown.give(network)
      right.set(accessKey, true)
      return result
    },
  }
}
