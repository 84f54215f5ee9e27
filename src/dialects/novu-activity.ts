/** Novu's routes of activity: what was sent, what became of it, and how much it was. */
import { z } from 'zod'
import type { Channel, JsonObject, MessageStatus } from '../words.ts'
import { messageStatuses } from '../words.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import { providerIds, providerNameOf } from './novu-provider.ts'
import {
  channelNameOf,
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
  tenantIds,
  tenantOf,
  wrapped,
} from './novu-values.ts'
import { defineRoute } from './route.ts'
import { isoTime, jsonObject } from './values.ts'

/** Novu's own size of these pages. */
const PAGE = 10

/** What became of a message, in Novu's words for jobs. What nobody knows has failed. */
const jobStatuses = {
  SCHEDULED: 'delayed',
  QUEUED: 'queued',
  SENDING: 'running',
  SENT: 'completed',
  DELIVERED: 'completed',
  FAILED: 'failed',
  SKIPPED: 'skipped',
  CANCELED: 'canceled',
  UNKNOWN: 'failed',
} as const satisfies Record<MessageStatus, string>

const detailStatuses = ['Success', 'Warning', 'Failed', 'Pending', 'Queued', 'ReadConfirmation'] as const
const detailOf = {
  SCHEDULED: 'Pending',
  QUEUED: 'Queued',
  SENDING: 'Pending',
  SENT: 'Success',
  DELIVERED: 'Success',
  FAILED: 'Failed',
  SKIPPED: 'Warning',
  CANCELED: 'Warning',
  UNKNOWN: 'Warning',
} as const satisfies Record<MessageStatus, (typeof detailStatuses)[number]>

const detail = z.object({
  _id: z.string(),
  _jobId: z.string(),
  createdAt: z.string(),
  status: z.enum(detailStatuses),
  detail: z.string(),
  isRetry: z.boolean(),
  isTest: z.boolean(),
  providerId: z.enum(providerIds),
  raw: z.string().nullable(),
  source: z.literal('Internal'),
})

const job = z.object({
  _id: z.string().meta({ description: 'Id of the message.' }),
  type: z.enum(channelNames),
  status: z.enum(Object.values(jobStatuses)),
  providerId: z.enum(providerIds).meta({ description: 'The nearest of Novu’s names for the kind of the provider.' }),
  payload: jsonObject,
  step: z.object({ _id: z.string(), _templateId: z.string(), active: z.boolean(), filters: z.array(z.never()) }),
  executionDetails: z.array(detail).meta({ description: 'Its states, then every attempt to send it.' }),
  updatedAt: z.string(),
})

const notification = z.object({
  _id: z.string(),
  ...tenantIds,
  _subscriberId: z.string().meta({ description: 'Id of the subscriber on this server; empty: it has none.' }),
  _templateId: z.string().optional().meta({ description: 'Key of the template.' }),
  transactionId: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  channels: z.array(z.enum(channelNames)),
  subscriber: z
    .object({
      _id: z.string(),
      subscriberId: z.string(),
      firstName: z.string().optional(),
      lastName: z.string().optional(),
      email: z.string().optional(),
      phone: z.string().optional(),
    })
    .optional(),
  template: z
    .object({
      _id: z.string(),
      name: z.string(),
      triggers: z.array(
        z.object({
          type: z.literal('event'),
          identifier: z.string(),
          variables: z.array(z.object({ name: z.string() })),
          subscriberVariables: z.array(z.object({ name: z.string() })),
        }),
      ),
    })
    .optional(),
  jobs: z.array(job),
  payload: jsonObject,
})

type Detailed = Awaited<ReturnType<Call['carillon']['notifications']['detailed']>>[number]
type Message = Detailed['messages'][number]

const historyOf = (stored: unknown) => (Array.isArray(stored) ? (stored as [string, string, string | null][]) : [])
const isStatus = (text: unknown): text is MessageStatus => messageStatuses.some((one) => one === text)

function detailsOf({ id, channel, history, attempts, provider }: Message): z.input<typeof detail>[] {
  const common = { _jobId: id, isTest: false, source: 'Internal' } as const
  const providerId = providerNameOf(provider?.kind ?? null, channel)
  const states = historyOf(history).map(([status, at, text], index) => ({
    ...common,
    _id: `${id}-state-${index}`,
    createdAt: at,
    status: isStatus(status) ? detailOf[status] : ('Warning' as const),
    detail: text ?? status,
    isRetry: false,
    providerId,
    raw: null,
  }))
  const tries = attempts.map(({ number, startedAt, ok, errorMessage, response }) => ({
    ...common,
    _id: `${id}-attempt-${number}`,
    createdAt: startedAt.toISOString(),
    status: ok ? ('Success' as const) : ('Failed' as const),
    detail: errorMessage ?? `Attempt ${number}`,
    isRetry: number > 1,
    providerId,
    raw: response,
  }))
  return [...states, ...tries]
}

function jobOf(one: Message, { data, template }: Detailed): z.input<typeof job> {
  return {
    _id: one.id,
    type: channelNameOf[one.channel],
    status: jobStatuses[one.status],
    providerId: providerNameOf(one.provider?.kind ?? null, one.channel),
    payload: data as JsonObject,
    step: { _id: one.id, _templateId: template?.key ?? '', active: true, filters: [] },
    executionDetails: detailsOf(one),
    updatedAt: one.updatedAt.toISOString(),
  }
}

function shown(call: Call, one: Detailed): z.input<typeof notification> {
  const { contact, template, messages } = one
  const lastChange = messages.map((message) => message.updatedAt).concat(one.createdAt)
  return {
    _id: one.id,
    ...tenantOf(call),
    _subscriberId: contact?.id ?? '',
    _templateId: template?.key,
    transactionId: one.transactionId,
    createdAt: one.createdAt.toISOString(),
    updatedAt: new Date(Math.max(...lastChange.map((at) => at.getTime()))).toISOString(),
    channels: namesOf(one.channels),
    subscriber:
      contact === null
        ? undefined
        : {
            _id: contact.id,
            subscriberId: contact.externalId,
            firstName: contact.firstName ?? undefined,
            lastName: contact.lastName ?? undefined,
            email: contact.email ?? undefined,
            phone: contact.phone ?? undefined,
          },
    template:
      template === null
        ? undefined
        : {
            _id: template.key,
            name: template.name,
            triggers: [{ type: 'event', identifier: template.key, variables: [], subscriberVariables: [] }],
          },
    jobs: messages.map((message) => jobOf(message, one)),
    payload: one.data as JsonObject,
  }
}

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
    const data = detailed.map((one) => shown(call, one))
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
    return { status: 200, body: { data: shown(call, found ?? notFound('notification')) } }
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
