/** Pages of lists: the arguments of a Relay connection, checked the same way everywhere. */
import { CarillonError } from '../errors.ts'

/** The arguments as a caller gives them. */
export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

/** What they mean. */
export interface Page {
  readonly limit: number
  /** from the end of the list towards its beginning */
  readonly backward: boolean
  readonly after: string | null
  readonly before: string | null
}

export const PAGE_DEFAULT = 20
export const PAGE_MAX = 100

/** @throws BAD_INPUT when a number is outside 1…100, or both are given */
export function checkPage({ first, after, last, before }: PageArgs): Page {
  for (const [field, value] of [['first', first] as const, ['last', last] as const]) {
    if (value !== null && value !== undefined && (value < 1 || value > PAGE_MAX)) {
      throw new CarillonError('BAD_INPUT', {
        field,
        max: PAGE_MAX,
        got: value,
        message: `${field} must be from 1 to ${PAGE_MAX}.`,
      })
    }
  }
  if (first !== null && first !== undefined && last !== null && last !== undefined) {
    throw new CarillonError('BAD_INPUT', { field: 'last', message: 'first and last exclude each other.' })
  }
  return {
    limit: first ?? last ?? PAGE_DEFAULT,
    backward: last !== null && last !== undefined,
    after: after ?? null,
    before: before ?? null,
  }
}

/** One page of a list, in the list's order. */
export interface Slice<T> {
  readonly nodes: readonly T[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
}

/** Cuts `limit + 1` rows, read in the direction of the page, to the page. */
export function slice<T>(rows: readonly T[], { limit, backward, after, before }: Page): Slice<T> {
  const more = rows.length > limit
  const kept = more ? rows.slice(0, limit) : [...rows]
  return backward
    ? { nodes: kept.reverse(), hasPreviousPage: more, hasNextPage: before !== null }
    : { nodes: kept, hasNextPage: more, hasPreviousPage: after !== null }
}
