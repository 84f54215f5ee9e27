/**
 * Which messages are about to go out when they are claimed: those of a channel with a single provider, whose receivers fold repeats, and which has
 * a place for each of them. That their attempt begins is then persisted by the claim, which saves a statement. It is a guess: a message that
 * has to wait after all is postponed, and one that goes another way begins as any other.
 */
import { LRUCache } from 'lru-cache'
import type { Claimed, DirectChannel } from '../db/claim.ts'
import type { Routes } from '../send/decide.ts'
import type { OpenProvider } from './providers.ts'

/** The channels of one deliverer whose messages go out at once. */
export interface Direct {
  /** Updates what is known of the channels of a batch. */
  learn(routes: ReadonlyMap<string, Routes>, open: ReadonlyMap<string, OpenProvider>, batch: readonly Claimed[]): void
  /** @returns the channels whose messages a claim may begin */
  now(): DirectChannel[]
}

const CHANNELS_MAX = 100

interface Entry extends DirectChannel {
  readonly provider: OpenProvider
  /** how many messages the latest batch had */
  count: number
}

/** @returns one that knows no channel yet */
export function createDirect(): Direct {
  const entries = new LRUCache<string, Entry>({ max: CHANNELS_MAX })

  return {
    learn(routes, open, batch) {
      const seen = new Map<string, Entry | null>()
      for (const { projectId, channel } of batch) {
        const key = `${projectId} ${channel}`
        let entry = seen.get(key)
        if (entry === undefined) {
          const [route, ...others] = routes.get(projectId)?.get(channel) ?? []
          const provider = route === undefined || others.length > 0 ? undefined : open.get(route.id)
          const isDirect = provider?.provider.limits.foldsRepeats === true
          entry = isDirect ? { projectId, channel, providerId: provider.id, provider, count: 0 } : null
          seen.set(key, entry)
        }
        if (entry !== null) entry.count++
      }
      for (const [key, entry] of seen) {
        if (entry === null) entries.delete(key)
        else entries.set(key, entry)
      }
    },
    now: () =>
      [...entries.values()].filter(
        ({ provider: { limiter, unsettled, breaker }, count }) =>
          Math.min(limiter.free(), unsettled.free()) >= count && breaker.blockedForMs() === 0,
      ),
  }
}
