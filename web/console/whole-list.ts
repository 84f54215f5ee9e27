/** Lists that are whole on their page: searched and sorted here, with both in the address. */
import { html, type TemplateResult } from 'lit'
import { line, submit } from './form.ts'
import type { Deps } from './page.ts'
import { changed, type Route } from './router.ts'
import { createSearch } from './search.ts'
import type { Column } from './table.ts'

/** A column that rows can be sorted by: what is compared of a row. Rows without it come last. */
export interface SortableColumn<Row> extends Column<Row> {
  readonly by?: (row: Row) => string | number | null
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true })

/** `texts`: what the search looks at of a row; `searched`: what that is, in words */
export function createWholeList<Row>(
  deps: Pick<Deps, 'replace' | 'update'>,
  route: () => Route,
  searched: string,
  texts: (row: Row) => readonly string[],
) {
  const search = createSearch(deps, route)
  const order = (): { readonly name: string; readonly isDown: boolean } => {
    const given = route().query.get('sort') ?? ''
    return { name: given.replace(/^-/, ''), isDown: given.startsWith('-') }
  }
  const sortBy = (name: string) => (): void => {
    const now = order()
    deps.replace(route().path, changed(route().query, { sort: now.name === name && !now.isDown ? `-${name}` : name }))
  }
  return {
    searchForm:
      (): TemplateResult => html`<form class="filters" role="search" aria-label="Search this list" @submit=${submit(search.apply)}>
      ${line({
        ...{ id: 'q', label: 'Search', type: 'search', class: 'search', value: search.value(), change: search.type },
        placeholder: `Search by ${searched}`,
      })}
    </form>`,
    /** The rows that match, in the order of the address. */
    rows(all: readonly Row[], columns: readonly SortableColumn<Row>[]): readonly Row[] {
      const wanted = (route().query.get('q') ?? '').trim().toLowerCase()
      const found = all.filter((row) => texts(row).some((text) => text.toLowerCase().includes(wanted)))
      const { name, isDown } = order()
      const by = columns.find(({ head }) => head === name)?.by
      if (by === undefined) return found
      return found.toSorted((a, b) => {
        const [left, right] = [by(a), by(b)]
        if (left === null || right === null) return Number(left === null) - Number(right === null)
        return isDown ? compare(right, left) : compare(left, right)
      })
    },
    /** The columns, with heads that sort. */
    columns: (columns: readonly SortableColumn<Row>[]): readonly Column<Row>[] =>
      columns.map((column) => {
        const { head, by } = column
        if (by === undefined || typeof head !== 'string') return column
        const { name, isDown } = order()
        const isSorted = name === head
        return {
          ...column,
          head: html`<button class="link" @click=${sortBy(head)}>${head}${isSorted ? (isDown ? ' ↓' : ' ↑') : ''}</button>`,
          ...(isSorted ? { sorted: isDown ? ('descending' as const) : ('ascending' as const) } : {}),
        }
      }),
    stop: search.stop,
  }
}
