/** Novu's routes of subscribers: to create, change, look at and delete them, their credentials, and whether they are online. */
import { z } from 'zod'
import { byOf } from '../carillon.ts'
import { CarillonError } from '../errors.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import {
  applySubscribers,
  credentials,
  itemsFor,
  listedProviders,
  providerNamed,
  raise,
  type SubscriberInput,
  setCredentials,
  shownSubscriber,
  showSubscriber,
  subscriber,
  subscriberFields,
  subscriberInput,
} from './novu-contact.ts'
import { fieldNames, optionalFlag, pageBody, pageNumber, pageOf, pageSize, wrapped } from './novu-values.ts'
import { defineRoute, listOf } from './route.ts'
import { worded } from './values.ts'

const params = { subscriberId: 'Your own id of the subscriber.' }
const shown = (description: string) => ({ description, schema: wrapped(subscriber) })
const BULK_MAX = 500

/** Applies what a request says of a subscriber. @throws what is wrong with it */
async function apply(call: Call, input: SubscriberInput): Promise<void> {
  const { failed } = await applySubscribers(call, [input])
  const wrong = failed.get(input.subscriberId)
  if (wrong !== undefined) raise(wrong)
}

const list = defineRoute({
  method: 'GET',
  path: '/v1/subscribers',
  operation: 'contacts',
  summary: 'Lists subscribers, oldest first.',
  query: z.object({ page: pageNumber, limit: pageSize }),
  answers: { 200: { description: 'A page.', schema: pageOf(subscriber) } },
  items: ({ query }) => query.limit,
  async handle({ query: { page, limit } }, call) {
    const { id } = projectOf(call)
    const { contacts } = call.carillon
    const found = await contacts.list(id, {}, { first: limit, skip: page * limit })
    const [described, total] = await Promise.all([
      contacts.described(
        id,
        found.nodes.map((one) => one.externalId),
      ),
      found.total(),
    ])
    return {
      status: 200,
      body: pageBody(
        page,
        limit,
        total,
        described.map((one) => shownSubscriber(one, call)),
      ),
    }
  },
})

const create = defineRoute({
  method: 'POST',
  path: '/v1/subscribers',
  operation: 'upsertContacts',
  summary: 'Creates a subscriber, or overwrites what is given of one that exists.',
  body: subscriberInput,
  answers: { 201: shown('The subscriber.') },
  example: {
    body: { subscriberId: '42', email: 'ann@example.com', firstName: 'Ann', data: { plan: 'pro' } },
  },
  items: ({ body }) => itemsFor(body),
  async handle({ body }, call) {
    await apply(call, body)
    return { status: 201, body: { data: await showSubscriber(call, body.subscriberId) } }
  },
})

const named = z.object({ subscriberId: z.string() })
const createMany = defineRoute({
  method: 'POST',
  path: '/v1/subscribers/bulk',
  operation: 'upsertContacts',
  summary: 'Creates or overwrites up to 500 subscribers; one that is wrong fails alone.',
  body: z.object({ subscribers: listOf(subscriberInput, BULK_MAX) }),
  alone: 'subscribers',
  answers: {
    201: {
      description: 'What became of them.',
      schema: wrapped(
        z.object({
          created: z.array(named),
          updated: z.array(named),
          failed: z.array(z.object({ subscriberId: z.string().optional(), message: z.string() })),
        }),
      ),
    },
  },
  example: {
    body: {
      subscribers: [
        { subscriberId: '42', email: 'ann@example.com', firstName: 'Ann', data: { plan: 'pro' } },
        { subscriberId: '43' },
      ],
    },
    answer: { data: { created: [{ subscriberId: '43' }], updated: [{ subscriberId: '42' }], failed: [] } },
  },
  items: ({ body }) => body.subscribers.reduce((sum, one) => sum + itemsFor(one), 0),
  async handle({ body: { subscribers }, refused }, call) {
    const { inserted, failed } = await applySubscribers(call, subscribers)
    const ids = [...new Set(subscribers.map((one) => one.subscriberId))].filter((id) => !failed.has(id))
    const created = new Set(inserted)
    const idIn = (value: unknown): string | undefined =>
      typeof value === 'object' && value !== null && 'subscriberId' in value && typeof value.subscriberId === 'string'
        ? value.subscriberId
        : undefined
    return {
      status: 201,
      body: {
        data: {
          created: ids.filter((id) => created.has(id)).map((subscriberId) => ({ subscriberId })),
          updated: ids.filter((id) => !created.has(id)).map((subscriberId) => ({ subscriberId })),
          failed: [
            ...refused.map(({ value, error }) => ({ subscriberId: idIn(value), message: error.message })),
            ...[...failed].map(([subscriberId, error]) => ({ subscriberId, message: worded(error, fieldNames) })),
          ],
        },
      },
    }
  },
})

