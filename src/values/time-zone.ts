/** Time zones: how a name is read, and what a zone's clocks show. Nothing here depends on the machine's own zone. Pure. */
import { CarillonError } from '../errors.ts'

/** Names that `Intl` still gives for zones that were renamed since, with today's. */
const RENAMED = new Map([
  ['Africa/Asmera', 'Africa/Asmara'],
  ['America/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
  ['America/Catamarca', 'America/Argentina/Catamarca'],
  ['America/Cordoba', 'America/Argentina/Cordoba'],
  ['America/Godthab', 'America/Nuuk'],
  ['America/Indianapolis', 'America/Indiana/Indianapolis'],
  ['America/Jujuy', 'America/Argentina/Jujuy'],
  ['America/Louisville', 'America/Kentucky/Louisville'],
  ['America/Mendoza', 'America/Argentina/Mendoza'],
  ['Asia/Calcutta', 'Asia/Kolkata'],
  ['Asia/Katmandu', 'Asia/Kathmandu'],
  ['Asia/Rangoon', 'Asia/Yangon'],
  ['Asia/Saigon', 'Asia/Ho_Chi_Minh'],
  ['Atlantic/Faeroe', 'Atlantic/Faroe'],
  ['Europe/Kiev', 'Europe/Kyiv'],
  ['Pacific/Enderbury', 'Pacific/Kanton'],
  ['Pacific/Ponape', 'Pacific/Pohnpei'],
  ['Pacific/Truk', 'Pacific/Chuuk'],
])

/** No clock is further from UTC. */
const OFFSET_MAX_MINUTES = 14 * 60
const OFFSET = /^([+-])(\d\d)(?::?(\d\d))?$/

/** The minutes that an offset (`+09:00`, `+0900`, `+09`) is ahead of UTC; null: it is none, or beyond 14 hours. */
export function offsetMinutes(text: string): number | null {
  const [, sign, hours, minutes = '0'] = OFFSET.exec(text) ?? []
  if (sign === undefined || Number(minutes) > 59) return null
  const count = Number(hours) * 60 + Number(minutes)
  if (count > OFFSET_MAX_MINUTES) return null
  return sign === '-' && count > 0 ? -count : count
}

/** An offset as `+09:00`, or with another separator. @param minutes ahead of UTC */
export function offsetText(minutes: number, separator = ':'): string {
  const two = (count: number): string => String(count).padStart(2, '0')
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`
}

/**
 * Reads an IANA name in whatever case, or an offset of at most 14 hours. @returns today's name of the zone (`us/eastern`: `America/New_York`),
 * an offset as `+09:00`; null: it is none
 */
export function canonicalTimeZone(text: string): string | null {
  if (/^[+-]/.test(text)) {
    const minutes = offsetMinutes(text)
    return minutes === null ? null : offsetText(minutes)
  }
  if (!/^[a-z]/i.test(text)) return null
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions()
    return RENAMED.get(timeZone) ?? timeZone
  } catch {
    return null
  }
}

/** A time zone in its canonical spelling. @throws BAD_INPUT that names the field */
export function checkTimezone(field: string, text: string): string {
  const zone = canonicalTimeZone(text)
  if (zone !== null) return zone
  const message = `${field}: is not a time zone such as "Europe/London", nor an offset such as "+09:00".`
  throw new CarillonError('BAD_INPUT', { field, message })
}

/** What the clocks of one zone show. */
export interface ZonedClock {
  /** the zone's canonical name */
  readonly timeZone: string
  /** Minutes ahead of UTC at a moment. @param ms since 1970 */
  offsetAt(ms: number): number
  /**
   * The moment at which the clocks show a time, which is given as if it were UTC's. A time that is skipped when summer time begins is read by the
   * offset before it, and so comes after the gap; of one that is repeated when it ends, the first is meant.
   */
  momentOf(shownMs: number): number
}

const DAY_MS = 86_400_000

/** The clocks of a zone; those of UTC if it can't be read. */
export function createZonedClock(timeZone: string): ZonedClock {
  const name = canonicalTimeZone(timeZone) ?? 'UTC'
  const fixed = name === 'UTC' ? 0 : offsetMinutes(name)
  const offsetAt = fixed === null ? createOffsets(name) : () => fixed
  return {
    timeZone: name,
    offsetAt,
    momentOf(shownMs) {
      const before = shownMs - offsetAt(shownMs - DAY_MS) * 60_000
      if (before + offsetAt(before) * 60_000 === shownMs) return before
      const after = shownMs - offsetAt(shownMs + DAY_MS) * 60_000
      return after + offsetAt(after) * 60_000 === shownMs ? after : before
    },
  }
}

/** Offsets of a named zone. Zones of the past were seconds off; those are cut to minutes, as `%z` can't show them. */
function createOffsets(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]))
    const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    const year = parts.get('era')?.startsWith('B') === true ? 1 - number('year') : number('year')
    const shown = new Date(0)
    shown.setUTCFullYear(year, number('month') - 1, number('day'))
    shown.setUTCHours(number('hour'), number('minute'), number('second'))
    return Math.trunc((shown.getTime() - Math.floor(ms / 1000) * 1000) / 60_000)
  }
}
