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
import type { Polled, PollingReader } from './polled.ts'
import { together } from './together.ts'

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
/** Contacts that are compared by one statement: its rows are read in one go, and nothing else is done meanwhile. */
const COMPARE_CHUNK = 250
const RETRY_MS = 200
const RETRY_MAX_MS = 2_000
/** What a change costs in addition to its texts, bytes: a high estimate. */
const OVERHEAD_BYTES = 800

/** A follower, as its contact sees it. */
interface Offered {
  advanceTo(seq: number): void
  endAsErased(): void
  offer(change: FeedChange): void
}

/** A contact whose feed has followers in this process. */
interface FollowedContact {
  readonly key: FeedKey
  readonly followers: Set<Offered>
  /** the subscription to its signals; resolves to what ends it */
  readonly subscribed: Promise<() => void>
  /** signals arrive, and have done so since before anything was read */
  isListening: boolean
}

/** Creates the live feeds. Every `compareMs` all positions are compared with the table. */
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
  /** signals were lost while a comparison was under way */
  let hasGap = false

  /** The number of a contact's last change; undefined: there is no such contact. Many subscriptions begin together, after a restart for example. */
  const latestOf = together(async (ids): Promise<ReadonlyMap<string, number>> => {
    const keys = ids.flatMap((id) => contacts.get(id)?.key ?? [])
    return new Map((await feed.latest(keys)).map(({ contactId, feedSeq }) => [contactId, feedSeq]))
  })

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

  function join(key: FeedKey, follower: Offered): { readonly joined: Promise<unknown>; readonly isListening: boolean } {
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

  function leave(key: FeedKey, follower: Offered): void {
    const contact = contacts.get(key.contactId)
    if (contact === undefined || !contact.followers.delete(follower) || contact.followers.size > 0) return
    contacts.delete(key.contactId)
    contact.subscribed.then(
      (end) => end(),
      () => undefined,
    )
  }

  async function compareChunk(keys: readonly FeedKey[]): Promise<void> {
    const latest = new Map((await feed.latest(keys)).map(({ contactId, feedSeq }) => [contactId, feedSeq]))
    for (const { contactId } of keys) {
      const seq = latest.get(contactId)
      for (const follower of contacts.get(contactId)?.followers ?? []) {
        if (seq === undefined) follower.endAsErased()
        else follower.advanceTo(seq)
      }
    }
  }

  async function compare(): Promise<void> {
    if (isComparing || contacts.size === 0) return
    isComparing = true
    try {
      let keys: FeedKey[] = []
      for (const { key } of [...contacts.values()]) {
        if (keys.push(key) < COMPARE_CHUNK) continue
        await compareChunk(keys)
        keys = []
      }
      if (keys.length > 0) await compareChunk(keys)
    } catch (error) {
      log.warn('Could not compare live feeds with the database', { error: String(error) })
    } finally {
      isComparing = false
    }
    // Those that were compared before the gap may have missed something in it.
    if (hasGap) afterGap()
  }
  function afterGap(): void {
    hasGap = isComparing
    if (!isComparing) void compare()
  }
  const timer = setInterval(() => void compare(), deps.compareMs ?? COMPARE_MS)
  timer.unref()
  const endGap = bus.onGap(afterGap)

  /** A class, so that ten thousand subscriptions share its methods. */
  class Follower implements Polled<FeedChange> {
    readonly #key: FeedKey
    readonly #by: FollowOptions['by']
    readonly #feeds: FollowOptions['feeds']
    readonly #sendBuffer: SendBuffer
    /** its bytes are reserved; null, as `#replayed`: nothing waits */
    #queue: FeedChange[] | null = null
    #replayed: FeedChange[] | null = null
    #held = 0
    #position: number | null
    /** the highest number that the table is known to have */
    #latest: number
    /** the table must be read before any signal may be passed on */
    #isBehind = true
    #isEnded = false
    /** the contact does not exist (any more), and the reader has yet to receive the error */
    #isErased = false
    /** the start was read, and signals are heard */
    #isBegun = false
    #isReading = false
    /** a reader that polls has received everything: it gets what comes next without a reservation */
    #isIdle = false
    #direct: FeedChange | null = null
    /** what the reader received last, if its bytes are reserved */
    #last: FeedChange | null = null
    #waiting: PromiseWithResolvers<void> | null = null
    #reader: PollingReader | null = null

    constructor(key: FeedKey, { by, feeds, after }: FollowOptions, sendBuffer: SendBuffer) {
      this.#key = key
      this.#by = by
      this.#feeds = feeds
      this.#sendBuffer = sendBuffer
      this.#position = after
      this.#latest = after ?? 0
      // Now, not when it is read first: "from now on" means from here.
      const { joined, isListening } = join(key, this)
      void this.#start(joined, after === null && !isListening)
    }

    /** The table has changes up to this number: a follower that is behind reads them. */
    advanceTo(seq: number): void {
      this.#latest = Math.max(this.#latest, seq)
      if (this.#position !== null && seq > this.#position) {
        this.#isBehind = true
        this.#wakeReader()
      }
    }

    /** The contact does not exist any more. */
    endAsErased(): void {
      if (this.#isEnded) return
      this.#isErased = true
      this.#end()
    }

    offer(change: FeedChange): void {
      if (this.#isEnded) return
      const { seq } = change
      const position = this.#position
      if (this.#isBehind || position === null || seq !== position + 1) {
        if (position === null || seq > position) this.advanceTo(seq)
        return
      }
      this.#latest = Math.max(this.#latest, seq)
      if (!this.#isWanted(change)) {
        this.#position = seq
        return
      }
      if (this.#isIdle) {
        this.#isIdle = false
        this.#direct = change
      } else {
        const size = sizeOf(change)
        // A slow reader is not disconnected: what does not fit is read from the table when it asks for more. A reader that has stalled
        // is disconnected by its transport, after a while without progress.
        if (size > this.#sendBuffer.room() || !this.#sendBuffer.reserve(size)) {
          this.advanceTo(seq)
          return
        }
        this.#held += size
        this.#queue ??= []
        this.#queue.push(change)
      }
      this.#position = seq
      this.#wakeReader()
    }

    begin(reader: PollingReader): void {
      this.#reader = reader
      if (this.#isEnded) reader.ended(this.#reason())
    }

    poll(): FeedChange | undefined {
      // The reader has received the previous change: only now are its bytes released.
      if (this.#last !== null && this.#held > 0) {
        this.#sendBuffer.release(sizeOf(this.#last))
        this.#held -= sizeOf(this.#last)
      }
      this.#last = null
      // What is being read comes before what came since.
      if (!this.#isBegun || this.#isEnded || this.#isReading) return undefined
      const missed = this.#replayed?.shift()
      if (missed !== undefined) return missed
      this.#replayed = null
      const direct = this.#direct
      this.#direct = null
      if (direct !== null) return direct
      const queued = this.#queue?.shift()
      if (queued !== undefined) {
        this.#last = queued
        return queued
      }
      this.#queue = null
      this.#isIdle = !this.#isBehind && this.#reader !== null
      if (this.#isBehind && !this.#isReading) void this.#read()
      return undefined
    }

    [Symbol.asyncIterator](): this {
      return this
    }

    async next(): Promise<IteratorResult<FeedChange>> {
      while (!this.#isEnded) {
        const change = this.poll()
        if (change !== undefined) return { done: false, value: change }
        this.#waiting = Promise.withResolvers()
        await this.#waiting.promise
      }
      const reason = this.#reason()
      this.#isErased = false
      if (reason !== undefined) throw reason
      return { done: true, value: undefined }
    }

    async return(): Promise<IteratorReturnResult<undefined>> {
      this.#end()
      return { done: true, value: undefined }
    }

    async throw(error: unknown): Promise<never> {
      this.#end()
      throw error
    }

    #isWanted({ kind, message }: FeedChange): boolean {
      const feeds = this.#feeds
      return (
        (this.#by === 'changes' || kind === 'RECEIVED') && (message === null || feeds === null || feeds.includes(message.feed))
      )
    }

    #wakeReader(): void {
      this.#waiting?.resolve()
      this.#reader?.ready()
    }

    /** Why it ended; undefined: the reader wanted it to. */
    #reason(): CarillonError | undefined {
      return this.#isErased ? new CarillonError('CONTACT_NOT_FOUND') : undefined
    }

    #end(): void {
      if (this.#isEnded) return
      this.#isEnded = true
      leave(this.#key, this)
      if (this.#held > 0) this.#sendBuffer.release(this.#held)
      this.#held = 0
      this.#queue = null
      this.#direct = null
      this.#wakeReader()
      this.#reader?.ended(this.#reason())
    }

    /** @param mayHaveMissed changes between the reading of the start position and the first signal: they are read as well */
    async #start(joined: Promise<unknown>, mayHaveMissed: boolean): Promise<void> {
      if (this.#position === null) await this.#catchUpWithRetries()
      await joined
      this.#isBehind ||= mayHaveMissed
      this.#isBegun = true
      this.#wakeReader()
    }

    /** Reads what is missing, for a reader that asks for it. */
    async #read(): Promise<void> {
      this.#isReading = true
      this.#replayed = await this.#catchUpWithRetries()
      this.#isReading = false
      this.#wakeReader()
    }

    /** Reads one page of the changes after the reader's position. */
    async #catchUp(): Promise<FeedChange[]> {
      if (this.#position === null) {
        const seq = await latestOf(this.#key.contactId)
        if (seq === undefined) {
          this.endAsErased()
          return []
        }
        this.#position = seq
        this.#isBehind = this.#latest > seq
        return []
      }
      const page = await feed.replay(this.#key, this.#by, this.#position, PAGE)
      if (page === null) {
        this.endAsErased()
        return []
      }
      const kept: FeedChange[] = []
      let bytes = 0
      for (const change of page.changes) {
        bytes += sizeOf(change)
        if (kept.length > 0 && bytes > PAGE_BYTES) {
          this.#position = kept.at(-1)?.seq ?? this.#position
          return kept.filter((one) => this.#isWanted(one))
        }
        kept.push(change)
      }
      this.#position = page.upTo
      this.#isBehind = page.more || this.#latest > page.upTo
      return kept.filter((one) => this.#isWanted(one))
    }

    /** Tries again while the database is unavailable: the reader waits, and misses nothing. */
    async #catchUpWithRetries(): Promise<FeedChange[]> {
      for (let waitMs = RETRY_MS; !this.#isEnded; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
        try {
          return await this.#catchUp()
        } catch (error) {
          if (waitMs === RETRY_MS)
            log.warn('Could not read the changes that a live feed is missing; trying again', { error: String(error) })
          await sleep(waitMs)
        }
      }
      return []
    }
  }

  return {
    follow: (key, options, sendBuffer) => new Follower(key, options, sendBuffer),
    close() {
      clearInterval(timer)
      endGap()
    },
  }
}
