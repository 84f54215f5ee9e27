/**
 * Bulkheads: a channel of a project is paused, which means that none of its messages are claimed, while its quota of messages in flight is
 * used up or all of its providers fail, or its project is suspended. The messages stay in the table, where they delay no other project or channel.
 */
import type { Claimed } from '../db/claim.ts'
import type { Routes } from '../send/decide.ts'
import { type Channel, channels, needsCredentials } from '../words.ts'
import type { OpenProvider } from './providers.ts'

/** A channel of a project. */
export interface Bulkhead {
  readonly projectId: string
  readonly channel: Channel
}

/** The bulkheads of one deliverer. */
export interface Pauses {
  /** Updates which providers each channel has, and with them its quota. */
  learn(routes: ReadonlyMap<string, Routes>, open: ReadonlyMap<string, OpenProvider>): void
  /** Counts a message against the quota of its channel until its work ends. @returns when it has ended @throws what the work threw */
  count(message: Claimed, work: Promise<void>): Promise<void>
  /** @returns the channels that are paused now */
  now(): Bulkhead[]
}

/** The quota of a channel is four times the concurrency of its providers, within these bounds: messages in flight in this process. */
const QUOTA_MIN = 250
const QUOTA_MAX = 1_000

interface Entry extends Bulkhead {
  inFlight: number
  quota: number
  providers: readonly OpenProvider[]
  isFull: boolean
  /** counts one message less */
  readonly end: () => void
  readonly fail: (error: unknown) => never
}

/**
 * @param wake called when half of a quota that was used up is free again
 * @param inactive ids of projects that are suspended: all of their channels are paused
 */
export function createPauses(wake: () => void, inactive: () => readonly string[] = () => []): Pauses {
  const entries = new Map<string, Entry>()
  const entryOf = ({ projectId, channel }: Bulkhead): Entry => {
    const key = `${projectId} ${channel}`
    const known = entries.get(key)
    if (known !== undefined) return known
    const end = (): void => {
      entry.inFlight--
      if (entry.isFull && entry.inFlight <= entry.quota / 2) {
        entry.isFull = false
        wake()
      }
    }
    const fail = (error: unknown): never => {
      end()
      throw error
    }
    const entry: Entry = { projectId, channel, inFlight: 0, quota: QUOTA_MIN, providers: [], isFull: false, end, fail }
    entries.set(key, entry)
    return entry
  }
  /** All providers of the channel fail. Never where contacts have credentials: which providers a message can use depends on its contact. */
  const isBlocked = ({ channel, providers }: Entry): boolean =>
    !needsCredentials(channel) && providers.length > 0 && providers.every((one) => one.breaker.blockedForMs() > 0)

  return {
    learn(routes, open) {
      for (const [projectId, byChannel] of routes) {
        for (const [channel, list] of byChannel) {
          const entry = entryOf({ projectId, channel })
          entry.providers = list.flatMap((route) => open.get(route.id) ?? [])
          const concurrency = entry.providers.reduce((sum, one) => sum + one.provider.limits.concurrency, 0)
          entry.quota = Math.min(QUOTA_MAX, Math.max(QUOTA_MIN, 4 * concurrency))
        }
      }
    },
    count(message, work) {
      const entry = entryOf(message)
      entry.inFlight++
      return work.then(entry.end, entry.fail)
    },
    now() {
      const paused: Bulkhead[] = inactive().flatMap((projectId) => channels.map((channel) => ({ projectId, channel })))
      for (const [key, entry] of entries) {
        entry.isFull ||= entry.inFlight >= entry.quota
        if (entry.isFull || isBlocked(entry)) paused.push({ projectId: entry.projectId, channel: entry.channel })
        else if (entry.inFlight === 0) entries.delete(key)
      }
      return paused
    },
  }
}
