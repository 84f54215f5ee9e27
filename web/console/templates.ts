/** The list of templates. */
import { html, type TemplateResult } from 'lit'
import type { TemplateListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { activeBadge, badge, channelLabel } from './badge.ts'
import { cut, cutWords } from './cut.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { type Column, pageOf, pager, table } from './table.ts'
import { when } from './time.ts'

const TemplateList = graphql(`
  query TemplateList($first: Int, $after: String, $last: Int, $before: String) {
    templates(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { key name active critical channels locales updatedAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
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

export function openTemplates({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const list = createLoad(async () => (await api.ask(TemplateList, pageOf(route.query))).templates, update)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty(
          'No templates yet',
          html`A template defines the content of a notification on each channel. <a href=${href(['new-template'])}>Create your first template</a>.`,
        )
      : table({ caption: 'Templates', columns, rows: nodes, key: ({ key }) => key })
  void list.run()
  return {
    title: () => 'Templates',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Templates</h1>
        <div class="actions"><a data-needs="MANAGE" class="button primary" href=${href(['new-template'])}>New template</a></div>
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
