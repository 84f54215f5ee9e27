/**
 * Phone numbers: read as people write them, checked against the numbering plan of their country, and compared as a provider dials them.
 * What was written stays as it is where it is stored: a number is read again wherever it is compared or dialled.
 */
import { createRequire } from 'node:module'
import type { CountryCode, PhoneNumber } from 'libphonenumber-js/max'
import type metadataOf from 'libphonenumber-js/max/metadata'
import { CarillonError } from '../errors.ts'

const load = createRequire(import.meta.url)
type Library = typeof import('libphonenumber-js/max') & { readonly metadata: typeof metadataOf }
let loaded: Library | null = null
/** The plans of all countries, and the code that reads them: loaded with the first number. */
const library = (): Library => (loaded ??= { ...load('libphonenumber-js/max'), metadata: load('libphonenumber-js/max/metadata') })

/** The country by which a number without a calling code is read where its contact has none: the one of every kind that serves one country. */
export const HOME_COUNTRY = 'KR'

/** A phone number, in its parts. */
export interface Phone {
  /** + and digits, as it is dialled from everywhere */
  readonly e164: string
  /** the same without the plus */
  readonly digits: string
  /** "82", "1" */
  readonly callingCode: string
  /** what follows the calling code; of a country whose numbers keep their 0 abroad (Italy), with the 0 */
  readonly national: string
  /** ISO 3166-1 alpha-2; of countries that share a plan, the one that leads it (GB for Jersey). null: satellites, and other codes without a country */
  readonly country: string | null
  /** what said the country: the calling code, the contact's country, or the home country */
  readonly by: 'code' | 'country' | 'home'
}

/** What tells the country of a number that has no calling code: ISO 3166-1 alpha-2, or null. `home` counts where `country` can't read it. */
export interface PhonePlace {
  readonly country: string | null
  readonly home: string | null
}

/** Nothing but the number's own calling code. */
export const NOWHERE: PhonePlace = { country: null, home: null }
const placeOf = (country: string | null): PhonePlace => ({ country, home: HOME_COUNTRY })

const MAX_LENGTH = 60
const WANTED = 'write it with + and its calling code, such as +82 10-1234-5678'
const faults = {
  unreadable: `is not a phone number: ${WANTED}.`,
  countryless: `is not a phone number that can be read without its country: ${WANTED}, or give the contact's country.`,
  length: `has too few or too many digits for its country: ${WANTED}.`,
  extension: 'has an extension, which gets no messages: leave it out.',
  service: 'is a service number (premium rate, shared cost, voicemail, short code), which gets no messages.',
} as const
type Fault = keyof typeof faults

/** Numbers of these types belong to no person, and messages to some of them cost their sender dearly. */
const serviceTypes: ReadonlySet<string> = new Set(['PREMIUM_RATE', 'SHARED_COST', 'UAN', 'VOICEMAIL'])

function parse(text: string, country: string | null): PhoneNumber | Fault {
  try {
    const defaultCountry = isCountry(country) ? { defaultCountry: country } : {}
    return library().parsePhoneNumberWithError(text, { extract: false, ...defaultCountry })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.message === 'TOO_SHORT' || error.message === 'TOO_LONG') return 'length'
    return error.message === 'INVALID_COUNTRY' && /\d{3}/.test(text) ? 'countryless' : 'unreadable'
  }
}

const isCountry = (country: string | null): country is CountryCode =>
  country !== null && /^[A-Z]{2}$/.test(country) && library().isSupportedCountry(country)

/** @returns the first reading that holds: with the calling code, by the country, by the home country */
function read(written: string, { country, home }: PhonePlace): Phone | Fault {
  if (written.length > MAX_LENGTH) return 'unreadable'
  const text = foldDigits(written).trim()
  if (hasCallingCode(text)) return phoneOf(parse(text, null), 'code', false)
  const byCountry = isCountry(country) ? parse(text, country) : 'countryless'
  const strict = phoneOf(byCountry, 'country', true)
  if (typeof strict !== 'string' || strict === 'service' || strict === 'extension') return strict
  const byHome = isCountry(home) && isDialledAtHome(text, home) ? phoneOf(parse(text, home), 'home', true) : 'countryless'
  if (typeof byHome !== 'string') return byHome
  // Some write 00 for the plus, wherever they are; only in some countries it is what they dial.
  const abroad = /^00(?=[1-9])/.test(text) ? phoneOf(parse(text.replace('00', '+'), null), 'code', true) : 'countryless'
  if (typeof abroad !== 'string') return abroad
  // A number of a range that opened after this table was made has the right length all the same.
  const loose = phoneOf(byCountry, 'country', false)
  return loose === 'countryless' && (byHome === 'service' || byHome === 'extension' || byHome === 'unreadable') ? byHome : loose
}

