/** Novu's routes of events: to trigger one, many, or one for all subscribers, and to cancel. */
import { z } from 'zod'
import { byOf } from '../carillon.ts'
import { CarillonError, problem } from '../errors.ts'
import { projectOf, type Route } from './dialect.ts'
import { itemsFor, listedProviders } from './novu-contact.ts'
import { common, type Event, event, type Result, result } from './novu-event.ts'
import { ReusedKey, repeatable, repeatHeaders } from './novu-repeat.ts'
import { applyEvent, broadcastEvent, hasTenant, isNamedByKey, noTenant, textOf, trigger } from './novu-trigger.ts'
import { wrapped } from './novu-values.ts'
import { defineRoute, inOrder, listOf } from './route.ts'
import { settledInTurns } from './values.ts'

const EVENTS_MAX = 100
/** Events of a call whose subscribers are written at a time: each is a connection to the database. */
const APPLIED_AT_ONCE = 8

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
  headers: repeatHeaders,
  body: event,
  answers: { 201: { description: 'What became of it.', schema: wrapped(result) } },
  example: {
    body: {
      name: 'order-shipped',
      to: { subscriberId: '42', email: 'ann@example.com', firstName: 'Ann' },
      payload: { number: 'A-1001' },
      transactionId: 'order-A-1001',
    },
    answer: { data: { acknowledged: true, status: 'processed', transactionId: 'order-A-1001' } },
  },
  items: ({ body }) => itemsOf(body),
  async handle(parsed, call) {
    const repeat = repeatable(parsed)
    const listed = listedProviders(call)
    const wrong = await applyEvent(call, parsed.body, listed)
    return { status: 201, body: { data: await trigger(call, parsed.body, wrong, listed, repeat?.whole ?? null) } }
  },
})

const triggerBulk = defineRoute({
  method: 'POST',
  path: '/v1/events/trigger/bulk',
  operation: 'sendMessages',
  summary: 'Sends up to 100 events; one that is wrong fails alone.',
  headers: repeatHeaders,
  body: z.object({ events: listOf(event, EVENTS_MAX) }),
  alone: 'events',
  answers: { 201: { description: 'What became of each, in the order of the call.', schema: wrapped(z.array(result)) } },
  example: {
    body: {
      events: [
        { name: 'order-shipped', to: '42', payload: { number: 'A-1001' }, transactionId: 'order-A-1001' },
        {
          name: 'order-shipped',
          to: [{ type: 'Topic', topicKey: 'sales' }],
          payload: { number: 'A-1001' },
          transactionId: 'sales-A-1001',
        },
      ],
    },
    answer: {
      data: [
        { acknowledged: true, status: 'processed', transactionId: 'order-A-1001' },
        { acknowledged: true, status: 'processed', transactionId: 'sales-A-1001' },
      ],
    },
  },
  items: ({ body }) => body.events.reduce((sum, one) => sum + itemsOf(one), 0),
  async handle(parsed, call) {
    const { events } = parsed.body
    const repeat = repeatable(parsed)
    const listed = listedProviders(call)
    const failure = (text: string): Result => ({ acknowledged: true, status: 'error', error: [text] })
    // What they say of subscribers is a transaction of the database for each. Sending is not: calls that are made together share one.
    const applied = await settledInTurns(events, APPLIED_AT_ONCE, (one) => applyEvent(call, one, listed))
    const send = async (one: Event, position: number): Promise<Result> => {
      const wrong = applied[position]
      if (wrong === undefined || wrong.status === 'rejected') throw wrong?.reason
      return trigger(call, one, wrong.value, listed, repeat?.at(position) ?? null)
    }
    // Each is a call of its own, so that each has its transactionId. One that the key names finds out whether another call had it, before the others begin.
    const probe = repeat === null ? undefined : events.find(isNamedByKey)
    const probed = probe === undefined ? [] : await Promise.allSettled([send(probe, events.indexOf(probe))])
    for (const one of probed) if (one.status === 'rejected' && one.reason instanceof ReusedKey) throw one.reason
    const rest = events.filter((one) => one !== probe)
    const sent = await Promise.allSettled(rest.map((one) => send(one, events.indexOf(one))))
    const ended = events.flatMap((one) => (one === probe ? probed : (sent[rest.indexOf(one)] ?? [])))
    // Who is told to try again sends all of them again: only where none was taken.
    const isAnyTaken = ended.some(({ status }) => status === 'fulfilled')
    const results = ended.map((one): Result => {
      if (one.status === 'fulfilled') return one.value
      const error: unknown = one.reason
      if (!(error instanceof CarillonError) || (error.retryable && !isAnyTaken)) throw error
      const { code, message, details } = error
      return failure(textOf(problem(code, message, details.field ?? null)))
    })
    return { status: 201, body: { data: inOrder(parsed.refused, ({ error }) => failure(error.message), results) } }
  },
})

const broadcast = defineRoute({
  method: 'POST',
  path: '/v1/events/trigger/broadcast',
  operation: 'broadcast',
  summary: 'Sends a notification to all subscribers there are now.',
  headers: repeatHeaders,
  body: z.object(common),
  answers: { 201: { description: 'It has begun.', schema: wrapped(result) } },
  example: {
    body: { name: 'maintenance', payload: { from: '22:00' }, transactionId: 'maintenance-7' },
    answer: { data: { acknowledged: true, status: 'processed', transactionId: 'maintenance-7' } },
  },
  items: ({ body }) => itemsOf(body),
  async handle(parsed, call) {
    const { body } = parsed
    if (hasTenant(body)) return { status: 201, body: { data: noTenant } }
    const repeat = repeatable(parsed)
    const listed = listedProviders(call)
    await applyEvent(call, body, listed)
    return { status: 201, body: { data: await broadcastEvent(call, body, listed, repeat?.whole ?? null) } }
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
      description: '`data`: whether this call canceled anything.',
      schema: z.object({ acknowledged: z.boolean(), data: z.boolean() }),
    },
  },
  example: {
    parameters: { transactionId: 'order-A-1001' },
    answer: { acknowledged: true, data: true },
  },
  async handle({ param }, call) {
    const by = byOf(call.caller, call.remoteAddress)
    try {
      const { canceledCount, alreadySentCount, wasCanceled } = await call.carillon.cancel(
        projectOf(call).id,
        param('transactionId'),
        by,
      )
      // A send to many that had not begun has no messages yet.
      const isCanceled = canceledCount > 0 || (alreadySentCount === 0 && !wasCanceled)
      return { status: 200, body: { acknowledged: true, data: isCanceled } }
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'NOT_FOUND')
        return { status: 200, body: { acknowledged: true, data: false } }
      throw error
    }
  },
})

/** The routes. */
export const novuEvents: readonly Route[] = [triggerEvent, triggerBulk, broadcast, cancel]
