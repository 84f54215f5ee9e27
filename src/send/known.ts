/** What decisions about a batch depend on, looked up in a few statements for all of its messages; workers use it as well. */
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
  type RouteRow,
  type Versioned,
} from '../db/lookup.ts'
import { inOneTrip } from '../db/one-trip.ts'
import type { Seen } from '../db/unchanged.ts'
import { keyOf } from '../domain/ids.ts'
import type { Vendors } from '../domain/provider.ts'
import { suppressionKey } from '../domain/suppression.ts'
import { CarillonError } from '../errors.ts'
import {
  type Channel,
  type ContactInfo,
  type CredentialInfo,
  needsCredentials,
  type ProjectInfo,
  type Route,
  type SuppressionReason,
  type TemplateInfo,
} from '../words.ts'
import { addressesOf, type Routes } from './decide.ts'
import type { SendDeps } from './deps.ts'
import { extraKeys } from './extra.ts'
import type { Intent, ManyIntent } from './intent.ts'

/** A contact as it will be after this batch, and whether it has to be written. */
export interface KnownContact {
  readonly info: ContactInfo
  readonly isNew: boolean
  readonly isFilled: boolean
}

/** What was looked up for a batch, and what its accepted messages added. Keys are `keyOf(projectId, name)`. */
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
  /** by project: suppressed addresses of all contacts that are named */
  readonly suppressed: ReadonlyMap<string, ReadonlyMap<string, SuppressionReason>>
  /** null: it was looked up for this batch */
  readonly seen: Seen | null
}

/** What a look-up found. */
export interface Found {
  readonly templates: readonly (TemplateInfo & Versioned & { readonly projectId: string })[]
  readonly contacts: readonly (ContactInfo & Versioned & { readonly projectId: string })[]
  /** active providers of all projects that were named */
  readonly providers: readonly ({ readonly projectId: string; readonly id: string } & Versioned)[]
  readonly routes: ReadonlyMap<string, Routes>
  readonly suppressed: Known['suppressed']
}

/** Keeps what was looked up (see recent.ts). */
export interface Keeper {
  /** @param projectIds of the batch */
  keep(projectIds: readonly string[], found: Found): void
  /** Ids of a batch were found to be taken: those of the next ones are looked up. */
  meetTakenIds(): void
}

/** Looks up all that the messages of these calls name, in a few statements for all of them. @param keeper keeps it */
export async function lookUp(
  db: Runner,
  { contents, vendors }: Pick<SendDeps, 'contents'> & { readonly vendors: Pick<Vendors, 'dials'> },
  calls: readonly { readonly project: ProjectInfo; readonly intents: readonly (Intent | ManyIntent | CarillonError)[] }[],
  keeper?: Keeper,
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
  const projectIds = [...new Set(intents.map((one) => one.projectId))]
  const transactions = named((intent) => intent.transactionId)
  const topicNames = named((intent) => ('topic' in intent ? intent.topic : null))
  const providerNames = intents.flatMap(({ projectId, intent }) => extraKeys(intent.overrides).map((key) => ({ projectId, key })))
  const [templates, contacts, usedTransactions, taken, topics, providers, routes] = await inOneTrip(db, (db) =>
    Promise.all([
      findTemplates(
        db,
        named((intent) => intent.template),
      ),
      findContacts(db, contactNames),
      // Before the ids: a call whose transaction is found and whose id is not would be another one, and this may be the same one, again.
      transactions.length === 0 ? [] : findTransactions(db, transactions),
      ids.length === 0 ? [] : findNotifications(db, ids),
      topicNames.length === 0 ? [] : findTopics(db, topicNames),
      providerNames.length === 0 ? [] : findKinds(db, providerNames),
      findRoutes(db, projectIds),
    ]),
  )
  const addresses = [
    ...contacts.flatMap((contact) => addressesOf(contact).map((one) => ({ projectId: contact.projectId, ...one }))),
    ...intents.flatMap(({ projectId, intent }) => {
      if ('topic' in intent) return []
      const { email = null, phone = null } = intent.contact?.fields ?? intent.bare ?? {}
      const country = intent.contact?.fields.country ?? null
      return addressesOf({ email, phone, country }).map((one) => ({ projectId, ...one }))
    }),
  ]
  const byProject = routesOf(routes, vendors)
  const [, reach] = await Promise.all([contents.load(db, templates), lookUpReach(db, byProject, contacts, addresses)])
  keeper?.keep(projectIds, { templates, contacts, providers: routes, routes: byProject, suppressed: reach.suppressed })
  if (taken.length > 0) keeper?.meetTakenIds()
  return {
    templates: new Map(templates.map((template) => [keyOf(template.projectId, template.key), template])),
    contacts: new Map(
      contacts.map(({ projectId, rowVersion: _version, ...info }) => [
        keyOf(projectId, info.externalId),
        { info, isNew: false, isFilled: false },
      ]),
    ),
    taken: new Map(taken.map((one) => [keyOf(one.projectId, one.key), { ...one, contentHash: one.contentHash.toString('hex') }])),
    transactions: new Map(usedTransactions.map((one) => [keyOf(one.projectId, one.key), null])),
    topics: new Map(topics.map((topic) => [keyOf(topic.projectId, topic.key), topic.id])),
    providers: new Map(providers.map((provider) => [keyOf(provider.projectId, provider.key), provider])),
    routes: byProject,
    ...reach,
    seen: null,
  }
}

/** How contacts of one project are reached: its providers, their credentials and suppressed addresses. */
export async function lookUpMembers(
  db: Runner,
  { vendors }: { readonly vendors: Pick<Vendors, 'dials'> },
  projectId: string,
  members: readonly ContactInfo[],
): Promise<Pick<Known, 'routes' | 'credentials' | 'suppressed'>> {
  const addresses = members.flatMap((one) => addressesOf(one).map((address) => ({ projectId, ...address })))
  const routes = routesOf(await findRoutes(db, [projectId]), vendors)
  const reached = members.map(({ id }) => ({ projectId, id }))
  return { routes, ...(await lookUpReach(db, routes, reached, addresses)) }
}

/** The credentials of contacts, and which of their addresses, and of the given ones, are suppressed. */
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
export function routesOf(rows: readonly RouteRow[], vendors: Pick<Vendors, 'dials'>): Map<string, Map<Channel, Route[]>> {
  const byProject = new Map<string, Map<Channel, Route[]>>()
  for (const { projectId, channel, id, key, kind, hasAddress, countries } of rows) {
    const route = { id, key, kind, hasAddress, dials: vendors.dials(kind, countries) }
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

/** Every address of these credentials, as a key of suppressions. */
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
