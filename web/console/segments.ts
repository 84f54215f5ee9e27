/** The list of segments. */
import { html, type TemplateResult } from 'lit'
import type { SegmentListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { cut, cutWords } from './cut.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { type Column, pageOf, pager, table } from './table.ts'
import { count, when } from './time.ts'

const SegmentList = graphql(`
  query SegmentList($first: Int, $after: String, $last: Int, $before: String) {
    segments(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { key name contactCount updatedAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

type Row = SegmentListQuery['segments']['nodes'][number]

const columns: readonly Column<Row>[] = [
  {
    head: 'Segment',
    cell: ({ key, name }) =>
      html`<a class="row" href=${href(['segments', key])}>${cutWords(name, 32)}</a><span class="sub mono">${cut(key, 36)}</span>`,
  },
  { head: 'Contacts', class: 'number', cell: ({ contactCount }) => count(contactCount) },
  { head: 'Updated', class: 'minor time', cell: ({ updatedAt }) => when(updatedAt) },
]

export function openSegments({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const list = createLoad(async () => (await api.ask(SegmentList, pageOf(route.query))).segments, update)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty(
          'No segments yet',
          html`A segment groups contacts by their properties and events. <a href=${href(['new-segment'])}>Create your first segment</a>.`,
        )
      : table({ caption: 'Segments', columns, rows: nodes, key: ({ key }) => key })
  void list.run()
  return {
    title: () => 'Segments',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Segments</h1>
        <div class="actions"><a data-needs="MANAGE" class="button primary" href=${href(['new-segment'])}>New segment</a></div>
      </div>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
    `,
    moved(to) {
      route = to
      void list.run()
    },
  }
}
