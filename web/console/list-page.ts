/** A page that is a list of objects: a search, pages, and actions on the rows that are selected. Search and page are in the address. */
import { html, type TemplateResult } from 'lit'
import { line, submit } from './form.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { createSearch } from './search.ts'
import { type BulkAction, createSelection } from './selection.ts'
import { type Column, type PageInfo, pageOf, pager, table } from './table.ts'

/** What a list asks for. */
export type Asked = ReturnType<typeof pageOf> & { readonly search: string | null }

/** A list. */
export interface List<Row> {
  readonly title: string
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly key: (row: Row) => string
  /** what the search looks at; null: there is none */
  readonly searched: string | null
  /** shown while there is nothing, and nothing is searched for */
  readonly none: readonly [title: string, text: unknown]
  readonly bulk?: readonly BulkAction<Row>[]
  /** beside the heading */
  readonly actions?: () => unknown
  /** dialogs */
  readonly below?: () => unknown
  load(asked: Asked): Promise<{ readonly nodes: readonly Row[]; readonly pageInfo: PageInfo; readonly totalCount?: number }>
}

/** Opens the page. `reload` loads its rows again. */
export function openList<Row>(deps: Deps, first: Route, list: List<Row>): Page & { reload(): Promise<void> } {
  const { update, replace } = deps
  let route = first
  const search = createSearch(deps, () => route)
  const found = createLoad(() => {
    const searched = route.query.get('q')?.trim() ?? ''
    return list.load({ ...pageOf(route.query), search: searched === '' ? null : searched })
  }, update)
  const selection = createSelection(deps, list.key, list.key, list.bulk ?? [], () => found.run())
  const [title, text] = list.none
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length > 0
      ? table({ caption: list.caption, columns: selection.columns(list.columns, nodes), rows: nodes, key: list.key })
      : search.value() === ''
        ? empty(title, text)
        : empty(`No matching ${list.title.toLowerCase()}`, `The search covers ${list.searched}.`)
  const searchForm = (): TemplateResult => html`
    <form class="filters" role="search" aria-label="Search ${list.title.toLowerCase()}" @submit=${submit(search.apply)}>
      ${line({
        ...{ id: 'q', label: 'Search', type: 'search', class: 'search', value: search.value(), change: search.type },
        placeholder: `Search by ${list.searched}`,
      })}
    </form>
  `
  void found.run()
  return {
    title: () => list.title,
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">${list.title}</h1>
        ${list.actions === undefined ? '' : html`<div class="actions">${list.actions()}</div>`}
      </div>
      ${list.searched === null ? '' : searchForm()}
      ${selection.bar()}
      <div class="panel" aria-busy=${found.isLoading ? 'true' : 'false'}>
        ${loaded(found, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount ?? null)}`)}
      </div>
      ${list.below?.() ?? ''}
    `,
    moved(to) {
      route = to
      selection.clear()
      void found.run()
    },
    close: search.stop,
    reload: () => found.run(),
  }
}

/** Deletes what is selected, by its keys. `what`: "topic"; `text`: what becomes of the rest */
export const deletion = <Row>(
  what: string,
  text: string,
  nameOf: (row: Row) => string,
  remove: (rows: readonly Row[]) => Promise<number>,
): BulkAction<Row> => ({
  label: 'Delete',
  needs: 'MANAGE',
  isDangerous: true,
  question: (rows) => ({
    title:
      rows.length === 1 && rows[0] !== undefined ? `Delete the ${what} ${nameOf(rows[0])}?` : `Delete ${rows.length} ${what}s?`,
    ...{ text, action: 'Delete', isDangerous: true },
  }),
  run: async (rows) => {
    const count = await remove(rows)
    return `${count} ${what}${count === 1 ? '' : 's'} deleted.`
  },
})
