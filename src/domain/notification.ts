/** Notifications, as they are looked at. */
import type { Database } from '../db/database.ts'
import type { Notification, Prisma } from '../db/generated/client.ts'
import { hashedName } from '../db/hash.ts'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import { spellingsOfEmail } from '../values/mailbox.ts'
import type { Channel, MessageStatus, StatusChange } from '../words.ts'
import { checkText, isOwnId, literally } from './check.ts'
import type { Cursors } from './cursor.ts'
import { firstIdAt, isUuid } from './ids.ts'
import { type AnyMessage, messageOf, notificationOfMessage, waits } from './message.ts'
import { inOrder, type ListPage, type Loading, type PageArgs, readPage } from './page.ts'

/** Narrows a list of notifications; each part narrows further, lists mean any of. */
export interface NotificationFilter {
  readonly channels?: readonly Channel[] | null | undefined
  readonly templates?: readonly string[] | null | undefined
  readonly emails?: readonly string[] | null | undefined
  readonly search?: string | null | undefined
  readonly transactionId?: string | null | undefined
  readonly contact?: string | null | undefined
  readonly statuses?: readonly MessageStatus[] | null | undefined
  readonly from?: Date | null | undefined
  readonly to?: Date | null | undefined
}

/** The condition that a filter means, within one project. @throws BAD_INPUT */
export function whereOf(projectId: string, filter: NotificationFilter | null | undefined): Prisma.NotificationWhereInput {
  const { channels, templates, emails, search, transactionId, contact, statuses, from, to } = filter ?? {}
  for (const text of [search, transactionId, contact, ...(templates ?? []), ...(emails ?? [])]) {
    if (text !== null && text !== undefined) checkText('filter', text, 1000)
  }
  const and: Prisma.NotificationWhereInput[] = []
  if (channels) and.push({ channels: { hasSome: [...channels] } })
  if (templates) and.push({ template: { key: { in: [...templates] } } })
  if (transactionId) and.push({ transactionId: { in: [transactionId, hashedName(projectId, transactionId)] } })
  if (contact) and.push({ contact: { externalId: contact } })
  if (statuses) and.push({ messages: { some: ofStatus(statuses) } })
  if (from) and.push({ id: { gte: firstIdAt(checkTime('from', from).getTime()) }, createdAt: { gte: from } })
  if (to) and.push({ createdAt: { lt: checkTime('to', to) } })
  if (emails) {
    and.push({
      OR: emails.flatMap(spellingsOfEmail).flatMap((email) => [
        { contact: { email: { equals: literally(email), mode: 'insensitive' as const } } },
        {
          messages: { some: { channel: 'EMAIL' as const, address: { equals: literally(email), mode: 'insensitive' as const } } },
        },
      ]),
    })
  }
  if (search) {
    const contains = { contains: literally(search), mode: 'insensitive' as const }
    and.push({
      OR: [
        { transactionId: contains },
        { key: contains },
        { template: { OR: [{ key: contains }, { name: contains }] } },
        {
          contact: {
            OR: [
              { externalId: contains },
              { email: contains },
              { phone: contains },
              { firstName: contains },
              { lastName: contains },
            ],
          },
        },
      ],
    })
  }
  return { projectId, AND: and }
}

/** The condition that a message is in one of these states. It is being sent while a worker has it, which is written in the outbox alone. */
function ofStatus(statuses: readonly MessageStatus[]): Prisma.MessageWhereInput {
  const waiting = statuses.filter(waits)
  const others = statuses.filter((status) => !waits(status))
  if (waiting.length === 0 && !others.includes('SENDING')) return { status: { in: others } }
  const taken: Prisma.MessageWhereInput = { delivery: { is: { leaseUntil: { not: null } } } }
  const sending: Prisma.MessageWhereInput[] = others.includes('SENDING')
    ? [{ status: { in: ['SCHEDULED', 'QUEUED'] }, ...taken }]
    : []
  return { OR: [{ status: { in: others } }, { status: { in: waiting }, NOT: taken }, ...sending] }
}

/** A message reached a status. */
export interface NotificationChange {
  readonly projectId: string
  readonly notificationId: string
  /** as it is now, which may be later than the status */
  readonly message: AnyMessage
  readonly status: MessageStatus
  readonly at: string
}

type Query = Loading<Prisma.NotificationDefaultArgs>

