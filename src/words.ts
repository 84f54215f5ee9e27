/**
 * The words of Carillon, and the closed sets and data types that every layer uses. One word for one idea, in the schema, the tables, the
 * code, the logs and the tests:
 *
 * - project: a tenant; it owns everything below, and its keys
 * - contact: a person who can be notified, identified by `externalId`, the caller's own id
 * - template: which channels a notification uses, and its content on each, per language
 * - notification: one event reported once to one contact; it carries the caller's idempotency `id`
 * - message: a notification on ONE channel: its address, rendered content, status and attempts
 * - channel: a kind of way to reach a contact; a provider reaches it through one vendor, and its kind is the code for that vendor
 * - target: an address of a contact, with the provider that reaches it; an attempt sends a message to one
 * - claim: a worker's lease of a message that is due; settling it persists the outcome
 * - feed: a contact's in-app messages, newest first, every change of which is numbered
 * - transaction: all notifications of one call; a fan-out is a send to many contacts under one transaction
 * - campaign, segment, topic, event, digest, preference, suppression: as in docs/architecture.md
 * - job: a record of the queue, which says that there is work; signal: what pub/sub carries, "this has changed"
 */

/** The channels that a contact can be reached on. */
export const channels = ['IN_APP', 'EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'CHAT', 'ALIMTALK', 'FRIENDTALK', 'WEBHOOK'] as const
export type Channel = (typeof channels)[number]

/** How channels differ. Code tests a trait, never a list of channels, so that a new channel does not compile until it has all of them. */
export interface ChannelTraits {
  /** where a message goes: into the contact's feed, to a field of the contact, or to what `setCredentials` stored for a provider */
  readonly address: 'feed' | 'email' | 'phone' | 'device' | 'url'
  /** `all`: every address of the contact gets the message; `first`: the first one that accepts it */
  readonly reaches: 'first' | 'all'
  /**
   * whose host receives a message in the end: `own`: the one that the address itself names, to which the provider connects; `relayed`: one that
   * the address names, behind the vendor's; `vendor`: the vendor's alone. What an own or relayed host does counts for that host alone
   */
  readonly host: 'own' | 'relayed' | 'vendor'
  /** URLs that its contents may have: `web` (http, https, paths of the page), `app` (custom schemes as well), or anything */
  readonly links: 'web' | 'app' | 'any'
  /** its texts are registered with the vendor, with `#{name}` for a variable */
  readonly isRegistered: boolean
}

/** The traits of each channel. */
export const channelTraits = {
  IN_APP: { address: 'feed', reaches: 'first', host: 'vendor', links: 'web', isRegistered: false },
  EMAIL: { address: 'email', reaches: 'first', host: 'relayed', links: 'web', isRegistered: false },
  SMS: { address: 'phone', reaches: 'first', host: 'vendor', links: 'web', isRegistered: false },
  PUSH: { address: 'device', reaches: 'all', host: 'vendor', links: 'app', isRegistered: false },
  WEB_PUSH: { address: 'device', reaches: 'all', host: 'own', links: 'app', isRegistered: false },
  CHAT: { address: 'url', reaches: 'first', host: 'own', links: 'web', isRegistered: false },
  ALIMTALK: { address: 'phone', reaches: 'first', host: 'vendor', links: 'web', isRegistered: true },
  FRIENDTALK: { address: 'phone', reaches: 'first', host: 'vendor', links: 'web', isRegistered: false },
  WEBHOOK: { address: 'url', reaches: 'first', host: 'own', links: 'any', isRegistered: false },
} satisfies Record<Channel, ChannelTraits> as Readonly<Record<Channel, ChannelTraits>>

/** Whether messages go to every address of the contact, rather than to the first that accepts them. */
export const goesToAll = (channel: Channel): boolean => channelTraits[channel].reaches === 'all'

/** Whether the address is one that `setCredentials` stored, not a field of the contact. */
export const needsCredentials = (channel: Channel): boolean =>
  channelTraits[channel].address === 'device' || channelTraits[channel].address === 'url'

/** Channels that go to the contact's phone number. */
export const phoneChannels: readonly Channel[] = channels.filter((channel) => channelTraits[channel].address === 'phone')

/** The states of a message. */
export const messageStatuses = [
  'SCHEDULED',
  'QUEUED',
  'SENDING',
  'SENT',
  'DELIVERED',
  'FAILED',
  'SKIPPED',
  'CANCELED',
  'UNKNOWN',
] as const
export type MessageStatus = (typeof messageStatuses)[number]

/** How a provider's recent sends went; `OPEN`: its circuit is open. */
export const providerStates = ['HEALTHY', 'DEGRADED', 'OPEN', 'UNUSED'] as const
export type ProviderState = (typeof providerStates)[number]

/** What identifies a recipient of a campaign. */
export const recipientTypes = ['USER_ID', 'PHONE_NUMBER', 'EMAIL'] as const
export type RecipientType = (typeof recipientTypes)[number]

/** Any value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** The counts of one feed: unseen and unread messages that are not archived. */
export type FeedCount = readonly [unseen: number, unread: number]
/** The counts of a contact's feeds, by feed identifier. */
export type FeedCounts = { readonly [feed: string]: FeedCount }

/** A button of an in-app message, and whether it was used. */
export interface Action {
  readonly type: 'PRIMARY' | 'SECONDARY'
  readonly label: string
  readonly url: string | null
  readonly status: 'PENDING' | 'DONE'
  readonly payload: JsonObject | null
}

/** The person whose action a message is about. */
export interface Actor {
  readonly externalId: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
}

/** The actor of a notification, as an in-app message shows it. */
export const actorOf = ({ externalId, firstName, lastName, photoUrl }: ContactInfo): Actor => ({
  externalId,
  firstName,
  lastName,
  photoUrl,
})

/** A rendered in-app message, the same for every viewer. Times are ISO 8601, so that it can be sent to another process as JSON. */
export interface FeedMessage {
  readonly projectId: string
  readonly id: string
  readonly contactId: string
  readonly notificationId: string
  readonly transactionId: string
  readonly templateKey: string | null
  /** of its template, as that is now; default: NORMAL */
  readonly severity?: Severity
  readonly status: MessageStatus
  readonly feed: string
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly actor: Actor | null
  readonly data: JsonObject
  readonly count: number
  readonly actions: readonly Action[]
  readonly arrivedSeq: number
  /** its place in the list; 0: it has none */
  readonly listedSeq: number
  readonly changedSeq: number
  readonly seenAt: string | null
  readonly readAt: string | null
  readonly archivedAt: string | null
  /** its reader has put it off until then: it is not in the feed */
  readonly snoozedUntil: string | null
  /** its reader deleted it: it is in no list */
  readonly deletedAt: string | null
  /** when it arrived in the feed */
  readonly sentAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** What a change of a feed was. */
export type FeedChangeKind =
  | 'RECEIVED'
  | 'UPDATED'
  | 'MARKED'
  | 'ALL_MARKED'
  | 'ACTED'
  | 'RETRACTED'
  | 'DELETED'
  | 'SNOOZED'
  | 'UNSNOOZED'

/** One change of a contact's feed: its number, and the counts as they were after it. */
export interface FeedChange {
  readonly seq: number
  readonly kind: FeedChangeKind
  /** null for ALL_MARKED */
  readonly message: FeedMessage | null
  readonly counts: FeedCounts
}

/** A change of the status of a message, of any channel. */
export interface StatusChange {
  readonly notificationId: string
  readonly messageId: string
  readonly status: MessageStatus
  readonly at: string
}

/** What pub/sub carries: hints that something changed. A lost one costs seconds, never a message. */
export type Signal =
  | { readonly topic: 'feed'; readonly projectId: string; readonly contactId: string; readonly changes: readonly FeedChange[] }
  | { readonly topic: 'activity'; readonly projectId: string; readonly changes: readonly StatusChange[] }
  | { readonly topic: 'wake' }

/** Who gets a signal: all of it but what changed. */
export type SignalTarget =
  | Pick<Extract<Signal, { topic: 'feed' }>, 'topic' | 'projectId' | 'contactId'>
  | Pick<Extract<Signal, { topic: 'activity' }>, 'topic' | 'projectId'>
  | Pick<Extract<Signal, { topic: 'wake' }>, 'topic'>

/** Whether a signal that is published now may reach somebody. One that reaches nobody need not be made. */
export type Listens = (target: SignalTarget) => boolean

/** Unseen and unread messages of all feeds, or of those named. */
export function countOf(counts: FeedCounts, feeds: readonly string[] | null): { unseenCount: number; unreadCount: number } {
  let unseenCount = 0
  let unreadCount = 0
  for (const feed of Object.keys(counts)) {
    const count = counts[feed]
    if (count === undefined || (feeds !== null && !feeds.includes(feed))) continue
    unseenCount += count[0]
    unreadCount += count[1]
  }
  return { unseenCount, unreadCount }
}

/** A project, as decisions need it. */
export interface ProjectInfo {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly locale: string
  readonly timezone: string
  readonly resendUnknown: boolean
  /** it is suspended or being deleted: nothing of it is sent; read with a claim only */
  readonly isInactive?: boolean
}

/** The fields of a contact that have a name of their own, and a column (see `db/contact-columns.ts`); the rest of a profile is the caller's. */
export const contactFields = ['email', 'phone', 'locale', 'timezone', 'firstName', 'lastName', 'photoUrl', 'country'] as const
export type ContactField = (typeof contactFields)[number]

/** Each field of a contact; null: not known. */
export type ContactFields = Readonly<Record<ContactField, string | null>>

/** Something for each field of a contact. */
export const byContactField = <T>(make: (field: ContactField) => T): Readonly<Record<ContactField, T>> =>
  Object.fromEntries(contactFields.map((field) => [field, make(field)])) as Record<ContactField, T>

/** A contact of which nothing is known. */
export const emptyContact: ContactFields = byContactField(() => null)

/** A contact as a decision or a template sees it. */
export interface ContactInfo extends ContactFields {
  readonly id: string
  readonly externalId: string
  readonly properties: JsonObject
  readonly preferences: PreferenceSet
}

/** The choices of a contact. What is not in it was not chosen. */
export interface PreferenceSet {
  readonly channels?: { readonly [C in Channel]?: boolean }
  /** by template id; `all`: the template on every channel */
  readonly templates?: { readonly [templateId: string]: { readonly [C in Channel | 'all']?: boolean } }
}

/** Members of a topic that a send to it leaves out, because its call notifies them otherwise. */
export interface ExceptedMembers {
  /** ids of topics whose members they are */
  readonly topicIds: readonly string[]
  /** their externalIds */
  readonly contacts: readonly string[]
}

/** The recipients of a send to many. */
export type FanoutAudience =
  | { readonly kind: 'all' }
  /** `except`: members that are left out */
  | { readonly kind: 'topic'; readonly id: string; readonly except?: ExceptedMembers }
  /** the segment as it was when the send was accepted */
  | { readonly kind: 'segment'; readonly id: string; readonly condition: Condition }

/** What starts a campaign: API calls that name recipients, or its own schedule, for a segment. */
export const campaignDispatches = ['API', 'SEGMENT'] as const
export type CampaignDispatch = (typeof campaignDispatches)[number]

/** What a transaction is: a call for contacts that it names, a message to an audience, or the run of a campaign. */
export const transactionKinds = ['CALL', 'BROADCAST', 'CAMPAIGN'] as const
export type TransactionKind = (typeof transactionKinds)[number]

/** The states of a transaction. */
export const transactionStatuses = ['ACCEPTED', 'RUNNING', 'DONE', 'CANCELED'] as const
export type TransactionStatus = (typeof transactionStatuses)[number]

/** Why nothing is sent to an address. */
export const suppressionReasons = ['HARD_BOUNCE', 'COMPLAINT', 'UNSUBSCRIBED', 'MANUAL'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]

/** Names that other systems give to the two addresses, in the paths of a profile. */
export const addressAliases: ReadonlyMap<string, ContactField> = new Map([
  ['$email', 'email'],
  ['$phone_number', 'phone'],
])

/** How a condition compares what is at a path of the profile with its value. */
export const conditionOperators = [
  'EQUALS',
  'NOT_EQUALS',
  'LESS_THAN',
  'AT_MOST',
  'GREATER_THAN',
  'AT_LEAST',
  'CONTAINS',
  'STARTS_WITH',
  'IN',
  'EXISTS',
  'MISSING',
] as const
export type ConditionOperator = (typeof conditionOperators)[number]

/** A condition on the profile. `path` is dotted; `value` is left out for EXISTS and MISSING alone, and is a list for IN. */
export type ProfileCondition = {
  readonly path: string
  readonly is: ConditionOperator
  readonly value?: Json
}
/** A condition on the events of a contact: at least `atLeast` of them have this name and these params. */
export type EventCondition = {
  readonly name: string
  readonly withinSeconds?: number
  readonly atLeast: number
  readonly params?: JsonObject
}
/** The condition of a segment, validated (domain/condition.ts), in the form in which it is stored as JSON. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly profile: ProfileCondition }
  | { readonly event: EventCondition }

/** A button of a template's content. */
export type ActionContent = {
  readonly label: string
  readonly url: string | null
}

/** The content of a template on a channel; every text is a Liquid template. */
export type InAppContent = {
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly primaryAction: ActionContent | null
  readonly secondaryAction: ActionContent | null
}
export type EmailContent = {
  readonly subject: string
  readonly html: string | null
  readonly text: string | null
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: string | null
  readonly bcc: string | null
}
export type TextType = 'SMS' | 'LMS' | 'MMS'
export type SmsContent = {
  readonly type: TextType
  readonly title: string | null
  readonly body: string
}

export type PushContent = {
  readonly title: string
  readonly body: string
  readonly imageUrl: string | null
  readonly url: string | null
  readonly data: JsonObject | null
}
export type ChatContent = { readonly body: string }
/** `body`: the registered template's text, filled in here; null: the vendor fills it in from the data */
export type AlimtalkContent = { readonly templateCode: string; readonly body: string | null }
export type FriendtalkContent = { readonly body: string; readonly isAd: boolean }
export type WebhookContent = { readonly body: Json }

/** Data to preview a template with. */
export type TemplateSample = {
  readonly name: string
  readonly data: JsonObject
}

/** The field of a template that has the contents of each channel. */
export const contentFields = {
  IN_APP: 'inApp',
  EMAIL: 'email',
  SMS: 'sms',
  PUSH: 'push',
  WEB_PUSH: 'webPush',
  CHAT: 'chat',
  ALIMTALK: 'alimtalk',
  FRIENDTALK: 'friendtalk',
  WEBHOOK: 'webhook',
} as const satisfies Record<Channel, string>
export type ContentField = (typeof contentFields)[Channel]

/** The content of each channel. */
export interface ContentOf {
  IN_APP: InAppContent
  EMAIL: EmailContent
  SMS: SmsContent
  PUSH: PushContent
  WEB_PUSH: PushContent
  CHAT: ChatContent
  ALIMTALK: AlimtalkContent
  FRIENDTALK: FriendtalkContent
  WEBHOOK: WebhookContent
}

/** Content that is sent without a template, literally, on one channel. */
export type DirectContent =
  | { readonly channel: 'SMS'; readonly content: SmsContent }
  | { readonly channel: 'ALIMTALK'; readonly content: AlimtalkContent }
  | { readonly channel: 'FRIENDTALK'; readonly content: FriendtalkContent }

/** How one contact is reached through one provider. */
export interface CredentialInfo {
  readonly providerId: string
  readonly deviceTokens: readonly string[]
  readonly webhookUrl: string | null
  readonly channelName: string | null
}

/** Which numbers a provider dials. */
export interface DialPlan {
  /** the country of numbers in national format, such as 010-1234-5678; null: every number must begin with + and its calling code */
  readonly home: string | null
  /** ISO 3166-1 alpha-2 codes, or calling codes with or without further digits; null: all */
  readonly countries: readonly string[] | null
}

/** A provider, as decisions need it. */
export interface Route {
  readonly id: string
  readonly key: string
  /** of its vendor */
  readonly kind: string
  /** it has an address of its own, so its messages need none of the contact */
  readonly hasAddress: boolean
  /** the numbers that it dials; null: it is given every address */
  readonly dials: DialPlan | null
}

/** How large a message becomes at most, as it is known before it is rendered; Infinity: unknown. Of texts, their UTF-16 units. */
export interface Extent {
  /** of a text message; null: of another channel */
  readonly type: TextType | null
  /** of the title, or of an e-mail's subject */
  readonly title: number
  /** of a text that has a limit */
  readonly body: number
  /** there certainly is something to read in `body` */
  readonly saysBody: boolean
  /** of a push without title and body: its data as JSON, and its links, twice */
  readonly rest: number
  /** of a push */
  readonly dataKeys: readonly string[]
  /** it adds something to the provider's request */
  readonly hasExtra: boolean
}
/** Nothing that has a limit. */
export const noExtent: Extent = {
  ...{ type: null, title: 0, body: 0, saysBody: false },
  ...{ rest: 0, dataKeys: [], hasExtra: false },
}

/** What the caller replaces in a template for one message; strings are templates too. */
export interface Overrides {
  readonly inApp?:
    | {
        readonly title?: string | null | undefined
        readonly body?: string | null | undefined
        readonly iconUrl?: string | null | undefined
        readonly url?: string | null | undefined
        readonly feed?: string | null | undefined
      }
    | null
    | undefined
  readonly email?:
    | {
        readonly subject?: string | null | undefined
        readonly from?: string | null | undefined
        readonly replyTo?: string | null | undefined
        readonly cc?: string | null | undefined
        readonly bcc?: string | null | undefined
      }
    | null
    | undefined
  readonly sms?: { readonly title?: string | null | undefined; readonly body?: string | null | undefined } | null | undefined
  readonly push?:
    | {
        readonly title?: string | null | undefined
        readonly body?: string | null | undefined
        readonly imageUrl?: string | null | undefined
        readonly url?: string | null | undefined
        readonly data?: JsonObject | null | undefined
      }
    | null
    | undefined
  /** by the provider's key: fields for its request, of those that its kind accepts */
  readonly providers?: JsonObject | null | undefined
}

/** The condition of a channel's message, evaluated when it is due. */
/** How important a template is, the least first. */
export const severities = ['LOW', 'NORMAL', 'HIGH', 'CRITICAL'] as const
export type Severity = (typeof severities)[number]

export const channelConditions = ['ALWAYS', 'UNSEEN', 'UNREAD', 'OFFLINE'] as const
export type ChannelCondition = (typeof channelConditions)[number]

/** When a message of the channel is due, counted from the notification, and on what condition it is sent. */
export interface ChannelRule {
  readonly channel: Channel
  readonly delaySeconds: number
  readonly onlyIf: ChannelCondition
}

/** Which notifications are folded into one: those of one contact and template, with the same value at a dotted path into `data`. */
export interface DigestRule {
  readonly windowSeconds: number
  /** null: all of the template */
  readonly key: string | null
}

/** The contents of a digest: how many were folded, their `data` in order, and that of the latest. */
export interface DigestItems {
  readonly count: number
  readonly items: readonly JsonObject[]
  readonly latest: JsonObject
}

/** A template, as decisions need it. */
export interface TemplateInfo {
  readonly id: string
  readonly key: string
  readonly version: number
  readonly active: boolean
  readonly critical: boolean
  /** a message that lacks a variable is refused */
  readonly strict: boolean
  readonly feed: string
  /** default: NORMAL */
  readonly severity?: Severity
  readonly rules: readonly ChannelRule[]
  /** how long its notifications wait if the caller gives no time */
  readonly delaySeconds: number | null
  readonly digest: DigestRule | null
}

/** Every property of a contact: its fields under their own names, and the caller's properties. */
export function profileOf(contact: Omit<ContactInfo, 'preferences'>): JsonObject {
  const profile: Record<string, JsonObject[string]> = {
    ...contact.properties,
    id: contact.externalId,
    externalId: contact.externalId,
  }
  for (const field of contactFields) if (contact[field] !== null) profile[field] = contact[field]
  return profile
}

/**
 * What a project's credential is good for. `send`: to send, and to look at what was sent; `read`: to look at everything; `manage`: to change
 * what is configured, and to erase contacts; `keys`: the project's own credentials.
 */
export const scopes = ['send', 'read', 'manage', 'keys'] as const
export type Scope = (typeof scopes)[number]

/** What a person may be in a project. */
export const roles = ['viewer', 'sender', 'editor', 'admin'] as const
export type Role = (typeof roles)[number]

/** The scopes of each role. */
export const roleScopes: Readonly<Record<Role, readonly Scope[]>> = {
  viewer: ['read'],
  sender: ['read', 'send'],
  editor: ['read', 'send', 'manage'],
  admin: scopes,
}

/** Who made a change of the audit log. */
export const auditActors = ['KEY', 'TOKEN', 'PERSON', 'OPERATOR', 'SYSTEM'] as const
export type AuditActor = (typeof auditActors)[number]

/** What an entry of the audit log is about. */
export const auditTargets = [
  'PROJECT',
  'API_KEY',
  'PERSON',
  'TEMPLATE',
  'CAMPAIGN',
  'SEGMENT',
  'TOPIC',
  'PROVIDER',
  'SUPPRESSION',
  'CONTACT',
  'MESSAGE',
  'TRANSACTION',
] as const
export type AuditTarget = (typeof auditTargets)[number]

/**
 * The budgets of cost, in units a second: of a project, of all its contacts together, of each of its keys, of each contact, and of each
 * address that sends no credential.
 */
export const budgetNames = ['project', 'contacts', 'key', 'contact', 'address'] as const
export type BudgetName = (typeof budgetNames)[number]
/** Some budgets, units of cost a second; null: no limit. */
export type BudgetNumbers = { readonly [Name in BudgetName]?: number | null | undefined }

/** Other systems whose REST interface is served besides GraphQL, below `/NAME`. */
export const dialectNames = ['notifuse', 'notifly', 'novu'] as const
export type DialectName = (typeof dialectNames)[number]
