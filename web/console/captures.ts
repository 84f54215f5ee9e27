/** The capture box: messages that `capture` providers stored instead of sending. */
import { html, type TemplateResult } from 'lit'
import type { CaptureListQuery, Channel } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel, channelNames } from './badge.ts'
import { emailFrame } from './email-frame.ts'
import { choice } from './form.ts'
import { createLoad, createThrottle, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { changed, href, type Route } from './router.ts'
import { isFirstPage, pageOf, pager } from './table.ts'
import { when } from './time.ts'

const CaptureList = graphql(`
  query CaptureList($filter: NotificationFilter, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        id
        template { name }
        messages { id channel ... on OutboundMessage { address subject text html sentAt provider { kind key } } }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const CaptureChanges = graphql(`
  subscription CaptureChanges($filter: NotificationFilter) { notificationChanged(filter: $filter) { status message { id } } }
`)

type Found = CaptureListQuery['notifications']['nodes'][number]
type Captured = Extract<Found['messages'][number], { provider?: unknown }> & {
  readonly notificationId: string
  readonly template: string
}

const REFRESH_MS = 500
const outbound = channelNames.filter((channel) => channel !== 'IN_APP')

const capturedOf = (nodes: readonly Found[], channel: Channel | undefined): Captured[] =>
  nodes.flatMap(({ id, template, messages }) =>
    messages.flatMap((message) =>
      'provider' in message &&
      message.provider?.kind === 'capture' &&
      message.sentAt !== null &&
      (channel === undefined || message.channel === channel)
        ? [{ ...message, notificationId: id, template: template?.name ?? '' }]
        : [],
    ),
  )

/** The first words of the content. */
const gist = ({ subject, text, html: mail }: Captured): string => subject ?? text?.slice(0, 120) ?? (mail === null ? '' : 'HTML')

const shown = (one: Captured): TemplateResult => html`
  <header>
    <h2>${one.subject ?? channelLabel(one.channel)}</h2>
    <a class="end small" href=${href(['notifications', one.notificationId])}>Notification</a>
  </header>
  <div class="body">
    <dl class="facts">
      <dt>To</dt>
      <dd>${one.address ?? '–'}</dd>
      <dt>Channel</dt>
      <dd>${channelLabel(one.channel)} via ${one.provider?.key}</dd>
      <dt>Captured</dt>
      <dd>${when(one.sentAt, 'full')}</dd>
    </dl>
    ${one.html === null ? '' : emailFrame(one.html, one.subject ?? '')}
    ${
      one.text === null
        ? ''
        : one.channel === 'EMAIL'
          ? html`<h3>Plain text</h3><pre tabindex="0" role="group" aria-label="Plain text">${one.text}</pre>`
          : html`<div class="bubble">${one.text}</div>`
    }
  </div>
`

export function openCaptures({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const channel = (): Channel | undefined => outbound.find((one) => one === route.query.get('channel'))
  const filter = () => ({ channels: channel() === undefined ? outbound : outbound.filter((one) => one === channel()) })
  const list = createLoad(
    async () => (await api.ask(CaptureList, { filter: filter(), ...pageOf(route.query) })).notifications,
    update,
  )
  const refresh = createThrottle(() => void list.run(), REFRESH_MS)
  let loadedFor = ''
  let unwatch = (): void => {}
  function follow(): void {
    const { message: _message, ...place } = Object.fromEntries(route.query)
    const key = JSON.stringify(place)
    if (key === loadedFor) return
    loadedFor = key
    unwatch()
    void list.run()
    const watcher = { next: () => isFirstPage(route.query) && refresh(), resumed: refresh }
    unwatch = api.watch(CaptureChanges, { filter: { ...filter(), statuses: ['SENT', 'DELIVERED'] as const } }, watcher)
  }
  const entry = (one: Captured, isOpen: boolean): TemplateResult => html`
    <li>
      <a class="entry ${isOpen ? 'open' : ''}" href=${href(['captures'], changed(route.query, { message: one.id }))} aria-current=${isOpen ? 'true' : 'false'}>
        <span class="to">${one.address ?? '–'}</span>
        <span class="quiet small">${when(one.sentAt)}</span>
        <span class="gist small">${badge(channelLabel(one.channel))} ${gist(one)}</span>
      </a>
    </li>
  `
  const content = (nodes: readonly Found[]): TemplateResult => {
    const captured = capturedOf(nodes, channel())
    if (captured.length === 0) {
      return empty(
        'No captured messages',
        html`Providers of the kind <code>capture</code> store messages here instead of sending them.`,
      )
    }
    const open = captured.find(({ id }) => id === route.query.get('message')) ?? captured[0]
    return html`<div class="box">
      <ol aria-label="Captured messages">${captured.map((one) => entry(one, one === open))}</ol>
      <section aria-label="Message">${open === undefined ? '' : shown(open)}</section>
    </div>`
  }
  follow()
  return {
    title: () => 'Capture box',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Capture box</h1>
        <div class="actions filters">
          ${choice({
            ...{ id: 'channel', label: 'Channel', value: channel() ?? '' },
            options: [['', 'Any'], ...outbound.map((one) => [one, channelLabel(one)] as const)],
            change: (value) => replace(['captures'], { channel: value }),
          })}
        </div>
      </div>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo }) => html`${content(nodes)}${pager(pageInfo, route, replace)}`)}
      </div>
    `,
    moved(to) {
      route = to
      follow()
    },
    close() {
      unwatch()
      refresh.stop()
    },
  }
}
