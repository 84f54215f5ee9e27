/**
 * Accepting: every message of a batch is decided, then all of them are written in one transaction. Calls that arrive while a
 * transaction is under way are gathered and share the next one, so that a commit carries as many of them as there are.
 *
 * A crash before the commit leaves nothing; after it, everything: the rows are the outbox (see jobs/deliver.ts).
 */
import type { PoolClient } from 'pg'
import { type Database, isConnectionLoss, transact } from '../db/database.ts'
import { CarillonError, type Problem } from '../errors.ts'
import type { Renderer } from '../render/content.ts'
import type { Clock } from './clock.ts'
import type { ContentCache } from './contents.ts'
import type { ChannelDecision } from './decide.ts'
import type { CheckExtra } from './extra.ts'
import type { Ids } from './ids.ts'
import { type Accepted, type Known, lookUp, type Origin, planMessage } from './plan.ts'
import { type AcceptedFanout, planTopic } from './plan-topic.ts'
import type { Intent, TopicIntent } from './send.ts'
import type { ProjectInfo, Signal } from './words.ts'
import { writePlan } from './write-plan.ts'

/** What became of one message of a call. */
export type SendOutcome =
  | {
      readonly ok: true
      readonly key: string | null
      /** of the notification, or of the send to many, which has none of its own */
      readonly id: string
      readonly notificationId: string | null
      readonly transactionId: string
      /** channels on which it will not go out, and why */
      readonly silent: readonly (ChannelDecision & { reason: Problem })[]
      /** messages that a worker hands over */
      readonly outbound: readonly string[]
    }
  | {
      readonly ok: false
      readonly key: string | null
      readonly error: Problem
      /** of the earlier notification with the same id and content */
      readonly notificationId: string | null
      readonly transactionId: string | null
    }

/** One call: its messages, or what is wrong with them. */
export interface Call {
  readonly project: ProjectInfo
  readonly intents: readonly (Intent | TopicIntent | CarillonError)[]
  /** the campaign that it is for */
  readonly origin?: Origin
}

/** What accepting works with. `wake` and `publish` are called after the commit. */
export interface AcceptDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly renderer: Renderer
  readonly contents: ContentCache
  readonly checkExtra: CheckExtra
  wake(): void
  publish(signals: readonly Signal[]): void
}

/** Messages of one transaction; transactions at a time in this process; messages that may wait. */
const BATCH = 200
const LANES = 4
/**
 * Normally one transaction at a time carries all that came meanwhile: measured, that is a tenth faster than two. When one takes longer
 * than this, because another process holds a row or the store is slow, the others do not wait for it.
 */
const PATIENCE_MS = 25
const WAITING_MAX = 20_000
const RETRIES = 5

interface Waiting {
  readonly call: Call
  resolve(outcomes: SendOutcome[]): void
  reject(error: unknown): void
}

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
/** Whether somebody took a name, or removed a row, between looking and writing: looking again shows it. */
export const isCollision = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === UNIQUE_VIOLATION || error.code === FOREIGN_KEY_VIOLATION)

/** Makes the function that accepts calls. */
export function createAccept(deps: AcceptDeps): (call: Call) => Promise<SendOutcome[]> {
  const waiting: Waiting[] = []
  let waitingMessages = 0
  let running = 0
  /** when the latest transaction began */
  let startedAt = 0
  let isTimerSet = false

  async function acceptTogether(calls: readonly Call[]): Promise<SendOutcome[][]> {
    // One connection for all of it: its statements are pipelined, so looking up costs one round trip, and writing two.
    const client = await deps.db.pool.connect()
    let lost: Error | undefined
    try {
      return await acceptOn(client, calls)
    } catch (error) {
      if (isConnectionLoss(error)) lost = error as Error
      throw error
    } finally {
      client.release(lost)
    }
  }

  async function acceptOn(client: PoolClient, calls: readonly Call[]): Promise<SendOutcome[][]> {
    for (let attempt = 1; ; attempt++) {
      const known = await lookUp(client, deps.contents, calls)
      const outcomes = decideAll(calls, known)
      const accepted = outcomes.flat().filter((outcome): outcome is Accepted => 'notification' in outcome)
      const fanouts = outcomes.flat().filter((outcome): outcome is AcceptedFanout => 'audience' in outcome)
      if (accepted.length + fanouts.length > 0) {
        let signals: Signal[]
        try {
          signals = await transact(deps.db.pool, (tx, finish) => writePlan(tx, deps, known, accepted, finish, fanouts), client)
        } catch (error) {
          // Another process took an id, or removed a row, between the look-up and the write: look again, and it shows.
          if (isCollision(error) && attempt < RETRIES) continue
          throw error
        }
        deps.publish(signals)
        if (fanouts.length > 0 || accepted.some((one) => one.wakes)) deps.wake()
      }
      return outcomes.map((list) => list.map((one) => ('outcome' in one ? one.outcome() : one)))
    }
  }

  function decideAll(calls: readonly Call[], known: Known): (Accepted | AcceptedFanout | SendOutcome)[][] {
    return calls.map((call) => {
      const { origin } = call
      const scope = { transactionId: deps.ids(), mark: Symbol('call'), ...(origin === undefined ? {} : { origin }) }
      return call.intents.map((intent) =>
        'topic' in intent
          ? planTopic(deps, known, call.project, scope, intent)
          : planMessage(deps, known, call.project, scope, intent),
      )
    })
  }

  async function run(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await acceptTogether(batch.map((one) => one.call))
      batch.forEach((one, index) => {
        one.resolve(outcomes[index] ?? [])
      })
    } catch (error) {
      const [only, ...others] = batch
      if (only === undefined) return
      if (others.length === 0) return only.reject(error)
      if (isConnectionLoss(error)) {
        // The commit may have happened: a second try would answer ID_EXISTS to a caller whose message is new.
        for (const one of batch) one.reject(error)
        return
      }
      // One call's trouble is not the others': each alone.
      for (const one of batch) await run([one])
    }
  }

  function pump(): void {
    while (waiting.length > 0 && running < LANES) {
      const patienceMs = startedAt + PATIENCE_MS - performance.now()
      if (running > 0 && patienceMs > 0) {
        if (!isTimerSet) {
          isTimerSet = true
          setTimeout(() => {
            isTimerSet = false
            pump()
          }, patienceMs)
        }
        return
      }
      startedAt = performance.now()
      const batch: Waiting[] = []
      let size = 0
      while (waiting[0] !== undefined && (size === 0 || size + waiting[0].call.intents.length <= BATCH)) {
        size += waiting[0].call.intents.length
        batch.push(waiting[0])
        waiting.shift()
      }
      waitingMessages -= size
      running++
      void run(batch).finally(() => {
        running--
        pump()
      })
    }
  }

  return (call) => {
    if (waitingMessages + call.intents.length > WAITING_MAX) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 5 })
    return new Promise<SendOutcome[]>((resolve, reject) => {
      waiting.push({ call, resolve, reject })
      waitingMessages += call.intents.length
      pump()
    })
  }
}
