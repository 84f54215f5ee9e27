/** The filters of the activity. They are kept in the URL, so that a view can be shared. */
import { html, type TemplateResult } from 'lit'
import type { NotificationFilter } from '../generated/graphql.ts'
import { channelLabel, channelNames, statusLabel, statusNames } from './badge.ts'
import { choice, line, submit } from './form.ts'
import type { Deps } from './page.ts'
import type { Route } from './router.ts'
import { createUrlFilter, dateOf, textOf } from './url-filter.ts'

const names = ['q', 'status', 'channel', 'template', 'contact', 'transaction', 'from', 'to'] as const
type Name = (typeof names)[number]

type Given = { -readonly [K in keyof NotificationFilter]?: NonNullable<NotificationFilter[K]> }

/** The filter in the query of a URL. Unknown statuses and channels are ignored. */
export function filterOf(query: URLSearchParams): Given {
  const filter: Given = {}
  const of = (name: Name): string => textOf(query, name)
  const status = statusNames.find((one) => one === of('status'))
  const channel = channelNames.find((one) => one === of('channel'))
  if (of('q') !== '') filter.search = of('q')
  if (status !== undefined) filter.statuses = [status]
  if (channel !== undefined) filter.channels = [channel]
  if (of('template') !== '') filter.templates = [of('template')]
  if (of('contact') !== '') filter.contact = of('contact')
  if (of('transaction') !== '') filter.transactionId = of('transaction')
  for (const name of ['from', 'to'] as const) {
    const date = dateOf(query, name)
    if (date !== undefined) filter[name] = date
  }
  return filter
}

/** A filter as the parameters of an export. */
export const exportOf = (filter: Given): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)]))

/** The form. */
export function createFilters(deps: Pick<Deps, 'replace' | 'update' | 'isMasked'>, route: () => Route) {
  const { isMasked } = deps
  const { given, typed, chosen, used, apply, clear, isEmpty, stop } = createUrlFilter(deps, route, names)
  const hidden = ['template', 'contact', 'transaction', 'from', 'to'] as const

  const view = (): TemplateResult => {
    const count = used(hidden)
    return html`<form role="search" aria-label="Filter notifications" @submit=${submit(apply)}>
      <div class="filters">
        ${
          isMasked
            ? ''
            : line({
                id: 'q',
                label: 'Search',
                type: 'search',
                class: 'search',
                placeholder: 'Contact, name, address, template, id',
                value: given('q'),
                change: typed('q'),
              })
        }
        ${choice({
          id: 'status',
          label: 'Status',
          value: given('status'),
          options: [['', 'Any'], ...statusNames.map((one) => [one, statusLabel(one)] as const)],
          change: chosen('status'),
        })}
        ${choice({
          id: 'channel',
          label: 'Channel',
          value: given('channel'),
          options: [['', 'Any'], ...channelNames.map((one) => [one, channelLabel(one)] as const)],
          change: chosen('channel'),
        })}
        ${isEmpty() ? '' : html`<button type="button" class="plain" @click=${clear}>Clear</button>`}
      </div>
      <details ?open=${count > 0}>
        <summary>More filters${count === 0 ? '' : ` (${count})`}</summary>
        <div class="filters">
          ${line({ id: 'template', label: 'Template', placeholder: 'Key', value: given('template'), change: typed('template') })}
          ${line({ id: 'contact', label: 'Contact', placeholder: 'externalId', value: given('contact'), change: typed('contact') })}
          ${line({ id: 'transaction', label: 'Transaction id', value: given('transaction'), change: typed('transaction') })}
          ${line({ id: 'from', label: 'From', type: 'datetime-local', value: given('from'), change: typed('from') })}
          ${line({ id: 'to', label: 'To', type: 'datetime-local', value: given('to'), change: typed('to') })}
        </div>
      </details>
    </form>`
  }

  return { view, clear, isEmpty, stop }
}
