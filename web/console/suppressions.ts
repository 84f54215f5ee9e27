/** Suppressed addresses: nothing is sent to them. */
import { html, type TemplateResult } from 'lit'
import type { Channel, SuppressionListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel, channelNames } from './badge.ts'
import { cut } from './cut.ts'
import { dialog } from './dialog.ts'
import { choice, line, submit } from './form.ts'
import { openList } from './list-page.ts'
import { failureOf } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { when } from './time.ts'

const SuppressionList = graphql(`
  query SuppressionList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    suppressions(first: $first, after: $after, last: $last, before: $before, search: $search) {
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

export function openSuppressions(deps: Deps, first: Route): Page {
  const { api, update, say, ask, isMasked } = deps
  let added: { channel: Channel; address: string } | null = null
  const set = (next: typeof added): void => {
    added = next
    update()
  }
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    try {
      say(await work())
      await list.reload()
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
  const list = openList<Row>(deps, first, {
    ...{ title: 'Suppressions', caption: 'Suppressed addresses, newest first', key: ({ id }) => id },
    searched: isMasked ? null : 'address',
    none: ['No suppressed addresses', 'Bounces, complaints and unsubscribes are added automatically.'],
    load: async (asked) => (await api.ask(SuppressionList, asked)).suppressions,
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
    actions: () =>
      html`<button data-needs="MANAGE" @click=${() => set({ channel: 'EMAIL', address: '' })}>Suppress address</button>`,
    below: () => (added === null ? '' : form(added)),
  })
  return list
}
