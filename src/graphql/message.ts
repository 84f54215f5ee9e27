/** Messages: a notification on one channel. */
import type { Attempt as AttemptRow, Message as MessageRow } from '../db/generated/client.ts'
import type { Action, Actor, Channel, FeedMessage, JsonObject, MessageStatus } from '../domain/words.ts'
import { CarillonError, type Problem } from '../errors.ts'
import type { Builder } from './builder.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'
import { type Problems, storedProblem } from './problem.ts'
import type { Providers } from './provider.ts'

/** What an in-app message needs of its notification. */
export const notificationOfMessage = { template: { select: { key: true } }, actor: true } as const
type WithNotification = MessageRow & {
  readonly notification: {
    readonly transactionId: string
    readonly data: unknown
    readonly template: { readonly key: string } | null
    readonly actor: Actor | null
  }
}

/** Either kind, as the resolvers have it. */
export type AnyMessage = FeedMessage | MessageRow

const isFeedMessage = (message: AnyMessage): message is FeedMessage => 'templateKey' in message

const actorOf = (row: Actor | null): Actor | null =>
  row === null ? null : { externalId: row.externalId, firstName: row.firstName, lastName: row.lastName, photoUrl: row.photoUrl }

/** A row of the table as the message that it is. */
export function messageOf({ notification, ...row }: WithNotification): AnyMessage {
  if (row.channel !== 'IN_APP') return row
  return {
    projectId: row.projectId,
    id: row.id,
    contactId: row.contactId ?? '',
    notificationId: row.notificationId,
    transactionId: notification.transactionId,
    templateKey: notification.template?.key ?? null,
    status: row.status,
    feed: row.feed ?? '',
    title: row.title,
    // Not rendered yet, or never: it says nothing.
    body: row.body ?? '',
    iconUrl: row.iconUrl,
    url: row.url,
    actor: actorOf(notification.actor),
    data: notification.data as JsonObject,
    count: row.count,
    actions: (row.actions ?? []) as never,
    arrivedSeq: Number(row.arrivedSeq ?? 0),
    listedSeq: Number(row.listedSeq ?? 0),
    changedSeq: Number(row.changedSeq ?? 0),
    seenAt: row.seenAt?.toISOString() ?? null,
    readAt: row.readAt?.toISOString() ?? null,
    archivedAt: row.archivedAt?.toISOString() ?? null,
    sentAt: row.sentAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

interface Event {
  readonly status: MessageStatus
  readonly at: string
  readonly detail: string | null
}
const historyOf = (history: unknown): Event[] =>
  (Array.isArray(history) ? (history as [MessageStatus, string, string | null][]) : []).map(([status, at, detail]) => ({
    status,
    at,
    detail,
  }))

/** The row behind an in-app message that came from the feed. Prisma gathers such look-ups of one moment into one query. */
const rowOf = async ({ projectId, id }: FeedMessage, { domain }: Context): Promise<MessageRow> => {
  const row = await domain.prisma.message.findUnique({ where: { projectId_id: { projectId, id } } })
  if (row === null) throw new CarillonError('NOT_FOUND', { message: 'The message was removed meanwhile.' })
  return row
}
const attemptsOf = ({ projectId, id }: { projectId: string; id: string }, { domain }: Context): Promise<AttemptRow[]> =>
  domain.prisma.attempt.findMany({ where: { projectId, messageId: id }, orderBy: { number: 'asc' } })

const texts = {
  id: 'Its id: what goes into an e-mail’s Message-ID, and the same on every attempt.',
  channel: 'The channel.',
  status: 'Where it stands.',
  notification: 'What it says on this channel.',
  error: 'Why it failed, or was not sent.',
  attempts: 'Every try to hand it over, oldest first.',
  history: 'Every status that it had, oldest first.',
  createdAt: 'When it was accepted.',
  sentAt: 'When its provider took it; in-app: when it came into the feed.',
  deliveredAt: 'When it reached its receiver, as far as the provider tells.',
} as const

/** Adds them. */
export function defineMessages(builder: Builder, enums: Enums, { Problem }: Problems, { Attempt }: Providers) {
  const { Channel: ChannelType, MessageStatus: StatusType } = enums
  const MessageEvent = builder.objectRef<Event>('MessageEvent').implement({
    description: 'A message reached a status.',
    fields: (t) => ({
      status: t.expose('status', { type: StatusType, description: 'The status.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When.' }),
      detail: t.exposeString('detail', {
        nullable: true,
        description: 'SENDING: the key of the provider; otherwise the error code, if any.',
      }),
    }),
  })

  const Message = builder.interfaceRef<AnyMessage>('Message').implement({
    description: 'A notification on one channel.',
    fields: (t) => ({
      id: t.id({ description: texts.id, resolve: ({ id }) => id }),
      channel: t.field({
        type: ChannelType,
        description: texts.channel,
        resolve: (one): Channel => (isFeedMessage(one) ? 'IN_APP' : one.channel),
      }),
      status: t.field({ type: StatusType, description: texts.status, resolve: ({ status }) => status }),
      notification: t.prismaField({
        type: 'Notification',
        description: texts.notification,
        resolve: (query, { projectId, notificationId }, _args, { domain }) =>
          domain.prisma.notification.findUniqueOrThrow({ ...query, where: { projectId_id: { projectId, id: notificationId } } }),
      }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: texts.error,
        resolve: async (one, _args, context): Promise<Problem | null> =>
          storedProblem(isFeedMessage(one) ? await rowOf(one, context) : one),
      }),
      attempts: t.field({
        type: [Attempt],
        description: texts.attempts,
        resolve: (one, _args, context) => attemptsOf(one, context),
      }),
      history: t.field({
        type: [MessageEvent],
        description: texts.history,
        resolve: async (one, _args, context) => historyOf((isFeedMessage(one) ? await rowOf(one, context) : one).history),
      }),
      createdAt: t.field({ type: 'DateTime', description: texts.createdAt, resolve: ({ createdAt }) => createdAt }),
      sentAt: t.field({ type: 'DateTime', nullable: true, description: texts.sentAt, resolve: ({ sentAt }) => sentAt }),
      deliveredAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: texts.deliveredAt,
        resolve: (one) => (isFeedMessage(one) ? one.sentAt : one.deliveredAt),
      }),
    }),
    resolveType: (one) => (isFeedMessage(one) ? 'InAppMessage' : 'OutboundMessage'),
  })

  const ActorType = builder.objectRef<Actor>('Actor').implement({
    description: 'Who did what a message tells, as it was at that time.',
    fields: (t) => ({
      externalId: t.exposeID('externalId', { description: 'externalId of the contact.' }),
      firstName: t.exposeString('firstName', { nullable: true, description: 'First name.' }),
      lastName: t.exposeString('lastName', { nullable: true, description: 'Last name.' }),
      photoUrl: t.exposeString('photoUrl', { nullable: true, description: 'Address of a picture.' }),
    }),
  })
  const ActionType = builder.objectRef<Action>('Action').implement({
    description: 'A button of an in-app message, and what became of it.',
    fields: (t) => ({
      type: t.expose('type', { type: enums.ActionType, description: 'Which button.' }),
      label: t.exposeString('label', { description: 'What it says.' }),
      url: t.exposeString('url', { nullable: true, description: 'Where it leads.' }),
      status: t.expose('status', { type: enums.ActionStatus, description: 'Whether it was used.' }),
      payload: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'What was stored with its use.',
        resolve: ({ payload }) => payload,
      }),
    }),
  })

  const InAppMessage = builder.objectRef<FeedMessage>('InAppMessage').implement({
    description: 'A message of a contact’s feed.',
    interfaces: [Message],
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction of its latest notification.' }),
      template: t.id({ nullable: true, description: 'Key of the template.', resolve: ({ templateKey }) => templateKey }),
      feed: t.exposeID('feed', { description: 'The feed that it is in.' }),
      title: t.exposeString('title', { nullable: true, description: 'The title. Plain text.' }),
      body: t.exposeString('body', { description: 'The text. Plain text.' }),
      iconUrl: t.exposeString('iconUrl', { nullable: true, description: 'Address of an icon.' }),
      url: t.exposeString('url', { nullable: true, description: 'Where a click leads: https, http, mailto, tel or relative.' }),
      actor: t.field({ type: ActorType, nullable: true, description: 'Who did it.', resolve: ({ actor }) => actor }),
      data: t.field({ type: 'JSONObject', description: 'The data that it was sent with.', resolve: ({ data }) => data }),
      count: t.exposeInt('count', { description: 'How many notifications were folded into this one by incrementId.' }),
      primaryAction: t.field({
        type: ActionType,
        nullable: true,
        description: 'The first button.',
        resolve: ({ actions }) => actions.find((one) => one.type === 'PRIMARY') ?? null,
      }),
      secondaryAction: t.field({
        type: ActionType,
        nullable: true,
        description: 'The second button.',
        resolve: ({ actions }) => actions.find((one) => one.type === 'SECONDARY') ?? null,
      }),
      seenAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was seen.', resolve: ({ seenAt }) => seenAt }),
      readAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was read.', resolve: ({ readAt }) => readAt }),
      archivedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was archived.',
        resolve: ({ archivedAt }) => archivedAt,
      }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: ({ updatedAt }) => updatedAt }),
    }),
  })

  builder.prismaObject('Message', {
    variant: 'OutboundMessage',
    description: 'A message that goes out to a provider.',
    interfaces: [Message],
    fields: (t) => ({
      provider: t.relation('provider', { nullable: true, description: 'The provider that has or had it.' }),
      providerMessageId: t.exposeString('providerMessageId', { nullable: true, description: "The provider's own id of it." }),
      address: t.exposeString('address', { nullable: true, description: 'Where it goes.' }),
      subject: t.exposeString('subject', { nullable: true, description: 'Subject of an e-mail, title of an LMS or MMS.' }),
      text: t.exposeString('text', { nullable: true, description: 'What was said; null until it is rendered.' }),
      html: t.exposeString('html', { nullable: true, description: 'The HTML part of an e-mail.' }),
    }),
  })
  return { Message, InAppMessage }
}

export type Messages = ReturnType<typeof defineMessages>
