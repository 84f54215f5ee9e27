/** Whom a message to many would reach, shown before it is sent. */
import { html, type TemplateResult } from 'lit'
import type { EstimateInput, EstimateManyQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel } from './badge.ts'
import { createLoad, createThrottle, refused, waiting } from './load.ts'
import type { Deps } from './page.ts'
import { type Column, table } from './table.ts'
import { count, counted } from './time.ts'

const EstimateMany = graphql(`
  query EstimateMany($input: EstimateInput!) {
    estimate(input: $input) {
      audience isExact decided reached duplicates
      unreached { reason { code message } count examples }
      channels { channel reached unreached { reason { code message } count examples } }
    }
  }
`)

/** An estimate. */
export type Estimated = EstimateManyQuery['estimate']
type Row = {
  readonly name: string
  readonly reached: number | null
  readonly why: Estimated['unreached'][number] | null
  readonly id: string
}

/** Input changes are asked about at most this often, ms. */
const ASK_MS = 700

const about = ({ isExact }: Estimated): string => (isExact ? '' : 'about ')

/** "4 of 5 contacts"; of an estimate by a sample: "about …". */
export const reachOf = (one: Estimated): string => `${about(one)}${count(one.reached)} of ${counted(one.audience, 'contact')}`

/** One row for each channel, and one for each reason below it; last, whom no channel was decided for. */
function rowsOf({ channels, unreached }: Estimated): Row[] {
  // Recipients who were refused before any channel was decided are in no channel's numbers.
  const decided = new Set(channels.flatMap((one) => one.unreached.map(({ reason }) => reason.code)))
  const refusals = unreached.filter(({ reason }) => !decided.has(reason.code))
  const parts = [
    ...channels.map((one) => ({ ...one, name: channelLabel(one.channel) })),
    ...(refusals.length === 0 ? [] : [{ name: 'All', reached: 0, unreached: refusals }]),
  ]
  return parts.flatMap(({ name, reached, unreached: others }) => [
    { id: name, name, reached, why: null },
    ...others.map((why, index) => ({ id: `${name} ${index}`, name: '', reached: null, why })),
  ])
}

const columns: readonly Column<Row>[] = [
  { head: 'Channel', class: 'keep brief', cell: ({ name }) => name },
  { head: 'Reached', class: 'number', cell: ({ reached }) => (reached === null ? '' : count(reached)) },
  { head: 'Not reached', class: 'number minor', cell: ({ why }) => (why === null ? '' : count(why.count)) },
  {
    head: 'Reason',
    cell: ({ why }) =>
      why === null
        ? ''
        : html`<span class="narrow">${count(why.count)} not reached: </span>${why.reason.message}<span class="sub">${why.examples.join(', ')}${why.count > why.examples.length ? '…' : ''}</span>`,
  },
]

const shown = (one: Estimated): TemplateResult => html`
  <div class="notice ${one.reached === 0 ? 'warn' : 'good'}" role="status">
    <p><strong>Reaches ${reachOf(one)}</strong>${one.duplicates === 0 ? '' : `, ${counted(one.duplicates, 'duplicate')}`}.</p>
    ${one.isExact ? '' : html`<p class="quiet small">Projected from a random sample of ${count(one.decided)}.</p>`}
  </div>
  ${one.audience === 0 ? '' : table({ caption: 'Reached and not reached, by channel', columns, rows: rowsOf(one), key: ({ id }) => id })}
`

/** Estimates what a form would send. @param input what it would send now; null: the form is not complete */
export function createEstimate({ api, update }: Pick<Deps, 'api' | 'update'>, input: () => EstimateInput | null) {
  let asked = ''
  const found = createLoad(async () => {
    const now = input()
    asked = JSON.stringify(now)
    return { of: now === null ? null : (await api.ask(EstimateMany, { input: now })).estimate }
  }, update)
  const ask = createThrottle(() => {
    if (JSON.stringify(input()) !== asked) void found.run()
  }, ASK_MS)
  const isCurrent = (): boolean => asked === JSON.stringify(input()) && !found.isLoading
  return {
    /** What the form would send has changed. */
    changed: (): void => ask(),

    /** What is stored has changed. */
    again: (): void => void found.run(),

    /** The estimate of what the form would send now; null: there is none. */
    async now(): Promise<Estimated | null> {
      if (!isCurrent()) await found.run()
      return found.failure === null ? (found.value?.of ?? null) : null
    },

    view(): TemplateResult | string {
      if (input() === null) return ''
      const of = found.value?.of ?? null
      return html`<section aria-label="Estimate" aria-busy=${found.isLoading ? 'true' : 'false'}>
        ${found.failure !== null ? refused(found.failure, () => void found.run()) : of === null ? waiting() : shown(of)}
      </section>`
    },
    stop: () => ask.stop(),
  }
}
