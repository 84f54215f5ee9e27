/** Times and numbers, as an operator reads them: exact, short, in columns. */
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

const isToday = (date: Date): boolean => date.toDateString() === new Date().toDateString()

/** A time: the clock alone where it is today's; all of it in the tooltip. */
export function when(iso: string | null | undefined, style: 'short' | 'full' = 'short'): TemplateResult | string {
  if (iso === null || iso === undefined) return '–'
  const date = new Date(iso)
  const text = style === 'full' ? full.format(date) : isToday(date) ? clock.format(date) : dayAndClock.format(date)
  return html`<time datetime=${iso} title="${full.format(date)} · ${iso}">${text}</time>`
}

/** A count, grouped. */
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

/** A share, 0-1, in percent. */
export const percent = (share: number): string => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`
