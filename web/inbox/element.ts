/** `<carillon-inbox>`: a bell with a count, and the inbox behind it; or, with `mode="inline"`, the inbox alone. */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { createInboxClient, type InboxClient, InboxError, type InboxShow, type InboxState, type TokenProvider } from './client.ts'
import { icons } from './icons.ts'
import type { InboxMessage, InboxPreferencesState } from './message.ts'
import { placePanel } from './placing.ts'
import { renderPreferences, type Wish } from './preferences.ts'
import { type RowContext, renderRow } from './row.ts'
import { createRows } from './rows.ts'
import { style } from './style.ts'
import { type Clock, createClock, fill, type InboxTexts, textsFor } from './texts.ts'

/** How long a message must have been in sight to be seen, ms. */
const SEEN_MS = 400
/** How often "3 minutes ago" is said anew, ms. */
const TICK_MS = 30_000
/** How near to its end the list asks for more, px. */
const NEAR_END_PX = 1_200
const SHOWS = ['all', 'unread', 'archived'] as const satisfies readonly InboxShow[]

/** A contact's inbox. */
export class CarillonInbox extends LitElement {
  static override styles = style
  static override properties = {
    token: {},
    server: {},
    tokenProvider: { attribute: false },
    feeds: {
      converter: (value: string | null) =>
        value === null
          ? []
          : value
              .split(',')
              .map((feed) => feed.trim())
              .filter(Boolean),
    },
    mode: { reflect: true },
    theme: { reflect: true },
    open: { type: Boolean, reflect: true },
    texts: { attribute: false },
    lang: {},
    linkTarget: { attribute: 'link-target' },
    noPreferences: { type: Boolean, attribute: 'no-preferences' },
    noKeep: { type: Boolean, attribute: 'no-keep' },
  }

  declare token: string | null
  declare server: string | null
  declare tokenProvider: TokenProvider | null
  declare feeds: readonly string[]
  declare mode: 'popover' | 'inline'
  declare theme: 'auto' | 'light' | 'dark'
  declare open: boolean
  declare texts: Partial<InboxTexts>
  declare linkTarget: string
  declare noPreferences: boolean
  declare noKeep: boolean

  #client: InboxClient | null = null
  #stops: (() => void)[] = []
  #state: InboxState | null = null
  readonly #rows = createRows()
  #current: string | null = null
  #focusNext: string | null = null
  #scrollTop = 0
  #freshCount = 0
  #said = ''
  #view: 'list' | 'preferences' = 'list'
  #preferences: InboxPreferencesState | null = null
  #preferencesFailed = false
  #wishes = 0
  readonly #broken = new Set<string>()
  #seenTimer: ReturnType<typeof setTimeout> | undefined
  #tick: ReturnType<typeof setInterval> | undefined
  #words: { key: string; texts: InboxTexts; clock: Clock } | null = null
  #lastCounts = ''
  #lastPhase = ''
  #sizes: ResizeObserver | null = null
  #width = 0

  constructor() {
    super()
    this.token = null
    this.server = null
    this.tokenProvider = null
    this.feeds = []
    this.mode = 'popover'
    this.theme = 'auto'
    this.open = false
    this.texts = {}
    this.linkTarget = '_self'
    this.noPreferences = false
    this.noKeep = false
  }

  /** The inbox behind the face; null while the element is not in a document. */
  get client(): InboxClient | null {
    return this.#client
  }
  get unseenCount(): number {
    return this.#state?.counts.unseen ?? 0
  }
  get unreadCount(): number {
    return this.#state?.counts.unread ?? 0
  }
  show(): void {
    this.open = true
  }
  hide(): void {
    this.open = false
  }
  toggle(): void {
    this.open = !this.open
  }

  // ------------------------------------------------------------------ life

