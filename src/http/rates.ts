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
   * Limits attempts of `authenticate`: call `assert` before checking a secret, and `succeeded` or `failed` once it was checked.
   * Ten failures a minute per address and key, so that an attacker who guesses locks out no one else; and per address, as many keys that
   * have never been right as there are look-ups without a result.
   */
  readonly authentication: {
    /** @throws CarillonError RATE_LIMITED with `retryAfterSeconds` */
    assert(remoteAddress: string, accessKey: string): void
    succeeded(remoteAddress: string, accessKey: string): void
    failed(remoteAddress: string, accessKey: string): void
  }
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
    authentication: {
      assert(remoteAddress, accessKey) {
        const seconds = failures.peek(attempt(remoteAddress, accessKey))
        if (seconds > 0) throw limited(seconds)
        if (right.has(accessKey)) return
        const secondsOfAddress = unknown.take(networkOf(remoteAddress))
        if (secondsOfAddress > 0) throw limited(secondsOfAddress)
      },
      succeeded(remoteAddress, accessKey) {
        if (!right.has(accessKey)) unknown.give(networkOf(remoteAddress))
        right.set(accessKey, true)
      },
      failed(remoteAddress, accessKey) {
        failures.take(attempt(remoteAddress, accessKey))
      },
    },
  }
}