/** Creates the operations that read notifications. */
export function createNotifications({ db: { prisma }, cursors }: { readonly db: Database; readonly cursors: Cursors }) {
  async function find(projectId: string, id: string, query: Query = {}): Promise<Notification | null> {
    return isUuid(id) ? prisma.notification.findUnique({ ...query, where: { projectId_id: { projectId, id } } }) : null
  }

  return {
    /** One notification; null when there is none. */
    find,

    /** One notification by its id or the caller's own, whichever is given; null when there is none. @throws BAD_INPUT for both or neither */
    async named(projectId: string, id: string | null, key: string | null, query: Query = {}): Promise<Notification | null> {
      if ((id === null) === (key === null)) {
        const message =
          id === null ? 'Give the id of the notification, or your own as key.' : 'id and key exclude each other: give one.'
        throw new CarillonError('BAD_INPUT', { field: id === null ? 'id' : 'key', message })
      }
      if (id !== null) return find(projectId, id, query)
      // Of any other text no notification can have been accepted.
      if (key === null || !isOwnId(key)) return null
      return prisma.notification.findUnique({ ...query, where: { projectId_key: { projectId, key } } })
    },

    /** One notification with its messages, their providers, and what it names; null when there is none. */
    async described(projectId: string, id: string) {
      if (!isUuid(id)) return null
      return prisma.notification.findUnique({
        where: { projectId_id: { projectId, id } },
        include: {
          template: { select: { key: true } },
          campaign: { select: { key: true } },
          contact: { select: { externalId: true, timezone: true } },
          messages: { include: { provider: { select: { key: true } } }, orderBy: { id: 'asc' } },
        },
      })
    },

    /** Notifications with their messages, every attempt to send them, and what they name, in the order of the ids as given. */
    async detailed(projectId: string, given: readonly string[]) {
      const found = await prisma.notification.findMany({
        where: { projectId, id: { in: given.filter(isUuid) } },
        include: {
          template: { select: { key: true, name: true } },
          contact: true,
          messages: {
            include: { provider: { select: { key: true, kind: true } }, attempts: { orderBy: { number: 'asc' } } },
            orderBy: { id: 'asc' },
          },
        },
      })
      return inOrder(given, found)
    },

    /** The notification that is known to exist, unless it was removed meanwhile. @throws NOT_FOUND */
    async withId(projectId: string, id: string, query: Query = {}): Promise<Notification> {
      const notification = await find(projectId, id, query)
      if (notification === null) throw new CarillonError('NOT_FOUND', { message: 'The notification was removed meanwhile.' })
      return notification
    },

    /** Notifications, newest first. @throws BAD_INPUT, BAD_CURSOR */
    async list(
      projectId: string,
      filter: NotificationFilter | null | undefined,
      page: PageArgs,
      query: Query = {},
    ): Promise<ListPage<Notification>> {
      const where = whereOf(projectId, filter)
      return readPage(cursors, page, {
        name: 'notifications',
        projectId,
        order: 'newest-first',
        read: ({ where: range, ...order }) =>
          prisma.notification.findMany({ ...query, where: { AND: [where, range] }, ...order }),
        total: () => prisma.notification.count({ where }),
      })
    },

    /** Those of a transaction, named as it is stored; newest first. @throws BAD_INPUT, BAD_CURSOR */
    ofTransaction(projectId: string, transactionId: string, page: PageArgs, query: Query = {}): Promise<ListPage<Notification>> {
      return readPage(cursors, page, {
        name: 'notifications',
        projectId,
        order: 'newest-first',
        read: ({ where, ...order }) =>
          prisma.notification.findMany({ ...query, where: { projectId, transactionId, ...where }, ...order }),
        total: () => prisma.notification.count({ where: { projectId, transactionId } }),
      })
    },

    /** The notification that a digest became; null: the digest has none yet, has none at all, or it is `notification` itself. */
    async foldedInto(
      { projectId, id, digestId }: Pick<Notification, 'projectId' | 'id' | 'digestId'>,
      query: Query = {},
    ): Promise<Notification | null> {
      if (digestId === null) return null
      const digest = await prisma.digest.findUnique({ where: { projectId_id: { projectId, id: digestId } } })
      const into = digest?.notificationId ?? null
      return into === null || into === id ? null : find(projectId, into, query)
    },

    /**
     * What loads a change of status, or null for one that the filter leaves out. The filter is checked at once.
     * @throws BAD_INPUT
     */
    changes(projectId: string, filter: NotificationFilter | null | undefined) {
      const where = whereOf(projectId, filter)
      const { statuses = null, ...others } = filter ?? {}
      const isFiltered = Object.values(others).some((value) => value !== null && value !== undefined)
      return async ({ notificationId, messageId, status, at }: StatusChange): Promise<NotificationChange | null> => {
        if (statuses !== null && !statuses.includes(status)) return null
        const message = await prisma.message.findFirst({
          where: { projectId, id: messageId, ...(isFiltered ? { notification: where } : {}) },
          include: { notification: { include: notificationOfMessage } },
        })
        // Removed between the two reads.
        if (message === null || message.notification === null) return null
        return { projectId, notificationId, message: messageOf(message), status, at }
      }
    },
  }
}
