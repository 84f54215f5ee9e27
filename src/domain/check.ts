/** Checks of single values, the same wherever one comes in. Each throws BAD_INPUT that names the field. */
import { domainToASCII } from 'node:url'
import { CarillonError } from '../errors.ts'
import type { Json, JsonObject } from './words.ts'

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const LONE_SURROGATE = /\p{Surrogate}/u

/** A text that PostgreSQL can keep and JSON can carry: no NUL, no lone surrogate. */
export function checkText(field: string, text: string, max = 100_000): string {
  if (text.length > max) throw bad(field, `has ${text.length} characters, at most ${max} are allowed.`)
  if (text.includes('\0') || LONE_SURROGATE.test(text)) throw bad(field, 'holds a NUL character or a lone surrogate.')
  return text
}

/** A key or an externalId: 1-255 characters, none of them a control character. */
export function checkKey(field: string, text: string): string {
  if (text.length < 1 || text.length > 255) throw bad(field, 'must have 1 to 255 characters.')
  if (CONTROL.test(text) || LONE_SURROGATE.test(text)) throw bad(field, 'holds a control character.')
  return text
}

/** A caller's own id of a message, or a transactionId: 1-255 printable ASCII characters. */
export function checkId(field: string, text: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(text)) throw bad(field, 'must have 1 to 255 printable ASCII characters.')
  return text
}

const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~](?:[a-z0-9!#$%&'*+/=?^_`{|}~.-]*[a-z0-9!#$%&'*+/=?^_`{|}~-])?$/i
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** One mailbox of RFC 5321 in its plain form (`local@domain`); an international domain is returned in its ASCII form. null: it is none. */
export function mailboxOf(text: string): string | null {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  if (local.length < 1 || local.length > 64 || !LOCAL.test(local) || local.includes('..')) return null
  const domain = domainToASCII(text.slice(at + 1))
  const labels = domain.split('.')
  if (labels.length < 2 && domain !== 'localhost') return null
  if (!labels.every((label) => LABEL.test(label)) || /^\d+$/.test(labels.at(-1) ?? '')) return null
  return local.length + 1 + domain.length <= 254 ? `${local}@${domain}` : null
}

/** An e-mail address. */
export function checkEmail(field: string, text: string): string {
  if (mailboxOf(text) === null)
    throw new CarillonError('ADDRESS_INVALID', { field, message: `${field}: is not one e-mail address.` })
  return text
}

/** A phone number as people write it; kept as it came. */
export function checkPhone(field: string, text: string): string {
  const digits = text.replace(/\D/g, '').length
  if (!/^\+?[\d ().-]{3,40}$/.test(text) || digits < 3 || digits > 15) {
    throw new CarillonError('ADDRESS_INVALID', {
      field,
      message: `${field}: is not a phone number (3 to 15 digits, + first if international).`,
    })
  }
  return text
}

/** A BCP 47 language tag, in its canonical spelling. */
export function checkLocale(field: string, text: string): string {
  try {
    return new Intl.Locale(text.replace('_', '-')).toString()
  } catch (cause) {
    throw new CarillonError('BAD_INPUT', { field, message: `${field}: is not a language tag such as "en" or "pt-BR".`, cause })
  }
}

/** An IANA time zone. */
export function checkTimezone(field: string, text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch (cause) {
    throw new CarillonError('BAD_INPUT', { field, message: `${field}: is not a time zone such as "Europe/London".`, cause })
  }
}

/** An ISO 3166 alpha-2 country code, in capitals. */
export function checkCountry(field: string, text: string): string {
  if (!/^[a-z]{2}$/i.test(text)) throw bad(field, 'must be a country code of two letters.')
  return text.toUpperCase()
}

/** An http or https address. */
export function checkWebUrl(field: string, text: string): string {
  if (text.length > 2048 || !URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw bad(field, 'must be an http or https address of at most 2,048 characters.')
  }
  return text
}

const MAX_DEPTH = 32

/** JSON that can be kept and comes back the same: texts as above, numbers within ±(2^53 - 1), at most 32 levels. */
export function checkJson(field: string, value: unknown, depth = 0): Json {
  if (depth > MAX_DEPTH) throw bad(field, `is nested more than ${MAX_DEPTH} levels deep.`)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return checkText(field, value, 1_000_000)
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw bad(field, 'holds a number beyond ±(2^53 - 1).')
    return value
  }
  if (Array.isArray(value)) {
    for (const item of value) checkJson(field, item, depth + 1)
    return value
  }
  if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      checkText(field, key, 1000)
      checkJson(field, item, depth + 1)
    }
    return value as JsonObject
  }
  throw bad(field, 'is not JSON.')
}

/** A JSON object within a size, as text; `max` in characters. */
export function checkObject(field: string, value: { readonly [key: string]: unknown }, max = 524_288): JsonObject {
  checkJson(field, value)
  const length = JSON.stringify(value).length
  if (length > max)
    throw new CarillonError('TOO_LARGE', {
      field,
      max,
      got: length,
      message: `${field}: has ${length} characters as JSON, at most ${max} are allowed.`,
    })
  return value as JsonObject
}

/** A list argument: neither empty nor longer than `max`. @throws BATCH_TOO_LARGE, BAD_INPUT */
export function checkList<T>(field: string, list: readonly T[], max: number): readonly T[] {
  if (list.length === 0) throw bad(field, 'is empty.')
  if (list.length > max) {
    throw new CarillonError('BATCH_TOO_LARGE', {
      field,
      max,
      got: list.length,
      message: `${field}: has ${list.length} items, at most ${max} are allowed.`,
    })
  }
  return list
}

/** Runs a check of one list item, and adds its place to the error. */
export function atIndex<T>(index: number, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof CarillonError) throw new CarillonError(error.code, { ...error.details, message: error.message, index })
    throw error
  }
}

/** A text to look for, for Prisma's filters without case: they compare by ILIKE, and leave its wildcards as they are. */
export const literally = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
