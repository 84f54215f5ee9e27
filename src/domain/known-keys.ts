/** Which credentials may be valid, without a look-up for each: for addresses that have tried too many wrong ones. */
import { timingSafeEqual } from 'node:crypto'
import type { Database } from '../db/database.ts'
import { findKeyHashes } from '../db/key.ts'
import { credentialIn, isToken } from '../values/credential.ts'
import { hashOf } from './secrets.ts'

/** What is known about credentials. `authorization`: the value of the header. */
export interface KnownKeys {
  /** Whether its owner is looked up by it. Tokens are verified by their signature, and the operator's key is compared. */
  isLookedUp(authorization: string): boolean
  /** Whether it is an API key that was valid a few seconds ago. All keys are read at once, and seldom. */
  mayBeValid(authorization: string): Promise<boolean>
}

const READ_MS = 5_000
const KEYS_MAX = 100_000

/** Creates it. Nothing is read before it is needed. */
export function createKnownKeys({ db, operatorKey }: { readonly db: Database; readonly operatorKey: string | null }): KnownKeys {
  const operatorHash = operatorKey === null ? null : hashOf(operatorKey)
  let hashes: Promise<ReadonlySet<string>> | null = null
  let readAt = 0
  return {
    isLookedUp(authorization) {
      const credential = credentialIn(authorization)
      if (operatorHash !== null && timingSafeEqual(hashOf(credential), operatorHash)) return false
      return !isToken(credential)
    },
    async mayBeValid(authorization) {
      if (hashes === null || performance.now() - readAt >= READ_MS) {
        readAt = performance.now()
        hashes = findKeyHashes(db.pool, KEYS_MAX).then((found) => new Set(found))
        // Read again by the next one, instead of failing all of them for seconds.
        hashes.catch(() => {
          hashes = null
        })
      }
      return (await hashes).has(hashOf(credentialIn(authorization)).toString('base64'))
    },
  }
}
