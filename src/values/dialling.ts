/** Whether a provider dials a number: read alike when a message is decided and when it is sent. */
import type { DialPlan } from '../words.ts'
import { type Phone, readPhone } from './phone.ts'

/** Reads a number as a provider does. @returns it, or why the provider does not dial it */
export function readDialled(address: string, { home, countries }: DialPlan): Phone | string {
  const number = readPhone(address, { country: null, home })
  if (number === null) return 'The address is not a phone number with + and its calling code.'
  const isOf = (one: string): boolean => (/^\d/.test(one) ? number.digits.startsWith(one) : one === number.country)
  if (countries === null || countries.some(isOf)) return number
  return `This provider does not send to numbers of ${number.country ?? `+${number.callingCode}`}.`
}
