/** Phone numbers: read as people write them, kept to the countries that a provider may send to, written as its vendor wants them. */
import { z } from 'zod'
import { createCallingCodes } from './calling-codes.ts'
import { ProviderError } from './provider.ts'

/** A number that was read. */
export interface PhoneNumber {
  /** with its calling code, without the plus */
  readonly digits: string
  /** "82", "1" */
  readonly callingCode: string
  /** what follows the calling code */
  readonly national: string
  /** ISO 3166-1 alpha-2 */
  readonly country: string
}

/** A setting: the countries that numbers are confined to, as ISO 3166-1 alpha-2 codes or as calling codes, with more digits or not. */
export const countries = z.array(z.string().transform(readCountry)).min(1).max(300)

function readCountry(value: string, context: z.RefinementCtx): string {
  const codes = createCallingCodes()
  const digits = value.replace(/^\+/, '')
  if (/^\d{1,7}$/.test(digits) && codes.isPrefix(digits)) return digits
  const country = /^[A-Za-z]{2}$/.test(value) ? codes.standsFor(value.toUpperCase()) : null
  if (country !== null) return country
  context.addIssue('must be countries such as KR, or calling codes such as 82')
  return z.NEVER
}

/** Reads the numbers of one provider. */
export interface PhoneReader {
  /** @throws ProviderError refused, ADDRESS_INVALID: it is not a number, or not of these countries */
  read(address: string): PhoneNumber
}

/**
 * Makes a reader. `allowed`: as the setting `countries` was parsed, null for all. `home`: the calling code of numbers that are written
 * with a 0 in place of it, as in 010-1234-5678; null: every number has to begin with + and its calling code.
 */
export function createPhoneReader(deps: {
  readonly allowed: readonly string[] | null
  readonly home: string | null
}): PhoneReader {
  const codes = createCallingCodes()
  const isAllowed = ({ digits, country }: PhoneNumber): boolean =>
    deps.allowed === null || deps.allowed.some((one) => (/^\d/.test(one) ? digits.startsWith(one) : one === country))

  return {
    read(address) {
      const digits = internationalOf(address, deps.home)
      const origin = digits === null ? null : codes.originOf(digits)
      // Seven digits are the shortest numbers there are, with the calling code; fifteen the longest that E.164 allows.
      if (digits === null || origin === null || !/^\d{7,15}$/.test(digits)) {
        throw new ProviderError('refused', 'ADDRESS_INVALID', 'The address is not a phone number with + and its calling code.')
      }
      const number = { digits, ...origin, national: digits.slice(origin.callingCode.length) }
      if (isAllowed(number)) return number
      throw new ProviderError('refused', 'ADDRESS_INVALID', `This provider does not send to numbers of ${number.country}.`)
    },
  }
}

function internationalOf(address: string, home: string | null): string | null {
  if (!/^\+?[\d\s().-]{3,40}$/.test(address)) return null
  // "+82 (0)10" and "+82 010" are meant as "+82 10": no number of that country begins with a 0 after the code.
  const text = address.replace('(0)', '').replace(/[\s().-]/g, '')
  if (text.startsWith('+')) {
    const digits = text.slice(1)
    return home !== null && digits.startsWith(`${home}0`) ? home + digits.slice(home.length + 1) : digits
  }
  if (home === null) return null
  if (/^0[1-9]/.test(text)) return home + text.slice(1)
  return text.startsWith(home) && text.length >= 11 ? text : null
}
