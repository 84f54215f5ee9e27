/** Limits the numbers that a provider sends to: the setting `countries`. */
import { z } from 'zod'
import { readDialled } from '../values/dialling.ts'
import { beginsWithCallingCode, HOME_COUNTRY, leadingCountry, type Phone } from '../values/phone.ts'
import type { DialPlan } from '../words.ts'
import { ProviderError } from './provider.ts'

/** The setting `countries`: ISO 3166-1 alpha-2 codes, or calling codes with or without further digits. */
export const countries = z.array(z.string().transform(readCountry)).min(1).max(300)

/** What vendors of the home country dial, unless the setting says otherwise: its numbers, with or without its calling code. */
export const homeNumbers: DialPlan = { home: HOME_COUNTRY, countries: [HOME_COUNTRY] }

/** The annotations of the setting `countries`. */
export const countriesInfo = {
  title: 'Countries',
  description:
    'Send only to numbers of these countries: ISO codes (KR) or calling codes, to which further digits may be added (82, 1242).',
  examples: [['KR', '1']],
}

function readCountry(value: string, context: z.RefinementCtx): string {
  const digits = value.replace(/^\+/, '')
  if (/^\d{1,7}$/.test(digits) && beginsWithCallingCode(digits)) return digits
  const country = /^[A-Za-z]{2}$/.test(value) ? leadingCountry(value.toUpperCase()) : null
  if (country !== null) return country
  context.addIssue('must be countries such as KR, or calling codes such as 82')
  return z.NEVER
}

/** Parses phone numbers. */
export interface PhoneReader {
  /** @throws ProviderError refused, ADDRESS_INVALID: not a number, or not of these countries */
  read(address: string): Phone
}

/** The numbers that a provider dials: those of its kind, unless its setting `countries` names others. */
export function dialPlan(kind: DialPlan, countries: readonly string[] | undefined): DialPlan {
  return countries === undefined ? kind : { ...kind, countries }
}

/** @returns a reader that a provider dials by */
export function createPhoneReader(plan: DialPlan): PhoneReader {
  return {
    read(address) {
      const number = readDialled(address, plan)
      if (typeof number !== 'string') return number
      throw new ProviderError('refused', 'ADDRESS_INVALID', number, { about: 'address' })
    },
  }
}
