/** The panel: heading, tabs, filters, and the list or the reason why there is none. */
import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { icons } from './icons.ts'
import type { InboxShow, InboxState } from './inbox-state.ts'
import type { ListView } from './list-view.ts'
import type { InboxMarks } from './message.ts'
import { type RowContext, renderRow } from './row.ts'
import { fill, type InboxTexts } from './texts.ts'

/** The state of the panel, and what its controls do. */
export interface PanelContext {
  readonly texts: InboxTexts
  /** null: not connected yet */
  readonly state: InboxState | null
  readonly feeds: readonly string[]
  readonly list: ListView
  readonly row: Omit<RowContext, 'setSize'>
  readonly hasPreferences: boolean
  /** null: it has no close button */
  readonly onClose: (() => void) | null
  onSelect(to: { feed?: string | null; show?: InboxShow }): void
  onMarkAll(marks: InboxMarks): void
  readonly notice: unknown
  onMenu(event: Event): void
  onPreferences(): void
  onRetry(): void
}

const shows = {
  all: 'showAll',
  unread: 'showUnread',
  archived: 'showArchived',
  snoozed: 'showSnoozed',
} as const satisfies Record<InboxShow, keyof InboxTexts>

const empties = {
  all: 'emptyTitle',
  unread: 'emptyUnread',
  archived: 'emptyArchived',
  snoozed: 'emptySnoozed',
} as const satisfies Record<InboxShow, keyof InboxTexts>

/** An icon button. */
export const tool = (name: string, label: string, icon: unknown, onClick: () => void, isOff = false): TemplateResult =>
  html`<button type="button" class="tool ${name}" part="tool" title=${label} aria-label=${label} ?disabled=${isOff} @click=${onClick}>${icon}</button>`

export function renderPanel(context: PanelContext): TemplateResult {
  const { texts, state, list, onSelect, onMarkAll } = context
  const unread = state?.counts.unread ?? 0
  const isEmpty = (state?.messages.length ?? 0) === 0
  return html`
    <header part="header">
      <h2 part="title"><bdi>${texts.title}</bdi>${unread > 0 ? html`<span class="total" part="total">${unread}<span class="hidden"> ${texts.unread}</span></span>` : nothing}</h2>
      ${tool('read-all', texts.markAllRead, icons.readAll, () => onMarkAll({ read: true }), isEmpty || unread === 0)}
      ${tool('archive-all', texts.archiveAll, icons.archive, () => onMarkAll({ archived: true }), isEmpty || state?.show === 'archived' || state?.show === 'snoozed')}
      <button type="button" class="tool more" part="tool" title=${texts.menu} aria-label=${texts.menu} aria-haspopup="menu" ?disabled=${isEmpty || state?.show === 'snoozed'}
        @click=${context.onMenu}>${icons.more}</button>
      ${context.hasPreferences ? tool('gear', texts.preferences, icons.gear, context.onPreferences) : nothing}
      ${context.onClose === null ? nothing : tool('close', texts.close, icons.close, context.onClose)}
    </header>
    ${renderTabs(context)}
    <div class="filters" part="filters" role="group" aria-label=${texts.title}>
      ${(Object.keys(shows) as InboxShow[]).map(
        (show) =>
          html`<button type="button" class="filter" part="filter" aria-pressed=${state?.show === show} @click=${() => onSelect({ show })}>${texts[shows[show]]}</button>`,
      )}
    </div>
    ${renderBanner(context)}
    <div class="wrap">
      ${
        list.freshCount > 0
          ? html`<button type="button" class="pill" part="new-messages" @click=${() => list.goTo(0)}>${icons.up}${fill(texts.newMessages, { n: list.freshCount })}</button>`
          : nothing
      }
      ${state === null || isEmpty ? renderNone(context) : renderList(context, state)}
      ${context.notice}
    </div>
    <slot name="footer"></slot>
  `
}

