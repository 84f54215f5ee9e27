/** Addresses that nothing is sent to, and why. */
import { html, type TemplateResult } from 'lit'
import type { Channel, SuppressionListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel, channelNames } from './badge.ts'
import { dialog } from './dialog.ts'
import { choice, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { pageOf, pager, table } from './table.ts'
import { when } from './time.ts'

const SuppressionList = graphql(`
  query SuppressionList($first: Int, $after: String, $last: Int, $before: String) {
    suppressions(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { id channel address reason createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const AddSuppression = graphql(`
  mutation AddSuppression($suppressions: [SuppressionInput!]!) { addSuppressions(suppressions: $suppressions) { id } }
`)

const LiftSuppression = graphql(`
  mutation LiftSuppression($id: ID!) { removeSuppression(id: $id) { id } }
`)

type Row = SuppressionListQuery['suppressions']['nodes'][number]

const reasons = {
  HARD_BOUNCE: badge('No such address', 'bad'),
  COMPLAINT: badge('Complained', 'bad'),
  UNSUBSCRIBED: badge('Unsubscribed', 'warn'),
  MANUAL: badge('By hand'),
} satisfies Record<Row['reason'], TemplateResult>

/** Opens the page. */
export function openSuppressions({ api, update, replace, say, ask }: Deps, first: Route): Page {
  let route = first
  let added: { channel: Channel; address: string } | null = null
  const list = createLoad(async () => (await api.ask(SuppressionList, pageOf(route.query))).suppressions, update)
  const set = (next: typeof added): void => {
    added = next
    update()
  }
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    try {
      say(await work())
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const add = (one: { channel: Channel; address: string }): Promise<void> =>
    attempt(async () => {
      await api.ask(AddSuppression, { suppressions: [{ ...one, address: one.address.trim() }] })
      added = null
      return `Nothing is sent to ${one.address.trim()} any more.`
    })
  async function lift({ id, address, reason }: Row): Promise<void> {
    const text =
      reason === 'MANUAL'
        ? 'Messages to this address go out again.'
        : 'Messages to this address go out again. Its owner, or its provider, said that they should not.'
    if (!(await ask({ title: `Send to ${address} again?`, text, action: 'Send again', isDangerous: reason !== 'MANUAL' }))) return
    await attempt(async () => {
      await api.ask(LiftSuppression, { id })
      return `${address} is sent to again.`
    })
  }
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No address is suppressed', 'Bounces, complaints and people who unsubscribe appear here by themselves.')
      : table<Row>({
          caption: 'Suppressed addresses, newest first',
          rows: nodes,
          key: ({ id }) => id,
          columns: [
            {
              head: 'Address',
              cell: ({ address, channel }) => html`${address}<span class="sub narrow">${channelLabel(channel)}</span>`,
            },
            { head: 'Channel', class: 'minor keep', cell: ({ channel }) => channelLabel(channel) },
            { head: 'Why', cell: ({ reason }) => reasons[reason] },
            { head: 'Since', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
            {
              head: '',
              class: 'act',
              cell: (row) =>
                html`<button class="small" aria-label="Lift ${row.address}" @click=${() => void lift(row)}>Lift</button>`,
            },
          ],
        })
  const form = (one: { channel: Channel; address: string }): TemplateResult =>
    dialog({
      title: 'Suppress an address',
      close: () => set(null),
      body: html`<form @submit=${submit(() => add(one))}>
        ${choice({
          ...{ id: 'suppress-channel', label: 'Channel', value: one.channel },
          options: channelNames
            .filter((channel) => channel !== 'IN_APP')
            .map((channel) => [channel, channelLabel(channel)] as const),
          change: (value) => set({ ...one, channel: channelNames.find((channel) => channel === value) ?? one.channel }),
        })}
        ${line({ id: 'suppress-address', label: 'Address', value: one.address, isRequired: true, change: (address) => set({ ...one, address }) })}
        <div class="buttons end"><button class="primary">Suppress it</button></div>
      </form>`,
    })
  void list.run()
  return {
    title: () => 'Suppressions',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Suppressions</h1>
        <div class="actions"><button @click=${() => set({ channel: 'EMAIL', address: '' })}>Suppress an address</button></div>
      </div>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
      ${added === null ? '' : form(added)}
    `,
    moved(to) {
      route = to
      void list.run()
    },
  }
}
