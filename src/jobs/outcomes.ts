/**
 * What a worker persists about claimed messages, in groups: that their attempts begin, and their outcomes. An outcome is persisted within
 * 10 ms and the time of its statement, so a crash leaves few messages whose outcome is unknown.
 */
import { type Beginning, beginAttempts, postponeAttempts } from '../db/begin-attempts.ts'
import type { Claimed } from '../db/claim.ts'
import { isConnectionLoss } from '../db/connection-loss.ts'
import { type Database, transact } from '../db/database.ts'
import { assignDeviceTokens, removeDeviceToken } from '../db/device-token.ts'
import { lockUnlessErased } from '../db/erase.ts'
import { releaseHeld } from '../db/held.ts'
import type { ClaimKey } from '../db/lease.ts'
import { isSentAtOnce, type Settled, type Settlement, settle } from '../db/settle.ts'
import type { SuppressionRow } from '../db/suppression.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { suppressionKey, suppressWithin } from '../domain/suppression.ts'
import { type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { arriveInFeeds, type DueInApp } from '../send/arrive.ts'
import type { Target } from '../send/target.ts'
import { goesToAll, type Signal, type StatusChange } from '../words.ts'
import { createGroup, type Group } from './group.ts'

/** What `createOutcomes` needs. */
export interface OutcomeDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  publish(signals: readonly Signal[]): void
  /** called when other messages became due */
  wake(): void
}

/** Persists what becomes of claimed messages. If a write is given up, the message is claimed again when its lease expires. */
export interface Outcomes {
  /** Persists that an attempt begins, before it does. @returns false: canceled, or claimed by another worker: not ours to send */
  begin(message: Claimed, providerId: string): Promise<boolean>
  /**
   * The message has to wait for its turn: an attempt that has begun with its claim begins later. Does nothing once `begin` was called: it may be with
   * a provider, for another of its devices, or has been. Never throws.
   */
  postpone(message: Claimed): void
  /** Persists the outcome of attempts. */
  settle(message: Claimed, settlement: Settlement): Promise<void>
  /** Nothing is sent. Other channels that wait for this in-app message to arrive are released. */
  settleUnsent(message: Claimed, status: 'SKIPPED' | 'FAILED', reason: Problem): Promise<void>
  /** The message may have arrived, and nothing more is sent. */
  settleUnknown(message: Claimed): Promise<void>
  /** Its transaction was canceled: it becomes CANCELED, or UNKNOWN if an attempt had begun and its worker crashed. */
  settleCanceled(message: Claimed): Promise<void>
  /** Puts it back into the queue, as if it had not been claimed; due after `afterMs`. */
  giveBack(message: Claimed, afterMs: number): Promise<void>
  /** Puts in-app messages into their feeds. */
  arrive(due: readonly DueInApp[]): Promise<void>
  /** Assigns devices to the message, for its transaction. @returns those of them that no other message of the transaction was sent to */
  assignDevices(message: Claimed, tokens: readonly string[]): Promise<ReadonlySet<string>>
  /** Suppresses an address that will never work again, or removes the device. Never throws: if it fails, the next refusal tries again. */
  dropAddress(message: Claimed, target: Target): Promise<void>
}

/**
 * For so long an attempt that has begun with its claim may be made. An opt-out meanwhile comes too late, so it is made soon, or it begins again, which
 * fails where somebody has told it to stop.
 */
const FRESH_MS = 100
const BEGIN_WITHIN_MS = 1
const SETTLE_WITHIN_MS = 10
const GROUP_MAX = 500

const MAY_HAVE_ARRIVED = problem('OUTCOME_UNKNOWN', 'The server stopped during the attempt.')

