/** Time zones, the dates of callers, and how they are formatted. That no machine's zone matters is shown by test/reports/time-zones.test.ts. */
import { Liquid } from 'liquidjs'
import { describe, expect, it } from 'vitest'
import { formatTime } from '../../src/values/date-format.ts'
import { createDateNames } from '../../src/values/date-names.ts'
import { checkTime, readMoment } from '../../src/values/date-time.ts'
import { canonicalTimeZone, createZonedClock } from '../../src/values/time-zone.ts'
import { refusalOf } from '../helpers/refusal.ts'

describe('a time zone', () => {
  it.each([
    ['asia/seoul', 'Asia/Seoul'],
    ['US/Eastern', 'America/New_York'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['utc', 'UTC'],
    ['+09:00', '+09:00'],
    ['+0900', '+09:00'],
    ['+09', '+09:00'],
    ['-14:00', '-14:00'],
    ['-00:00', '+00:00'],
    ['Etc/GMT-9', 'Etc/GMT-9'],
    ['+14:01', null],
    ['+24:00', null],
    ['+09:60', null],
    ['GMT+9', null],
    ['Z', null],
    ['Mars/Base', null],
    [' Asia/Seoul', null],
    ['−09:00', null],
    ['', null],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalTimeZone(text)).toBe(canonical)
  })
})

