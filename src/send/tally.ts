/** Counts decisions: whom they reach on which channel, and why they don't reach the others. */
import type { Problem } from '../errors.ts'
import type { Channel } from '../words.ts'
import type { ChannelDecision } from './decide.ts'

/** Why some are not reached, with a few of them. */
export interface Unreached {
  readonly reason: Problem
  readonly count: number
  /** externalIds of contacts, or addresses that a caller named */
  readonly examples: readonly string[]
}

/** Whom a channel reaches. */
export interface ChannelTally {
  readonly channel: Channel
  readonly reached: number
  /** the most frequent reason first */
  readonly unreached: readonly Unreached[]
}

/** What became of all of them. */
export interface Tally {
  /** on at least one channel */
  readonly reached: number
  /** on no channel, by the reason on their first; the most frequent first */
  readonly unreached: readonly Unreached[]
  readonly channels: readonly ChannelTally[]
}

/** Of each reason, this many contacts are named. */
export const EXAMPLES = 5
/** Reasons of one channel whose messages differ; others count with the first of their code. */
const REASONS_MAX = 20

/** Counts one reason after the other. */
function createReasons() {
  const reasons = new Map<string, { reason: Problem; count: number; examples: string[] }>()
  return {
    add(reason: Problem, name: string): void {
      const whole = `${reason.code} ${reason.message}`
      const key = reasons.has(whole) || reasons.size < REASONS_MAX ? whole : reason.code
      const known = reasons.get(key) ?? { reason, count: 0, examples: [] }
      known.count++
      if (known.examples.length < EXAMPLES) known.examples.push(name)
      reasons.set(key, known)
    },
    list: (scaled: (count: number) => number): Unreached[] =>
      [...reasons.values()].map((one) => ({ ...one, count: scaled(one.count) })).sort((a, b) => b.count - a.count),
  }
}

/** Begins to count. */
export function createTally() {
  const channels = new Map<Channel, { reached: number; reasons: ReturnType<typeof createReasons> }>()
  const unreached = createReasons()
  let reached = 0
  return {
    /** @param name of the contact, for the examples */
    add(name: string, decisions: readonly Pick<ChannelDecision, 'channel' | 'reason'>[]): void {
      for (const { channel, reason } of decisions) {
        const known = channels.get(channel) ?? { reached: 0, reasons: createReasons() }
        if (reason === null) known.reached++
        else known.reasons.add(reason, name)
        channels.set(channel, known)
      }
      const [first] = decisions
      if (decisions.some(({ reason }) => reason === null)) reached++
      else if (first !== undefined && first.reason !== null) unreached.add(first.reason, name)
    },

    /** One for whom there are no decisions. */
    refuse: (name: string, reason: Problem): void => unreached.add(reason, name),

    /** @param factor how many there are for each that was counted */
    total(factor = 1): Tally {
      const scaled = (count: number): number => Math.round(count * factor)
      return {
        reached: scaled(reached),
        unreached: unreached.list(scaled),
        channels: [...channels].map(([channel, one]) => ({
          channel,
          reached: scaled(one.reached),
          unreached: one.reasons.list(scaled),
        })),
      }
    },
  }
}
