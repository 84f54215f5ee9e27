/**
 * Delivers due messages. A message is claimed by one worker at a time (db/claim.ts). That its attempt begins is persisted before it does, by the claim
 * itself where it goes out at once (direct.ts); its outcome is persisted in groups (outcomes.ts).
 *
 * After a crash before the attempt, the message is sent when its lease expires. After a crash during it, the message may have arrived: it
 * is sent again where the receiver drops duplicates or the project allows it, and becomes UNKNOWN elsewhere.
 */
import { randomInt } from 'node:crypto'
import { type Claimed, claim } from '../db/claim.ts'
import { isConnectionLoss } from '../db/connection-loss.ts'
import type { Database } from '../db/database.ts'
import { findHostFailures } from '../db/host-failures.ts'
import { endIdleLeases } from '../db/lease.ts'
import type { Clock } from '../domain/clock.ts'
import type { TemplateVersion } from '../domain/contents.ts'
import type { Ids } from '../domain/ids.ts'
import type { Standing } from '../domain/standing.ts'
import type { Log } from '../log.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import type { DueInApp } from '../send/arrive.ts'
import { suppressedCopies } from '../send/copies.ts'
import { goesToAll, type Signal, type TemplateInfo } from '../words.ts'
import { createAttempt, maySendAgain, type OpenTarget } from './attempt.ts'
import { createCapacity } from './capacity.ts'
import { type ClaimLimits, createClaimCursor } from './claim-cursor.ts'
import { type ComposeDeps, type Composed, composeMessage, type Outbound } from './compose.ts'
import { createDirect } from './direct.ts'
import { createForget } from './forget.ts'
import { createOutcomes } from './outcomes.ts'
import { createPauses } from './pauses.ts'
import type { OpenProvider, ProviderPool } from './providers.ts'
import { readSurroundings } from './surroundings.ts'

/** What `createDeliverer` needs. */
export interface DeliverDeps extends ComposeDeps {
  readonly db: Database
  readonly clock: Clock
  readonly providers: ProviderPool
  readonly log: Log
  readonly ids: Ids
  readonly standing: Pick<Standing, 'inactive' | 'isInactive'>
  random(): number
  publish(signals: readonly Signal[]): void
  /** called when other messages became due, or there is room again for due ones */
  wake(): void
}

/** Delivers the messages of all projects, in this process. */
export interface Deliverer {
  /**
   * Claims and starts due messages as fast as there is room for them; returns when nothing is due any more, or the signal is aborted.
   * @throws when the database is unavailable
   */
  run(signal: AbortSignal): Promise<void>
  /** Begins no further attempt, gives back what was not attempted, and waits until nothing is in flight. */
  drain(): Promise<void>
  /** the number of messages in flight */
  inFlight(): number
  /** whether single messages are being sent */
  isBusyWithSingles(): boolean
}

const LEASE_MS = 60_000
/** An attempt begins within this time after the claim and is aborted before the lease ends, so that no other worker has the message meanwhile. */
const BEGIN_WITHIN_MS = 20_000
const NO_PROVIDER_MS = 30_000
const SANDBOX_FULL_MS = 5_000
const SUSPENDED_MS = 1_000
/** Claims have a number below this one, by chance. */
const CLAIM_IDS = 2 ** 47
const DONE = Promise.resolve()

