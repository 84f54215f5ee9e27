import { describe, expect, it } from 'vitest'
import { createCallingCodes } from '../../src/channels/calling-codes.ts'
import { countries, createPhoneReader } from '../../src/channels/phone.ts'

const reader = (allowed: string[] | null = null, home: string | null = '82') =>
  createPhoneReader({ allowed: allowed === null ? null : countries.parse(allowed), home })
const refused = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false }

it('reads numbers as people write them', () => {
  const read: [string, string][] = [
    ['010-1234-5678', '821012345678'],
    ['010 1234 5678', '821012345678'],
    ['(010) 1234.5678', '821012345678'],
    ['+82 10-1234-5678', '821012345678'],
    ['+82 (0)10-1234-5678', '821012345678'],
    ['+82 010 1234 5678', '821012345678'],
    ['821012345678', '821012345678'],
    ['02-123-4567', '8221234567'],
    ['+1 (415) 555-0100', '14155550100'],
    ['+39 06 1234567', '39061234567'],
  ]
  for (const [address, digits] of read) expect(reader().read(address).digits).toBe(digits)
})

it('refuses what is no number, or not a whole one', () => {
  for (const address of [
    '',
    '+',
    '+1 (555)',
    'abc',
    '+82 10 1234 567a',
    '+0123456789',
    '+999123456789',
    '112',
    '15441234',
    '0010',
    `+82${'1'.repeat(14)}`,
  ]) {
    expect(() => reader().read(address), address).toThrow(expect.objectContaining(refused))
  }
  for (const address of ['010-1234-5678', '4155550100', '١٢٣٤٥٦٧٨٩']) {
    expect(() => reader(null, null).read(address), address).toThrow(expect.objectContaining(refused))
  }
})

it('tells the countries of one calling code apart where their numbers do', () => {
  const { originOf } = createCallingCodes()
  const of: [string, string, string][] = [
    ['14155550100', '1', 'US'],
    ['14165550100', '1', 'CA'],
    ['12425550100', '1', 'BS'],
    ['18765550100', '1', 'JM'],
    ['79161234567', '7', 'RU'],
    ['77011234567', '7', 'KZ'],
    ['821012345678', '82', 'KR'],
    ['85291234567', '852', 'HK'],
    ['35840123456', '358', 'FI'],
  ]
  for (const [digits, callingCode, country] of of) expect(originOf(digits)).toEqual({ callingCode, country })
  for (const digits of ['8001234567', '881612345678', '9791234567']) expect(originOf(digits)).toBeNull()
})

it('has no calling code that begins another of a different zone', () => {
  const { originOf } = createCallingCodes()
  for (let code = 20; code < 1_000; code++) {
    const origin = originOf(String(code))
    if (origin !== null && !/^[17]/.test(String(code))) expect(String(code).startsWith(origin.callingCode)).toBe(true)
  }
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  for (let code = 1; code < 2_000; code++) {
    const country = originOf(String(code))?.country
    if (country !== undefined) expect(names.of(country), country).toEqual(expect.any(String))
  }
})

describe('countries', () => {
  it('confine the numbers', () => {
    const cases: [string[], string, boolean][] = [
      [['KR'], '010-1234-5678', true],
      [['kr'], '+821012345678', true],
      [['KR'], '+14155550100', false],
      [['US'], '+14155550100', true],
      [['US'], '+12425550100', false],
      [['US'], '+14165550100', false],
      [['+1'], '+12425550100', true],
      [['1242'], '+12425550100', true],
      [['1242'], '+14155550100', false],
      [['JE'], '+447797123456', true],
      [['RU'], '+77011234567', false],
      [['KR', 'JP'], '+819012345678', true],
    ]
    for (const [allowed, address, isAllowed] of cases) {
      const read = () => reader(allowed).read(address)
      if (isAllowed) expect(read, address).not.toThrow()
      else expect(read, address).toThrow(expect.objectContaining(refused))
    }
  })
  it('are known ones', () => {
    for (const wrong of [[], ['ZZ'], ['USA'], ['0'], ['999'], ['4'], [''], ['+'], [82]]) {
      expect(countries.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false)
    }
  })
})
