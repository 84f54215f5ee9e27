/** Suppressed addresses: nothing is sent to them. */
import { html, type TemplateResult } from 'lit'
import type { Channel, SuppressionListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel, channelNames } from './badge.ts'
import { cut } from './cut.ts'
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

const RemoveSuppression = graphql(`
  mutation RemoveSuppression($id: ID!) { removeSuppression(id: $id) { id } }
`)

type Row = SuppressionListQuery['suppressions']['nodes'][number]

const reasons = {
  HARD_BOUNCE: badge('Hard bounce', 'bad'),
  COMPLAINT: badge('Complaint', 'bad'),
  UNSUBSCRIBED: badge('Unsubscribed', 'warn'),
  MANUAL: badge('Manual'),
} satisfies Record<Row['reason'], TemplateResult>

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
      return `${one.address.trim()} is now suppressed.`
    })
  async function remove({ id, address, reason }: Row): Promise<void> {
    const text =
      reason === 'MANUAL'
        ? 'Messages to this address will be sent again.'
        : 'Messages to this address will be sent again, although they bounced or their recipient complained or unsubscribed.'
    if (
      !(await ask({ title: `Remove the suppression of ${address}?`, text, action: 'Remove', isDangerous: reason !== 'MANUAL' }))
    )
      return
    await attempt(async () => {
      await api.ask(RemoveSuppression, { id })
      return `${address} is no longer suppressed.`
    })
  }
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No suppressed addresses', 'Bounces, complaints and unsubscribes are added automatically.')
      : table<Row>({
          caption: 'Suppressed addresses, newest first',
          rows: nodes,
          key: ({ id }) => id,
          columns: [
            {
              head: 'Address',
              cell: ({ address, channel }) => html`${cut(address, 48)}<span class="sub narrow">${channelLabel(channel)}</span>`,
            },
            { head: 'Channel', class: 'minor keep', cell: ({ channel }) => channelLabel(channel) },
            { head: 'Reason', cell: ({ reason }) => reasons[reason] },
            { head: 'Added', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
            {
              head: '',
              class: 'act',
              cell: (row) =>
                html`<button data-needs="MANAGE" class="small" aria-label="Remove ${row.address}" @click=${() => void remove(row)}>Remove</button>`,
            },
          ],
        })
  const form = (one: { channel: Channel; address: string }): TemplateResult =>
    dialog({
      title: 'Suppress address',
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
        <div class="buttons end"><button class="primary">Suppress</button></div>
      </form>`,
    })
  void list.run()
  return {
    title: () => 'Suppressions',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Suppressions</h1>
        <div class="actions"><button data-needs="MANAGE" @click=${() => set({ channel: 'EMAIL', address: '' })}>Suppress address</button></div>
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
