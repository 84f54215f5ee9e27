/** What an operator looks at: notifications and what became of them. */
import type { Database } from '../db/database.ts'
import type { Prisma } from '../db/generated/client.ts'
import { type ChannelRow, countDays, countTotals, type TemplateRow, type Totals } from '../db/stats.ts'
import { CarillonError } from '../errors.ts'
import { checkText, literally } from './check.ts'
import type { Clock } from './clock.ts'
import { firstIdAt } from './ids.ts'
import type { Channel, MessageStatus } from './words.ts'

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

/** One UTC day of statistics. */
export interface DayStats {
  readonly day: string
  readonly count: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly seen: number
  readonly read: number
  readonly channels: readonly Omit<ChannelRow, 'day'>[]
  readonly templates: readonly Omit<TemplateRow, 'day'>[]
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
  if (transactionId) and.push({ transactionId })
  if (contact) and.push({ contact: { externalId: contact } })
  if (statuses) and.push({ messages: { some: { status: { in: [...statuses] } } } })
  if (from) and.push({ id: { gte: firstIdAt(from.getTime()) }, createdAt: { gte: from } })
  if (to) and.push({ createdAt: { lt: to } })
  if (emails) {
    and.push({
      OR: emails.flatMap((email) => [
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

const DAY_MS = 24 * 3_600_000
const DAYS_MAX = 400

/** Makes the statistics. */
export function createActivity({ db, clock }: { readonly db: Database; readonly clock: Clock }) {
  async function templateId(projectId: string, key: string | null): Promise<string | null> {
    if (key === null) return null
    const template = key.includes('\0')
      ? null
      : await db.prisma.template.findUnique({ where: { projectId_key: { projectId, key } } })
    if (template === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
    return template.id
  }
  return {
    /** Rolling 7 days, month and year. */
    async totals(projectId: string, template: string | null, channel: Channel | null): Promise<Totals> {
      const now = clock.now()
      const month = new Date(now)
      month.setUTCMonth(month.getUTCMonth() - 1)
      const year = new Date(now)
      year.setUTCFullYear(year.getUTCFullYear() - 1)
      const filter = { templateId: await templateId(projectId, template), channel }
      return countTotals(
        db.pool,
        projectId,
        firstIdAt(year.getTime()),
        { year, month, week: new Date(now.getTime() - 7 * DAY_MS) },
        filter,
      )
    },

    /** The last days, newest first, days without a notification included. @throws BAD_INPUT */
    async days(projectId: string, last: number, template: string | null, channel: Channel | null): Promise<DayStats[]> {
      if (last < 1 || last > DAYS_MAX) {
        throw new CarillonError('BAD_INPUT', {
          field: 'last',
          max: DAYS_MAX,
          got: last,
          message: `last must be from 1 to ${DAYS_MAX}.`,
        })
      }
      const today = Math.floor(clock.now().getTime() / DAY_MS)
      const from = new Date((today - last + 1) * DAY_MS)
      const filter = { templateId: await templateId(projectId, template), channel }
      const found = await countDays(db.pool, projectId, firstIdAt(from.getTime()), from, filter)
      const byDay = new Map(found.days.map((row) => [row.day, row]))
      return Array.from({ length: last }, (_unused, index) => {
        const day = new Date((today - index) * DAY_MS).toISOString().slice(0, 10)
        const nothing = { day, count: 0, sent: 0, delivered: 0, failed: 0, seen: 0, read: 0 }
        return {
          ...(byDay.get(day) ?? nothing),
          channels: found.channels.filter((row) => row.day === day),
          templates: found.templates.filter((row) => row.day === day),
        }
      })
    },
  }
}
