/**
 * Attempts one message: at the targets in order until one accepts it or, on channels that reach every address, at each device. The next
 * provider is tried when one is failing or refuses for reasons of its own (a wrong key, a rate limit); never after an unknown outcome.
 * What the host of an address does counts for that host alone (hosts.ts).
 */
import { ProviderError, type Receipt } from '../channels/provider.ts'
import type { Claimed } from '../db/claim.ts'
import { isConnectionLoss } from '../db/connection-loss.ts'
import type { AttemptRow, Settlement } from '../db/settle.ts'
import type { Clock } from '../domain/clock.ts'
import { type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Target } from '../send/target.ts'
import { channelTraits, goesToAll, type MessageStatus, type SuppressionReason } from '../words.ts'
import { MAX_ROUNDS, nextAttemptDelayMs } from './backoff.ts'
import type { Outbound } from './compose.ts'
import type { createForget } from './forget.ts'
import { SLOW_MS } from './hosts.ts'
import { hostVerdict, mayTryNext, providerVerdict } from './judge.ts'
import type { Outcomes } from './outcomes.ts'
import type { OpenProvider } from './providers.ts'

/** What `createAttempt` needs. */
export interface AttemptDeps {
  readonly clock: Clock
  readonly log: Log
  readonly outcomes: Pick<Outcomes, 'begin' | 'postpone' | 'settle' | 'giveBack' | 'assignDevices' | 'dropAddress'>
  /** Which copies of a message are suppressed, and why. */
  suppressedCopies(message: Claimed, copies: readonly string[]): Promise<ReadonlyMap<string, SuppressionReason>>
  /** Whether the project was suspended since the claim: no attempt of it begins. */
  isInactive(projectId: string): boolean
  /** makes of a host's failure that has lasted one that ends the address */
  readonly forget: ReturnType<typeof createForget>
  random(): number
  /** no attempt begins once it is aborted */
  readonly stopping: AbortSignal
}

/** A target whose provider is open in this process. */
export interface OpenTarget {
  readonly target: Target
  readonly open: OpenProvider
}

/**
 * How the work on a claimed message ends. `given-back`: it is queued again, as if it had not been claimed, and due after `afterMs`;
 * `lost`: it was canceled, or another worker holds it.
 */
type Ending =
  | { readonly kind: 'settled'; readonly settlement: Settlement; readonly release: () => void }
  | { readonly kind: 'given-back'; readonly afterMs: number }
  | { readonly kind: 'lost' }

/** A request that was made to a provider, and its result. */
type Tried =
  | {
      readonly kind: 'ok'
      readonly to: OpenTarget
      readonly receipt: Receipt
      readonly row: AttemptRow
      readonly endedAt: string
    }
  | {
      readonly kind: 'error'
      readonly to: OpenTarget
      readonly error: ProviderError
      readonly row: AttemptRow
      readonly endedAt: string
    }
type Outcome =
  | Tried
  | Exclude<Ending, { kind: 'settled' }>
  /** the provider fails, or the host that the address names: another target may be tried */
  | { readonly kind: 'blocked'; readonly by: 'provider' | 'host'; readonly to: OpenTarget; readonly forMs: number }

/**
 * By provider id: the message's place among the provider's outcomes that are not persisted yet (`OpenProvider.unsettled`). A message takes
 * one place for each provider, regardless of the number of its devices.
 */
type Places = Map<string, Place>
/** A promise: it waits for its place. null: there is none. */
type Place = (() => void) | Promise<(() => void) | null>
function leavePlace(place: Place): void {
  if (place instanceof Promise) void place.then((leave) => leave?.())
  else place()
}
const releaseOf = (places: Places) => (): void => {
  for (const place of places.values()) leavePlace(place)
}

const SEND_MS = 35_000
const GIVE_BACK_MS = 1_000
const RATE_LIMITED_MS = 5_000
const BEGIN_SLACK_MS = 3_000
/** A message whose turn comes within this time is written as begun meanwhile. */
const SOON_MS = 50
/** If its turn does not come within this time after all, it is not sent: what was decided may not hold any more. */
const SOON_MAX_MS = 1_000

/** Whether a message that may have arrived may be sent again: the receiver drops duplicates, or the project allows it. */
export const maySendAgain = (message: Claimed, { provider }: OpenProvider): boolean =>
  provider.limits.foldsRepeats || message.project.resendUnknown

