/**
 * Where claiming continues. What workers have already, and the backlog of paused channels, stay at the head of the queue, and without a cursor each
 * claim would pass over all of it. That is done once in `ALL_EVERY_MS`; in between, claiming continues where the last claim ended. A claim that
 * found less than it asked for is followed by one from the beginning or, while channels are paused, by one of what has just become due.
 */
import type { ClaimExcept, Claimed, ClaimFrom } from '../db/claim.ts'
import type { Bulkhead } from './pauses.ts'

/** The most messages that a claim takes: in all, and of sends to many. */
export interface ClaimLimits {
  readonly limit: number
  readonly bulkLimit: number
}

/** The cursor of one worker. */
export interface ClaimCursor {
  /** @returns where the next claim begins, and what it leaves out */
  next(paused: readonly Bulkhead[]): ClaimExcept
  /**
   * Moves the cursor on after a claim. `claimed`: its result
   * @returns whether something may be due that this claim did not look at
   */
  saw(except: ClaimExcept, limits: ClaimLimits, claimed: readonly Claimed[]): boolean
}

/** How long at most a message waits that becomes due in the past: it was given back late, say, or committed long after its `now()`. */
const ALL_EVERY_MS = 3_000

interface Seen {
  readonly at: number
  single: ClaimFrom
  many: ClaimFrom
}

/** @param now ms, of a monotonic clock */
export function createClaimCursor(now: () => number = () => performance.now()): ClaimCursor {
  /** by the set of paused channels: if a channel resumes for a moment, the position without it is still valid */
  const seen = new Map<string, Seen>()
  const keyOf = (paused: readonly Bulkhead[]): string =>
    paused
      .map(({ projectId, channel }) => `${projectId} ${channel}`)
      .toSorted()
      .join()

  return {
    next(paused) {
      for (const [key, { at }] of seen) if (now() - at >= ALL_EVERY_MS) seen.delete(key)
      const key = keyOf(paused)
      const { single, many } = seen.get(key) ?? { single: 'all', many: 'all' }
      if (!seen.has(key)) seen.set(key, { at: now(), single, many })
      return { paused, single, many }
    },
    saw({ paused, ...from }, { limit, bulkLimit }, claimed) {
      const entry = seen.get(keyOf(paused))
      if (entry === undefined) return true
      const short = paused.length === 0 ? 'all' : 'recent'
      const single = claimed.filter((message) => !message.isBulk)
      const manyLimit = Math.min(bulkLimit, limit - single.length)
      entry.single = single.length < limit ? short : last(single)
      if (manyLimit > 0) {
        const many = claimed.filter((message) => message.isBulk)
        entry.many = many.length < manyLimit ? short : last(many)
      }
      return short === 'all' && (from.single !== 'all' || (manyLimit > 0 && from.many !== 'all'))
    },
  }
}

/** The last of these in the order in which they are claimed. */
function last(claimed: readonly Claimed[]): ClaimFrom {
  const [first, ...others] = claimed
  if (first === undefined) return 'all'
  const isAfter = (one: Claimed, other: Claimed): boolean =>
    one.dueAt.getTime() === other.dueAt.getTime() ? one.id > other.id : one.dueAt > other.dueAt
  const { dueAt, id } = others.reduce((latest, one) => (isAfter(one, latest) ? one : latest), first)
  return { dueAt, id }
}
