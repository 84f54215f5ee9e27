/** The newest notifications, filtered, live. */
import { html, type TemplateResult } from 'lit'
import type { ActivityListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { createFilters, exportOf, filterOf } from './activity-filter.ts'
import { messageBadge } from './badge.ts'
import { cut, cutWords } from './cut.ts'
import { exportButton } from './export.ts'
import { createLoad, createThrottle, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { figures } from './results.ts'
import { href, type Route } from './router.ts'
import { createSelection } from './selection.ts'
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

const ActivityToday = graphql(`
  query ActivityToday { stats(last: 1) { days { count sent delivered failed } } }
`)

const ActivityChanges = graphql(`
  subscription ActivityChanges($filter: NotificationFilter) {
    notificationChanged(filter: $filter) { status notification { id } message { id } }
  }
`)

const RetrySelected = graphql(`
  mutation RetrySelected($messages: [ID!]) { retryMessages(messages: $messages) { retriedCount } }
`)

const CancelSelected = graphql(`
  mutation CancelSelected($transactionId: ID!) { cancel(transactionId: $transactionId) { canceledCount alreadySentCount } }
`)

const RetryFiltered = graphql(`
  mutation RetryFiltered($filter: NotificationFilter) { retryMessages(filter: $filter) { retriedCount } }
`)

type Row = ActivityListQuery['notifications']['nodes'][number]

const isPending = ({ messages }: Row): boolean =>
  messages.some(({ status }) => status === 'SCHEDULED' || status === 'QUEUED' || status === 'SENDING')
const failedOf = ({ messages }: Row): string[] => messages.filter(({ status }) => status === 'FAILED').map(({ id }) => id)

/** The list and today's counts are reloaded at most this often, ms. */
const REFRESH_MS = 500
const TODAY_MS = 2_000

/** The recipient of a notification: its contact, or the address that it was sent to. */
export function recipient({ contact, messages }: Pick<Row, 'contact' | 'messages'>): string {
  if (contact !== null && contact !== undefined) return contact.externalId
  const address = messages.map((message) => ('address' in message ? message.address : null)).find((one) => (one ?? '') !== '')
  return address ?? 'no recipient'
}

const columns: readonly Column<Row>[] = [
  { head: 'Time', class: 'time minor', cell: ({ createdAt }) => when(createdAt) },
  {
    head: 'To',
    class: 'who',
    cell: (row) =>
      html`<a class="row" href=${href(['notifications', row.id])}>${cut(recipient(row), 32)}</a>
        <span class="sub narrow">${cutWords(row.template?.name ?? '–')}<br />${when(row.createdAt)}</span>`,
  },
  { head: 'Template', class: 'minor', cell: ({ template }) => cutWords(template?.name ?? '–') },
  {
    head: 'Messages',
    cell: ({ messages, canceledAt }) =>
      html`<div class="badges">
        ${messages.map(({ channel, status }) => messageBadge(channel, status))}
        ${messages.length === 0 ? html`<span class="quiet">${(canceledAt ?? null) === null ? 'merged' : 'canceled'}</span>` : ''}
      </div>`,
  },
  { head: 'Your id', class: 'minor id', cell: ({ key }) => html`<span class="mono">${cut(key ?? '–', 24)}</span>` },
]

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
  const today = createLoad(async () => (await api.ask(ActivityToday, {})).stats.days[0] ?? null, update)
  const count = createThrottle(() => void today.run(), TODAY_MS)
  let unwatch = (): void => {}

  /** Loads the list for the current route and subscribes to its changes. */
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
          // With a filter by status, a change may add a row or remove one, so the server has to be asked again.
          if (isFirstPage(route.query) && (changed === undefined || statuses !== undefined)) refresh()
          count()
          update()
        },
        resumed() {
          void list.run()
          count()
        },
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
      title: 'Resend failed messages?',
      text: 'All failed messages of the notifications that match the filter are sent again, not only those on this page.',
      action: 'Resend',
    })
    if (!isSure) return
    try {
      const { retryMessages } = await api.ask(RetryFiltered, { filter: filterOf(route.query) })
      deps.say(`${counted(retryMessages.retriedCount, 'message')} queued again.`)
      await list.run()
    } catch (error) {
      deps.say(failureOf(error).message, 'bad')
    }
  }

  const selection = createSelection<Row>(
    deps,
    (row) => `${row.template?.name ?? 'notification'} to ${recipient(row)}`,
    ({ id }) => id,
    [
      {
        label: 'Resend',
        needs: 'SEND',
        takes: (row) => failedOf(row).length > 0,
        async run(rows) {
          const { retryMessages } = await api.ask(RetrySelected, { messages: rows.flatMap(failedOf) })
          return `${counted(retryMessages.retriedCount, 'message')} queued again.`
        },
      },
      {
        label: 'Cancel',
        needs: 'SEND',
        isDangerous: true,
        takes: isPending,
        question: (rows) => ({
          title: `Cancel the transactions of ${counted(rows.length, 'notification')}?`,
          text: 'Messages of these transactions that have not been sent yet will not be sent, to any recipient.',
          ...{ action: 'Cancel transactions', refusal: 'Keep them', isDangerous: true },
        }),
        async run(rows) {
          let canceled = 0
          // The API cancels one transaction at a time; a page has at most 25.
          for (const transactionId of new Set(rows.map((row) => row.transactionId)))
            canceled += (await api.ask(CancelSelected, { transactionId })).cancel.canceledCount
          return `${counted(canceled, 'message')} canceled.`
        },
      },
    ],
    () => list.run(),
  )
  const filters = createFilters(deps, () => route)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? filters.isEmpty()
        ? empty('No notifications yet', 'Notifications sent with sendMessages will appear here.')
        : empty('No matching notifications', html`<button @click=${filters.clear}>Clear filters</button>`)
      : table({
          caption: 'Notifications, newest first',
          columns: selection.columns(columns, nodes),
          rows: nodes,
          key: ({ id }) => id,
          isFresh: ({ id }) => fresh.has(id),
        })

  follow()
  count()
  return {
    title: () => 'Activity',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Activity</h1>
        <div class="actions">
          ${exportButton(deps, 'notifications', (query) => exportOf(filterOf(query)))}
          ${route.query.get('status') === 'FAILED' ? html`<button data-needs="SEND" @click=${() => void retry()}>Resend failed</button>` : ''}
          <button aria-pressed=${isPaused ? 'true' : 'false'} @click=${pause}>
            ${isPaused ? `Resume${missed === 0 ? '' : ` (${counted(missed, 'change')})`}` : 'Pause'}
          </button>
        </div>
      </div>
      ${
        today.value === null
          ? ''
          : figures([
              ['Accepted today (UTC)', today.value.count],
              ['Sent', today.value.sent],
              ['Delivered', today.value.delivered],
              ['Failed', today.value.failed],
            ])
      }
      ${filters.view()} ${selection.bar()}
      <div class="panel" aria-busy=${list.isLoading ? 'true' : 'false'}>
        ${loaded(list, ({ nodes, pageInfo }) => html`${rows(nodes)}${pager(pageInfo, route, replace)}`)}
      </div>
    `,
    moved(to) {
      route = to
      selection.clear()
      follow()
    },
    close() {
      unwatch()
      refresh.stop()
      count.stop()
      filters.stop()
    },
  }
}
