/** The progress of a transaction: loaded once, then followed live. */
import { html, type TemplateResult } from 'lit'
import type { TransactionProgressQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { createLoad, createThrottle, empty, loaded } from './load.ts'
import type { Deps, Question } from './page.ts'
import { count, percent } from './time.ts'

const TransactionProgress = graphql(`
  query TransactionProgress($id: ID!) { transaction(id: $id) { transactionId status total done sent failed } }
`)

/** Every change of a transaction that runs. */
export const ProgressChanges = graphql(`
  subscription ProgressChanges($transactionId: ID!) { progress(transactionId: $transactionId) { transactionId status total done sent failed } }
`)

/** The progress of a transaction. */
export type Progress = NonNullable<TransactionProgressQuery['transaction']>

/** Cancels a transaction. */
export const CancelTransaction = graphql(`
  mutation CancelTransaction($transactionId: ID!) { cancel(transactionId: $transactionId) { canceledCount alreadySentCount } }
`)

/** What is asked before that. */
export const cancelQuestion: Question = {
  title: 'Cancel this transaction?',
  text: 'Messages that have not been sent yet will not be sent, to any recipient. Messages already sent cannot be recalled.',
  action: 'Cancel transaction',
  refusal: 'Keep it',
  isDangerous: true,
}

/** What states are called. */
export const stateLabels = {
  ACCEPTED: 'Accepted',
  RUNNING: 'Running',
  DONE: 'Done',
  CANCELED: 'Canceled',
} satisfies Record<Progress['status'], string>

const tones = { ACCEPTED: 'live', RUNNING: 'live', DONE: 'good', CANCELED: '' } as const satisfies Record<
  Progress['status'],
  string
>

/** A state. */
export const stateBadge = (status: Progress['status']): TemplateResult => badge(stateLabels[status], tones[status])

/** A transaction whose progress is followed. */
export interface Followed {
  readonly value: () => Progress | null
  view(): unknown
  close(): void
}

const bar = ({ total, done }: Progress): TemplateResult => {
  const most = total ?? 0
  const share = most === 0 ? 0 : Math.min(1, done / most)
  return html`<progress max="1" .value=${share} aria-label="Progress"></progress>
    <p class="quiet small">${count(done)} of ${total === null ? 'an unknown number' : count(total)}${most === 0 ? '' : ` · ${percent(share)}`}</p>`
}

export const progressView = (one: Progress): TemplateResult => html`
  <div class="badges">${stateBadge(one.status)}</div>
  ${bar(one)}
  <dl class="facts">
    <dt>Sent</dt>
    <dd>${count(one.sent)}</dd>
    <dt>Failed</dt>
    <dd>${count(one.failed)}</dd>
  </dl>
`

/** Follows a transaction until `close`. `moved` is called at the beginning, and after every change. */
export function followTransaction(
  { api, update }: Pick<Deps, 'api' | 'update'>,
  transactionId: string,
  moved: () => void = () => undefined,
): Followed {
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
        moved()
        // There will be no more changes, and subscribing again would make the server count everything again.
        if (progress.status === 'DONE' || progress.status === 'CANCELED') unwatch()
      },
      resumed: refresh,
    },
  )
  void state.run()
  moved()
  return {
    value: () => state.value?.progress ?? null,
    view: () =>
      loaded(state, ({ progress }) =>
        progress === null
          ? empty('Transaction not found', 'It may be older than the retention period of the project.')
          : progressView(progress),
      ),
    close() {
      unwatch()
      refresh.stop()
    },
  }
}
