/** The form state of a segment's condition: a tree of groups, and of conditions on properties and events. */
import type { ConditionOperator, SegmentCondition } from '../generated/graphql.ts'
import { readObject } from './json.ts'

/** A node of the tree. */
export type Node =
  | { kind: 'all' | 'any' | 'none'; items: Node[] }
  | { kind: 'profile'; path: string; is: ConditionOperator; value: string }
  | { kind: 'event'; name: string; withinSeconds: string; atLeast: string; params: string }

/** The display names of the operators. */
export const operators = {
  EQUALS: 'is',
  NOT_EQUALS: 'is not',
  LESS_THAN: 'is less than',
  AT_MOST: 'is at most',
  GREATER_THAN: 'is greater than',
  AT_LEAST: 'is at least',
  CONTAINS: 'contains',
  STARTS_WITH: 'starts with',
  IN: 'is one of',
  EXISTS: 'exists',
  MISSING: 'is missing',
} satisfies Record<ConditionOperator, string>

/** Whether an operator takes a value. */
export const takesValue = (is: ConditionOperator): boolean => is !== 'EXISTS' && is !== 'MISSING'

/** A new condition on a property. */
export const newTest = (): Node => ({ kind: 'profile', path: '', is: 'EQUALS', value: '' })

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const isOperator = (value: unknown): value is ConditionOperator => typeof value === 'string' && value in operators
const word = (value: unknown): string => (value === null || value === undefined ? '' : String(value))

/** A stored condition as a tree. */
export function nodeOf(stored: unknown): Node {
  const condition = record(stored)
  const { all, not, profile, event } = condition
  const either = condition['any']
  if (Array.isArray(either)) return { kind: 'any', items: either.map(nodeOf) }
  // The API has no "none": it is written as "not any".
  if (not !== null && not !== undefined) {
    const inner = nodeOf(not)
    return { kind: 'none', items: inner.kind === 'any' ? inner.items : [inner] }
  }
  if (profile !== null && profile !== undefined) {
    const { path, is, value } = record(profile)
    return {
      kind: 'profile',
      path: word(path),
      is: isOperator(is) ? is : 'EQUALS',
      value: typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    }
  }
  if (event !== null && event !== undefined) {
    const { name, withinSeconds, atLeast, params } = record(event)
    return {
      kind: 'event',
      name: word(name),
      withinSeconds: word(withinSeconds),
      atLeast: word(atLeast),
      params: word(params && JSON.stringify(params)),
    }
  }
  return { kind: 'all', items: list(all).map(nodeOf) }
}

/** Parses a value as JSON (a number, a boolean, a list, a quoted string); anything else is a string as it is. */
export function typedValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The condition as the API takes it. @throws Error with a message to display */
export function conditionOf(node: Node): SegmentCondition {
  if (node.kind === 'profile') {
    const value = typedValue(node.value)
    return { profile: { path: node.path.trim(), is: node.is, ...(takesValue(node.is) ? { value } : {}) } }
  }
  if (node.kind === 'event') {
    const params = readObject(node.params)
    if (!params.ok) throw new Error(`Parameters of ${node.name}: ${params.wrong}`)
    return {
      event: {
        name: node.name.trim(),
        withinSeconds: node.withinSeconds.trim() === '' ? null : Number(node.withinSeconds),
        atLeast: node.atLeast.trim() === '' ? 1 : Number(node.atLeast),
        params: params.value,
      },
    }
  }
  const items = node.items.map(conditionOf)
  if (node.kind === 'all') return { all: items }
  return node.kind === 'any' ? { any: items } : { not: { any: items } }
}
