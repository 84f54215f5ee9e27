/** Sends to many: a broadcast, and what campaigns begin. Accepting is one row; `write-fanout.ts` writes the notifications. */
import { isForeignKeyViolation, transact } from '../db/database.ts'
import { checkId, checkObject, checkText } from '../domain/check.ts'
import { type ContactInput, checkContact } from '../domain/profile.ts'
import { conditionOf } from '../domain/segment.ts'
import { CarillonError } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { createCallBudget } from '../render/sandbox.ts'
import type { Channel, FanoutAudience, JsonObject, Overrides, ProjectInfo, TransactionStatus } from '../words.ts'
import type { SendDeps } from './deps.ts'
import type { Intent, ManyIntent, Sender } from './intent.ts'
import { lookUp } from './known.ts'
import { admit, planActor, planFanout } from './plan.ts'
import { screenAll } from './screen.ts'
import { checkOverrides, checkWhen, contentHashOf } from './send.ts'
import { writePlan } from './write-plan.ts'

/** The input of `broadcast`. */
export interface BroadcastInput {
  /** the caller's own id: one that was used before is ID_EXISTS, or with another content ID_MISMATCH */
  readonly id?: string | null | undefined
  readonly template: string
  readonly segment?: string | null | undefined
  readonly topic?: string | null | undefined
  readonly data?: JsonObject | null | undefined
  readonly actor?: ContactInput | null | undefined
  readonly transactionId?: string | null | undefined
  readonly sendAt?: Date | null | undefined
  readonly overrides?: Overrides | null | undefined
}

/** A send to many, checked. */
export interface Many {
  readonly audience: FanoutAudience
  /** key of the template */
  readonly template: string
  readonly data: JsonObject
  readonly campaignId?: string | null
  /** the caller's own id, and the hash of what it asked for; null: none */
  readonly key?: { readonly id: string; readonly contentHash: string } | null
  /** only these of the template's channels; null: all of them */
  readonly channels?: readonly Channel[] | null
  /** null: one is generated */
  readonly transactionId?: string | null
  readonly overrides?: Overrides | null
  readonly actor?: Intent['actor']
  readonly when?: Intent['when']
  readonly by: Sender
}

/** The transaction that was begun. */
export interface Begun {
  readonly transactionId: string
  readonly status: TransactionStatus
}

const RETRIES = 5

