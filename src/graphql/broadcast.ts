/** `broadcast`, and the progress of transactions. */

import type { Progress as ProgressShape } from '../domain/progress.ts'
import type { Begun } from '../send/fanout.ts'
import { type TransactionStatus as Status, transactionStatuses } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { valuesOf } from './enums.ts'
import type { Sending } from './send.ts'
import type { StatsTypes } from './stats.ts'

const statusTexts = {
  ACCEPTED: 'Nothing has been sent yet.',
  RUNNING: 'Notifications are being created, or messages are pending.',
  DONE: 'All notifications are created, and no message is pending.',
  CANCELED: 'It was canceled.',
} satisfies Record<Status, string>

/** Defines `broadcast`, and transactions. */
export function defineBroadcast(builder: Builder, { ContactInput, OverridesInput }: Sending, { ResultStats }: StatsTypes) {
  const TransactionStatus = builder.enumType('TransactionStatus', {
    description: 'State of a transaction.',
    values: valuesOf(transactionStatuses, statusTexts),
  })
  const BroadcastInput = builder.inputType('BroadcastInput', {
    description: 'A notification to many contacts: those of a topic or a segment, or all that exist when the call is accepted.',
    fields: (t) => ({
      template: t.id({ required: true, description: 'Key of the template.' }),
      segment: t.id({ description: 'Key of a segment: its contacts are the audience.' }),
      topic: t.id({ description: 'Key of a topic: its members are the audience; instead of `segment`.' }),
      data: t.field({
        type: 'JSONObject',
        description: 'Variables of the template; also returned with the in-app messages. At most 524,288 characters of JSON.',
      }),
      actor: t.field({
        type: ContactInput,
        description: 'The contact who caused it, such as the author of a comment; an unknown one is created.',
      }),
      transactionId: t.id({
        description:
          'Id of the transaction; one that an earlier call used is refused with TRANSACTION_EXISTS. Default: a generated one.',
      }),
      sendAt: t.field({
        type: 'DateTime',
        description: 'When to send it: at most a year ahead; up to 5 minutes in the past means now.',
      }),
      overrides: t.field({ type: OverridesInput, description: 'Replaces content of the template.' }),
    }),
  })
  const TransactionPayload = builder.objectRef<Begun>('TransactionPayload').implement({
    description: 'A transaction that was started.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction: for `progress` and `cancel`.' }),
      status: t.expose('status', { type: TransactionStatus, description: 'Its state.' }),
    }),
  })
  const Progress = builder.objectRef<ProgressShape>('Progress').implement({
    description: 'Progress of a transaction, in notifications.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction.' }),
      status: t.expose('status', { type: TransactionStatus, description: 'Its state.' }),
      total: t.exposeInt('total', {
        nullable: true,
        description:
          'Expected number of notifications; null until the audience is counted. It changes when contacts join or leave in the meantime.',
      }),
      done: t.exposeInt('done', { description: 'Finished: no message of them is pending, whatever the result.' }),
      sent: t.exposeInt('sent', { description: 'Sent on at least one channel.' }),
      failed: t.exposeInt('failed', {
        description: 'Failed on every channel that was attempted, or not sent on any channel.',
      }),
      stats: t.field({
        type: ResultStats,
        nullable: true,
        description:
          'What became of its notifications, by channel too; reading it takes the same time however many there are. Null if nothing in it is a ' +
          'broadcast, a campaign or a message to a topic.',
        resolve: ({ transactionId }, _args, context) =>
          context.carillon.activity.ofTransaction(projectOf(context).id, transactionId),
      }),
    }),
  })

  builder.queryFields((t) => ({
    transaction: t.field({
      type: Progress,
      nullable: true,
      description: 'Progress of a transaction; null if it does not exist.',
      args: { id: t.arg.id({ required: true, description: 'The transaction.' }) },
      resolve: (_root, { id }, context) => context.carillon.transactions.find(projectOf(context).id, id),
    }),
  }))
  builder.mutationFields((t) => ({
    broadcast: t.field({
      type: TransactionPayload,
      description:
        'Sends a template to many contacts, one notification each. Returns at once: the notifications are created in the background, in the ' +
        'order in which the contacts were created. `progress` reports how far it is, `cancel` stops it. Whether a contact is in the topic or ' +
        'segment is decided when its turn comes. Errors: TEMPLATE_NOT_FOUND, TEMPLATE_INACTIVE, TEMPLATE_EMPTY, TEMPLATE_BROKEN, NOT_FOUND, ' +
        'TRANSACTION_EXISTS, BAD_INPUT.',
      args: { input: t.arg({ type: BroadcastInput, required: true, description: 'The template and its audience.' }) },
      resolve: (_root, { input }, context) => context.carillon.fanouts.broadcast(projectOf(context), input, byOf(context)),
    }),
  }))
  builder.subscriptionFields((t) => ({
    progress: t.field({
      type: Progress,
      description:
        'Progress of any transaction: the current state first, then each change, until it is DONE or CANCELED. Errors: NOT_FOUND.',
      args: { transactionId: t.arg.id({ required: true, description: 'The transaction.' }) },
      subscribe: (_root, { transactionId }, context) =>
        context.carillon.transactions.follow(projectOf(context).id, transactionId),
      resolve: (progress: ProgressShape) => progress,
    }),
  }))
  return { TransactionStatus, Progress }
}

/** The types of broadcasts that others use. */
export type BroadcastTypes = ReturnType<typeof defineBroadcast>
