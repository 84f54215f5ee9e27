/** Formats a moment by the directives of `strftime`, as Ruby and Liquid know them, in a zone and a language that are given. Pure. */
import type { DateNames } from './date-names.ts'
import { offsetText } from './time-zone.ts'

/** A moment, and where its clock is. */
export interface ShownTime {
  /** ms since 1970 */
  readonly ms: number
  /** minutes ahead of UTC */
  readonly offset: number
  /** null: an offset is all that is known of the zone */
  readonly timeZone: string | null
}

const DAY_MS = 86_400_000

/** What a directive is made of: the time, and another one whose UTC is what the clock shows. */
interface Parts extends ShownTime {
  readonly shown: Date
  readonly hasColon: boolean
  readonly width: number
  readonly names: DateNames
  /** the format also has the day of the month */
  readonly isInDate: boolean
}

const dayOfYear = (shown: Date): number => {
  const first = new Date(shown)
  first.setUTCMonth(0, 1)
  return Math.round((shown.getTime() - first.getTime()) / DAY_MS) + 1
}
/** Days before the first such weekday of the year belong to week 0. */
const weekOfYear = (shown: Date, firstDay: number): number =>
  Math.floor((dayOfYear(shown) - 1 - ((shown.getUTCDay() - firstDay + 7) % 7) + 7) / 7)

const ordinal = (day: number): string => (day >= 11 && day <= 13 ? 'th' : ({ 1: 'st', 2: 'nd', 3: 'rd' }[day % 10] ?? 'th'))

const offsetOf = ({ offset, hasColon }: Parts): string => offsetText(offset, hasColon ? ':' : '')

type Directive = readonly [width: number, pad: '0' | ' ', make: (parts: Parts) => string | number]
const month: Directive = [0, ' ', ({ shown, names, isInDate }) => names.month(shown.getUTCMonth(), 'short', isInDate)]
const directives: Readonly<Record<string, Directive>> = {
  a: [0, ' ', ({ shown, names }) => names.weekday(shown.getUTCDay(), 'short')],
  A: [0, ' ', ({ shown, names }) => names.weekday(shown.getUTCDay(), 'long')],
  b: month,
  B: [0, ' ', ({ shown, names, isInDate }) => names.month(shown.getUTCMonth(), 'long', isInDate)],
  c: [0, ' ', ({ shown, names }) => names.usual(shown, 'both')],
  C: [2, '0', ({ shown }) => Math.floor(shown.getUTCFullYear() / 100)],
  d: [2, '0', ({ shown }) => shown.getUTCDate()],
  e: [2, ' ', ({ shown }) => shown.getUTCDate()],
  h: month,
  H: [2, '0', ({ shown }) => shown.getUTCHours()],
  I: [2, '0', ({ shown }) => shown.getUTCHours() % 12 || 12],
  j: [3, '0', ({ shown }) => dayOfYear(shown)],
  k: [2, ' ', ({ shown }) => shown.getUTCHours()],
  l: [2, ' ', ({ shown }) => shown.getUTCHours() % 12 || 12],
  L: [3, '0', ({ shown }) => shown.getUTCMilliseconds()],
  m: [2, '0', ({ shown }) => shown.getUTCMonth() + 1],
  M: [2, '0', ({ shown }) => shown.getUTCMinutes()],
  N: [
    0,
    '0',
    ({ shown, width }) => {
      const digits = String(shown.getUTCMilliseconds()).padStart(3, '0')
      return digits.slice(0, width || 9).padEnd(width || 9, '0')
    },
  ],
  p: [0, ' ', ({ shown }) => (shown.getUTCHours() < 12 ? 'AM' : 'PM')],
  P: [0, ' ', ({ shown }) => (shown.getUTCHours() < 12 ? 'am' : 'pm')],
  q: [0, '0', ({ shown }) => ordinal(shown.getUTCDate())],
  s: [0, '0', ({ ms }) => Math.floor(ms / 1000)],
  S: [2, '0', ({ shown }) => shown.getUTCSeconds()],
  u: [0, '0', ({ shown }) => shown.getUTCDay() || 7],
  U: [2, '0', ({ shown }) => weekOfYear(shown, 0)],
  w: [0, '0', ({ shown }) => shown.getUTCDay()],
  W: [2, '0', ({ shown }) => weekOfYear(shown, 1)],
  x: [0, '0', ({ shown, names }) => names.usual(shown, 'date')],
  X: [0, '0', ({ shown, names }) => names.usual(shown, 'time')],
  y: [2, '0', ({ shown }) => ((shown.getUTCFullYear() % 100) + 100) % 100],
  Y: [4, '0', ({ shown }) => shown.getUTCFullYear()],
  z: [0, '0', offsetOf],
  Z: [0, '0', (parts) => parts.timeZone ?? offsetOf(parts)],
  t: [0, '0', () => '\t'],
  n: [0, '0', () => '\n'],
  '%': [0, '0', () => '%'],
}

const DIRECTIVE = /%([-_0^#:]+)?(\d+)?([EO])?(.)/g
const DAY_OF_MONTH = /%[-_0^#:]*\d*[EO]?[de]/

/** Capitals become small, and others capitals. */
const swapped = (text: string): string => (/[a-z]/.test(text) ? text.toUpperCase() : text.toLowerCase())

/**
 * Formats a time, by `%Y-%m-%d` and the like. What is no directive stays as it is. A month is named as in a date where the format has the day,
 * unless it is `%OB`: the name alone.
 * @param allocate is called with the characters that a width adds, before they are made
 */
export function formatTime(time: ShownTime, format: string, names: DateNames, allocate: (characters: number) => void): string {
  const shown = new Date(time.ms + time.offset * 60_000)
  const hasDay = DAY_OF_MONTH.test(format)
  return format.replace(DIRECTIVE, (input: string, flags = '', widthText = '', modifier = '', name: string) => {
    const directive = Object.hasOwn(directives, name) ? directives[name] : undefined
    if (directive === undefined) return input
    const [ownWidth, ownPad, make] = directive
    const width = Number(widthText)
    allocate(width)
    let text = String(make({ ...time, shown, hasColon: flags.includes(':'), width, names, isInDate: hasDay && modifier !== 'O' }))
    if (flags.includes('^')) text = names.upperCase(text)
    else if (flags.includes('#')) text = swapped(text)
    const pad = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : ownPad
    const length = flags.includes('-') ? 0 : width || ownWidth
    return pad === '0' && text.startsWith('-') ? `-${text.slice(1).padStart(length - 1, pad)}` : text.padStart(length, pad)
  })
}
