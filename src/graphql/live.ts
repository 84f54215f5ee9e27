/**
 * Live feeds. A subscription has a position: the number of the last change that its reader has, or will have from its queue. The next
 * number is passed on from the signal; a number that is missing is read from the table, as is everything since a cursor. So it does not
 * matter which signals are lost: what a reader gets is every change once, in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Domain } from '../domain/domain.ts'
import type { FeedChange, Signal } from '../domain/words.ts'
import { CarillonError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { SignalBus } from '../signals/bus.ts'
import type { Outlet } from './context.ts'

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
  /** the number that the reader has; null: whatever comes from now on */
  readonly after: number | null
}

/** The live feeds of this process. */
export interface Live {
  /** Its reader is told CONTACT_NOT_FOUND where there is no such contact, or none any more. */
  follow(key: FeedKey, options: FollowOptions, outlet: Outlet): AsyncIterableIterator<FeedChange>
  close(): void
}

const PAGE = 100
/** Of a page of replay, only so much is held for one reader, bytes; the rest is read again. */
const PAGE_BYTES = 262_144
const COMPARE_MS = 10_000
const RETRY_MS = 200
const RETRY_MAX_MS = 2_000
/** What a change costs beside its texts, bytes: a guess on the high side. */
const OVERHEAD = 800

interface Follower {
  readonly position: number | null
  /** the table has this number: whoever lacks it reads */
  hear(seq: number): void
  /** there is no such contact any more */
  lose(): void
  offer(change: FeedChange): void
}

interface Contact {
  readonly key: FeedKey
  readonly followers: Set<Follower>
  readonly ready: Promise<() => void>
  /** signals come, and have since before anything was read */
  isListening: boolean
}

