/** Validates the fields of a contact, for all operations that take them alike. */
import { CarillonError } from '../errors.ts'
import { checkLocale } from '../values/locale.ts'
import { checkEmail } from '../values/mailbox.ts'
import { checkPhone } from '../values/phone.ts'
import { checkTimezone } from '../values/time-zone.ts'
import { addressAliases, type ContactField, contactFields, type JsonObject } from '../words.ts'
import { checkCountry, checkKey, checkObject, checkText, checkWebUrl } from './check.ts'

/** The input of a contact: its externalId, which must be given, and fields and properties to store. */
export interface ContactInput extends Readonly<Partial<Record<ContactField, string | null | undefined>>> {
  readonly externalId?: string | null | undefined
  readonly profile?: JsonObject | null | undefined
}

/** A validated contact. Fields that were left out, or null, are not in `fields`. */
export interface CheckedContact {
  readonly externalId: string
  readonly fields: Readonly<Partial<Record<ContactField, string>>>
  readonly properties: JsonObject
}

const name = (field: string, value: string): string => checkText(field, value, 255)

/** What tells how a value is to be read: the contact's country, for its number. */
interface Beside {
  readonly country: string | null
}

const checks = {
  email: checkEmail,
  phone: (field, value, { country }) => checkPhone(field, value, country),
  locale: checkLocale,
  timezone: checkTimezone,
  firstName: name,
  lastName: name,
  photoUrl: checkWebUrl,
  country: checkCountry,
} satisfies Record<ContactField, (field: string, value: string, beside: Beside) => string>

/**
 * Validates a field of a contact. `country`: the contact's, in any case.
 * @returns the value to store @throws BAD_INPUT for what is no text, or not one of the field; ADDRESS_INVALID
 */
export function checkField(path: string, field: ContactField, value: unknown, country: unknown): string {
  if (typeof value !== 'string') throw new CarillonError('BAD_INPUT', { field: path, message: `${path}: must be a text.` })
  return checks[field](path, value, { country: typeof country === 'string' ? country.toUpperCase() : null })
}

/** Whether a property has the name of a field. */
export const isContactField = (key: string): key is ContactField => contactFields.some((field) => field === key)

/**
 * Validates a contact. `country`: the one that is stored for it, which counts where the input has none.
 * @throws BAD_INPUT or ADDRESS_INVALID that names the field, TOO_LARGE
 */
export function checkContact(path: string, input: ContactInput, country: string | null = null): CheckedContact {
  const fields: Partial<Record<ContactField, string>> = {}
  const place = input.country ?? input.profile?.['country'] ?? country
  for (const field of contactFields) {
    const value = input[field]
    if (value !== null && value !== undefined) fields[field] = checkField(`${path}.${field}`, field, value, place)
  }
  const given = checkObject(`${path}.profile`, input.profile ?? {}, 65_536)
  const properties: Record<string, JsonObject[string]> = {}
  for (const [name, value] of Object.entries(given)) {
    const key = addressAliases.get(name) ?? name
    // A property with the name of a field sets that field. The ids can't be changed here.
    if (key === 'id' || key === 'externalId') continue
    if (!isContactField(key)) properties[key] = value
    // null: it has no value, as where it is left out.
    else if (value !== null) {
      const checked = checkField(`${path}.profile.${name}`, key, value, place)
      fields[key] ??= checked
    }
  }
  return { externalId: checkKey(`${path}.externalId`, input.externalId ?? ''), fields, properties }
}
