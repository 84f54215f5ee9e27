/** Novu's notifications, with their messages as jobs: how they are shown. */
import { z } from 'zod'
import { type JsonObject, type MessageStatus, messageStatuses } from '../words.ts'
import type { Call } from './dialect.ts'
import { providerIds, providerNameOf } from './novu-provider.ts'
import { channelNameOf, channelNames, namesOf, tenantIds, tenantOf } from './novu-values.ts'
import { jsonObject } from './values.ts'

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

/** A notification, as answers have it. */
export const notification = z.object({
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

/** How a notification is shown. */
export function shownNotification(call: Call, one: Detailed): z.input<typeof notification> {
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
