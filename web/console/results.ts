/** What became of notifications: of a campaign, of a broadcast. */
import { html, type TemplateResult } from 'lit'
import type { Channel } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel } from './badge.ts'
import { createLoad, createThrottle, loaded } from './load.ts'
import type { Deps } from './page.ts'
import { type Column, table } from './table.ts'
import { count } from './time.ts'

const TransactionResults = graphql(`
  query TransactionResults($id: ID!) {
    transaction(id: $id) {
      stats { count sent delivered failed seen read channels { channel sent delivered failed seen read } }
    }
  }
`)

interface ChannelResults {
  readonly channel: Channel
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly seen: number
  readonly read: number
}

/** What became of notifications, each counted once, and of their messages, by channel. */
export interface Results extends Omit<ChannelResults, 'channel'> {
  readonly count: number
  readonly channels: readonly ChannelResults[]
}

/** The results are loaded again at most this often, ms. */
const REFRESH_MS = 2_000

const columns: readonly Column<ChannelResults>[] = [
  { head: 'Channel', class: 'keep', cell: ({ channel }) => channelLabel(channel) },
  { head: 'Sent', class: 'number', cell: ({ sent }) => count(sent) },
  { head: 'Delivered', class: 'number', cell: ({ delivered }) => count(delivered) },
  { head: 'Failed', class: 'number', cell: ({ failed }) => count(failed) },
  { head: 'Seen', class: 'number minor', cell: ({ seen }) => count(seen) },
  { head: 'Read', class: 'number minor', cell: ({ read }) => count(read) },
]

/** Counts, each with its label. */
export const figures = (list: readonly (readonly [label: string, value: number])[]): TemplateResult =>
  html`<dl class="figures">
    ${list.map(([label, value]) => html`<div class="panel figure"><dt>${label}</dt><dd>${count(value)}</dd></div>`)}
  </dl>`

/** Shows results. */
export const resultsView = (one: Results): TemplateResult => html`
  ${figures([
    ['Notifications', one.count],
    ['Sent', one.sent],
    ['Delivered', one.delivered],
    ['Failed', one.failed],
    ['Seen', one.seen],
    ['Read', one.read],
  ])}
  ${
    one.channels.length === 0
      ? ''
      : html`<section class="panel" aria-label="Results by channel">
          ${table({ caption: 'Results by channel', columns, rows: one.channels, key: ({ channel }) => channel })}
        </section>`
  }
`

/** The results of a transaction. Nothing is shown of one that is not a send to many. */
export function createTransactionResults({ api, update }: Pick<Deps, 'api' | 'update'>, transactionId: string) {
  const found = createLoad(async () => ({ of: (await api.ask(TransactionResults, { id: transactionId })).transaction }), update)
  const refresh = createThrottle(() => void found.run(), REFRESH_MS)
  return {
    /** Loads them, again after a change. */
    refresh,
    view: (): unknown => loaded(found, ({ of }) => (of === null || of.stats === null ? '' : resultsView(of.stats))),
    stop: () => refresh.stop(),
  }
}
