/**
 * Masking of personal data, enforced on the finished schema: a caller for whom it is masked sees of addresses, names and contents only what
 * this table leaves. A field with a text or JSON that is not listed is hidden from such a caller until it is.
 */
import {
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isListType,
  isNonNullType,
  isScalarType,
} from 'graphql'
import { CarillonError } from '../errors.ts'
import type { Context } from './context.ts'
import { like } from './resolver.ts'

/**
 * What is left of a field: `open`: all of it; `address`: the ends of an e-mail address or phone number; `name`: the first letter; `id`: all of
 * it, unless it is an address; `text`: all but the addresses in it; `condition`: all but the texts that it compares with; `hidden`: nothing (null, or an empty value where null is not allowed).
 */
export type Masking = 'open' | 'address' | 'name' | 'id' | 'text' | 'condition' | 'hidden'

const inApp = { title: 'hidden', body: 'hidden', iconUrl: 'hidden', url: 'hidden', data: 'hidden' } as const

/** Every type with texts or JSON: `open` if none of it is personal data, else each such field. */
export const masking: Readonly<Record<string, 'open' | Readonly<Record<string, Masking>>>> = {
  // People, and what was sent to them.
  Contact: {
    id: 'open',
    externalId: 'id',
    email: 'address',
    phone: 'address',
    locale: 'open',
    timezone: 'open',
    firstName: 'name',
    lastName: 'name',
    photoUrl: 'hidden',
    country: 'open',
    profile: 'hidden',
  },
  ContactFailure: { externalId: 'id' },
  UpsertContactsPayload: { inserted: 'id', updated: 'id' },
  Actor: { externalId: 'id', firstName: 'name', lastName: 'name', photoUrl: 'hidden' },
  Credential: { provider: 'open', channelName: 'hidden', deviceTokens: 'hidden', webhookUrl: 'hidden' },
  Suppression: { id: 'open', address: 'address' },
  Notification: { id: 'open', key: 'id', transactionId: 'id', data: 'hidden' },
  InAppMessage: { id: 'open', transactionId: 'id', template: 'open', feed: 'open', ...inApp },
  OutboundMessage: {
    id: 'open',
    providerMessageId: 'text',
    address: 'address',
    subject: 'hidden',
    text: 'hidden',
    html: 'hidden',
  },
  Action: { label: 'hidden', url: 'hidden', payload: 'hidden' },
  Attempt: { response: 'hidden' },
  MessageEvent: { detail: 'text' },
  Problem: { message: 'text', field: 'open' },
  ProviderHealth: { lastError: 'text', lastRecipientError: 'text' },
  SendResult: { id: 'id', transactionId: 'id' },
  CancelPayload: { transactionId: 'id' },
  // Would tell whose an address is.
  ErasurePayload: { keptContacts: 'hidden' },
  DispatchPayload: { transactionId: 'id' },
  Progress: { transactionId: 'id' },
  Unreached: { examples: 'id' },
  Transaction: { id: 'id' },
  TransactionPayload: { transactionId: 'id' },
  TestProviderPayload: { providerMessageId: 'text' },
  ChannelPreview: {
    provider: 'open',
    address: 'address',
    title: 'hidden',
    body: 'hidden',
    subject: 'hidden',
    text: 'hidden',
    html: 'hidden',
    from: 'hidden',
    replyTo: 'hidden',
    cc: 'hidden',
    bcc: 'hidden',
    suppressedCopies: 'hidden',
  },
  // Conditions may name people.
  Segment: { id: 'open', key: 'open', name: 'open', where: 'condition' },
  // May be the data of a message that was sent.
  TemplateSample: { name: 'open', data: 'hidden' },
  // Tokens of contacts show what is masked.
  ContactTokenPayload: { token: 'hidden' },
  // Configuration, and the project's own people.
  ActionContent: 'open',
  AlimtalkContent: 'open',
  ApiKey: 'open',
  ApiKeyPayload: 'open',
  // Takes the scope `keys`, which a caller for whom personal data is masked does not have.
  AuditEntry: 'open',
  AuditEntryActor: 'open',
  AuditEntryEdge: 'open',
  AuditEntryTarget: 'open',
  AuthenticatePayload: 'open',
  Campaign: 'open',
  CampaignEdge: 'open',
  CampaignSchedule: 'open',
  ChatContent: 'open',
  ContactEdge: 'open',
  CreateProjectPayload: 'open',
  Digest: 'open',
  EmailContent: 'open',
  FeedChange: 'open',
  FeedConnection: 'open',
  FeedEdge: 'open',
  FriendtalkContent: 'open',
  InAppContent: 'open',
  MessageReceived: 'open',
  NotificationEdge: 'open',
  OperatorProject: 'open',
  OperatorProjectEdge: 'open',
  PageInfo: 'open',
  Person: 'open',
  PersonEdge: 'open',
  Preview: 'open',
  Project: 'open',
  Provider: 'open',
  ProviderKind: 'open',
  PushContent: 'open',
  RecoverProjectPayload: 'open',
  SecretKeyPayload: 'open',
  SegmentEdge: 'open',
  SmsContent: 'open',
  SmsPreview: 'open',
  SuppressionEdge: 'open',
  Template: 'open',
  TemplateChange: 'open',
  TemplateEdge: 'open',
  TemplateStats: 'open',
  TemplateVersion: 'open',
  TemplateVersionAuthor: 'open',
  TemplateVersionEdge: 'open',
  Topic: 'open',
  TopicEdge: 'open',
  TransactionActor: 'open',
  TransactionEdge: 'open',
  ViewerPerson: 'open',
  ViewerProject: 'open',
  WebhookContent: 'open',
}

