/** Validates the conditions of segments, and removes empty fields, so that they can be stored as JSON. */
import { CarillonError } from '../errors.ts'
import type { Condition, ConditionOperator, EventCondition, Json, JsonObject, ProfileCondition } from '../words.ts'
import { checkKey, checkObject, checkText } from './check.ts'

/** The input of a condition: exactly one of these fields. */
export interface ConditionInput {
  readonly all?: readonly ConditionInput[] | null | undefined
  readonly any?: readonly ConditionInput[] | null | undefined
  readonly not?: ConditionInput | null | undefined
  readonly profile?: ProfileConditionInput | null | undefined
  readonly event?: EventConditionInput | null | undefined
}
/** A condition on a property of the contact. `path`: dotted; EXISTS and MISSING take no value, all others need one. */
export interface ProfileConditionInput {
  readonly path: string
  readonly is: ConditionOperator
  readonly value?: Json | undefined
}
/** A condition on the contact's events: at least `atLeast` (default 1) with that name and params, in the last `withinSeconds`. */
export interface EventConditionInput {
  readonly name: string
  readonly withinSeconds?: number | null | undefined
  readonly atLeast?: number | null | undefined
  readonly params?: JsonObject | null | undefined
}

/** How deep conditions may be nested, and how many conditions on profile and events a segment may have in all. */
const DEPTH_MAX = 10
const CONDITIONS_MAX = 100
const PATH_PARTS_MAX = 32
const VALUES_MAX = 1_000
const AT_LEAST_MAX = 10_000

const bad = (field: string, message: string, limits: { max?: number; got?: number } = {}): CarillonError =>
  new CarillonError('BAD_INPUT', { field, ...limits, message: `${field}: ${message}` })

function checkValue(field: string, is: ConditionOperator, value: Json | undefined): Json | undefined {
  if (is === 'EXISTS' || is === 'MISSING') {
    if (value !== undefined && value !== null) throw bad(field, `${is} takes no value.`)
    return undefined
  }
  if (value === undefined || value === null) throw bad(field, 'is missing: EXISTS and MISSING ask whether there is something.')
  checkObject(field, { value }, 65_536)
  switch (is) {
    case 'LESS_THAN':
    case 'AT_MOST':
    case 'GREATER_THAN':
    case 'AT_LEAST':
      if (typeof value !== 'number' && typeof value !== 'string') throw bad(field, `${is} takes a number, a text or a date.`)
      return value
    case 'STARTS_WITH':
      if (typeof value !== 'string') throw bad(field, 'STARTS_WITH takes a text.')
      return value
    case 'IN':
      if (!Array.isArray(value) || value.length === 0) throw bad(field, 'IN takes a list of values.')
      if (value.length > VALUES_MAX) {
        const limits = { max: VALUES_MAX, got: value.length }
        throw bad(field, `has ${value.length} values, at most ${VALUES_MAX} are allowed.`, limits)
      }
      if (value.includes(null)) throw bad(field, 'IN takes values other than null: MISSING asks for nothing.')
      return value
    default:
      return value
  }
}

function checkProfile(field: string, { path, is, value }: ProfileConditionInput): ProfileCondition {
  checkText(`${field}.path`, path, 255)
  const parts = path.split('.')
  if (parts.includes('') || parts.length > PATH_PARTS_MAX) throw bad(`${field}.path`, 'is not a property path.')
  const checked = checkValue(`${field}.value`, is, value)
  return { path, is, ...(checked === undefined ? {} : { value: checked }) }
}

function checkEvent(field: string, { name, withinSeconds, atLeast, params }: EventConditionInput): EventCondition {
  const count = atLeast ?? 1
  if (count < 1 || count > AT_LEAST_MAX) {
    throw bad(`${field}.atLeast`, `must be from 1 to ${AT_LEAST_MAX}.`, { max: AT_LEAST_MAX, got: count })
  }
  if (typeof withinSeconds === 'number' && withinSeconds < 1) throw bad(`${field}.withinSeconds`, 'must be 1 or more.')
  const keys = Object.keys(params ?? {})
  if (keys.length > CONDITIONS_MAX) {
    const limits = { max: CONDITIONS_MAX, got: keys.length }
    throw bad(`${field}.params`, `has ${keys.length} keys, at most ${CONDITIONS_MAX} are allowed.`, limits)
  }
  return {
    name: checkKey(`${field}.name`, name),
    atLeast: count,
    ...(typeof withinSeconds === 'number' ? { withinSeconds } : {}),
    ...(keys.length === 0 ? {} : { params: checkObject(`${field}.params`, params ?? {}, 65_536) }),
  }
}

/**
 * Validates a condition.
 * @param root the field for errors
 * @throws BAD_INPUT that names the field, with `max` if it is nested too deep or too long
 */
export function checkCondition(root: string, input: ConditionInput): Condition {
  let conditions = 0
  const count = (field: string): void => {
    if (++conditions > CONDITIONS_MAX) throw bad(field, `has more than ${CONDITIONS_MAX} conditions.`, { max: CONDITIONS_MAX })
  }
  function list(field: string, inputs: readonly ConditionInput[], depth: number): Condition[] {
    if (inputs.length === 0) throw bad(field, 'is empty.')
    return inputs.map((one, index) => check(`${field}[${index}]`, one, depth + 1))
  }
  function check(field: string, one: ConditionInput, depth: number): Condition {
    const { all: each, any: some, not, profile, event } = one
    if (depth > DEPTH_MAX) throw bad(root, `is nested more than ${DEPTH_MAX} levels deep.`, { max: DEPTH_MAX })
    if (each) return { all: list(`${field}.all`, each, depth) }
    if (some) return { any: list(`${field}.any`, some, depth) }
    if (not) return { not: check(`${field}.not`, not, depth + 1) }
    count(root)
    if (profile) return { profile: checkProfile(`${field}.profile`, profile) }
    if (event) return { event: checkEvent(`${field}.event`, event) }
    throw bad(field, 'must be one of the five kinds of condition.')
  }
  const condition = check(root, input, 1)
  return condition
}
