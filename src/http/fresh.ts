/** Results that many may ask for at once: computed one at a time, and a bounded number of times a second. */
import { createTokenBuckets } from './token-buckets.ts'

/**
 * Computes a result for each call that comes alone. Calls that come while it is being computed share that result, a failure too; calls
 * beyond the rate get the last one.
 * @param burst results that are computed one after the other before the rate applies
 */
export function createFresh<T>(compute: () => Promise<T>, perSecond: number, burst: number): () => Promise<T> {
  const rate = createTokenBuckets(perSecond, burst)
  let last: Promise<T> | null = null
  let isRunning = false
  return () => {
    if (last !== null && (isRunning || rate.take('') > 0)) return last
    if (last === null) rate.take('')
    isRunning = true
    const end = (): void => {
      isRunning = false
    }
    last = compute()
    last.then(end, end)
    return last
  }
}
