/** How far a transaction is: asked once, then followed live. */
import { html, type TemplateResult } from 'lit'
import type { TransactionProgressQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { createLoad, createThrottle, empty, loaded } from './load.ts'
import type { Deps } from './page.ts'
import { count, percent } from './time.ts'

const TransactionProgress = graphql(`
  query TransactionProgress($id: ID!) { transaction(id: $id) { transactionId status total done sent failed } }
`)

const ProgressChanges = graphql(`
  subscription ProgressChanges($transactionId: ID!) { progress(transactionId: $transactionId) { transactionId status total done sent failed } }
`)

/** How far a transaction is. */
export type Progress = NonNullable<TransactionProgressQuery['transaction']>

const states = {
  ACCEPTED: badge('Accepted', 'live'),
  RUNNING: badge('Running', 'live'),
  DONE: badge('Done', 'good'),
  CANCELED: badge('Canceled'),
} satisfies Record<Progress['status'], TemplateResult>

/** A transaction that is followed. */
export interface Followed {
  readonly value: () => Progress | null
  view(): unknown
  close(): void
}

const bar = ({ total, done }: Progress): TemplateResult => {
  const most = total ?? 0
  const share = most === 0 ? 0 : Math.min(1, done / most)
  return html`<progress max="1" .value=${share} aria-label="How far it is"></progress>
    <p class="quiet small">${count(done)} of ${total === null ? 'who knows how many' : count(total)}${most === 0 ? '' : ` · ${percent(share)}`}</p>`
}

/** Draws how far it is. */
export const progressView = (one: Progress): TemplateResult => html`
  <div class="badges">${states[one.status]}</div>
  ${bar(one)}
  <dl class="facts">
    <dt>Sent</dt>
    <dd>${count(one.sent)}</dd>
    <dt>Failed</dt>
    <dd>${count(one.failed)}</dd>
  </dl>
`

/** Follows a transaction until `close`. */
export function followTransaction({ api, update }: Pick<Deps, 'api' | 'update'>, transactionId: string): Followed {
  const state = createLoad(
    async () => ({ progress: (await api.ask(TransactionProgress, { id: transactionId })).transaction }),
    update,
  )
  const refresh = createThrottle(() => void state.run(), 500)
  const unwatch = api.watch(
    ProgressChanges,
    { transactionId },
    {
      next({ progress }) {
        state.put({ progress })
        // Then the server has no more to tell: asked again, it would count it all again.
        if (progress.status === 'DONE' || progress.status === 'CANCELED') unwatch()
      },
      resumed: refresh,
    },
  )
  void state.run()
  return {
    value: () => state.value?.progress ?? null,
    view: () =>
      loaded(state, ({ progress }) =>
        progress === null
          ? empty('There is no such transaction', 'It may be older than what the project keeps.')
          : progressView(progress),
      ),
    close() {
      unwatch()
      refresh.stop()
    },
  }
}
