/** The list of segments. */
import { html } from 'lit'
import type { SegmentListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { cut, cutWords } from './cut.ts'
import { deletion, openList } from './list-page.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import type { Column } from './table.ts'
import { count, when } from './time.ts'

const SegmentList = graphql(`
  query SegmentList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    segments(first: $first, after: $after, last: $last, before: $before, search: $search) {
      totalCount
      nodes { key name contactCount updatedAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const DeleteSelectedSegments = graphql(`
  mutation DeleteSelectedSegments($keys: [ID!]!) { deleteSegments(keys: $keys) { deletedCount } }
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

export function openSegments(deps: Deps, first: Route): Page {
  const { api } = deps
  return openList<Row>(deps, first, {
    ...{ title: 'Segments', caption: 'Segments', columns, key: ({ key }) => key, searched: 'key and name' },
    none: [
      'No segments yet',
      html`A segment groups contacts by their properties and events. <a href=${href(['new-segment'])}>Create your first segment</a>.`,
    ],
    load: async (asked) => (await api.ask(SegmentList, asked)).segments,
    bulk: [
      deletion(
        'segment',
        'Campaigns that use them will no longer reach anyone.',
        ({ key }) => key,
        async (rows) => (await api.ask(DeleteSelectedSegments, { keys: rows.map(({ key }) => key) })).deleteSegments.deletedCount,
      ),
    ],
    actions: () => html`<a data-needs="MANAGE" class="button primary" href=${href(['new-segment'])}>New segment</a>`,
  })
}
