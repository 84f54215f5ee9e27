/** What is being said, live: the newest notifications, narrowed as one likes. */
import { html, type TemplateResult } from 'lit'
import type { ActivityListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { createFilters, filterOf } from './activity-filter.ts'
import { messageBadge } from './badge.ts'
import { createLoad, createThrottle, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { type Column, isFirstPage, pageOf, pager, table } from './table.ts'
import { counted, when } from './time.ts'

const ActivityList = graphql(`
  query ActivityList($filter: NotificationFilter, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        id key transactionId createdAt sendAt canceledAt
        template { key name }
        contact { externalId firstName lastName }
        messages { id channel status ... on OutboundMessage { address } }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const ActivityChanges = graphql(`
  subscription ActivityChanges($filter: NotificationFilter) {
    notificationChanged(filter: $filter) { status notification { id } message { id } }
  }
`)

const RetryFiltered = graphql(`
  mutation RetryFiltered($filter: NotificationFilter) { retryMessages(filter: $filter) { retriedCount } }
`)

type Row = ActivityListQuery['notifications']['nodes'][number]

/** The list is asked for anew this often at most, however much happens. */
const REFRESH_MS = 500

/** Whom a notification tells. */
export function recipient({ contact, messages }: Pick<Row, 'contact' | 'messages'>): string {
  if (contact !== null && contact !== undefined) return contact.externalId
  const address = messages.map((message) => ('address' in message ? message.address : null)).find((one) => (one ?? '') !== '')
  return address ?? 'nobody'
}

const columns: readonly Column<Row>[] = [
  { head: 'Time', class: 'time minor', cell: ({ createdAt }) => when(createdAt) },
  {
    head: 'To',
    class: 'who',
    cell: (row) =>
      html`<a class="row" href=${href(['notifications', row.id])}>${recipient(row)}</a>
        <span class="sub narrow">${row.template?.name ?? '–'}<br />${when(row.createdAt)}</span>`,
  },
  { head: 'Template', class: 'minor', cell: ({ template }) => template?.name ?? '–' },
  {
    head: 'Messages',
    cell: ({ messages, canceledAt }) =>
      html`<div class="badges">
        ${messages.map(({ channel, status }) => messageBadge(channel, status))}
        ${messages.length === 0 ? html`<span class="quiet">${(canceledAt ?? null) === null ? 'folded into an unread one' : 'canceled'}</span>` : ''}
      </div>`,
  },
  { head: 'Id of the sender', class: 'minor', cell: ({ key }) => html`<span class="mono">${key ?? '–'}</span>` },
]

/** Opens the page. */
export function openActivity(deps: Deps, first: Route): Page {
  const { api, update, replace } = deps
  let route = first
  let isPaused = false
  let missed = 0
  let known = new Set<string>()
  let fresh = new Set<string>()
  const list = createLoad(async () => {
    const { notifications } = await api.ask(ActivityList, { filter: filterOf(route.query), ...pageOf(route.query) })
    const ids = notifications.nodes.map(({ id }) => id)
    fresh = new Set(known.size === 0 ? [] : ids.filter((id) => !known.has(id)))
    known = new Set(ids)
    return notifications
  }, update)
  const refresh = createThrottle(() => void list.run(), REFRESH_MS)
  let unwatch = (): void => {}

  /** Follows what the place asks for: the list, and what changes in it. */
  function follow(): void {
    unwatch()
    known = new Set()
    missed = 0
    void list.run()
    const { statuses, ...others } = filterOf(route.query)
    unwatch = api.watch(
      ActivityChanges,
      { filter: others },
      {
        next({ notificationChanged: { notification, message, status } }) {
          if (isPaused) {
            missed += 1
            return update()
          }
          const row = list.value?.nodes.find(({ id }) => id === notification.id)
          const changed = row?.messages.find(({ id }) => id === message.id)
          if (changed !== undefined) changed.status = status
          // Which rows belong here is the server's to say: with a status wanted, a change may bring one in or take one away.
          if (isFirstPage(route.query) && (changed === undefined || statuses !== undefined)) refresh()
          update()
        },
        resumed: () => void list.run(),
      },
    )
  }

  const pause = (): void => {
    isPaused = !isPaused
    if (!isPaused) {
      missed = 0
      void list.run()
    }
    update()
  }

  async function retry(): Promise<void> {
    const isSure = await deps.ask({
      title: 'Send what failed again?',
      text: 'Every failed message of the notifications that match the filter goes out again, not only those on this page.',
      action: 'Send again',
    })
    if (!isSure) return
    try {
      const { retryMessages } = await api.ask(RetryFiltered, { filter: filterOf(route.query) })
      deps.say(`Going out again: ${counted(retryMessages.retriedCount, 'message')}.`)
      await list.run()
    } catch (error) {
      deps.say(failureOf(error).message, 'bad')
    }
  }

  const filters = createFilters(deps, () => route)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? filters.isEmpty()
        ? empty('Nothing was sent yet', 'What a backend sends with sendMessages appears here at once.')
        : empty('Nothing matches', html`<button @click=${filters.clear}>Clear the filter</button>`)
      : table({
          caption: 'Notifications, newest first',
          columns,
          rows: nodes,
          key: ({ id }) => id,
          isFresh: ({ id }) => fresh.has(id),
        })

  follow()
  return {
    title: () => 'Activity',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Activity</h1>
        <div class="actions">
          ${route.query.get('status') === 'FAILED' ? html`<button @click=${() => void retry()}>Send failed again</button>` : ''}
          <button aria-pressed=${isPaused ? 'true' : 'false'} @click=${pause}>
            ${isPaused ? `Resume${missed === 0 ? '' : ` (${counted(missed, 'change')})`}` : 'Pause'}
          </button>
        </div>
      </div>
      ${filters.view()}
      <div class="panel" aria-busy=${list.isLoading ? 'true' : 'false'}>
        ${loaded(list, ({ nodes, pageInfo }) => html`${rows(nodes)}${pager(pageInfo, route, replace)}`)}
      </div>
    `,
    moved(to) {
      route = to
      follow()
    },
    close() {
      unwatch()
      refresh.stop()
      filters.stop()
    },
  }
}