/** Whether a number without a plus has the 0 of its country before it, or the calling code: others may be of anywhere. */
function isDialledAtHome(text: string, home: CountryCode): boolean {
  const digits = text.replace(/\D/g, '')
  return /^0[1-9]/.test(digits) || (digits.length >= 11 && digits.startsWith(library().getCountryCallingCode(home)))
}

/** @param strict whether it must be of a range that is in use: its length alone says little where the country is a guess */
function phoneOf(parsed: PhoneNumber | Fault, by: Phone['by'], strict: boolean): Phone | Fault {
  if (typeof parsed === 'string') return parsed
  const { number: e164, countryCallingCode: callingCode, nationalNumber: national, ext } = parsed
  if (ext !== undefined) return 'extension'
  // E.164 has no longer ones; some plans have ranges for machines that are.
  if (!parsed.isPossible() || e164.length > 16) return 'length'
  if (strict && !parsed.isValid()) return 'length'
  if (serviceTypes.has(parsed.getType() ?? '')) return 'service'
  return { e164, digits: e164.slice(1), callingCode, national, country: countryOf(parsed), by }
}

/** Countries of +1 and +7 are told apart; of others that share a calling code, the first leads the plan. */
function countryOf({ countryCallingCode, country }: PhoneNumber): string | null {
  const [leading = null] = countriesOf(countryCallingCode)
  const isDistinct = (countryCallingCode === '1' || countryCallingCode === '7') && country !== undefined
  return isDistinct ? country : leading
}

const countriesOf = (callingCode: string): readonly string[] =>
  (library().metadata.country_calling_codes[callingCode] ?? []).filter((country) => library().isSupportedCountry(country))

/** The country that stands for this one's numbers (see `Phone.country`); null: there is no such country, or it has no numbers of its own. */
export function leadingCountry(country: string): string | null {
  if (!isCountry(country)) return null
  const found = Object.values(library().metadata.country_calling_codes).find((list) => list.includes(country))
  return found === undefined || found.includes('US') || found.includes('RU') ? country : (found[0] ?? null)
}

/** Whether digits are a calling code, or begin with one ("1", "1242", "447"). */
export const beginsWithCallingCode = (digits: string): boolean =>
  [1, 2, 3].some((length) => countriesOf(digits.slice(0, length)).length > 0 && digits.length >= length)

/** Reads a number. null: it is none, or nothing tells its country. */
export function readPhone(text: string, place: PhonePlace): Phone | null {
  const found = read(text, place)
  return typeof found === 'string' ? null : found
}

/**
 * Checks a number that is about to be stored, or sent to; returned unchanged. `country`: the contact's, if there is one.
 * @throws ADDRESS_INVALID that says what is wanted
 */
export function checkPhone(field: string, text: string, country: string | null = null): string {
  const found = read(text, placeOf(country))
  if (typeof found !== 'string') return text
  throw new CarillonError('ADDRESS_INVALID', { field, message: `${field}: ${faults[found]}` })
}

/** Whether a provider may be able to dial an address: its number is read, by its calling code or the home country. */
export const canBeDialled = (address: string): boolean => PLAIN.test(address) || readPhone(address, placeOf(null)) !== null

/** What a provider is given for a contact's number: as it was written, unless it is the contact's country that tells how to dial it. */
export function dialled(text: string, country: string | null): string {
  if (country === null || hasCallingCode(text)) return text
  const phone = readPhone(text, placeOf(country))
  return phone?.by === 'country' ? phone.e164 : text
}

const hasCallingCode = (text: string): boolean => /^\s*[(（]?[+＋]/.test(text)
const withoutSeparators = (text: string): string => foldDigits(text).replace(/[\s().-]/g, '')

/** Full-width characters, and digits of other scripts, as ASCII. */
const foldDigits = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x0660))
    .replace(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x06f0))

/** E.164 as it stands, without a 0 (or the 1 and 8 of +1 and +7) that may be left from dialling at home: nothing is to be read there. */
const PLAIN = /^\+(?!1[01]|7[08]|[2-9]\d{0,2}0)[1-9]\d{7,14}$/

/** The form in which numbers are compared: E.164. What can't be read is compared without its separators. */
export function phoneKey(text: string, country: string | null = null): string {
  if (PLAIN.test(text)) return text
  return readPhone(text, placeOf(country))?.e164 ?? withoutSeparators(text)
}

/** `phoneKey`, and the forms in which a number may have been stored for comparison before it was read by its country. */
export function phoneKeys(text: string, country: string | null = null): string[] {
  const key = phoneKey(text, country)
  const home = key.startsWith('+82') ? [`0${key.slice(3)}`] : []
  return [...new Set([key, withoutSeparators(text), ...home])]
}

