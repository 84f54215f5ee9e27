/** Novu's routes of events: to trigger one, many, or one for all subscribers, and to cancel. */
import { z } from 'zod'
import { byOf } from '../carillon.ts'
import { CarillonError, type ErrorCode, type Problem, problem } from '../errors.ts'
import type { MessageInput } from '../send/send.ts'
import type { JsonObject, Overrides } from '../words.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import { applySubscribers, itemsFor, raise, type SubscriberInput, saysSomething, subscriberInput } from './novu-contact.ts'
import { errorWords, fieldNames, wrapped } from './novu-values.ts'
import { defineRoute, inOrder, listOf } from './route.ts'
import { given, jsonObject, worded } from './values.ts'

const EVENTS_MAX = 100
const RECIPIENTS_MAX = 100
const ADDRESSES_MAX = 1_000

const topic = z.object({ type: z.literal('Topic'), topicKey: z.string().min(1) })
const recipient = z.union([z.string().min(1), topic, subscriberInput], {
  error: ({ input }) =>
    input === undefined ? 'subscriber_id_missing' : 'must be a subscriberId, an object with subscriberId, or a topic',
})
type Recipient = z.output<typeof recipient>

/** Addresses separated by commas, or a list of them. */
const addresses = z
  .union([z.string(), z.array(z.string()).max(ADDRESSES_MAX)])
  .nullish()
  .transform((some) => (Array.isArray(some) ? some.join(', ') : (some ?? undefined)))

const overrides = z
  .looseObject({
    email: z
      .strictObject({
        subject: z.string().nullish(),
        from: z.string().nullish(),
        replyTo: z.string().nullish(),
        cc: addresses,
        bcc: addresses,
      })
      .nullish(),
    sms: z.strictObject({ content: z.string().nullish() }).nullish(),
  })
  .meta({ description: 'Of this event alone. Other names are those of providers: by key, or by kind.' })

const common = {
  name: z.string().min(1).meta({ description: 'Trigger identifier: the key of the template.' }),
  payload: jsonObject.nullish().meta({ description: 'Variables of the template.' }),
  overrides: overrides.nullish(),
  transactionId: z.string().nullish().meta({ description: 'Left out: one is generated.' }),
  actor: z
    .union([z.string().min(1), subscriberInput], { error: 'must be a subscriberId, or an object with it' })
    .nullish()
    .meta({ description: 'Who caused it; one that does not exist is created.' }),
  tenant: z
    .union([z.string(), jsonObject])
    .nullish()
    .meta({ description: 'There are no tenants here: an event with one is answered `no_tenant_found`.' }),
}
const event = z.object({
  ...common,
  to: z
    .union([z.array(recipient).min(1).max(RECIPIENTS_MAX), recipient], {
      error: 'must be a recipient, or a list of at most 100',
    })
    .meta({ description: 'Whom to notify: once, if somebody is named several times.' }),
})
type Event = z.output<typeof event>

const statuses = [
  'error',
  'trigger_not_active',
  'no_workflow_active_steps_defined',
  'no_workflow_steps_defined',
  'processed',
  'no_tenant_found',
] as const
const result = z.object({
  acknowledged: z.boolean(),
  status: z.enum(statuses),
  error: z.array(z.string()).optional().meta({ description: 'Recipients that are not notified, and why.' }),
  transactionId: z.string().optional(),
})
type Result = z.input<typeof result>

/** Errors that are a status there. */
const statusOf: Readonly<Partial<Record<ErrorCode, Result['status']>>> = {
  TEMPLATE_INACTIVE: 'trigger_not_active',
  TEMPLATE_EMPTY: 'no_workflow_steps_defined',
}

const noTenant: Result = { acknowledged: true, status: 'no_tenant_found' }
const hasTenant = ({ tenant }: Pick<Event, 'tenant'>): boolean => tenant !== null && tenant !== undefined

const textOf = (error: Problem): string => errorWords[error.code] ?? worded(error, fieldNames)

