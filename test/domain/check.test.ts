/** Checks of single values, at their limits and over them. */
import { describe, expect, it } from 'vitest'
import {
  atIndex,
  checkCountry,
  checkId,
  checkJson,
  checkKey,
  checkList,
  checkObject,
  checkText,
  checkWebUrl,
  literally,
} from '../../src/domain/check.ts'
import { CarillonError } from '../../src/errors.ts'
import { checkLocale } from '../../src/values/locale.ts'
import { checkTimezone } from '../../src/values/time-zone.ts'
import { refusalOf } from '../helpers/refusal.ts'

const x = (count: number): string => 'x'.repeat(count)

/** Values that a check keeps as they are, or as another; and values that it refuses with this code. */
function describeCheck(
  name: string,
  check: (field: string, text: string) => string,
  code: string,
  accepted: readonly (readonly [title: string, value: string, kept?: string])[],
  refused: readonly (readonly [title: string, value: string])[],
): void {
  describe(name, () => {
    it.each(accepted)('may be %s', (_title, value = '', kept = value) => {
      expect(check('f', value)).toBe(kept)
    })
    it.each(refused)('may not be %s', (_title, value) => {
      expect(refusalOf(() => check('f', value))).toEqual([code, 'f'])
    })
  })
}

describeCheck(
  'a text',
  (field, text) => checkText(field, text, 5),
  'BAD_INPUT',
  [
    ['empty', ''],
    ['at its limit', x(5)],
    ['a line break', '\r\n'],
    ['an emoji, which is two characters', '\u{1f600}\u{1f600}'],
    ['a mark that turns the direction', '\u202e'],
    ['not normalised', 'a\u0308'],
  ],
  [
    ['over its limit', x(6)],
    ['a NUL', 'a\0'],
    ['the first half of a pair', '\ud83d'],
    ['the second half of a pair', '\ude00'],
    ['a pair the wrong way round', '\ude00\ud83d'],
  ],
)
it('a text has up to 100,000 characters where nothing else is said', () => {
  expect(refusalOf(() => checkText('f', x(100_000)))).toBeNull()
  expect(refusalOf(() => checkText('f', x(100_001)))).toEqual(['BAD_INPUT', 'f'])
})

describeCheck(
  'a key',
  checkKey,
  'BAD_INPUT',
  [
    ['one character', 'a'],
    ['255 characters', x(255)],
    ['a blank', ' '],
    ['beyond ASCII', '고객-1'],
    ['an emoji', '\u{1f600}'],
    ['SQL', "'; DROP TABLE contact; --"],
    ['a name that objects inherit', '__proto__'],
  ],
  [
    ['empty', ''],
    ['256 characters', x(256)],
    ['a NUL', '\0'],
    ['a line break', 'a\nb'],
    ['a tab', 'a\tb'],
    ['DEL', '\u007f'],
    ['a control character beyond ASCII', '\u0085'],
    ['half of a pair', '\ud83d'],
  ],
)

describeCheck(
  'an id',
  checkId,
  'BAD_INPUT',
  [
    ['one character', '~'],
    ['255 characters', x(255)],
    ['a blank', ' '],
    ['signs', `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`],
  ],
  [
    ['empty', ''],
    ['256 characters', x(256)],
    ['beyond ASCII', 'é'],
    ['a line break at its end', 'a\n'],
    ['a NUL', '\0'],
    ['DEL', '\u007f'],
  ],
)

describeCheck(
  'a language',
  checkLocale,
  'BAD_INPUT',
  [
    ['a language alone', 'en'],
    ['a language and a region', 'pt-BR'],
    ['in any capitals', 'PT-br', 'pt-BR'],
    ['with an underscore', 'en_US', 'en-US'],
    ['a script', 'zh-hant-tw', 'zh-Hant-TW'],
    ['two underscores', 'zh_Hant_TW', 'zh-Hant-TW'],
  ],
  [
    ['empty', ''],
    ['a name', 'english'],
    ['a long name', 'english'.repeat(2)],
    ['one letter', 'e'],
    ['a blank', 'en US'],
    ['a star', '*'],
    ['a language with a region that is none', 'en_USA_1'],
  ],
)

describeCheck(
  'a time zone',
  checkTimezone,
  'BAD_INPUT',
  [
    ['a place', 'Europe/London'],
    ['UTC', 'UTC'],
    ['in any capitals', 'asia/seoul', 'Asia/Seoul'],
  ],
  [
    ['empty', ''],
    ['no place', 'Mars/Base'],
    ['a blank', ' '],
    ['an offset out of range', '+25:00'],
  ],
)

