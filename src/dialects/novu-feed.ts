/** Novu's routes of a subscriber's feed: to read it, count it, and mark its messages. */
import { z } from 'zod'
import type { MarkInput } from '../domain/feed.ts'
import { CarillonError } from '../errors.ts'
import type { JsonObject } from '../words.ts'
import { type Answer, type Call, projectOf, type Route } from './dialect.ts'
import { feedItem, message, shownFeedItem, shownFeedMessage } from './novu-message.ts'
import { either, listOrOne, optionalFlag, optionalWhole, pageBody, pageNumber, pageOf, pageSize, wrapped } from './novu-values.ts'
import { defineRoute } from './route.ts'
import { jsonObject } from './values.ts'

const params = { subscriberId: 'Your own id of the subscriber.' }
const withMessage = { ...params, messageId: 'Id of the message.' }
const MESSAGES_MAX = 1_000

const keyOf = (call: Call, subscriberId: string) => call.carillon.contacts.keyOf(projectOf(call).id, subscriberId)

function fromBase64(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString()) as unknown
  } catch {
    return null
  }
}

const payload = z
  .string()
  .optional()
  .transform((text, context): JsonObject | null => {
    if (text === undefined || text === '') return null
    const parsed = jsonObject.safeParse(fromBase64(text))
    if (parsed.success) return parsed.data
    context.addIssue({ code: 'custom', message: 'must be a JSON object as base64' })
    return z.NEVER
  })
  .meta({ description: 'A JSON object as base64: only messages whose payload contains it.' })

const feeds = {
  feedIdentifier: listOrOne(z.string()),
  'feedIdentifier[]': listOrOne(z.string()),
}

const feed = defineRoute({
  method: 'GET',
  path: '/v1/subscribers/:subscriberId/notifications/feed',
  operation: 'feed',
  summary: 'The feed of a subscriber, newest first.',
  params,
  query: z.object({ page: pageNumber, limit: pageSize, ...feeds, seen: optionalFlag, read: optionalFlag, payload }),
  answers: { 200: { description: 'A page.', schema: pageOf(feedItem) } },
  items: ({ query }) => query.limit,
  async handle({ param, query }, call) {
    const { page, limit, seen, read } = query
    const names = either(query.feedIdentifier, query['feedIdentifier[]'])
    const subscriberId = param('subscriberId')
    const key = await keyOf(call, subscriberId)
    const filter = { feeds: names, seen, read, archived: false }
    const { messages, total } = await call.carillon.feed.numbered(key, filter, query.payload, { skip: page * limit, limit })
    const data = messages.map((one) => shownFeedItem(call, one, subscriberId))
    return { status: 200, body: pageBody(page, limit, total, data) }
  },
})

const unseen = defineRoute({
  method: 'GET',
  path: '/v1/subscribers/:subscriberId/notifications/unseen',
  operation: 'feed',
  summary: 'Counts the unseen messages of a feed, or with `seen=true` those that were seen.',
  params,
  query: z.object({ ...feeds, seen: optionalFlag, limit: optionalWhole.meta({ description: 'The highest number to answer.' }) }),
  answers: { 200: { description: 'The count.', schema: wrapped(z.object({ count: z.int() })) } },
  async handle({ param, query }, call) {
    const names = either(query.feedIdentifier, query['feedIdentifier[]'])
    const filter = { feeds: names, seen: query.seen ?? false, read: null, archived: false }
    const key = await keyOf(call, param('subscriberId'))
    const count =
      query.seen === true
        ? (await call.carillon.feed.numbered(key, filter, null, { skip: 0, limit: 1 })).total
        : (await call.carillon.feed.list(key, filter, { first: 1 }, new Set())).unseenCount
    return { status: 200, body: { data: { count: Math.min(count, query.limit ?? count) } } }
  },
})

const marks = ['read', 'seen', 'unread', 'unseen'] as const
/** What each mark means. */
const marked = {
  read: { read: true },
  seen: { seen: true },
  unread: { read: false },
  unseen: { seen: false },
} as const satisfies Record<(typeof marks)[number], MarkInput>

/** One id, several of them, or several separated by commas. */
const messageIds = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MESSAGES_MAX)], { error: 'must be an id, or a list of ids' })
  .transform((ids) => (typeof ids === 'string' ? ids.split(',').map((id) => id.trim()) : ids))

async function mark(call: Call, subscriberId: string, input: MarkInput) {
  // The answer is what the feed shows.
  call.permit('feed')
  const { messages } = await call.carillon.feed.mark(await keyOf(call, subscriberId), input)
  return messages.map((one) => shownFeedMessage(call, one))
}
const markedAnswer = { 201: { description: 'The messages as they are now.', schema: wrapped(z.array(message)) } }
const scopes = 'Takes a key with the scopes SEND and READ.'

