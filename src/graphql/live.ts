/**
 * Live feeds. A subscription has a position: the number of the last change that its reader has received, or has in its queue. A signal
 * with the next number is passed on; when numbers are missing, the changes are read from the table, as is everything after a cursor. So
 * whichever signals are lost, a reader receives every change once, in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Carillon } from '../carillon.ts'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { SignalBus } from '../signals/bus.ts'
import type { FeedChange, Signal } from '../words.ts'
import type { SendBuffer } from './context.ts'
import type { Polled } from './polled.ts'

/** A contact's feed. */
export interface FeedKey {
  readonly projectId: string
  readonly contactId: string
}

/** What to follow. */
export interface FollowOptions {
  /** arrivals only, or every change */
  readonly by: 'arrivals' | 'changes'
  /** null: all feeds */
  readonly feeds: readonly string[] | null
  /** the number of the last change that the reader has; null: only changes from now on */
  readonly after: number | null
}

/** The live feeds of this process. */
export interface Live {
  /** What is returned throws, or ends with, CONTACT_NOT_FOUND when the contact does not exist or is erased. */
  follow(key: FeedKey, options: FollowOptions, sendBuffer: SendBuffer): Polled<FeedChange>
  close(): void
}

const PAGE = 100
/** How much of a page of replay is kept for one reader, bytes; the rest is read again. */
const PAGE_BYTES = 262_144
const COMPARE_MS = 10_000
const RETRY_MS = 200
const RETRY_MAX_MS = 2_000
/** What a change costs in addition to its texts, bytes: a high estimate. */
const OVERHEAD_BYTES = 800

interface Follower {
  readonly position: number | null
  /** The table has changes up to this number: a follower that is behind reads them. */
  advanceTo(seq: number): void
  /** The contact does not exist any more. */
  endAsErased(): void
  offer(change: FeedChange): void
}

/** A contact whose feed has followers in this process. */
interface FollowedContact {
  readonly key: FeedKey
  readonly followers: Set<Follower>
  /** the subscription to its signals; resolves to what ends it */
  readonly subscribed: Promise<() => void>
  /** signals arrive, and have done so since before anything was read */
  isListening: boolean
}