/** Operations that would show what is masked by another way; a caller for whom personal data is masked may not call them. */
const revealing: ReadonlySet<string> = new Set(['createContactToken', 'preview', 'upsertSegments'])
/** Filters by parts of what is masked: their results would tell it, letter by letter. */
const revealingFilters = ['search', 'email', 'phone', 'emails'] as const

const ELLIPSIS = '…'
const first = (text: string, count = 1): string => [...text].slice(0, count).join('')

/** `j…@e….com` */
function maskEmail(text: string): string {
  const at = text.lastIndexOf('@')
  const domain = text.slice(at + 1)
  const dot = domain.lastIndexOf('.')
  return `${first(text.slice(0, at))}${ELLIPSIS}@${first(domain)}${ELLIPSIS}${dot === -1 ? '' : domain.slice(dot)}`
}

const SHORT_PHONE = 8
/** `+82…678`; of a short number, nothing */
const maskPhone = (text: string): string =>
  text.length < SHORT_PHONE ? ELLIPSIS : `${text.slice(0, 3)}${ELLIPSIS}${text.slice(-3)}`

const PHONE = /^\+?[\d\s().-]{6,}$/
const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+$/.test(text)
const isPhone = (text: string): boolean => PHONE.test(text) && text.replace(/\D/g, '').length >= 7

/** What is left of an address: an e-mail address or a phone number. Of others, such as URLs and device tokens, nothing. */
export function maskAddress(text: string): string {
  if (isEmail(text)) return maskEmail(text)
  return isPhone(text) ? maskPhone(text) : ELLIPSIS
}

/** An id as it is, unless it is or has an address. */
const maskId = (text: string): string => (isPhone(text) ? maskPhone(text) : maskText(text))