/** Makes the live feeds. Every `compareMs` all positions are compared with the table, in one statement. */
export function createLive(deps: {
  readonly bus: SignalBus
  readonly feed: Pick<Domain['feed'], 'replay' | 'latest'>
  readonly log: Log
  readonly compareMs?: number
}): Live {
  const { bus, feed, log } = deps
  const contacts = new Map<string, Contact>()
  const sizes = new WeakMap<FeedChange, number>()
  let comparing = false

  function sizeOf(change: FeedChange): number {
    let size = sizes.get(change)
    if (size === undefined) {
      const { message } = change
      const { body = '', title = null, data = {}, actions = [] } = message ?? {}
      size = OVERHEAD + body.length + (title ?? '').length + JSON.stringify(data).length + JSON.stringify(actions).length
      sizes.set(change, size)
    }
    return size
  }

  function onSignal(contact: Contact, signal: Signal): void {
    if (signal.topic !== 'feed') return
    for (const change of signal.changes) for (const follower of contact.followers) follower.offer(change)
  }

  function join(key: FeedKey, follower: Follower): { readonly joined: Promise<unknown>; readonly isListening: boolean } {
    let contact = contacts.get(key.contactId)
    if (contact === undefined) {
      const made: Contact = {
        key,
        followers: new Set(),
        ready: bus.subscribe(`feed:${key.projectId}:${key.contactId}`, (signal) => onSignal(made, signal)),
        isListening: bus.isImmediate,
      }
      made.ready.then(
        () => {
          made.isListening = true
        },
        (error: unknown) => log.warn('Could not listen to a feed; it is compared instead', { error: String(error) }),
      )
      contact = made
      contacts.set(key.contactId, contact)
    }
    contact.followers.add(follower)
    return { joined: contact.ready.catch(() => undefined), isListening: contact.isListening }
  }

  function leave(key: FeedKey, follower: Follower): void {
    const contact = contacts.get(key.contactId)
    if (contact === undefined || !contact.followers.delete(follower) || contact.followers.size > 0) return
    contacts.delete(key.contactId)
    contact.ready.then(
      (end) => end(),
      () => undefined,
    )
  }

  async function compare(): Promise<void> {
    if (comparing || contacts.size === 0) return
    comparing = true
    try {
      const keys = [...contacts.values()].map((contact) => contact.key)
      const latest = new Map((await feed.latest(keys)).map(({ contactId, feedSeq }) => [contactId, feedSeq]))
      for (const { contactId } of keys) {
        const seq = latest.get(contactId)
        for (const follower of contacts.get(contactId)?.followers ?? []) {
          if (seq === undefined) follower.lose()
          else follower.hear(seq)
        }
      }
    } catch (error) {
      log.warn('Could not compare feeds with the record', { error: String(error) })
    } finally {
      comparing = false
    }
  }
  const timer = setInterval(() => void compare(), deps.compareMs ?? COMPARE_MS)
  timer.unref()
  const endGap = bus.onGap(() => void compare())

  return {
    follow(key, { by, feeds, after }, outlet) {
      const queue: FeedChange[] = []
      let position = after
      let heard = after ?? 0
      /** the table has to be read before anything live may be passed on */
      let behind = true
      let held = 0
      let ended = false
      /** there is no such contact (any more), which its reader is told */
      let isGone = false
      let waiting: PromiseWithResolvers<void> | undefined
      const isWanted = ({ kind, message }: FeedChange): boolean =>
        (by === 'changes' || kind === 'RECEIVED') && (message === null || feeds === null || feeds.includes(message.feed))
      const poke = (): void => waiting?.resolve()
      const follower: Follower = {
        get position() {
          return position
        },
        hear(seq) {
          heard = Math.max(heard, seq)
          if (position !== null && seq > position) {
            behind = true
            poke()
          }
        },
        lose: () => void leaveGone(),
        offer(change) {
          if (ended) return
          if (behind || position === null || change.seq !== position + 1) {
            if (position === null || change.seq > position) follower.hear(change.seq)
            return
          }
          heard = Math.max(heard, change.seq)
          if (isWanted(change)) {
            const size = sizeOf(change)
            // A reader that falls behind is not cut: what does not fit is read from the table when it comes for more. One that does not
            // read at all is closed by its transport, once nothing has moved for a while.
            if (size > outlet.room() || !outlet.take(size)) return follower.hear(change.seq)
            held += size
            queue.push(change)
          }
          position = change.seq
          poke()
        },
      }

      function end(): void {
        if (ended) return
        ended = true
        leave(key, follower)
        if (held > 0) outlet.give(held)
        held = 0
        queue.length = 0
        poke()
      }

      function leaveGone(): [] {
        isGone = !ended
        end()
        return []
      }

      /** Reads one page of what this reader lacks. */
      async function catchUp(): Promise<FeedChange[]> {
        if (position === null) {
          const [now] = await feed.latest([key])
          if (now === undefined) return leaveGone()
          position = now.feedSeq
          behind = heard > position
          return []
        }
        const page = await feed.replay(key, by, position, PAGE)
        if (page === null) return leaveGone()
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
        behind = page.more || heard > position
        return kept.filter(isWanted)
      }

      /** The record may be away for a while: the reader waits, and misses nothing. */
      async function catchUpPatiently(): Promise<FeedChange[]> {
        for (let waitMs = RETRY_MS; !ended; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
          try {
            return await catchUp()
          } catch (error) {
            if (waitMs === RETRY_MS) log.warn('Could not read what a feed lacks; trying again', { error: String(error) })
            await sleep(waitMs)
          }
        }
        return []
      }

      // At once, not when the reader first asks: "from now on" means from here.
      const { joined, isListening } = join(key, follower)
      /** what came between the reading of the start and the first signal was heard by nobody: it is read as well */
      let isUnheard = position === null && !isListening
      const begun = position === null ? catchUpPatiently() : Promise.resolve([])
      const replayed: FeedChange[] = []
      let last: FeedChange | undefined
      const done = { done: true as const, value: undefined }
      const iterator: AsyncIterableIterator<FeedChange> = {
        [Symbol.asyncIterator]: () => iterator,
        async next() {
          // The reader has the one before: only now its room is free.
          if (last !== undefined && held > 0) {
            outlet.give(sizeOf(last))
            held -= sizeOf(last)
          }
          last = undefined
          await Promise.all([joined, begun])
          if (isUnheard) behind = true
          isUnheard = false
          while (!ended) {
            const old = replayed.shift()
            if (old !== undefined) return { done: false, value: old }
            last = queue.shift()
            if (last !== undefined) return { done: false, value: last }
            if (behind) replayed.push(...(await catchUpPatiently()))
            else {
              waiting = Promise.withResolvers()
              await waiting.promise
            }
          }
          if (!isGone) return done
          isGone = false
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