const get = defineRoute({
  method: 'GET',
  path: '/v1/subscribers/:subscriberId',
  operation: 'contact',
  summary: 'One subscriber.',
  params,
  query: z.object({ includeTopics: optionalFlag }),
  answers: { 200: shown('The subscriber.') },
  handle: async ({ param, query }, call) => ({
    status: 200,
    body: { data: await showSubscriber(call, param('subscriberId'), query.includeTopics === true) },
  }),
})

const update = defineRoute({
  method: 'PUT',
  path: '/v1/subscribers/:subscriberId',
  operation: 'upsertContacts',
  summary: 'Overwrites what is given of a subscriber.',
  params,
  body: z.object(subscriberFields),
  answers: { 200: shown('The subscriber.') },
  example: {
    parameters: { subscriberId: '42' },
    body: { lastName: 'Abel', phone: '+447700900123', locale: 'en' },
  },
  items: ({ body }) => itemsFor(body),
  async handle({ body, param }, call) {
    const subscriberId = param('subscriberId')
    await call.carillon.contacts.keyOf(projectOf(call).id, subscriberId)
    await apply(call, { subscriberId, ...body })
    return { status: 200, body: { data: await showSubscriber(call, subscriberId) } }
  },
})

const remove = defineRoute({
  method: 'DELETE',
  path: '/v1/subscribers/:subscriberId',
  operation: 'deleteContacts',
  summary: 'Erases a subscriber, with its feed and its credentials. Takes a key with the scope MANAGE.',
  params,
  answers: {
    200: {
      description: 'It is erased.',
      schema: wrapped(z.object({ acknowledged: z.boolean(), status: z.literal('deleted') })),
    },
  },
  async handle({ param }, call) {
    const selectors = [{ externalId: param('subscriberId') }]
    const by = byOf(call.caller, call.remoteAddress)
    const { contacts } = await call.carillon.erasure.erase(projectOf(call).id, { selectors, addresses: null }, by)
    if (contacts === 0) throw new CarillonError('CONTACT_NOT_FOUND')
    return { status: 200, body: { data: { acknowledged: true, status: 'deleted' } } }
  },
})

/** @param isAdded whether what is stored stays */
const setRoute = (method: 'PUT' | 'PATCH', isAdded: boolean) =>
  defineRoute({
    method,
    path: '/v1/subscribers/:subscriberId/credentials',
    operation: 'setCredentials',
    summary: isAdded
      ? 'Adds to the credentials of a subscriber at a provider.'
      : 'Replaces the credentials of a subscriber at a provider; what is left out is removed.',
    params,
    body: credentials,
    answers: { 200: shown('The subscriber.') },
    example: {
      parameters: { subscriberId: '42' },
      body: { providerId: 'fcm', integrationIdentifier: 'push', credentials: { deviceTokens: ['token-of-the-device'] } },
    },
    async handle({ body, param }, call) {
      await setCredentials(call, param('subscriberId'), body, isAdded)
      return { status: 200, body: { data: await showSubscriber(call, param('subscriberId')) } }
    },
  })

const removeCredentials = defineRoute({
  method: 'DELETE',
  path: '/v1/subscribers/:subscriberId/credentials/:providerId',
  operation: 'setCredentials',
  summary: 'Removes the credentials of a subscriber at a provider.',
  params: { ...params, providerId: 'Key of the provider, or its kind.' },
  answers: { 204: { description: 'They are removed.', schema: null } },
  async handle({ param }, call) {
    const listed = listedProviders(call)
    const provider = await providerNamed(listed, { providerId: param('providerId') })
    await setCredentials(
      call,
      param('subscriberId'),
      { providerId: provider.key, credentials: { webhookUrl: null, channel: null } },
      false,
      listed,
    )
    return { status: 204 }
  },
})

const onlineStatus = defineRoute({
  method: 'PATCH',
  path: '/v1/subscribers/:subscriberId/online-status',
  operation: 'setOnline',
  summary: 'Says whether a subscriber is online.',
  params,
  body: z
    .object({
      isOnline: z.boolean().optional(),
      online: z.boolean().optional().meta({ description: 'The same, as @novu/node spells it.' }),
    })
    .refine(({ isOnline, online }) => isOnline !== undefined || online !== undefined, { error: 'is needed', path: ['isOnline'] }),
  answers: { 200: shown('The subscriber.') },
  example: {
    parameters: { subscriberId: '42' },
    body: { isOnline: true },
  },
  async handle({ body: { isOnline, online }, param }, call) {
    const { contacts } = call.carillon
    const key = await contacts.keyOf(projectOf(call).id, param('subscriberId'))
    await contacts.setOnline(key, isOnline ?? online ?? false)
    return { status: 200, body: { data: await showSubscriber(call, param('subscriberId')) } }
  },
})

/** The routes. */
export const novuSubscribers: readonly Route[] = [
  list,
  create,
  createMany,
  get,
  update,
  remove,
  setRoute('PUT', false),
  setRoute('PATCH', true),
  removeCredentials,
  onlineStatus,
]
