/**
 * Accepts messages: those of a batch are planned, then all of them are written in one transaction. Calls that arrive while a transaction
 * is running are batched, and share the next one. A call whose schemas or overrides are to be checked in the sandbox leaves its batch, and
 * comes back with the results: the others don't wait for it. Large calls have transactions of their own, so that a call with one message
 * never waits for hundreds of somebody else's.
 *
 * After a crash either all of a batch is stored or nothing: the rows are the outbox (see jobs/deliver.ts).
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { isConnectionLoss, noDatabase } from '../db/connection-loss.ts'
import { transact } from '../db/database.ts'
import { createFairQueue, type FairQueue } from '../db/fair-queue.ts'
import { transactInOneTrip } from '../db/one-trip.ts'
import { CarillonError, isBrokenConnection } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter, type Meter } from '../render/meter.ts'
import { type CallBudget, createCallBudget } from '../render/sandbox.ts'
import type { SendDeps } from './deps.ts'
import type { Call, Verdicts } from './intent.ts'
import { lookUp } from './known.ts'
import type { SendOutcome } from './outcome.ts'
import { planCalls, planOf } from './plan.ts'
import { createRecent } from './recent.ts'
import { type Left, screen, screenInSandbox } from './screen.ts'
import { withoutUnsendable } from './unsendable.ts'
import { isPlain, writePlain } from './write-plain.ts'
import { writePlan } from './write-plan.ts'

/** Accepts one call. @returns the outcome of each of its messages, in order @throws CarillonError OVERLOADED when too many messages wait */
export type Accept = (call: Call) => Promise<SendOutcome[]>

/** A transaction takes no more calls when it has this many messages. */
const BATCH = 200
/** A call with more messages is large. */
const SMALL = 20
/** Transactions at a time, in this process: of small calls, and of large ones. */
const SMALL_MAX = 4
const LARGE_MAX = 2
/** Messages that may wait for a transaction. A project may have as many of them as are left for others. */
const WAITING_MAX = 40_000
/**
 * Normally one transaction of a size runs at a time, which measured a tenth faster than two. When one takes longer than this, ms, because
 * another process holds a lock or the database is slow, the next one begins without waiting for it.
 */
const PATIENCE_MS = 25
const RETRIES = 5

interface Waiting {
  readonly call: Call
  readonly verdicts: Verdicts
  readonly budget: CallBudget
  /** how often it was in the sandbox */
  rounds: number
  resolve(outcomes: SendOutcome[]): void
  reject(error: unknown): void
}

/** Calls that wait for a transaction with calls of about their size. */
interface Batches {
  /** projects have their turns one after the other */
  readonly waiting: FairQueue<Waiting>
  /** transactions at a time */
  readonly max: number
  running: number
  /** when the latest transaction began */
  startedAt: number
  isTimerSet: boolean
}

const createBatches = (max: number): Batches => ({
  waiting: createFairQueue<Waiting>(),
  max,
  running: 0,
  startedAt: 0,
  isTimerSet: false,
})

/** A call that leaves its batch for the sandbox. */
interface Held {
  readonly left: readonly Left[]
}
/** A template that is changed while its schema is run in the sandbox is run again, this often. */
const ROUNDS_MAX = 3

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
/** Whether another process took an id, or deleted a row, between the read and the write: the batch has to be read again. */
export const isCollision = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === UNIQUE_VIOLATION || error.code === FOREIGN_KEY_VIOLATION)

/** Whether the connection was lost before the transaction's commit. `transact` says OVERLOADED then. */
const wasRolledBack = (error: unknown): boolean =>
  isBrokenConnection(error) || (error instanceof CarillonError && error.code === 'OVERLOADED' && isBrokenConnection(error.cause))

