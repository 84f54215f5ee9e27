/** Messages: a notification on one channel. */
import { isFeedMessage } from '../carillon.ts'
import type { AnyMessage } from '../domain/message.ts'
import { type Problem, storedProblem } from '../errors.ts'
import type { Action, Actor, Channel, FeedMessage, MessageStatus } from '../words.ts'
import type { Builder } from './builder.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'
import type { Providers } from './provider.ts'

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

/** The row of a message: of an in-app one from the feed, it is looked up. */
const rowOf = (message: AnyMessage, { carillon }: Context) => (isFeedMessage(message) ? carillon.messages.row(message) : message)

const texts = {
  id: 'Id on this server; part of the Message-ID of an e-mail, and the same on every attempt.',
  channel: 'The channel.',
  status: 'Its state.',
  notification: 'The notification that it belongs to.',
  error: 'Why it failed or was not sent; null: it did not.',
  attempts: 'All attempts to send it, oldest first.',
  templateVersion:
    'Version of the template that it was rendered with: what `templateVersion` takes. null: it was not rendered yet, has no template, or was rendered ' +
    'by an older release.',
  history: 'All states that it has had, oldest first.',
  createdAt: 'When it was accepted.',
  sentAt: 'When the provider accepted it; in-app: when it entered the feed.',
  deliveredAt: 'When it reached the recipient, if the provider reports that.',
} as const

/** Defines the types of messages. */
export function defineMessages(builder: Builder, enums: Enums, { Problem }: Problems, { Attempt }: Providers) {
  const { Channel: ChannelType, MessageStatus: StatusType } = enums
  const MessageEvent = builder.objectRef<Event>('MessageEvent').implement({
    description: 'A change of the state of a message.',
    fields: (t) => ({
      status: t.expose('status', { type: StatusType, description: 'The status.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
      detail: t.exposeString('detail', {
        nullable: true,
        description: 'With SENDING, the key of the provider; otherwise the error code, if any.',
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
      status: t.field({
        type: StatusType,
        description: texts.status,
        resolve: (one, _args, { carillon }) => carillon.messages.status(one),
      }),
      notification: t.prismaField({
        type: 'Notification',
        description: texts.notification,
        resolve: (query, { projectId, notificationId }, _args, { carillon }) =>
          carillon.notifications.withId(projectId, notificationId, query),
      }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: texts.error,
        resolve: async (one, _args, context): Promise<Problem | null> => storedProblem(await rowOf(one, context)),
      }),
      attempts: t.field({
        type: [Attempt],
        description: texts.attempts,
        resolve: (one, _args, { carillon }) => carillon.messages.attempts(one),
      }),
      templateVersion: t.int({
        nullable: true,
        description: texts.templateVersion,
        resolve: async (one, _args, context) => (await rowOf(one, context)).templateVersion,
      }),
      history: t.field({
        type: [MessageEvent],
        description: texts.history,
        resolve: async (one, _args, context) => historyOf((await rowOf(one, context)).history),
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
    description: 'The contact who caused a notification, with its name and picture at that time.',
    fields: (t) => ({
      externalId: t.exposeID('externalId', { description: 'externalId of the contact.' }),
      firstName: t.exposeString('firstName', { nullable: true, description: 'First name.' }),
      lastName: t.exposeString('lastName', { nullable: true, description: 'Last name.' }),
      photoUrl: t.exposeString('photoUrl', { nullable: true, description: 'URL of a picture.' }),
    }),
  })
  const ActionType = builder.objectRef<Action>('Action').implement({
    description: 'A button of an in-app message, and whether it was used.',
    fields: (t) => ({
      type: t.expose('type', { type: enums.ActionType, description: 'Which button.' }),
      label: t.exposeString('label', { description: 'The label.' }),
      url: t.exposeString('url', { nullable: true, description: 'URL that it opens.' }),
      status: t.expose('status', { type: enums.ActionStatus, description: 'Whether it was used.' }),
      payload: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'Payload recorded when the button was used.',
        resolve: ({ payload }) => payload,
      }),
    }),
  })

  const InAppMessage = builder.objectRef<FeedMessage>('InAppMessage').implement({
    description: 'An in-app message: an entry of a feed.',
    interfaces: [Message],
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction of its latest notification.' }),
      template: t.id({ nullable: true, description: 'Key of the template.', resolve: ({ templateKey }) => templateKey }),
      severity: t.field({
        type: enums.Severity,
        description: 'How important it is: what its template says now.',
        resolve: ({ severity }) => severity ?? 'NORMAL',
      }),
      feed: t.exposeID('feed', { description: 'The feed that it is in.' }),
      title: t.exposeString('title', { nullable: true, description: 'The title. Plain text.' }),
      body: t.exposeString('body', { description: 'The text. Plain text.' }),
      iconUrl: t.exposeString('iconUrl', { nullable: true, description: 'URL of an icon.' }),
      url: t.exposeString('url', {
        nullable: true,
        description: 'URL that a click opens: https, http, mailto, tel or relative.',
      }),
      actor: t.field({
        type: ActorType,
        nullable: true,
        description: 'The contact who caused it.',
        resolve: ({ actor }) => actor,
      }),
      data: t.field({ type: 'JSONObject', description: 'The `data` that it was sent with.', resolve: ({ data }) => data }),
      count: t.exposeInt('count', {
        description: 'How many notifications it stands for: 1, or more if others were folded into it by incrementId.',
      }),
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
      seenAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was seen; null: it has not been.',
        resolve: ({ seenAt }) => seenAt,
      }),
      readAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was read; null: it has not been.',
        resolve: ({ readAt }) => readAt,
      }),
      archivedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was archived; null: it has not been.',
        resolve: ({ archivedAt }) => archivedAt,
      }),
      snoozedUntil: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Its reader has put it off until then: it is not in the feed and not counted. null: it is not snoozed.',
        resolve: ({ snoozedUntil }) => snoozedUntil ?? null,
      }),
      deletedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was deleted from its feed; null: it has not been.',
        // The signal of a process of an older release has none.
        resolve: ({ deletedAt }) => deletedAt ?? null,
      }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it was last changed.', resolve: ({ updatedAt }) => updatedAt }),
    }),
  })

  builder.prismaObject('Message', {
    variant: 'OutboundMessage',
    description: 'A message that is sent through a provider.',
    interfaces: [Message],
    fields: (t) => ({
      provider: t.relation('provider', {
        nullable: true,
        description: 'The provider that it was last sent through; null: it has not been, or the provider was deleted.',
      }),
      providerMessageId: t.exposeString('providerMessageId', {
        nullable: true,
        description: "The provider's id of the message.",
      }),
      address: t.string({
        nullable: true,
        select: { address: true, channel: true },
        description: 'Address that it is sent to; `…` replaces what in a URL may authorize.',
        resolve: ({ address, channel }, _args, { carillon }) => carillon.shownAddress(channel, address),
      }),
      subject: t.exposeString('subject', { nullable: true, description: 'Subject of an e-mail, title of an LMS or MMS.' }),
      text: t.exposeString('text', { nullable: true, description: 'Rendered text; null until it is rendered.' }),
      html: t.exposeString('html', { nullable: true, description: 'The HTML part of an e-mail.' }),
    }),
  })
  return { Message, InAppMessage }
}

/** The types of messages. */
export type Messages = ReturnType<typeof defineMessages>
