/**
 * Where claiming continues while channels are paused. Their backlog stays at the head of the queue, and without a cursor each claim would
 * scan all of it. It is scanned once in `ALL_EVERY_MS`; in between, claiming continues where the last claim ended.
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
  /** @returns what the next claim leaves out; null: nothing */
  next(paused: readonly Bulkhead[]): ClaimExcept | null
  /** Moves the cursor on after a claim. `claimed`: its result */
  saw(except: ClaimExcept, limits: ClaimLimits, claimed: readonly Claimed[]): void
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
      if (paused.length === 0) return null
      const key = keyOf(paused)
      const { single, many } = seen.get(key) ?? { single: 'all', many: 'all' }
      if (!seen.has(key)) seen.set(key, { at: now(), single, many })
      return { paused, single, many }
    },
    saw({ paused }, { limit, bulkLimit }, claimed) {
      const entry = seen.get(keyOf(paused))
      if (entry === undefined) return
      const single = claimed.filter((message) => !message.isBulk)
      const manyLimit = Math.min(bulkLimit, limit - single.length)
      entry.single = after(entry.single, single, limit)
      if (manyLimit > 0)
        entry.many = after(
          entry.many,
          claimed.filter((message) => message.isBulk),
          manyLimit,
        )
    },
  }
}

/** Where the next claim begins: after less than the limit, nothing due is left; otherwise at the due time of the last one claimed. */
function after(before: ClaimFrom, claimed: readonly Claimed[], limit: number): ClaimFrom {
  if (claimed.length < limit) return 'recent'
  const times = claimed.flatMap(({ dueAt }) => dueAt?.getTime() ?? [])
  return times.length === 0 ? before : new Date(Math.max(...times))
}
