/** The filters of the activity. They are kept in the URL, so that a view can be shared. */
import { html, type TemplateResult } from 'lit'
import type { NotificationFilter } from '../generated/graphql.ts'
import { channelLabel, channelNames, statusLabel, statusNames } from './badge.ts'
import { choice, line, submit } from './form.ts'
import type { Deps } from './page.ts'
import { changed, type Route } from './router.ts'

const names = ['q', 'status', 'channel', 'template', 'contact', 'transaction', 'from', 'to'] as const
type Name = (typeof names)[number]

/** How long typing must pause before the filter is applied, ms. */
const TYPING_MS = 250

type Given = { -readonly [K in keyof NotificationFilter]?: NonNullable<NotificationFilter[K]> }

/** The filter in the query of a URL. Unknown statuses and channels are ignored. */
export function filterOf(query: URLSearchParams): Given {
  const filter: Given = {}
  const of = (name: Name): string => query.get(name)?.trim() ?? ''
  const status = statusNames.find((one) => one === of('status'))
  const channel = channelNames.find((one) => one === of('channel'))
  if (of('q') !== '') filter.search = of('q')
  if (status !== undefined) filter.statuses = [status]
  if (channel !== undefined) filter.channels = [channel]
  if (of('template') !== '') filter.templates = [of('template')]
  if (of('contact') !== '') filter.contact = of('contact')
  if (of('transaction') !== '') filter.transactionId = of('transaction')
  for (const name of ['from', 'to'] as const) {
    const date = new Date(of(name))
    if (!Number.isNaN(date.getTime())) filter[name] = date.toISOString()
  }
  return filter
}

/** A filter as the parameters of an export. */
export const exportOf = (filter: Given): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)]))

export function createFilters({ replace, update, isMasked }: Pick<Deps, 'replace' | 'update' | 'isMasked'>, route: () => Route) {
  let typing: ReturnType<typeof setTimeout> | null = null
  let pending: Partial<Record<Name, string>> = {}
  const given = (name: Name): string => pending[name] ?? route().query.get(name) ?? ''

  function apply(): void {
    if (typing !== null) clearTimeout(typing)
    typing = null
    const changes = pending
    pending = {}
    replace(route().path, changed(route().query, { ...changes, after: null, before: null }))
  }
  const typed = (name: Name) => (value: string) => {
    pending[name] = value
    if (typing !== null) clearTimeout(typing)
    typing = setTimeout(apply, TYPING_MS)
    update()
  }
  const chosen = (name: Name) => (value: string) => {
    pending[name] = value
    apply()
  }
  const clear = (): void => {
    pending = {}
    replace(route().path)
  }
  const isEmpty = (): boolean => names.every((name) => given(name) === '')
  const hidden = ['template', 'contact', 'transaction', 'from', 'to'] as const

  const view = (): TemplateResult => {
    const used = hidden.filter((name) => given(name) !== '').length
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
      <details ?open=${used > 0}>
        <summary>More filters${used === 0 ? '' : ` (${used})`}</summary>
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

  return {
    view,
    clear,
    isEmpty,
    stop() {
      if (typing !== null) clearTimeout(typing)
    },
  }
}
