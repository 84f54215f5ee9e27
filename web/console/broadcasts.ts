/** All broadcasts and runs of campaigns, of every caller. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { createBroadcastFilter, filterOf } from './broadcast-filter.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { CancelTransaction, cancelQuestion, ProgressChanges } from './progress.ts'
import { href, type Route } from './router.ts'
import { isOpen, type Sent, sentColumns } from './sent.ts'
import { isFirstPage, pageOf, pager, table } from './table.ts'
import { count } from './time.ts'

const BroadcastList = graphql(`
  query BroadcastList($filter: TransactionFilter, $first: Int, $after: String, $last: Int, $before: String) {
    transactions(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        id kind createdAt
        by { kind name } template { key name }
        audience { kind topic { key name } segment { key name } }
        progress { status total done sent failed }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

/** Running rows that are followed live; others are as they were loaded. */
const FOLLOWED_MAX = 10
/** The first page is loaded again after this time, ms, for what others have begun. */
const REFRESH_MS = 10_000

export function openBroadcasts({ api, update, go, replace, say, ask }: Deps, first: Route): Page {
  let route = first
  let opened = ''
  const followed = new Map<string, () => void>()
  const list = createLoad(async () => {
    const { transactions } = await api.ask(BroadcastList, { filter: filterOf(route.query), ...pageOf(route.query) })
    follow(transactions.nodes)
    return transactions
  }, update)
  const filter = createBroadcastFilter({ replace, update }, () => route)

  /** Follows the rows that run, and no others. */
  function follow(nodes: readonly Sent[]): void {
    const running = nodes.filter(({ progress }) => isOpen(progress)).slice(0, FOLLOWED_MAX)
    for (const [id, unwatch] of followed) {
      if (running.some((one) => one.id === id)) continue
      unwatch()
      followed.delete(id)
    }
    for (const { id } of running) {
      if (followed.has(id)) continue
      const unwatch = api.watch(
        ProgressChanges,
        { transactionId: id },
        {
          next({ progress }) {
            const row = list.value?.nodes.find((one) => one.id === id)
            if (row !== undefined) row.progress = progress
            if (!isOpen(progress)) unwatch()
            update()
          },
          resumed: () => void list.run(),
        },
      )
      followed.set(id, unwatch)
    }
  }

  async function cancel({ id }: Sent): Promise<void> {
    if (!(await ask(cancelQuestion))) return
    try {
      const { cancel: done } = await api.ask(CancelTransaction, { transactionId: id })
      say(`${count(done.canceledCount)} canceled, ${count(done.alreadySentCount)} already sent.`)
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const rows = (nodes: readonly Sent[]): TemplateResult =>
    nodes.length === 0
      ? filter.isEmpty()
        ? empty('No broadcasts yet', 'What is sent to a topic, a segment or all contacts appears here, from the API as well.')
        : empty('No matching broadcasts', html`<button @click=${filter.clear}>Clear filters</button>`)
      : table<Sent>({
          caption: 'Broadcasts, newest first',
          columns: [
            ...sentColumns,
            {
              head: '',
              class: 'act',
              cell: (row) =>
                isOpen(row.progress)
                  ? html`<button data-needs="SEND" class="small danger" aria-label="Cancel ${row.template?.name ?? row.id}" @click=${() => void cancel(row)}>Cancel</button>`
                  : '',
            },
          ],
          rows: nodes,
          key: ({ id }) => id,
        })

  void list.run()
  const timer = setInterval(() => {
    if (!document.hidden && isFirstPage(route.query)) void list.run()
  }, REFRESH_MS)
  return {
    title: () => 'Broadcasts',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Broadcasts</h1>
        <div class="actions"><a data-needs="SEND" class="button primary" href=${href(['new-broadcast'])}>New broadcast</a></div>
      </div>
      ${filter.view()}
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo }) => html`${rows(nodes)}${pager(pageInfo, route, replace)}`)}
      </div>
      <form class="filters" @submit=${submit(() => go(['broadcasts', opened.trim()]))}>
        ${line({
          ...{ id: 'follow', label: 'Transaction id', placeholder: 'transactionId', isRequired: true, value: opened },
          change(value) {
            opened = value
            update()
          },
        })}
        <button ?disabled=${opened.trim() === ''}>Open</button>
      </form>
    `,
    moved(to) {
      route = to
      void list.run()
    },
    close() {
      clearInterval(timer)
      filter.stop()
      for (const unwatch of followed.values()) unwatch()
    },
  }
}