/** @returns a function that accepts calls; those that wait at the same time share a transaction */
export function createAccept(deps: SendDeps): Accept {
  const small = createBatches(SMALL_MAX)
  const large = createBatches(LARGE_MAX)
  const recent = createRecent(deps.contents)
  // After a failover, for example: the new server is one that nobody was connected to.
  deps.db.accepting.on('connect', () => recent.clear())
  const waitingOf = new Map<string, number>()
  let waitingMessages = 0

  async function acceptTogether(batch: readonly Waiting[]): Promise<(SendOutcome[] | Held)[]> {
    // All on one connection: looking up costs one round trip where it is needed, and writing one where nothing has to be read under a lock.
    for (let attempt = 1; ; attempt++) {
      const client = await deps.db.accepting.connect()
      let lost: Error | undefined
      try {
        return await acceptOn(client, batch)
      } catch (error) {
        if (isConnectionLoss(error)) lost = error as Error
        // Lost before the commit: nothing was accepted.
        if (!wasRolledBack(error)) throw error
        if (attempt > 1) throw isBrokenConnection(error) ? noDatabase(error) : error
      } finally {
        client.release(lost)
      }
    }
  }

  async function acceptOn(client: PoolClient, batch: readonly Waiting[]): Promise<(SendOutcome[] | Held)[]> {
    const named = batch.map((one) => one.call)
    const remembered = await recent.recall(client, named)
    for (let attempt = remembered === null ? 1 : 0; ; attempt++) {
      const known = (attempt === 0 ? remembered : null) ?? (await lookUp(client, deps, named, recent))
      const held = new Map<Waiting, Held>()
      const calls: (Call & { readonly allowance: Meter })[] = []
      for (const one of batch) {
        const { call, verdicts } = one
        const allowance = createMeter(programLimits.callUnits)
        const left = screen(deps, known, call.project, call.intents, allowance, verdicts)
        if (left.length > 0) held.set(one, { left })
        else calls.push({ ...call, verdicts, allowance })
      }
      const planned = planCalls(deps, known, calls)
      // Nothing is decided by what may be out of date, unless it is compared by what is written.
      if (known.seen !== null && (planned.messages.length === 0 || !isPlain(known, planned))) continue
      const unsendable = await withoutUnsendable(
        deps,
        client,
        known,
        planned.calls.flatMap((list, index) => {
          const allowance = calls[index]?.allowance
          return list.flatMap((one) =>
            'kind' in one && one.kind === 'message' && allowance ? [{ message: one, allowance }] : [],
          )
        }),
      )
      const plan =
        unsendable.size === 0 ? planned : planOf(planned.calls.map((list) => list.map((one) => unsendable.get(one) ?? one)))
      if (plan.messages.length + plan.fanouts.length > 0) {
        try {
          const signals = isPlain(known, plan)
            ? await transactInOneTrip(client, (tx) => writePlain(tx, deps, known, plan.messages))
            : await transact(
                deps.db.accepting,
                (tx, finish) => writePlan(tx, deps, known, plan, finish).then((list) => () => list),
                client,
              )
          deps.publish(signals())
        } catch (error) {
          if (known.seen !== null) recent.forget(named)
          if (isCollision(error) && attempt < RETRIES) continue
          throw error
        }
        if (plan.fanouts.length > 0 || plan.messages.some((one) => one.wakes)) deps.wake()
      }
      const outcomes = plan.outcomes().values()
      return batch.map((one) => held.get(one) ?? outcomes.next().value ?? [])
    }
  }

  /** Checks in the sandbox what is left of a call, which then waits for a transaction again. */
  async function screenHeld(one: Waiting, { left }: Held): Promise<void> {
    try {
      if (++one.rounds > ROUNDS_MAX) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 1 })
      await screenInSandbox(deps.sandbox, one.call.project, left, one.verdicts, one.budget)
      enqueue(one)
    } catch (error) {
      one.reject(error)
    }
  }
  function enqueue(one: Waiting): void {
    const { project, intents } = one.call
    const batches = intents.length > SMALL ? large : small
    batches.waiting.add([project.id], one)
    count(project.id, intents.length)
    pump(batches)
  }

  /** @param ended called as soon as another batch may begin */
  async function run(batch: readonly Waiting[], batches: Batches, ended: () => void): Promise<void> {
    try {
      const outcomes = await acceptTogether(batch)
      ended()
      // The next batch's look-ups leave first: the database works on them while these are answered.
      if (batches.running > 0) await turn()
      batch.forEach((one, index) => {
        const outcome = outcomes[index] ?? []
        if ('left' in outcome) void screenHeld(one, outcome)
        else one.resolve(outcome)
      })
    } catch (error) {
      const [only, ...others] = batch
      if (only === undefined) return
      if (others.length === 0) return only.reject(error)
      if (isConnectionLoss(error)) {
        // The commit may have happened: a second try would return ID_EXISTS for a message that is new.
        for (const one of batch) one.reject(error)
        return
      }
      // The error may be due to one call: each is tried on its own.
      for (const one of batch) await run([one], batches, () => {})
    }
  }

  function pump(batches: Batches): void {
    while (batches.waiting.size > 0 && batches.running < batches.max) {
      const patienceMs = batches.startedAt + PATIENCE_MS - performance.now()
      if (batches.running > 0 && patienceMs > 0) {
        if (!batches.isTimerSet) {
          batches.isTimerSet = true
          setTimeout(() => {
            batches.isTimerSet = false
            pump(batches)
          }, patienceMs)
        }
        return
      }
      batches.startedAt = performance.now()
      const batch: Waiting[] = []
      let size = 0
      while (size < BATCH) {
        const next = batches.waiting.take()
        if (next === undefined) break
        size += next.call.intents.length
        count(next.call.project.id, -next.call.intents.length)
        batch.push(next)
      }
      batches.running++
      let isRunning = true
      const ended = (): void => {
        if (!isRunning) return
        isRunning = false
        batches.running--
        pump(batches)
      }
      // Calls of several projects share a transaction: its connection is of no project's share.
      void deps.db.runFor('', () => run(batch, batches, ended)).finally(ended)
    }
  }

  function count(projectId: string, messages: number): void {
    waitingMessages += messages
    const own = (waitingOf.get(projectId) ?? 0) + messages
    if (own === 0) waitingOf.delete(projectId)
    else waitingOf.set(projectId, own)
  }

  return (call) => {
    const own = (waitingOf.get(call.project.id) ?? 0) + call.intents.length
    const max = WAITING_MAX - waitingMessages
    if (own > max) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 5, max, got: own })
    return new Promise<SendOutcome[]>((resolve, reject) => {
      const budget = createCallBudget({ waits: deps.waits === true })
      enqueue({ call, verdicts: new Map(), budget, rounds: 0, resolve, reject })
    })
  }
}