/** What replaces the template's settings. Providers are named by key, or by kind where there is none with this key. */
async function overridesOf(call: Call, some: z.output<typeof overrides> | null | undefined): Promise<Overrides | null> {
  if (some === null || some === undefined) return null
  const { email, sms, ...others } = some
  const names = Object.keys(others)
  const providers = names.length === 0 ? [] : await call.carillon.providers.list(projectOf(call).id)
  const keyOf = (name: string): string =>
    (providers.find(({ key }) => key === name) ?? providers.find(({ kind }) => kind === name))?.key ?? name
  return {
    email: email ?? null,
    sms: sms === null || sms === undefined ? null : { body: sms.content },
    providers: names.length === 0 ? null : (Object.fromEntries(names.map((name) => [keyOf(name), others[name]])) as JsonObject),
  }
}

const isSubscriber = (to: Recipient): to is SubscriberInput => typeof to === 'object' && 'subscriberId' in to

/** Applies what events say of subscribers. @returns why that failed, by subscriberId */
async function applyOf(call: Call, people: readonly SubscriberInput[]): Promise<ReadonlyMap<string, Problem>> {
  const told = people.filter(saysSomething)
  if (told.length > 0) call.permit('upsertContacts')
  return (await applySubscribers(call, told)).failed
}

const actorOf = ({ actor }: Pick<Event, 'actor'>): MessageInput['actor'] =>
  actor === null || actor === undefined ? null : { externalId: typeof actor === 'string' ? actor : actor.subscriberId }

const targetOf = (to: Recipient): Pick<MessageInput, 'contact' | 'topic'> =>
  typeof to === 'string'
    ? { contact: { externalId: to } }
    : 'topicKey' in to
      ? { topic: to.topicKey }
      : { contact: { externalId: to.subscriberId } }

/** Sends an event to its recipients, in one transaction. @throws what is wrong with it, if nobody is notified */
async function trigger(call: Call, asked: Event): Promise<Result> {
  if (hasTenant(asked)) return noTenant
  const recipients = Array.isArray(asked.to) ? asked.to : [asked.to]
  const actor = typeof asked.actor === 'object' && asked.actor !== null ? [asked.actor] : []
  const wrong = await applyOf(call, [...actor, ...recipients.filter(isSubscriber)])
  for (const one of actor) {
    const why = wrong.get(one.subscriberId)
    if (why !== undefined) raise(why)
  }
  const idOf = (to: Recipient): string => (isSubscriber(to) ? to.subscriberId : '')
  const failures = recipients.flatMap((to) => wrong.get(idOf(to)) ?? [])
  const sent = recipients.filter((to) => !wrong.has(idOf(to)))
  const message = {
    template: asked.name,
    data: asked.payload,
    transactionId: asked.transactionId,
    actor: actorOf(asked),
    overrides: await overridesOf(call, asked.overrides),
  }
  // Who is named several times is notified once.
  const targets = new Map(sent.map(targetOf).map((target) => [JSON.stringify(target), target]))
  const inputs = [...targets.values()].map((target) => ({ ...message, ...target }))
  const outcomes = inputs.length === 0 ? [] : await call.carillon.send(projectOf(call), inputs)
  for (const outcome of outcomes) if (!outcome.ok) failures.push(outcome.error)
  const accepted = outcomes.find((outcome) => outcome.ok)
  if (accepted !== undefined) {
    return given({
      acknowledged: true,
      status: 'processed',
      error: failures.length === 0 ? undefined : failures.map(textOf),
      transactionId: accepted.transactionId ?? undefined,
    }) as Result
  }
  const [first = problem('INTERNAL')] = failures
  const status = statusOf[first.code]
  if (status === undefined) return raise(first)
  return { acknowledged: true, status, error: [textOf(first)] }
}

/** What an event costs, in items: its recipients, and what it says of them and of its actor. */
function itemsOf({ to, actor }: Pick<Event, 'actor'> & { readonly to?: Event['to'] }): number {
  const recipients = to === undefined ? [] : [to].flat()
  const credentials = [...recipients, actor].map((one) =>
    typeof one === 'object' && one !== null && 'subscriberId' in one ? itemsFor(one) - 1 : 0,
  )
  return credentials.reduce((sum, one) => sum + one, Math.max(recipients.length, 1))
}

