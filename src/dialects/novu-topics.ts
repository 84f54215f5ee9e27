/** Novu's routes of topics and their members. */
import { z } from 'zod'
import { byOf } from '../carillon.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import { notFound, pageNumber, pageSize, tenantIds, tenantOf, wrapped } from './novu-values.ts'
import { defineRoute, listOf } from './route.ts'

const params = { topicKey: 'Key of the topic.' }
const MEMBERS_MAX = 1_000
const none = { 204: { description: 'It is done.', schema: null } }

const topic = z.object({
  _id: z.string(),
  ...tenantIds,
  key: z.string(),
  name: z.string(),
  subscribers: z.array(z.string()).meta({ description: 'Your own ids of its members, of which at most 1,000 are listed.' }),
})
const shown = { 200: { description: 'The topic.', schema: wrapped(topic) } }

type Described = Awaited<ReturnType<Call['carillon']['topics']['described']>>[number]
const shownTopic = (call: Call, { id, key, name, members }: Described): z.input<typeof topic> => ({
  _id: id,
  ...tenantOf(call),
  key,
  name,
  subscribers: [...members],
})

async function described(call: Call, key: string): Promise<Described> {
  const [found] = await call.carillon.topics.described(projectOf(call).id, [key])
  return found ?? notFound('topic')
}

const create = defineRoute({
  method: 'POST',
  path: '/v1/topics',
  operation: 'upsertTopics',
  summary: 'Creates a topic, or renames one that exists. Takes a key with the scope MANAGE.',
  body: z.object({ key: z.string().min(1), name: z.string().nullish() }),
  answers: { 201: { description: 'The topic.', schema: wrapped(z.object({ _id: z.string(), key: z.string() })) } },
  example: {
    body: { key: 'sales', name: 'Sales' },
  },
  async handle({ body: { key, name } }, call) {
    const by = byOf(call.caller, call.remoteAddress)
    const [made] = await call.carillon.topics.upsert(projectOf(call).id, [{ key, name: name ?? undefined }], by)
    return { status: 201, body: { data: { _id: made?.id, key } } }
  },
})

const list = defineRoute({
  method: 'GET',
  path: '/v1/topics',
  operation: 'topics',
  summary: 'Lists topics, oldest first.',
  query: z.object({
    page: pageNumber,
    pageSize,
    key: z.string().optional().meta({ description: 'Only the topic with this key.' }),
  }),
  answers: {
    200: {
      description: 'A page.',
      schema: z.object({ page: z.int(), pageSize: z.int(), totalCount: z.int(), data: z.array(topic) }),
    },
  },
  items: ({ query }) => query.pageSize,
  async handle({ query: { page, pageSize: size, key } }, call) {
    const { topics } = call.carillon
    const { id } = projectOf(call)
    const found = key === undefined || key === '' ? await topics.list(id, { first: size, skip: page * size }) : null
    const keys = found === null ? (page === 0 ? [key ?? ''] : []) : found.nodes.map((one) => one.key)
    const data = (await topics.described(id, keys)).map((one) => shownTopic(call, one))
    return { status: 200, body: { page, pageSize: size, totalCount: found === null ? data.length : await found.total(), data } }
  },
})

const get = defineRoute({
  method: 'GET',
  path: '/v1/topics/:topicKey',
  operation: 'topic',
  summary: 'One topic.',
  params,
  answers: shown,
  handle: async ({ param }, call) => ({
    status: 200,
    body: { data: shownTopic(call, await described(call, param('topicKey'))) },
  }),
})

const rename = defineRoute({
  method: 'PATCH',
  path: '/v1/topics/:topicKey',
  operation: 'upsertTopics',
  summary: 'Renames a topic. Takes a key with the scopes MANAGE and READ.',
  params,
  body: z.object({ name: z.string() }),
  answers: shown,
  example: {
    parameters: { topicKey: 'sales' },
    body: { name: 'Sales team' },
  },
  async handle({ param, body: { name } }, call) {
    call.permit('topic')
    const key = param('topicKey')
    await described(call, key)
    await call.carillon.topics.upsert(projectOf(call).id, [{ key, name }], byOf(call.caller, call.remoteAddress))
    return { status: 200, body: { data: shownTopic(call, await described(call, key)) } }
  },
})

