/** Tables, with columns as data. Narrow screens hide the minor columns; the first cell may repeat the most important of them. */
import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { changed, type Query, type Route } from './router.ts'
import { count } from './time.ts'

/** A column. */
export interface Column<T> {
  /** of an action's column: empty */
  readonly head: string | TemplateResult
  readonly cell: (row: T) => unknown
  /** `number`, `time`, `act`, `keep` (no line breaks), `brief` (a first column of short words), and `minor` (hidden on narrow screens), `pick` (a checkbox) */
  readonly class?: string
  /** rows are sorted by it */
  readonly sorted?: 'ascending' | 'descending'
}

/** A table. */
export interface Table<T> {
  /** for screen readers */
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly key: (row: T) => string
  readonly isFresh?: (row: T) => boolean
}

export const table = <T>({ caption, columns, rows, key, isFresh }: Table<T>): TemplateResult => html`
  <table>
    <caption>${caption}</caption>
    <thead>
      <tr>
        ${columns.map(({ head, class: name = '', sorted }) =>
          head === ''
            ? html`<td class=${name}></td>`
            : html`<th scope="col" class=${name} aria-sort=${sorted ?? nothing}>${head}</th>`,
        )}
      </tr>
    </thead>
    <tbody>
      ${repeat(
        rows,
        key,
        (row) =>
          html`<tr class=${isFresh?.(row) === true ? 'fresh' : ''}>
            ${columns.map(({ cell, class: name = '' }) => html`<td class=${name}>${cell(row)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>
`

/** The position of a page in its list. */
export interface PageInfo {
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  readonly startCursor: string | null
  readonly endCursor: string | null
}

/** Rows per page. */
export const PAGE_SIZE = 25

/** The pagination arguments of a route. */
export function pageOf(query: URLSearchParams, size = PAGE_SIZE) {
  const before = query.get('before')
  return before === null ? { first: size, after: query.get('after') } : { last: size, before }
}

/** Whether a route is the first page of its list. */
export const isFirstPage = (query: URLSearchParams): boolean => !query.has('after') && !query.has('before')

/** Pagination buttons, and the total. */
export function pager(
  info: PageInfo,
  { path, query }: Route,
  go: (path: readonly string[], query: Query) => void,
  total: number | null = null,
): TemplateResult | string {
  const hasBack = info.hasPreviousPage || !isFirstPage(query)
  if (!hasBack && !info.hasNextPage && (total ?? 0) === 0) return ''
  const to = (place: Query) => () => go(path, changed(query, { after: null, before: null, ...place }))
  return html`<nav class="pager small" aria-label="Pages">
    <span class="count quiet">${total === null ? '' : `${count(total)} total`}</span>
    ${
      hasBack || info.hasNextPage
        ? html`<button class="small" ?disabled=${isFirstPage(query)} @click=${to({})}>First</button>
          <button class="small" ?disabled=${!hasBack} @click=${to({ before: info.startCursor ?? null })}>Previous</button>
          <button class="small" ?disabled=${!info.hasNextPage} @click=${to({ after: info.endCursor ?? null })}>Next</button>`
        : ''
    }
  </nav>`
}
