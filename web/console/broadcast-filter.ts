/** The filters of broadcasts. They are kept in the URL, so that a view can be shared. */
import { html, type TemplateResult } from 'lit'
import type { TransactionFilter, TransactionKind, TransactionStatus } from '../generated/graphql.ts'
import { choice, line, submit } from './form.ts'
import type { Deps } from './page.ts'
import { stateLabels } from './progress.ts'
import type { Route } from './router.ts'
import { kindLabels } from './sent.ts'
import { createUrlFilter, dateOf, textOf } from './url-filter.ts'

const names = ['kind', 'state', 'template', 'by', 'topic', 'segment', 'campaign', 'from', 'to'] as const
type Name = (typeof names)[number]
type Given = { -readonly [K in keyof TransactionFilter]?: NonNullable<TransactionFilter[K]> }

const kinds: readonly TransactionKind[] = ['BROADCAST', 'CAMPAIGN']
const states = Object.keys(stateLabels) as readonly TransactionStatus[]

/** The filter in the query of a URL. Unknown kinds and states are ignored. */
export function filterOf(query: URLSearchParams): Given {
  const filter: Given = {}
  const of = (name: Name): string => textOf(query, name)
  const kind = kinds.find((one) => one === of('kind'))
  const state = states.find((one) => one === of('state'))
  if (kind !== undefined) filter.kinds = [kind]
  if (state !== undefined) filter.statuses = [state]
  if (of('template') !== '') filter.templates = [of('template')]
  for (const name of ['by', 'topic', 'segment', 'campaign'] as const) if (of(name) !== '') filter[name] = of(name)
  for (const name of ['from', 'to'] as const) {
    const date = dateOf(query, name)
    if (date !== undefined) filter[name] = date
  }
  return filter
}

/** The form. */
export function createBroadcastFilter(deps: Pick<Deps, 'replace' | 'update'>, route: () => Route) {
  const { given, typed, chosen, used, apply, clear, isEmpty, stop } = createUrlFilter(deps, route, names)
  const view = (): TemplateResult => {
    const count = used(['by', 'topic', 'segment', 'campaign', 'from', 'to'])
    return html`<form role="search" aria-label="Filter broadcasts" @submit=${submit(apply)}>
      <div class="filters">
        ${line({ ...{ id: 'template', label: 'Template key', type: 'search', class: 'search' }, value: given('template'), change: typed('template') })}
        ${choice({
          ...{ id: 'kind', label: 'Kind', value: given('kind'), change: chosen('kind') },
          options: [['', 'Any'], ...kinds.map((one) => [one, kindLabels[one]] as const)],
        })}
        ${choice({
          ...{ id: 'state', label: 'State', value: given('state'), change: chosen('state') },
          options: [['', 'Any'], ...states.map((one) => [one, stateLabels[one]] as const)],
        })}
        ${isEmpty() ? '' : html`<button type="button" class="plain" @click=${clear}>Clear</button>`}
      </div>
      <details ?open=${count > 0}>
        <summary>More filters${count === 0 ? '' : ` (${count})`}</summary>
        <div class="filters">
          ${line({ id: 'by', label: 'By (name or id)', value: given('by'), change: typed('by') })}
          ${line({ id: 'topic', label: 'Topic key', value: given('topic'), change: typed('topic') })}
          ${line({ id: 'segment', label: 'Segment key', value: given('segment'), change: typed('segment') })}
          ${line({ id: 'campaign', label: 'Campaign key', value: given('campaign'), change: typed('campaign') })}
          ${line({ id: 'from', label: 'From', type: 'datetime-local', value: given('from'), change: typed('from') })}
          ${line({ id: 'to', label: 'To', type: 'datetime-local', value: given('to'), change: typed('to') })}
        </div>
      </details>
    </form>`
  }
  return { view, clear, isEmpty, stop }
}
