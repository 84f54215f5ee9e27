/** Formats times and numbers for tables. */
import { html, type TemplateResult } from 'lit'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const full = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'short',
})
const number = new Intl.NumberFormat()

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const isThisYear = (date: Date): boolean => date.getFullYear() === new Date().getFullYear()
const isToday = (date: Date): boolean => date.toDateString() === new Date().toDateString()

/** A time, without the date if it is today; the tooltip has all of it. */
export function when(iso: string | null | undefined, style: 'short' | 'full' = 'short'): TemplateResult | string {
  if (iso === null || iso === undefined) return '–'
  const date = new Date(iso)
  const text =
    style === 'full'
      ? full.format(date)
      : isToday(date)
        ? clock.format(date)
        : isThisYear(date)
          ? dayAndClock.format(date)
          : day.format(date)
  return html`<time datetime=${iso} title="${full.format(date)} · ${iso}">${text}</time>`
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
