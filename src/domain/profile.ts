/** The fields of a contact as they come in: checked one by one, the same for every operation that takes them. */
import {
  checkCountry,
  checkEmail,
  checkKey,
  checkLocale,
  checkObject,
  checkPhone,
  checkText,
  checkTimezone,
  checkWebUrl,
} from './check.ts'
import { type ContactField, contactFields, type JsonObject } from './words.ts'

/** A contact as a caller names it, with what the caller knows of it. */
export interface ContactInput extends Readonly<Partial<Record<ContactField, string | null | undefined>>> {
  readonly externalId: string
  readonly profile?: JsonObject | null | undefined
}

/** The same, checked: what was left out or null is not in `fields`. */
export interface CheckedContact {
  readonly externalId: string
  readonly fields: Readonly<Partial<Record<ContactField, string>>>
  readonly properties: JsonObject
}

const name = (field: string, value: string): string => checkText(field, value, 255)

const checks = {
  email: checkEmail,
  phone: checkPhone,
  locale: checkLocale,
  timezone: checkTimezone,
  firstName: name,
  lastName: name,
  photoUrl: checkWebUrl,
  country: checkCountry,
} satisfies Record<ContactField, (field: string, value: string) => string>

/** Checks one field of a contact, and returns it as it is kept. */
export const checkField = (path: string, field: ContactField, value: string): string => checks[field](path, value)

/** Tells whether a property's name is that of a field. */
export const isContactField = (key: string): key is ContactField => contactFields.some((field) => field === key)

/** Checks a contact that came with a call. @throws BAD_INPUT or ADDRESS_INVALID that names the field */
export function checkContact(path: string, input: ContactInput): CheckedContact {
  const fields: Partial<Record<ContactField, string>> = {}
  for (const field of contactFields) {
    const value = input[field]
    if (value !== null && value !== undefined) fields[field] = checkField(`${path}.${field}`, field, value)
  }
  const given = checkObject(`${path}.profile`, input.profile ?? {}, 65_536)
  const properties: Record<string, JsonObject[string]> = {}
  for (const [key, value] of Object.entries(given)) {
    // A field under its own name inside the profile is that field; the id is not the caller's to change here.
    if (key === 'id' || key === 'externalId') continue
    if (!isContactField(key)) properties[key] = value
    else if (typeof value === 'string') fields[key] ??= checkField(`${path}.profile.${key}`, key, value)
  }
  return { externalId: checkKey(`${path}.externalId`, input.externalId), fields, properties }
}
