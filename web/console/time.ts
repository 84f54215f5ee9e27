/** Formats times and numbers for tables. */
import { html, type TemplateResult } from 'lit'

const number = new Intl.NumberFormat()
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'always', style: 'short' })

/** The formats of one time zone. */
function formatsOf(timeZone: string | undefined) {
  const zone = timeZone === undefined ? {} : { timeZone }
  const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(undefined, {
      ...options,
      ...zone,
      ...(options.hour === undefined ? {} : { hourCycle: 'h23' as const }),
    })
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
  const date = { day: 'numeric', month: 'short', year: 'numeric' } as const
  return {
    clock: format({ ...clock, fractionalSecondDigits: 3 }),
    day: format(date),
    full: format({ ...date, ...clock, timeZoneName: 'short' }),
    exact: format({ ...date, ...clock, fractionalSecondDigits: 3, timeZoneName: 'short' }),
    // As `datetime-local` fields have it.
    local: new Intl.DateTimeFormat('sv', { ...zone, dateStyle: 'short', timeStyle: 'medium' }),
  }
}

// One for the whole page, as the locale is.
let formats = formatsOf(undefined)

/** Shows all times in a zone from now on, by its IANA name; undefined: the browser's. One that the browser doesn't know is left out. */
export function showZone(timeZone: string | undefined): void {
  try {
    formats = formatsOf(timeZone)
  } catch {
    formats = formatsOf(undefined)
  }
}

/** What the zone is called that times are shown in. */
export const zoneName = (): string => formats.full.resolvedOptions().timeZone

/** A time as `datetime-local` fields take it, to the minute. */
export const localOf = (iso: string | null): string =>
  iso === null ? '' : formats.local.format(new Date(iso)).replace(' ', 'T').slice(0, 16)

/** By how much the clocks of the zone are ahead of UTC at a time, ms. */
const aheadAt = (ms: number): number =>
  Date.parse(`${formats.local.format(ms).replace(' ', 'T')}Z`) - Math.trunc(ms / 1_000) * 1_000

/**
 * The time that such a field names, as ISO 8601; null: it names none. Of a time that clocks show twice it is the first, and one that they leave out
 * is as much later.
 */
export function instantOf(local: string): string | null {
  // An address may have been written with a zone, or with a date alone.
  const isLocal = /T\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(local)
  const asUtc = Date.parse(isLocal ? `${local}Z` : local)
  if (Number.isNaN(asUtc)) return null
  if (!isLocal) return new Date(asUtc).toISOString()
  const offsets = [aheadAt(asUtc - 86_400_000), aheadAt(asUtc + 86_400_000)]
  const fits = offsets.map((ahead) => asUtc - ahead).filter((ms) => ms + aheadAt(ms) === asUtc)
  return new Date(fits.length > 0 ? Math.min(...fits) : asUtc - (offsets[0] ?? 0)).toISOString()
}

const steps = [
  ['second', 60_000, 1_000],
  ['minute', 3_600_000, 60_000],
  ['hour', 86_400_000, 3_600_000],
  ['day', 7 * 86_400_000, 86_400_000],
] as const

/** How long ago, or until when; a date for what is a week away and more. */
function fromNow(date: Date): string {
  const ms = date.getTime() - Date.now()
  if (Math.abs(ms) < 5_000) return 'just now'
  for (const [unit, below, size] of steps) if (Math.abs(ms) < below) return relative.format(Math.trunc(ms / size), unit)
  return formats.day.format(date)
}

/** A time: how long ago (`short`), in full, or to the millisecond without a date if it is of today (`exact`). The tooltip has all of it. */
export function when(iso: string | null | undefined, style: 'short' | 'full' | 'exact' = 'short'): TemplateResult | string {
  if (iso === null || iso === undefined) return '–'
  const date = new Date(iso)
  const isToday = formats.day.format(date) === formats.day.format(new Date())
  const text =
    style === 'short'
      ? fromNow(date)
      : style === 'full'
        ? formats.full.format(date)
        : (isToday ? formats.clock : formats.exact).format(date)
  return html`<time datetime=${iso} title="${formats.exact.format(date)} · ${iso}">${text}</time>`
}

/** A number with thousands separators. */
export const count = (value: number): string => number.format(value)

/** A count of something: "1 contact", "1,204 contacts". */
export const counted = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`

/** A duration: 3.2 ms, 840 ms, 2.4 s, 3 min. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.round(ms / 60_000)} min`
}

/** A fraction from 0 to 1 as a percentage. */
export const percent = (share: number): string => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`
