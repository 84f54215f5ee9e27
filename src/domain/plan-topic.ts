/** What accepting decides for a send to a topic: whether it begins. Whom it tells, and on which channels, is decided as it is written. */
import type { FanoutRow } from '../db/fanout.ts'
import { problem } from '../errors.ts'
import type { AcceptDeps, SendOutcome } from './accept.ts'
import { admit, type CallScope, claimNames, type Known, keyOf, planActor } from './plan.ts'
import type { ManyIntent, TopicIntent } from './send.ts'
import type { FanoutAudience, ProjectInfo } from './words.ts'

/** A send to many that will be written. */
export interface AcceptedFanout {
  readonly project: ProjectInfo
  readonly audience: FanoutAudience
  readonly transactionId: string
  /** the caller named the transaction, and this is the first message of it */
  readonly claimsTransaction: boolean
  /** the caller's own id */
  readonly key: string | null
  readonly contactKey: null
  readonly actorKey: string | null
  /** The row to insert. `actorId`: of the actor, as it was written */
  row(createdAt: string, actorId: string | null): FanoutRow
  outcome(): SendOutcome
}

/** A send to many as a row, once it is known to begin. */
export function fanoutOf(
  { ids, clock }: Pick<AcceptDeps, 'ids' | 'clock'>,
  project: ProjectInfo,
  intent: ManyIntent,
  of: Pick<AcceptedFanout, 'audience' | 'transactionId' | 'claimsTransaction' | 'actorKey'> & {
    readonly templateId: string
    readonly campaignId: string | null
    /** contacts that were made later are not told; default: its own id, which is younger than all of them */
    readonly until?: string
  },
): AcceptedFanout & { readonly id: string } {
  const { audience, transactionId, claimsTransaction, actorKey, templateId, campaignId } = of
  const { key, contentHash, when, data, overrides, channels, incrementId } = intent
  const id = ids()
  const until = of.until ?? id
  const at =
    when === null ? null : 'at' in when ? when.at.toISOString() : new Date(clock.now().getTime() + when.inMs).toISOString()
  return {
    ...{ id, project, audience, transactionId, claimsTransaction, key, contactKey: null, actorKey },
    row: (createdAt, actorId) => ({
      ...{
        projectId: project.id,
        id,
        transactionId,
        key,
        contentHash,
        templateId,
        campaignId,
        audience,
        data,
        overrides,
        actorId,
      },
      ...{ channels, incrementId, sendAt: at, until, createdAt },
    }),
    outcome: () => ({ ok: true, key, id, notificationId: null, transactionId, silent: [], outbound: [] }),
  }
}

/** Decides one send to a topic. What it returns with `audience` is to be written; anything else is its outcome already. */
export function planTopic(
  deps: Pick<AcceptDeps, 'ids' | 'clock' | 'renderer' | 'contents' | 'checkExtra'>,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: TopicIntent,
): AcceptedFanout | SendOutcome {
  const admitted = admit(deps, known, project, scope, intent)
  if (!admitted.ok) return admitted
  const { template, transactionId, claimsTransaction } = admitted
  const refused = { ok: false as const, key: intent.key, notificationId: null, transactionId: null }
  const topicId = known.topics.get(keyOf(project.id, intent.topic))
  // A topic's members are told something by a template: nothing else can be asked for.
  if (template === null) return { ...refused, error: problem('TEMPLATE_NOT_FOUND', undefined, 'template') }
  if (topicId === undefined) return { ...refused, error: problem('NOT_FOUND', 'There is no such topic.', 'topic') }
  const said = deps.contents.get(template).channels
  if (said.length === 0 || (intent.channels?.length && !intent.channels.some((channel) => said.some((one) => one === channel)))) {
    return { ...refused, error: problem('TEMPLATE_EMPTY', undefined, 'template') }
  }
  const actor = planActor(deps, known, project, intent)
  if (actor !== null) known.contacts.set(actor.key, actor.contact)
  const fanout = fanoutOf(deps, project, intent, {
    ...{ audience: { kind: 'topic', id: topicId }, transactionId, claimsTransaction, actorKey: actor?.key ?? null },
    ...{ templateId: template.id, campaignId: null },
  })
  claimNames(known, project, scope, intent, { id: null, transactionId })
  return fanout
}