/** A text without the addresses in it. */
export const maskText = (text: string): string =>
  text
    .replaceAll(/[^\s@<>"'(),;:=]+@[^\s@<>"'(),;:=]+/g, maskEmail)
    .replaceAll(/\+\d[\d\s().-]{5,}\d|(?<![\w-])\d{9,15}(?![\w-])/g, maskPhone)

const maskString: Readonly<Record<Exclude<Masking, 'open' | 'hidden' | 'condition'>, (text: string) => string>> = {
  address: maskAddress,
  name: (text) => (text === '' ? '' : `${first(text)}${ELLIPSIS}`),
  id: maskId,
  text: maskText,
}

/** What stands for a hidden value: null where it is allowed. */
function hiddenValue(type: GraphQLOutputType): unknown {
  if (!isNonNullType(type)) return null
  if (isListType(getNullableType(type))) return []
  return getNamedType(type).name.startsWith('JSON') ? {} : ELLIPSIS
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

const maskValue = (value: unknown, mask: (text: string) => string): unknown =>
  Array.isArray(value)
    ? value.map((one) => maskValue(one, mask))
    : value === null || value === undefined
      ? value
      : mask(String(value))

/** A condition on contacts, without the texts that it compares with: they may name people. */
function maskCondition(value: unknown, isOperand = false): unknown {
  if (typeof value === 'string') return isOperand ? ELLIPSIS : value
  if (Array.isArray(value)) return value.map((one: unknown) => maskCondition(one, isOperand))
  if (typeof value !== 'object' || value === null) return value
  const parts = Object.entries(value)
  return Object.fromEntries(
    parts.map(([key, part]) => [key, maskCondition(part, isOperand || key === 'value' || key === 'params')]),
  )
}

/** Types of texts and JSON: what personal data can be in. */
const textual = new Set(['String', 'ID', 'JSON', 'JSONObject'])
export const isTextual = (type: GraphQLOutputType): boolean =>
  isScalarType(getNamedType(type)) && textual.has(getNamedType(type).name)

/** What is left of a field for a caller for whom personal data is masked. */
export function maskingOf(type: string, field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type'>): Masking {
  if (!isTextual(field.type)) return 'open'
  const row = Object.hasOwn(masking, type) ? masking[type] : undefined
  if (row === 'open') return 'open'
  return row !== undefined && Object.hasOwn(row, field.name) ? (row[field.name] ?? 'hidden') : 'hidden'
}

type Resolver = GraphQLFieldResolver<unknown, Context>

const isMasked = ({ caller }: Context): boolean => caller.kind === 'project' && caller.maskPersonalData

/** A resolver that masks what it returns to such a caller; to all others it returns what it did. */
export function maskField(type: GraphQLObjectType, field: GraphQLField<unknown, Context>, resolve: Resolver): Resolver {
  const kind = maskingOf(type.name, field)
  if (kind === 'open') return resolve
  if (kind === 'hidden') {
    const hidden = hiddenValue(field.type)
    return like(resolve, (source, args, context, info) => (isMasked(context) ? hidden : resolve(source, args, context, info)))
  }
  const mask = kind === 'condition' ? null : maskString[kind]
  const masked = (value: unknown): unknown => (mask === null ? maskCondition(value) : maskValue(value, mask))
  return like(resolve, (source, args, context, info) => {
    const value: unknown = resolve(source, args, context, info)
    if (!isMasked(context)) return value
    return isPromise(value) ? value.then(masked) : masked(value)
  })
}

/** @throws FORBIDDEN for an operation, or a filter, that would show what is masked for the caller */
export function checkMasked(context: Context, operation: string, args: { readonly [name: string]: unknown }): void {
  if (!isMasked(context)) return
  if (revealing.has(operation)) {
    throw new CarillonError('FORBIDDEN', { message: `${operation} would show personal data, which is masked for you.` })
  }
  const { filter, search } = args
  if (operation === 'suppressions' && (search ?? null) !== null) {
    throw new CarillonError('FORBIDDEN', { field: 'search', message: 'search would show addresses, which are masked for you.' })
  }
  if (typeof filter !== 'object' || filter === null) return
  for (const name of revealingFilters) {
    const value = (filter as Readonly<Record<string, unknown>>)[name]
    if (value === null || value === undefined) continue
    const message = `filter.${name} would show personal data, which is masked for you. Filter by externalId, transaction or template.`
    throw new CarillonError('FORBIDDEN', { field: `filter.${name}`, message })
  }
}
