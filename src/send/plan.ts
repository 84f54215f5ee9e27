/** Plans what accepting writes for each message, from what was looked up for the whole batch. Nothing is written here. */
import type { FanoutRow } from '../db/fanout.ts'
import { type Ids, keyOf } from '../domain/ids.ts'
import type { CheckedContact } from '../domain/profile.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter, createSharedMeter } from '../render/meter.ts'
import { type InAppText, type Scope, SlowTemplate } from '../render/renderer.ts'
import {
  actorOf,
  type Channel,
  type ContactInfo,
  contactFields,
  emptyContact,
  type FanoutAudience,
  type ProjectInfo,
  type TemplateInfo,
} from '../words.ts'
import { type ChannelDecision, decide } from './decide.ts'
import type { SendDeps } from './deps.ts'
import { checkExtras } from './extra.ts'
import type { Call, CallScope, ClosingDigest, Intent, ManyIntent, Origin, Sender, TopicIntent } from './intent.ts'
import type { Known, KnownContact } from './known.ts'
import { missingFor, missingForAll, missingWarnings, refuseMissing } from './missing-data.ts'
import { type RefusedOutcome, refuse, refuseError, type SendOutcome, type SilentChannel } from './outcome.ts'
import { isDeferred, type NotBefore, sendAtOf, whenOf } from './rule.ts'
import { type Window, windowOf } from './window.ts'

type PlanDeps = Pick<SendDeps, 'ids' | 'clock' | 'renderer' | 'contents' | 'checkExtra'>

/** A message that will be written. */
export interface PlannedMessage {
  readonly kind: 'message'
  readonly project: ProjectInfo
  readonly intent: Intent
  /** null: the intent's own content is sent */
  readonly template: TemplateInfo | null
  readonly notification: { readonly id: string; readonly transactionId: string }
  /** the caller named the transaction, and this is the first message of it */
  readonly claimsTransaction: boolean
  /** null: it goes to the intent's address */
  readonly contactKey: string | null
  readonly actorKey: string | null
  readonly decisions: readonly ChannelDecision[]
  /** when the notification is due; null: now */
  readonly when: NotBefore
  /** the in-app message where it is due now; an error where it can't be rendered */
  readonly inApp: InAppText | CarillonError | null
  /** it joins this digest window, and nothing is sent for it alone */
  readonly window: Window | null
  /** it is the notification of this digest */
  readonly digest: ClosingDigest | null
  /** some of its messages are due at a worker now */
  readonly wakes: boolean
  /** null: a single message */
  readonly origin: Origin | null
  /** ids of messages that wait for a worker now; filled when they are written */
  readonly outbound: string[]
  outcome(): SendOutcome
}

