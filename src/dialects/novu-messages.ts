/** Novu's routes of messages: to list those of all channels, and to take one out of a feed. */
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
  operation: 'markAs',
  summary: 'Takes a message out of its feed: it is archived. What went out on another channel stays on record.',
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
    await call.carillon.feed.mark({ projectId, contactId }, { messages: [id], archived: true })
    return { status: 200, body: { data: { acknowledged: true, status: 'deleted' } } }
  },
})

/** The routes. */
export const novuMessages: readonly Route[] = [list, remove]
