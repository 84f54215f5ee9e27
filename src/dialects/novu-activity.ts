/** Novu's routes of activity: what was sent, what became of it, and how much it was. */
import { z } from 'zod'
import type { Channel } from '../words.ts'
import { projectOf, type Route } from './dialect.ts'
import { notification, shownNotification } from './novu-notification.ts'
import {
  channelNames,
  channelsNamed,
  either,
  listOrOne,
  namesOf,
  notFound,
  optionalWhole,
  pageBody,
  pageNumber,
  pageOf,
  wrapped,
} from './novu-values.ts'
import { defineRoute } from './route.ts'
import { isoTime } from './values.ts'

/** Novu's own size of these pages. */
const PAGE = 10

const texts = listOrOne(z.string())
const names = listOrOne(z.enum(channelNames))
const day = z
  .union([isoTime, z.literal('')])
  .optional()
  .transform((at) => (at === '' ? undefined : at))

const list = defineRoute({
  method: 'GET',
  path: '/v1/notifications',
  operation: 'notifications',
  summary: 'Lists notifications, newest first, ten a page. Each filter narrows; a list of values means any of them.',
  query: z.object({
    page: pageNumber,
    channels: names,
    'channels[]': names,
    templates: texts,
    'templates[]': texts,
    emails: texts,
    'emails[]': texts,
    subscriberIds: listOrOne(z.string()).refine((ids) => ids === null || ids.length === 1, 'must be one'),
    search: z.string().optional(),
    transactionId: z.string().optional(),
    after: day.meta({ description: 'Only those since this time.' }),
    before: day.meta({ description: 'Only those before this time.' }),
  }),
  answers: { 200: { description: 'A page.', schema: pageOf(notification) } },
  items: () => PAGE,
  async handle({ query }, call) {
    const { id } = projectOf(call)
    const { notifications } = call.carillon
    const channels = either(query.channels, query['channels[]'])?.flatMap((name): Channel[] => channelsNamed(name)) ?? null
    const filter = {
      channels,
      templates: either(query.templates, query['templates[]']),
      emails: either(query.emails, query['emails[]']),
      contact: query.subscriberIds?.[0],
      search: query.search,
      transactionId: query.transactionId,
      from: query.after,
      to: query.before,
    }
    const found = await notifications.list(id, filter, { first: PAGE, skip: query.page * PAGE })
    const [detailed, total] = await Promise.all([
      notifications.detailed(
        id,
        found.nodes.map((one) => one.id),
      ),
      found.total(),
    ])
    const data = detailed.map((one) => shownNotification(call, one))
    return { status: 200, body: pageBody(query.page, PAGE, total, data) }
  },
})

const get = defineRoute({
  method: 'GET',
  path: '/v1/notifications/:notificationId',
  operation: 'notifications',
  summary: 'One notification, with its messages as jobs.',
  params: { notificationId: 'Its id.' },
  answers: { 200: { description: 'The notification.', schema: wrapped(notification) } },
  async handle({ param }, call) {
    const [found] = await call.carillon.notifications.detailed(projectOf(call).id, [param('notificationId')])
    return { status: 200, body: { data: shownNotification(call, found ?? notFound('notification')) } }
  },
})

const stats = defineRoute({
  method: 'GET',
  path: '/v1/notifications/stats',
  operation: 'stats',
  summary: 'How many notifications were sent in the last 7 days, the last month and the last year.',
  answers: {
    200: {
      description: 'The numbers.',
      schema: wrapped(z.object({ weeklySent: z.int(), monthlySent: z.int(), yearlySent: z.int() })),
    },
  },
  async handle(_parsed, call) {
    const { id } = projectOf(call)
    const sent = (period: 'week' | 'month' | 'year') => call.carillon.activity.sent(id, period, { template: null, channel: null })
    const [weeklySent, monthlySent, yearlySent] = await Promise.all([sent('week'), sent('month'), sent('year')])
    return { status: 200, body: { data: { weeklySent, monthlySent, yearlySent } } }
  },
})

const DAYS = 32
const DAYS_MAX = 400
const graph = defineRoute({
  method: 'GET',
  path: '/v1/notifications/graph/stats',
  operation: 'stats',
  summary: 'Notifications by UTC day, today first; each counts once, however many channels it has.',
  query: z.object({
    days: optionalWhole
      .refine((days) => days === undefined || (days >= 1 && days <= DAYS_MAX), `must be from 1 to ${DAYS_MAX}`)
      .meta({ description: `How many days, 1 to ${DAYS_MAX}; default: ${DAYS}.` }),
  }),
  answers: {
    200: {
      description: 'The days.',
      schema: wrapped(
        z.array(
          z.object({
            _id: z.iso.date(),
            count: z.int(),
            templates: z.array(z.string()).meta({ description: 'Keys of the templates that were used, most used first.' }),
            channels: z.array(z.enum(channelNames)),
          }),
        ),
      ),
    },
  },
  items: ({ query }) => query.days ?? DAYS,
  async handle({ query }, call) {
    const of = { template: null, channel: null }
    const days = await call.carillon.activity.days(projectOf(call).id, query.days ?? DAYS, of)
    const data = await Promise.all(
      days.map(async ({ day: _id, whole, templates, channels }) => ({
        _id,
        count: (await whole()).count,
        templates: (await templates()).map((one) => one.template),
        channels: namesOf((await channels()).map((one) => one.channel)),
      })),
    )
    return { status: 200, body: { data } }
  },
})

const mxStatus = defineRoute({
  method: 'GET',
  path: '/v1/inbound-parse/mx/status',
  operation: 'inboundParse',
  summary: "Whether mail to the project's inbound domain comes here.",
  answers: {
    200: { description: 'Whether it does.', schema: wrapped(z.object({ mxRecordConfigured: z.boolean() })) },
  },
  async handle(_parsed, call) {
    const mxRecordConfigured = await call.carillon.inbound.isConfigured(projectOf(call).inboundDomain)
    return { status: 200, body: { data: { mxRecordConfigured } } }
  },
})

/** The routes. */
export const novuActivity: readonly Route[] = [list, stats, graph, get, mxStatus]
