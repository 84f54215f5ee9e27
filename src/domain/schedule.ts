/** The schedule of a campaign: once at a time, by a cron pattern, or on an event. */
import { Cron } from 'croner'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import { checkTimezone } from '../values/time-zone.ts'
import { checkKey } from './check.ts'

/** The input of a schedule. */
export interface ScheduleInput {
  readonly at?: Date | null | undefined
  readonly cron?: string | null | undefined
  readonly timezone?: string | null | undefined
  readonly onEvent?: string | null | undefined
}

/** A stored schedule: exactly one of `at`, `cron` and `onEvent` is not null. */
export type Schedule = {
  /** ISO 8601, UTC */
  readonly at: string | null
  readonly cron: string | null
  readonly timezone: string
  readonly onEvent: string | null
}

const bad = (field: string, message: string, cause?: unknown): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}`, cause })

/** A time up to this far in the past means now: clocks differ, and calls take time. */
const PAST_MS = 5 * 60_000

function open(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, mode: '5-part', paused: true })
}

/**
 * Validates a schedule.
 * @throws BAD_INPUT: not exactly one of the three, a cron without five fields or that never runs, no such time zone
 */
export function checkSchedule(input: ScheduleInput, now: Date): Schedule {
  const { at = null, cron = null, onEvent = null } = input
  const timezone = checkTimezone('schedule.timezone', input.timezone ?? 'UTC')
  // Intl accepts offsets too, but they have no summer time, and Croner refuses them.
  if (!/^[a-z]/i.test(timezone)) throw bad('schedule.timezone', 'is an offset, not a time zone such as "Europe/London".')
  if ([at, cron, onEvent].filter((one) => one !== null).length !== 1)
    throw bad('schedule', 'must have exactly one of at, cron and onEvent.')
  if (at !== null) checkTime('schedule.at', at)
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

/** Checks that the time of a new schedule has not passed. @throws BAD_INPUT */
export function checkFuture({ at }: Schedule, now: Date): void {
  if (at !== null && Date.parse(at) < now.getTime() - PAST_MS) throw bad('schedule.at', 'is more than 5 minutes in the past.')
}

/** Whether two schedules are equal. */
export const sameSchedule = (a: Schedule, b: Schedule): boolean =>
  a.at === b.at && a.cron === b.cron && a.timezone === b.timezone && a.onEvent === b.onEvent

/**
 * The next run of a schedule after a moment; null: there is none, or it runs on an event. A time in the hour that is skipped when summer time
 * begins is moved to the end of that hour; one in the hour that is repeated when it ends runs once.
 */
export function nextRunOf({ at, cron, timezone }: Schedule, after: Date): Date | null {
  if (cron !== null) return open(cron, timezone).nextRun(after)
  return at !== null && Date.parse(at) >= after.getTime() - PAST_MS ? new Date(at) : null
}