/** Creates the operations of sends to many. */
export function createFanouts(deps: SendDeps) {
  const { db, ids, clock, contents } = deps

  /**
   * Begins a send to many, and returns once it is stored. Contacts that are created later are not notified.
   * @throws TEMPLATE_NOT_FOUND, TEMPLATE_INACTIVE, TEMPLATE_EMPTY, TEMPLATE_BROKEN (overrides), TRANSACTION_EXISTS, ID_EXISTS, ID_MISMATCH,
   *   RATE_LIMITED
   */
  async function start(project: ProjectInfo, many: Many): Promise<Begun> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startOnce(project, many)
      } catch (error) {
        // The actor was erased between reading and writing, or another call took the id: the next time that is found.
        const isTaken = error instanceof Error && 'code' in error && error.code === '23505'
        if (!(isForeignKeyViolation(error) || isTaken) || attempt > RETRIES) throw error
      }
    }
  }

  /** Checks a send to many as it is checked when it is accepted. @throws as `start` */
  async function check(project: ProjectInfo, many: Omit<Many, 'by'>) {
    const intent: ManyIntent = {
      key: many.key?.id ?? null,
      contentHash: many.key?.contentHash ?? null,
      incrementId: null,
      template: many.template,
      data: many.data,
      contact: null,
      topic: null,
      actor: many.actor ?? null,
      overrides: many.overrides ?? null,
      transactionId: many.transactionId ?? null,
      when: many.when ?? null,
      channels: many.channels ?? null,
    }
    const known = await lookUp(db.pool, deps, [{ project, intents: [intent] }])
    const allowance = createMeter(programLimits.callUnits)
    const budget = createCallBudget({ waits: deps.waits === true })
    const verdicts = await screenAll(deps, known, project, [intent], allowance, budget)
    const scope = { transactionId: ids(), mark: Symbol('broadcast'), verdicts }
    const admitted = admit(deps, known, project, scope, intent)
    if (!admitted.ok) {
      const { code, message, field } = admitted.error
      throw new CarillonError(code, { message, ...(field === null ? {} : { field }) })
    }
    const { template, transactionId, claimsTransaction } = admitted
    if (template === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
    const available: readonly Channel[] = contents.get(template).channels
    if (!(many.channels ?? available).some((channel) => available.includes(channel)))
      throw new CarillonError('TEMPLATE_EMPTY', { field: 'template' })
    return { known, intent, template, transactionId, claimsTransaction }
  }

  async function startOnce(project: ProjectInfo, many: Many): Promise<Begun> {
    const until = ids()
    const { known, intent, template, transactionId, claimsTransaction } = await check(project, many)
    const actor = planActor(deps, known, project, intent)
    if (actor !== null) known.contacts.set(actor.key, actor.contact)
    const fanout = planFanout(deps, project, intent, {
      audience: many.audience,
      transactionId,
      claimsTransaction,
      actorKey: actor?.key ?? null,
      until,
      templateId: template.id,
      campaignId: many.campaignId ?? null,
      by: many.by,
    })
    try {
      await transact(db.pool, (tx, finish) => writePlan(tx, deps, known, { messages: [], fanouts: [fanout] }, finish))
    } catch (error) {
      // Another call took the transactionId meanwhile, or the id, which may be the same call: it is looked up again.
      if (error instanceof Error && 'code' in error && error.code === '23505' && intent.key === null)
        throw new CarillonError('TRANSACTION_EXISTS', { field: 'transactionId', cause: error })
      throw error
    }
    deps.wake()
    return { transactionId, status: 'ACCEPTED' }
  }

  /** The audience that a caller names. @throws BAD_INPUT, NOT_FOUND */
  async function audienceOf(projectId: string, { topic, segment }: BroadcastInput): Promise<FanoutAudience> {
    const where = (field: string, key: string) => ({ projectId_key: { projectId, key: checkText(field, key, 255) } })
    const missing = (field: string) => new CarillonError('NOT_FOUND', { field, message: `There is no such ${field}.` })
    if (topic !== null && topic !== undefined) {
      if (segment !== null && segment !== undefined)
        throw new CarillonError('BAD_INPUT', { field: 'segment', message: 'topic and segment exclude each other.' })
      const found = await db.prisma.topic.findUnique({ where: where('topic', topic) })
      if (found === null) throw missing('topic')
      return { kind: 'topic', id: found.id }
    }
    if (segment === null || segment === undefined) return { kind: 'all' }
    const found = await db.prisma.segment.findUnique({ where: where('segment', segment) })
    if (found === null) throw missing('segment')
    return { kind: 'segment', id: found.id, condition: conditionOf(found) }
  }

  /** The send that a caller describes. @throws BAD_INPUT, NOT_FOUND */
  async function manyOf(projectId: string, input: BroadcastInput): Promise<Omit<Many, 'by'>> {
    const many = {
      template: checkText('template', input.template, 255),
      data: checkObject('data', input.data ?? {}),
      actor: input.actor === null || input.actor === undefined ? null : checkContact('actor', input.actor),
      transactionId:
        input.transactionId === null || input.transactionId === undefined ? null : checkId('transactionId', input.transactionId),
      overrides: checkOverrides(input.overrides ?? null),
      when: checkWhen({ sendAt: input.sendAt }, clock.now()),
      key:
        input.id === null || input.id === undefined
          ? null
          : { id: checkId('id', input.id), contentHash: contentHashOf({ ...input, transactionId: undefined }) },
    }
    return { ...many, audience: await audienceOf(projectId, input) }
  }

  return {
    start,
    check,
    manyOf,

    /** Sends to all current contacts, or to those of a topic or a segment. @throws as `start`, and BAD_INPUT, NOT_FOUND */
    broadcast: async (project: ProjectInfo, input: BroadcastInput, by: Sender): Promise<Begun> =>
      start(project, { ...(await manyOf(project.id, input)), by }),
  }
}
