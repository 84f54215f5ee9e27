/** Novu's messages: how those of a feed, and those that go out, are shown. */
import { z } from 'zod'
import { storedProblem } from '../errors.ts'
import type { Action, FeedMessage, JsonObject, MessageStatus } from '../words.ts'
import type { Call } from './dialect.ts'
import { type ChannelName, channelNameOf, channelNames, tenantIds, tenantOf } from './novu-values.ts'
import { jsonObject } from './values.ts'

const buttonTypes = ['primary', 'secondary'] as const

/** What a message of a feed leads to. */
const cta = z.object({
  type: z.literal('redirect').optional(),
  data: z.object({ url: z.string().optional() }),
  action: z
    .object({
      status: z.enum(['pending', 'done']),
      buttons: z.array(z.object({ type: z.enum(buttonTypes), content: z.string() })),
      result: z.object({ type: z.enum(buttonTypes).optional(), payload: jsonObject.optional() }),
    })
    .optional(),
})

const statuses = ['sent', 'error', 'warning'] as const
/** What a status is called there. What has not gone out, and what nobody knows, is a warning. */
const statusNames = {
  SCHEDULED: 'warning',
  QUEUED: 'warning',
  SENDING: 'warning',
  SENT: 'sent',
  DELIVERED: 'sent',
  FAILED: 'error',
  SKIPPED: 'warning',
  CANCELED: 'warning',
  UNKNOWN: 'warning',
} as const satisfies Record<MessageStatus, (typeof statuses)[number]>

const common = {
  _id: z.string(),
  ...tenantIds,
  _templateId: z.string().meta({ description: 'Key of the template; empty: there is none.' }),
  _messageTemplateId: z.string().meta({ description: 'The same.' }),
  _notificationId: z.string(),
  _subscriberId: z.string().meta({ description: 'Id of the subscriber on this server; empty: it has none.' }),
  _feedId: z.string().nullable().meta({ description: 'Name of the feed; null: it is in none.' }),
  templateIdentifier: z.string().optional(),
  transactionId: z.string(),
  channel: z.enum(channelNames),
  title: z.string().optional(),
  subject: z.string().optional(),
  content: z.string(),
  seen: z.boolean(),
  read: z.boolean(),
  lastSeenDate: z.string().optional(),
  lastReadDate: z.string().optional(),
  createdAt: z.string(),
  updatedAt: z.string(),
  cta,
  status: z.enum(statuses),
  payload: jsonObject,
}

/** A message of a feed. */
export const feedItem = z.object({
  ...common,
  _jobId: z.string().meta({ description: 'Id of the message.' }),
  deleted: z.boolean(),
  actor: z.object({ type: z.enum(['none', 'user']), data: z.string().nullable() }),
  subscriber: z.object({ _id: z.string(), subscriberId: z.string() }),
})

/** A message of any channel. */
export const message = z.object({
  ...common,
  email: z.string().optional(),
  phone: z.string().optional(),
  providerId: z.string().optional(),
  errorId: z.string().optional(),
  errorText: z.string().optional(),
})

const word = (type: Action['type']) => (type === 'PRIMARY' ? 'primary' : 'secondary')

function ctaOf(url: string | null, actions: readonly Action[]): z.input<typeof cta> {
  const data = url === null ? {} : { url }
  const used = actions.find((one) => one.status === 'DONE')
  const told = used ?? actions.find((one) => one.payload !== null)
  const type = url === null ? {} : { type: 'redirect' as const }
  if (actions.length === 0) return { ...type, data }
  return {
    ...type,
    data,
    action: {
      status: used === undefined ? 'pending' : 'done',
      buttons: actions.map((one) => ({ type: word(one.type), content: one.label })),
      result: { type: told === undefined ? undefined : word(told.type), payload: told?.payload ?? undefined },
    },
  }
}

/** What is shown of every message of a feed. */
const feedPartOf = (call: Call, one: FeedMessage) => ({
  _id: one.id,
  ...tenantOf(call),
  _templateId: one.templateKey ?? '',
  _messageTemplateId: one.templateKey ?? '',
  _notificationId: one.notificationId,
  _subscriberId: one.contactId,
  _feedId: one.feed,
  templateIdentifier: one.templateKey ?? undefined,
  transactionId: one.transactionId,
  channel: 'in_app' as ChannelName,
  title: one.title ?? undefined,
  subject: one.title ?? undefined,
  content: one.body,
  seen: one.seenAt !== null,
  read: one.readAt !== null,
  lastSeenDate: one.seenAt ?? undefined,
  lastReadDate: one.readAt ?? undefined,
  createdAt: one.createdAt,
  updatedAt: one.updatedAt,
  cta: ctaOf(one.url, one.actions),
  status: statusNames[one.status],
  payload: one.data,
})

/** A message of a subscriber's feed, as the feed shows it. */
export const shownFeedItem = (call: Call, one: FeedMessage, subscriberId: string): z.input<typeof feedItem> => ({
  ...feedPartOf(call, one),
  _jobId: one.id,
  deleted: false,
  actor: one.actor === null ? { type: 'none', data: null } : { type: 'user', data: one.actor.photoUrl },
  subscriber: { _id: one.contactId, subscriberId },
})

/** A message of a feed, as what changes it answers. */
export const shownFeedMessage = (call: Call, one: FeedMessage): z.input<typeof message> => feedPartOf(call, one)

/** A message of any channel, with what belongs to it. */
type Described = Awaited<ReturnType<Call['carillon']['messages']['described']>>[number]

/** A message of any channel. */
export function shownMessage(call: Call, one: Described): z.input<typeof message> {
  const error = storedProblem(one)
  const key = one.notification?.template?.key
  const heading = one.subject ?? one.title ?? undefined
  return {
    _id: one.id,
    ...tenantOf(call),
    _templateId: key ?? '',
    _messageTemplateId: key ?? '',
    _notificationId: one.notificationId,
    _subscriberId: one.contactId ?? '',
    _feedId: one.feed,
    templateIdentifier: key,
    transactionId: one.notification?.transactionId ?? '',
    channel: channelNameOf[one.channel],
    title: heading,
    subject: heading,
    content: one.body ?? one.html ?? one.text ?? '',
    seen: one.seenAt !== null,
    read: one.readAt !== null,
    lastSeenDate: one.seenAt?.toISOString(),
    lastReadDate: one.readAt?.toISOString(),
    createdAt: one.createdAt.toISOString(),
    updatedAt: one.updatedAt.toISOString(),
    cta: ctaOf(one.url, Array.isArray(one.actions) ? (one.actions as never) : []),
    status: statusNames[one.status],
    payload: (one.notification?.data ?? {}) as JsonObject,
    email: one.channel === 'EMAIL' ? (one.address ?? undefined) : undefined,
    phone: channelNameOf[one.channel] === 'sms' ? (one.address ?? undefined) : undefined,
    providerId: one.provider?.key,
    errorId: error?.code,
    errorText: error?.message,
  }
}
