/** Pages of lists: the arguments of a Relay connection, checked the same way everywhere, and how a page is read. */
import { CarillonError } from '../errors.ts'
import { checkText, literally } from './check.ts'
import type { Cursors } from './cursor.ts'

/** The input: the arguments of a connection. */
export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
  /** how many rows of the list are before the page, at most 10,000: for callers whose pages have numbers */
  readonly skip?: number | undefined
}

/** A validated page. */
export interface Page {
  readonly limit: number
  /** from the end of the list towards its beginning */
  readonly backward: boolean
  readonly after: string | null
  readonly before: string | null
  readonly skip: number
}

/** A page of a list that can be searched. */
export interface SearchArgs extends PageArgs {
  readonly search?: string | null | undefined
}

/** The condition of rows whose key or name contains a text, without regard to case; for Prisma. @throws BAD_INPUT */
export function namedLike({ search }: SearchArgs) {
  const wanted = checkText('search', search ?? '', 255).trim()
  if (wanted === '') return {}
  const contains = { contains: literally(wanted), mode: 'insensitive' as const }
  return { OR: [{ key: contains }, { name: contains }] }
}

/** The size of a page if neither `first` nor `last` is given. */
export const PAGE_DEFAULT = 20
/** The largest size of a page. */
export const PAGE_MAX = 100
/** How many rows may be skipped: they are read, one by one. */
export const SKIP_MAX = 10_000

/** @throws BAD_INPUT for a page that begins too far from the beginning of its list */
export function checkSkip(skip: number): number {
  if (skip <= SKIP_MAX) return skip
  const message = `page: begins after row ${skip}, at most ${SKIP_MAX} are allowed.`
  throw new CarillonError('BAD_INPUT', { field: 'page', max: SKIP_MAX, got: skip, message })
}

/** Validates the arguments. @throws BAD_INPUT when a number is not within 1 to 100, both are given, or too many rows are skipped */
export function checkPage({ first, after, last, before, skip = 0 }: PageArgs): Page {
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
    skip: checkSkip(skip),
  }
}

/** One page of a list, in the list's order. */
export interface Slice<T> {
  readonly nodes: readonly T[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
}

/** Builds a page of up to `limit + 1` rows, which were read in the direction of the page: the extra row shows that there are more. */
export function slice<T>(rows: readonly T[], { limit, backward, after, before }: Omit<Page, 'skip'>): Slice<T> {
  const more = rows.length > limit
  const kept = more ? rows.slice(0, limit) : [...rows]
  return backward
    ? { nodes: kept.reverse(), hasPreviousPage: more, hasNextPage: before !== null }
    : { nodes: kept, hasNextPage: more, hasPreviousPage: after !== null }
}

/** One page of a list, with its cursors and the size of the list. */
export interface ListPage<T> extends Slice<T> {
  /** The place of a row in the list: what `after` and `before` take. */
  cursorOf(node: T): string
  /** Counts the whole list, each time it is called. */
  total(): Promise<number>
}

/**
 * What Prisma loads with each row, relations above all, so that a page and all that is shown of it are one query. Left out: the columns of
 * the row. A caller who passes `select` gets those fields and no others.
 */
export type Loading<Args extends { select?: unknown; include?: unknown }> = Pick<Args, 'select' | 'include'>

/** The part of a list that a page covers, for Prisma. */
export interface IdRange {
  readonly where: { readonly id?: { readonly lt?: string; readonly gt?: string } }
  readonly orderBy: { readonly id: 'asc' | 'desc' }
  /** one more than the page has: whether there is another page */
  readonly take: number
  readonly skip: number
}

/** A list of a project's rows. Ids are UUIDv7, so the order of ids is the order of creation. */
export interface IdList<T extends { readonly id: string }> {
  /** part of the list's cursors: a cursor of one list is BAD_CURSOR in another */
  readonly name: string
  readonly projectId: string
  readonly order: 'newest-first' | 'oldest-first'
  read(range: IdRange): Promise<readonly T[]>
  total(): Promise<number>
}

/** Reads one page. @throws BAD_INPUT, BAD_CURSOR */
export async function readPage<T extends { readonly id: string }>(
  cursors: Pick<Cursors, 'row' | 'readRow'>,
  args: PageArgs,
  { name, projectId, order, read, total }: IdList<T>,
): Promise<ListPage<T>> {
  const page = checkPage(args)
  const after = page.after === null ? null : cursors.readRow(name, projectId, page.after)
  const before = page.before === null ? null : cursors.readRow(name, projectId, page.before)
  const [lt, gt] = order === 'newest-first' ? [after, before] : [before, after]
  const isAscending = (order === 'oldest-first') !== page.backward
  const rows = await read({
    where: lt === null && gt === null ? {} : { id: { ...(lt === null ? {} : { lt }), ...(gt === null ? {} : { gt }) } },
    orderBy: { id: isAscending ? 'asc' : 'desc' },
    take: page.limit + 1,
    skip: page.skip,
  })
  return { ...slice(rows, page), cursorOf: (node) => cursors.row(name, projectId, node.id), total }
}

/** Rows in the order of their ids as given; an id without a row is left out. */
export function inOrder<T extends { readonly id: string }>(ids: readonly string[], rows: readonly T[]): T[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
