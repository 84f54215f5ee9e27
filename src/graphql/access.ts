/**
 * Who may ask for what. Held against the finished schema, so that a new field is closed until it is named here: every root field takes
 * a project's credential unless it is listed, and a contact token reads only the types and fields that are listed.
 */
import { defaultFieldResolver, type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { CarillonError } from '../errors.ts'
import type { Caller, Context } from './context.ts'

type Kind = Caller['kind']

/** Root fields that others than a project's backend may ask for. */
const rootAccess: Readonly<Record<string, readonly Kind[]>> = {
  viewer: ['operator', 'project', 'contact'],
  authenticate: ['none', 'operator', 'project', 'contact'],
  createProject: ['operator'],
  feed: ['project', 'contact'],
  preferences: ['project', 'contact'],
  markAs: ['project', 'contact'],
  recordAction: ['project', 'contact'],
  setPreference: ['project', 'contact'],
  setOnline: ['project', 'contact'],
  messageReceived: ['project', 'contact'],
  feedChanged: ['project', 'contact'],
}

/** What a contact token may read, beyond which every field is FORBIDDEN. */
const contactMayRead: Readonly<Record<string, 'all' | readonly string[]>> = {
  Viewer: 'all',
  Project: ['id', 'key', 'name', 'locale', 'timezone'],
  Contact: [
    ...['id', 'externalId', 'email', 'phone', 'locale', 'timezone', 'firstName', 'lastName', 'photoUrl', 'country'],
    ...['isOnline', 'lastOnlineAt', 'createdAt'],
  ],
  Template: ['key', 'name', 'critical', 'channels', 'feed'],
  InAppMessage: [
    ...[
      'id',
      'channel',
      'status',
      'transactionId',
      'template',
      'feed',
      'title',
      'body',
      'iconUrl',
      'url',
      'actor',
      'data',
      'count',
    ],
    ...['primaryAction', 'secondaryAction', 'seenAt', 'readAt', 'archivedAt', 'createdAt', 'updatedAt', 'sentAt', 'deliveredAt'],
  ],
  Actor: 'all',
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
  AuthenticatePayload: 'all',
}

type Resolver = GraphQLFieldResolver<unknown, Context>

function guardRoot(name: string, resolve: Resolver): Resolver {
  const allowed = rootAccess[name] ?? ['project']
  return (source, args, context, info) => {
    const { kind } = context.caller
    if (!allowed.includes(kind)) throw new CarillonError(kind === 'none' ? 'UNAUTHENTICATED' : 'FORBIDDEN')
    return resolve(source, args, context, info)
  }
}

function guardField(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    if (context.caller.kind === 'contact')
      throw new CarillonError('FORBIDDEN', { message: 'A contact token may not read this field.' })
    return resolve(source, args, context, info)
  }
}

/** Puts the guards into a schema. Fields that anybody may read who got there keep their resolvers as they are. */
export function guard(schema: GraphQLSchema): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLObjectType) || type.name.startsWith('__')) continue
    const isRoot = roots.includes(type)
    const readable = contactMayRead[type.name] ?? []
    for (const [name, field] of Object.entries(type.getFields())) {
      const resolve: Resolver = field.resolve ?? defaultFieldResolver
      if (isRoot && field.subscribe !== undefined) field.subscribe = guardRoot(name, field.subscribe)
      else if (isRoot) field.resolve = guardRoot(name, resolve)
      else if (readable !== 'all' && !readable.includes(name)) field.resolve = guardField(resolve)
    }
  }
  return schema
}

/** The project that a credential belongs to. */
export function projectOf({ caller }: Context) {
  if (caller.kind === 'none') throw new CarillonError('UNAUTHENTICATED')
  if (caller.kind === 'operator') throw new CarillonError('FORBIDDEN')
  return caller.project
}

/** A contact, by whichever of its names is known. */
export type ContactName =
  | { readonly projectId: string; readonly contactId: string }
  | { readonly projectId: string; readonly externalId: string }

/**
 * The contact that a field is about, not looked up yet: the one named, or the token's own.
 * @throws BAD_INPUT when a project's credential names none; FORBIDDEN when a token names another
 */
export function contactNamed(context: Context, contact: string | null | undefined): ContactName {
  const { caller } = context
  const { id: projectId } = projectOf(context)
  if (caller.kind === 'contact') {
    if (contact !== null && contact !== undefined && contact !== caller.externalId) {
      throw new CarillonError('FORBIDDEN', { message: 'A contact token is good for its own contact only.' })
    }
    return { projectId, contactId: caller.contactId }
  }
  if (contact === null || contact === undefined) {
    throw new CarillonError('BAD_INPUT', { field: 'contact', message: 'contact is missing: name it by its externalId.' })
  }
  return { projectId, externalId: contact }
}

/** The keys of the contact that a field is about. @throws CONTACT_NOT_FOUND, and what `contactNamed` throws */
export async function contactOf(
  context: Context,
  contact: string | null | undefined,
): Promise<{ projectId: string; contactId: string }> {
  const named = contactNamed(context, contact)
  return 'contactId' in named ? named : context.domain.contacts.keyOf(named.projectId, named.externalId)
}