function renderTabs({ texts, state, feeds, onSelect }: PanelContext): TemplateResult | typeof nothing {
  if (feeds.length < 2) return nothing
  return html`<div class="tabs" part="tabs" role="tablist" aria-label=${texts.title} @keydown=${onTabKey}>
    ${[null, ...feeds].map((feed) => {
      const isSelected = (state?.feed ?? null) === feed
      const unseen = (feed === null ? state?.counts : state?.countsByFeed[feed])?.unseen ?? 0
      return html`<button type="button" role="tab" class="tab" part="tab ${isSelected ? 'tab-selected' : ''}" aria-selected=${isSelected}
        aria-controls="list" tabindex=${isSelected ? 0 : -1} @click=${() => onSelect({ feed })}
        >${feed === null ? texts.all : (texts.feeds[feed] ?? feed)}${unseen > 0 ? html`<span class="n" part="tab-count">${unseen}</span>` : nothing}</button>`
    })}
  </div>`
}

/** Arrow keys move between tabs, in the direction they point. */
function onTabKey(event: KeyboardEvent): void {
  const { currentTarget, target, key } = event
  if (!(currentTarget instanceof HTMLElement) || !(target instanceof HTMLElement)) return
  const tabs = [...currentTarget.querySelectorAll<HTMLElement>('[role=tab]')]
  const at = tabs.indexOf(target)
  const forward = getComputedStyle(currentTarget).direction === 'rtl' ? -1 : 1
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: at + forward,
    ArrowLeft: at - forward,
    Home: 0,
    End: tabs.length - 1,
  }
  const to = steps[key]
  if (at < 0 || to === undefined) return
  event.preventDefault()
  const tab = tabs[(to + tabs.length) % tabs.length]
  tab?.focus()
  tab?.click()
}

function renderBanner({ texts, state, onRetry }: PanelContext): TemplateResult | typeof nothing {
  if (state === null || state.messages.length === 0) return nothing
  if (state.phase === 'expired')
    return html`<div class="banner" part="banner" role="alert"><span>${texts.expiredTitle}. ${texts.expiredText}</span></div>`
  if (state.live === 'offline' || state.phase === 'error') {
    return html`<div class="banner" part="banner" role="status"><span>${texts.offline}</span><button type="button" @click=${onRetry}>${texts.retry}</button></div>`
  }
  return nothing
}

function renderList({ texts, list, row }: PanelContext, { messages, hasMore, isLoadingMore }: InboxState): TemplateResult {
  const { start, end, current } = list.window()
  const context: RowContext = { ...row, setSize: hasMore ? -1 : messages.length }
  return html`
    <div class="scroll" part="list" @scroll=${list.onScroll}>
      <div id="list" role="feed" aria-label=${texts.title} aria-busy=${isLoadingMore}>
        ${repeat(
          messages.slice(start, end),
          ({ id }) => id,
          (message, index) => renderRow(message, start + index, message.id === current, context),
        )}
      </div>
      ${hasMore ? html`<div class="tail">${texts.more}</div>` : nothing}
    </div>`
}

function renderNone({ texts, state, onRetry }: PanelContext): TemplateResult {
  if (state?.phase === 'error') {
    return html`<div class="notice" part="error" id="list" role="alert">${icons.fault}<h3>${texts.errorTitle}</h3><p>${texts.errorText}</p>
      <button type="button" class="action primary" @click=${onRetry}>${texts.retry}</button></div>`
  }
  if (state?.phase === 'expired') {
    return html`<div class="notice" part="expired" id="list" role="alert">${icons.key}<h3>${texts.expiredTitle}</h3><p>${texts.expiredText}</p></div>`
  }
  if (state === null || state.phase === 'loading') {
    return html`<div class="skeletons" id="list" part="loading" aria-busy="true"><span class="hidden">${texts.loading}</span>${[0, 1, 2, 3, 4].map(() => html`<div class="skeleton"></div>`)}</div>`
  }
  return html`<div class="notice" part="empty" id="list"><slot name="empty">${icons.calm}<h3>${
    texts[empties[state.show]]
  }</h3>${state.show === 'all' ? html`<p>${texts.emptyText}</p>` : nothing}</slot></div>`
}
