/**
 * Bulkheads: which channels of which projects nothing more is claimed of for now, because their providers have their hands full, or fail.
 * Their messages wait in the table, where they hold up nobody.
 */
import type { Claimed } from '../db/claim.ts'
import type { Routes } from '../domain/decide.ts'
import { needsCredentials } from '../domain/target.ts'
import type { Channel } from '../domain/words.ts'
import type { OpenProvider } from './providers.ts'

/** A channel of a project. */
export interface Bulkhead {
  readonly projectId: string
  readonly channel: Channel
}

/** The bulkheads of one deliverer. */
export interface Pauses {
  /** Takes note of how providers stand. */
  learn(routes: ReadonlyMap<string, Routes>, open: ReadonlyMap<string, OpenProvider>): void
  /** Counts a message of its channel until its work ends. */
  count(message: Claimed, work: Promise<void>): Promise<void>
  /** Channels to leave alone now. */
  now(): Bulkhead[]
}

/** A channel holds at most this share of what is in flight: four times what its providers carry at once, within these bounds. */
const QUOTA_MIN = 250
const QUOTA_MAX = 1_000

interface Entry extends Bulkhead {
  inFlight: number
  quota: number
  providers: readonly OpenProvider[]
  isFull: boolean
}

/** Makes them. `wake`: there is room again where there was none. */
export function createPauses(wake: () => void): Pauses {
  const entries = new Map<string, Entry>()
  const entryOf = ({ projectId, channel }: Bulkhead): Entry => {
    const key = `${projectId} ${channel}`
    const entry = entries.get(key) ?? { projectId, channel, inFlight: 0, quota: QUOTA_MIN, providers: [], isFull: false }
    entries.set(key, entry)
    return entry
  }
  /** Nothing passes on any way. Where each contact has its own ways, one provider says nothing of the others. */
  const isBlocked = ({ channel, providers }: Entry): boolean =>
    !needsCredentials(channel) && providers.length > 0 && providers.every((one) => one.breaker.blockedForMs() > 0)

  return {
    learn(routes, open) {
      for (const [projectId, channels] of routes) {
        for (const [channel, list] of channels) {
          const entry = entryOf({ projectId, channel })
          entry.providers = list.flatMap((route) => open.get(route.id) ?? [])
          const atOnce = entry.providers.reduce((sum, one) => sum + one.provider.limits.concurrency, 0)
          entry.quota = Math.min(QUOTA_MAX, Math.max(QUOTA_MIN, 4 * atOnce))
        }
      }
    },
    async count(message, work) {
      const entry = entryOf(message)
      entry.inFlight++
      try {
        await work
      } finally {
        entry.inFlight--
        if (entry.isFull && entry.inFlight <= entry.quota / 2) {
          entry.isFull = false
          wake()
        }
      }
    },
    now() {
      const paused: Bulkhead[] = []
      for (const [key, entry] of entries) {
        entry.isFull ||= entry.inFlight >= entry.quota
        if (entry.isFull || isBlocked(entry)) paused.push({ projectId: entry.projectId, channel: entry.channel })
        else if (entry.inFlight === 0) entries.delete(key)
      }
      return paused
    },
  }
}
