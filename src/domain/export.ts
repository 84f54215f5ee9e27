/** Whole lists, in chunks: each is read where the one before ended, so that a list of any length takes the memory of one chunk. */
import type { Database } from '../db/database.ts'
import { shownAddress } from './mask.ts'
import { waits } from './message.ts'
import { type NotificationFilter, whereOf } from './notification.ts'
import type { AudienceFilter, Segments } from './segment.ts'

/** What `createExports` needs. */
export interface ExportDeps {
  readonly db: Database
  readonly audience: Segments['audience']
}

/** Rows of one chunk. */
export const EXPORT_CHUNK = 500

/** What is exported of a notification. */
const ofNotification = {
  ...{ id: true, key: true, transactionId: true, createdAt: true, sendAt: true, canceledAt: true },
  template: { select: { key: true } },
  contact: { select: { externalId: true } },
  messages: {
    select: {
      ...{ id: true, channel: true, status: true, address: true, subject: true, providerMessageId: true, errorCode: true },
      ...{ errorMessage: true, attemptCount: true, sentAt: true, deliveredAt: true },
      provider: { select: { key: true } },
      delivery: { select: { leaseUntil: true } },
    },
    orderBy: { id: 'asc' },
  },
} as const

/** Creates the reads. Filters are checked at once. A chunk has `last`, which the next one follows; null: the list has ended. */
export function createExports({ db: { prisma }, audience }: ExportDeps) {
  return {
    /** Notifications with their messages, newest first. @throws BAD_INPUT */
    notifications(projectId: string, filter: NotificationFilter) {
      const where = whereOf(projectId, filter)
      return async (before: string | null) => {
        const found = await prisma.notification.findMany({
          where: before === null ? where : { AND: [where, { id: { lt: before } }] },
          select: ofNotification,
          orderBy: { id: 'desc' },
          take: EXPORT_CHUNK,
        })
        const rows = found.map(({ messages, ...one }) => ({
          ...one,
          messages: messages.map(({ delivery, ...message }) => ({
            ...message,
            // A message that a worker has is being sent, which only the outbox says.
            status: waits(message.status) && (delivery?.leaseUntil ?? null) !== null ? ('SENDING' as const) : message.status,
            address: shownAddress(message.channel, message.address),
          })),
        }))
        return { rows, last: found.at(-1)?.id ?? null }
      }
    },

    /** Contacts, oldest first. @throws BAD_INPUT */
    async contacts(projectId: string, filter: AudienceFilter) {
      const { find } = await audience(projectId, filter)
      return async (after: string | null) => {
        const ids = await find({ after, before: null, ascending: true, limit: EXPORT_CHUNK })
        // Some of them may have been erased meanwhile: the list goes on after the last id all the same.
        const rows = await prisma.contact.findMany({ where: { projectId, id: { in: ids } }, orderBy: { id: 'asc' } })
        return { rows, last: ids.at(-1) ?? null }
      }
    },
  }
}

/** The reads of whole lists. */
export type Exports = ReturnType<typeof createExports>
