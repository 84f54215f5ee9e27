/**
 * Access control, enforced on the finished schema: a root field requires what its row in the table of permissions says
 * (domain/permission.ts). On the way from there, a contact token, and a project's credential without the scope READ, reads only the types
 * and fields that are listed here. A new field is closed until it is listed.
 * Personal data is masked for those who may not see it (mask.ts).
 */
import { type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { byOf as byOfCaller, checkPermission, isOperation } from '../carillon.ts'
import type { By } from '../domain/audit.ts'
import { CarillonError } from '../errors.ts'
import { noCredential } from '../values/credential.ts'
import { contactFields, type Scope } from '../words.ts'
import type { Context } from './context.ts'
import { checkMasked, maskField } from './mask.ts'
import { like, resolverOf } from './resolver.ts'

/** Fields by type; every other field is FORBIDDEN. */
type Readable = Readonly<Record<string, 'all' | readonly string[]>>

/** What everybody reads of their own credential. */
const ownCredential: Readable = {
  Viewer: 'all',
  ViewerPerson: 'all',
  ViewerProject: 'all',
  Project: ['id', 'key', 'name', 'locale', 'timezone'],
  ApiKey: 'all',
  AuthenticatePayload: 'all',
}

/** What a contact token may read. The fields of a contact are open to its own token. */
const contactMayRead: Readable = {
  ...ownCredential,
  Contact: ['id', 'externalId', ...contactFields, 'isOnline', 'lastOnlineAt', 'createdAt'],
  Template: ['key', 'name', 'critical', 'channels', 'feed'],
  InAppMessage: [
    'id',
    'channel',
    'status',
    'transactionId',
    'template',
    'severity',
    'feed',
    'title',
    'body',
    'iconUrl',
    'url',
    'actor',
    'data',
    'count',
    'primaryAction',
    'secondaryAction',
    'seenAt',
    'readAt',
    'archivedAt',
    'snoozedUntil',
    'deletedAt',
    'createdAt',
    'updatedAt',
    'sentAt',
    'deliveredAt',
  ],
  Actor: 'all',
  SeverityCounts: 'all',
  Action: 'all',
  FeedConnection: 'all',
  FeedEdge: 'all',
  PageInfo: 'all',
  MarkPayload: 'all',
  MessageReceived: 'all',
  FeedChange: 'all',
  Preferences: 'all',
  TemplatePreference: 'all',
  ChannelPreference: 'all',
}

/**
 * What a credential with SEND but without READ may read: what became of what it sent, one notification at a time. Of the rows that a
 * notification refers to, no more than the names that a call may contain.
 */
const senderMayRead: Readable = {
  ...ownCredential,
  Contact: ['id', 'externalId'],
  Actor: ['externalId'],
  Topic: ['id', 'key'],
  Template: ['key'],
  Campaign: ['key'],
  Provider: ['key', 'channel'],
  SendMessagesPayload: 'all',
  SendResult: 'all',
  ChannelError: 'all',
  Problem: 'all',
  TransactionPayload: 'all',
  DispatchPayload: 'all',
  SkippedRecipient: 'all',
  CancelPayload: 'all',
  RetryPayload: 'all',
  TrackPayload: 'all',
  UpsertContactsPayload: 'all',
  ContactFailure: 'all',
  MarkPayload: ['changedCount'],
  Progress: 'all',
  ResultStats: 'all',
  ChannelStats: 'all',
  Notification: [
    ...['id', 'key', 'transactionId', 'template', 'contact', 'actor', 'campaign', 'channels', 'data', 'foldedInto', 'messages'],
    ...['createdAt', 'sendAt', 'canceledAt'],
  ],
  OutboundMessage: [
    ...[
      'id',
      'channel',
      'status',
      'notification',
      'provider',
      'providerMessageId',
      'subject',
      'text',
      'html',
      'error',
      'history',
    ],
    ...['attempts', 'createdAt', 'sentAt', 'deliveredAt'],
  ],
  InAppMessage: [
    ...[
      'id',
      'channel',
      'status',
      'notification',
      'transactionId',
      'template',
      'feed',
      'title',
      'body',
      'iconUrl',
      'url',
      'actor',
    ],
    ...['data', 'count', 'primaryAction', 'secondaryAction', 'error', 'history', 'attempts', 'seenAt', 'readAt', 'archivedAt'],
    ...['severity', 'snoozedUntil', 'deletedAt', 'createdAt', 'updatedAt', 'sentAt', 'deliveredAt'],
  ],
  Action: 'all',
  MessageEvent: 'all',
  Attempt: ['number', 'ok', 'error', 'startedAt', 'durationMs'],
}

/** What a credential with MANAGE but without READ may read: what is configured. Nothing about contacts, not even how many there are. */
const managerMayRead: Readable = {
  ...ownCredential,
  Project: 'all',
  Provider: ['id', 'key', 'channel', 'kind', 'settings', 'priority', 'ratePerSecond', 'active'],
  TestProviderPayload: 'all',
  Template: 'all',
  TemplateSample: 'all',
  TemplateVersion: 'all',
  TemplateVersionAuthor: 'all',
  TemplateVersionConnection: 'all',
  TemplateVersionEdge: 'all',
  TemplateChange: 'all',
  PageInfo: 'all',
  InAppContent: 'all',
  ActionContent: 'all',
  EmailContent: 'all',
  SmsContent: 'all',
  PushContent: 'all',
  ChatContent: 'all',
  AlimtalkContent: 'all',
  FriendtalkContent: 'all',
  WebhookContent: 'all',
  ChannelRule: 'all',
  Digest: 'all',
  Campaign: 'all',
  CampaignSchedule: 'all',
  Segment: ['id', 'key', 'name', 'where', 'createdAt', 'updatedAt'],
  Topic: ['id', 'key', 'name', 'createdAt'],
  Suppression: 'all',
  DeletePayload: 'all',
  Problem: 'all',
}

/** What a credential with KEYS but without READ may read. */
const keeperMayRead: Readable = { ...ownCredential, ApiKeyPayload: 'all', SecretKeyPayload: 'all' }

const scopeMayRead = { send: senderMayRead, manage: managerMayRead, keys: keeperMayRead } satisfies Record<
  Exclude<Scope, 'read'>,
  Readable
>

type Resolver = GraphQLFieldResolver<unknown, Context>

function guardRoot(name: string, resolve: Resolver): Resolver {
  if (!isOperation(name)) throw new Error(`The root field ${name} is not in the table of permissions.`)
  return (source, args, context, info) => {
    checkPermission(context.caller, name)
    checkMasked(context, name, args)
    return resolve(source, args, context, info)
  }
}

const isListed = (readable: Readable, type: string, field: string): boolean =>
  readable[type] === 'all' || readable[type]?.includes(field) === true

/** @returns the field's resolver with a guard; without one where everybody may read it */
function guardField(type: string, field: string, resolve: Resolver): Resolver | null {
  const isContacts = isListed(contactMayRead, type, field)
  const others = (['send', 'manage', 'keys'] as const).filter((scope) => isListed(scopeMayRead[scope], type, field))
  if (isContacts && others.length === 3) return null
  return like(resolve, (source, args, context, info) => {
    const { caller } = context
    if (caller.kind === 'contact' && !isContacts) {
      throw new CarillonError('FORBIDDEN', { message: 'A contact token may not read this field.' })
    }
    if (caller.kind === 'project' && !caller.scopes.has('read') && !others.some((scope) => caller.scopes.has(scope))) {
      throw new CarillonError('FORBIDDEN', { message: `${type}.${field} takes a credential with the scope READ.` })
    }
    return resolve(source, args, context, info)
  })
}

/** Adds the guards to a schema. Fields that every caller may read keep their resolvers. */
export function guard(schema: GraphQLSchema): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLObjectType) || type.name.startsWith('__')) continue
    const isRoot = roots.includes(type)
    for (const [name, field] of Object.entries(type.getFields())) {
      const resolve = maskField(type, field, resolverOf(field))
      field.resolve = resolve
      if (isRoot && field.subscribe !== undefined) field.subscribe = guardRoot(name, field.subscribe)
      else if (isRoot) field.resolve = guardRoot(name, resolve)
      else {
        const guarded = guardField(type.name, name, resolve)
        if (guarded !== null) field.resolve = guarded
      }
    }
  }
  return schema
}

