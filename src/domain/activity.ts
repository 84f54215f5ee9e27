/** Statistics: how much was sent, and what became of it. */
import type { Database } from '../db/database.ts'
import {
  type ChannelRow,
  countChannels,
  countDays,
  countOf,
  countSent,
  countTemplates,
  type DayRow,
  findCountedFanout,
  type OfRow,
  type StatsFilter,
  type TemplateRow,
} from '../db/stats.ts'
import { CarillonError } from '../errors.ts'
import type { Channel } from '../words.ts'
import type { Clock } from './clock.ts'

/** One UTC day of statistics. Each part is read for all days together, when it is asked for the first time. */
export interface DayStats {
  readonly day: string
  whole(): Promise<Omit<DayRow, 'day'>>
  channels(): Promise<readonly Omit<ChannelRow, 'day'>[]>
  templates(): Promise<readonly Omit<TemplateRow, 'day'>[]>
}

/** What became of the notifications of a campaign or a send to many, of all time. */
export interface ResultStats extends Omit<OfRow, 'channel'> {
  readonly channels: readonly (Omit<OfRow, 'channel' | 'count'> & { readonly channel: Channel })[]
}

/** What became of the messages of a provider, of all time. */
export type ProviderStats = Pick<OfRow, 'sent' | 'delivered' | 'failed'>

/** What is restricted by callers, who name a template by its key; null: no restriction. */
export interface ActivityFilter {
  readonly template: string | null
  readonly channel: Channel | null
}

const DAY_MS = 24 * 3_600_000
const MINUTE_MS = 60_000
const DAYS_MAX = 400

/** For how long the minutes of statistics are kept: longer than a month, because a month begins in the middle of its day. */
export const MINUTES_KEPT_MS = 40 * DAY_MS

const nothing = { count: 0, sent: 0, delivered: 0, failed: 0, seen: 0, read: 0 } as const

/** @returns a function that calls `load` at most once */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined
  return () => (loaded ??= load())
}

function byDay<T extends { readonly day: string }>(rows: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const days = new Map<string, T[]>()
  for (const row of rows) days.set(row.day, [...(days.get(row.day) ?? []), row])
  return days
}

/** Creates the operations of statistics. */
export function createActivity({ db, clock }: { readonly db: Database; readonly clock: Clock }) {
  async function filterOf(projectId: string, { template: key, channel }: ActivityFilter): Promise<StatsFilter> {
    if (key === null) return { templateId: null, channel }
    const template = key.includes('\0')
      ? null
      : await db.prisma.template.findUnique({ where: { projectId_key: { projectId, key } } })
    if (template === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
    return { templateId: template.id, channel }
  }

  async function resultsOf(projectId: string, kind: 'CAMPAIGN' | 'FANOUT', id: string): Promise<ResultStats> {
    const rows = await countOf(db.pool, projectId, kind, id)
    const whole = rows.find((row) => row.channel === '') ?? nothing
    const channels = rows.flatMap(({ channel, count: _count, ...results }) => (channel === '' ? [] : [{ channel, ...results }]))
    return { ...whole, channels }
  }

  return {
    /**
     * How many notifications were sent in the last 7 days, the last month or the last year. A week and a month begin with a minute; of a year the
     * first day is counted whole. @throws TEMPLATE_NOT_FOUND
     */
    async sent(projectId: string, period: 'week' | 'month' | 'year', filter: ActivityFilter): Promise<number> {
      const since = new Date(Math.floor(clock.now().getTime() / MINUTE_MS) * MINUTE_MS)
      if (period === 'week') since.setTime(since.getTime() - 7 * DAY_MS)
      else if (period === 'month') since.setUTCMonth(since.getUTCMonth() - 1)
      else since.setUTCFullYear(since.getUTCFullYear() - 1)
      return countSent(db.pool, projectId, since, period === 'year', await filterOf(projectId, filter))
    },

    /** The last UTC days, today first; days without notifications are included. @throws BAD_INPUT, TEMPLATE_NOT_FOUND */
    async days(projectId: string, last: number, of: ActivityFilter): Promise<DayStats[]> {
      if (last < 1 || last > DAYS_MAX) {
        throw new CarillonError('BAD_INPUT', {
          field: 'last',
          max: DAYS_MAX,
          got: last,
          message: `last must be from 1 to ${DAYS_MAX}.`,
        })
      }
      const filter = await filterOf(projectId, of)
      const today = Math.floor(clock.now().getTime() / DAY_MS)
      const dayOf = (index: number): string => new Date((today - index) * DAY_MS).toISOString().slice(0, 10)
      const from = dayOf(last - 1)
      const whole = once(async () => new Map((await countDays(db.pool, projectId, from, filter)).map((row) => [row.day, row])))
      const channels = once(async () => byDay(await countChannels(db.pool, projectId, from, filter)))
      const templates = once(async () => byDay(await countTemplates(db.pool, projectId, from, filter)))
      return Array.from({ length: last }, (_unused, index) => {
        const day = dayOf(index)
        return {
          day,
          whole: async () => (await whole()).get(day) ?? nothing,
          channels: async () => (await channels()).get(day) ?? [],
          templates: async () => (await templates()).get(day) ?? [],
        }
      })
    },

    /** What became of the notifications of a campaign. */
    ofCampaign: (projectId: string, id: string): Promise<ResultStats> => resultsOf(projectId, 'CAMPAIGN', id),

    /** What became of the notifications of a transaction with sends to many; null: there is none in it. */
    async ofTransaction(projectId: string, transactionId: string): Promise<ResultStats | null> {
      const id = await findCountedFanout(db.pool, projectId, transactionId)
      return id === null ? null : resultsOf(projectId, 'FANOUT', id)
    },

    /** What became of the messages that a provider was the last to try. */
    async ofProvider(projectId: string, id: string): Promise<ProviderStats> {
      const [row = nothing] = await countOf(db.pool, projectId, 'PROVIDER', id)
      return row
    },
  }
}