  override connectedCallback(): void {
    super.connectedCallback()
    this.#tick = setInterval(() => this.#isShown && this.requestUpdate(), TICK_MS)
    document.addEventListener('pointerdown', this.#onOutside)
    document.addEventListener('visibilitychange', this.#onVisible)
    addEventListener('resize', this.#onMoved)
    addEventListener('scroll', this.#onMoved, { capture: true, passive: true })
    if (this.hasUpdated) this.#start()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#tick)
    clearTimeout(this.#seenTimer)
    this.#sizes?.disconnect()
    this.#sizes = null
    document.removeEventListener('pointerdown', this.#onOutside)
    document.removeEventListener('visibilitychange', this.#onVisible)
    removeEventListener('resize', this.#onMoved)
    removeEventListener('scroll', this.#onMoved, { capture: true })
    // An element that is only moved to another place is back at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop()
    })
  }

  #start(): void {
    if (this.#client !== null) return
    const client = createInboxClient({
      ...(this.server === null || this.server === '' ? {} : { server: this.server }),
      token: this.token,
      tokenProvider: this.tokenProvider,
      feeds: this.feeds,
      keep: !this.noKeep,
    })
    this.#client = client
    this.#state = client.state
    this.#stops = [
      client.subscribe((state) => this.#onState(state)),
      client.on('received', (message) => this.#onReceived(message)),
      client.on('changed', (change) => this.#emit('carillon-change', change)),
      client.on('expired', (detail) => this.#emit('carillon-token-expired', detail)),
      client.on('failed', ({ code, message }) => this.#emit('carillon-error', { code, message })),
    ]
  }

  #stop(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.#client?.close()
    this.#client = null
    this.#state = null
    this.#preferences = null
    this.#view = 'list'
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return
    const isOther = changed.has('server') || changed.has('feeds') || changed.has('noKeep')
    if (this.hasUpdated && isOther) this.#stop()
    if (this.#client === null) this.#start()
    else {
      if (changed.has('tokenProvider')) this.#client.setTokenProvider(this.tokenProvider)
      if (changed.has('token') && this.token !== null && this.token !== '') this.#client.setToken(this.token)
    }
    if (changed.has('open') && !this.open) this.#view = 'list'
  }

  #emit(name: string, detail: unknown, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }))
  }

  #onState(state: InboxState): void {
    this.#state = state
    const counts = { unseenCount: state.counts.unseen, unreadCount: state.counts.unread }
    const key = JSON.stringify(counts)
    if (key !== this.#lastCounts) {
      this.#lastCounts = key
      this.#emit('carillon-counts', counts)
    }
    const phase = `${state.phase} ${state.live}`
    if (phase !== this.#lastPhase) {
      this.#lastPhase = phase
      this.#emit('carillon-state', { phase: state.phase, live: state.live })
    }
    this.requestUpdate()
  }

  #onReceived(message: InboxMessage): void {
    this.#said = fill(this.#language().texts.arrived, { text: message.title ?? message.body })
    if (this.#isShown && this.#scrollTop > 0) this.#freshCount += 1
    this.#emit('carillon-message', { message })
    this.requestUpdate()
  }

  // ------------------------------------------------------------------ what the contact does

  get #isShown(): boolean {
    return this.mode === 'inline' || this.open
  }

  readonly #onOutside = (event: Event): void => {
    if (this.mode !== 'inline' && this.open && !event.composedPath().includes(this)) this.#setOpen(false)
  }
  readonly #onVisible = (): void => this.#noteSeen()
  readonly #onMoved = (): void => {
    if (this.mode !== 'inline' && this.open) placePanel(this.#panel, this.#bell)
  }
  get #panel(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.panel')
  }
  get #bell(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.bell')
  }
  get #scroller(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.scroll')
  }

  #setOpen(isOpen: boolean): void {
    if (this.open === isOpen) return
    this.open = isOpen
    this.#emit(isOpen ? 'carillon-open' : 'carillon-close', null)
    void this.updateComplete.then(() => {
      if (isOpen) this.#panel?.focus({ preventScroll: true })
      else if (this.shadowRoot?.activeElement !== null || document.activeElement === document.body) this.#bell?.focus()
    })
  }

  readonly #context: Pick<RowContext, 'onOpen' | 'onAction' | 'onRead' | 'onArchive' | 'onBrokenImage'> = {
    onOpen: (message, event) => {
      // A text that is being marked is not opened.
      if (!(getSelection()?.isCollapsed ?? true) && event.type === 'click') return
      if (!this.#emit('carillon-message-click', { message }, true)) event.preventDefault()
      if (message.readAt === null) this.#client?.mark([message.id], { read: true })
      const link = this.renderRoot.querySelector<HTMLAnchorElement>(`[data-id="${message.id}"] .link`)
      const isOnLink = event.composedPath().some((node) => node instanceof HTMLAnchorElement)
      if (link !== null && !isOnLink && !event.defaultPrevented) link.click()
    },
    onAction: (message, action, event) => {
      event.stopPropagation()
      if (!this.#emit('carillon-action', { message, action }, true)) event.preventDefault()
      if (action.status !== 'DONE') this.#client?.act(message.id, action.type)
      if (message.readAt === null) this.#client?.mark([message.id], { read: true })
    },
    onRead: (message) => this.#client?.mark([message.id], { read: message.readAt === null }),
    onArchive: (message) => {
      this.#moveOn(message.id)
      this.#client?.mark([message.id], { archived: message.archivedAt === null })
    },
    onBrokenImage: (url) => {
      this.#broken.add(url)
      this.requestUpdate()
    },
  }

  /** The row is about to leave: whoever stood on it stands on the next one. */
  #moveOn(id: string): void {
    const { messages } = this.#state ?? { messages: [] }
    const at = messages.findIndex((one) => one.id === id)
    const next = messages[at + 1] ?? messages[at - 1]
    const isInside = this.shadowRoot?.activeElement?.closest('.row') !== null
    this.#current = next?.id ?? null
    if (isInside) this.#focusNext = this.#current
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.mode !== 'inline') {
      event.stopPropagation()
      if (this.#view === 'preferences') this.#showPreferences(false)
      else this.#setOpen(false)
      return
    }
    if (event.altKey || event.ctrlKey || event.metaKey || this.#view !== 'list') return
    const target = event.composedPath()[0]
    if (!(target instanceof HTMLElement) || target.matches('input, [role=tab]')) return
    const messages = this.#state?.messages ?? []
    const row = target.closest<HTMLElement>('.row')
    const at = messages.findIndex(({ id }) => id === row?.dataset['id'])
    const message = messages[at]
    const go = (to: number): void => {
      event.preventDefault()
      this.#goTo(Math.max(0, Math.min(messages.length - 1, to)))
    }
    if (event.key === 'ArrowDown') go(at + 1)
    else if (event.key === 'ArrowUp' && at >= 0) go(at - 1)
    else if (event.key === 'PageDown' && at >= 0) go(at + 5)
    else if (event.key === 'PageUp' && at >= 0) go(at - 5)
    else if (event.key === 'Home' && at >= 0) go(0)
    else if (event.key === 'End' && at >= 0) go(messages.length - 1)
    else if (message !== undefined && target === row) {
      if (event.key === 'Enter') this.#context.onOpen(message, event)
      else if (event.key === 'u') this.#context.onRead(message)
      else if (event.key === 'e' || event.key === 'Delete') this.#context.onArchive(message)
      else return
      event.preventDefault()
    }
  }

  /** Brings a row into sight and stands on it. */
  #goTo(index: number): void {
    const scroller = this.#scroller
    const message = this.#state?.messages[index]
    if (scroller === null || message === undefined) return
    const top = this.#rows.offsetOf(index)
    const bottom = top + this.#rows.heightOf(index)
    if (top < scroller.scrollTop) scroller.scrollTop = top
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight
    this.#scrollTop = scroller.scrollTop
    this.#current = message.id
    this.#focusNext = message.id
    this.requestUpdate()
  }

  readonly #onScroll = ({ currentTarget }: Event): void => {
    if (!(currentTarget instanceof HTMLElement)) return
    this.#scrollTop = currentTarget.scrollTop
    if (this.#scrollTop <= 0) this.#freshCount = 0
    this.requestUpdate()
  }

  #askForMore(): void {
    const scroller = this.#scroller
    const state = this.#state
    if (scroller === null || state === null || !state.hasMore || state.isLoadingMore || this.#view !== 'list') return
    if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight > NEAR_END_PX) return
    this.#client?.loadMore().catch((error: unknown) => {
      if (error instanceof InboxError) this.#emit('carillon-error', { code: error.code, message: error.message })
    })
  }

