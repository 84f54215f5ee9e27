/** Notifications: looking at them, sending them, taking them back. */
import type { Prisma } from '../db/generated/client.ts'
import { type NotificationFilter as Filter, whereOf } from '../domain/activity.ts'
import type { CancelResult } from '../domain/cancel.ts'
import { isUuid } from '../domain/ids.ts'
import type { MessageStatus } from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Activity } from './activity.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import type { Enums } from './enums.ts'
import { type AnyMessage, type Messages, messageOf, notificationOfMessage } from './message.ts'

interface Change {
  readonly projectId: string
  readonly notificationId: string
  readonly message: AnyMessage
  readonly status: MessageStatus
  readonly at: string
}

/** Adds them. */
export function defineNotifications(
  builder: Builder,
  { Channel, MessageStatus: StatusType }: Pick<Enums, 'Channel' | 'MessageStatus'>,
  { Message }: Messages,
  connections: ReturnType<typeof createConnections>,
  activity: Activity,
) {
  const Notification = builder.prismaObject('Notification', {
    description: 'One thing said once to one contact.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id on this server.' }),
      key: t.exposeID('key', { nullable: true, description: 'The id that its sender gave it.' }),
      transactionId: t.exposeID('transactionId', { description: 'Shared by all notifications of one call.' }),
      template: t.relation('template', { nullable: true, description: 'The template.' }),
      campaign: t.relation('campaign', { nullable: true, description: 'The campaign that sent it, while there is one.' }),
      contact: t.relation('contact', { nullable: true, description: 'Whom it tells; null when it was sent to a bare address.' }),
      actor: t.relation('actor', { nullable: true, description: 'Who did it.' }),
      data: t.field({ type: 'JSONObject', description: 'What it was sent with.', resolve: ({ data }) => data }),
      channels: t.expose('channels', { type: [Channel], description: 'The channels that were decided on.' }),
      messages: t.field({
        type: [Message],
        description:
          'What it says on each channel. Empty when it was folded: into an unread message by incrementId, or into a digest, where it waits until ' +
          'the window closes; then `foldedInto` has the messages.',
        select: { ...notificationOfMessage, messages: true, data: true, transactionId: true },
        resolve: ({ messages, ...notification }) =>
          messages
            .toSorted((a, b) => (a.id < b.id ? -1 : 1))
            .map((message) =>
              messageOf({ ...message, notification: { ...notification, templateId: '', channels: [] } as never }),
            ),
      }),
      foldedInto: t.prismaField({
        type: 'Notification',
        nullable: true,
        description:
          "The notification that its digest became: of the same contact and template, with messages and a transaction of its own, and the latest one's " +
          '`data`. null while the window is open, when it was canceled before that, and for all that is in no digest.',
        resolve: async (query, { projectId, id, digestId }, _args, { domain: { prisma } }) => {
          if (digestId === null) return null
          const digest = await prisma.digest.findUnique({ where: { projectId_id: { projectId, id: digestId } } })
          const into = digest?.notificationId ?? null
          return into === null || into === id
            ? null
            : prisma.notification.findUnique({ ...query, where: { projectId_id: { projectId, id: into } } })
        },
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
      sendAt: t.expose('sendAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it is due, or when the window of its digest closes; null: at once.',
      }),
      canceledAt: t.expose('canceledAt', { type: 'DateTime', nullable: true, description: 'When it was canceled.' }),
    }),
  })
  const NotificationConnection = connections.of('Notification', Notification)

  const NotificationFilter = builder.inputType('NotificationFilter', {
    description: 'Narrows a list of notifications. Each part narrows further; a list means any of.',
    fields: (t) => ({
      channels: t.field({ type: [Channel], description: 'On one of these channels.' }),
      templates: t.idList({ description: 'Of one of these templates, by key.' }),
      emails: t.stringList({
        description: "To one of these e-mail addresses: the contact's, or the one it was sent to. Case does not matter.",
      }),
      search: t.string({
        description:
          'Part of an externalId, a name, an e-mail address, a phone number, a template, a transactionId or an id. Case does not matter.',
      }),
      transactionId: t.id({ description: 'Of this transaction.' }),
      contact: t.id({ description: 'To this contact, by externalId.' }),
      statuses: t.field({ type: [StatusType], description: 'With a message in one of these states.' }),
      from: t.field({ type: 'DateTime', description: 'Accepted at this time or later.' }),
      to: t.field({ type: 'DateTime', description: 'Accepted before this time.' }),
    }),
  })

  builder.queryFields((t) => ({
    notification: t.prismaField({
      type: 'Notification',
      nullable: true,
      description: 'One notification; null when there is none.',
      args: { id: t.arg.id({ required: true, description: 'Its id on this server.' }) },
      resolve: (query, _root, { id }, context) =>
        isUuid(id)
          ? context.domain.prisma.notification.findUnique({
              ...query,
              where: { projectId_id: { projectId: projectOf(context).id, id } },
            })
          : null,
    }),
    notifications: t.field({
      type: NotificationConnection,
      description: 'Notifications, newest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: { filter: t.arg({ type: NotificationFilter, description: 'Narrows the list.' }), ...connections.args },
      resolve: (_root, { filter, ...page }, context, info): Promise<Connection<Prisma.NotificationGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const where = whereOf(projectId, filter)
        const query = selectionOfNodes<Prisma.NotificationFindManyArgs>(context, info, 'Notification')
        return pageById(
          context,
          'notifications',
          projectId,
          page,
          'newest-first',
          ({ where: range, ...order }) => prisma.notification.findMany({ ...query, where: { AND: [where, range] }, ...order }),
          () => prisma.notification.count({ where }),
        )
      },
    }),
  }))

  const CancelPayload = builder.objectRef<CancelResult>('CancelPayload').implement({
    description: 'What canceling did, in messages.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction.' }),
      canceledCount: t.exposeInt('canceledCount', {
        description:
          'Messages that now will not go out, or were taken back unseen. What waited in the window of a digest had none yet, and is not counted.',
      }),
      alreadySentCount: t.exposeInt('alreadySentCount', { description: 'Messages that were handed over before; in-app: seen.' }),
    }),
  })
  const RetryPayload = builder.objectRef<{ retriedCount: number }>('RetryPayload').implement({
    description: 'What sending again did.',
    fields: (t) => ({ retriedCount: t.exposeInt('retriedCount', { description: 'How many messages go out again.' }) }),
  })
  builder.mutationFields((t) => ({
    cancel: t.field({
      type: CancelPayload,
      description:
        'Cancels a transaction: when it has answered, nothing more of it is handed to any provider; in-app messages that nobody has seen are ' +
        'taken back. What waits in a digest leaves it; where nothing is left, nothing is sent. Errors: NOT_FOUND.',
      args: { transactionId: t.arg.id({ required: true, description: 'The transaction.' }) },
      resolve: (_root, { transactionId }, context) => context.domain.cancel(projectOf(context).id, transactionId),
    }),
    retryMessages: t.field({
      type: RetryPayload,
      description:
        'Sends FAILED messages again, as new attempts of the same messages; UNKNOWN ones only when they are named, because they may have ' +
        'arrived. Others are left alone and not counted. Give `messages` or `filter`. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        messages: t.arg.idList({ description: 'Ids of the messages, 1-1,000.' }),
        filter: t.arg({ type: NotificationFilter, description: 'Messages of these notifications, at most 10,000 in one call.' }),
      },
      resolve: async (_root, { messages, filter }, context) => ({
        retriedCount: await context.domain.deadLetters.retry(projectOf(context).id, messages ?? null, filter ?? null),
      }),
    }),
  }))

  const NotificationChange = builder.objectRef<Change>('NotificationChange').implement({
    description: 'A message reached a new status.',
    fields: (t) => ({
      notification: t.prismaField({
        type: 'Notification',
        description: 'The notification.',
        resolve: (query, { projectId, notificationId }, _args, { domain }) =>
          domain.prisma.notification.findUniqueOrThrow({ ...query, where: { projectId_id: { projectId, id: notificationId } } }),
      }),
      message: t.field({ type: Message, description: 'The message, as it is now.', resolve: ({ message }) => message }),
      status: t.expose('status', { type: StatusType, description: 'The status that it reached.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    }),
  })
  builder.subscriptionFields((t) => ({
    notificationChanged: t.field({
      type: NotificationChange,
      description:
        'Every status that a message of the project reaches, live: for an operator to watch. What happens while nobody is connected is ' +
        'not replayed: `notifications` has it.',
      args: { filter: t.arg({ type: NotificationFilter, description: 'Narrows what is told.' }) },
      subscribe: (_root, { filter }, context) => {
        const projectId = projectOf(context).id
        const where = whereOf(projectId, filter)
        return activity.follow(projectId, context.outlet, (change) =>
          load(context.domain.prisma, projectId, where, filter, change),
        )
      },
      resolve: (change: Change) => change,
    }),
  }))

  async function load(
    prisma: import('../db/generated/client.ts').PrismaClient,
    projectId: string,
    where: Prisma.NotificationWhereInput,
    filter: Filter | null | undefined,
    { notificationId, messageId, status, at }: { notificationId: string; messageId: string; status: MessageStatus; at: string },
  ): Promise<Change | null> {
    if (filter?.statuses && !filter.statuses.includes(status)) return null
    const { statuses: _statuses, ...others } = filter ?? {}
    const isFiltered = Object.values(others).some((value) => value !== null && value !== undefined)
    const message = await prisma.message.findFirst({
      where: { projectId, id: messageId, ...(isFiltered ? { notification: where } : {}) },
      include: { notification: { include: notificationOfMessage } },
    })
    return message === null ? null : { projectId, notificationId, message: messageOf(message), status, at }
  }
}
