/**
 * One call, a list of recipients. A malformed recipient refuses the call; one that can't be reached is skipped; several with one address get
 * the message once. What is left is accepted together, in one transaction.
 */

import { checkId } from '../domain/check.ts'
import { keyOf } from '../domain/ids.ts'
import { suppressionKey } from '../domain/suppression.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { createCallBudget } from '../render/sandbox.ts'
import type { Channel, ProjectInfo } from '../words.ts'
import type { Accept } from './accept.ts'
import type { SendDeps } from './deps.ts'
import type { Intent, Verdicts } from './intent.ts'
import { type Known, lookUp } from './known.ts'
import { isOfData } from './missing-data.ts'
import type { SendOutcome } from './outcome.ts'
import { type PlannedMessage, planMessage } from './plan.ts'
import { screenAll } from './screen.ts'
import { withoutUnsendable } from './unsendable.ts'

/** What became of the recipients of a call. */
export interface RecipientsResult {
  readonly transactionId: string
  readonly acceptedCount: number
  readonly duplicateCount: number
  readonly skipped: readonly { readonly index: number; readonly error: Problem }[]
}

/** Recipients of one call. */
export const RECIPIENTS_MAX = 1_000

/** The message to one recipient, or why there is none. */
export type Request = Intent | Problem
const isProblem = (request: Request): request is Problem => 'retryable' in request

/** The fields of an intent that none of these calls sets. */
export const plainIntent = {
  key: null,
  contentHash: null,
  actor: null,
  overrides: null,
  incrementId: null,
  when: null,
} as const

/** The transaction that a caller names. @throws BAD_INPUT */
export const checkTransactionId = (transactionId: string | null | undefined): string | null =>
  transactionId === null || transactionId === undefined ? null : checkId('transactionId', transactionId)

/** A bare address that nothing can be sent to is skipped, like a contact's: the call goes on. */
export function skipInvalidAddress(check: () => Intent): Request {
  try {
    return check()
  } catch (error) {
    if (error instanceof CarillonError && error.code === 'ADDRESS_INVALID')
      return problem(error.code, error.message, error.details.field ?? null)
    throw error
  }
}

/** The messages to the recipients of a call, planned; nothing is stored. */
export interface PlannedRecipients {
  readonly transactionId: string
  /** by their place in the call; those that can't be reached too, and duplicates */
  readonly plans: readonly { readonly index: number; readonly message: PlannedMessage; readonly isDuplicate: boolean }[]
  /** what is accepted */
  readonly kept: readonly { readonly index: number; readonly intent: Intent }[]
  readonly skipped: readonly { readonly index: number; readonly error: Problem }[]
  readonly duplicateCount: number
  readonly verdicts?: Verdicts
}

/** Sends to recipients, and plans what sending would do. */
export type Recipients = ReturnType<typeof createRecipients>
export type SendToRecipients = Recipients['send']

