/** A message in the list. Its texts are rendered as text, never as HTML. */
import { html, nothing, type TemplateResult } from 'lit'
import { icons } from './icons.ts'
import { type InboxAction, type InboxMessage, safeImage, safeLink } from './message.ts'
import { type Clock, fill, type InboxTexts } from './texts.ts'

/** What the rows of a list share. */
export interface RowContext {
  readonly texts: InboxTexts
  readonly clock: Clock
  readonly nowMs: number
  readonly linkTarget: string
  /** the length of the list for `aria-setsize`; -1: not all messages are loaded */
  readonly setSize: number
  /** whether the page renders the content of the rows */
  readonly isOwn: boolean
  /** URLs of images that could not be loaded */
  readonly brokenImages: ReadonlySet<string>
  onOpen(message: InboxMessage, event: Event): void
  onAction(message: InboxMessage, action: InboxAction, event: Event): void
  onRead(message: InboxMessage): void
  onArchive(message: InboxMessage): void
  onUnsnooze(message: InboxMessage): void
  onMenu(message: InboxMessage, event: Event): void
  onBrokenImage(url: string): void
}

const nameOf = ({ actor, title, body }: InboxMessage): string =>
  [actor?.firstName, actor?.lastName].filter(Boolean).join(' ') || title || body

const initialOf = (name: string): string => [...name.trim()][0]?.toUpperCase() ?? '·'

/** One of eight background tints, derived from the name. */
const tintOf = (name: string): number => [...name].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) % 8, 7)

/** Links to other sites get no reference to this page. */
const relOf = (url: string): string | typeof nothing => (/^\s*(https?:|mailto:)/i.test(url) ? 'noopener noreferrer' : nothing)

export function renderRow(message: InboxMessage, index: number, isCurrent: boolean, context: RowContext): TemplateResult {
  const { texts, clock, nowMs, linkTarget, isOwn } = context
  const { id, title, body, count } = message
  const base = document.baseURI
  const url = safeLink(message.url, base)
  const image = [message.iconUrl, message.actor?.photoUrl].map((one) => safeImage(one, base)).find((one) => one !== null) ?? null
  const name = nameOf(message)
  const isUnread = message.readAt === null
  const isArchived = message.archivedAt !== null
  const away = message.snoozedUntil ? texts.unsnooze : isArchived ? texts.unarchive : texts.archive
  const level = (message.severity ?? 'NORMAL').toLowerCase()
  const severity = texts.severities[message.severity] ?? ''
  const tab = isCurrent ? 0 : -1
  const heading = title ?? body
  const named = html`<bdi>${heading}</bdi>${count > 1 ? html` <span class="count">×${count}</span>` : nothing}`
  const button = (action: InboxAction | null, part: string) => {
    if (action === null) return nothing
    const to = safeLink(action.url, base)
    const isDone = action.status === 'DONE'
    const inside = html`${isDone ? icons.check : nothing}<bdi>${action.label}</bdi>${
      isDone ? html`<span class="hidden"> (${texts.done})</span>` : nothing
    }`
    const classes = `action ${part}${isDone ? ' done' : ''}`
    const onClick = (event: Event) => context.onAction(message, action, event)
    return to === null
      ? html`<button type="button" class=${classes} part="action action-${part}" tabindex=${tab} @click=${onClick}>${inside}</button>`
      : html`<a class=${classes} part="action action-${part}" tabindex=${tab} href=${to} target=${linkTarget} rel=${relOf(to)} @click=${onClick}>${inside}</a>`
  }
  const link = (inside: unknown, classes: string) =>
    html`<a class=${classes} href=${url ?? nothing} target=${linkTarget} rel=${relOf(url ?? '')} tabindex="-1">${inside}</a>`
  // A click follows the message's link, which the page may show or not.
  const own = () =>
    html`${url === null ? nothing : html`<span aria-hidden="true">${link(nothing, 'link hidden')}</span>`}<slot name="row-${id}"></slot>`
  const usual = () => html`
      <span class="icon tint-${tintOf(name)}" part="icon" aria-hidden="true">
        ${
          image !== null && !context.brokenImages.has(image)
            ? html`<img src=${image} alt="" loading="lazy" referrerpolicy="no-referrer" @error=${() => context.onBrokenImage(image)}>`
            : initialOf(name)
        }
      </span>
      <div class="content">
        <h3 id="t-${id}" part="message-title">
          ${isUnread ? html`<span class="hidden">${texts.unread}: </span>` : nothing}
          ${severity === '' ? nothing : html`<span class="hidden">${severity}: </span>`}
          ${url === null ? named : link(named, 'link')}
        </h3>
        <div id="d-${id}">
          ${title === null ? nothing : html`<p part="message-body"><bdi>${body}</bdi></p>`}
          <time part="time" datetime=${message.createdAt} title=${clock.exact(message.createdAt)}>${
            message.snoozedUntil
              ? fill(texts.snoozedUntil, { text: clock.exact(message.snoozedUntil) })
              : clock.ago(timeOf(message), nowMs)
          }</time>
        </div>
        ${
          message.primaryAction === null && message.secondaryAction === null
            ? nothing
            : html`<div class="actions">${button(message.primaryAction, 'primary')}${button(message.secondaryAction, 'secondary')}</div>`
        }
      </div>`
  const open = (event: Event) => context.onOpen(message, event)
  return html`
    <article
      class="row ${isUnread ? 'is-unread' : ''} is-${level}" part="message ${isUnread ? 'message-unread' : 'message-read'} message-${level}"
      data-id=${id} tabindex=${tab} aria-posinset=${index + 1} aria-setsize=${context.setSize}
      aria-label=${isOwn ? `${isUnread ? `${texts.unread}: ` : ''}${severity === '' ? '' : `${severity}: `}${heading}` : nothing}
      aria-labelledby=${isOwn ? nothing : `t-${id}`} aria-describedby=${isOwn ? nothing : `d-${id}`} @click=${open}
    >
      ${isOwn ? own() : usual()}
      <div class="tools" part="tools">
        <button type="button" class="tool" part="tool" tabindex=${tab} title=${isUnread ? texts.markRead : texts.markUnread}
          aria-label=${isUnread ? texts.markRead : texts.markUnread} @click=${(event: Event) => {
            event.stopPropagation()
            context.onRead(message)
          }}>${isUnread ? icons.check : icons.dot}</button>
        <button type="button" class="tool" part="tool" tabindex=${tab} title=${away} aria-label=${away} @click=${(
          event: Event,
        ) => {
          event.stopPropagation()
          if (message.snoozedUntil) context.onUnsnooze(message)
          else context.onArchive(message)
        }}>${isArchived || message.snoozedUntil ? icons.restore : icons.archive}</button>
        <button type="button" class="tool" part="tool" tabindex=${tab} title=${texts.menu} aria-label=${texts.menu} aria-haspopup="menu"
          @click=${(event: Event) => {
            event.stopPropagation()
            context.onMenu(message, event)
          }}>${icons.more}</button>
      </div>
      ${isUnread ? html`<span class="unread-dot" part="unread-dot"></span>` : nothing}
    </article>
  `
}

/** The time shown: of the last fold while that is unseen, otherwise of the arrival. */
const timeOf = ({ count, sentAt, createdAt, updatedAt, seenAt }: InboxMessage): string =>
  count > 1 && seenAt === null ? updatedAt : (sentAt ?? createdAt)
