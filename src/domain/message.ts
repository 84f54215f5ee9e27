/** Messages: a notification on one channel. */
import { AWAY } from '../db/away.ts'
import type { Database } from '../db/database.ts'
import type { Attempt, Message, Prisma } from '../db/generated/client.ts'
import { hashedName } from '../db/hash.ts'
import { CarillonError } from '../errors.ts'
import type { Actor, Channel, FeedMessage, JsonObject, MessageStatus, Severity } from '../words.ts'
import { checkText } from './check.ts'
import { isUuid } from './ids.ts'
import { checkSkip, inOrder, PAGE_MAX, SKIP_MAX } from './page.ts'

/** What Prisma loads of its notification with an in-app message, for `messageOf`. */
export const notificationOfMessage = { template: { select: { key: true, severity: true } }, actor: true } as const
type MessageWithNotification = Message & {
  readonly notification: {
    readonly transactionId: string
    readonly data: unknown
    readonly template: { readonly key: string; readonly severity: string } | null
    readonly actor: Actor | null
  }
}

/** A message of either kind: of a feed, or a row that goes out through a provider. */
export type AnyMessage = FeedMessage | Message

/** Whether it is an in-app message, which has what a feed shows. */
export const isFeedMessage = (message: AnyMessage): message is FeedMessage => 'templateKey' in message

const actorOf = (row: Actor | null): Actor | null =>
  row === null ? null : { externalId: row.externalId, firstName: row.firstName, lastName: row.lastName, photoUrl: row.photoUrl }

/** The message of a row. */
export function messageOf({ notification, ...row }: MessageWithNotification): AnyMessage {
  if (row.channel !== 'IN_APP') return row
  return {
    projectId: row.projectId,
    id: row.id,
    contactId: row.contactId ?? '',
    notificationId: row.notificationId,
    transactionId: notification.transactionId,
    templateKey: notification.template?.key ?? null,
    severity: (notification.template?.severity ?? 'NORMAL') as Severity,
    status: row.status,
    feed: row.feed ?? '',
    title: row.title,
    // Not rendered yet, or never.
    body: row.body ?? '',
    iconUrl: row.iconUrl,
    url: row.url,
    actor: actorOf(notification.actor),
    data: notification.data as JsonObject,
    count: row.count,
    actions: (row.actions ?? []) as never,
    arrivedSeq: Number(row.arrivedSeq ?? 0),
    listedSeq: Number(row.listedSeq ?? 0),
    changedSeq: Number(row.changedSeq ?? 0),
    seenAt: row.seenAt?.toISOString() ?? null,
    readAt: row.readAt?.toISOString() ?? null,
    archivedAt: row.archivedAt === null || row.archivedAt.toISOString() === AWAY ? null : row.archivedAt.toISOString(),
    snoozedUntil: row.snoozedUntil?.toISOString() ?? null,
    deletedAt: row.deletedAt?.toISOString() ?? null,
    sentAt: row.sentAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

/** Whether a message with this status waits, or is being sent. */
export const waits = (status: MessageStatus): boolean => status === 'SCHEDULED' || status === 'QUEUED'

/** Narrows a list of messages; null: not by this. */
export interface MessageFilter {
  readonly channels: readonly Channel[] | null
  /** externalId */
  readonly contact: string | null
  readonly transactionIds: readonly string[] | null
}

/** As far as messages of a list are counted: as far as pages reach. No index has what is counted, and a project may have millions. */
export const COUNTED_MAX = SKIP_MAX + PAGE_MAX

/** The two keys of a message's row. */
interface MessageKey {
  readonly projectId: string
  readonly id: string
}

/** Creates the operations that read messages. */
export function createMessages({ db: { prisma } }: { readonly db: Database }) {
  /** What is loaded of a message that is looked at by itself. */
  const whole = {
    provider: { select: { key: true } },
    notification: { select: { transactionId: true, data: true, template: { select: { key: true } } } },
  } as const

  /** As of the moment when the message was read: what left the outbox since, or was tried again, was being sent then. */
  async function statusOf(message: AnyMessage): Promise<MessageStatus> {
    const key = { projectId: message.projectId, messageId: message.id }
    const row = await prisma.delivery.findUnique({ where: { projectId_messageId: key } })
    const isTaken = row === null || row.leaseUntil !== null || (!isFeedMessage(message) && row.attempts !== message.attemptCount)
    return isTaken ? 'SENDING' : message.status
  }

  return {
    /** The state of a message. One that waits is being sent while a worker has it, which is written in the outbox alone. */
    status: (message: AnyMessage): MessageStatus | Promise<MessageStatus> =>
      waits(message.status) ? statusOf(message) : message.status,

    /** The row of a message, such as one of a feed. Prisma gathers such look-ups of one moment into one query. @throws NOT_FOUND */
    async row({ projectId, id }: MessageKey): Promise<Message> {
      const row = await prisma.message.findUnique({ where: { projectId_id: { projectId, id } } })
      if (row === null) throw new CarillonError('NOT_FOUND', { message: 'The message was removed meanwhile.' })
      return row
    },

    /** Messages by id, with their provider and what is shown of their notification, in the order of the ids as given. */
    async described(projectId: string, given: readonly string[]) {
      const found = await prisma.message.findMany({ where: { projectId, id: { in: given.filter(isUuid) } }, include: whole })
      return inOrder(given, found)
    },

    /**
     * Messages that are not archived, those of the newest notification first, from a row with a number on; and how many there are, null:
     * more than pages reach.
     * @throws BAD_INPUT
     */
    async numbered(projectId: string, filter: MessageFilter, { skip, limit }: { readonly skip: number; readonly limit: number }) {
      const { channels, contact, transactionIds } = filter
      for (const text of [contact, ...(transactionIds ?? [])]) {
        if (text !== null && text !== undefined) checkText('filter', text, 1000)
      }
      // The contact is the notification's as well: only messages of feeds have an index of contacts.
      const ofNotification: Prisma.NotificationWhereInput = {
        ...(contact === null ? {} : { contact: { projectId, externalId: contact } }),
        ...(transactionIds === null
          ? {}
          : { transactionId: { in: transactionIds.flatMap((id) => [id, hashedName(projectId, id)]) } }),
      }
      const where: Prisma.MessageWhereInput = {
        projectId,
        archivedAt: null,
        ...(channels === null ? {} : { channel: { in: [...channels] } }),
        ...(contact === null && transactionIds === null ? {} : { notification: ofNotification }),
      }
      const [messages, total] = await Promise.all([
        prisma.message.findMany({
          where,
          include: whole,
          orderBy: [{ notificationId: 'desc' }, { id: 'desc' }],
          skip: checkSkip(skip),
          take: limit,
        }),
        prisma.message.count({ where, take: COUNTED_MAX + 1 }),
      ])
      return { messages, total: total > COUNTED_MAX ? null : total }
    },

    /** Every attempt to send a message, oldest first. */
    attempts: ({ projectId, id }: MessageKey): Promise<Attempt[]> =>
      prisma.attempt.findMany({ where: { projectId, messageId: id }, orderBy: { number: 'asc' } }),
  }
}
