/**
 * Delivers what is due. A message is claimed by one worker at a time (db/claim.ts); that its hand-over begins is written before it
 * does; what became of it is written in groups, within 25 ms.
 *
 * A crash before the hand-over leaves the message to its lease: it is simply sent. A crash after it leaves a message that may have
 * arrived: it goes out again where the receiver can fold the two, and is UNKNOWN elsewhere (see `outcomeOf`).
 */
import { releaseHeld } from '../db/arrive.ts'
import { begin, type Claimed, type ClaimKey, claim, endIdleLeases } from '../db/claim.ts'
import { type Database, isConnectionLoss } from '../db/database.ts'
import { claimDevices, forgetDevice } from '../db/device.ts'
import { readFolded } from '../db/digest.ts'
import { type Settled, type Settlement, settle } from '../db/settle.ts'
import { findStandings } from '../db/standing.ts'
import { arriveInFeeds, type DueInApp } from '../domain/arrive.ts'
import type { Clock } from '../domain/clock.ts'
import { addressesOf, type Routes } from '../domain/decide.ts'
import type { Ids } from '../domain/ids.ts'
import { lookUpReach } from '../domain/plan.ts'
import type { Standing } from '../domain/rule.ts'
import { suppress, suppressionKey } from '../domain/suppression.ts'
import { goesToAll, needsCredentials, type Target } from '../domain/target.ts'
import type { DigestItems, Signal, StatusChange, SuppressionReason } from '../domain/words.ts'
import { HELD_UNTIL } from '../domain/write-plan.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Aside } from '../render/aside.ts'
import { HeavyText } from '../render/heavy.ts'
import { type ComposeDeps, type Composed, compose, type Outbound, type Surroundings } from './compose.ts'
import { createGroup, type Group } from './group.ts'
import { createHandOver, maySendAgain } from './hand-over.ts'
import { createLook } from './look.ts'
import { createPauses } from './pauses.ts'
import type { OpenProvider, ProviderPool } from './providers.ts'

/** What delivering works with. */
export interface DeliverDeps extends ComposeDeps {
  readonly db: Database
  readonly clock: Clock
  readonly providers: ProviderPool
  /** renders what takes long */
  readonly aside: Pick<Aside, 'render'>
  readonly log: Log
  readonly ids: Ids
  random(): number
  publish(signals: readonly Signal[]): void
  /** other messages became due, or there is room again for those that are */
  wake(): void
}

/** The worker's side of a process. */
export interface Deliverer {
  /** Claims and starts all that is due, as fast as it is worked off; returns when nothing is due any more. */
  run(signal: AbortSignal): Promise<void>
  /** Waits until nothing is in flight. What has not been handed over when `signal` aborts is given back. */
  drain(): Promise<void>
  inFlight(): number
  /** Single messages are going out at this time. */
  isBeside(): boolean
}

const LEASE_MS = 60_000
/** A hand-over does not begin later than this after the claim, and is cut off before the lease ends: nobody else can have it meanwhile. */
const BEGIN_WITHIN_MS = 20_000
const BATCH = 250
const IN_FLIGHT = 2_000
/** Of these, messages of sends to many: the rest is kept for single ones, which so never wait for a broadcast to be worked off. */
const BULK_IN_FLIGHT = 1_200
/** Wait for room for this many before claiming again: small claims cost as much as large ones. */
const ROOM = 100
/** While single messages come, at most so many of sends to many are claimed with them: the next single one does not wait for a large claim. */
const BULK_BESIDE = 25
const BESIDE_MS = 1_000
const GIVE_BACK_MS = 1_000
const BROKEN_MS = 30_000
const ASIDE_MS = 5_000

const MAY_HAVE_ARRIVED = problem('OUTCOME_UNKNOWN', 'The server stopped while it handed the message over.')

