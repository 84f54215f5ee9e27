/** Notifications: reading them, canceling and retrying them, watching their changes. */
import { messageOf, notificationOfMessage } from '../carillon.ts'
import type { CancelResult } from '../domain/cancel.ts'
import type { NotificationChange as Change } from '../domain/notification.ts'
import type { Problem as Warning } from '../errors.ts'
import { byOf, projectOf } from './access.ts'
import type { Activity } from './activity.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'
import type { Messages } from './message.ts'
import type { Problems } from './problem.ts'
import { together } from './together.ts'

type FindWarnings = (id: string) => Promise<readonly Warning[] | undefined>
/** By operation and project. */
const finding = new WeakMap<Context, Map<string, FindWarnings>>()
function warningsFor(context: Context, projectId: string): FindWarnings {
  const ofOperation = finding.get(context) ?? new Map<string, FindWarnings>()
  const find = ofOperation.get(projectId) ?? together((ids) => context.carillon.warnings(projectId, ids))
  finding.set(context, ofOperation.set(projectId, find))
  return find
}

/** Defines notifications, and their operations. */
export function defineNotifications(
  builder: Builder,
  { Channel, MessageStatus: StatusType }: Pick<Enums, 'Channel' | 'MessageStatus'>,
  { Message }: Messages,
  { Problem }: Problems,
  connections: ReturnType<typeof createConnections>,
  activity: Activity,
) {
  const Notification = builder.prismaObject('Notification', {
    description: 'One notification to one contact, with a message for each channel.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', {
        nullable: true,
        description: 'Your own id, given as `id` of the message; null: none was given, or the contact was erased.',
      }),
      transactionId: t.exposeID('transactionId', {
        description:
          'Shared by all notifications of one call. An id that named somebody who was erased: `§` and a hash; the id itself still finds it.',
      }),
      template: t.relation('template', { nullable: true, description: 'The template.' }),
      campaign: t.relation('campaign', {
        nullable: true,
        description: 'The campaign that sent it; null: none, or it was deleted.',
      }),
      contact: t.relation('contact', {
        nullable: true,
        description: 'The recipient; null if it was sent to a phone number or an address without a contact.',
      }),
      actor: t.relation('actor', { nullable: true, description: 'The contact who caused it.' }),
      data: t.field({ type: 'JSONObject', description: 'The `data` that it was sent with.', resolve: ({ data }) => data }),
      channels: t.expose('channels', { type: [Channel], description: 'Channels that it is sent on.' }),
      messages: t.field({
        type: [Message],
        description:
          'Its messages, one for each channel. Empty if it was folded: into an unread message by incrementId, or into a digest, where it waits ' +
          'until the window closes; the messages are then those of `foldedInto`.',
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
          'The notification that its digest became: for the same contact and template, with its own messages and transaction, and the `data` of ' +
          'the latest folded one. null: its window is open, it was canceled before the window closed, or it is in no digest.',
        resolve: (query, notification, _args, { carillon }) => carillon.notifications.foldedInto(notification, query),
      }),
      warnings: t.field({
        type: [Problem],
        description:
          'What its texts have no value for, found when this is read: MISSING_DATA, as in `SendResult.warnings`, by its template, contact and actor ' +
          'as they are now, so it may differ from what sending it said. Only of the channels that it is sent on. At most 20; none without a ' +
          'template, or if the contact was erased.',
        resolve: async ({ projectId, id }, _args, context) => [...((await warningsFor(context, projectId)(id)) ?? [])],
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
      sendAt: t.expose('sendAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it is due, or when the window of its digest closes; null: it was due at once.',
      }),
      canceledAt: t.expose('canceledAt', { type: 'DateTime', nullable: true, description: 'When it was canceled.' }),
    }),
  })
  const NotificationConnection = connections.of('Notification', Notification)

  const NotificationFilter = builder.inputType('NotificationFilter', {
    description: 'Filters notifications. All filters must match; a list matches if any of its values does.',
    fields: (t) => ({
      channels: t.field({ type: [Channel], description: 'Sent on one of these channels.' }),
      templates: t.idList({ description: 'Of one of these templates, by key.' }),
      emails: t.stringList({
        description: "To one of these e-mail addresses: the contact's, or the one it was sent to. Case-insensitive.",
      }),
      search: t.string({
        description:
          'Part of an externalId, name, e-mail address, phone number, template, transactionId or id. Case-insensitive.',
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
      description: 'One notification, by exactly one of `id` and `key`; null if it does not exist. Errors: BAD_INPUT.',
      args: {
        id: t.arg.id({ description: 'Id on this server.' }),
        key: t.arg.id({ description: 'Your own id, given as `id` of the message.' }),
      },
      resolve: (query, _root, { id, key }, context) =>
        context.carillon.notifications.named(projectOf(context).id, id ?? null, key ?? null, query),
    }),
    notifications: t.field({
      type: NotificationConnection,
      description: 'Notifications, newest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: { filter: t.arg({ type: NotificationFilter, description: 'Filters the list.' }), ...connections.args },
      resolve: (_root, { filter, ...page }, context, info) =>
        context.carillon.notifications.list(projectOf(context).id, filter, page, loadingOfNodes(context, info, 'Notification')),
    }),
  }))

  const CancelPayload = builder.objectRef<CancelResult>('CancelPayload').implement({
    description: 'Result of canceling, in messages.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction.' }),
      canceledCount: t.exposeInt('canceledCount', {
        description:
          'Messages that will not be sent, or were retracted before they were seen. Notifications in an open window of a digest have no messages ' +
          'yet and are not counted.',
      }),
      alreadySentCount: t.exposeInt('alreadySentCount', { description: 'Messages that had already been sent; in-app: seen.' }),
    }),
  })
  const RetryPayload = builder.objectRef<{ retriedCount: number }>('RetryPayload').implement({
    description: 'Result of sending messages again.',
    fields: (t) => ({ retriedCount: t.exposeInt('retriedCount', { description: 'How many messages are sent again.' }) }),
  })
  builder.mutationFields((t) => ({
    cancel: t.field({
      type: CancelPayload,
      description:
        'Cancels a transaction: after the response, nothing more of it is sent to any provider, and in-app messages that have not been seen are ' +
        'retracted. Its notifications are removed from open digests; a digest without any is not sent. Errors: NOT_FOUND.',
      args: { transactionId: t.arg.id({ required: true, description: 'The transaction.' }) },
      resolve: (_root, { transactionId }, context) =>
        context.carillon.cancel(projectOf(context).id, transactionId, byOf(context)),
    }),
    retryMessages: t.field({
      type: RetryPayload,
      description:
        'Sends FAILED messages again, as new attempts of the same messages; UNKNOWN ones only by id, because they may have been delivered. ' +
        'Messages in other states are ignored. Takes either `messages` or `filter`. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        messages: t.arg.idList({ description: 'Ids of the messages, 1-1,000.' }),
        filter: t.arg({
          type: NotificationFilter,
          description: 'FAILED messages of these notifications, at most 10,000 in one call.',
        }),
      },
      resolve: async (_root, { messages, filter }, context) => ({
        retriedCount: await context.carillon.deadLetters.retry(
          projectOf(context).id,
          messages ?? null,
          filter ?? null,
          byOf(context),
        ),
      }),
    }),
  }))

  const NotificationChange = builder.objectRef<Change>('NotificationChange').implement({
    description: 'A message reached a new state.',
    fields: (t) => ({
      notification: t.prismaField({
        type: 'Notification',
        description: 'The notification.',
        resolve: (query, { projectId, notificationId }, _args, { carillon }) =>
          carillon.notifications.withId(projectId, notificationId, query),
      }),
      message: t.field({ type: Message, description: 'The message, as it is now.', resolve: ({ message }) => message }),
      status: t.expose('status', { type: StatusType, description: 'The state that it reached.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    }),
  })
  builder.subscriptionFields((t) => ({
    notificationChanged: t.field({
      type: NotificationChange,
      description:
        'Every change of the state of a message of the project, live, for monitoring. Changes that happen while a client is not connected are ' +
        'not replayed; query `notifications` for them.',
      args: { filter: t.arg({ type: NotificationFilter, description: 'Only changes of these notifications.' }) },
      subscribe: (_root, { filter }, context) => {
        const projectId = projectOf(context).id
        return activity.follow(projectId, context.sendBuffer, context.carillon.notifications.changes(projectId, filter))
      },
      resolve: (change: Change) => change,
    }),
  }))
  return { NotificationConnection }
}

/** The types of notifications that others use. */
export type NotificationTypes = ReturnType<typeof defineNotifications>
