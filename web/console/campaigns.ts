/** All campaigns. */
import { html } from 'lit'
import type { CampaignListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { activeBadge, channelLabel } from './badge.ts'
import { cut, cutWords } from './cut.ts'
import { deletion, openList } from './list-page.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import type { Column } from './table.ts'
import { when } from './time.ts'

const CampaignList = graphql(`
  query CampaignList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    campaigns(first: $first, after: $after, last: $last, before: $before, search: $search) {
      totalCount
      nodes { key name active dispatch onlyChannel nextRunAt template { name } segment { name } schedule { at cron onEvent } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const DeleteSelectedCampaigns = graphql(`
  mutation DeleteSelectedCampaigns($keys: [ID!]!) { deleteCampaigns(keys: $keys) { deletedCount } }
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
  { head: 'Channel', class: 'minor keep', cell: ({ onlyChannel }) => (onlyChannel === null ? 'All' : channelLabel(onlyChannel)) },
  {
    head: 'Audience',
    class: 'minor',
    cell: ({ segment, dispatch }) => segment?.name ?? (dispatch === 'API' ? 'Set by the API call' : '–'),
  },
  { head: 'Trigger', cell: triggerOf },
  { head: 'Next run', class: 'minor time', cell: ({ nextRunAt }) => when(nextRunAt) },
  { head: '', class: 'keep', cell: ({ active }) => activeBadge(active) },
]

export function openCampaigns(deps: Deps, first: Route): Page {
  const { api } = deps
  return openList<Row>(deps, first, {
    ...{ title: 'Campaigns', caption: 'Campaigns', columns, key: ({ key }) => key, searched: 'key and name' },
    none: [
      'No campaigns yet',
      html`A campaign sends a template when an API call, a schedule or an event triggers it. <a href=${href(['new-campaign'])}>Create your first campaign</a>.`,
    ],
    load: async (asked) => (await api.ask(CampaignList, asked)).campaigns,
    bulk: [
      deletion(
        'campaign',
        'Messages already sent are kept. API calls that trigger them will fail.',
        ({ key }) => key,
        async (rows) =>
          (await api.ask(DeleteSelectedCampaigns, { keys: rows.map(({ key }) => key) })).deleteCampaigns.deletedCount,
      ),
    ],
    actions: () => html`<a data-needs="MANAGE" class="button primary" href=${href(['new-campaign'])}>New campaign</a>`,
  })
}
