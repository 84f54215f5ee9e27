/** What triggers an event of Novu's: it applies what the event says of subscribers, then sends to its recipients. */
import type { z } from 'zod'
import { byOf } from '../carillon.ts'
import { CarillonError, type ErrorCode, type Problem, problem } from '../errors.ts'
import type { MessageInput } from '../send/send.ts'
import type { JsonObject, Overrides } from '../words.ts'
import { type Call, projectOf } from './dialect.ts'
import { applySubscribers, type ProviderList, raise, type SubscriberInput, saysSomething } from './novu-contact.ts'
import type { Event, overrides, Recipient, Result } from './novu-event.ts'
import { type Repeatable, reuseCodes } from './novu-repeat.ts'
import { errorWords, fieldNames } from './novu-values.ts'
import { given, worded } from './values.ts'

/** Errors that are a status there. */
export const statusOf: Readonly<Partial<Record<ErrorCode, Result['status']>>> = {
  TEMPLATE_INACTIVE: 'trigger_not_active',
  TEMPLATE_EMPTY: 'no_workflow_steps_defined',
}

/** The answer to an event with a tenant. */
export const noTenant: Result = { acknowledged: true, status: 'no_tenant_found' }
/** Whether an event names a tenant. */
export const hasTenant = ({ tenant }: Pick<Event, 'tenant'>): boolean => tenant !== null && tenant !== undefined

/** The text of an error. */
export const textOf = (error: Problem): string => errorWords[error.code] ?? worded(error, fieldNames)

/** What replaces the template's settings. Providers are named by key, or by kind where there is none with this key. */
export async function overridesOf(
  some: z.output<typeof overrides> | null | undefined,
  listed: ProviderList,
): Promise<Overrides | null> {
  if (some === null || some === undefined) return null
  const { email, sms, ...others } = some
  const names = Object.keys(others)
  const providers = names.length === 0 ? [] : await listed()
  const keyOf = (name: string): string =>
    (providers.find(({ key }) => key === name) ?? providers.find(({ kind }) => kind === name))?.key ?? name
  return {
    email: email ?? null,
    sms: sms === null || sms === undefined ? null : { body: sms.content },
    providers: names.length === 0 ? null : (Object.fromEntries(names.map((name) => [keyOf(name), others[name]])) as JsonObject),
  }
}

const isSubscriber = (to: Recipient): to is SubscriberInput => typeof to === 'object' && 'subscriberId' in to
const isTopic = (to: Recipient): to is Exclude<Recipient, string | SubscriberInput> => typeof to === 'object' && 'topicKey' in to

const recipientsOf = ({ to }: Pick<Event, 'to'>): readonly Recipient[] => (Array.isArray(to) ? to : [to])
const actorIn = ({ actor }: Pick<Event, 'actor'>): readonly SubscriberInput[] =>
  typeof actor === 'object' && actor !== null ? [actor] : []

/** Who caused an event. */
export const actorOf = ({ actor }: Pick<Event, 'actor'>): MessageInput['actor'] =>
  actor === null || actor === undefined ? null : { externalId: typeof actor === 'string' ? actor : actor.subscriberId }

/**
 * Applies what an event says of its actor and its recipients. @returns why that failed, by subscriberId
 * @throws what is wrong with the actor
 */
export async function applyEvent(
  call: Call,
  event: Pick<Event, 'actor'> & Partial<Pick<Event, 'to' | 'tenant'>>,
  listed: ProviderList,
): Promise<ReadonlyMap<string, Problem>> {
  if (hasTenant(event)) return new Map()
  const { to, actor } = event
  const told = [...actorIn({ actor }), ...(to === undefined ? [] : recipientsOf({ to }).filter(isSubscriber))].filter(
    saysSomething,
  )
  if (told.length > 0) call.permit('upsertContacts')
  const { failed } = await applySubscribers(call, told, listed)
  for (const { subscriberId } of actorIn({ actor })) {
    const why = failed.get(subscriberId)
    if (why !== undefined) raise(why)
  }
  return failed
}

type Target = Pick<MessageInput, 'contact' | 'topic' | 'except'>

/**
 * Where an event is sent: to each contact and topic once. Who is named, or is a member of an earlier topic, is left out of the later ones, and so is
 * notified once.
 */
