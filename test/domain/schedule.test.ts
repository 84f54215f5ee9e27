/** When a campaign runs. */
import { describe, expect, it } from 'vitest'
import {
  checkFuture,
  checkSchedule,
  nextRunOf,
  type Schedule,
  type ScheduleInput,
  sameSchedule,
} from '../../src/domain/schedule.ts'
import { refusalOf } from '../helpers/refusal.ts'

const now = new Date('2030-01-15T12:00:00.000Z')
const MINUTE_MS = 60_000
const none: Schedule = { at: null, cron: null, timezone: 'UTC', onEvent: null }

describe('a schedule', () => {
  it.each<[string, ScheduleInput, Partial<Schedule>]>([
    ['a moment', { at: now }, { at: '2030-01-15T12:00:00.000Z' }],
    ['the first moment there is', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['a moment that has passed, as long as it is not new', { at: new Date('2020-01-01') }, { at: '2020-01-01T00:00:00.000Z' }],
    ['the year 9999', { at: new Date('9999-12-31T23:59:59.000Z') }, { at: '9999-12-31T23:59:59.000Z' }],
    ['a cron', { cron: '0 9 * * 1-5', timezone: 'Asia/Seoul' }, { cron: '0 9 * * 1-5', timezone: 'Asia/Seoul' }],
    ['a cron of every minute', { cron: '* * * * *' }, { cron: '* * * * *' }],
    ['a cron of a leap day', { cron: '0 0 29 2 *' }, { cron: '0 0 29 2 *' }],
    ['an event', { onEvent: 'order placed' }, { onEvent: 'order placed' }],
    ['one of the three, the others null', { at: null, cron: null, onEvent: 'x', timezone: null }, { onEvent: 'x' }],
  ])('may be %s', (_title, input, expected) => {
    expect(checkSchedule(input, now)).toEqual({ ...none, ...expected })
  })
  it.each<[string, ScheduleInput, string]>([
    ['nothing', {}, 'schedule'],
    ['a moment and a cron', { at: now, cron: '* * * * *' }, 'schedule'],
    ['a cron and an event', { cron: '* * * * *', onEvent: 'x' }, 'schedule'],
    ['all three', { at: now, cron: '* * * * *', onEvent: 'x' }, 'schedule'],
    ['a moment before 1970', { at: new Date(-1) }, 'schedule.at'],
    ['an empty event', { onEvent: '' }, 'schedule.onEvent'],
    ['an event with a line break', { onEvent: 'a\nb' }, 'schedule.onEvent'],
    ['an empty cron', { cron: '' }, 'schedule.cron'],
    ['a cron of four fields', { cron: '* * * *' }, 'schedule.cron'],
    ['a cron of six fields, which has seconds', { cron: '* * * * * *' }, 'schedule.cron'],
    ['a word', { cron: '@yearly' }, 'schedule.cron'],
    ['five words', { cron: 'a b c d e' }, 'schedule.cron'],
    ['minute 60', { cron: '60 * * * *' }, 'schedule.cron'],
    ['hour 24', { cron: '0 24 * * *' }, 'schedule.cron'],
    ['the 32nd', { cron: '0 0 32 * *' }, 'schedule.cron'],
    ['the 13th month', { cron: '0 0 1 13 *' }, 'schedule.cron'],
    ['the 30th of February, which never comes', { cron: '0 0 30 2 *' }, 'schedule.cron'],
    ['a cron of more than 255 characters', { cron: `${'0,'.repeat(130)}0 * * * *` }, 'schedule.cron'],
    ['no time zone', { cron: '* * * * *', timezone: 'Mars/Base' }, 'schedule.timezone'],
    ['an empty time zone', { cron: '* * * * *', timezone: '' }, 'schedule.timezone'],
    ['an offset for a time zone', { cron: '* * * * *', timezone: '+09:00' }, 'schedule.timezone'],
  ])('may not be %s', (_title, input, field) => {
    expect(refusalOf(() => checkSchedule(input, now))).toEqual(['BAD_INPUT', field])
  })
})

describe('a new moment', () => {
  it.each<[string, number, string | null]>([
    ['ahead', 1, null],
    ['now', 0, null],
    ['5 minutes ago', -5 * MINUTE_MS, null],
    ['more than 5 minutes ago', -5 * MINUTE_MS - 1, 'BAD_INPUT'],
  ])('%s: %s', (_title, ms, code) => {
    const at = new Date(now.getTime() + ms).toISOString()
    expect(refusalOf(() => checkFuture({ ...none, at }, now))?.[0] ?? null).toBe(code)
    expect(nextRunOf({ ...none, at }, now)).toEqual(code === null ? new Date(at) : null)
  })
  it('is not asked of a cron or an event', () => {
    expect(refusalOf(() => checkFuture({ ...none, cron: '* * * * *' }, now))).toBeNull()
    expect(refusalOf(() => checkFuture({ ...none, onEvent: 'x' }, now))).toBeNull()
  })
})

describe('the next run', () => {
  it.each<[string, string, string, string, string]>([
    ['is the next minute', '* * * * *', 'UTC', '2030-01-15T12:00:00Z', '2030-01-15T12:01:00Z'],
    ['comes after the moment, not at it', '0 12 * * *', 'UTC', '2030-01-15T12:00:00Z', '2030-01-16T12:00:00Z'],
    ['is at the hour of the zone', '0 9 * * *', 'Asia/Seoul', '2030-01-15T12:00:00Z', '2030-01-16T00:00:00Z'],
    ['keeps its hour in winter', '0 9 * * *', 'Europe/London', '2030-01-15T12:00:00Z', '2030-01-16T09:00:00Z'],
    ['keeps its hour in summer', '0 9 * * *', 'Europe/London', '2030-07-15T12:00:00Z', '2030-07-16T08:00:00Z'],
    ['keeps its hour in a zone of half an hour', '0 9 * * *', 'Asia/Kolkata', '2030-01-15T12:00:00Z', '2030-01-16T03:30:00Z'],
    [
      'is made up for at the end of an hour that is skipped',
      '30 2 * * *',
      'Europe/Berlin',
      '2030-03-30T12:00:00Z',
      '2030-03-31T01:00:00Z',
    ],
    [
      'comes at the first of an hour that comes twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2030-10-26T12:00:00Z',
      '2030-10-27T00:30:00Z',
    ],
    [
      'does not come again in the hour that comes twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2030-10-27T00:30:00Z',
      '2030-10-28T01:30:00Z',
    ],
    ['waits for a leap year', '0 0 29 2 *', 'UTC', '2030-01-15T12:00:00Z', '2032-02-29T00:00:00Z'],
    ['passes over months without a 31st', '0 0 31 * *', 'UTC', '2030-01-31T12:00:00Z', '2030-03-31T00:00:00Z'],
    ['crosses the year', '0 0 1 1 *', 'UTC', '2030-12-31T23:59:59Z', '2031-01-01T00:00:00Z'],
    ['is on a weekday', '0 9 * * 1-5', 'UTC', '2030-01-18T12:00:00Z', '2030-01-21T09:00:00Z'],
  ])('%s: %s in %s after %s', (_title, cron, timezone, after, expected) => {
    expect(nextRunOf({ ...none, cron, timezone }, new Date(after))).toEqual(new Date(expected))
  })
  it('of an event is none', () => {
    expect(nextRunOf({ ...none, onEvent: 'x' }, now)).toBeNull()
  })
  it('of a moment that has passed is none', () => {
    expect(nextRunOf({ ...none, at: '2020-01-01T00:00:00.000Z' }, now)).toBeNull()
  })
})

describe('two schedules are the same', () => {
  const one: Schedule = { at: null, cron: '0 9 * * *', timezone: 'UTC', onEvent: null }
  it('when all four are', () => {
    expect(sameSchedule(one, { ...one })).toBe(true)
  })
  it.each<[string, Partial<Schedule>]>([
    ['the moment', { at: now.toISOString() }],
    ['the cron', { cron: '0 10 * * *' }],
    ['the time zone', { timezone: 'Asia/Seoul' }],
    ['the event', { onEvent: 'x' }],
  ])('but not when %s differs', (_title, changed) => {
    expect(sameSchedule(one, { ...one, ...changed })).toBe(false)
  })
})
