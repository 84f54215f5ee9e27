/** Sends to many: a broadcast, and what campaigns begin. Accepting is one row; `write-fanout.ts` writes the notifications. */
import { type Database, transact } from '../db/database.ts'
import { CarillonError } from '../errors.ts'
import type { AcceptDeps } from './accept.ts'
import { checkId, checkObject, checkText } from './check.ts'
import { admit, lookUp, planActor } from './plan.ts'
import { fanoutOf } from './plan-topic.ts'
import { type ContactInput, checkContact } from './profile.ts'
import { conditionOf } from './segment.ts'
import { checkOverrides, checkWhen, type Intent, type ManyIntent } from './send.ts'
import type { Channel, FanoutAudience, JsonObject, Overrides, ProjectInfo, TransactionStatus } from './words.ts'
import { writePlan } from './write-plan.ts'

/** A broadcast as a caller asks for it. */
export interface BroadcastInput {
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
  /** only these of the template's channels; null: all of them */
  readonly channels?: readonly Channel[] | null
  /** null: one is made */
  readonly transactionId?: string | null
  readonly overrides?: Overrides | null
  readonly actor?: Intent['actor']
  readonly when?: Intent['when']
}

/** What was begun. */
export interface Begun {
  readonly transactionId: string
  readonly status: TransactionStatus
}

/** Makes the operations of sends to many. */
export function createFanouts(deps: AcceptDeps & { readonly db: Database }) {
  const { db, ids, clock, contents } = deps

  /**
   * Begins a send to many, and answers at once. Contacts that are made later are not told.
   * @throws TEMPLATE_NOT_FOUND, TEMPLATE_INACTIVE, TEMPLATE_EMPTY, TEMPLATE_BROKEN (overrides), TRANSACTION_EXISTS
   */
  async function start(project: ProjectInfo, many: Many): Promise<Begun> {
    const until = ids()
    const intent: ManyIntent = {
      ...{ key: null, contentHash: null, incrementId: null, template: many.template, data: many.data },
      ...{ contact: null, topic: null },
      actor: many.actor ?? null,
      overrides: many.overrides ?? null,
      transactionId: many.transactionId ?? null,
      when: many.when ?? null,
      channels: many.channels ?? null,
    }
    const known = await lookUp(db.pool, contents, [{ project, intents: [intent] }])
    const scope = { transactionId: ids(), mark: Symbol('broadcast') }
    const admitted = admit(deps, known, project, scope, intent)
    if (!admitted.ok) {
      const { code, message, field } = admitted.error
      throw new CarillonError(code, { message, ...(field === null ? {} : { field }) })
    }
    const { template, transactionId, claimsTransaction } = admitted
    if (template === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
    const said: readonly Channel[] = contents.get(template).channels
    if (!(many.channels ?? said).some((channel) => said.includes(channel)))
      throw new CarillonError('TEMPLATE_EMPTY', { field: 'template' })
    const actor = planActor(deps, known, project, intent)
    if (actor !== null) known.contacts.set(actor.key, actor.contact)
    const fanout = fanoutOf(deps, project, intent, {
      ...{ audience: many.audience, transactionId, claimsTransaction, actorKey: actor?.key ?? null, until },
      ...{ templateId: template.id, campaignId: many.campaignId ?? null },
    })
    try {
      await transact(db.pool, (tx, finish) => writePlan(tx, deps, known, [], finish, [fanout]))
    } catch (error) {
      // Somebody else took the name meanwhile.
      if (error instanceof Error && 'code' in error && error.code === '23505')
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

  return {
    start,

    /** Tells all contacts of now, a topic or a segment. */
    async broadcast(project: ProjectInfo, input: BroadcastInput): Promise<Begun> {
      const many = {
        template: checkText('template', input.template, 255),
        data: checkObject('data', input.data ?? {}),
        actor: input.actor === null || input.actor === undefined ? null : checkContact('actor', input.actor),
        transactionId:
          input.transactionId === null || input.transactionId === undefined
            ? null
            : checkId('transactionId', input.transactionId),
        overrides: checkOverrides(input.overrides ?? null),
        when: checkWhen({ sendAt: input.sendAt }, clock.now()),
      }
      return start(project, { ...many, audience: await audienceOf(project.id, input) })
    },
  }
}
