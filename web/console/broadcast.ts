/** One transaction: who began it, to whom, how far it is, and what became of it. */
import { html, type TemplateResult } from 'lit'
import type { TransactionDetailsQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel, statusLabel, statusNames } from './badge.ts'
import { copyButton } from './copy.ts'
import { createLoad, createThrottle, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { CancelTransaction, cancelQuestion, followTransaction } from './progress.ts'
import { createTransactionResults } from './results.ts'
import { href, type Route } from './router.ts'
import { audienceOf, callerOf, isOpen, kindLabels } from './sent.ts'
import { type Column, table } from './table.ts'
import { count, when } from './time.ts'

const TransactionDetails = graphql(`
  query TransactionDetails($id: ID!) {
    transaction(id: $id) {
      transaction {
        kind createdAt sendAt
        by { kind name } template { key name } campaign { key name }
        audience { kind topic { key name } segment { key name } }
        counts { isWhole notifications messages { channel status count } }
      }
    }
  }
`)

type Details = NonNullable<NonNullable<TransactionDetailsQuery['transaction']>['transaction']>
type ChannelRow = { readonly channel: Details['counts']['messages'][number]['channel']; readonly of: ReadonlyMap<string, number> }

/** Counting is more work than following: it is done again at most this often, ms. */
const COUNT_MS = 5_000

const link = (to: readonly string[], { key, name }: { readonly key: string; readonly name: string }): TemplateResult =>
  html`<a href=${href([...to, key])}>${name}</a>`

function facts({ kind, createdAt, sendAt, by, template, campaign, audience }: Details): TemplateResult {
  const { topic = null, segment = null } = audience ?? {}
  return html`<dl class="facts">
    <dt>Kind</dt>
    <dd>${kindLabels[kind]}</dd>
    <dt>Template</dt>
    <dd>${template === null ? '–' : link(['templates'], template)}</dd>
    ${campaign === null ? '' : html`<dt>Campaign</dt><dd>${link(['campaigns'], campaign)}</dd>`}
    <dt>To</dt>
    <dd>${topic !== null ? link(['topics'], topic) : segment !== null ? link(['segments'], segment) : audienceOf(audience)}</dd>
    <dt>By</dt>
    <dd>${callerOf(by)}</dd>
    <dt>Accepted</dt>
    <dd>${when(createdAt, 'full')}</dd>
    ${sendAt === null ? '' : html`<dt>Due</dt><dd>${when(sendAt, 'full')}</dd>`}
  </dl>`
}

/** Messages by channel and state. A skipped message says why on the page of its notification. */
function counts({ counts: { messages, isWhole, notifications } }: Details): TemplateResult | string {
  if (messages.length === 0) return ''
  const channels = Map.groupBy(messages, (one) => one.channel)
  const rows = [...channels].map(
    ([channel, list]): ChannelRow => ({ channel, of: new Map(list.map((one) => [one.status, one.count])) }),
  )
  const statuses = statusNames.filter((status) => messages.some((one) => one.status === status))
  const columns: readonly Column<ChannelRow>[] = [
    { head: 'Channel', class: 'keep', cell: ({ channel }) => channelLabel(channel) },
    ...statuses.map((status) => ({
      ...{ head: statusLabel(status), class: 'number' },
      cell: ({ of }: ChannelRow) => count(of.get(status) ?? 0),
    })),
  ]
  return html`<section class="panel" aria-labelledby="states-title">
    <header><h2 id="states-title">Messages by state</h2></header>
    ${table({ caption: 'Messages by channel and state', columns, rows, key: ({ channel }) => channel })}
    ${isWhole ? '' : html`<div class="body"><p class="quiet small">Of the first ${count(notifications)} notifications.</p></div>`}
  </section>`
}

/** The page of a transaction. */
export function openTransaction({ api, update, say, ask }: Deps, { path }: Route): Page {
  const transactionId = path[1] ?? ''
  const results = createTransactionResults({ api, update }, transactionId)
  const details = createLoad(
    async () => ({ of: (await api.ask(TransactionDetails, { id: transactionId })).transaction?.transaction ?? null }),
    update,
  )
  const recount = createThrottle(() => void details.run(), COUNT_MS)
  const followed = followTransaction({ api, update }, transactionId, () => {
    results.refresh()
    recount()
  })
  async function cancel(): Promise<void> {
    if (!(await ask(cancelQuestion))) return
    try {
      const { cancel: done } = await api.ask(CancelTransaction, { transactionId })
      say(`${count(done.canceledCount)} canceled, ${count(done.alreadySentCount)} already sent.`)
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  return {
    title: () => 'Transaction',
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['broadcasts'])}>Broadcasts</a></p>
        <h1 tabindex="-1">Transaction</h1>
        <div class="actions">
          ${followed.value() === null ? '' : html`<a class="button" href=${href(['activity'], { transaction: transactionId })}>View notifications</a>`}
          ${isOpen(followed.value()) ? html`<button data-needs="SEND" class="danger" @click=${() => void cancel()}>Cancel transaction</button>` : ''}
        </div>
      </div>
      <section class="panel" aria-label="Progress">
        <header><h2 class="mono">${transactionId}${copyButton(say, 'transaction id', transactionId)}</h2></header>
        <div class="body">
          ${followed.view()}
          ${loaded(details, ({ of }) => (of === null ? '' : facts(of)))}
        </div>
      </section>
      ${results.view()}
      ${details.value?.of === null || details.value === null ? '' : counts(details.value.of)}
    `,
    close() {
      followed.close()
      results.stop()
      recount.stop()
    },
  }
}