/** @param stopping once it is aborted, a message that is given back is due at once, for another worker */
export function createOutcomes(deps: OutcomeDeps, stopping: AbortSignal): Outcomes {
  const { db, clock, log } = deps

  // Single messages have groups of their own, so that they don't wait for the larger statements of sends to many.
  const byPriority = <T, R>(make: () => Group<T, R>) => {
    const [single, bulk] = [make(), make()]
    return (message: Claimed, item: T): Promise<R> => (message.isBulk ? bulk : single).add(item)
  }
  const addBegin = byPriority(() =>
    createGroup({
      withinMs: BEGIN_WITHIN_MS,
      max: GROUP_MAX,
      log,
      failed: 'Could not persist that attempts begin',
      write: (items: readonly Beginning[]) => beginAttempts(db.accepting, items),
    }),
  )
  const addPostponed = byPriority(() =>
    createGroup({
      withinMs: BEGIN_WITHIN_MS,
      max: GROUP_MAX,
      log,
      failed: 'Could not persist that attempts are postponed',
      write: (items: readonly ClaimKey[]) => postponeAttempts(db.accepting, items),
    }),
  )
  /** The messages whose attempt is postponed: whether their claims are still valid, once that is persisted. */
  const postponed = new WeakMap<Claimed, Promise<boolean>>()
  /** The messages that began, or are about to. */
  const begunOnce = new WeakSet<Claimed>()
  /** Wakes a worker for a message that is not ours any more, because it is to be decided again. */
  const wakeUnless = (isOurs: boolean): boolean => {
    if (!isOurs) deps.wake()
    return isOurs
  }
  const createSettlements = () =>
    createGroup({
      withinMs: SETTLE_WITHIN_MS,
      max: GROUP_MAX,
      log,
      failed: 'Could not persist outcomes',
      async write(items: readonly Settlement[]) {
        const settled = await settleAll(items.map(storable))
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
  // What was sent at once is nearly all there is, and has groups of its own, which are written faster.
  const [addSent, addOther] = [byPriority(createSettlements), byPriority(createSettlements)]
  const addSettlement: Outcomes['settle'] = (message, settlement) => {
    if (!isSentAtOnce(settlement)) return addOther(message, settlement)
    const { notificationId, transactionId, channel, origin } = message
    return addSent(message, { ...settlement, counted: { notificationId, transactionId, channel, origin } })
  }

  /** Writes a group. If the database refuses one of its rows, each is written alone, and the refused one without the vendor's texts. */
  async function settleAll(items: readonly Settlement[]): Promise<Settled[]> {
    try {
      return await settle(db.accepting, items, clock.offsetMs)
    } catch (error) {
      if (!isDataError(error)) throw error
      const settled: Settled[] = []
      for (const item of items) {
        try {
          settled.push(...(await settle(db.pool, [item], clock.offsetMs)))
        } catch (cause) {
          if (!isDataError(cause)) throw cause
          log.error('An outcome can not be stored as it is', { message: item.id, error: String(cause) })
          const { projectId, id, claims, status, dueInMs, errorCode, boundTo } = item
          const bare = {
            projectId,
            id,
            claims,
            status,
            dueInMs,
            errorCode,
            boundTo,
            errorMessage: null,
            history: [],
            attempts: [],
          }
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

  const outcomes: Outcomes = {
    async begin(message, providerId) {
      const { projectId, id, claims, begunWith, claimedAt } = message
      begunOnce.add(message)
      const mayHaveArrived = message.attemptBegan || message.boundTo !== null
      if (begunWith !== null) {
        const isPostponed = postponed.get(message)
        if (isPostponed === undefined && begunWith === providerId && performance.now() - claimedAt < FRESH_MS) return true
        if (!((await isPostponed) ?? true)) return false
      }
      const begun = await addBegin(message, { projectId, id, claims, providerId, mayHaveArrived })
      return wakeUnless(begun.has(id))
    },
    postpone(message) {
      if (message.begunWith === null || begunOnce.has(message) || postponed.has(message)) return
      const { projectId, id, claims } = message
      const isOurs = addPostponed(message, { projectId, id, claims }).then((ours) => wakeUnless(ours.has(id)))
      postponed.set(message, isOurs)
      // `begin` learns that it failed.
      isOurs.catch(() => {})
    },
    settle: addSettlement,
    async settleUnsent(message, status, reason) {
      // Other channels wait until it is known whether this in-app message folds into another, which it never will: they are released.
      // This is done before the outcome is persisted, so that a crash in between releases them twice rather than never.
      const holds = message.channel === 'IN_APP' && message.incrementId !== null
      if (holds && (await releaseHeld(db.pool, [message], clock.offsetMs)) > 0) deps.wake()
      return addSettlement(message, settlementOf(message, status, reason))
    },
    settleUnknown: (message) => addSettlement(message, settlementOf(message, 'UNKNOWN', MAY_HAVE_ARRIVED)),
    settleCanceled: (message) =>
      addSettlement(message, settlementOf(message, message.attemptBegan ? 'UNKNOWN' : 'CANCELED', null)),
    giveBack: (message, afterMs) =>
      addSettlement(message, {
        ...settlementOf(message, 'QUEUED', null),
        dueInMs: stopping.aborted ? 0 : afterMs,
        history: [],
      }),
    async arrive(due) {
      if (due.length === 0) return
      try {
        const { signals, released } = await arriveInFeeds({ db, clock }, due)
        deps.publish(signals)
        if (released > 0) deps.wake()
      } catch (error) {
        if (isConnectionLoss(error)) throw error
        const [only, ...others] = due
        // A message that can't be put into its feed does not keep the others out of theirs.
        if (others.length > 0) for (const one of due) await outcomes.arrive([one])
        else if (only !== undefined) {
          log.error('A message can not be put into its feed', { message: only.claimed.id, error: String(error) })
          await outcomes.settleUnsent(only.claimed, 'FAILED', problem('INTERNAL'))
        }
      }
    },
    assignDevices: ({ projectId, transactionId, id }, tokens) =>
      assignDeviceTokens(db.pool, { projectId, transactionId, id }, tokens),
    async dropAddress({ projectId, id, channel, contact }, { address, providerId }) {
      const row = { id: deps.ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
      const dropped = goesToAll(channel)
        ? contact !== null && removeDeviceToken(db.pool, { projectId, contactId: contact.id, providerId }, address)
        : address !== '' && suppressUnlessErased(projectId, id, row)
      await Promise.resolve(dropped).catch((error) => log.warn('Could not drop a dead address', { error: String(error) }))
    },
  }
  return outcomes

  /** Suppresses the address of a message, unless that was erased since it was claimed: the address is not stored again. */
  async function suppressUnlessErased(projectId: string, messageId: string, row: SuppressionRow): Promise<void> {
    const finish = await transact(db.pool, async (tx) =>
      (await lockUnlessErased(tx, projectId, messageId)) ? suppressWithin(tx, deps, projectId, [row]) : null,
    )
    await finish?.()
  }
}

/** The database refuses the data itself (error classes 22 and 23): trying again does not help. */
const isDataError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)

const hasUnstorable = (text: string | null | undefined): boolean =>
  text !== null && text !== undefined && (text.includes('\0') || !text.isWellFormed())

/** The settlement without characters that the database refuses: a vendor may answer anything, and a NUL would fail the whole group. */
function storable(settlement: Settlement): Settlement {
  const { errorMessage, providerMessageId, address, subject, text, html, attempts } = settlement
  // Nearly all are fine as they are.
  const isStorable =
    !hasUnstorable(errorMessage) &&
    !hasUnstorable(providerMessageId) &&
    !hasUnstorable(address) &&
    !hasUnstorable(subject) &&
    !hasUnstorable(text) &&
    !hasUnstorable(html) &&
    attempts.every((one) => !hasUnstorable(one.response) && !hasUnstorable(one.errorMessage))
  if (isStorable) return settlement
  const clean = <T>(value: T): T =>
    typeof value === 'string' ? (value.replaceAll('\0', '').toWellFormed() as T & string) : value
  const texts = ['errorMessage', 'providerMessageId', 'address', 'subject', 'text', 'html'] as const
  return {
    ...settlement,
    ...Object.fromEntries(texts.filter((name) => settlement[name] !== undefined).map((name) => [name, clean(settlement[name])])),
    attempts: attempts.map((one) => ({ ...one, response: clean(one.response), errorMessage: clean(one.errorMessage) })),
  }
}
