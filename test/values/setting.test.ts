import { expect, it } from 'vitest'
import { likelyName } from '../../src/values/likely.ts'
import { readBytes, readMember, readNumber, readSwitch, readText, shownValue } from '../../src/values/setting.ts'

it.each([
  ...[true, 'true', 'TRUE', ' on ', 'Yes', '1', 1].map((value) => [value, true] as const),
  ...[false, 'false', 'Off', 'NO', '0', 0].map((value) => [value, false] as const),
  ...['', 'y', 'enabled', 'ture', '01', 2, null, undefined, {}].map((value) => [value, null] as const),
])('reads %j as the switch %j', (value, expected) => expect(readSwitch(value)).toBe(expected))

it.each<[unknown, boolean, number | null]>([
  ['587', true, 587],
  [' 587\n', true, 587],
  [587, true, 587],
  ['-1', true, -1],
  ['0.5', false, 0.5],
  ['0.5', true, null],
  ['1e3', true, null],
  ['0x10', true, null],
  ['٥٨٧', true, null],
  ['', true, null],
  ['9'.repeat(400), true, null],
  [null, true, null],
  [true, true, null],
])('reads %j as a number (whole: %j): %j', (value, isWhole, expected) => expect(readNumber(value, isWhole)).toBe(expected))

it.each<[string, number | null]>([
  ['1024', 1024],
  ['1k', 1024],
  ['10MB', 10_485_760],
  ['10 MiB', 10_485_760],
  ['1Gb', 1_073_741_824],
  ['5b', 5],
  ['1.5MB', null],
  ['MB', null],
  ['', null],
  ['-1k', null],
])('reads %j as %j bytes', (text, expected) => expect(readBytes(text)).toBe(expected))

it.each<[unknown, string | null]>([
  ['web-push', 'web-push'],
  ['WEB_PUSH', 'web-push'],
  [' Smtp ', 'smtp'],
  ['webpush', null],
  ['', null],
  [1, null],
])('reads %j as the member %j', (value, expected) => expect(readMember(['smtp', 'web-push'], value)).toBe(expected))

it.each([
  ['"a b"', 'a b'],
  ["'a'", 'a'],
  [' a\r\n', 'a'],
  ['"a', '"a'],
  ['"', '"'],
  ['""', ''],
  [`"a'`, `"a'`],
])('takes what is around %j away', (text, expected) => expect(readText(text)).toBe(expected))

it.each<[string, string | null]>([
  ['PASSWORD', 'password'],
  ['passwort', 'password'],
  ['max_connections', 'maxConnections'],
  ['max-conections', 'maxConnections'],
  ['hots', null],
  ['', null],
  ['🔔', null],
  ['x'.repeat(10_000), null],
])('finds the name that is meant by %j: %j', (name, expected) =>
  expect(likelyName(name, ['host', 'password', 'maxConnections'])).toBe(expected),
)

it('shows a value on one line, and cut off', () => {
  expect(shownValue('a\nb')).toBe('"a\\nb"')
  expect(shownValue('x'.repeat(1_000))).toHaveLength(81)
  expect(shownValue(undefined)).toBe('undefined')
})
