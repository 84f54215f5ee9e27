/** What accepting decides for each message, from what was looked up for the whole batch. Nothing is written here. */
import type { Runner } from '../db/database.ts'
import {
  findContacts,
  findCredentials,
  findKinds,
  findNotifications,
  findRoutes,
  findSuppressed,
  findTemplates,
  findTopics,
  findTransactions,
} from '../db/lookup.ts'
import { CarillonError, type ErrorCode, problem } from '../errors.ts'
import type { InAppText } from '../render/content.ts'
import { HeavyText } from '../render/heavy.ts'
import type { AcceptDeps, SendOutcome } from './accept.ts'
import type { ContentCache } from './contents.ts'
import { addressesOf, type ChannelDecision, decide, type Routes } from './decide.ts'
import { checkExtras, extraKeys } from './extra.ts'
import type { CheckedContact } from './profile.ts'
import { isDueNow, isLater, type When, whenOf } from './rule.ts'
import type { Intent, ManyIntent } from './send.ts'
import { suppressionKey } from './suppression.ts'
import { needsCredentials } from './target.ts'
import { type Window, windowOf } from './window.ts'
import {
  type Actor,
  type Channel,
  type ContactInfo,
  type CredentialInfo,
  contactFields,
  type DigestItems,
  type ProjectInfo,
  type Route,
  type SuppressionReason,
  type TemplateInfo,
} from './words.ts'

/** A contact as it will be after this batch: `row` says whether it has to be written. */
export interface KnownContact {
  readonly info: ContactInfo
  readonly isNew: boolean
  readonly isFilled: boolean
}

/** What was looked up for a batch, and what its accepted messages have added. Keys are `keyOf(projectId, name)`. */
export interface Known {
  readonly templates: ReadonlyMap<string, TemplateInfo & { projectId: string }>
  readonly contacts: Map<string, KnownContact>
  readonly taken: Map<string, { readonly id: string | null; readonly transactionId: string; readonly contentHash: string }>
  readonly transactions: Map<string, symbol | null>
  /** ids of topics */
  readonly topics: ReadonlyMap<string, string>
  readonly routes: ReadonlyMap<string, Routes>
  /** providers that messages add something for */
  readonly providers: ReadonlyMap<string, { readonly kind: string; readonly channel: Channel }>
  /** by contact id */
  readonly credentials: ReadonlyMap<string, readonly CredentialInfo[]>
  /** by project: addresses that nothing is sent to, of all contacts that are named */
  readonly suppressed: ReadonlyMap<string, ReadonlyMap<string, SuppressionReason>>
}

/** What belongs to one call alone. */
export interface CallScope {
  readonly transactionId: string
  /** tells this call's own use of a transactionId from another's */
  readonly mark: symbol
  /** the send to many that it is a chunk of */
  readonly origin?: Origin
  /** the digest that is closed */
  readonly digest?: ClosingDigest
}

/** A digest that is closed, and what it shows. */
export interface ClosingDigest {
  readonly id: string
  readonly items: DigestItems
}

/** What the rows of a send to many have in common. */
export interface Origin {
  readonly bulk: boolean
  readonly campaignId: string | null
}

/** A message that will be written. */
export interface Accepted {
  readonly project: ProjectInfo
  readonly intent: Intent
  /** null: the intent's own content is said */
  readonly template: TemplateInfo | null
  readonly notification: { readonly id: string; readonly transactionId: string }
  /** the caller named the transaction, and this is the first message of it */
  readonly claimsTransaction: boolean
  /** null: it goes to the intent's address */
  readonly contactKey: string | null
  readonly actorKey: string | null
  readonly decisions: readonly ChannelDecision[]
  /** when it is due; null: now */
  readonly when: When
  /** the in-app message where it is due now; an error where it can't be rendered */
  readonly inApp: InAppText | CarillonError | null
  /** it joins this window of a digest, and says nothing itself */
  readonly window: Window | null
  /** it is this digest, closed */
  readonly digest: ClosingDigest | null
  readonly wakes: boolean
  /** null: a single message */
  readonly origin: Origin | null
  /** ids of messages that a worker hands over; filled when it is written */
  readonly outbound: string[]
  outcome(): SendOutcome
}

/** Joins a project and a name into one key. */
export const keyOf = (projectId: string, name: string): string => `${projectId} ${name}`

