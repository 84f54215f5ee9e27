/** When a campaign runs: once, by a cron, or on an event. */
import { Cron } from 'croner'
import { CarillonError } from '../errors.ts'
import { checkKey, checkTimezone } from './check.ts'

/** A schedule as a caller gives it. */
export interface ScheduleInput {
  readonly at?: Date | null | undefined
  readonly cron?: string | null | undefined
  readonly timezone?: string | null | undefined
  readonly onEvent?: string | null | undefined
}

/** A schedule as it is kept: one of the three is not null. */
export type Schedule = {
  /** ISO 8601, UTC */
  readonly at: string | null
  readonly cron: string | null
  readonly timezone: string
  readonly onEvent: string | null
}

const bad = (field: string, message: string, cause?: unknown): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}`, cause })

/** So far in the past, a moment means now: clocks differ, and calls take their time. */
const PAST_MS = 5 * 60_000

function open(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, mode: '5-part', paused: true })
}

/** Checks a schedule. @throws BAD_INPUT: not exactly one of the three, not five fields, no such zone, never */
export function checkSchedule(input: ScheduleInput, now: Date): Schedule {
  const { at = null, cron = null, onEvent = null } = input
  const timezone = checkTimezone('schedule.timezone', input.timezone ?? 'UTC')
  // Intl takes these as well, but they know nothing of summer time, and Croner takes none.
  if (!/^[a-z]/i.test(timezone)) throw bad('schedule.timezone', 'is an offset, not a time zone such as "Europe/London".')
  if ([at, cron, onEvent].filter((one) => one !== null).length !== 1)
    throw bad('schedule', 'must have exactly one of at, cron and onEvent.')
  if (at !== null && at.getTime() < 0) throw bad('schedule.at', 'is before 1970.')
  if (cron !== null) {
    if (cron.length > 255 || cron.trim().split(/\s+/).length !== 5) throw bad('schedule.cron', 'must have five fields.')
    try {
      if (open(cron, timezone).nextRun(now) === null) throw bad('schedule.cron', 'never comes.')
    } catch (error) {
      if (error instanceof CarillonError) throw error
      throw bad('schedule.cron', 'is not a cron pattern.', error)
    }
  }
  return {
    at: at === null ? null : at.toISOString(),
    cron,
    timezone,
    onEvent: onEvent === null ? null : checkKey('schedule.onEvent', onEvent),
  }
}

/** Refuses a new schedule whose one moment has passed. */
export function checkFuture({ at }: Schedule, now: Date): void {
  if (at !== null && Date.parse(at) < now.getTime() - PAST_MS) throw bad('schedule.at', 'is more than 5 minutes in the past.')
}

export const sameSchedule = (a: Schedule, b: Schedule): boolean =>
  a.at === b.at && a.cron === b.cron && a.timezone === b.timezone && a.onEvent === b.onEvent

/**
 * The next time that a schedule comes after a moment; null: never again, or on an event. An hour that a change to summer time skips is
 * made up for at its end; one that a change back repeats counts once.
 */
export function nextRunOf({ at, cron, timezone }: Schedule, after: Date): Date | null {
  if (cron !== null) return open(cron, timezone).nextRun(after)
  return at !== null && Date.parse(at) >= after.getTime() - PAST_MS ? new Date(at) : null
}
