/** The list of templates. */
import { html } from 'lit'
import type { TemplateListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { activeBadge, badge, channelLabel } from './badge.ts'
import { cut, cutWords } from './cut.ts'
import { deletion, openList } from './list-page.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import type { Column } from './table.ts'
import { when } from './time.ts'

const TemplateList = graphql(`
  query TemplateList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    templates(first: $first, after: $after, last: $last, before: $before, search: $search) {
      totalCount
      nodes { key name active critical channels locales updatedAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const DeleteSelectedTemplates = graphql(`
  mutation DeleteSelectedTemplates($keys: [ID!]!) { deleteTemplates(keys: $keys) { deletedCount } }
`)

type Row = TemplateListQuery['templates']['nodes'][number]

const columns: readonly Column<Row>[] = [
  {
    head: 'Template',
    cell: ({ key, name }) =>
      html`<a class="row" href=${href(['templates', key])}>${cutWords(name, 32)}</a><span class="sub mono">${cut(key, 36)}</span>`,
  },
  {
    head: 'Channels',
    cell: ({ channels }) =>
      html`<div class="badges">${channels.map((channel) => html`<span class="badge bare">${channelLabel(channel)}</span>`)}</div>`,
  },
  { head: 'Languages', class: 'minor', cell: ({ locales }) => locales.join(', ') },
  { head: 'Updated', class: 'minor time', cell: ({ updatedAt }) => when(updatedAt) },
  { head: '', class: 'minor', cell: ({ critical }) => (critical ? badge('Critical', 'warn') : '') },
  { head: '', class: 'keep', cell: ({ active }) => activeBadge(active) },
]

export function openTemplates(deps: Deps, first: Route): Page {
  const { api } = deps
  return openList<Row>(deps, first, {
    ...{ title: 'Templates', caption: 'Templates', columns, key: ({ key }) => key, searched: 'key and name' },
    none: [
      'No templates yet',
      html`A template defines the content of a notification on each channel. <a href=${href(['new-template'])}>Create your first template</a>.`,
    ],
    load: async (asked) => (await api.ask(TemplateList, asked)).templates,
    bulk: [
      deletion(
        'template',
        'Messages already sent are kept. Nothing can be sent with them any more, and messages still waiting will not be sent.',
        ({ key }) => key,
        async (rows) =>
          (await api.ask(DeleteSelectedTemplates, { keys: rows.map(({ key }) => key) })).deleteTemplates.deletedCount,
      ),
    ],
    actions: () => html`<a data-needs="MANAGE" class="button primary" href=${href(['new-template'])}>New template</a>`,
  })
}
