/** Validates single values, for all operations alike. Unless said otherwise, each throws BAD_INPUT that names the field. */
import { CarillonError } from '../errors.ts'
import { isWebUrl } from '../values/link.ts'
import type { Json, JsonObject } from '../words.ts'

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const LONE_SURROGATE = /\p{Surrogate}/u

/** A text that PostgreSQL and JSON can store: no NUL, no lone surrogate. `max` in characters. */
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

/** Whether a text can be a caller's own id of a message, or a transactionId. */
export const isOwnId = (text: string): boolean => /^[\x20-\x7e]{1,255}$/.test(text)

/** A caller's own id of a message, or a transactionId: 1-255 printable ASCII characters. */
export function checkId(field: string, text: string): string {
  if (!isOwnId(text)) throw bad(field, 'must have 1 to 255 printable ASCII characters.')
  return text
}

/** An ISO 3166 alpha-2 country code, in capitals. */
export function checkCountry(field: string, text: string): string {
  if (!/^[a-z]{2}$/i.test(text)) throw bad(field, 'must be a country code of two letters.')
  return text.toUpperCase()
}

/** The address of a picture. */
export function checkWebUrl(field: string, text: string): string {
  if (!isWebUrl(text))
    throw bad(field, 'must be an http or https address without a user, of at most 2,048 characters, without spaces.')
  return text
}

const MAX_DEPTH = 32

/** JSON that can be stored without loss: texts as above, numbers within ±(2^53 - 1), at most 32 levels. */
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

/** A JSON object of limited size; `max` in characters of its JSON text. @throws TOO_LARGE, BAD_INPUT */
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

/** Runs a check of one item of a list, and adds its index to the error. */
export function atIndex<T>(index: number, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof CarillonError) throw new CarillonError(error.code, { ...error.details, message: error.message, index })
    throw error
  }
}

/** Escapes a text for Prisma's case-insensitive filters, which use ILIKE and don't escape its wildcards. */
export const literally = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