describeCheck(
  'a country',
  checkCountry,
  'BAD_INPUT',
  [
    ['two letters', 'KR'],
    ['small letters', 'kr', 'KR'],
  ],
  [
    ['empty', ''],
    ['one letter', 'K'],
    ['three letters', 'KOR'],
    ['digits', '82'],
    ['a line break', 'KR\n'],
    ['letters beyond ASCII', 'ÄÖ'],
  ],
)

describeCheck(
  'a web address',
  checkWebUrl,
  'BAD_INPUT',
  [
    ['https', 'https://example.com/a.png'],
    ['http', 'http://example.com'],
    ['in capitals', 'HTTPS://EXAMPLE.COM'],
    ['of 2,048 characters', `https://example.com/${x(2_028)}`],
  ],
  [
    ['empty', ''],
    ['relative', '/a.png'],
    ['without a scheme', 'example.com'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:image/png;base64,AA=='],
    ['a file', 'file:///etc/passwd'],
    ['without a host', 'https://'],
    ['of 2,049 characters', `https://example.com/${x(2_029)}`],
  ],
)

describe('JSON', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  it.each<[string, unknown]>([
    ['null', null],
    ['false', false],
    ['an empty text', ''],
    ['the largest number', 2 ** 53 - 1],
    ['the smallest number', -(2 ** 53) + 1],
    ['a fraction', 1e-300],
    ['a text of a million characters', x(1_000_000)],
    ['a key of 1,000 characters', { [x(1_000)]: 1 }],
    ['32 levels in a list', nested(33)],
    ['an own property called __proto__', JSON.parse('{"__proto__":{"a":1}}')],
  ])('may be %s', (_title, value) => {
    expect(checkJson('f', value)).toBe(value)
  })
  it.each<[string, unknown]>([
    ['2^53', 2 ** 53],
    ['-2^53', -(2 ** 53)],
    ['1e400, which is read as infinity', JSON.parse('1e400')],
    ['a number that is none', Number.NaN],
    ['nothing', undefined],
    ['nothing in a list', [undefined]],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a big integer', 1n],
    ['a text of more than a million characters', x(1_000_001)],
    ['a key of 1,001 characters', { [x(1_001)]: 1 }],
    ['a key with a NUL', { 'a\0': 1 }],
    ['a text with a lone surrogate, however deep', { a: [{ b: '\ud83d' }] }],
    ['33 levels in a list', nested(34)],
    ['10,000 levels', nested(5_000)],
  ])('may not be %s', (_title, value) => {
    expect(refusalOf(() => checkJson('f', value))).toEqual(['BAD_INPUT', 'f'])
  })
})

it('an object has a limit in characters of JSON, and the error says how many it has', () => {
  const value = { a: x(10) }
  const length = JSON.stringify(value).length
  expect(checkObject('f', value, length)).toBe(value)
  const attempt = () => checkObject('f', value, length - 1)
  expect(refusalOf(attempt)).toEqual(['TOO_LARGE', 'f'])
  expect(attempt).toThrow(expect.objectContaining({ details: expect.objectContaining({ max: length - 1, got: length }) }))
})

describe('a list', () => {
  it.each<[number, string | null]>([
    [0, 'BAD_INPUT'],
    [1, null],
    [3, null],
    [4, 'BATCH_TOO_LARGE'],
  ])('of %i where three are allowed: %s', (count, code) => {
    expect(refusalOf(() => checkList('f', Array.from({ length: count }), 3))?.[0] ?? null).toBe(code)
  })
  it('that is too long says how long', () => {
    const attempt = () => checkList('f', [1, 2], 1)
    expect(attempt).toThrow(expect.objectContaining({ details: expect.objectContaining({ max: 1, got: 2 }) }))
  })
})

describe('the place of an item', () => {
  it('is added to an error of the catalogue, which keeps its code, field and message', () => {
    const attempt = () => atIndex(3, () => checkKey('key', ''))
    const message = 'key: must have 1 to 255 characters.'
    expect(attempt).toThrow(new CarillonError('BAD_INPUT', { message, field: 'key', index: 3 }))
  })
  it('is not added to any other error', () => {
    const other = new TypeError('other')
    expect(() =>
      atIndex(3, () => {
        throw other
      }),
    ).toThrow(other)
  })
  it('says nothing where the item is right', () => {
    expect(atIndex(0, () => 'a')).toBe('a')
  })
})

it.each([
  ['%', '\\%'],
  ['_', '\\_'],
  ['\\', '\\\\'],
  ['100%_\\x', '100\\%\\_\\\\x'],
  ["o'neill", "o'neill"],
  ['', ''],
])('looks for %s literally', (text, expected) => {
  expect(literally(text)).toBe(expected)
})