/** Creates the operations on lists of recipients. */
export function createRecipients(deps: SendDeps & { readonly accept: Accept }) {
  const { db, ids, contents, accept } = deps

  /** What two duplicates have in common: their addresses; in-app, and without a channel, their contact. */
  function destinationsOf({ decisions, intent }: PlannedMessage, channel: Channel | null): string[] {
    const [decision] = decisions
    const addresses =
      channel === null || channel === 'IN_APP' || decision === undefined ? [] : decision.targets.map((one) => one.address)
    const known = addresses.filter((one) => one !== '')
    if (channel !== null && known.length > 0) {
      return [...new Set(known.map((one) => suppressionKey(channel, one)))]
    }
    return [`contact ${intent.contact?.externalId}`]
  }

  /** Why nothing is sent to one recipient. @throws CarillonError for what is wrong with all of them, or with the input for this one */
  function refusalOf(outcome: SendOutcome, index: number): Problem {
    if (outcome.ok) throw new Error('A message that was refused has a reason')
    const { code, message, field } = outcome.error
    // Another recipient's language may have content.
    if (code === 'TEMPLATE_EMPTY') return outcome.error
    // A strict template uses what this contact lacks, and another may have.
    if (code === 'DATA_INVALID' && field !== null && !isOfData(field)) return outcome.error
    const isShared = code === 'TRANSACTION_EXISTS' || code === 'TEMPLATE_INACTIVE' || code === 'TEMPLATE_NOT_FOUND'
    throw new CarillonError(code, { message, ...(field === null ? {} : { field }), ...(isShared ? {} : { index }) })
  }

  /** Plans a call. @throws as `send` */
  async function plan(
    project: ProjectInfo,
    channel: Channel | null,
    requests: readonly Request[],
    named: string | null,
  ): Promise<PlannedRecipients> {
    const intents = requests.filter((one): one is Intent => !isProblem(one))
    // None of them can be reached: there is nothing to look up.
    if (intents.length === 0) {
      const skipped = requests.flatMap((error, index) => (isProblem(error) ? [{ index, error }] : []))
      return { transactionId: named ?? ids(), plans: [], kept: [], skipped, duplicateCount: 0 }
    }
    const known: Known = await lookUp(db.pool, deps, [{ project, intents }])
    if (channel !== null && channel !== 'IN_APP' && !known.routes.get(project.id)?.has(channel))
      throw new CarillonError('CHANNEL_NOT_CONFIGURED', { message: `The project has no active provider for ${channel}.` })

    const template = known.templates.get(keyOf(project.id, intents[0]?.template ?? ''))
    if (channel !== null && template !== undefined && !contents.get(template).channels.includes(channel))
      throw new CarillonError('TEMPLATE_EMPTY', { message: `The template has no content for ${channel}.` })

    const allowance = createMeter(programLimits.callUnits)
    const budget = createCallBudget()
    const verdicts = await screenAll(deps, known, project, intents, allowance, budget)
    const planning = { ...deps, renderer: deps.renderer.within(allowance) }
    const scope = { transactionId: ids(), mark: Symbol('dispatch'), verdicts }
    const taken = new Set<string>()
    const skipped: { index: number; error: Problem }[] = []
    const kept: { index: number; intent: Intent }[] = []
    const plans: { index: number; intent: Intent; message: PlannedMessage }[] = []
    let duplicateCount = 0
    const skip = (index: number, error: Problem): unknown => skipped.push({ index, error })
    for (const [index, one] of requests.entries()) {
      if (isProblem(one)) {
        skip(index, one)
        continue
      }
      // A campaign creates no contacts.
      if (one.contact !== null && !known.contacts.has(keyOf(project.id, one.contact.externalId))) {
        skip(index, problem('CONTACT_NOT_FOUND', undefined, 'userId'))
        continue
      }
      const planned = planMessage(planning, known, project, scope, one)
      if (!('kind' in planned)) {
        skip(index, refusalOf(planned, index))
        continue
      }
      plans.push({ index, intent: one, message: planned })
    }
    const unsendable = await withoutUnsendable(
      deps,
      db.pool,
      known,
      plans.map(({ message }) => ({ message, allowance })),
    )
    const decided = plans.map(({ index, intent, message }) => {
      const planned = unsendable.get(message) ?? message
      const destinations = destinationsOf(planned, channel)
      const [first] = planned.decisions
      const isReached = planned.decisions.some((decision) => decision.reason === null)
      const isDuplicate = isReached && destinations.every((one) => taken.has(one))
      if (!isReached) skip(index, first?.reason ?? problem('TEMPLATE_EMPTY'))
      else if (isDuplicate) duplicateCount++
      else {
        for (const destination of destinations) taken.add(destination)
        kept.push({ index, intent })
      }
      return { index, message: planned, isDuplicate }
    })
    return { transactionId: named ?? scope.transactionId, plans: decided, kept, skipped, duplicateCount, verdicts }
  }

  /**
   * @param named the transaction that the caller named; null: one is made
   * @throws CHANNEL_NOT_CONFIGURED, TEMPLATE_NOT_FOUND, TEMPLATE_INACTIVE, TEMPLATE_EMPTY, TRANSACTION_EXISTS; BAD_INPUT and DATA_INVALID with the index
   */
  async function send(
    project: ProjectInfo,
    channel: Channel | null,
    requests: readonly Request[],
    named: string | null,
    campaignId: string | null,
  ): Promise<RecipientsResult> {
    const { kept, duplicateCount, verdicts, ...planned } = await plan(project, channel, requests, named)
    const skipped = [...planned.skipped]
    let { transactionId } = planned
    if (kept.length > 0) {
      const outcomes = await accept({
        project,
        intents: kept.map((one) => one.intent),
        origin: { bulk: false, campaignId },
        ...(verdicts === undefined ? {} : { verdicts }),
      })
      // Another call took the name between reading and writing, or the template was changed: then nothing was accepted.
      for (const [place, outcome] of outcomes.entries()) {
        const index = kept[place]?.index ?? 0
        if (outcome.ok) transactionId = outcome.transactionId
        else skipped.push({ index, error: refusalOf(outcome, index) })
      }
    }
    return {
      transactionId,
      acceptedCount: requests.length - duplicateCount - skipped.length,
      duplicateCount,
      skipped: skipped.sort((a, b) => a.index - b.index),
    }
  }

  return { plan, send }
}
