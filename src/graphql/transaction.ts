/** Transactions, as they are listed. */
import type { StatusCount as CountShape, StatusCounts as Counts, Transaction as Shape } from '../domain/transaction.ts'
import { type AuditActor, auditActors, type FanoutAudience, type TransactionKind, transactionKinds } from '../words.ts'
import { projectOf } from './access.ts'
import type { BroadcastTypes } from './broadcast.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import { type Enums, valuesOf } from './enums.ts'
import type { NotificationTypes } from './notification.ts'

const kindTexts = {
  CALL: 'A call for contacts or addresses that it names: `sendMessages`, `triggerCampaign` and the like.',
  BROADCAST: 'A message to an audience: a topic, a segment or all contacts.',
  CAMPAIGN: 'A run of a campaign.',
} satisfies Record<TransactionKind, string>

const actorTexts = {
  KEY: 'An API key.',
  TOKEN: 'An access token of `authenticate`.',
  PERSON: 'A person who was signed in.',
  OPERATOR: "The key of the server's operator.",
  SYSTEM: 'The server itself, as the schedule of a campaign says.',
} satisfies Record<AuditActor, string>

const audienceKinds = { all: 'ALL', topic: 'TOPIC', segment: 'SEGMENT' } as const satisfies Record<FanoutAudience['kind'], string>

