/** The operations on a profile: set, setMissing, push, inc, unset, merge. Either all operations on a contact are applied, or none. */
import { CarillonError } from '../errors.ts'
import { addressAliases, type Json, type JsonObject } from '../words.ts'
import { checkJson, checkText } from './check.ts'
import { checkField, isContactField } from './profile.ts'

/** The input: operations on a profile. Keys are dotted paths; those of the objects in `merge` are names, taken as they are. */
export interface ProfileOperations {
  readonly set?: JsonObject | null | undefined
  readonly setMissing?: JsonObject | null | undefined
  readonly push?: JsonObject | null | undefined
  readonly inc?: JsonObject | null | undefined
  readonly unset?: readonly string[] | null | undefined
  /** adds the properties of each object to the object at its path, and replaces what is there if it is none */
  readonly merge?: Readonly<Record<string, JsonObject>> | null | undefined
}

/** At most this many operations on one contact per call. */
const OPERATIONS_MAX = 1_000
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

const refuse = (path: string, why: string): never => {
  throw new CarillonError('BAD_INPUT', { field: `profile.${path}`, message: `profile.${path}: ${why}` })
}

type Mutable = { [key: string]: Json }

function segments(path: string): string[] {
  const parts = (addressAliases.get(path) ?? path).split('.')
  if (path.length > 255 || parts.some((part) => part === '' || FORBIDDEN.has(part))) refuse(path, 'is not a property path.')
  checkText('profile', path)
  if (parts[0] === 'id' || parts[0] === 'externalId') refuse(path, 'is the id of the contact and cannot be changed.')
  return parts
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function valueAt(profile: Mutable, parts: readonly string[]): Json | undefined {
  let value: Json | undefined = profile
  for (const part of parts) value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined
  return value
}

function put(profile: Mutable, path: string, parts: readonly string[], value: Json | undefined): void {
  let place = profile
  for (const part of parts.slice(0, -1)) {
    const next = Object.hasOwn(place, part) ? place[part] : undefined
    if (next !== undefined && !isObject(next)) refuse(path, 'leads through a value that is not an object.')
    if (next === undefined && value === undefined) return
    const copy: Mutable = isObject(next) ? { ...next } : {}
    place[part] = copy
    place = copy
  }
  const last = parts.at(-1) ?? ''
  if (value === undefined) delete place[last]
  else place[last] = value
}

/**
 * Applies operations to a profile.
 * @returns the new profile; the argument is not changed
 * @throws BAD_INPUT that names the path
 */
export function applyOperations(profile: JsonObject, operations: ProfileOperations): JsonObject {
  const result: Mutable = { ...profile }
  /** whole paths, and every path above one */
  const touched = new Set<string>()
  const above = new Set<string>()
  const claim = (path: string): string[] => {
    const parts = segments(path)
    const whole = parts.join('.')
    if (touched.size >= OPERATIONS_MAX) refuse(path, `more than ${OPERATIONS_MAX} operations on one contact.`)
    const parents = parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('.'))
    if (touched.has(whole) || above.has(whole) || parents.some((parent) => touched.has(parent))) {
      refuse(path, 'two operations touch the same property.')
    }
    touched.add(whole)
    for (const parent of parents) above.add(parent)
    return parts
  }
  const each = (values: JsonObject | null | undefined, apply: (path: string, parts: string[], value: Json) => void): void => {
    for (const [path, value] of Object.entries(values ?? {})) apply(path, claim(path), checkJson(`profile.${path}`, value))
  }
  each(operations.set, (path, parts, value) => put(result, path, parts, value))
  each(operations.setMissing, (path, parts, value) => {
    if (valueAt(result, parts) === undefined) put(result, path, parts, value)
  })
  each(operations.push, (path, parts, value) => {
    const list = valueAt(result, parts) ?? []
    if (!Array.isArray(list)) return refuse(path, 'is not a list, so nothing can be pushed to it.')
    put(result, path, parts, [...list, value])
  })
  each(operations.inc, (path, parts, value) => {
    const number = valueAt(result, parts) ?? 0
    if (typeof value !== 'number' || typeof number !== 'number')
      return refuse(path, 'is not a number, so nothing can be added to it.')
    put(result, path, parts, checkJson(`profile.${path}`, number + value))
  })
  each(operations.merge, (path, parts, value) => {
    const before = valueAt(result, parts)
    put(result, path, parts, isObject(before) && isObject(value) ? { ...before, ...value } : value)
  })
  for (const path of operations.unset ?? []) put(result, path, claim(path), undefined)
  for (const [key, value] of Object.entries(result)) {
    if (!isContactField(key)) continue
    if (value === null) delete result[key]
    // What is stored already was checked by the rules of its day, and is not these operations' fault.
    else if (value !== profile[key]) result[key] = checkField(`profile.${key}`, key, value, result['country'])
  }
  return result
}
