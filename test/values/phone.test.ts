/** Phone numbers as people write them. */
import { describe, expect, it } from 'vitest'
import {
  beginsWithCallingCode,
  canBeDialled,
  checkPhone,
  dialled,
  HOME_COUNTRY,
  isSamePhone,
  leadingCountry,
  NOWHERE,
  phoneKey,
  phoneKeys,
  readPhone,
  spellPhone,
} from '../../src/values/phone.ts'
import { refusalOf } from '../helpers/refusal.ts'

const at = (country: string | null) => ({ country, home: HOME_COUNTRY })

describe('a number is read', () => {
  it.each([
    ['with blanks', '+82 10 1234 5678', null, '+821012345678'],
    ['with dashes, dots and brackets', '+1 (415) 555-01.00', null, '+14155550100'],
    ['with a 0 in brackets', '+82 (0)10-1234-5678', null, '+821012345678'],
    ['with a 0 from dialling at home', '+82 010 1234 5678', null, '+821012345678'],
    ['with the 0 that Italian numbers keep', '+39 06 1234 5678', null, '+390612345678'],
    ['with the 0 that Italian numbers keep, in brackets', '+39 (0)6 1234 5678', null, '+390612345678'],
    ['without the 0 of Britain', '+44 (0)20 7946 0958', null, '+442079460958'],
    ['without the 8 of Russia', '+7 (8)916 123-45-67', null, '+79161234567'],
    ['without the 06 of Hungary', '+36 (06)30 123 4567', null, '+36301234567'],
    ['with the 9 of Argentine mobiles', '+54 9 11 2345 6789', null, '+5491123456789'],
    ['in full-width digits', '＋８２　１０－１２３４－５６７８', null, '+821012345678'],
    ['in Arabic-Indic digits', '+٨٢١٠١٢٣٤٥٦٧٨', null, '+821012345678'],
    ['in Persian digits', '+۹۸۹۱۲۳۴۵۶۷۸۹', null, '+989123456789'],
    ['by home, in Arabic-Indic digits', '٠١٠١٢٣٤٥٦٧٨', null, '+821012345678'],
    ['by home', '010-1234-5678', null, '+821012345678'],
    ['by home, with its calling code and no plus', '821012345678', null, '+821012345678'],
    ['by home, of a landline', '02-1234-5678', null, '+82212345678'],
    ['with 00 for the plus', '0082 10 1234 5678', null, '+821012345678'],
    ['with 00 for the plus, of another country', '0049 151 23456789', null, '+4915123456789'],
    ['with 011 for the plus, by its country', '011 82 10 1234 5678', 'US', '+821012345678'],
    ['by the country of its contact', '0151 23456789', 'DE', '+4915123456789'],
    ['by the country, with the 0 that stays', '06 1234 5678', 'IT', '+390612345678'],
    ['by the country, with its 8', '8 916 123-45-67', 'RU', '+79161234567'],
    ['by the country, without its 1', '(415) 555-0100', 'US', '+14155550100'],
    ['by the country rather than by home', '02 1234 5678', 'AU', '+61212345678'],
    ['by home where the country has no such number', '010-1234-5678', 'DE', '+821012345678'],
    ['by its calling code, whatever the country', '+82 10-1234-5678', 'DE', '+821012345678'],
    ['of a range that may be new', '+44 123456789', null, '+44123456789'],
    ['of a satellite', '+8816 1234 5678', null, '+881612345678'],
    ['toll-free', '+1 800 555 1212', null, '+18005551212'],
  ])('%s: %s', (_title, text, country, e164) => {
    expect(readPhone(text, at(country))?.e164).toBe(e164)
    expect(checkPhone('phone', text, country)).toBe(text)
    expect(phoneKey(text, country)).toBe(e164)
    expect(phoneKey(e164)).toBe(e164)
  })

  it.each([
    ['82', 'KR', '1012345678', '+82 10-1234-5678'],
    ['39', 'IT', '0612345678', '+39 (0)6 1234 5678'],
    ['1', 'US', '4155550100', '+1 415 555 0100'],
    ['1', 'CA', '4165550100', '+1 416 555 0100'],
    ['1', 'BS', '2425550100', '+1 242 555 0100'],
    ['7', 'KZ', '7011234567', '+7 701 123 4567'],
    ['44', 'GB', '7797123456', '+44 7797 123456'],
    ['358', 'FI', '18123456', '+358 18 123456'],
    ['881', null, '612345678', '+881612345678'],
  ])('in its parts: +%s of %s, %s', (callingCode, country, national, text) => {
    expect(readPhone(text, NOWHERE)).toMatchObject({ callingCode, country, national, by: 'code' })
  })
})