/** Defines transactions. */
export function defineTransactions(
  builder: Builder,
  { Channel, MessageStatus }: Pick<Enums, 'Channel' | 'MessageStatus'>,
  { TransactionStatus, Progress }: BroadcastTypes,
  { NotificationConnection }: NotificationTypes,
  connections: ReturnType<typeof createConnections>,
) {
  const TransactionKind = builder.enumType('TransactionKind', {
    description: 'What a transaction is.',
    values: valuesOf(transactionKinds, kindTexts),
  })
  const ActorKind = builder.enumType('TransactionActorKind', {
    description: 'Who began a transaction.',
    values: valuesOf(auditActors, actorTexts),
  })
  const AudienceKind = builder.enumType('AudienceKind', {
    description: 'What an audience is.',
    values: valuesOf(['ALL', 'TOPIC', 'SEGMENT'] as const, {
      ALL: 'All contacts of the project.',
      TOPIC: 'The members of a topic.',
      SEGMENT: 'The contacts of a segment.',
    }),
  })

  const Actor = builder.objectRef<{ kind: AuditActor; id: string | null; name: string | null }>('TransactionActor').implement({
    description: 'Who began a transaction, as it was named at that time.',
    fields: (t) => ({
      kind: t.field({ type: ActorKind, description: 'Kind of credential.', resolve: ({ kind }) => kind }),
      id: t.exposeID('id', { nullable: true, description: 'Id of the API key or the person; null for others.' }),
      name: t.exposeString('name', {
        nullable: true,
        description: 'Name of the API key or the person, or else the e-mail address of the person; null for others.',
      }),
    }),
  })
  const Audience = builder.objectRef<{ projectId: string; audience: FanoutAudience }>('TransactionAudience').implement({
    description: 'Whom a transaction is for.',
    fields: (t) => ({
      kind: t.field({ type: AudienceKind, description: 'What it is.', resolve: ({ audience }) => audienceKinds[audience.kind] }),
      topic: t.prismaField({
        type: 'Topic',
        nullable: true,
        description: 'The topic; null for others, or if it was deleted.',
        resolve: (query, { projectId, audience }, _args, { carillon }) =>
          audience.kind === 'topic' ? carillon.transactions.topicOf(projectId, audience.id, query) : null,
      }),
      segment: t.prismaField({
        type: 'Segment',
        nullable: true,
        description:
          'The segment, as it is now; null for others, or if it was deleted. The transaction keeps the condition that it began with.',
        resolve: (query, { projectId, audience }, _args, { carillon }) =>
          audience.kind === 'segment' ? carillon.transactions.segmentOf(projectId, audience.id, query) : null,
      }),
    }),
  })
  const StatusCount = builder.objectRef<CountShape>('StatusCount').implement({
    description: 'How many messages on a channel are in a state.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      status: t.expose('status', {
        type: MessageStatus,
        description: 'The state; a message that is being sent at this moment counts as QUEUED.',
      }),
      count: t.exposeInt('count', { description: 'How many messages.' }),
    }),
  })
  const StatusCounts = builder.objectRef<Counts>('StatusCounts').implement({
    description: 'The messages of a transaction by channel and state.',
    fields: (t) => ({
      messages: t.field({
        type: [StatusCount],
        description: 'By channel and state; what there is none of is left out.',
        resolve: ({ counts }) => [...counts],
      }),
      notifications: t.exposeInt('notifications', { description: 'Notifications whose messages were counted: at most 10,000.' }),
      isWhole: t.exposeBoolean('isWhole', {
        description: 'Whether these are all notifications that there are; false: the first 10,000 were counted.',
      }),
    }),
  })

  const Transaction = builder.objectRef<Shape>('Transaction').implement({
    description: 'All notifications of one call, or of one run of a campaign.',
    fields: (t) => ({
      id: t.exposeID('transactionId', {
        description: 'The transaction: for `progress` and `cancel`. One that named somebody who was erased: `§` and a hash.',
      }),
      kind: t.field({ type: TransactionKind, description: 'What it is.', resolve: ({ kind }) => kind }),
      by: t.field({
        type: Actor,
        nullable: true,
        description: 'Who began it; null if that was not stored, as for kind CALL.',
        resolve: ({ byKind, byId, byName }) => (byKind === null ? null : { kind: byKind, id: byId, name: byName }),
      }),
      template: t.prismaField({
        type: 'Template',
        nullable: true,
        description:
          'The template. A call of `sendMessages` may have several: then it is that of its first message to a topic that the list asks for, or of ' +
          'its first notification; so is `audience`. Null: it was deleted, or there is none.',
        resolve: (query, { projectId, templateId }, _args, { carillon }) =>
          templateId === null ? null : carillon.transactions.templateOf(projectId, templateId, query),
      }),
      campaign: t.prismaField({
        type: 'Campaign',
        nullable: true,
        description: 'The campaign; null for other kinds, or if it was deleted.',
        resolve: (query, { projectId, campaignId }, _args, { carillon }) =>
          campaignId === null ? null : carillon.transactions.campaignOf(projectId, campaignId, query),
      }),
      audience: t.field({
        type: Audience,
        nullable: true,
        description: 'Whom it is for; null for kind CALL.',
        resolve: ({ projectId, audience }) => (audience === null ? null : { projectId, audience }),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
      sendAt: t.expose('sendAt', { type: 'DateTime', nullable: true, description: 'When it is due; null: at once.' }),
      progress: t.field({
        type: Progress,
        nullable: true,
        description:
          'Its state, how far it is, and what became of its notifications, by channel too; as the subscription `progress` has it live. Null: it was ' +
          'removed meanwhile.',
        resolve: ({ projectId, transactionId }, _args, { carillon }) => carillon.transactions.find(projectId, transactionId),
      }),
      counts: t.field({
        type: StatusCounts,
        description:
          'Its messages by channel and state, counted when this is read: of its first 10,000 notifications. `progress.stats` has sums of all of them.',
        resolve: (transaction, _args, { carillon }) => carillon.transactions.statuses(transaction),
      }),
      notifications: t.field({
        type: NotificationConnection,
        description: 'Its notifications, newest first. Errors: BAD_INPUT, BAD_CURSOR.',
        args: connections.args,
        resolve: ({ projectId, transactionId }, page, context, info) =>
          context.carillon.notifications.ofTransaction(
            projectId,
            transactionId,
            page,
            loadingOfNodes(context, info, 'Notification'),
          ),
      }),
    }),
  })
  const TransactionConnection = connections.of('Transaction', Transaction)

  const TransactionFilter = builder.inputType('TransactionFilter', {
    description: 'Filters transactions. All filters must match; a list matches if any of its values does.',
    fields: (t) => ({
      kinds: t.field({ type: [TransactionKind], description: 'Of one of these kinds: BROADCAST, CAMPAIGN.' }),
      by: t.string({ description: 'Begun by this API key or person: id or name, exactly. At most 255 characters.' }),
      templates: t.idList({ description: 'Of one of these templates, by key. At most 100.' }),
      topic: t.id({ description: 'To this topic, by key.' }),
      segment: t.id({ description: 'To this segment, by key; instead of `topic`.' }),
      campaign: t.id({ description: 'Of this campaign, by key.' }),
      statuses: t.field({ type: [TransactionStatus], description: 'In one of these states, as `progress` has them.' }),
      from: t.field({ type: 'DateTime', description: 'Accepted at this time or later.' }),
      to: t.field({ type: 'DateTime', description: 'Accepted before this time.' }),
    }),
  })
  builder.queryFields((t) => ({
    transactions: t.field({
      type: TransactionConnection,
      description:
        'What was sent to many, newest first: broadcasts, messages to topics, and runs of campaigns for their segment, begun by any caller. Calls ' +
        'for contacts that they name are not in it, and neither is what an event or `triggerCampaign` started: `notifications` has them. Kept as ' +
        'long as notifications: `Project.retentionDays`. Errors: BAD_INPUT (also for kind CALL), BAD_CURSOR.',
      args: { filter: t.arg({ type: TransactionFilter, description: 'Filters the list.' }), ...connections.args },
      resolve: (_root, { filter, ...page }, context) =>
        context.carillon.transactions.list(projectOf(context).id, filter ?? {}, page),
    }),
  }))
  builder.objectField(Progress, 'transaction', (t) =>
    t.field({
      type: Transaction,
      nullable: true,
      description: 'What it is, by whom and to whom; null: nothing of it is stored any more.',
      resolve: ({ transactionId }, _args, context) => context.carillon.transactions.named(projectOf(context).id, transactionId),
    }),
  )
  return { TransactionConnection }
}

/** The types of transactions that others use. */
export type TransactionTypes = ReturnType<typeof defineTransactions>