/** Looks up all that the messages of these calls name, in a few statements for all of them. */
export async function lookUp(
  db: Runner,
  cache: ContentCache,
  calls: readonly { readonly project: ProjectInfo; readonly intents: readonly (Intent | ManyIntent | CarillonError)[] }[],
): Promise<Known> {
  const intents = calls.flatMap(({ project, intents }) =>
    intents.flatMap((intent) => (intent instanceof CarillonError ? [] : [{ projectId: project.id, intent }])),
  )
  const named = (pick: (intent: Intent | ManyIntent) => string | null) => {
    const list = intents.flatMap(({ projectId, intent }) => {
      const key = pick(intent)
      return key === null ? [] : [{ projectId, key }]
    })
    return [...new Map(list.map((one) => [keyOf(one.projectId, one.key), one])).values()]
  }
  const contactNames = [
    ...named((intent) => intent.contact?.externalId ?? null),
    ...named((intent) => intent.actor?.externalId ?? null),
  ]
  const ids = named((intent) => intent.key)
  const transactions = named((intent) => intent.transactionId)
  const topicNames = named((intent) => ('topic' in intent ? intent.topic : null))
  const providerNames = intents.flatMap(({ projectId, intent }) => extraKeys(intent.overrides).map((key) => ({ projectId, key })))
  const [templates, contacts, taken, usedTransactions, topics, providers, routes] = await Promise.all([
    findTemplates(
      db,
      named((intent) => intent.template),
    ),
    findContacts(db, contactNames),
    ids.length === 0 ? [] : findNotifications(db, ids),
    transactions.length === 0 ? [] : findTransactions(db, transactions),
    topicNames.length === 0 ? [] : findTopics(db, topicNames),
    providerNames.length === 0 ? [] : findKinds(db, providerNames),
    findRoutes(db, [...new Set(intents.map((one) => one.projectId))]),
  ])
  const addresses = [
    ...contacts.flatMap((contact) => addressesOf(contact).map((one) => ({ projectId: contact.projectId, ...one }))),
    ...intents.flatMap(({ projectId, intent }) => {
      if ('topic' in intent) return []
      const [channel] = intent.channels ?? []
      if (intent.contact === null) {
        return intent.bare === undefined || channel === undefined
          ? []
          : [{ projectId, channel, address: suppressionKey(channel, intent.bare.address) }]
      }
      const { email = null, phone = null } = intent.contact.fields
      return addressesOf({ email, phone }).map((one) => ({ projectId, ...one }))
    }),
  ]
  const byProject = routesOf(routes)
  const [, reach] = await Promise.all([cache.load(db, templates), lookUpReach(db, byProject, contacts, addresses)])
  return {
    templates: new Map(templates.map((template) => [keyOf(template.projectId, template.key), template])),
    contacts: new Map(
      contacts.map(({ projectId, ...info }) => [keyOf(projectId, info.externalId), { info, isNew: false, isFilled: false }]),
    ),
    taken: new Map(taken.map((one) => [keyOf(one.projectId, one.key), { ...one, contentHash: one.contentHash.toString('hex') }])),
    transactions: new Map(usedTransactions.map((one) => [keyOf(one.projectId, one.key), null])),
    topics: new Map(topics.map((topic) => [keyOf(topic.projectId, topic.key), topic.id])),
    providers: new Map(providers.map((provider) => [keyOf(provider.projectId, provider.key), provider])),
    routes: byProject,
    ...reach,
  }
}

/** How contacts are reached by credentials, and which of all the addresses that may be used nothing is sent to. */
export async function lookUpReach(
  db: Runner,
  routes: ReadonlyMap<string, Routes>,
  contacts: readonly { readonly projectId: string; readonly id: string }[],
  addresses: readonly { readonly projectId: string; readonly channel: Channel; readonly address: string }[],
): Promise<Pick<Known, 'credentials' | 'suppressed'>> {
  const reached = contacts.filter(({ projectId }) => [...(routes.get(projectId)?.keys() ?? [])].some(needsCredentials))
  const [credentials, suppressed] = await Promise.all([
    reached.length === 0 ? [] : findCredentials(db, reached),
    addresses.length === 0 ? [] : findSuppressed(db, addresses),
  ])
  const more = credentials.length === 0 ? [] : await findSuppressed(db, credentialAddresses(reached, routes, credentials))
  return {
    credentials: Map.groupBy(credentials, (one) => one.contactId),
    suppressed: suppressedByProject([...suppressed, ...more]),
  }
}

/** Providers by project and channel, in the order given. */
export function routesOf(rows: readonly (Route & { projectId: string; channel: Channel })[]): Map<string, Map<Channel, Route[]>> {
  const byProject = new Map<string, Map<Channel, Route[]>>()
  for (const { projectId, channel, id, key, hasAddress } of rows) {
    const route = { id, key, hasAddress }
    const channels = byProject.get(projectId) ?? new Map<Channel, Route[]>()
    channels.set(channel, [...(channels.get(channel) ?? []), route])
    byProject.set(projectId, channels)
  }
  return byProject
}

