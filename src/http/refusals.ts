/**
 * How soon a refusal for rate is answered: at once, unless its client asks again at once. Clients that repeat a call as soon as it is refused
 * cost as much as if they were served; their answers wait for a moment, and so do they.
 */
import { CarillonError, type ErrorCode } from '../errors.ts'
import type { ConnectionLimits } from './limits.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** Codes of requests that were not executed, and cost what it takes to find that out. */
const codes: ReadonlySet<unknown> = new Set<ErrorCode>(['OVERLOADED', 'QUERY_TOO_COMPLEX', 'RATE_LIMITED', 'UNAUTHENTICATED'])
/** Whether an error says that a request was not executed, because of its rate, its cost or its credential. */
export const isRefused = (error: unknown): boolean => error instanceof CarillonError && codes.has(error.code)

/** The refusals of one process. */
export interface Refusals {
  /** Counts one refusal of a client. @returns null: it is answered now; otherwise it is answered when this resolves */
  pause(client: string): Promise<void> | null
}

/** Creates the counts. `now`: monotonic milliseconds. */
export function createRefusals(
  limits: Pick<ConnectionLimits, 'refusalsPerSecond' | 'refusalPauseMs' | 'refusalsWaiting'>,
  now?: () => number,
): Refusals {
  const { refusalsPerSecond, refusalPauseMs, refusalsWaiting } = limits
  const buckets = createTokenBuckets(refusalsPerSecond, refusalsPerSecond, now)
  let waiting = 0
  return {
    pause(client) {
      if (buckets.take(client) === 0 || waiting >= refusalsWaiting) return null
      waiting += 1
      return new Promise((resolve) => {
        setTimeout(() => {
          waiting -= 1
          resolve()
        }, refusalPauseMs)
      })
    },
  }
}
