/**
 * Where claiming looks on while channels are paused. Their backlog stays in front of everybody else's messages: without this, each claim
 * would pass over all of it. It is passed over once in `ALL_EVERY_MS`; between, claiming goes on where it was.
 */
import type { ClaimBeside, Claimed, ClaimFrom } from '../db/claim.ts'
import type { Bulkhead } from './pauses.ts'

/** How many of each lane a claim might have brought. */
export interface ClaimLimits {
  readonly limit: number
  readonly bulkLimit: number
}

/** What one worker knows of where it has looked. */
export interface Look {
  /** What the next claim leaves out; null: nothing. */
  next(paused: readonly Bulkhead[]): ClaimBeside | null
  /** What a claim with that brought. */
  saw(beside: ClaimBeside, limits: ClaimLimits, claimed: readonly Claimed[]): void
}

/** A message that becomes due in the past (given back late, say, or committed long after its `now()`) waits so long at most. */
const ALL_EVERY_MS = 3_000

interface Seen {
  readonly at: number
  single: ClaimFrom
  many: ClaimFrom
}

/** Makes it. `now`: ms, of any clock that only goes forward. */
export function createLook(now: () => number = () => performance.now()): Look {
  /** by what was paused: while a channel goes on for a moment, what was seen without it stays true */
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

/** Fewer than it might have had: everything that was due is taken. Else it goes on with those that were due when the last one was. */
function after(before: ClaimFrom, claimed: readonly Claimed[], limit: number): ClaimFrom {
  if (claimed.length < limit) return 'recent'
  const times = claimed.flatMap(({ dueAt }) => dueAt?.getTime() ?? [])
  return times.length === 0 ? before : new Date(Math.max(...times))
}