/** Creates the live feeds. Every `compareMs` all positions are compared with the table, in one statement. */
export function createLive(deps: {
  readonly bus: SignalBus
  readonly feed: Pick<Carillon['feed'], 'replay' | 'latest'>
  readonly log: Log
  readonly compareMs?: number
}): Live {
  const { bus, feed, log } = deps
  const contacts = new Map<string, FollowedContact>()
  const sizes = new WeakMap<FeedChange, number>()
  let isComparing = false

  function sizeOf(change: FeedChange): number {
    let size = sizes.get(change)
    if (size === undefined) {
      const { message } = change
      const { body = '', title = null, data = {}, actions = [] } = message ?? {}
      size = OVERHEAD_BYTES + body.length + (title ?? '').length + JSON.stringify(data).length + JSON.stringify(actions).length
      sizes.set(change, size)
    }
    return size
  }

  function onSignal(contact: FollowedContact, signal: Signal): void {
    if (signal.topic !== 'feed') return
    for (const change of signal.changes) for (const follower of contact.followers) follower.offer(change)
  }

  function join(key: FeedKey, follower: Follower): { readonly joined: Promise<unknown>; readonly isListening: boolean } {
    let contact = contacts.get(key.contactId)
    if (contact === undefined) {
      const created: FollowedContact = {
        key,
        followers: new Set(),
        subscribed: bus.subscribe(`feed:${key.projectId}:${key.contactId}`, (signal) => onSignal(created, signal)),
        isListening: bus.isImmediate,
      }
      created.subscribed.then(
        () => {
          created.isListening = true
        },
        (error: unknown) =>
          log.warn('Could not subscribe to the signals of a feed; relying on comparison with the database', {
            error: String(error),
          }),
      )
      contact = created
      contacts.set(key.contactId, contact)
    }
    contact.followers.add(follower)
    return { joined: contact.subscribed.catch(() => undefined), isListening: contact.isListening }
  }

  function leave(key: FeedKey, follower: Follower): void {
    const contact = contacts.get(key.contactId)
    if (contact === undefined || !contact.followers.delete(follower) || contact.followers.size > 0) return
    contacts.delete(key.contactId)
    contact.subscribed.then(
      (end) => end(),
      () => undefined,
    )
  }

  async function compare(): Promise<void> {
    if (isComparing || contacts.size === 0) return
    isComparing = true
    try {
      const keys = [...contacts.values()].map((contact) => contact.key)
      const latest = new Map((await feed.latest(keys)).map(({ contactId, feedSeq }) => [contactId, feedSeq]))
      for (const { contactId } of keys) {
        const seq = latest.get(contactId)
        for (const follower of contacts.get(contactId)?.followers ?? []) {
          if (seq === undefined) follower.endAsErased()
          else follower.advanceTo(seq)
        }
      }
    } catch (error) {
      log.warn('Could not compare live feeds with the database', { error: String(error) })
    } finally {
      isComparing = false
    }
  }
  const timer = setInterval(() => void compare(), deps.compareMs ?? COMPARE_MS)
  timer.unref()
  const endGap = bus.onGap(() => void compare())

  return {
    follow(key, { by, feeds, after }, sendBuffer) {
      const queue: FeedChange[] = []
      let position = after
      /** the highest number that the table is known to have */
      let latest = after ?? 0
      /** the table must be read before any signal may be passed on */
      let isBehind = true
      let held = 0
      let isEnded = false
      /** the contact does not exist (any more), and the reader has yet to receive the error */
      let isErased = false
      /** the start was read, and signals are heard */
      let isBegun = false
      let isReading = false
      /** a reader that polls has received everything: it gets what comes next without a reservation */
      let isIdle = false
      let direct: FeedChange | undefined
      let waiting: PromiseWithResolvers<void> | undefined
      let ready: (() => void) | undefined
      let ended: ((error: unknown) => void) | undefined
      const isWanted = ({ kind, message }: FeedChange): boolean =>
        (by === 'changes' || kind === 'RECEIVED') && (message === null || feeds === null || feeds.includes(message.feed))
      const wakeReader = (): void => {
        waiting?.resolve()
        ready?.()
      }
      const follower: Follower = {
        get position() {
          return position
        },
        advanceTo(seq) {
          latest = Math.max(latest, seq)
          if (position !== null && seq > position) {
            isBehind = true
            wakeReader()
          }
        },
        endAsErased: () => void endWithError(),
        offer(change) {
          if (isEnded) return
          if (isBehind || position === null || change.seq !== position + 1) {
            if (position === null || change.seq > position) follower.advanceTo(change.seq)
            return
          }
          latest = Math.max(latest, change.seq)
          if (!isWanted(change)) {
            position = change.seq
            return
          }
          if (isIdle) {
            isIdle = false
            direct = change
          } else {
            const size = sizeOf(change)
            // A slow reader is not disconnected: what does not fit is read from the table when it asks for more. A reader that has stalled
            // is disconnected by its transport, after a while without progress.
            if (size > sendBuffer.room() || !sendBuffer.reserve(size)) return follower.advanceTo(change.seq)
            held += size
            queue.push(change)
          }
          position = change.seq
          wakeReader()
        },
      }

      function end(): void {
        if (isEnded) return
        isEnded = true
        leave(key, follower)
        if (held > 0) sendBuffer.release(held)
        held = 0
        queue.length = 0
        direct = undefined
        wakeReader()
        ended?.(isErased ? new CarillonError('CONTACT_NOT_FOUND') : undefined)
      }

      function endWithError(): [] {
        isErased = !isEnded
        end()
        return []
      }

      /** Reads one page of the changes after the reader's position. */
      async function catchUp(): Promise<FeedChange[]> {
        if (position === null) {
          const [current] = await feed.latest([key])
          if (current === undefined) return endWithError()
          position = current.feedSeq
          isBehind = latest > position
          return []
        }
        const page = await feed.replay(key, by, position, PAGE)
        if (page === null) return endWithError()
        const kept: FeedChange[] = []
        let bytes = 0
        for (const change of page.changes) {
          bytes += sizeOf(change)
          if (kept.length > 0 && bytes > PAGE_BYTES) {
            position = kept.at(-1)?.seq ?? position
            return kept.filter(isWanted)
          }
          kept.push(change)
        }
        position = page.upTo
        isBehind = page.more || latest > position
        return kept.filter(isWanted)
      }

      /** Tries again while the database is unavailable: the reader waits, and misses nothing. */
      async function catchUpWithRetries(): Promise<FeedChange[]> {
        for (let waitMs = RETRY_MS; !isEnded; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
          try {
            return await catchUp()
          } catch (error) {
            if (waitMs === RETRY_MS)
              log.warn('Could not read the changes that a live feed is missing; trying again', { error: String(error) })
            await sleep(waitMs)
          }
        }
        return []
      }

      // Now, not at the first call of next(): "from now on" means from here.
      const { joined, isListening } = join(key, follower)
      /** changes between the reading of the start position and the first signal may have been missed: they are read as well */
      const mayHaveMissed = position === null && !isListening
      const replayed: FeedChange[] = []
      let last: FeedChange | undefined

      /** Reads what is missing, for a reader that asks for it. */
      async function read(): Promise<void> {
        isReading = true
        replayed.push(...(await catchUpWithRetries()))
        isReading = false
        wakeReader()
      }

      async function start(): Promise<void> {
        if (position === null) await catchUpWithRetries()
        await joined
        isBehind ||= mayHaveMissed
        isBegun = true
        wakeReader()
      }
      void start()

      function poll(): FeedChange | undefined {
        // The reader has received the previous change: only now are its bytes released.
        if (last !== undefined && held > 0) {
          sendBuffer.release(sizeOf(last))
          held -= sizeOf(last)
        }
        last = undefined
        if (!isBegun || isEnded) return undefined
        const missed = replayed.shift()
        if (missed !== undefined) return missed
        const next = direct
        direct = undefined
        if (next !== undefined) return next
        last = queue.shift()
        if (last !== undefined) return last
        isIdle = !isBehind && ready !== undefined
        if (isBehind && !isReading) void read()
        return undefined
      }

      const done = { done: true as const, value: undefined }
      const iterator: Polled<FeedChange> = {
        [Symbol.asyncIterator]: () => iterator,
        poll,
        begin(onReady, onEnd) {
          ready = onReady
          ended = onEnd
          if (isEnded) onEnd(isErased ? new CarillonError('CONTACT_NOT_FOUND') : undefined)
        },
        async next() {
          while (!isEnded) {
            const change = poll()
            if (change !== undefined) return { done: false, value: change }
            waiting = Promise.withResolvers()
            await waiting.promise
          }
          if (!isErased) return done
          isErased = false
          throw new CarillonError('CONTACT_NOT_FOUND')
        },
        async return() {
          end()
          return done
        },
        async throw(error) {
          end()
          throw error
        },
      }
      return iterator
    },
    close() {
      clearInterval(timer)
      endGap()
    },
  }
}
