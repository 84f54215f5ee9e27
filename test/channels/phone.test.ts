import { describe, expect, it } from 'vitest'
import { countries, createPhoneReader } from '../../src/channels/phone.ts'

const reader = (allowed: string[] | null = null, home: string | null = 'KR') =>
  createPhoneReader({ countries: allowed === null ? null : countries.parse(allowed), home })
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
    ['+39 (0)6 1234567', '39061234567'],
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
  for (const address of ['010-1234-5678', '4155550100', '٠١٠١٢٣٤٥٦٧٨']) {
    expect(() => reader(null, null).read(address), address).toThrow(expect.objectContaining(refused))
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