const isSameHost = (one: OpenTarget, other: OpenTarget): boolean =>
  one.open.provider.hostOf(one.target.address) === other.open.provider.hostOf(other.target.address)

const rowOf = (
  { id }: OpenProvider,
  startedAt: string,
  durationMs: number,
  error: ProviderError | null,
  response: string | null,
): AttemptRow => ({
  providerId: id,
  startedAt,
  durationMs,
  ok: error === null,
  errorCode: error?.code ?? null,
  errorMessage: error?.message ?? null,
  response,
})

/** What the vendor answered, and which copies were left out; null: neither. */
function responseOf(response: string | null, leftOut: ReadonlyMap<string, SuppressionReason> | undefined): string | null {
  if (leftOut === undefined) return response === '' ? null : response
  const copies = [...leftOut].map(([copy, reason]) => `copy left out, because it is suppressed (${reason}): ${copy}`)
  const text = [response ?? [], copies].flat().join('\n')
  return text === '' ? null : text
}

/** Ends a send that takes too long. */
const cutOff = (sending: AbortController): void =>
  sending.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))

/** @returns the function that attempts a claimed message and persists what came of it */
export function createAttempt(deps: AttemptDeps) {
  const { clock, log, outcomes, stopping } = deps

  /** Which copies are left out, and why; `away`: the database is not available, so nothing may be sent. */
  async function lookUpCopies(...args: Parameters<AttemptDeps['suppressedCopies']>) {
    try {
      return await deps.suppressedCopies(...args)
    } catch (error) {
      if (!isConnectionLoss(error)) throw error
      return 'away'
    }
  }

  /**
   * One attempt at one target, within the limits of its provider: circuit breaker, outcomes not persisted yet, concurrency and rate.
   * @param places the message's places by provider; one is added where there is none. They are released when the outcome is persisted
   * @param begin persists that the attempt begins. @returns false: the message is not ours to send
   */
  async function attemptOne(
    message: Claimed,
    composed: Outbound,
    to: OpenTarget,
    deadline: number,
    places: Places,
    begin: () => Promise<boolean>,
  ): Promise<Outcome> {
    const { open, target } = to
    // A message that can't be sent before the deadline is given back at once, so that others can be claimed in its place.
    if (!open.limiter.isOpenUntil(deadline, message.isBulk)) return { kind: 'given-back', afterMs: RATE_LIMITED_MS }
    const report = open.breaker.enter()
    if (report === null) return { kind: 'blocked', by: 'provider', to, forMs: open.breaker.blockedForMs() }
    const host = open.provider.hostOf(target.address)
    const pass = host === null ? null : open.hosts.enter(host)
    if (pass !== null && 'blockedForMs' in pass) {
      report('neither')
      return { kind: 'blocked', by: 'host', to, forMs: pass.blockedForMs }
    }
    /** null: nobody's answer is known; undefined: nothing was sent */
    let failure: ProviderError | null | undefined
    let slowTimer: NodeJS.Timeout | undefined
    let sendTimer: NodeJS.Timeout | undefined
    const place =
      places.get(open.id) ??
      open.unsettled.enterAtOnce(stopping, deadline) ??
      open.unsettled.enter(stopping, deadline, message.isBulk)
    places.set(open.id, place)
    if (place instanceof Promise) outcomes.postpone(message)
    const hasPlace = (place instanceof Promise ? await place : place) !== null
    let leave = hasPlace ? open.limiter.enterAtOnce(stopping, deadline) : null
    try {
      // Written while it waits for its turn: the provider's places are not kept waiting for the write, and those that got their places together
      // are written together. Where nothing folds repeats it is written last, because after a crash such a message is not sent again.
      const isSoon =
        hasPlace &&
        open.provider.limits.foldsRepeats &&
        (leave !== null || open.limiter.expectedWaitMs(message.isBulk) <= SOON_MS)
      let begunAt = Infinity
      if (!isSoon) outcomes.postpone(message)
      const begun = isSoon ? begin() : null
      if (hasPlace && leave === null) {
        const note = (): void => {
          begunAt = performance.now()
        }
        // Awaited below. Until then a rejection must not count as unhandled.
        begun?.then(note, note)
        leave = await open.limiter.enter(stopping, deadline, message.isBulk)
      }
      if (begun !== null && !(await begun)) return { kind: 'lost' }
      if (leave === null || performance.now() > Math.min(deadline, begunAt + SOON_MAX_MS))
        return { kind: 'given-back', afterMs: GIVE_BACK_MS }
      if (deps.isInactive(message.projectId)) return { kind: 'given-back', afterMs: 0 }
      // Looked up for each attempt, as late as can be: a copy's suppression revokes no claim.
      const { copies } = composed
      const leftOut = copies === undefined || copies.length === 0 ? undefined : await lookUpCopies(message, copies)
      if (leftOut === 'away') return { kind: 'given-back', afterMs: GIVE_BACK_MS }
      if (begun === null && !(await begin())) return { kind: 'lost' }
      // The write may have taken long: too little of the lease may be left to send.
      if (performance.now() > deadline + BEGIN_SLACK_MS) return { kind: 'given-back', afterMs: GIVE_BACK_MS }
      const startedAt = clock.now().toISOString()
      const started = performance.now()
      if (pass !== null && channelTraits[message.channel].host === 'own') {
        // A host that takes its time keeps no other message waiting: the provider's places are for those that answer.
        slowTimer = setTimeout(() => {
          if (!pass.becomeSlow()) return
          leave?.()
          leavePlace(place)
        }, SLOW_MS)
      }
      // Not AbortSignal.timeout, whose timer stays when the send has ended, until the signal is collected.
      const sending = new AbortController()
      sendTimer = setTimeout(cutOff, SEND_MS, sending).unref()
      try {
        const receipt = await open.provider.send(composed.at(target, leftOut), sending.signal)
        failure = null
        const response = responseOf(receipt.response, leftOut)
        const row = rowOf(open, startedAt, performance.now() - started, null, response)
        return { kind: 'ok', to, receipt, row, endedAt: clock.now().toISOString() }
      } catch (cause) {
        if (!(cause instanceof ProviderError))
          log.error('A provider threw an unexpected error', { provider: open.key, error: String(cause) })
        failure =
          cause instanceof ProviderError
            ? cause
            : new ProviderError('unknown', 'INTERNAL', 'The provider failed on our side.', { about: 'provider', cause })
        const error = await deps.forget(message, open.id, host, failure)
        if (error.addressDead) await outcomes.dropAddress(message, target)
        const row = rowOf(open, startedAt, performance.now() - started, error, error.response)
        return { kind: 'error', to, error, row, endedAt: clock.now().toISOString() }
      }
    } finally {
      clearTimeout(slowTimer)
      clearTimeout(sendTimer)
      report(failure === undefined ? 'neither' : providerVerdict(failure), failure)
      pass?.end(failure === undefined ? { verdict: 'neither', retryAfterMs: null } : hostVerdict(failure))
      // The provider takes its next request as soon as it has answered: persisting the outcome delays no other message.
      leave?.()
    }
  }

  /** What all attempts of this round amount to. `isMoreToTry`: some target was blocked or had no room, so the message is queued again. */
  function settlementOf(message: Claimed, composed: Outbound, tried: readonly Tried[], isMoreToTry: boolean): Settlement {
    const accepted = tried.find((one) => one.kind === 'ok')
    const failures = tried.filter((one) => one.kind === 'error')
    const unknown = failures.find((one) => one.error.outcome === 'unknown')
    const again = failures.some((one) => one.error.outcome === 'retryable') || isMoreToTry
    const round = message.rounds + 1
    let status: MessageStatus
    let reason: Problem | null = null
    let boundTo: string | null = null
    if (accepted !== undefined) status = 'SENT'
    else {
      const last = unknown ?? failures.find((one) => one.error.outcome === 'retryable') ?? failures.at(-1)
      reason = last === undefined ? problem('INTERNAL') : problem(last.error.code, last.error.message)
      if (unknown !== undefined) {
        status = maySendAgain(message, unknown.to.open) && round < MAX_ROUNDS ? 'QUEUED' : 'UNKNOWN'
        boundTo = unknown.to.open.id
      } else {
        status = again && round < MAX_ROUNDS ? 'QUEUED' : 'FAILED'
        // An earlier attempt may have arrived, whatever became of this one.
        if (status === 'QUEUED') boundTo = message.boundTo
      }
    }
    const waits = failures.flatMap(({ error }) => (error.outcome === 'refused' ? [] : [error.retryAfterMs ?? 0]))
    const retryAfterMs = waits.length === 0 || isMoreToTry ? null : Math.min(...waits) || null
    const shown = accepted ?? unknown ?? failures.at(-1)
    return {
      projectId: message.projectId,
      id: message.id,
      claims: message.claims,
      status,
      dueInMs: status === 'QUEUED' ? nextAttemptDelayMs(round, deps.random, retryAfterMs) : null,
      providerId: shown?.to.open.id ?? null,
      ...(accepted === undefined ? {} : { providerMessageId: accepted.receipt.providerMessageId }),
      address: shown?.to.target.address ?? null,
      subject: composed.subject,
      text: composed.text,
      html: composed.html,
      templateVersion: message.template?.version ?? null,
      errorCode: reason?.code ?? null,
      errorMessage: reason?.message ?? null,
      history: [
        ...tried.map((one) => ['SENDING', one.row.startedAt, one.to.open.key] as const),
        [status, (shown ?? tried.at(-1))?.endedAt ?? clock.now().toISOString(), reason?.code ?? null],
      ],
      attempts: tried.map((one) => one.row),
      boundTo,
    }
  }

  /** `settlementOf` for the only attempt that was made, which was accepted: nearly all messages are sent so. */
  const sentAtOnce = (
    { projectId, id, claims, template }: Claimed,
    { subject, text, html }: Outbound,
    { to, receipt, row, endedAt }: Extract<Tried, { kind: 'ok' }>,
  ): Settlement => ({
    projectId,
    id,
    claims,
    status: 'SENT',
    dueInMs: null,
    providerId: to.open.id,
    providerMessageId: receipt.providerMessageId,
    address: to.target.address,
    subject,
    text,
    html,
    templateVersion: template?.version ?? null,
    errorCode: null,
    errorMessage: null,
    history: [
      ['SENDING', row.startedAt, to.open.key],
      ['SENT', endedAt, null],
    ],
    attempts: [row],
    boundTo: null,
  })

  /** Attempts the targets in order until one accepts the message, or the next must not be tried. */
  async function toFirst(
    message: Claimed,
    composed: Outbound,
    targets: readonly OpenTarget[],
    deadline: number,
    places: Places,
  ): Promise<Ending> {
    const release = releaseOf(places)
    const tried: Tried[] = []
    let blockedMs: number | null = null
    let stopped: Ending | null = null
    for (const to of targets) {
      const before = tried.at(-1)
      if (before?.kind === 'error' && !mayTryNext(before.error, isSameHost(before.to, to))) continue
      const outcome = await attemptOne(message, composed, to, deadline, places, () => outcomes.begin(message, to.open.id))
      if (outcome.kind === 'ok' && tried.length === 0)
        return { kind: 'settled', settlement: sentAtOnce(message, composed, outcome), release }
      if (outcome.kind === 'blocked') {
        blockedMs = Math.min(blockedMs ?? outcome.forMs, outcome.forMs)
        continue
      }
      if (outcome.kind === 'lost' || outcome.kind === 'given-back') {
        stopped = outcome
        break
      }
      tried.push(outcome)
      if (outcome.kind === 'ok') break
    }
    // A message that was lost is settled by the worker that holds it: the attempts made here are not recorded.
    if (stopped?.kind === 'lost' || tried.length === 0) {
      release()
      return stopped ?? { kind: 'given-back', afterMs: Math.max(GIVE_BACK_MS, blockedMs ?? 0) }
    }
    const isMoreToTry = blockedMs !== null || stopped !== null
    return { kind: 'settled', settlement: settlementOf(message, composed, tried, isMoreToTry), release }
  }

  /** Attempts every device that no other message of the transaction was sent to. */
  async function toAll(
    message: Claimed,
    composed: Outbound,
    targets: readonly OpenTarget[],
    deadline: number,
    places: Places,
  ): Promise<Ending> {
    const [first] = targets
    if (first === undefined) return { kind: 'given-back', afterMs: GIVE_BACK_MS }
    const tokens = targets.map((to) => to.target.address)
    const ours = await outcomes.assignDevices(message, tokens)
    const left = targets.filter((to) => ours.has(to.target.address))
    const release = releaseOf(places)
    if (left.length === 0) return { kind: 'settled', settlement: sentBefore(message), release }
    let begun: Promise<boolean> | null = null
    const begin = (): Promise<boolean> => {
      begun ??= outcomes.begin(message, first.open.id)
      return begun
    }
    const devices = [...Map.groupBy(left, (to) => to.target.address).values()].map((all) => {
      if (message.boundTo === null && !message.attemptBegan) return all
      // It may have arrived: then no other provider is tried, because a device shows the pushes of two providers twice.
      const bound = all.filter((to) => to.open.id === message.boundTo)
      return bound.length > 0 ? bound : all.slice(0, 1)
    })
    const attemptAt = (to: OpenTarget) => attemptOne(message, composed, to, deadline, places, begin)
    const all = (await Promise.all(devices.map((device) => toDevice(device, attemptAt)))).flat()
    const tried = all.filter((one): one is Tried => one.kind === 'ok' || one.kind === 'error')
    const isMoreToTry = tried.length < all.length
    if (tried.length > 0) {
      const settlement = settlementOf(message, composed, tried, isMoreToTry)
      if (settlement.status !== 'SENT') return { kind: 'settled', settlement, release }
      // One device has the message, so it is not sent again. Devices that were not reached get a failed attempt that says why.
      const missed = left.filter((to) => !tried.some((one) => one.to.target.address === to.target.address))
      const atHost = new Set(all.flatMap((one) => (one.kind === 'blocked' && one.by === 'host' ? [one.to] : [])))
      const rows = missed.map((to) => notTried(to, atHost.has(to)))
      return { kind: 'settled', settlement: { ...settlement, attempts: [...settlement.attempts, ...rows] }, release }
    }
    release()
    if (all.some((one) => one.kind === 'lost')) return { kind: 'lost' }
    const waits = all.map((one) => (one.kind === 'blocked' ? one.forMs : one.kind === 'given-back' ? one.afterMs : 0))
    return { kind: 'given-back', afterMs: Math.max(GIVE_BACK_MS, Math.min(...waits)) }
  }

  const notTried = ({ open }: OpenTarget, isOfHost: boolean): AttemptRow => ({
    providerId: open.id,
    startedAt: clock.now().toISOString(),
    durationMs: 0,
    ok: false,
    response: null,
    errorCode: isOfHost ? 'HOST_UNREACHABLE' : 'PROVIDER_UNREACHABLE',
    errorMessage: isOfHost
      ? 'This device was not tried: its push service was failing.'
      : 'This device was not tried: its provider was failing, or had no room in time.',
  })

  /** Attempts one device through each provider that has it, until one accepts the message, or the next must not be tried. */
  async function toDevice(targets: readonly OpenTarget[], attemptAt: (to: OpenTarget) => Promise<Outcome>): Promise<Outcome[]> {
    const all: Outcome[] = []
    for (const to of targets) {
      const before = all.at(-1)
      if (before?.kind === 'error' && !mayTryNext(before.error, isSameHost(before.to, to))) break
      const outcome = await attemptAt(to)
      all.push(outcome)
      if (outcome.kind !== 'blocked' && outcome.kind !== 'error') break
    }
    return all
  }

  /** All of its devices already got another contact's message of the same transaction: a device gets one message of a transaction. */
  const sentBefore = (message: Claimed): Settlement => ({
    projectId: message.projectId,
    id: message.id,
    claims: message.claims,
    status: 'SKIPPED',
    dueInMs: null,
    errorCode: 'ADDRESS_MISSING',
    errorMessage: 'Every device got another message of this transaction.',
    history: [['SKIPPED', clock.now().toISOString(), 'ADDRESS_MISSING']],
    attempts: [],
    boundTo: null,
  })

  /** Attempts the message and persists the outcome. No attempt begins after `deadline` (performance.now). */
  return async (message: Claimed, composed: Outbound, targets: readonly OpenTarget[], deadline: number): Promise<void> => {
    const attemptAll = goesToAll(message.channel) ? toAll : toFirst
    const places: Places = new Map()
    let ending: Ending
    try {
      ending = await attemptAll(message, composed, targets, deadline, places)
    } catch (error) {
      // Nothing will be persisted: a place that was kept would be lost to the provider until the process ends.
      releaseOf(places)()
      throw error
    }
    if (ending.kind === 'given-back') return outcomes.giveBack(message, ending.afterMs)
    if (ending.kind !== 'settled') return
    try {
      await outcomes.settle(message, ending.settlement)
    } finally {
      ending.release()
    }
  }
}