/** The usual spellings of a number, to find it where it was stored as it was written. */
export interface PhoneSpellings {
  /** with the calling code */
  readonly international: readonly string[]
  /** without: they are this number for contacts of the country, and where it is the home country, for all */
  readonly national: readonly string[]
  readonly country: string | null
  readonly isHome: boolean
}

/** What is no number, or tells no country, has one spelling: its own. */
export function spellPhone(text: string): PhoneSpellings {
  const phone = readPhone(text, placeOf(null))
  const parsed = phone === null ? 'unreadable' : parse(phone.e164, null)
  if (phone === null || typeof parsed === 'string') return { international: [text], national: [], country: null, isHome: false }
  const spelled = (one: string): string[] => [
    one,
    ...[' ', '-', '.', ''].map((sign) => one.replace(/[\s().-]+/g, sign).replace(/^[ .-]/, '')),
  ]
  const whole = parsed.formatInternational()
  const trunk = parsed.formatNational()
  const code = `+${phone.callingCode} `
  const rest = spelled(whole.slice(code.length))
  const international = [
    ...spelled(whole),
    // The calling code apart from the rest: "+82 10-1234-5678", "+82 (0)10-1234-5678", "+1 (415) 555-0100".
    ...rest.map((one) => code + one),
    ...(trunk.startsWith('0') ? rest.flatMap((one) => [`${code}(0)${one}`, `${code}(0) ${one}`]) : [code + trunk]),
    phone.e164,
    phone.digits,
    `00${phone.digits}`,
  ]
  return {
    international: [...new Set([...international, text])],
    national: [...new Set(spelled(trunk))],
    country: phone.country,
    isHome: phone.country === HOME_COUNTRY,
  }
}

/** Numbers as they are compared where only the digits of what is stored, and its plus, can be looked at. */
export interface ComparedPhones {
  /** what is no number: the text as it is */
  readonly exact: readonly string[]
  /** with the calling code */
  readonly international: readonly string[]
  /** of the home country, without it */
  readonly home: readonly string[]
  /** of other countries, without it: they are these numbers for contacts of the country */
  readonly national: readonly { readonly country: string; readonly number: string }[]
}

/** The spellings of numbers, however they are grouped. */
export function comparedPhones(texts: readonly string[]): ComparedPhones {
  const dialled = (list: readonly string[]): string[] => [...new Set(list.map((one) => foldDigits(one).replace(/[^0-9+]/g, '')))]
  const exact: string[] = []
  const all = texts.flatMap((text) => {
    if (readPhone(text, placeOf(null)) !== null) return spellPhone(text)
    exact.push(text)
    return []
  })
  const nationals = all.flatMap(({ national, country, isHome }) =>
    country === null ? [] : dialled(national).map((number) => ({ country, number, isHome })),
  )
  return {
    exact,
    international: dialled(all.flatMap(({ international }) => international)),
    home: nationals.filter(({ isHome }) => isHome).map(({ number }) => number),
    national: nationals.filter(({ isHome }) => !isHome),
  }
}

/** Whether a text looks like a phone number, readable or not. */
export const isPhone = (text: string): boolean =>
  /^\+?[\d\s().-]{3,40}$/.test(foldDigits(text)) && foldDigits(text).replace(/\D/g, '').length >= 3

/**
 * Whether two phone numbers are spellings of one. Where one of them is in national format and nothing tells its country, it is the same
 * number if the other has the same digits after its calling code, which has at most three.
 */
export function isSamePhone(one: string, other: string): boolean {
  if (!isPhone(one) || !isPhone(other)) return false
  if (phoneKey(one) === phoneKey(other)) return true
  const split = (text: string) => {
    const bare = withoutSeparators(text.replace('(0)', ''))
    return bare.startsWith('+') ? { full: bare.slice(1) } : bare.startsWith('00') ? { full: bare.slice(2) } : { local: bare }
  }
  const [a, b] = [split(one), split(other)]
  if (a.local !== undefined && b.local !== undefined)
    return a.local === b.local || isCalled(a.local, b.local) || isCalled(b.local, a.local)
  if (a.full !== undefined && b.full !== undefined) return a.full === b.full
  const [full, local] = a.full === undefined ? [b.full ?? '', a.local ?? ''] : [a.full, b.local ?? '']
  return full === local || isCalled(full, local)
}

/** Whether `full` is a calling code and then the national number `local`, with or without the zero before it. */
function isCalled(full: string, local: string): boolean {
  const national = local.replace(/^0/, '')
  if (!local.startsWith('0') || national.length < 7 || !full.endsWith(national)) return false
  const code = full.slice(0, full.length - national.length)
  return /^[1-9]\d{0,2}0?$/.test(code)
}
