/** How many messages a worker holds at once. Part of it is reserved for single messages, which never wait for sends to many. */
import type { Claimed } from '../db/claim.ts'
import type { ClaimLimits } from './claim-cursor.ts'

/** The capacity of one worker. */
export interface Capacity {
  /** Waits until there is room for a claim that is worth its cost. @returns the limits of the next claim; null: `signal` was aborted */
  room(signal: AbortSignal): Promise<ClaimLimits | null>
  /** Remembers when single messages were last claimed. */
  claimed(batch: readonly Claimed[]): void
  /** Counts messages until their work ends, which must not fail. */
  hold(messages: readonly Claimed[], work: Promise<void>): void
  /** the number of messages in flight */
  inFlight(): number
  /** whether single messages were claimed within the last second */
  isBusyWithSingles(): boolean
  /** Waits until nothing is in flight. */
  empty(): Promise<void>
}

const BATCH = 250
const IN_FLIGHT_MAX = 2_000
/** Of these, messages of sends to many. */
const BULK_MAX = 1_200
/** Room for this many is waited for before claiming again: small claims cost as much as large ones. */
const ROOM_MIN = 100
/** While single messages arrive, a claim takes at most this many of sends to many, so that the next single one doesn't wait for a large claim. */
const BULK_WITH_SINGLES = 25
const SINGLES_MS = 1_000

/** @param wake called when there is room again for messages of sends to many that were left in the queue */
export function createCapacity(wake: () => void): Capacity {
  let inFlight = 0
  let bulkInFlight = 0
  let isBulkLeft = false
  let singleAt = Number.NEGATIVE_INFINITY
  /** null: nobody waits for it */
  let onProgress: PromiseWithResolvers<void> | null = null
  const progress = (): Promise<void> => {
    onProgress ??= Promise.withResolvers<void>()
    return onProgress.promise
  }
  /** What is to be done when so many messages have ended. */
  const endOf = (count: number, bulk: number) => (): void => {
    inFlight -= count
    bulkInFlight -= bulk
    // `room` does not wait for this, so that single messages are claimed meanwhile.
    if (isBulkLeft && BULK_MAX - bulkInFlight >= ROOM_MIN) {
      isBulkLeft = false
      wake()
    }
    onProgress?.resolve()
    onProgress = null
  }
  // Nearly all messages are held one by one: what ends them is made once.
  const [endOne, endOneBulk] = [endOf(1, 0), endOf(1, 1)]
  const isBusyWithSingles = (): boolean => performance.now() - singleAt < SINGLES_MS

  return {
    async room(signal) {
      // A worker that stops does not wait for room: whatever ends first, ends the waiting.
      while (IN_FLIGHT_MAX - inFlight < ROOM_MIN && !signal.aborted) await progress()
      if (signal.aborted) return null
      const bulkRoom = BULK_MAX - bulkInFlight
      isBulkLeft = bulkRoom < ROOM_MIN
      const bulkBatch = isBusyWithSingles() ? BULK_WITH_SINGLES : BATCH
      return { limit: Math.min(BATCH, IN_FLIGHT_MAX - inFlight), bulkLimit: isBulkLeft ? 0 : Math.min(bulkRoom, bulkBatch) }
    },
    claimed(batch) {
      if (batch.some((message) => !message.isBulk)) singleAt = performance.now()
    },
    hold(messages, work) {
      let bulk = 0
      for (const message of messages) if (message.isBulk) bulk++
      inFlight += messages.length
      bulkInFlight += bulk
      void work.then(messages.length !== 1 ? endOf(messages.length, bulk) : bulk === 1 ? endOneBulk : endOne)
    },
    inFlight: () => inFlight,
    isBusyWithSingles,
    async empty() {
      while (inFlight > 0) await progress()
    },
  }
}
