/** Sends to many: `broadcast`, and how far a transaction is. */
import type { Begun } from '../domain/fanout.ts'
import type { Progress as ProgressShape } from '../domain/progress.ts'
import { type TransactionStatus as Status, transactionStatuses } from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { valuesOf } from './enums.ts'
import type { Sending } from './send.ts'

const statusTexts = {
  ACCEPTED: 'Nothing of it has gone out yet.',
  RUNNING: 'It is being written, or something of it waits for its time or for a worker.',
  DONE: 'All of it is written, and nothing of it waits.',
  CANCELED: 'It was canceled.',
} satisfies Record<Status, string>

/** Adds them. */
export function defineFanouts(builder: Builder, { ContactInput, OverridesInput }: Sending) {
  const TransactionStatus = builder.enumType('TransactionStatus', {
    description: 'Where a transaction stands.',
    values: valuesOf(transactionStatuses, statusTexts),
  })
  const BroadcastInput = builder.inputType('BroadcastInput', {
    description: 'One thing to say to many: to all contacts that there are when it is accepted, to a topic, or to a segment.',
    fields: (t) => ({
      template: t.id({ required: true, description: 'Key of the template.' }),
      segment: t.id({ description: 'Key of the segment to tell.' }),
      topic: t.id({ description: 'Key of the topic to tell; instead of `segment`.' }),
      data: t.field({
        type: 'JSONObject',
        description: 'What the template sees, and what comes with the in-app messages; at most 524,288 characters.',
      }),
      actor: t.field({ type: ContactInput, description: 'Who did it: an unknown one becomes a contact.' }),
      transactionId: t.id({ description: 'Names the transaction; one that an earlier call used is TRANSACTION_EXISTS.' }),
      sendAt: t.field({ type: 'DateTime', description: 'When: at most a year ahead; up to 5 minutes past means now.' }),
      overrides: t.field({ type: OverridesInput, description: "What replaces the template's settings." }),
    }),
  })
  const TransactionPayload = builder.objectRef<Begun>('TransactionPayload').implement({
    description: 'A transaction that was begun.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction: for `progress` and `cancel`.' }),
      status: t.expose('status', { type: TransactionStatus, description: 'Where it stands.' }),
    }),
  })
  const Progress = builder.objectRef<ProgressShape>('Progress').implement({
    description: 'How far a transaction is, in notifications.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'The transaction.' }),
      status: t.expose('status', { type: TransactionStatus, description: 'Where it stands.' }),
      total: t.exposeInt('total', {
        nullable: true,
        description:
          'How many there are, or will be; null until the audience is counted. Contacts that join or leave meanwhile move it.',
      }),
      done: t.exposeInt('done', { description: 'Written, with nothing of them waiting any more, whatever became of them.' }),
      sent: t.exposeInt('sent', { description: 'Gone out on at least one channel.' }),
      failed: t.exposeInt('failed', {
        description: 'Failed on every channel that was tried, or not to be told anything at all.',
      }),
    }),
  })

  builder.queryFields((t) => ({
    transaction: t.field({
      type: Progress,
      nullable: true,
      description: 'How far a transaction is; null when there is none.',
      args: { id: t.arg.id({ required: true, description: 'The transaction.' }) },
      resolve: (_root, { id }, context) => context.domain.progress.read(projectOf(context).id, id),
    }),
  }))
  builder.mutationFields((t) => ({
    broadcast: t.field({
      type: TransactionPayload,
      description:
        'Tells many contacts something, one notification each. Answers at once: the notifications are written in the background, in the order ' +
        'in which the contacts were made; `progress` tells how far that is, `cancel` stops it. Members of a topic or segment are those of the ' +
        'moment when their turn comes. Errors: TEMPLATE_NOT_FOUND, TEMPLATE_INACTIVE, TEMPLATE_EMPTY, TEMPLATE_BROKEN, NOT_FOUND, ' +
        'TRANSACTION_EXISTS, BAD_INPUT.',
      args: { input: t.arg({ type: BroadcastInput, required: true, description: 'What to say, and to whom.' }) },
      resolve: (_root, { input }, context) => context.domain.fanouts.broadcast(projectOf(context), input),
    }),
  }))
  builder.subscriptionFields((t) => ({
    progress: t.field({
      type: Progress,
      description:
        'How far a transaction is: first as it is now, then each change, until it is DONE or CANCELED. Any transaction. Errors: NOT_FOUND.',
      args: { transactionId: t.arg.id({ required: true, description: 'The transaction.' }) },
      subscribe: (_root, { transactionId }, context) => context.domain.progress.follow(projectOf(context).id, transactionId),
      resolve: (progress: ProgressShape) => progress,
    }),
  }))
}