/** Suppressed addresses by project. */
export function suppressedByProject(
  rows: readonly { projectId: string; channel: Channel; address: string; reason: SuppressionReason }[],
): Map<string, Map<string, SuppressionReason>> {
  const byProject = new Map<string, Map<string, SuppressionReason>>()
  for (const { projectId, channel, address, reason } of rows) {
    byProject.set(
      projectId,
      (byProject.get(projectId) ?? new Map<string, SuppressionReason>()).set(`${channel} ${address}`, reason),
    )
  }
  return byProject
}

/** Every address of these credentials, as suppressions name it. */
export function credentialAddresses(
  contacts: readonly { readonly projectId: string; readonly id: string }[],
  routes: ReadonlyMap<string, Routes>,
  credentials: readonly (CredentialInfo & { readonly contactId: string })[],
): { projectId: string; channel: Channel; address: string }[] {
  const projects = new Map(contacts.map((one) => [one.id, one.projectId]))
  return credentials.flatMap(({ contactId, providerId, deviceTokens, webhookUrl }) => {
    const projectId = projects.get(contactId) ?? ''
    const channel = [...(routes.get(projectId) ?? [])].find(([, list]) => list.some((one) => one.id === providerId))?.[0]
    if (channel === undefined) return []
    return [...deviceTokens, ...(webhookUrl === null ? [] : [webhookUrl])].map((address) => ({
      projectId,
      channel,
      address: suppressionKey(channel, address),
    }))
  })
}

