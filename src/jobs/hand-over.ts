/**
 * Hands one message over: to the first provider that takes it, or to every device. Another provider's turn comes when one refuses for
 * its own reasons or is failing, and never after an outcome that nobody knows.
 */
import { ProviderError, type Receipt } from '../channels/provider.ts'
import type { Claimed } from '../db/claim.ts'
import type { AttemptRow, Settlement } from '../db/settle.ts'
import type { Clock } from '../domain/clock.ts'
import { goesToAll, type Target } from '../domain/target.ts'
import type { Channel, MessageStatus } from '../domain/words.ts'
import { type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { MAX_ROUNDS, nextAttemptDelayMs } from './backoff.ts'
import type { Verdict } from './breaker.ts'
import type { Outbound } from './compose.ts'
import type { OpenProvider } from './providers.ts'

/** What handing over works with. */
export interface HandOverDeps {
  readonly clock: Clock
  readonly log: Log
  random(): number
  /** Writes down that the hand-over to a provider begins. @returns false: canceled, or claimed by somebody else: not ours to send */
  begin(message: Claimed, providerId: string): Promise<boolean>
  /** Of these devices, those that no other message of the transaction has told. */
  claimDevices(message: Claimed, tokens: readonly string[]): Promise<ReadonlySet<string>>
  /** An address will never work again. */
  buryAddress(message: Claimed, target: Target): Promise<void>
  readonly stopping: AbortSignal
}

/** How it ended. `given-back`: as if it had not been claimed, and due again after so long; `lost`: it is not ours any more. */
export type HandOverEnd =
  | { readonly kind: 'settled'; readonly settlement: Settlement; readonly release: () => void }
  | { readonly kind: 'given-back'; readonly afterMs: number }
  | { readonly kind: 'lost' }

/** One way and the provider on it. */
interface Way {
  readonly target: Target
  readonly open: OpenProvider
}

type Tried =
  | { readonly kind: 'ok'; readonly way: Way; readonly receipt: Receipt; readonly row: AttemptRow; readonly endedAt: string }
  | {
      readonly kind: 'error'
      readonly way: Way
      readonly error: ProviderError
      readonly row: AttemptRow
      readonly endedAt: string
    }
type Outcome = Tried | Exclude<HandOverEnd, { kind: 'settled' }> | { readonly kind: 'blocked'; readonly forMs: number }

/** Places among what a provider's outcomes are not written down yet: one for a message, however many of its devices a provider tells. */
type Places = Map<string, Promise<(() => void) | null>>
const releaseOf = (places: Places) => (): void => {
  for (const place of places.values()) void place.then((leave) => leave?.())
}

const SEND_MS = 35_000
const GIVE_BACK_MS = 1_000
const RATE_LIMITED_MS = 5_000
const BEGIN_SLACK_MS = 3_000

const failing = new Set(['PROVIDER_UNREACHABLE', 'PROVIDER_TIMEOUT', 'RATE_LIMITED'])
const isOwnFault = ({ aboutProvider, outcome, code }: ProviderError): boolean =>
  aboutProvider ?? (outcome === 'retryable' && failing.has(code))

/** What an attempt says of its provider. Where each contact has an address of its own, a receiver that is away says nothing. */
function verdictOf(channel: Channel, error: ProviderError | null): Verdict {
  if (error === null) return 'ok'
  const isReceivers = channel === 'CHAT' || channel === 'WEBHOOK'
  const isFailing = error.aboutProvider ?? (!isReceivers && (failing.has(error.code) || error.outcome === 'unknown'))
  if (isFailing) return 'failed'
  return 'neither'
}

/** Whether a message that may have arrived may go out again: where the receiver folds the two, or the project says so. */
export const maySendAgain = (message: Claimed, { provider }: OpenProvider): boolean =>
  provider.limits.foldsRepeats || message.project.resendUnknown

/** Makes the hand-over. `deadline` (performance.now): no hand-over begins later. */
export function createHandOver(deps: HandOverDeps) {
  const { clock, log, stopping } = deps

  /** One attempt on one way. `places`: what holds back the next hand-overs until this outcome is written down, one for each provider. */
  async function attempt(
    message: Claimed,
    composed: Outbound,
    way: Way,
    deadline: number,
    places: Places,
    begin: () => Promise<boolean>,
  ): Promise<Outcome> {
    const { open, target } = way
    // What can't have its turn in time does not take up room while it waits: others are claimed instead.
    if (!open.lane.isOpenUntil(deadline, message.isBulk)) return { kind: 'given-back', afterMs: RATE_LIMITED_MS }
    const tell = open.breaker.enter()
    if (tell === null) return { kind: 'blocked', forMs: open.breaker.blockedForMs() }
    let verdict: Verdict = 'neither'
    const place = places.get(open.id) ?? open.unsettled.enter(stopping, deadline, message.isBulk)
    places.set(open.id, place)
    const leave = (await place) === null ? null : await open.lane.enter(stopping, deadline, message.isBulk)
    try {
      if (leave === null || performance.now() > deadline) return { kind: 'given-back', afterMs: GIVE_BACK_MS }
      if (!(await begin())) return { kind: 'lost' }
      // Writing that down may have had to wait for the database: too little of the lease may be left to send.
      if (performance.now() > deadline + BEGIN_SLACK_MS) return { kind: 'given-back', afterMs: GIVE_BACK_MS }
      const startedAt = clock.now().toISOString()
      const started = performance.now()
      const row = (error: ProviderError | null, response: string | null): AttemptRow => ({
        providerId: open.id,
        startedAt,
        durationMs: performance.now() - started,
        ok: error === null,
        errorCode: error?.code ?? null,
        errorMessage: error?.message ?? null,
        response,
      })
      try {
        const receipt = await open.provider.send(composed.at(target), AbortSignal.timeout(SEND_MS))
        verdict = 'ok'
        return { kind: 'ok', way, receipt, row: row(null, receipt.response), endedAt: clock.now().toISOString() }
      } catch (cause) {
        if (!(cause instanceof ProviderError))
          log.error('A provider threw what it must not throw', { provider: open.key, error: String(cause) })
        const error =
          cause instanceof ProviderError
            ? cause
            : new ProviderError('unknown', 'INTERNAL', 'The provider failed on our side.', { cause })
        verdict = verdictOf(message.channel, error)
        if (error.addressDead) await deps.buryAddress(message, target)
        return { kind: 'error', way, error, row: row(error, error.response), endedAt: clock.now().toISOString() }
      }
    } finally {
      tell(verdict)
      // The way is free as soon as the provider has answered: writing that down holds up nobody.
      leave?.()
    }
  }

  /** What all attempts of this round come to. */
  function settlementOf(message: Claimed, composed: Outbound, tried: readonly Tried[], isMoreToTry: boolean): Settlement {
    const taken = tried.find((one) => one.kind === 'ok')
    const failures = tried.filter((one) => one.kind === 'error')
    const unknown = failures.find((one) => one.error.outcome === 'unknown')
    const again = failures.some((one) => one.error.outcome === 'retryable') || isMoreToTry
    const round = message.rounds + 1
    let status: MessageStatus
    let reason: Problem | null = null
    let boundTo: string | null = null
    if (taken !== undefined) status = 'SENT'
    else {
      const last = unknown ?? failures.find((one) => one.error.outcome === 'retryable') ?? failures.at(-1)
      reason = last === undefined ? problem('INTERNAL') : problem(last.error.code, last.error.message)
      if (unknown !== undefined) {
        status = maySendAgain(message, unknown.way.open) && round < MAX_ROUNDS ? 'QUEUED' : 'UNKNOWN'
        boundTo = unknown.way.open.id
      } else status = again && round < MAX_ROUNDS ? 'QUEUED' : 'FAILED'
    }
    const waits = failures.flatMap(({ error }) => (error.outcome === 'refused' ? [] : [error.retryAfterMs ?? 0]))
    const retryAfterMs = waits.length === 0 || isMoreToTry ? null : Math.min(...waits) || null
    const shown = taken ?? unknown ?? failures.at(-1)
    return {
      projectId: message.projectId,
      id: message.id,
      claims: message.claims,
      status,
      dueInMs: status === 'QUEUED' ? nextAttemptDelayMs(round, deps.random, retryAfterMs) : null,
      providerId: shown?.way.open.id ?? null,
      ...(taken === undefined ? {} : { providerMessageId: taken.receipt.providerMessageId }),
      address: shown?.way.target.address ?? null,
      subject: composed.subject,
      text: composed.text,
      html: composed.html,
      errorCode: reason?.code ?? null,
      errorMessage: reason?.message ?? null,
      history: [
        ...tried.map((one) => ['SENDING', one.row.startedAt, one.way.open.key] as const),
        [status, (shown ?? tried.at(-1))?.endedAt ?? clock.now().toISOString(), reason?.code ?? null],
      ],
      attempts: tried.map((one) => one.row),
      boundTo,
    }
  }

  /** To the first that takes it. */
  async function toOne(message: Claimed, composed: Outbound, ways: readonly Way[], deadline: number): Promise<HandOverEnd> {
    const places: Places = new Map()
    const release = releaseOf(places)
    const tried: Tried[] = []
    let blockedMs: number | null = null
    let stopped: HandOverEnd | null = null
    for (const way of ways) {
      const outcome = await attempt(message, composed, way, deadline, places, () => deps.begin(message, way.open.id))
      if (outcome.kind === 'blocked') {
        blockedMs = Math.min(blockedMs ?? outcome.forMs, outcome.forMs)
        continue
      }
      if (outcome.kind === 'lost' || outcome.kind === 'given-back') {
        stopped = outcome
        break
      }
      tried.push(outcome)
      if (outcome.kind === 'ok' || outcome.error.outcome === 'unknown' || !isOwnFault(outcome.error)) break
    }
    // Whoever has it now writes down what becomes of it; what was tried here is in the provider's answer alone.
    if (stopped?.kind === 'lost' || tried.length === 0) {
      release()
      return stopped ?? { kind: 'given-back', afterMs: Math.max(GIVE_BACK_MS, blockedMs ?? 0) }
    }
    const isMoreToTry = blockedMs !== null || stopped !== null
    return { kind: 'settled', settlement: settlementOf(message, composed, tried, isMoreToTry), release }
  }

  /** To every device that this transaction has not told yet. */
  async function toAll(message: Claimed, composed: Outbound, ways: readonly Way[], deadline: number): Promise<HandOverEnd> {
    const [first] = ways
    if (first === undefined) return { kind: 'given-back', afterMs: GIVE_BACK_MS }
    const ours = await deps.claimDevices(
      message,
      ways.map((way) => way.target.address),
    )
    const untold = ways.filter((way) => ours.has(way.target.address))
    const places: Places = new Map()
    const release = releaseOf(places)
    if (untold.length === 0) return { kind: 'settled', settlement: toldBefore(message), release }
    let begun: Promise<boolean> | null = null
    const begin = (): Promise<boolean> => {
      begun ??= deps.begin(message, first.open.id)
      return begun
    }
    const devices = [...Map.groupBy(untold, (way) => way.target.address).values()].map((all) => {
      if (message.boundTo === null && !message.wasHandedOver) return all
      // It may be there already: then nobody takes over, because two providers' pushes are not folded into one.
      const bound = all.filter((way) => way.open.id === message.boundTo)
      return bound.length > 0 ? bound : all.slice(0, 1)
    })
    const tellOne = (way: Way) => attempt(message, composed, way, deadline, places, begin)
    const outcomes = (await Promise.all(devices.map((ways) => toDevice(ways, tellOne)))).flat()
    const tried = outcomes.filter((one): one is Tried => one.kind === 'ok' || one.kind === 'error')
    const isMoreToTry = tried.length < outcomes.length
    if (tried.length > 0) {
      const settlement = settlementOf(message, composed, tried, isMoreToTry)
      if (settlement.status !== 'SENT') return { kind: 'settled', settlement, release }
      // One device has it, so the message does not go out again: the others' owner can see that they were not asked.
      const missed = untold.filter((way) => !tried.some((one) => one.way.target.address === way.target.address))
      const rows = missed.map((way) => notTried(way))
      return { kind: 'settled', settlement: { ...settlement, attempts: [...settlement.attempts, ...rows] }, release }
    }
    release()
    if (outcomes.some((one) => one.kind === 'lost')) return { kind: 'lost' }
    const waits = outcomes.map((one) => (one.kind === 'blocked' ? one.forMs : one.kind === 'given-back' ? one.afterMs : 0))
    return { kind: 'given-back', afterMs: Math.max(GIVE_BACK_MS, Math.min(...waits)) }
  }

  const notTried = ({ open }: Way): AttemptRow => ({
    ...{ providerId: open.id, startedAt: clock.now().toISOString(), durationMs: 0, ok: false, response: null },
    ...{
      errorCode: 'PROVIDER_UNREACHABLE',
      errorMessage: 'This device was not tried: its provider was failing, or had no room in time.',
    },
  })

  /** One device by each provider that has it, until one takes it or nobody else may. */
  async function toDevice(ways: readonly Way[], tell: (way: Way) => Promise<Outcome>): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const way of ways) {
      const outcome = await tell(way)
      outcomes.push(outcome)
      if (outcome.kind === 'blocked') continue
      if (outcome.kind !== 'error' || outcome.error.outcome === 'unknown' || !isOwnFault(outcome.error)) break
    }
    return outcomes
  }

  /** Another contact's message of the same transaction went to the same device: it is told once. */
  function toldBefore(message: Claimed): Settlement {
    const reason = 'Every device was told by another message of this transaction.'
    return {
      projectId: message.projectId,
      id: message.id,
      claims: message.claims,
      status: 'SKIPPED',
      dueInMs: null,
      errorCode: 'ADDRESS_MISSING',
      errorMessage: reason,
      history: [['SKIPPED', clock.now().toISOString(), 'ADDRESS_MISSING']],
      attempts: [],
      boundTo: null,
    }
  }

  return (message: Claimed, composed: Outbound, ways: readonly Way[], deadline: number): Promise<HandOverEnd> =>
    goesToAll(message.channel) ? toAll(message, composed, ways, deadline) : toOne(message, composed, ways, deadline)
}
