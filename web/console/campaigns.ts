/** All campaigns. */
import { html, type TemplateResult } from 'lit'
import type { CampaignListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { activeBadge, channelLabel } from './badge.ts'
import { cut, cutWords } from './cut.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { type Column, pageOf, pager, table } from './table.ts'
import { when } from './time.ts'

const CampaignList = graphql(`
  query CampaignList($first: Int, $after: String, $last: Int, $before: String) {
    campaigns(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { key name active dispatch channel nextRunAt template { name } segment { name } schedule { at cron onEvent } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

type Row = CampaignListQuery['campaigns']['nodes'][number]

/** What triggers a campaign. */
const triggerOf = ({ dispatch, schedule }: Row): string => {
  if (dispatch === 'API') return 'API call'
  if (schedule === null) return 'None'
  if (schedule.onEvent !== null) return `Event ${schedule.onEvent}`
  return schedule.cron ?? 'Once'
}

const columns: readonly Column<Row>[] = [
  {
    head: 'Campaign',
    cell: ({ key, name }) =>
      html`<a class="row" href=${href(['campaigns', key])}>${cutWords(name, 32)}</a><span class="sub mono">${cut(key, 36)}</span>`,
  },
  { head: 'Template', class: 'minor', cell: ({ template }) => cutWords(template.name) },
  { head: 'Channel', class: 'minor keep', cell: ({ channel }) => channelLabel(channel) },
  {
    head: 'Audience',
    class: 'minor',
    cell: ({ segment, dispatch }) => segment?.name ?? (dispatch === 'API' ? 'Set by the API call' : '–'),
  },
  { head: 'Trigger', cell: triggerOf },
  { head: 'Next run', class: 'minor time', cell: ({ nextRunAt }) => when(nextRunAt) },
  { head: '', class: 'keep', cell: ({ active }) => activeBadge(active) },
]

export function openCampaigns({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const list = createLoad(async () => (await api.ask(CampaignList, pageOf(route.query))).campaigns, update)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty(
          'No campaigns yet',
          html`A campaign sends a template when an API call, a schedule or an event triggers it. <a href=${href(['new-campaign'])}>Create your first campaign</a>.`,
        )
      : table({ caption: 'Campaigns', columns, rows: nodes, key: ({ key }) => key })
  void list.run()
  return {
    title: () => 'Campaigns',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Campaigns</h1>
        <div class="actions"><a data-needs="MANAGE" class="button primary" href=${href(['new-campaign'])}>New campaign</a></div>
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