const markAs = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/:subscriberId/messages/markAs',
  operation: 'markAs',
  summary: `Marks messages as seen or read, or takes a mark away. What is read is seen. ${scopes}`,
  params,
  body: z.object({
    messageId: messageIds,
    mark: z
      .object({ seen: z.boolean().nullish(), read: z.boolean().nullish() })
      .refine(({ seen, read }) => (seen ?? read ?? null) !== null, { error: 'must have seen or read' }),
  }),
  answers: markedAnswer,
  example: {
    parameters: { subscriberId: '42' },
    body: { messageId: ['0197f0d4-6b7e-7c3a-9f51-2d8c4e6a1b03'], mark: { seen: true, read: true } },
  },
  items: ({ body }) => body.messageId.length,
  handle: async ({ param, body }, call): Promise<Answer> => ({
    status: 201,
    body: { data: await mark(call, param('subscriberId'), { messages: body.messageId, ...body.mark }) },
  }),
})

const markAsWord = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/:subscriberId/messages/mark-as',
  operation: 'markAs',
  summary: `Marks messages, as @novu/api spells it. ${scopes}`,
  params,
  body: z.object({ messageId: messageIds, markAs: z.enum(marks) }),
  answers: markedAnswer,
  example: {
    parameters: { subscriberId: '42' },
    body: { messageId: ['0197f0d4-6b7e-7c3a-9f51-2d8c4e6a1b03'], markAs: 'read' },
  },
  items: ({ body }) => body.messageId.length,
  handle: async ({ param, body }, call): Promise<Answer> => ({
    status: 201,
    body: { data: await mark(call, param('subscriberId'), { messages: body.messageId, ...marked[body.markAs] }) },
  }),
})

const markAll = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/:subscriberId/messages/mark-all',
  operation: 'markAs',
  summary: 'Marks all messages of a feed, or of some of its feeds.',
  params,
  body: z.object({
    markAs: z.enum(marks),
    feedIdentifier: z.union([z.string(), z.array(z.string()).max(100)]).nullish(),
  }),
  answers: { 201: { description: 'How many were changed.', schema: wrapped(z.int()) } },
  example: {
    parameters: { subscriberId: '42' },
    body: { markAs: 'seen' },
    answer: { data: 3 },
  },
  async handle({ param, body: { markAs: named, feedIdentifier } }, call) {
    const names = feedIdentifier === null || feedIdentifier === undefined ? null : [feedIdentifier].flat()
    const input = { all: { feeds: names }, ...marked[named] }
    const { changedCount } = await call.carillon.feed.mark(await keyOf(call, param('subscriberId')), input)
    return { status: 201, body: { data: changedCount } }
  },
})

const markSeen = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/:subscriberId/messages/:messageId/seen',
  operation: 'markAs',
  summary: `Marks a message as seen: the older spelling. ${scopes}`,
  params: withMessage,
  answers: { 201: { description: 'The message as it is now.', schema: wrapped(message) } },
  async handle({ param }, call) {
    const [changed] = await mark(call, param('subscriberId'), { messages: [param('messageId')], seen: true })
    return { status: 201, body: { data: changed } }
  },
})

const action = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/:subscriberId/messages/:messageId/actions/:type',
  operation: 'recordAction',
  summary: `Records that a button of a message was used. ${scopes}`,
  params: { ...withMessage, type: 'The button: `primary` or `secondary`.' },
  body: z.object({ status: z.enum(['pending', 'done']).nullish(), payload: jsonObject.nullish() }).nullish(),
  answers: { 201: { description: 'The message as it is now.', schema: wrapped(message) } },
  example: {
    parameters: { subscriberId: '42', messageId: '0197f0d4-6b7e-7c3a-9f51-2d8c4e6a1b03', type: 'primary' },
    body: { status: 'done', payload: { choice: 'yes' } },
  },
  async handle({ param, body }, call) {
    call.permit('feed')
    const type = param('type')
    if (type !== 'primary' && type !== 'secondary')
      throw new CarillonError('BAD_INPUT', { field: 'type', message: 'type: must be one of primary, secondary.' })
    const key = await keyOf(call, param('subscriberId'))
    const changed = await call.carillon.feed.act(key, param('messageId'), {
      type: type === 'primary' ? 'PRIMARY' : 'SECONDARY',
      status: body?.status === 'pending' ? 'PENDING' : 'DONE',
      payload: body?.payload,
    })
    return { status: 201, body: { data: shownFeedMessage(call, changed) } }
  },
})

/** The routes. */
export const novuFeed: readonly Route[] = [feed, unseen, markAs, markAsWord, markAll, markSeen, action]
