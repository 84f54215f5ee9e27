/** What was sent to many, as rows: of the list of broadcasts, and of a campaign's runs. */
import { html, type TemplateResult } from 'lit'
import type { BroadcastListQuery, TransactionActorKind, TransactionKind } from '../generated/graphql.ts'
import { badge } from './badge.ts'
import { cut } from './cut.ts'
import { type Progress, stateBadge } from './progress.ts'
import { href } from './router.ts'
import type { Column } from './table.ts'
import { count, percent, when } from './time.ts'

/** A transaction of a list. */
export type Sent = BroadcastListQuery['transactions']['nodes'][number]

/** What kinds of transactions are called. */
export const kindLabels = {
  BROADCAST: 'Broadcast',
  CAMPAIGN: 'Campaign run',
  CALL: 'API call',
} satisfies Record<TransactionKind, string>

const callers = {
  KEY: 'API key',
  TOKEN: 'Access token',
  PERSON: 'Person',
  OPERATOR: 'Operator',
  SYSTEM: 'Schedule',
} satisfies Record<TransactionActorKind, string>

/** Who began it. */
export const callerOf = (by: Sent['by']): string => (by === null ? 'Unknown' : (by.name ?? callers[by.kind]))

/** Whom it is for, as text. */
export function audienceOf(audience: Sent['audience']): string {
  if (audience === null) return 'contacts of a call'
  if (audience.kind === 'ALL') return 'all contacts'
  return (audience.topic ?? audience.segment)?.name ?? `a deleted ${audience.kind.toLowerCase()}`
}

/** Whether there is something left to cancel. */
export const isOpen = (progress: Pick<Progress, 'status'> | null): boolean =>
  progress?.status === 'ACCEPTED' || progress?.status === 'RUNNING'

/** The state, with a bar while it runs. */
export function stateOf(progress: Omit<Progress, 'transactionId'> | null): TemplateResult | string {
  if (progress === null) return badge('Removed')
  const { status, total, done } = progress
  if (!isOpen(progress)) return stateBadge(status)
  const share = total === null || total === 0 ? 0 : Math.min(1, done / total)
  return html`<div>${stateBadge(status)} <span class="quiet small unbroken">${percent(share)}</span></div>
    <progress max="1" .value=${share} aria-label="Progress"></progress>`
}

const titleOf = ({ template, audience }: Sent): string => `${template?.name ?? 'A deleted template'} to ${audienceOf(audience)}`

/** The columns that both lists have. */
export const sentColumns: readonly Column<Sent>[] = [
  {
    head: 'Sent',
    cell: (row) => html`<a class="row" href=${href(['broadcasts', row.id])}>${titleOf(row)}</a>
      <span class="sub"><span class="minor mono">${cut(row.id, 40)}</span></span>
      <span class="sub narrow">${when(row.createdAt)} by ${callerOf(row.by)}</span>`,
  },
  { head: 'By', class: 'minor keep', cell: ({ by }) => callerOf(by) },
  { head: 'When', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
  { head: 'State', cell: ({ progress }) => stateOf(progress) },
  { head: 'Sent to', class: 'number minor', cell: ({ progress }) => (progress === null ? '–' : count(progress.sent)) },
  { head: 'Failed', class: 'number minor', cell: ({ progress }) => (progress === null ? '–' : count(progress.failed)) },
]