/** The project that a credential belongs to. */
export function projectOf({ caller }: Context) {
  if (caller.kind === 'none') throw new CarillonError('UNAUTHENTICATED', { message: noCredential })
  if (caller.kind === 'operator') {
    throw new CarillonError('FORBIDDEN', {
      message: 'This takes an API key of a project, and this is the operator key, which manages projects.',
    })
  }
  return caller.project
}

/** Who makes a change, as the audit log has it. */
export const byOf = ({ caller, remoteAddress }: Context): By => byOfCaller(caller, remoteAddress)

/** A contact, by its row's key or by its externalId. */
export type ContactName =
  | { readonly projectId: string; readonly contactId: string }
  | { readonly projectId: string; readonly externalId: string }

/**
 * The contact that an argument names, or the one of the contact token; it is not looked up.
 * @throws BAD_INPUT when a project's credential names none; FORBIDDEN when a token names another
 */
export function contactNamed(context: Context, contact: string | null | undefined): ContactName {
  const { caller } = context
  const { id: projectId } = projectOf(context)
  if (caller.kind === 'contact') {
    if (contact !== null && contact !== undefined && contact !== caller.externalId) {
      throw new CarillonError('FORBIDDEN', { message: 'A contact token is valid for its own contact only.' })
    }
    return { projectId, contactId: caller.contactId }
  }
  if (contact === null || contact === undefined) {
    throw new CarillonError('BAD_INPUT', { field: 'contact', message: 'contact is missing: name it by its externalId.' })
  }
  return { projectId, externalId: contact }
}

/** The keys of the contact that an argument names, or of the contact token's. @throws CONTACT_NOT_FOUND, and what `contactNamed` throws */
export async function contactOf(
  context: Context,
  contact: string | null | undefined,
): Promise<{ projectId: string; contactId: string }> {
  const named = contactNamed(context, contact)
  return 'contactId' in named ? named : context.carillon.contacts.keyOf(named.projectId, named.externalId)
}