function targetsOf(recipients: readonly Recipient[]): Target[] {
  const contacts = new Set(recipients.flatMap((to) => (typeof to === 'string' ? to : isTopic(to) ? [] : to.subscriberId)))
  const topics = [...new Set(recipients.filter(isTopic).map(({ topicKey }) => topicKey))]
  return [
    ...[...contacts].map((externalId) => ({ contact: { externalId } })),
    ...topics.map((topic, index) => {
      const isAlone = contacts.size === 0 && index === 0
      return isAlone ? { topic } : { topic, except: { topics: topics.slice(0, index), contacts: [...contacts] } }
    }),
  ]
}

/**
 * Sends an event to its recipients, in one transaction. @param wrong recipients that are left out, and why
 * @throws what is wrong with it, if nobody is notified
 */
export async function trigger(
  call: Call,
  asked: Event,
  wrong: ReadonlyMap<string, Problem>,
  listed: ProviderList,
  repeat: Repeatable | null,
): Promise<Result> {
  if (hasTenant(asked)) return noTenant
  const idOf = (to: Recipient): string => (isSubscriber(to) ? to.subscriberId : '')
  const recipients = recipientsOf(asked)
  const failures = recipients.flatMap((to) => wrong.get(idOf(to)) ?? [])
  const message = {
    template: asked.name,
    data: asked.payload,
    transactionId: asked.transactionId ?? repeat?.transactionId,
    actor: actorOf(asked),
    overrides: await overridesOf(asked.overrides, listed),
  }
  const targets = targetsOf(recipients.filter((to) => !wrong.has(idOf(to))))
  const inputs = targets.map((target, index) => ({
    ...message,
    ...target,
    ...(repeat === null ? {} : { id: repeat.idOf(index) }),
  }))
  const outcomes =
    inputs.length === 0 ? [] : await call.carillon.send(projectOf(call), inputs, byOf(call.caller, call.remoteAddress))
  // The id is made here: one that exists is of this same call, which came before.
  const isAccepted = (one: (typeof outcomes)[number]): boolean => one.ok || one.error.code === 'ID_EXISTS'
  for (const outcome of outcomes) if (!outcome.ok && !isAccepted(outcome)) failures.push(outcome.error)
  const accepted = outcomes.find(isAccepted)
  if (accepted !== undefined) {
    return given({
      acknowledged: true,
      status: 'processed',
      error: failures.length === 0 ? undefined : failures.map(textOf),
      transactionId: accepted.transactionId ?? undefined,
    }) as Result
  }
  const [first = problem('INTERNAL')] = failures
  if (repeat !== null && isNamedByKey(asked) && reuseCodes.has(first.code)) throw repeat.reused()
  const status = statusOf[first.code]
  if (status === undefined) return raise(first)
  return { acknowledged: true, status, error: [textOf(first)] }
}

/** Whether an event goes by the name that its call's key gives it. */
export const isNamedByKey = ({ transactionId }: Pick<Event, 'transactionId'>): boolean =>
  transactionId === null || transactionId === undefined

/** Sends an event to all subscribers. @throws what is wrong with it */
export async function broadcastEvent(
  call: Call,
  asked: Omit<Event, 'to'>,
  listed: ProviderList,
  repeat: Repeatable | null,
): Promise<Result> {
  const transactionId = asked.transactionId ?? repeat?.transactionId
  try {
    const input = {
      id: repeat?.idOf(0),
      template: asked.name,
      data: asked.payload,
      transactionId,
      actor: actorOf(asked),
      overrides: await overridesOf(asked.overrides, listed),
    }
    const by = byOf(call.caller, call.remoteAddress)
    const begun = await call.carillon.fanouts.broadcast(projectOf(call), input, by)
    return { acknowledged: true, status: 'processed', transactionId: begun.transactionId }
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    if (repeat !== null && error.code === 'ID_EXISTS') return { acknowledged: true, status: 'processed', transactionId }
    if (repeat !== null && isNamedByKey(asked) && reuseCodes.has(error.code)) throw repeat.reused()
    const status = statusOf[error.code]
    if (status === undefined) throw error
    return { acknowledged: true, status }
  }
}