/** A send to many that will be written. */
export interface PlannedFanout {
  readonly kind: 'fanout'
  readonly id: string
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

/** What becomes of one message. */
export type Planned = PlannedMessage | PlannedFanout | RefusedOutcome

/** What is to be written for a batch, and the results of its calls once it is. */
export interface Plan {
  /** by call and message */
  readonly calls: readonly (readonly Planned[])[]
  readonly messages: readonly PlannedMessage[]
  readonly fanouts: readonly PlannedFanout[]
  /** by call and message; complete after the commit */
  outcomes(): SendOutcome[][]
}

/** Plans every message of a batch of calls, in their order. */
export function planCalls(deps: PlanDeps, known: Known, calls: readonly Call[]): Plan {
  // Made once: a renderer for each call took a tenth of the time that planning takes.
  const allowance = createSharedMeter()
  const within = { ...deps, renderer: deps.renderer.within(allowance) }
  return planOf(
    calls.map((call): Planned[] => {
      const { project, origin, verdicts, by } = call
      allowance.turnTo(call.allowance ?? createMeter(programLimits.callUnits))
      const scope = {
        transactionId: deps.ids(),
        mark: Symbol('call'),
        ...(origin === undefined ? {} : { origin }),
        ...(verdicts === undefined ? {} : { verdicts }),
        ...(by === undefined ? {} : { by }),
      }
      return call.intents.map((intent) =>
        'topic' in intent ? planTopic(within, known, project, scope, intent) : planMessage(within, known, project, scope, intent),
      )
    }),
  )
}

/** The plan of messages that were planned one by one. */
export function planOf(planned: Plan['calls']): Plan {
  const all = planned.flat()
  return {
    calls: planned,
    messages: all.filter((one) => 'kind' in one && one.kind === 'message'),
    fanouts: all.filter((one) => 'kind' in one && one.kind === 'fanout'),
    outcomes: () => planned.map((list) => list.map((one) => ('kind' in one ? one.outcome() : one))),
  }
}

/** Plans one message. A result without `kind` is its outcome already: it was refused. */
export function planMessage(
  deps: PlanDeps,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | CarillonError,
): PlannedMessage | RefusedOutcome {
  if (intent instanceof CarillonError) return refuseError(intent)
  const { key } = intent
  const admitted = admit(deps, known, project, scope, intent)
  if (!admitted.ok) return admitted
  const { template, transactionId, claimsTransaction } = admitted

  const contactKey = intent.contact === null ? null : keyOf(project.id, intent.contact.externalId)
  const contact =
    intent.contact === null || contactKey === null ? null : fill(known.contacts.get(contactKey), intent.contact, deps.ids)
  const actorKey = intent.actor === null ? null : keyOf(project.id, intent.actor.externalId)
  const actor =
    intent.actor === null || actorKey === null
      ? null
      : fill(actorKey === contactKey && contact !== null ? contact : known.contacts.get(actorKey), intent.actor, deps.ids)
  const contents = template === null ? null : deps.contents.get(template)
  const window =
    scope.digest === undefined && template !== null && contact !== null ? windowOf(template.digest, intent.data) : null
  const when = window === null ? whenOf(intent.when, template) : null
  let decisions = decide({
    project,
    contents,
    contact: contact?.info ?? null,
    bare: intent.bare ?? null,
    credentials: contact === null ? [] : (known.credentials.get(contact.info.id) ?? []),
    requested: intent.channels,
    routes: known.routes.get(project.id) ?? new Map(),
    template,
    suppressed: known.suppressed.get(project.id) ?? new Map(),
    when,
  })
  if (
    scope.digest === undefined &&
    decisions.every((one) => one.reason?.code === 'TEMPLATE_EMPTY') &&
    (intent.channels === null || intent.channels.length > 0)
  ) {
    const why = decisions.length === 0 ? 'The template has no content on any channel.' : undefined
    return refuse('TEMPLATE_EMPTY', why, 'template', key)
  }

  const feedDecision = decisions.find((one) => one.channel === 'IN_APP' && one.reason === null)
  const variables: Scope = {
    project,
    contact: contact?.info ?? null,
    actor: actor === null ? null : actorOf(actor.info),
    data: intent.data,
    digest: scope.digest?.items ?? (window === null ? null : { count: 1, items: [intent.data], latest: intent.data }),
    unsubscribeUrl: null,
    locale: feedDecision?.locale ?? null,
  }
  const missing = contents === null ? [] : missingFor(deps.renderer, contents, decisions, variables, intent.overrides)
  // What has been accepted before stays so: a digest that closes, a member of a send to many.
  const isNew = scope.digest === undefined && scope.origin?.bulk !== true
  if (template?.strict === true && isNew && missing.length > 0) return refuseMissing(missing, template.key, key)
  const warnings = template === null ? [] : missingWarnings(missing, template.key)

  let inApp: PlannedMessage['inApp'] = null
  const content =
    feedDecision === undefined || feedDecision.locale === null ? null : (contents?.get('IN_APP', feedDecision.locale) ?? null)
  if (content !== null && feedDecision !== undefined && window === null && !isDeferred(feedDecision)) {
    try {
      inApp = deps.renderer.inApp(content, variables, intent.overrides)
    } catch (error) {
      if (error instanceof CarillonError) inApp = error
      // Other calls wait for this transaction: a worker renders the message, and puts it into the feed.
      else if (error instanceof SlowTemplate)
        decisions = decisions.map((one) => (one === feedDecision ? { ...one, isSlow: true } : one))
      else throw error
    }
  }

  // From here on it is accepted: later messages of the batch see it.
  if (contact !== null && contactKey !== null) known.contacts.set(contactKey, contact)
  if (actor !== null && actorKey !== null) known.contacts.set(actorKey, actor)
  const id = deps.ids()
  takeNames(known, project, scope, intent, { id, transactionId })
  const outbound: string[] = []
  const silent = decisions.flatMap((one) => (one.reason === null ? [] : [{ ...one, reason: one.reason }]))
  if (inApp instanceof CarillonError && feedDecision !== undefined)
    silent.push({ ...feedDecision, reason: problem(inApp.code, inApp.message) })
  return {
    kind: 'message',
    project,
    intent,
    template,
    notification: { id, transactionId },
    claimsTransaction,
    contactKey,
    actorKey,
    decisions,
    when,
    inApp,
    window,
    digest: scope.digest ?? null,
    wakes: window === null && decisions.some(isForWorkerNow),
    origin: scope.origin ?? null,
    outbound,
    outcome: () => ({
      ok: true,
      key,
      id,
      notificationId: id,
      transactionId,
      channelCount: decisions.length,
      silent,
      warnings,
      outbound,
    }),
  }
}

/** The message without the channels that it is not sent on for these reasons. */
export function withReasons(message: PlannedMessage, reasons: ReadonlyMap<Channel, Problem>): PlannedMessage {
  const silent: SilentChannel[] = []
  const decisions = message.decisions.map((one) => {
    const reason = reasons.get(one.channel)
    if (reason === undefined) return one
    const refused = { ...one, reason, provider: null, targets: [] }
    silent.push(refused)
    return refused
  })
  return {
    ...message,
    decisions,
    wakes: message.window === null && decisions.some(isForWorkerNow),
    outcome() {
      const outcome = message.outcome()
      return outcome.ok ? { ...outcome, silent: [...outcome.silent, ...silent] } : outcome
    },
  }
}

const isForWorkerNow = (decision: ChannelDecision): boolean =>
  decision.reason === null && decision.notBefore === null && (decision.channel !== 'IN_APP' || isDeferred(decision))

/** Plans one send to a topic. A result without `kind` is its outcome already: it was refused. */
export function planTopic(
  deps: PlanDeps,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: TopicIntent,
): PlannedFanout | RefusedOutcome {
  const { key } = intent
  const admitted = admit(deps, known, project, scope, intent)
  if (!admitted.ok) return admitted
  const { template, transactionId, claimsTransaction } = admitted
  const topicId = known.topics.get(keyOf(project.id, intent.topic))
  // A send to a topic requires a template.
  if (template === null) return refuse('TEMPLATE_NOT_FOUND', undefined, 'template', key)
  if (topicId === undefined) return refuse('NOT_FOUND', 'There is no such topic.', 'topic', key)
  const offered = deps.contents.get(template).channels
  const requested = intent.channels ?? []
  if (offered.length === 0 || (requested.length > 0 && !requested.some((one) => offered.includes(one)))) {
    return refuse('TEMPLATE_EMPTY', undefined, 'template', key)
  }
  const actor = planActor(deps, known, project, intent)
  if (actor !== null) known.contacts.set(actor.key, actor.contact)
  const { except } = intent
  const topicIds = (except?.topics ?? []).flatMap((one) => known.topics.get(keyOf(project.id, one)) ?? [])
  const fanout = planFanout(deps, project, intent, {
    audience: { kind: 'topic', id: topicId, ...(except === null ? {} : { except: { topicIds, contacts: except.contacts } }) },
    transactionId,
    claimsTransaction,
    actorKey: actor?.key ?? null,
    templateId: template.id,
    campaignId: null,
    by: scope.by ?? null,
  })
  takeNames(known, project, scope, intent, { id: null, transactionId })
  return fanout
}

/** The row of a send to many that passed `admit`. Which contacts get it, and on which channels, is decided chunk by chunk. */
export function planFanout(
  { ids, clock }: Pick<SendDeps, 'ids' | 'clock'>,
  project: ProjectInfo,
  intent: ManyIntent,
  of: Pick<PlannedFanout, 'audience' | 'transactionId' | 'claimsTransaction' | 'actorKey'> & {
    readonly templateId: string
    readonly campaignId: string | null
    readonly by: Sender | null
    /** contacts with a greater id, which were created later, are left out; default: the send's own id, which is greater than all now */
    readonly until?: string
  },
): PlannedFanout {
  const { audience, transactionId, claimsTransaction, actorKey, templateId, campaignId, by } = of
  const { key, contentHash, when, data, overrides, channels, incrementId } = intent
  const id = ids()
  const until = of.until ?? id
  const sendAt = sendAtOf(when, clock.now())?.toISOString() ?? null
  return {
    kind: 'fanout',
    id,
    project,
    audience,
    transactionId,
    claimsTransaction,
    key,
    contactKey: null,
    actorKey,
    row: (createdAt, actorId) => ({
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
      channels,
      incrementId,
      sendAt,
      until,
      createdAt,
      byKind: by?.kind ?? null,
      byId: by?.id ?? null,
      byName: by?.name ?? by?.email ?? null,
    }),
    outcome: () => ({
      ok: true,
      key,
      id,
      notificationId: null,
      transactionId,
      channelCount: 0,
      silent: [],
      warnings: [],
      outbound: [],
    }),
  }
}

/** A message that passed `admit`. */
export interface Admitted {
  readonly ok: true
  /** null: the intent has its own content */
  readonly template: (TemplateInfo & { readonly projectId: string }) | null
  readonly transactionId: string
  /** the caller named the transaction, and this is the first message of it */
  readonly claimsTransaction: boolean
}

/** Checks that every message has to pass, to one contact or many: of its id, transactionId, template, data and overrides. */
export function admit(
  { renderer, contents, checkExtra }: Pick<SendDeps, 'renderer' | 'contents' | 'checkExtra'>,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | ManyIntent,
): RefusedOutcome | Admitted {
  const { key } = intent
  const duplicate = key === null ? undefined : known.taken.get(keyOf(project.id, key))
  if (duplicate !== undefined) {
    return duplicate.contentHash === intent.contentHash
      ? {
          ...refuse('ID_EXISTS', undefined, null, key),
          notificationId: duplicate.id,
          transactionId: duplicate.transactionId,
        }
      : refuse('ID_MISMATCH', undefined, null, key)
  }
  const transactionId = intent.transactionId ?? scope.transactionId
  const user = known.transactions.get(keyOf(project.id, transactionId))
  if (user !== undefined && user !== scope.mark) return refuse('TRANSACTION_EXISTS', undefined, 'transactionId', key)
  const template = intent.template === null ? null : (known.templates.get(keyOf(project.id, intent.template)) ?? null)
  if (intent.template !== null && template === null)
    return refuse('TEMPLATE_NOT_FOUND', `There is no template "${intent.template}".`, 'template', key)
  if (template?.active === false) return refuse('TEMPLATE_INACTIVE', undefined, 'template', key)
  // A chunk's messages were checked when their send was accepted.
  if (
    template !== null &&
    template.digest !== null &&
    scope.origin === undefined &&
    intent.when !== null &&
    !('inMs' in intent.when && intent.when.inMs === 0)
  ) {
    const field = 'at' in intent.when ? 'sendAt' : 'delaySeconds'
    return refuse('BAD_INPUT', `${field}: a digest goes out when its window closes.`, field, key)
  }
  const isChecked = scope.origin?.bulk === true || scope.digest !== undefined
  const check = isChecked || template === null ? null : contents.check(template)
  const verdict = scope.verdicts?.get(intent)
  if (check !== null) {
    const invalid =
      verdict?.schemaId === check.id ? verdict.invalid : check.run(intent.data, createMeter(programLimits.messageUnits))
    // The template was changed since its schema was run in the sandbox.
    if (invalid === undefined) return refuse('OVERLOADED', 'The template is being changed. Try again.', null, key)
    if (invalid !== null) return refuse(invalid.code, invalid.message, invalid.field, key)
  }
  try {
    if (intent.overrides !== null) {
      if (verdict !== undefined && verdict.broken !== null) throw verdict.broken
      if (verdict === undefined && !isChecked && renderer.checkOverrides(intent.overrides).length > 0)
        return refuse('OVERLOADED', 'The template is being changed. Try again.', null, key)
      // A send that has been accepted stays valid even if a provider was changed or deleted since.
      if (!isChecked) checkExtras(checkExtra, intent.overrides, (name) => known.providers.get(keyOf(project.id, name)))
    }
  } catch (error) {
    if (error instanceof CarillonError) return refuseError(error, key)
    throw error
  }
  if (template?.strict === true && !isChecked && 'topic' in intent) {
    const { data } = intent
    const digest = template.digest === null ? null : { count: 1, items: [data], latest: data }
    const missing = missingForAll(renderer, contents.get(template), intent.channels, { project, data, digest }, intent.overrides)
    if (missing.length > 0) return refuseMissing(missing, template.key, key)
  }
  return { ok: true, template, transactionId, claimsTransaction: intent.transactionId !== null && user === undefined }
}

/** The actor as it will be after this batch; null: none is named. */
export function planActor(
  { ids }: Pick<SendDeps, 'ids'>,
  known: Known,
  project: ProjectInfo,
  { actor }: Pick<Intent, 'actor'>,
): { readonly key: string; readonly contact: KnownContact } | null {
  if (actor === null) return null
  const key = keyOf(project.id, actor.externalId)
  return { key, contact: fill(known.contacts.get(key), actor, ids) }
}

/** Records the id and the transaction of an accepted message, for the checks of later messages of the batch. */
function takeNames(
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | ManyIntent,
  accepted: { readonly id: string | null; readonly transactionId: string },
): void {
  if (intent.key !== null) known.taken.set(keyOf(project.id, intent.key), { ...accepted, contentHash: intent.contentHash ?? '' })
  if (intent.transactionId !== null) known.transactions.set(keyOf(project.id, accepted.transactionId), scope.mark)
}

/** The contact as it will be after this batch: fields that it lacks are filled, others are kept. */
function fill(known: KnownContact | undefined, input: CheckedContact, ids: Ids): KnownContact {
  const before: ContactInfo = known?.info ?? {
    id: ids(),
    externalId: input.externalId,
    ...emptyContact,
    properties: {},
    preferences: {},
  }
  const filled = contactFields.filter((field) => before[field] === null && input.fields[field] !== undefined)
  const added = Object.keys(input.properties).filter((key) => !Object.hasOwn(before.properties, key))
  if (known !== undefined && filled.length === 0 && added.length === 0) return known
  const info: ContactInfo = {
    ...before,
    ...Object.fromEntries(filled.map((field) => [field, input.fields[field] ?? null])),
    properties: { ...input.properties, ...before.properties },
  }
  return { info, isNew: known?.isNew ?? true, isFilled: true }
}