const triggerEvent = defineRoute({
  method: 'POST',
  path: '/v1/events/trigger',
  operation: 'sendMessages',
  summary: 'Sends a notification to up to 100 subscribers and topics.',
  body: event,
  answers: { 201: { description: 'What became of it.', schema: wrapped(result) } },
  items: ({ body }) => itemsOf(body),
  handle: async ({ body }, call) => ({ status: 201, body: { data: await trigger(call, body) } }),
})

const triggerBulk = defineRoute({
  method: 'POST',
  path: '/v1/events/trigger/bulk',
  operation: 'sendMessages',
  summary: 'Sends up to 100 events; one that is wrong fails alone.',
  body: z.object({ events: listOf(event, EVENTS_MAX) }),
  alone: 'events',
  answers: { 201: { description: 'What became of each, in the order of the call.', schema: wrapped(z.array(result)) } },
  items: ({ body }) => body.events.reduce((sum, one) => sum + itemsOf(one), 0),
  async handle({ body: { events }, refused }, call) {
    const failure = (text: string): Result => ({ acknowledged: true, status: 'error', error: [text] })
    // Each is a call of its own, so that each has its transactionId. Those that are made together share a transaction of the database.
    const ended = await Promise.allSettled(events.map((one) => trigger(call, one)))
    // Who is told to try again sends all of them again: only where none was taken.
    const isAnyTaken = ended.some(({ status }) => status === 'fulfilled')
    const results = ended.map((one): Result => {
      if (one.status === 'fulfilled') return one.value
      const error: unknown = one.reason
      if (!(error instanceof CarillonError) || (error.retryable && !isAnyTaken)) throw error
      const { code, message, details } = error
      return failure(textOf(problem(code, message, details.field ?? null)))
    })
    return { status: 201, body: { data: inOrder(refused, ({ error }) => failure(error.message), results) } }
  },
})

const broadcast = defineRoute({
  method: 'POST',
  path: '/v1/events/trigger/broadcast',
  operation: 'broadcast',
  summary: 'Sends a notification to all subscribers there are now.',
  body: z.object(common),
  answers: { 201: { description: 'It has begun.', schema: wrapped(result) } },
  items: ({ body }) => itemsOf(body),
  async handle({ body }, call) {
    if (hasTenant(body)) return { status: 201, body: { data: noTenant } }
    const actor = typeof body.actor === 'object' && body.actor !== null ? [body.actor] : []
    for (const wrong of (await applyOf(call, actor)).values()) raise(wrong)
    const begin = async (): Promise<Result> => {
      const { transactionId } = await call.carillon.fanouts.broadcast(projectOf(call), {
        template: body.name,
        data: body.payload,
        transactionId: body.transactionId,
        actor: actorOf(body),
        overrides: await overridesOf(call, body.overrides),
      })
      return { acknowledged: true, status: 'processed', transactionId }
    }
    const begun = await begin().catch((error: unknown): Result => {
      const status = error instanceof CarillonError ? statusOf[error.code] : undefined
      if (status === undefined) throw error
      return { acknowledged: true, status }
    })
    return { status: 201, body: { data: begun } }
  },
})

const cancel = defineRoute({
  method: 'DELETE',
  path: '/v1/events/trigger/:transactionId',
  operation: 'cancel',
  summary: 'Cancels what has not been sent of a transaction.',
  params: { transactionId: 'The transaction.' },
  answers: {
    // Typed clients unwrap an answer that has nothing but `data`, and want this one whole.
    200: {
      description: '`data`: whether there was anything to cancel.',
      schema: z.object({ acknowledged: z.boolean(), data: z.boolean() }),
    },
  },
  async handle({ param }, call) {
    const by = byOf(call.caller, call.remoteAddress)
    try {
      const { canceledCount, alreadySentCount } = await call.carillon.cancel(projectOf(call).id, param('transactionId'), by)
      // A send to many that had not begun has no messages yet.
      return { status: 200, body: { acknowledged: true, data: canceledCount > 0 || alreadySentCount === 0 } }
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'NOT_FOUND')
        return { status: 200, body: { acknowledged: true, data: false } }
      throw error
    }
  },
})

/** The routes. */
export const novuEvents: readonly Route[] = [triggerEvent, triggerBulk, broadcast, cancel]