/** The contact as it will be: what is missing is filled, what is there stays. */
export function fill(known: KnownContact | undefined, input: CheckedContact, id: string): KnownContact {
  const empty = {
    email: null,
    phone: null,
    locale: null,
    timezone: null,
    firstName: null,
    lastName: null,
    photoUrl: null,
    country: null,
  }
  const before: ContactInfo = known?.info ?? { id, externalId: input.externalId, ...empty, properties: {}, preferences: {} }
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

/** Who did it, as an in-app message shows it. */
export const actorOf = ({ externalId, firstName, lastName, photoUrl }: ContactInfo): Actor => ({
  externalId,
  firstName,
  lastName,
  photoUrl,
})

const refuse = (
  code: ErrorCode,
  message?: string,
  field: string | null = null,
  key: string | null = null,
): Extract<SendOutcome, { ok: false }> => ({
  ok: false,
  key,
  error: problem(code, message, field),
  notificationId: null,
  transactionId: null,
})

/** What a message has to pass whoever it is for: its id, its transaction's name, its template. */
export function admit(
  { renderer, contents, checkExtra }: Pick<AcceptDeps, 'renderer' | 'contents' | 'checkExtra'>,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | ManyIntent,
): Extract<SendOutcome, { ok: false }> | Admitted {
  const { key } = intent
  const twin = key === null ? undefined : known.taken.get(keyOf(project.id, key))
  if (twin !== undefined) {
    return twin.contentHash === intent.contentHash
      ? { ...refuse('ID_EXISTS', undefined, null, key), notificationId: twin.id, transactionId: twin.transactionId }
      : refuse('ID_MISMATCH', undefined, null, key)
  }
  const transactionId = intent.transactionId ?? scope.transactionId
  const user = known.transactions.get(keyOf(project.id, transactionId))
  if (user !== undefined && user !== scope.mark) return refuse('TRANSACTION_EXISTS', undefined, 'transactionId', key)
  const template = intent.template === null ? null : (known.templates.get(keyOf(project.id, intent.template)) ?? null)
  if (intent.template !== null && template === null)
    return refuse('TEMPLATE_NOT_FOUND', `There is no template "${intent.template}".`, 'template', key)
  if (template?.active === false) return refuse('TEMPLATE_INACTIVE', undefined, 'template', key)
  // A send to many was checked when it was accepted.
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
  const misfit = check?.(intent.data) ?? null
  if (misfit !== null) return refuse(misfit.code, misfit.message, misfit.field, key)
  try {
    if (intent.overrides !== null) {
      renderer.checkOverrides(intent.overrides)
      // A provider that was changed or deleted since takes nothing back.
      if (!isChecked) checkExtras(checkExtra, intent.overrides, (name) => known.providers.get(keyOf(project.id, name)))
    }
  } catch (error) {
    if (error instanceof CarillonError) return refuse(error.code, error.message, error.details.field ?? null, key)
    throw error
  }
  return { ok: true, template, transactionId, claimsTransaction: intent.transactionId !== null && user === undefined }
}

/** A message that passed. */
export interface Admitted {
  readonly ok: true
  /** null: it says what it brings along */
  readonly template: (TemplateInfo & { readonly projectId: string }) | null
  readonly transactionId: string
  /** the caller named the transaction, and this is the first message of it */
  readonly claimsTransaction: boolean
}

/** Who did it, as the batch will leave it; null: nobody is named. */
export function planActor(
  { ids }: Pick<AcceptDeps, 'ids'>,
  known: Known,
  project: ProjectInfo,
  { actor }: Pick<Intent, 'actor'>,
): { readonly key: string; readonly contact: KnownContact } | null {
  if (actor === null) return null
  const key = keyOf(project.id, actor.externalId)
  return { key, contact: fill(known.contacts.get(key), actor, ids()) }
}

/** Remembers what is accepted: later messages of the batch see it. */
export function claimNames(
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | ManyIntent,
  accepted: { readonly id: string | null; readonly transactionId: string },
): void {
  if (intent.key !== null) known.taken.set(keyOf(project.id, intent.key), { ...accepted, contentHash: intent.contentHash ?? '' })
  if (intent.transactionId !== null) known.transactions.set(keyOf(project.id, accepted.transactionId), scope.mark)
}

/** Decides one message. What it returns with `notification` is to be written; anything else is its outcome already. */
export function planMessage(
  deps: Pick<AcceptDeps, 'ids' | 'renderer' | 'contents' | 'checkExtra'>,
  known: Known,
  project: ProjectInfo,
  scope: CallScope,
  intent: Intent | CarillonError,
): Accepted | SendOutcome {
  if (intent instanceof CarillonError) return refuse(intent.code, intent.message, intent.details.field ?? null)
  const { key } = intent
  const admitted = admit(deps, known, project, scope, intent)
  if (!admitted.ok) return admitted
  const { template, transactionId, claimsTransaction } = admitted

  const contactKey = intent.contact === null ? null : keyOf(project.id, intent.contact.externalId)
  const contact =
    intent.contact === null || contactKey === null ? null : fill(known.contacts.get(contactKey), intent.contact, deps.ids())
  const actorKey = intent.actor === null ? null : keyOf(project.id, intent.actor.externalId)
  const actor =
    intent.actor === null || actorKey === null
      ? null
      : fill(actorKey === contactKey && contact !== null ? contact : known.contacts.get(actorKey), intent.actor, deps.ids())
  const contents = template === null ? null : deps.contents.get(template)
  const suppressed = known.suppressed.get(project.id) ?? new Map<string, SuppressionReason>()
  let decisions = decide({
    project,
    contents,
    contact: contact?.info ?? null,
    address: intent.bare?.address ?? null,
    credentials: contact === null ? [] : (known.credentials.get(contact.info.id) ?? []),
    requested: intent.channels,
    routes: known.routes.get(project.id) ?? new Map(),
    template,
    suppressed,
  })
  if (
    scope.digest === undefined &&
    decisions.every((one) => one.reason?.code === 'TEMPLATE_EMPTY') &&
    (intent.channels === null || intent.channels.length > 0)
  ) {
    return refuse(
      'TEMPLATE_EMPTY',
      decisions.length === 0 ? 'The template has no content on any channel.' : undefined,
      'template',
      key,
    )
  }

  const window =
    scope.digest === undefined && template !== null && contact !== null ? windowOf(template.digest, intent.data) : null
  const when = window === null ? whenOf(intent.when, template) : null
  let inApp: Accepted['inApp'] = null
  const said = decisions.find((one) => one.channel === 'IN_APP' && one.reason === null)
  const content = said?.locale === undefined || said.locale === null ? null : (contents?.get('IN_APP', said.locale) ?? null)
  if (content !== null && said !== undefined && window === null && !isLater(when, said)) {
    const sees = {
      project,
      contact: contact?.info ?? null,
      actor: actor === null ? null : actorOf(actor.info),
      data: intent.data,
      digest: scope.digest?.items ?? null,
      unsubscribeUrl: null,
    }
    try {
      inApp = deps.renderer.inApp(content, sees, intent.overrides)
    } catch (error) {
      if (error instanceof CarillonError) inApp = error
      // Others wait for this transaction: a worker renders it, and puts it into the feed.
      else if (error instanceof HeavyText) decisions = decisions.map((one) => (one === said ? { ...one, isHeavy: true } : one))
      else throw error
    }
  }

  // From here on it is accepted: later messages of the batch see it.
  if (contact !== null && contactKey !== null) known.contacts.set(contactKey, contact)
  if (actor !== null && actorKey !== null) known.contacts.set(actorKey, actor)
  const id = deps.ids()
  claimNames(known, project, scope, intent, { id, transactionId })
  const outbound: string[] = []
  const silent = decisions.flatMap((one) => (one.reason === null ? [] : [{ ...one, reason: one.reason }]))
  if (inApp instanceof CarillonError && said !== undefined) silent.push({ ...said, reason: problem(inApp.code, inApp.message) })
  return {
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
    wakes: decisions.some(
      (one) => window === null && one.reason === null && isDueNow(when, one) && (one.channel !== 'IN_APP' || isLater(when, one)),
    ),
    origin: scope.origin ?? null,
    outbound,
    outcome: () => ({ ok: true, key, id, notificationId: id, transactionId, silent, outbound }),
  }
}
