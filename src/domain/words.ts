/** The closed sets and shapes that every layer speaks of. */

/** A kind of way to reach a contact. */
export const channels = ['IN_APP', 'EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'CHAT', 'ALIMTALK', 'FRIENDTALK', 'WEBHOOK'] as const
export type Channel = (typeof channels)[number]

/** Where a message stands. */
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

/** Any value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** How one feed stands: unseen and unread messages that are not archived. */
export type FeedCount = readonly [unseen: number, unread: number]
/** The counts of a contact's feeds, by feed identifier. */
export type FeedCounts = { readonly [feed: string]: FeedCount }

/** A button of an in-app message, and what became of it. */
export interface Action {
  readonly type: 'PRIMARY' | 'SECONDARY'
  readonly label: string
  readonly url: string | null
  readonly status: 'PENDING' | 'DONE'
  readonly payload: JsonObject | null
}

/** Who did what the message tells. */
export interface Actor {
  readonly externalId: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
}

/** A finished in-app message, the same for every viewer; times are ISO 8601, so that it crosses a process boundary as it is. */
export interface FeedMessage {
  readonly projectId: string
  readonly id: string
  readonly contactId: string
  readonly notificationId: string
  readonly transactionId: string
  readonly templateKey: string | null
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
  readonly listedSeq: number
  readonly changedSeq: number
  readonly seenAt: string | null
  readonly readAt: string | null
  readonly archivedAt: string | null
  /** when it came into the feed */
  readonly sentAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** What a change of a feed was. */
export type FeedChangeKind = 'RECEIVED' | 'UPDATED' | 'MARKED' | 'ALL_MARKED' | 'ACTED' | 'RETRACTED'

/** One change of a contact's feed: its number, and the counts as they were after it. */
export interface FeedChange {
  readonly seq: number
  readonly kind: FeedChangeKind
  /** null for ALL_MARKED */
  readonly message: FeedMessage | null
  readonly counts: FeedCounts
}

/** A message of any channel reached a new status. */
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

/** Unseen and unread messages of all feeds, or of those named. */
export function countOf(counts: FeedCounts, feeds: readonly string[] | null): { unseenCount: number; unreadCount: number } {
  let unseenCount = 0
  let unreadCount = 0
  for (const [feed, [unseen, unread]] of Object.entries(counts)) {
    if (feeds !== null && !feeds.includes(feed)) continue
    unseenCount += unseen
    unreadCount += unread
  }
  return { unseenCount, unreadCount }
}

/** A project as every decision needs it. */
export interface ProjectInfo {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly locale: string
  readonly timezone: string
  readonly resendUnknown: boolean
}

/** A contact as a decision or a template sees it. */
export interface ContactInfo {
  readonly id: string
  readonly externalId: string
  readonly email: string | null
  readonly phone: string | null
  readonly locale: string | null
  readonly timezone: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
  readonly country: string | null
  readonly properties: JsonObject
  readonly preferences: PreferenceSet
}

/** What a contact wants. What is not in it was never said. */
export interface PreferenceSet {
  readonly channels?: { readonly [C in Channel]?: boolean }
  /** by template id; `all`: the template on every channel */
  readonly templates?: { readonly [templateId: string]: { readonly [C in Channel | 'all']?: boolean } }
}

/** Whom a send to many is for. */
export type FanoutAudience =
  | { readonly kind: 'all' }
  | { readonly kind: 'topic'; readonly id: string }
  /** the segment as it was when the send was accepted */
  | { readonly kind: 'segment'; readonly id: string; readonly condition: Condition }

/** Where a transaction stands. */
export const transactionStatuses = ['ACCEPTED', 'RUNNING', 'DONE', 'CANCELED'] as const
export type TransactionStatus = (typeof transactionStatuses)[number]

/** Why nothing is sent to an address. */
export const suppressionReasons = ['HARD_BOUNCE', 'COMPLAINT', 'UNSUBSCRIBED', 'MANUAL'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]

/** The fields of a contact that have a name of their own; the rest of a profile is the caller's. */
export const contactFields = ['email', 'phone', 'locale', 'timezone', 'firstName', 'lastName', 'photoUrl', 'country'] as const
export type ContactField = (typeof contactFields)[number]

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
/** A condition on the events of a contact: at least so many with this name, and these params. */
export type EventCondition = {
  readonly name: string
  readonly withinSeconds?: number
  readonly atLeast: number
  readonly params?: JsonObject
}
/** What a segment asks of a contact; checked (domain/segment.ts), and so kept as JSON. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly profile: ProfileCondition }
  | { readonly event: EventCondition }

/** A button as a template has it. */
export type ActionContent = {
  readonly label: string
  readonly url: string | null
}

/** What a template says on a channel; every text is a Liquid template. */
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

/** What is said without a template: literally, on one channel. */
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

/** A provider, as far as a decision has to know it. */
export interface Route {
  readonly id: string
  readonly key: string
  /** messages of its channel need no address of the contact's: it has one of its own */
  readonly hasAddress: boolean
}

/** What the caller replaces of a template, for one message; strings are templates too. */
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
  /** by the provider's key: what goes into its request, as far as the kind takes it */
  readonly providers?: JsonObject | null | undefined
}

/** What a channel may wait for: looked at when its message is due. */
export const channelConditions = ['ALWAYS', 'UNSEEN', 'UNREAD', 'OFFLINE'] as const
export type ChannelCondition = (typeof channelConditions)[number]

/** When a channel speaks, after the notification is due, and on what condition. */
export interface ChannelRule {
  readonly channel: Channel
  readonly delaySeconds: number
  readonly onlyIf: ChannelCondition
}

/** What is folded into one notification: all of one contact and template, and of one value at a dotted path into `data`. */
export interface DigestRule {
  readonly windowSeconds: number
  /** null: all of the template */
  readonly key: string | null
}

/** What a digest shows: how many were folded, their `data` in order, and that of the latest. */
export interface DigestItems {
  readonly count: number
  readonly items: readonly JsonObject[]
  readonly latest: JsonObject
}

/** A template as a decision needs it. */
export interface TemplateInfo {
  readonly id: string
  readonly key: string
  readonly version: number
  readonly active: boolean
  readonly critical: boolean
  readonly feed: string
  readonly rules: readonly ChannelRule[]
  /** how long its notifications wait where the caller does not say when */
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