describe('a number is refused', () => {
  it.each([
    ['nothing', '', null],
    ['blanks', '   ', null],
    ['a plus', '+', null],
    ['an area alone', '+1 (555)', null],
    ['an area of a country alone', '+82 (0)10', null],
    ['too few digits, with a country', '151', 'DE'],
    ['too few digits, without one', '0151-123', null],
    ['too many digits', `+82${'1'.repeat(14)}`, null],
    ['more digits than E.164 has', '+1234567890123456', null],
    ['a calling code that is none', '+999 123 456 789', null],
    ['a calling code that begins with 0', '+0123456789', null],
    ['no country', '0151 23456789', null],
    ['no country, in the American way', '415.555.0100', null],
    ['a country that is none', '0151 23456789', 'ZZ'],
    ['an emergency number', '112', null],
    ['a short code', '12345', 'US'],
    ['a short code of a carrier', '+82114', null],
    ['a company of one number', '1544-1234', null],
    ['a premium number', '+1 900 555 0100', null],
    ['a premium number of home', '060-700-1234', null],
    ['a premium number without a country', '+979 123 456 789', null],
    ['an extension', '+1 415 555 0100 ext. 5', null],
    ['an extension in short', '+14155550100x5', null],
    ['an extension as in RFC 3966', '+14155550100;ext=5', null],
    ['letters', '+1 800 FLOWERS', null],
    ['a letter', '+82 10 1234 567a', null],
    ['words', 'call me', null],
    ['words around it', 'call +82 10 1234 5678', null],
    ['two numbers', '+14155550100,+14155550101', null],
    ['two pluses', '++14155550100', null],
    ['a plus in the middle', '1+4155550100', null],
    ['an e-mail address', 'ana@example.com', null],
    ['a NUL', '+1415555\u00000100', null],
    ['a very long text', '1'.repeat(1_000_000), null],
    ['very many blanks', `+${' '.repeat(100_000)}1`, null],
  ])('that is %s', (_title, text, country) => {
    expect(refusalOf(() => checkPhone('contact.phone', text, country))).toEqual(['ADDRESS_INVALID', 'contact.phone'])
    expect(readPhone(text, at(country))).toBeNull()
    if (country === null) expect(canBeDialled(text)).toBe(false)
  })

  it.each([
    ['0151 23456789', 'country'],
    ['call me', '\\+82 10-1234-5678'],
    ['+1 (555)', 'digits'],
    ['+1 415 555 0100 ext. 5', 'extension'],
    ['+1 900 555 0100', 'service number'],
  ])('with what is wanted: %s, %s', (text, wanted) => {
    expect(() => checkPhone('phone', text)).toThrow(new RegExp(`^phone: .*${wanted}`))
  })
})

describe('a number is dialled', () => {
  it.each([
    ['as it was written, with a calling code', '+82 10-1234-5678', 'KR', '+82 10-1234-5678'],
    ['as it was written, without a country', '010-1234-5678', null, '010-1234-5678'],
    ['as it was written, where home reads it', '010-1234-5678', 'DE', '010-1234-5678'],
    ['as its country has it', '0151 23456789', 'DE', '+4915123456789'],
    ['as its country has it, which is home', '010-1234-5678', 'KR', '+821012345678'],
    ['as it was written, where nothing reads it', '12', 'DE', '12'],
  ])('%s: %s of %s', (_title, text, country, expected) => {
    expect(dialled(text, country)).toBe(expected)
  })
})

describe('numbers are compared', () => {
  it.each([
    ['010-1234-5678', null, ['+821012345678', '01012345678']],
    ['+82 10-1234-5678', null, ['+821012345678', '01012345678']],
    ['+821012345678', null, ['+821012345678', '01012345678']],
    ['+14155550100', null, ['+14155550100']],
    ['(415) 555-0100', 'US', ['+14155550100', '4155550100']],
    ['0151-123', null, ['0151123']],
  ])('with older ones too: %s', (text, country, keys) => {
    expect(phoneKeys(text, country)).toEqual(keys)
  })

  it.each([
    ['010-1234-5678', '01012345678', true],
    ['010-1234-5678', '+82 10 1234 5678', true],
    ['010-1234-5678', '+82 (0)10-1234-5678', true],
    ['010-1234-5678', '821012345678', true],
    ['0082 10 1234 5678', '+821012345678', true],
    ['+821012345678', '+821012345679', false],
    ['+821012345678', '+11012345678', false],
    ['010-1234-5678', '010-1234-5679', false],
    ['010-1234-5678', '02-1234-5678', false],
    ['1234', '+1234', true],
    ['0301234', '+49301234', false],
    ['jo@example.com', '010-1234-5678', false],
  ])('%s and %s are one number: %s', (one, other, expected) => {
    expect(isSamePhone(one, other)).toBe(expected)
    expect(isSamePhone(other, one)).toBe(expected)
  })

  it('in the usual spellings, to find them where they are stored as written', () => {
    const found = spellPhone('+821012345678')
    expect(found).toMatchObject({ country: 'KR', isHome: true })
    expect(found?.international).toEqual(
      expect.arrayContaining(['+82 10 1234 5678', '+82-10-1234-5678', '+821012345678', '821012345678', '00821012345678']),
    )
    expect(found?.national).toEqual(expect.arrayContaining(['010-1234-5678', '01012345678', '010 1234 5678', '010.1234.5678']))
    expect(spellPhone('(415) 555-0100')).toMatchObject({ international: ['(415) 555-0100'], national: [] })
    expect(spellPhone('+1 415 555 0100')?.national).toEqual(
      expect.arrayContaining(['(415) 555-0100', '415-555-0100', '4155550100']),
    )
    expect(spellPhone('call me')).toEqual({ international: ['call me'], national: [], country: null, isHome: false })
  })
})

it.each([
  ['KR', 'KR'],
  ['JE', 'GB'],
  ['CA', 'CA'],
  ['KZ', 'KZ'],
  ['AX', 'FI'],
  ['VA', 'IT'],
  ['ZZ', null],
  ['kr', null],
])('the numbers of %s are those of %s', (country, leading) => {
  expect(leadingCountry(country)).toBe(leading)
})

it.each([
  ['1', true],
  ['82', true],
  ['1242', true],
  ['447', true],
  ['4', false],
  ['999', false],
  ['0', false],
  ['', false],
])('%s begins with a calling code of a country: %s', (digits, expected) => {
  expect(beginsWithCallingCode(digits)).toBe(expected)
})
