/** Dates and times: those of the API, which have bounds, and those in a caller's data, which a template formats. Pure. */
import { CarillonError } from '../errors.ts'
import type { ZonedClock } from './time-zone.ts'

/** The bounds of every time that a caller gives. What is stored can be compared, and is shown in four digits of a year. */
export const timeBounds = { from: '1970-01-01T00:00:00.000Z', to: '9999-12-31T23:59:59.999Z' } as const
const FROM_MS = Date.parse(timeBounds.from)
const TO_MS = Date.parse(timeBounds.to)

/** A time that a caller gives, within its bounds. @throws BAD_INPUT that names the field */
export function checkTime(field: string, time: Date): Date {
  const ms = time.getTime()
  if (ms >= FROM_MS && ms <= TO_MS) return time
  const message = `${field}: must be a time from ${timeBounds.from} to ${timeBounds.to}.`
  throw new CarillonError('BAD_INPUT', { field, message })
}

/** An ISO 8601 date, to the month or the day, with or without a time and an offset: also with a blank, and with an offset of hours alone. */
const ISO = /^(\d{4}-\d\d(?:-\d\d)?)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?$/
/** A text of another form that names its zone at its end. */
const ZONED = /(?:\b(?:Z|UTC?|GMT|[ECMP][SD]T)|:\d\d.*[+-]\d\d:?\d\d)\s*(?:\([^()]*\))?$/i

/** No date is longer; what is may take long to read. */
const TEXT_MAX = 100

/** @returns ms since 1970, and whether they are a clock's in a zone that the text does not name */
function readText(text: string): { readonly ms: number; readonly isLocal: boolean } {
  const [isIso, date = '', clock = '00:00', seconds = '00', fraction = '', zone] = ISO.exec(text) ?? []
  if (isIso === undefined)
    return ZONED.test(text) ? { ms: Date.parse(text), isLocal: false } : { ms: Date.parse(`${text} UTC`), isLocal: true }
  // A leap second is the one after it, as it is for every clock that counts none.
  const leap = seconds === '60' ? 1000 : 0
  const iso = `${date.length === 7 ? `${date}-01` : date}T${clock}:${leap > 0 ? '59' : seconds}.${fraction.slice(0, 3).padEnd(3, '0')}`
  const offset = zone
    ?.replace(/^([+-]\d\d):?(\d\d)?$/, (_all, hours: string, minutes = '00') => `${hours}:${minutes}`)
    .toUpperCase()
  return { ms: Date.parse(`${iso}${offset ?? 'Z'}`) + leap, isLocal: offset === undefined }
}

/**
 * Reads a date of a caller's data: `now` and `today`, seconds since 1970 (a number, or its digits), and texts. A text that names no zone means
 * what the given clock shows. @returns ms since 1970; null: it is no date
 */
export function readMoment(value: unknown, clock: ZonedClock, nowMs: number): number | null {
  let ms = Number.NaN
  if (value === 'now' || value === 'today') ms = nowMs
  else if (typeof value === 'number') ms = value * 1000
  else if (value instanceof Date) ms = value.getTime()
  else if (typeof value === 'string' && /^\d+$/.test(value)) ms = Number(value) * 1000
  else if (typeof value === 'string' && value.length <= TEXT_MAX) {
    const read = readText(value.trim())
    ms = read.isLocal && Number.isFinite(read.ms) ? clock.momentOf(read.ms) : read.ms
  }
  // Dates end 8.64e15 ms from 1970; a clock that is ahead of UTC needs some room.
  return Math.abs(ms) <= 8.64e15 - 86_400_000 ? ms : null
}
