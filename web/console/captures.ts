/** The capture box: messages that `capture` providers stored instead of sending. */
import { html, type TemplateResult } from 'lit'
import type { CaptureListQuery, Channel } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel, channelNames } from './badge.ts'
import { asHtml, emailFrame } from './email-frame.ts'
import { choice, line, submit } from './form.ts'
import { createLoad, createThrottle, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { changed, href, type Route } from './router.ts'
import { createSearch } from './search.ts'
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

/** Ways to look at an e-mail. */
const looks = [
  ['', 'Message'],
  ['text', 'Plain text'],
  ['source', 'HTML source'],
  ['links', 'Links'],
] as const
type Look = (typeof looks)[number][0]

/** The addresses that a mail leads to, each once, in its order. */
function linksIn(mail: string): string[] {
  const { links } = new DOMParser().parseFromString(asHtml(mail), 'text/html')
  return [...new Set([...links].map((link) => link.getAttribute('href') ?? ''))].filter((address) => address !== '')
}
const isFollowed = (address: string): boolean => /^https?:\/\//i.test(address)

/** Nothing is followed but by a click. */
const linkList = (mail: string): TemplateResult => {
  const links = linksIn(mail)
  return links.length === 0
    ? html`<p class="quiet small">There are no links.</p>`
    : html`<ul class="links">
        ${links.map((address) => html`<li>${isFollowed(address) ? html`<a href=${address} target="_blank" rel="noreferrer">${address}</a>` : address}</li>`)}
      </ul>`
}
const code = (label: string, text: string | null): TemplateResult =>
  text === null
    ? html`<p class="quiet small">There is none.</p>`
    : html`<pre tabindex="0" role="group" aria-label=${label}>${text}</pre>`

const email = (one: Captured, look: Look, query: URLSearchParams): TemplateResult => html`
  <nav class="tabs" aria-label="Views">
    ${looks.map(([name, label]) => html`<a href=${href(['captures'], changed(query, { message: one.id, look: name }))} aria-current=${name === look ? 'page' : 'false'}>${label}</a>`)}
  </nav>
  ${
    look === 'text'
      ? code('Plain text', one.text)
      : look === 'source'
        ? code('HTML source', one.html)
        : look === 'links'
          ? linkList(one.html ?? '')
          : one.html === null
            ? code('Plain text', one.text)
            : emailFrame(one.html, one.subject ?? '')
  }
`

const shown = (one: Captured, look: Look, query: URLSearchParams): TemplateResult => html`
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
    ${one.channel === 'EMAIL' ? email(one, look, query) : one.text === null ? '' : html`<div class="bubble">${one.text}</div>`}
  </div>
`

export function openCaptures({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const channel = (): Channel | undefined => outbound.find((one) => one === route.query.get('channel'))
  const contact = (): string => route.query.get('contact')?.trim() ?? ''
  const filter = () => ({
    channels: channel() === undefined ? outbound : outbound.filter((one) => one === channel()),
    ...(contact() === '' ? {} : { contact: contact() }),
  })
  const look = (): Look => looks.find(([name]) => name === route.query.get('look'))?.[0] ?? ''
  const search = createSearch({ replace, update }, () => route, 'contact')
  const list = createLoad(
    async () => (await api.ask(CaptureList, { filter: filter(), ...pageOf(route.query) })).notifications,
    update,
  )
  const refresh = createThrottle(() => void list.run(), REFRESH_MS)
  let loadedFor = ''
  let unwatch = (): void => {}
  function follow(): void {
    const { message: _message, look: _look, ...place } = Object.fromEntries(route.query)
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
      <section aria-label="Message">${open === undefined ? '' : shown(open, look(), route.query)}</section>
    </div>`
  }
  follow()
  return {
    title: () => 'Capture box',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Capture box</h1>
        <form class="actions filters" role="search" aria-label="Search captured messages" @submit=${submit(search.apply)}>
          ${line({
            ...{ id: 'contact', label: 'Contact', type: 'search', value: search.value(), placeholder: 'Contact id' },
            change: search.type,
          })}
          ${choice({
            ...{ id: 'channel', label: 'Channel', value: channel() ?? '' },
            options: [['', 'Any'], ...outbound.map((one) => [one, channelLabel(one)] as const)],
            change: (value) => replace(['captures'], { contact: contact(), channel: value }),
          })}
        </form>
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
      search.stop()
      unwatch()
      refresh.stop()
    },
  }
}