  /** What has been in sight for a moment is seen. */
  #noteSeen(): void {
    if (this.#seenTimer !== undefined) return
    this.#seenTimer = setTimeout(() => {
      this.#seenTimer = undefined
      const scroller = this.#scroller
      if (scroller === null || !this.#isShown || this.#view !== 'list' || document.visibilityState !== 'visible') return
      const inSight = new Set(this.#rows.visible(scroller.scrollTop, scroller.clientHeight))
      const ids = (this.#state?.messages ?? []).filter(({ id, seenAt }) => seenAt === null && inSight.has(id)).map(({ id }) => id)
      this.#client?.mark(ids, { seen: true })
    }, SEEN_MS)
  }

  #select(to: { feed?: string | null; show?: InboxShow }): void {
    this.#scrollTop = 0
    this.#freshCount = 0
    this.#current = null
    const scroller = this.#scroller
    if (scroller !== null) scroller.scrollTop = 0
    void this.#client?.select(to)
  }

  readonly #onTabKey = (event: KeyboardEvent): void => {
    const tabs = [...this.renderRoot.querySelectorAll<HTMLElement>('[role=tab]')]
    const at = event.target instanceof HTMLElement ? tabs.indexOf(event.target) : -1
    const isRtl = getComputedStyle(this).direction === 'rtl'
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    const to =
      event.key === 'Home' ? 0 : event.key === 'End' ? tabs.length - 1 : (at + (isRtl ? -step : step) + tabs.length) % tabs.length
    if (at < 0 || (step === 0 && event.key !== 'Home' && event.key !== 'End')) return
    event.preventDefault()
    tabs[to]?.focus()
    tabs[to]?.click()
  }

  #showPreferences(isShown: boolean): void {
    this.#view = isShown ? 'preferences' : 'list'
    if (isShown) void this.#loadPreferences()
    this.requestUpdate()
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(isShown ? '.back' : '.gear')?.focus())
  }

  async #loadPreferences(): Promise<void> {
    this.#preferencesFailed = false
    try {
      this.#preferences = (await this.#client?.preferences()) ?? null
    } catch {
      this.#preferencesFailed = true
    }
    this.requestUpdate()
  }

  async #wish(wish: Wish): Promise<void> {
    const mine = ++this.#wishes
    this.#preferencesFailed = false
    try {
      const now = await this.#client?.setPreference(wish)
      // Of two answers that cross, the one to the later wish counts.
      if (now !== undefined && mine === this.#wishes) this.#preferences = now
    } catch {
      this.#preferencesFailed = true
      // A switch that was turned turns back.
      this.#preferences = this.#preferences === null ? null : { ...this.#preferences }
    }
    this.requestUpdate()
  }

  // ------------------------------------------------------------------ what is shown

  #language(): { texts: InboxTexts; clock: Clock } {
    const lang = this.lang || this.closest<HTMLElement>('[lang]')?.lang || document.documentElement.lang || navigator.language
    const key = `${lang} ${JSON.stringify(this.texts)}`
    if (this.#words?.key !== key) {
      const texts = textsFor(lang, this.texts ?? {})
      this.#words = { key, texts, clock: createClock(lang, texts.justNow) }
    }
    return this.#words
  }

  protected override render(): TemplateResult {
    const { texts } = this.#language()
    const unseen = this.unseenCount
    const status = html`<div class="hidden" role="status">${this.#said}</div>`
    if (this.mode === 'inline') {
      return html`<div class="panel" part="panel" role="group" aria-label=${texts.title} @keydown=${this.#onKey}>${this.#renderPanel(texts)}</div>${status}`
    }
    return html`
      <button type="button" class="bell" part="bell" aria-haspopup="dialog" aria-expanded=${this.open} @click=${() => this.#setOpen(!this.open)}>
        <span class="hidden">${unseen > 0 ? fill(texts.bellUnseen, { n: unseen }) : texts.title}</span>
        <slot name="bell">${icons.bell}</slot>
        ${unseen > 0 ? html`<span class="badge" part="badge" aria-hidden="true">${unseen > 99 ? '99+' : unseen}</span>` : nothing}
      </button>
      ${
        this.open
          ? html`<div class="panel floats" part="panel" role="dialog" popover="manual" tabindex="-1" aria-label=${texts.title}
              @keydown=${this.#onKey}>${this.#renderPanel(texts)}</div>`
          : nothing
      }
      ${status}
    `
  }

  #renderPanel(texts: InboxTexts): TemplateResult {
    const isPreferences = this.#view === 'preferences'
    const { unread } = this.#state?.counts ?? { unread: 0 }
    const tool = (name: string, label: string, icon: unknown, onClick: () => void, isOff = false) =>
      html`<button type="button" class="tool ${name}" part="tool" title=${label} aria-label=${label} ?disabled=${isOff} @click=${onClick}>${icon}</button>`
    const close = this.mode === 'inline' ? nothing : tool('close', texts.close, icons.close, () => this.#setOpen(false))
    if (isPreferences) {
      return html`
        <header part="header">${tool('back', texts.back, icons.back, () => this.#showPreferences(false))}<h2 part="title">${texts.preferences}</h2>${close}</header>
        <div class="scroll" tabindex="0" role="group" aria-label=${texts.preferences} part="preferences">
          ${renderPreferences({
            preferences: this.#preferences,
            failed: this.#preferencesFailed,
            texts,
            onWish: (wish) => void this.#wish(wish),
            onRetry: () => void this.#loadPreferences(),
          })}
        </div>`
    }
    const state = this.#state
    const isEmpty = (state?.messages.length ?? 0) === 0
    return html`
      <header part="header">
        <h2 part="title">${texts.title}${unread > 0 ? html`<span class="total" part="total">${unread}<span class="hidden"> ${texts.unread}</span></span>` : nothing}</h2>
        ${tool('read-all', texts.markAllRead, icons.readAll, () => this.#client?.markAll({ read: true }), isEmpty || unread === 0)}
        ${tool('archive-all', texts.archiveAll, icons.archive, () => this.#client?.markAll({ archived: true }), isEmpty || state?.show === 'archived')}
        ${this.noPreferences ? nothing : tool('gear', texts.preferences, icons.gear, () => this.#showPreferences(true))}
        ${close}
      </header>
      ${this.#renderTabs(texts)}
      <div class="filters" part="filters" role="group" aria-label=${texts.title}>
        ${SHOWS.map((show) => {
          const label = show === 'all' ? texts.showAll : show === 'unread' ? texts.showUnread : texts.showArchived
          return html`<button type="button" class="filter" part="filter" aria-pressed=${state?.show === show} @click=${() => this.#select({ show })}>${label}</button>`
        })}
      </div>
      ${this.#renderBanner(texts)}
      <div class="wrap">
        ${
          this.#freshCount > 0
            ? html`<button type="button" class="pill" part="new-messages" @click=${() => this.#goTo(0)}>${icons.up}${fill(texts.newMessages, { n: this.#freshCount })}</button>`
            : nothing
        }
        ${this.#renderList(texts)}
      </div>
      <slot name="footer"></slot>
    `
  }

  #renderTabs(texts: InboxTexts): TemplateResult | typeof nothing {
    if (this.feeds.length < 2) return nothing
    const state = this.#state
    return html`<div class="tabs" part="tabs" role="tablist" aria-label=${texts.title} @keydown=${this.#onTabKey}>
      ${[null, ...this.feeds].map((feed) => {
        const isSelected = (state?.feed ?? null) === feed
        const unseen = (feed === null ? state?.counts : state?.countsByFeed[feed])?.unseen ?? 0
        return html`<button type="button" role="tab" class="tab" part="tab ${isSelected ? 'tab-selected' : ''}" aria-selected=${isSelected}
          aria-controls="list" tabindex=${isSelected ? 0 : -1} @click=${() => this.#select({ feed })}
          >${feed === null ? texts.all : (texts.feeds[feed] ?? feed)}${unseen > 0 ? html`<span class="n" part="tab-count">${unseen}</span>` : nothing}</button>`
      })}
    </div>`
  }

  #renderBanner(texts: InboxTexts): TemplateResult | typeof nothing {
    const state = this.#state
    if (state === null || state.messages.length === 0) return nothing
    if (state.phase === 'expired')
      return html`<div class="banner" part="banner" role="alert"><span>${texts.expiredTitle}. ${texts.expiredText}</span></div>`
    if (state.live === 'offline' || state.phase === 'error') {
      return html`<div class="banner" part="banner" role="status"><span>${texts.offline}</span><button type="button" @click=${() => this.#client?.retry()}>${texts.retry}</button></div>`
    }
    return nothing
  }

  #renderList(texts: InboxTexts): TemplateResult {
    const state = this.#state
    const messages = state?.messages ?? []
    if (state === null || messages.length === 0) return this.#renderNone(texts)
    const viewPx = this.#scroller?.clientHeight ?? 600
    const { start, end } = this.#rows.window(messages, this.#scrollTop, viewPx)
    const { clock } = this.#language()
    const context: RowContext = {
      ...this.#context,
      texts,
      clock,
      nowMs: Date.now(),
      linkTarget: this.linkTarget,
      setSize: state.hasMore ? -1 : messages.length,
      brokenImages: this.#broken,
    }
    const current = messages.some(({ id }) => id === this.#current) ? this.#current : (messages[start]?.id ?? null)
    return html`
      <div class="scroll" part="list" @scroll=${this.#onScroll}>
        <div id="list" role="feed" aria-label=${texts.title} aria-busy=${state.isLoadingMore}>
          ${repeat(
            messages.slice(start, end),
            ({ id }) => id,
            (message, index) => renderRow(message, start + index, message.id === current, context),
          )}
        </div>
        ${state.hasMore ? html`<div class="tail">${texts.more}</div>` : nothing}
      </div>`
  }

  #renderNone(texts: InboxTexts): TemplateResult {
    const state = this.#state
    const retry = html`<button type="button" class="action primary" @click=${() => this.#client?.retry()}>${texts.retry}</button>`
    if (state?.phase === 'error') {
      return html`<div class="notice" part="error" id="list" role="alert">${icons.fault}<h3>${texts.errorTitle}</h3><p>${texts.errorText}</p>${retry}</div>`
    }
    if (state?.phase === 'expired') {
      return html`<div class="notice" part="expired" id="list" role="alert">${icons.key}<h3>${texts.expiredTitle}</h3><p>${texts.expiredText}</p></div>`
    }
    if (state === null || state.phase === 'loading') {
      return html`<div class="skeletons" id="list" part="loading" aria-busy="true"><span class="hidden">${texts.loading}</span>${[0, 1, 2, 3, 4].map(() => html`<div class="skeleton"></div>`)}</div>`
    }
    return html`<div class="notice" part="empty" id="list"><slot name="empty">${icons.calm}<h3>${
      state.show === 'all' ? texts.emptyTitle : state.show === 'unread' ? texts.emptyUnread : texts.emptyArchived
    }</h3>${state.show === 'all' ? html`<p>${texts.emptyText}</p>` : nothing}</slot></div>`
  }

  protected override update(changed: PropertyValues<this>): void {
    const scroller = this.hasUpdated ? this.#scroller : null
    const anchor = this.#view === 'list' && scroller !== null ? this.#rows.anchor(scroller.scrollTop) : null
    const focused = this.shadowRoot?.activeElement?.closest<HTMLElement>('.row')?.dataset['id']
    super.update(changed)
    this.#settle(anchor, focused ?? null)
  }

  /** After the rows are in the document: learns their heights, keeps the reader where they were, and puts the focus where it belongs. */
  #settle(anchor: ReturnType<ReturnType<typeof createRows>['anchor']>, focused: string | null): void {
    const panel = this.#panel
    if (panel?.hasAttribute('popover') === true && typeof panel.showPopover === 'function' && !panel.matches(':popover-open')) {
      panel.showPopover()
    }
    if (this.mode !== 'inline' && this.open) placePanel(panel, this.#bell)
    const scroller = this.#scroller
    if (scroller === null || this.#view !== 'list') return
    const list = scroller.querySelector<HTMLElement>('#list')
    // Not in the template: a style attribute is refused by a strict Content-Security-Policy, a property is not.
    if (list !== null) {
      list.style.paddingTop = `${this.#rows.above}px`
      list.style.paddingBottom = `${this.#rows.below}px`
    }
    this.#watchWidth(scroller)
    const isOther = this.#rows.measure(scroller.querySelectorAll<HTMLElement>('.row'))
    const wanted = anchor === null ? null : this.#rows.scrollFor(anchor)
    if (wanted !== null && Math.abs(wanted - scroller.scrollTop) >= 1) scroller.scrollTop = wanted
    if (this.#scrollTop !== scroller.scrollTop || isOther) {
      this.#scrollTop = scroller.scrollTop
      queueMicrotask(() => this.requestUpdate())
    }
    if (this.#focusNext !== null) {
      const row = scroller.querySelector<HTMLElement>(`[data-id="${this.#focusNext}"]`)
      if (row !== null) {
        row.focus({ preventScroll: true })
        this.#focusNext = null
      }
    } else if (focused !== null && this.shadowRoot?.activeElement === null) {
      // The row that had the focus was scrolled away or taken out: the keyboard goes on from the list.
      scroller.tabIndex = -1
      scroller.focus({ preventScroll: true })
    }
    this.#askForMore()
    this.#noteSeen()
  }

  #watchWidth(scroller: HTMLElement): void {
    this.#sizes ??= new ResizeObserver(() => {
      const now = this.#scroller
      if (now === null) return
      if (now.clientWidth !== this.#width) {
        this.#width = now.clientWidth
        this.#rows.forget()
      }
      this.requestUpdate()
    })
    this.#sizes.observe(scroller)
  }
}

if (customElements.get('carillon-inbox') === undefined) customElements.define('carillon-inbox', CarillonInbox)

export { createInboxClient } from './client.ts'