/** Makes a deliverer. */
export function createDeliverer(deps: DeliverDeps): Deliverer {
  const { db, clock, providers, log, contents } = deps
  const stopping = new AbortController()
  let inFlight = 0
  let bulkInFlight = 0
  /** messages of sends to many were left where they are, for want of room */
  let bulkWaits = false
  /** the database went away: there may be messages that were claimed and that nobody holds */
  let mayBeStranded = false
  let onProgress = Promise.withResolvers<void>()
  const pauses = createPauses(() => deps.wake())
  const look = createLook()

  /** ids of those in flight: what is written of them does not share a statement with single messages, which would wait for its end */
  const bulkIds = new Set<string>()
  let singleAt = Number.NEGATIVE_INFINITY
  const apart = <T extends { readonly id: string }, R>(make: () => Group<T, R>): Group<T, R> => {
    const [single, bulk] = [make(), make()]
    return { add: (item) => (bulkIds.has(item.id) ? bulk : single).add(item) }
  }

  const beginning = apart(() =>
    createGroup({
      withinMs: 1,
      max: 500,
      log,
      failed: 'Could not write down that hand-overs begin',
      write: (items: readonly ClaimKey[]) => begin(db.pool, items),
    }),
  )
  const settling = apart(() =>
    createGroup({
      withinMs: 10,
      max: 500,
      log,
      failed: 'Could not write down outcomes',
      async write(items: readonly Settlement[]) {
        const settled = await settleAll(items.map(keepable))
        const at = clock.now().toISOString()
        const byProject = new Map<string, StatusChange[]>()
        for (const { projectId, notificationId, messageId, status } of settled) {
          const changes = byProject.get(projectId) ?? []
          changes.push({ notificationId, messageId, status, at })
          byProject.set(projectId, changes)
        }
        deps.publish([...byProject].map(([projectId, changes]): Signal => ({ topic: 'activity', projectId, changes })))
      },
    }),
  )

  /** Writes a group; where one row of it can't be written, the others are, each alone. */
  async function settleAll(items: readonly Settlement[]): Promise<Settled[]> {
    try {
      return await settle(db.pool, items, clock.offsetMs)
    } catch (error) {
      if (!isDataError(error)) throw error
      const settled: Settled[] = []
      for (const item of items) {
        try {
          settled.push(...(await settle(db.pool, [item], clock.offsetMs)))
        } catch (cause) {
          if (!isDataError(cause)) throw cause
          log.error('An outcome can not be written as it is', { message: item.id, error: String(cause) })
          const { projectId, id, claims, status, dueInMs, errorCode } = item
          const rest = { errorMessage: null, history: [], attempts: [], boundTo: item.boundTo }
          const bare = { projectId, id, claims, status, dueInMs, errorCode, ...rest }
          settled.push(...(await settle(db.pool, [bare], clock.offsetMs)))
        }
      }
      return settled
    }
  }

  const settlementOf = (message: Claimed, status: Settlement['status'], reason: Problem | null): Settlement => ({
    projectId: message.projectId,
    id: message.id,
    claims: message.claims,
    status,
    dueInMs: null,
    errorCode: reason?.code ?? null,
    errorMessage: reason?.message ?? null,
    history: [[status, clock.now().toISOString(), reason?.code ?? null]],
    attempts: [],
    boundTo: message.boundTo,
  })

  /** Back into the queue, as if it had not been claimed. */
  const giveBack = (message: Claimed, afterMs = GIVE_BACK_MS): Promise<void> =>
    settling.add({ ...settlementOf(message, 'QUEUED', null), dueInMs: stopping.signal.aborted ? 0 : afterMs, history: [] })

  const handOver = createHandOver({
    clock,
    log,
    random: deps.random,
    stopping: stopping.signal,
    begin: async (message, providerId) => {
      const { projectId, id, claims } = message
      return (await beginning.add({ projectId, id, claims, providerId })).has(id)
    },
    claimDevices: ({ projectId, transactionId, id }, tokens) => claimDevices(db.pool, { projectId, transactionId, id }, tokens),
    buryAddress,
  })

  /** The address will never work again: nothing more is tried on it. That this fails costs another refusal, later. */
  async function buryAddress({ projectId, channel, contact }: Claimed, { address, providerId }: Target): Promise<void> {
    const row = { id: deps.ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
    const buried = goesToAll(channel)
      ? contact !== null && forgetDevice(db.pool, { projectId, contactId: contact.id, providerId }, address)
      : address !== '' && suppress(deps, projectId, [row])
    await Promise.resolve(buried).catch((error) => log.warn('Could not give up an address', { error: String(error) }))
  }

  /** Nothing of a message is said. */
  async function settleUnsaid(message: Claimed, status: 'SKIPPED' | 'FAILED', reason: Problem): Promise<void> {
    // What waits for an in-app message to arrive, to know whether it folds, waits in vain for this one: it goes. Before this is
    // written, so that a crash in between lets it go twice rather than never.
    const holds = message.channel === 'IN_APP' && message.incrementId !== null
    if (holds && (await releaseHeld(db.pool, [message], HELD_UNTIL, clock.offsetMs)) > 0) deps.wake()
    return settling.add(settlementOf(message, status, reason))
  }

  async function deliverOne(
    message: Claimed,
    composed: Composed,
    open: ReadonlyMap<string, OpenProvider>,
    deadline: number,
  ): Promise<void> {
    if (composed.kind === 'skipped' || composed.kind === 'failed') {
      // It may have arrived under an earlier lease: that nothing more is said now does not undo that.
      if (message.wasHandedOver || message.boundTo !== null)
        return settling.add(settlementOf(message, 'UNKNOWN', MAY_HAVE_ARRIVED))
      return settleUnsaid(message, composed.kind === 'skipped' ? 'SKIPPED' : 'FAILED', composed.reason)
    }
    if (composed.kind === 'in-app') return
    const ways = waysOf(message, composed, open)
    const mayHaveArrived = message.wasHandedOver || message.boundTo !== null
    if (mayHaveArrived && (ways === null || !ways.every((way) => maySendAgain(message, way.open)))) {
      return settling.add(settlementOf(message, 'UNKNOWN', MAY_HAVE_ARRIVED))
    }
    if (ways === null || ways.length === 0) {
      // A provider that can't be opened here may be opened elsewhere, or again later: the message waits. One that may have arrived
      // keeps the proof of that, and is left to its lease.
      return message.wasHandedOver ? undefined : giveBack(message, BROKEN_MS)
    }
    const end = await handOver(message, composed, ways, deadline)
    if (end.kind === 'given-back') return giveBack(message, end.afterMs)
    if (end.kind === 'settled') await settling.add(end.settlement).finally(end.release)
  }

  /** The ways that are open here. One that may have the message already is the only one; null: that one is gone. */
  function waysOf(message: Claimed, { targets }: Outbound, open: ReadonlyMap<string, OpenProvider>) {
    const { boundTo, channel } = message
    const bound = boundTo === null || goesToAll(channel) ? targets : targets.filter((one) => one.providerId === boundTo)
    if (bound.length === 0) return null
    return bound.flatMap((target) => {
      const provider = open.get(target.providerId)
      return provider === undefined ? [] : [{ target, open: provider }]
    })
  }

  async function arrive(due: readonly DueInApp[]): Promise<void> {
    if (due.length === 0) return
    try {
      const { signals, released } = await arriveInFeeds({ db, clock }, due)
      deps.publish(signals)
      if (released > 0) deps.wake()
    } catch (error) {
      if (isConnectionLoss(error)) throw error
      const [only, ...others] = due
      // One message that can't be put into its feed does not keep the others out of theirs.
      if (others.length > 0) for (const one of due) await arrive([one])
      else if (only !== undefined) {
        log.error('A message can not be put into its feed', { message: only.claimed.id, error: String(error) })
        await settleUnsaid(only.claimed, 'FAILED', problem('INTERNAL'))
      }
    }
  }

  /** One message that breaks what composes it fails alone, and not for ever again. */
  function composeSafely(message: Claimed, around: Surroundings): Composed | Promise<Composed | 'later'> {
    try {
      return compose(deps, message, around)
    } catch (error) {
      if (error instanceof HeavyText) return composeAside(message, around, error)
      log.error('A message can not be composed', {
        message: message.id,
        error: error instanceof Error ? error.stack : String(error),
      })
      return { kind: 'failed', reason: problem('INTERNAL') }
    }
  }

  /** A text that takes long is rendered in another process, while others go out. */
  async function composeAside(message: Claimed, around: Surroundings, { call }: HeavyText): Promise<Composed | 'later'> {
    try {
      const said = await deps.aside.render(message.projectId, call)
      // The renderer is asked for one thing in composing, and that is known now.
      return compose({ ...deps, renderer: { ...deps.renderer, [call.method]: () => said } }, message, around)
    } catch (error) {
      if (error instanceof CarillonError) {
        return error.code === 'OVERLOADED' ? 'later' : { kind: 'failed', reason: problem(error.code, error.message) }
      }
      log.error('A message can not be composed', { message: message.id, error: String(error) })
      return { kind: 'failed', reason: problem('INTERNAL') }
    }
  }

  /** Looked up again when a message goes out: an address may have been suppressed since it was accepted, a device added. */
  async function lookAround(
    batch: readonly Claimed[],
    routes: ReadonlyMap<string, Routes>,
  ): Promise<(message: Claimed) => Omit<Surroundings, 'standing' | 'digest'>> {
    const addresses = batch.flatMap(({ projectId, contact, channel, address }) =>
      contact === null
        ? address === null
          ? []
          : [{ projectId, channel, address: suppressionKey(channel, address) }]
        : addressesOf(contact).map((one) => ({ projectId, ...one })),
    )
    const reached = batch.flatMap(({ projectId, contact, channel }) =>
      contact !== null && needsCredentials(channel) ? [{ projectId, id: contact.id }] : [],
    )
    const contacts = [...new Map(reached.map((one) => [one.id, one])).values()]
    const { credentials, suppressed } = await lookUpReach(db.pool, routes, contacts, addresses)
    return ({ projectId, contact }) => ({
      routes: routes.get(projectId) ?? new Map(),
      credentials: (contact === null ? undefined : credentials.get(contact.id)) ?? [],
      suppressed: suppressed.get(projectId) ?? new Map<string, SuppressionReason>(),
    })
  }

  /** Looked at when a message goes out, and not again once it may have arrived: by then its condition held. */
  async function standingsOf(batch: readonly Claimed[]): Promise<Map<string, Standing>> {
    const asked = batch.filter((message) => message.isConditional && !message.wasHandedOver)
    return new Map(asked.length === 0 ? [] : (await findStandings(db.pool, asked)).map((row) => [row.id, row]))
  }

  /** What is left in digests, whatever it was when they were closed. */
  async function digestsOf(batch: readonly Claimed[]): Promise<Map<string, DigestItems>> {
    const windows = batch.flatMap(({ projectId, digestId, notificationId }) =>
      digestId === null ? [] : [{ projectId, digestId, ownId: notificationId }],
    )
    const once = [...new Map(windows.map((one) => [one.digestId, one])).values()]
    return once.length === 0 ? new Map() : readFolded(db.pool, once, { lock: false })
  }

  async function start(batch: readonly Claimed[]): Promise<void> {
    const deadline = performance.now() + BEGIN_WITHIN_MS
    const { open, routes } = await providers.load([...new Set(batch.map((message) => message.projectId))])
    await contents.load(
      db.pool,
      batch.flatMap(({ projectId, template }) => (template === null ? [] : [{ projectId, ...template }])),
    )
    const [around, standings, digests] = await Promise.all([lookAround(batch, routes), standingsOf(batch), digestsOf(batch)])
    pauses.learn(routes, open)
    const inApp: DueInApp[] = []
    for (const message of batch) {
      const digest = message.digestId === null ? undefined : digests.get(message.digestId)
      // Whatever was in a digest may have been canceled since it was closed.
      if (message.isCanceled || (message.digestId !== null && digest === undefined)) {
        // Its hand-over had begun when it was canceled and its worker died: nobody will know.
        track([message], settling.add(settlementOf(message, message.wasHandedOver ? 'UNKNOWN' : 'CANCELED', null)))
        continue
      }
      const composed = composeSafely(message, { ...around(message), standing: standings.get(message.id), digest })
      if (composed instanceof Promise) {
        const work = async (): Promise<void> => {
          const later = await composed
          // There was no room, or no time left that is surely ours.
          if (later === 'later' || performance.now() > deadline) return giveBack(message, ASIDE_MS)
          if (later.kind === 'in-app') await arrive([{ claimed: message, contactId: later.contactId, text: later.text }])
          else await deliverOne(message, later, open, deadline)
        }
        track([message], pauses.count(message, work()))
      } else if (composed.kind === 'in-app') inApp.push({ claimed: message, contactId: composed.contactId, text: composed.text })
      else track([message], pauses.count(message, deliverOne(message, composed, open, deadline)))
    }
    track(
      inApp.map((one) => one.claimed),
      arrive(inApp),
    )
  }

  /** Counts messages in flight until their work ends. Work that fails is left to the lease. */
  function track(messages: readonly Claimed[], work: Promise<void>): void {
    const count = messages.length
    const bulk = messages.reduce((sum, message) => sum + (message.isBulk ? 1 : 0), 0)
    inFlight += count
    bulkInFlight += bulk
    work
      .catch((error) => {
        mayBeStranded ||= isConnectionLoss(error)
        log.error('Could not finish messages; their lease will', { messages: count, error: String(error) })
      })
      .finally(() => {
        inFlight -= count
        bulkInFlight -= bulk
        for (const { id } of messages) bulkIds.delete(id)
        // Nobody waits in `run` for that room, so that single messages are claimed meanwhile.
        if (bulkWaits && BULK_IN_FLIGHT - bulkInFlight >= ROOM) {
          bulkWaits = false
          deps.wake()
        }
        onProgress.resolve()
        onProgress = Promise.withResolvers()
      })
  }

  const isBeside = (): boolean => performance.now() - singleAt < BESIDE_MS

  return {
    isBeside,
    async run(signal) {
      try {
        if (mayBeStranded) {
          mayBeStranded = false
          await endIdleLeases(db.pool, { leaseMs: LEASE_MS, offsetMs: clock.offsetMs })
        }
        while (!signal.aborted) {
          const room = IN_FLIGHT - inFlight
          if (room < ROOM) {
            await onProgress.promise
            continue
          }
          const bulkRoom = BULK_IN_FLIGHT - bulkInFlight
          bulkWaits = bulkRoom < ROOM
          const many = isBeside() ? BULK_BESIDE : BATCH
          const limits = { limit: Math.min(BATCH, room), bulkLimit: bulkWaits ? 0 : Math.min(bulkRoom, many) }
          const beside = look.next(pauses.now())
          const batch = await claim(db.pool, { ...limits, beside, leaseMs: LEASE_MS, offsetMs: clock.offsetMs })
          if (beside !== null) look.saw(beside, limits, batch)
          if (batch.length === 0) return
          for (const { id, isBulk } of batch) {
            if (isBulk) bulkIds.add(id)
            else singleAt = performance.now()
          }
          await start(batch)
        }
      } catch (error) {
        mayBeStranded ||= isConnectionLoss(error)
        throw error
      }
    },
    async drain() {
      stopping.abort()
      while (inFlight > 0) await onProgress.promise
    },
    inFlight: () => inFlight,
  }
}

/** What the database refuses because of the data itself (classes 22 and 23): trying again does not help. */
const isDataError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)

/** A vendor may answer anything; a NUL in it would keep its whole group from being written. */
function keepable(settlement: Settlement): Settlement {
  const clean = <T>(value: T): T =>
    typeof value === 'string' ? (value.replaceAll('\0', '').toWellFormed() as T & string) : value
  const { attempts } = settlement
  const texts = ['errorMessage', 'providerMessageId', 'address', 'subject', 'text', 'html'] as const
  return {
    ...settlement,
    ...Object.fromEntries(texts.filter((name) => settlement[name] !== undefined).map((name) => [name, clean(settlement[name])])),
    attempts: attempts.map((one) => ({ ...one, response: clean(one.response), errorMessage: clean(one.errorMessage) })),
  }
}
