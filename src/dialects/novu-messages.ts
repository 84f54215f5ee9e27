/** Novu's routes of messages: to list those of all channels, and to take one, or those of a transaction, out of feeds. */
import { z } from 'zod'
import { CarillonError } from '../errors.ts'
import { projectOf, type Route } from './dialect.ts'
import { message, shownMessage } from './novu-message.ts'
import {
  channelNames,
  channelsNamed,
  either,
  listOrOne,
  notFound,
  pageBody,
  pageNumber,
  pageOf,
  pageSize,
  wrapped,
} from './novu-values.ts'
import { defineRoute } from './route.ts'

const texts = listOrOne(z.string())

const list = defineRoute({
  method: 'GET',
  path: '/v1/messages',
  operation: 'notifications',
  summary: 'Lists messages of all channels, those of the newest notification first.',
  query: z.object({
    page: pageNumber,
    limit: pageSize,
    channel: z.enum([...channelNames, '']).optional(),
    subscriberId: z.string().optional(),
    transactionId: texts,
    'transactionId[]': texts,
  }),
  answers: {
    200: {
      description: 'A page.',
      schema: pageOf(message).extend({
        totalCount: z
          .int()
          .optional()
          .meta({ description: 'Size of the whole list; left out if that is more than pages reach.' }),
      }),
    },
  },
  items: ({ query }) => query.limit,
  async handle({ query }, call) {
    const { page, limit, channel, subscriberId } = query
    const filter = {
      channels: channel === undefined || channel === '' ? null : channelsNamed(channel),
      contact: subscriberId === undefined || subscriberId === '' ? null : subscriberId,
      transactionIds: either(query.transactionId, query['transactionId[]']),
    }
    const { messages, total } = await call.carillon.messages.numbered(projectOf(call).id, filter, { skip: page * limit, limit })
    const data = messages.map((one) => shownMessage(call, one))
    const body = total === null ? { page, pageSize: limit, hasMore: true, data } : pageBody(page, limit, total, data)
    return { status: 200, body }
  },
})

const remove = defineRoute({
  method: 'DELETE',
  path: '/v1/messages/:messageId',
  operation: 'deleteMessages',
  summary: 'Deletes a message from its feed. What was sent stays on record.',
  params: { messageId: 'Id of the message.' },
  answers: {
    200: { description: 'It is.', schema: wrapped(z.object({ acknowledged: z.boolean(), status: z.literal('deleted') })) },
  },
  async handle({ param }, call) {
    const { id: projectId } = projectOf(call)
    const [found] = await call.carillon.messages.described(projectId, [param('messageId')])
    if (found === undefined) return notFound('message')
    const { id, contactId, channel } = found
    if (contactId === null || channel !== 'IN_APP') {
      const text = 'messageId: is not a message of a feed, and what was sent stays on record.'
      throw new CarillonError('CHANNEL_UNSUPPORTED', { field: 'messageId', message: text })
    }
    await call.carillon.feed.remove({ projectId, contactId }, { messages: [id] })
    return { status: 200, body: { data: { acknowledged: true, status: 'deleted' } } }
  },
})

const REMOVED_MAX = 1_000
/** Messages that are looked up at a time. */
const BATCH = 100

const removeMany = defineRoute({
  method: 'DELETE',
  path: '/v1/messages/transaction/:transactionId',
  operation: 'deleteMessages',
  summary: `Deletes the messages of a transaction, at most ${REMOVED_MAX}, from their feeds. Takes a key with the scopes SEND and READ.`,
  params: { transactionId: 'The transaction.' },
  query: z.object({
    channel: z
      .enum(['in_app', ''])
      .optional()
      .meta({ description: '`in_app`, or left out: what went out on another channel stays on record.' }),
  }),
  answers: { 204: { description: 'They are.', schema: null } },
  items: () => REMOVED_MAX,
  async handle({ param }, call) {
    // Whether there are any is told.
    call.permit('notifications')
    const { id: projectId } = projectOf(call)
    const { messages, feed } = call.carillon
    const filter = { channels: channelsNamed('in_app'), contact: null, transactionIds: [param('transactionId')] }
    const found: Awaited<ReturnType<typeof messages.numbered>>['messages'][number][] = []
    for (let total = BATCH; found.length < total; ) {
      const page = await messages.numbered(projectId, filter, { skip: found.length, limit: BATCH })
      if (page.total === null || page.total > REMOVED_MAX) {
        const text = `transactionId: has more than ${REMOVED_MAX} messages in feeds.`
        throw new CarillonError('BATCH_TOO_LARGE', { field: 'transactionId', max: REMOVED_MAX, message: text })
      }
      found.push(...page.messages)
      total = page.messages.length === 0 ? 0 : page.total
    }
    // Those that were skipped, or are not due yet, are in no feed.
    const shown = found.filter(({ contactId, status }) => contactId !== null && (status === 'SENT' || status === 'DELIVERED'))
    if (shown.length === 0) return notFound('message')
    for (const [contactId, own] of Map.groupBy(shown, (one) => one.contactId ?? '')) {
      await feed.remove({ projectId, contactId }, { messages: own.map(({ id }) => id) })
    }
    return { status: 204 }
  },
})

/** The routes. */
export const novuMessages: readonly Route[] = [list, remove, removeMany]
