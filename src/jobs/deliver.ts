/**
 * Delivers what is due. A message is claimed by one worker at a time (db/claim.ts); that its hand-over begins is written before it
 * does; what became of it is written in groups, within 25 ms.
 *
 * A crash before the hand-over leaves the message to its lease: it is simply sent. A crash after it leaves a message that may have
 * arrived: it goes out again where the receiver can fold the two, and is UNKNOWN elsewhere (see `outcomeOf`).
 */
import { type Provider, ProviderError } from '../channels/provider.ts'
import { releaseHeld } from '../db/arrive.ts'
import { begin, type Claimed, claim } from '../db/claim.ts'
import type { Database } from '../db/database.ts'
import { findSuppressed } from '../db/lookup.ts'
import { type Settlement, settle } from '../db/settle.ts'
import { addSuppressions } from '../db/suppression.ts'
import { arriveInFeeds, type DueInApp } from '../domain/arrive.ts'
import type { Clock } from '../domain/clock.ts'
import { addressesOf } from '../domain/decide.ts'
import type { Ids } from '../domain/ids.ts'
import { suppressionKey } from '../domain/suppression.ts'
import type { Channel, Signal, StatusChange, SuppressionReason } from '../domain/words.ts'
import { HELD_UNTIL } from '../domain/write-plan.ts'
import { type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { MAX_ATTEMPTS, nextAttemptDelayMs } from './backoff.ts'
import { type ComposeDeps, type Composed, compose } from './compose.ts'
import { createGroup } from './group.ts'
import type { OpenProvider, ProviderPool } from './providers.ts'

/** What delivering works with. */
export interface DeliverDeps extends ComposeDeps {
  readonly db: Database
  readonly clock: Clock
  readonly providers: ProviderPool
  readonly log: Log
  readonly ids: Ids
  random(): number
  publish(signals: readonly Signal[]): void
  /** other channels became due */
  wake(): void
}

/** The worker's side of a process. */
export interface Deliverer {
  /** Claims and starts all that is due, as fast as it is worked off; returns when nothing is due any more. */
  run(signal: AbortSignal): Promise<void>
  /** Waits until nothing is in flight. What has not been handed over when `signal` aborts is given back. */
  drain(): Promise<void>
  inFlight(): number
}

const LEASE_MS = 60_000
/** A hand-over does not begin later than this after the claim, and is cut off before the lease ends: nobody else can have it meanwhile. */
const BEGIN_WITHIN_MS = 20_000
const SEND_MS = 35_000
const BATCH = 250
const IN_FLIGHT = 1_000
/** Wait for room for this many before claiming again: small claims cost as much as large ones. */
const ROOM = 100
const GIVE_BACK_MS = 1_000

interface Attempt {
  readonly startedAt: Date
  readonly durationMs: number
}

/** Makes a deliverer. */
export function createDeliverer(deps: DeliverDeps): Deliverer {
  const { db, clock, providers, log, contents } = deps
  const stopping = new AbortController()
  let inFlight = 0
  let onProgress = Promise.withResolvers<void>()

  const beginning = createGroup({
    withinMs: 1,
    max: 500,
    log,
    failed: 'Could not write down that hand-overs begin',
    write: (items: readonly Claimed[]) => begin(db.pool, items),
  })
  const settling = createGroup({
    withinMs: 10,
    max: 500,
    log,
    failed: 'Could not write down outcomes',
    async write(items: readonly Settlement[]) {
      const settled = await settle(db.pool, items.map(keepable), clock.offsetMs)
      const at = clock.now().toISOString()
      const byProject = new Map<string, StatusChange[]>()
      for (const { projectId, notificationId, messageId, status } of settled) {
        const changes = byProject.get(projectId) ?? []
        changes.push({ notificationId, messageId, status, at })
        byProject.set(projectId, changes)
      }
      deps.publish([...byProject].map(([projectId, changes]): Signal => ({ topic: 'activity', projectId, changes })))
    },
  })

  const settlementOf = (message: Claimed, status: Settlement['status'], reason: Problem | null): Settlement => ({
    projectId: message.projectId,
    id: message.id,
    claims: message.claims,
    status,
    dueInMs: null,
    errorCode: reason?.code ?? null,
    errorMessage: reason?.message ?? null,
    history: [[status, clock.now().toISOString(), reason?.code ?? null]],
    attempt: null,
  })

  /** Back into the queue, as if it had not been claimed. */
  const giveBack = (message: Claimed): Promise<void> =>
    settling.add({ ...settlementOf(message, 'QUEUED', null), dueInMs: stopping.signal.aborted ? 0 : GIVE_BACK_MS, history: [] })

  /** What an attempt that failed means for the message. */
  function failureOf(
    message: Claimed,
    provider: Provider,
    error: ProviderError,
    attempt: Attempt,
    open: OpenProvider,
  ): Settlement {
    const { code, message: text, retryAfterMs } = error
    const made = message.attemptCount - message.attemptBase + 1
    const again = error.outcome === 'retryable' || (error.outcome === 'unknown' && maySendAgain(message, provider))
    const status = again && made < MAX_ATTEMPTS ? 'QUEUED' : error.outcome === 'unknown' ? 'UNKNOWN' : 'FAILED'
    const settlement = settlementOf(message, status, problem(code, text))
    return {
      ...settlement,
      dueInMs: status === 'QUEUED' ? nextAttemptDelayMs(made, deps.random, retryAfterMs) : null,
      providerId: open.id,
      history: [['SENDING', attempt.startedAt.toISOString(), open.key], ...settlement.history],
      attempt: {
        startedAt: attempt.startedAt.toISOString(),
        durationMs: attempt.durationMs,
        ok: false,
        response: error.response,
      },
    }
  }

  async function send(
    message: Claimed,
    composed: Extract<Composed, { kind: 'outbound' }>,
    open: OpenProvider,
    deadline: number,
  ): Promise<void> {
    const settled = await open.unsettled.enter(stopping.signal)
    try {
      await handOver(message, composed, open, deadline)
    } finally {
      settled?.()
    }
  }

  async function handOver(
    message: Claimed,
    composed: Extract<Composed, { kind: 'outbound' }>,
    open: OpenProvider,
    deadline: number,
  ): Promise<void> {
    const leave = await open.lane.enter(stopping.signal)
    let outcome: Settlement
    try {
      if (leave === null || performance.now() > deadline) return await giveBack(message)
      // Canceled, or its lease ran out and somebody else has it: not ours to send.
      if (!(await beginning.add(message)).has(message.id)) return
      const startedAt = clock.now()
      const started = performance.now()
      const attempt = (): Attempt => ({ startedAt, durationMs: performance.now() - started })
      try {
        const receipt = await open.provider.send(composed.rendered, AbortSignal.timeout(SEND_MS))
        const { durationMs } = attempt()
        outcome = {
          ...settlementOf(message, 'SENT', null),
          providerId: open.id,
          providerMessageId: receipt.providerMessageId,
          history: [
            ['SENDING', startedAt.toISOString(), open.key],
            ['SENT', clock.now().toISOString(), null],
          ],
          attempt: { startedAt: startedAt.toISOString(), durationMs, ok: true, response: receipt.response },
        }
      } catch (error) {
        if (!(error instanceof ProviderError))
          log.error('A provider threw what it must not throw', { provider: open.key, error: String(error) })
        const known =
          error instanceof ProviderError
            ? error
            : new ProviderError('unknown', 'INTERNAL', 'The provider failed on our side.', { cause: error })
        outcome = failureOf(message, open.provider, known, attempt(), open)
        if (known.addressDead) await suppress(message, composed.rendered.address)
      }
    } finally {
      // The way is free as soon as the provider has answered: writing that down holds up nobody.
      leave?.()
    }
    const { rendered, subject, text, html } = composed
    await settling.add({ ...outcome, address: rendered.address, subject, text, html })
  }

  /** The address will never work again: nothing more is tried on it. That this fails costs another refusal, later. */
  async function suppress(message: Claimed, address: string): Promise<void> {
    const { projectId, channel } = message
    const row = { id: deps.ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
    await addSuppressions(db.pool, projectId, [row]).catch((error) =>
      log.warn('Could not suppress an address', { error: String(error) }),
    )
  }

  async function deliverOne(
    message: Claimed,
    composed: Composed,
    open: OpenProvider | undefined,
    deadline: number,
  ): Promise<void> {
    if (composed.kind === 'skipped' || composed.kind === 'failed') {
      // What waits for an in-app message to arrive, to know whether it folds, waits in vain for this one: it goes. Before this is
      // written, so that a crash in between lets it go twice rather than never.
      if (message.channel === 'IN_APP' && message.incrementId !== null && (await releaseHeld(db.pool, [message], HELD_UNTIL)) > 0)
        deps.wake()
      return settling.add(settlementOf(message, composed.kind === 'skipped' ? 'SKIPPED' : 'FAILED', composed.reason))
    }
    if (composed.kind === 'in-app' || open === undefined) return
    if (message.wasHandedOver && !maySendAgain(message, open.provider)) {
      return settling.add(
        settlementOf(message, 'UNKNOWN', problem('OUTCOME_UNKNOWN', 'The server stopped while it handed the message over.')),
      )
    }
    return send(message, composed, open, deadline)
  }

  async function arrive(due: readonly DueInApp[]): Promise<void> {
    if (due.length === 0) return
    const { signals, released } = await arriveInFeeds({ db, clock }, due)
    deps.publish(signals)
    if (released > 0) deps.wake()
  }

  /** One message that breaks what composes it fails alone, and not for ever again. */
  function composeSafely(
    message: Claimed,
    configured: ReadonlySet<Channel>,
    suppressed: ReadonlyMap<string, SuppressionReason>,
  ): Composed {
    try {
      return compose(deps, message, configured, suppressed)
    } catch (error) {
      log.error('A message can not be composed', {
        message: message.id,
        error: error instanceof Error ? error.stack : String(error),
      })
      return { kind: 'failed', reason: problem('INTERNAL') }
    }
  }

  /** Looked up again when a message goes out: an address may have been suppressed since it was accepted. */
  async function suppressedOf(batch: readonly Claimed[]): Promise<Map<string, Map<string, SuppressionReason>>> {
    const addresses = batch.flatMap(({ projectId, contact }) =>
      contact === null ? [] : addressesOf(contact).map((one) => ({ projectId, ...one })),
    )
    const found = new Map<string, Map<string, SuppressionReason>>()
    for (const { projectId, channel, address, reason } of addresses.length === 0
      ? []
      : await findSuppressed(db.pool, addresses)) {
      found.set(projectId, (found.get(projectId) ?? new Map<string, SuppressionReason>()).set(`${channel} ${address}`, reason))
    }
    return found
  }

  async function start(batch: readonly Claimed[]): Promise<void> {
    const deadline = performance.now() + BEGIN_WITHIN_MS
    const open = await providers.load([...new Set(batch.map((message) => message.projectId))])
    await contents.load(
      db.pool,
      batch.map((message) => ({ projectId: message.projectId, ...message.template })),
    )
    const suppressed = await suppressedOf(batch)
    const inApp: DueInApp[] = []
    for (const message of batch) {
      const channels = open.get(message.projectId) ?? new Map<Channel, readonly OpenProvider[]>()
      const composed = composeSafely(message, new Set(channels.keys()), suppressed.get(message.projectId) ?? new Map())
      if (composed.kind === 'in-app') inApp.push({ claimed: message, contactId: composed.contactId, text: composed.text })
      else track(1, deliverOne(message, composed, channels.get(message.channel)?.[0], deadline))
    }
    track(inApp.length, arrive(inApp))
  }

  /** Counts messages in flight until their work ends. Work that fails is left to the lease. */
  function track(count: number, work: Promise<void>): void {
    inFlight += count
    work
      .catch((error) => log.error('Could not finish messages; their lease will', { messages: count, error: String(error) }))
      .finally(() => {
        inFlight -= count
        onProgress.resolve()
        onProgress = Promise.withResolvers()
      })
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        const room = IN_FLIGHT - inFlight
        if (room < ROOM) {
          await onProgress.promise
          continue
        }
        const batch = await claim(db.pool, { limit: Math.min(BATCH, room), leaseMs: LEASE_MS, offsetMs: clock.offsetMs })
        if (batch.length === 0) return
        await start(batch)
      }
    },
    async drain() {
      stopping.abort()
      while (inFlight > 0) await onProgress.promise
    },
    inFlight: () => inFlight,
  }
}

/** A vendor may answer anything; a NUL in it would keep its whole group from being written. */
function keepable(settlement: Settlement): Settlement {
  const clean = <T>(value: T): T =>
    typeof value === 'string' ? (value.replaceAll('\0', '').toWellFormed() as T & string) : value
  const { attempt, errorMessage, providerMessageId } = settlement
  return {
    ...settlement,
    errorMessage: clean(errorMessage),
    ...(providerMessageId === undefined ? {} : { providerMessageId: clean(providerMessageId) }),
    attempt: attempt === null ? null : { ...attempt, response: clean(attempt.response) },
  }
}

/** Whether a message that may have arrived may go out again: where the receiver folds the two, or the project says so. */
const maySendAgain = (message: Claimed, provider: Provider): boolean =>
  provider.limits.foldsRepeats || message.project.resendUnknown
