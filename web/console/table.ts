/** Tables: columns as data. On a narrow screen, minor columns go, and a first cell may say the most of it in a second line. */
import { html, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { changed, type Query, type Route } from './router.ts'
import { count } from './time.ts'

/** A column. */
export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => unknown
  /** `number`, `time`, `act`, `keep` (unbroken), and `minor`: only where there is room */
  readonly class?: string
}

/** A table. */
export interface Table<T> {
  /** what it lists, for who can't see it */
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly key: (row: T) => string
  readonly isFresh?: (row: T) => boolean
}

/** Draws it. */
export const table = <T>({ caption, columns, rows, key, isFresh }: Table<T>): TemplateResult => html`
  <table>
    <caption>${caption}</caption>
    <thead>
      <tr>
        ${columns.map(({ head, class: name = '' }) =>
          head === '' ? html`<td class=${name}></td>` : html`<th scope="col" class=${name}>${head}</th>`,
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

/** Where a page stands in its list. */
export interface PageInfo {
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  readonly startCursor: string | null
  readonly endCursor: string | null
}

/** How many a page holds. */
export const PAGE_SIZE = 25

/** Variables of the page that a place asks for. */
export function pageOf(query: URLSearchParams, size = PAGE_SIZE) {
  const before = query.get('before')
  return before === null ? { first: size, after: query.get('after') } : { last: size, before }
}

/** Whether a place is the first page of its list. */
export const isFirstPage = (query: URLSearchParams): boolean => !query.has('after') && !query.has('before')

/** Buttons to the neighbouring pages. */
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
    <span class="count quiet">${total === null ? '' : `${count(total)} in all`}</span>
    ${
      hasBack || info.hasNextPage
        ? html`<button class="small" ?disabled=${isFirstPage(query)} @click=${to({})}>First</button>
          <button class="small" ?disabled=${!hasBack} @click=${to({ before: info.startCursor ?? null })}>Previous</button>
          <button class="small" ?disabled=${!info.hasNextPage} @click=${to({ after: info.endCursor ?? null })}>Next</button>`
        : ''
    }
  </nav>`
}