/** @returns a deliverer that does nothing until `run` is called */
export function createDeliverer(deps: DeliverDeps): Deliverer {
  const { db, clock, providers, log, contents, standing, wake } = deps
  const stopping = new AbortController()
  const pauses = createPauses(wake, standing.inactive)
  const cursor = createClaimCursor()
  const direct = createDirect()
  const capacity = createCapacity(wake)
  const outcomes = createOutcomes(deps, stopping.signal)
  const attempt = createAttempt({
    clock,
    log,
    outcomes,
    suppressedCopies: ({ projectId, template }, copies) =>
      suppressedCopies(db.pool, projectId, template?.critical === true, copies),
    isInactive: standing.isInactive,
    forget: createForget({ clock, log, find: (query) => findHostFailures(db.pool, query) }),
    random: deps.random,
    stopping: stopping.signal,
  })
  /** the database was unavailable: messages may have been claimed that no worker holds */
  let mayBeStranded = false
  /** ids of claims whose answer was lost, or whose messages were not begun to work on */
  const lost = new Set<number>()

  function deliverOne(
    message: Claimed,
    composed: Exclude<Composed, { kind: 'in-app' }>,
    open: ReadonlyMap<string, OpenProvider>,
    deadline: number,
  ): Promise<void> {
    const mayHaveArrived = message.attemptBegan || message.boundTo !== null
    if (composed.kind !== 'outbound') {
      // Nothing is sent now, but it may have arrived under an earlier lease.
      if (mayHaveArrived) return outcomes.settleUnknown(message)
      return outcomes.settleUnsent(message, composed.kind === 'skipped' ? 'SKIPPED' : 'FAILED', composed.reason)
    }
    const targets = openTargets(message, composed, open)
    if (mayHaveArrived && !targets?.every((to) => maySendAgain(message, to.open))) return outcomes.settleUnknown(message)
    if (targets !== null && targets.length > 0) return attempt(message, composed, targets, deadline)
    // A provider that can't be opened here may be opened by another process, or later: the message waits. One that may have arrived is
    // left to its lease, because giving it back would reset that its attempt began.
    return message.attemptBegan ? DONE : outcomes.giveBack(message, NO_PROVIDER_MS)
  }

  /**
   * Reads what a batch needs, composes each message, and starts its delivery, without waiting for the deliveries.
   * @param hold called when all is read
   */
  async function start(batch: readonly Claimed[], hold: () => void): Promise<void> {
    const deadline = performance.now() + BEGIN_WITHIN_MS
    const { open, routes } = await providers.load([...new Set(batch.map((message) => message.projectId))])
    // The messages of one template share what was read of it.
    const templates = new Map<TemplateInfo, TemplateVersion>()
    for (const { projectId, template } of batch)
      if (template !== null && !templates.has(template)) templates.set(template, { projectId, ...template })
    await contents.load(db.pool, [...templates.values()])
    const surroundingsOf = await readSurroundings(db, routes, batch)
    pauses.learn(routes, open)
    direct.learn(routes, open, batch)
    hold()
    const inApp: DueInApp[] = []
    /** Each project has an allowance for its messages of the batch; what exceeds it is rendered in the sandbox. */
    const composing = new Map<string, ComposeDeps>()
    const composeDepsOf = (projectId: string): ComposeDeps => {
      const known = composing.get(projectId)
      if (known !== undefined) return known
      const made = { ...deps, renderer: deps.renderer.within(createMeter(programLimits.batchUnits)) }
      composing.set(projectId, made)
      return made
    }
    const deliver = (message: Claimed, composed: Composed): Promise<void> =>
      composed.kind === 'in-app'
        ? outcomes.arrive([{ claimed: message, contactId: composed.contactId, text: composed.text }])
        : deliverOne(message, composed, open, deadline)
    for (const message of batch) {
      // Suspended a moment ago, which the list of this process does not have yet: it waits. One that may have arrived is left to its lease.
      if (message.project.isInactive === true || standing.isInactive(message.projectId)) {
        if (!message.attemptBegan) track([message], outcomes.giveBack(message, SUSPENDED_MS))
        continue
      }
      const surroundings = message.isCanceled ? null : surroundingsOf(message)
      if (surroundings === null) {
        track([message], outcomes.settleCanceled(message))
        continue
      }
      const composed = composeMessage(composeDepsOf(message.projectId), message, surroundings)
      if (composed instanceof Promise) {
        outcomes.postpone(message)
        const rendered = composed.then((later) =>
          later === null || performance.now() > deadline ? outcomes.giveBack(message, SANDBOX_FULL_MS) : deliver(message, later),
        )
        track([message], pauses.count(message, rendered))
      } else if (composed.kind === 'in-app') inApp.push({ claimed: message, contactId: composed.contactId, text: composed.text })
      else track([message], pauses.count(message, deliver(message, composed)))
    }
    const arrived = inApp.map((one) => one.claimed)
    track(arrived, outcomes.arrive(inApp))
  }

  /** Claims what there is room for, and starts it. @returns whether there may be more */
  async function claimOnce(limits: ClaimLimits): Promise<boolean> {
    const claimId = randomInt(CLAIM_IDS)
    lost.add(claimId)
    let batch: readonly Claimed[] = []
    try {
      const except = cursor.next(pauses.now())
      const directly = { channels: direct.now(), claimId }
      const options = { ...limits, except, direct: directly, leaseMs: LEASE_MS, offsetMs: clock.offsetMs }
      batch = await claim(db.accepting, options)
      const mayBeMore = cursor.saw(except, limits, batch)
      if (batch.length === 0) {
        lost.delete(claimId)
        return mayBeMore
      }
      capacity.claimed(batch)
      await start(batch, () => lost.delete(claimId))
      return true
    } catch (error) {
      // What the database refuses is tried again when the lease ends. Until then it has not begun: it can be canceled.
      // What was claimed is not known where the claim itself failed: its messages are freed by its id.
      if (batch.length === 0) mayBeStranded = true
      else if (!isConnectionLoss(error) && lost.delete(claimId)) for (const message of batch) outcomes.postpone(message)
      throw error
    }
  }

  /** Counts messages as in flight until their work ends. If it fails, they are claimed again when their lease expires. */
  function track(messages: readonly Claimed[], work: Promise<void>): void {
    const finished = work.catch((error) => {
      if (isConnectionLoss(error)) {
        mayBeStranded = true
        // Nothing is due before their lease ends: without this, the next run might be that late.
        wake()
      }
      log.error('Could not finish messages; they are claimed again when their lease expires', {
        messages: messages.length,
        error: String(error),
      })
    })
    capacity.hold(messages, finished)
  }

  return {
    async run(signal) {
      try {
        if (mayBeStranded) {
          mayBeStranded = false
          const ids = [...lost]
          await endIdleLeases(db.pool, { offsetMs: clock.offsetMs, lost: ids })
          for (const id of ids) lost.delete(id)
        }
        while (!signal.aborted) {
          const limits = await capacity.room(signal)
          if (limits === null) return
          if (!(await claimOnce(limits))) return
        }
      } catch (error) {
        mayBeStranded ||= isConnectionLoss(error)
        throw error
      }
    },
    async drain() {
      stopping.abort()
      await capacity.empty()
    },
    inFlight: () => capacity.inFlight(),
    isBusyWithSingles: () => capacity.isBusyWithSingles(),
  }
}

/** The targets whose provider is open here. A message that may have arrived through a provider has that one only; null: it is gone. */
function openTargets(
  { boundTo, channel }: Claimed,
  { targets }: Outbound,
  open: ReadonlyMap<string, OpenProvider>,
): OpenTarget[] | null {
  const bound = boundTo === null || goesToAll(channel) ? targets : targets.filter((one) => one.providerId === boundTo)
  if (bound.length === 0) return null
  const found: OpenTarget[] = []
  for (const target of bound) {
    const provider = open.get(target.providerId)
    if (provider !== undefined) found.push({ target, open: provider })
  }
  return found
}
