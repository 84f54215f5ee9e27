/** What statistics say of a period, beside the one before it. */
import type { Channel, StatsByDayQuery } from '../generated/graphql.ts'
import { percent } from './time.ts'

export type Day = StatsByDayQuery['stats']['days'][number]

/** Counts of a period. */
export interface Totals {
  readonly count: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly seen: number
  readonly read: number
}

/** The counts of some days together. */
export function totalsOf(days: readonly Day[]): Totals {
  const sum = (name: keyof Totals): number => days.reduce((total, day) => total + day[name], 0)
  return {
    ...{ count: sum('count'), sent: sum('sent'), delivered: sum('delivered') },
    ...{ failed: sum('failed'), seen: sum('seen'), read: sum('read') },
  }
}

/** A share of a whole; null: there is no whole. */
export const shareOf = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

/** `12.3 %`, or a dash. */
export const shownShare = (share: number | null): string => (share === null ? '–' : percent(share))

/** By how much a count differs from the one before: `+12 %`; null: there was none. */
export function changeOf(now: number, before: number): string | null {
  if (before === 0) return null
  const change = Math.round((now / before - 1) * 100)
  return `${change > 0 ? '+' : change < 0 ? '−' : '±'}${Math.abs(change).toLocaleString()} %`
}

/** By how many points a share differs from the one before: `+1.2 points`; null: one of them is missing. */
export function pointsOf(now: number | null, before: number | null): string | null {
  if (now === null || before === null) return null
  const points = Math.round((now - before) * 1_000) / 10
  return `${points > 0 ? '+' : points < 0 ? '−' : '±'}${Math.abs(points).toLocaleString()} points`
}

/** The templates that were sent most, with their counts in this period and in the one before. */
export function topTemplates(days: readonly Day[], before: readonly Day[]) {
  const add = (list: readonly Day[]): Map<string, number> => {
    const sums = new Map<string, number>()
    for (const { template, count } of list.flatMap(({ templates }) => templates))
      if (template !== null) sums.set(template, (sums.get(template) ?? 0) + count)
    return sums
  }
  const earlier = add(before)
  return [...add(days)]
    .map(([template, count]) => ({ template, count, before: earlier.get(template) ?? 0 }))
    .sort((one, other) => other.count - one.count)
}

/** The counts of one channel, day by day. */
export const ofChannel = (days: readonly Day[], channel: Channel) =>
  days.map(({ channels }) => channels.find((one) => one.channel === channel) ?? { sent: 0, delivered: 0, failed: 0, read: 0 })