describe('a date without a zone', () => {
  it.each([
    ['2026-07-01 09:00', 'Asia/Seoul', '2026-07-01T00:00:00.000Z'],
    ['2026-07-01T09:00:00.123456789', 'Asia/Seoul', '2026-07-01T00:00:00.123Z'],
    ['2026-07-01', 'America/New_York', '2026-07-01T04:00:00.000Z'],
    ['2026-07', 'America/New_York', '2026-07-01T04:00:00.000Z'],
    ['July 1, 2026 09:00', 'Asia/Seoul', '2026-07-01T00:00:00.000Z'],
    ['10-03-2026', 'Asia/Seoul', '2026-10-02T15:00:00.000Z'],
    // Skipped when summer time begins: by the offset before it.
    ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
    // Repeated when it ends: the first one.
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    ['2026-11-01T02:00', 'America/New_York', '2026-11-01T07:00:00.000Z'],
    ['2026-10-04T02:15', 'Australia/Lord_Howe', '2026-10-03T15:45:00.000Z'],
    ['2011-12-30T12:00', 'Pacific/Apia', '2011-12-30T22:00:00.000Z'],
    ['2026-07-01 09:00', '+05:45', '2026-07-01T03:15:00.000Z'],
    ['2026-07-01 09:00', 'no zone', '2026-07-01T09:00:00.000Z'],
    ['1850-01-01', 'Asia/Seoul', '1849-12-31T15:33:00.000Z'],
    ['9999-12-31 23:59', 'America/New_York', '+010000-01-01T04:59:00.000Z'],
  ])('%s is a time of %s: %s', (text, zone, moment) => {
    const ms = readMoment(text, createZonedClock(zone), 0)
    expect(ms === null ? null : new Date(ms).toISOString()).toBe(moment)
  })

  it.each<[unknown, string | null]>([
    ['2026-07-01T09:00:00Z', '2026-07-01T09:00:00.000Z'],
    ['2026-07-01T09:00:00+09:00', '2026-07-01T00:00:00.000Z'],
    ['2026-07-01 09:00 +0900', '2026-07-01T00:00:00.000Z'],
    ['2026-07-01T09:00+09', '2026-07-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['Wed, 01 Jul 2026 09:00:00 GMT', '2026-07-01T09:00:00.000Z'],
    ['Wed Jul 01 2026 09:00:00 GMT+0900 (Korean Standard Time)', '2026-07-01T00:00:00.000Z'],
    [1782896400, '2026-07-01T09:00:00.000Z'],
    ['1782896400', '2026-07-01T09:00:00.000Z'],
    [-1.5, '1969-12-31T23:59:58.500Z'],
    ['now', '2026-01-02T03:04:05.000Z'],
    ['today', '2026-01-02T03:04:05.000Z'],
    ['tomorrow-ish', null],
    ['', null],
    [null, null],
    [true, null],
    [{}, null],
    [1e99, null],
    [Number.NaN, null],
    ['2026-13-45', null],
    [`1${':00'.repeat(100_000)}`, null],
  ])('%s is the same in every zone: %s', (value, moment) => {
    for (const zone of ['Asia/Seoul', 'America/New_York']) {
      const ms = readMoment(value, createZonedClock(zone), Date.UTC(2026, 0, 2, 3, 4, 5))
      expect(ms === null ? null : new Date(ms).toISOString()).toBe(moment)
    }
  })
})

const english = createDateNames('en')

describe('the format of a date', () => {
  const letters = [...'aAbBcCdeHhIjklLmMNpPqsSuUwWxXyYzZtn%QfG']
  const formats = letters.flatMap((one) => [
    `%${one}`,
    `%-${one}`,
    `%_${one}`,
    `%05${one}`,
    `%^${one}`,
    `%#${one}`,
    `%:${one}`,
    `%3${one}`,
  ])

  it('is that of Liquid, for every directive and flag', () => {
    const liquid = new Liquid({ timezoneOffset: 0, locale: 'en-US' })
    for (const iso of [
      '2026-01-04T03:04:05.678Z',
      '2024-02-29T00:00:00.000Z',
      '2025-12-31T23:59:59.999Z',
      '0042-11-13T12:00:00.000Z',
    ]) {
      for (const format of [
        ...formats,
        'no directive',
        '100%',
        '%Y-%m-%dT%H:%M:%S%:z',
        '%A, %B %-e, %Y at %-l:%M %P %z',
        '%E%Y %%d',
      ]) {
        const expected = liquid.parseAndRenderSync('{{ iso | date: format, 0 }}', { iso, format })
        expect(
          formatTime({ ms: Date.parse(iso), offset: 0, timeZone: null }, format, english, () => {}),
          format,
        ).toBe(expected)
      }
    }
  })

  it('shows the clock of a zone, at the hours when summer time begins and ends here and there', () => {
    const shown = (iso: string, zone: string): string => {
      const clock = createZonedClock(zone)
      const ms = Date.parse(iso)
      return formatTime(
        { ms, offset: clock.offsetAt(ms), timeZone: clock.timeZone },
        '%F %T %z %Z'.replace('%F', '%Y-%m-%d').replace('%T', '%H:%M'),
        english,
        () => {},
      )
    }
    expect(shown('2026-03-08T02:30:00Z', 'UTC')).toBe('2026-03-08 02:30 +0000 UTC')
    expect(shown('2026-03-08T06:59:00Z', 'America/New_York')).toBe('2026-03-08 01:59 -0500 America/New_York')
    expect(shown('2026-03-08T07:00:00Z', 'America/New_York')).toBe('2026-03-08 03:00 -0400 America/New_York')
    expect(shown('2026-11-01T06:30:00Z', 'America/New_York')).toBe('2026-11-01 01:30 -0500 America/New_York')
    expect(shown('2026-03-08T17:30:00Z', 'Asia/Seoul')).toBe('2026-03-09 02:30 +0900 Asia/Seoul')
    expect(shown('2026-03-08T17:30:00Z', 'Asia/Kathmandu')).toBe('2026-03-08 23:15 +0545 Asia/Kathmandu')
  })

  it('counts what a width adds before it is made', () => {
    const allocate = (count: number): void => {
      if (count > 1000) throw new Error('too much')
    }
    expect(() => formatTime({ ms: 0, offset: 0, timeZone: null }, '%999999999d', english, allocate)).toThrow('too much')
    expect(() => formatTime({ ms: 0, offset: 0, timeZone: null }, '%999999999N', english, allocate)).toThrow('too much')
  })
})

describe('the names in a date', () => {
  const march = { ms: Date.UTC(2026, 2, 29, 15, 4, 5), offset: 0, timeZone: null }
  const shown = (locale: string, format: string): string => formatTime(march, format, createDateNames(locale), () => {})

  it.each([
    ['de', '%A, %-d. %B %Y', 'Sonntag, 29. März 2026'],
    ['de', '%a %b', 'So Mär'],
    ['fr-CA', '%A %-d %B', 'dimanche 29 mars'],
    // In a date many languages inflect the month.
    ['ru', '%-d %B %Y', '29 марта 2026'],
    ['ru', '%B %Y', 'март 2026'],
    ['pl', '%-d %B, %OB', '29 marca, marzec'],
    // Here the month is a number in a date, and a word follows it.
    ['ja', '%Y年%B%-d日 (%a)', '2026年3月29日 (日)'],
    ['ko', '%Y년 %B %-d일 %A', '2026년 3월 29일 일요일'],
    ['zh-Hant-TW', '%B%-d日%A', '3月29日星期日'],
    // Other calendars and digits are left out: the year beside them is of the usual one.
    ['fa', '%B %Y', 'مارس 2026'],
    ['ar-EG', '%-d %B', '29 مارس'],
    ['tr', '%^A', 'PAZAR'],
    ['de', '%x %X', '29.3.2026 15:04:05'],
    ['en-GB', '%x, %b', '29/03/2026, Mar'],
    ['xx-unknown', '%A %B', 'Sunday March'],
    ['zxx', '%A %B %x', 'Sunday March 3/29/2026'],
    ['no tag at all', '%A %B', 'Sunday March'],
    ['', '%A %B', 'Sunday March'],
  ])('in %s, %s is %s', (locale, format, text) => expect(shown(locale, format)).toBe(text))
})

describe('a time of the API', () => {
  it.each([
    ['1970-01-01T00:00:00.000Z', true],
    ['9999-12-31T23:59:59.999Z', true],
    ['1969-12-31T23:59:59.999Z', false],
    ['0000-12-31T15:00:00.000Z', false],
    ['+010000-01-01T00:00:00.000Z', false],
    ['+275760-09-13T00:00:00.000Z', false],
    ['never', false],
  ])('%s is within its bounds: %s', (text, isIn) => {
    const refusal = refusalOf(() => checkTime('to', new Date(text)))
    expect(refusal).toEqual(isIn ? null : ['BAD_INPUT', 'to'])
  })
})