const remove = defineRoute({
  method: 'DELETE',
  path: '/v1/topics/:topicKey',
  operation: 'deleteTopics',
  summary: 'Deletes a topic, but not its members. Takes a key with the scope MANAGE.',
  params,
  answers: none,
  async handle({ param }, call) {
    const by = byOf(call.caller, call.remoteAddress)
    if ((await call.carillon.topics.remove(projectOf(call).id, [param('topicKey')], by)) === 0) notFound('topic')
    return { status: 204 }
  },
})

const members = z.object({ subscribers: listOf(z.string().min(1), MEMBERS_MAX) })

const add = defineRoute({
  method: 'POST',
  path: '/v1/topics/:topicKey/subscribers',
  operation: 'subscribeToTopic',
  summary: 'Adds subscribers to a topic; those that do not exist are named in the answer.',
  params,
  body: members,
  answers: {
    200: {
      description: 'Who was added, and who was not.',
      schema: wrapped(
        z.object({ succeeded: z.array(z.string()), failed: z.object({ notFound: z.array(z.string()) }).optional() }),
      ),
    },
  },
  example: {
    parameters: { topicKey: 'sales' },
    body: { subscribers: ['42', '43'] },
    answer: { data: { succeeded: ['42'], failed: { notFound: ['43'] } } },
  },
  items: ({ body }) => body.subscribers.length,
  async handle({ param, body: { subscribers } }, call) {
    const { id } = projectOf(call)
    const { contacts, topics } = call.carillon
    const succeeded = await contacts.known(id, subscribers)
    const missing = subscribers.filter((one) => !succeeded.includes(one))
    if (succeeded.length > 0) await topics.subscribe(id, param('topicKey'), succeeded)
    else if ((await topics.find(id, param('topicKey'))) === null) notFound('topic')
    return { status: 200, body: { data: { succeeded, failed: missing.length === 0 ? undefined : { notFound: missing } } } }
  },
})

const membership = defineRoute({
  method: 'GET',
  path: '/v1/topics/:topicKey/subscribers/:externalSubscriberId',
  operation: 'topic',
  summary: 'Whether a subscriber is a member of a topic: 404 if not.',
  params: { ...params, externalSubscriberId: 'Your own id of the subscriber.' },
  answers: {
    200: {
      description: 'It is.',
      schema: wrapped(
        z.object({
          ...tenantIds,
          _subscriberId: z.string(),
          _topicId: z.string(),
          topicKey: z.string(),
          externalSubscriberId: z.string(),
        }),
      ),
    },
  },
  async handle({ param }, call) {
    const [topicKey, externalSubscriberId] = [param('topicKey'), param('externalSubscriberId')]
    const found = await call.carillon.topics.membership(projectOf(call).id, topicKey, externalSubscriberId)
    if (found === null) return notFound('member of this topic')
    const ids = { ...tenantOf(call), _subscriberId: found.contactId, _topicId: found.topicId }
    return { status: 200, body: { data: { ...ids, topicKey, externalSubscriberId } } }
  },
})

const removeMembers = defineRoute({
  method: 'POST',
  path: '/v1/topics/:topicKey/subscribers/removal',
  operation: 'unsubscribeFromTopic',
  summary: 'Removes subscribers from a topic; those that are no members are ignored.',
  params,
  body: members,
  answers: none,
  example: {
    parameters: { topicKey: 'sales' },
    body: { subscribers: ['42'] },
  },
  items: ({ body }) => body.subscribers.length,
  async handle({ param, body: { subscribers } }, call) {
    await call.carillon.topics.unsubscribe(projectOf(call).id, param('topicKey'), subscribers)
    return { status: 204 }
  },
})

/** The routes. */
export const novuTopics: readonly Route[] = [create, list, get, rename, remove, add, removeMembers, membership]
