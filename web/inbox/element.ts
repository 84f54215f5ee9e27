/** `<carillon-inbox>`: a bell with a count that opens the inbox, or with `mode="inline"` the inbox alone. */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { createInboxClient } from './client.ts'
import type { CarillonInboxEvents } from './element-events.ts'
import { icons } from './icons.ts'
import type { InboxClient } from './inbox-client.ts'
import { InboxError } from './inbox-error.ts'
import type { InboxState } from './inbox-state.ts'
import { createListView, isTyped, type RowKeys } from './list-view.ts'
import { type Menu, renderMenu, showMenu } from './menu.ts'
import type { InboxMarks, InboxMessage, InboxPreferencesState, InboxSelection } from './message.ts'
import { createOwnRows, isOnControl, type OwnRows, type RenderRow, type RenderRows } from './own-rows.ts'
import { renderPanel, tool } from './panel.ts'
import { positionPanel } from './position-panel.ts'
import { type PreferenceChange, renderPreferences } from './preferences.ts'
import type { RowContext } from './row.ts'
import { snoozeForm, snoozeItems } from './snooze-menu.ts'
import { style } from './style.ts'
import { type Clock, createClock, fill, type InboxTexts, textsFor } from './texts.ts'
import type { TokenProvider } from './token-keeper.ts'
import { createUndoNotice, UNDO_MS } from './undo-notice.ts'

/** How often relative times such as "3 minutes ago" are refreshed, ms. */
const TICK_MS = 30_000

/** A list, or a comma-separated string: Vue sets the property even when the template has the attribute. */
type FeedNames = readonly string[] | string | null | undefined
const listOf = (given: FeedNames): readonly string[] =>
  (typeof given === 'string' ? given.split(',') : (given ?? [])).map((feed) => feed.trim()).filter(Boolean)

const levels = ['CRITICAL', 'HIGH', 'NORMAL', 'LOW']
/** The most important first, and those of a severity as they were. */
const bySeverity = (messages: readonly InboxMessage[]): readonly InboxMessage[] =>
  [...messages].sort((one, other) => levels.indexOf(one.severity) - levels.indexOf(other.severity))

/** A contact's inbox. */
export class CarillonInbox extends LitElement {
  static override styles = style
  static override properties = {
    token: {},
    server: {},
    tokenProvider: { attribute: false },
    feeds: {
      // A framework may create an equal array on every render.
      hasChanged: (one: FeedNames, other: FeedNames) => JSON.stringify(listOf(one)) !== JSON.stringify(listOf(other)),
      converter: listOf,
    },
    mode: { reflect: true },
    theme: { reflect: true },
    open: { type: Boolean, reflect: true },
    texts: { attribute: false },
    lang: {},
    linkTarget: { attribute: 'link-target' },
    noPreferences: { type: Boolean, attribute: 'no-preferences' },
    noKeep: { type: Boolean, attribute: 'no-keep' },
    order: {},
    renderRow: { attribute: false },
    renderRows: { attribute: false },
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
  declare order: 'newest' | 'severity'
  declare renderRow: RenderRow | null
  declare renderRows: RenderRows | null

  #client: InboxClient | null = null
  #stops: (() => void)[] = []
  #state: InboxState | null = null
  readonly #list = createListView({
    messages: () => this.#state?.messages ?? [],
    scroller: () => (this.#view === 'list' && this.#isShown ? this.renderRoot.querySelector<HTMLElement>('.scroll') : null),
    focused: () => this.shadowRoot?.activeElement ?? null,
    update: () => this.requestUpdate(),
    onSeen: (ids) => this.#client?.mark(ids, { seen: true }),
    onNearEnd: () => this.#loadMore(),
  })
  /** null: the page has never rendered rows itself */
  #ownRows: OwnRows | null = null
  #announcement = ''
  /** how many messages were shown when the last page was asked for */
  #shownThen = -1
  #menu: Menu | null = null
  readonly #notice = createUndoNotice({ update: () => this.requestUpdate(), onGone: () => this.#client?.commit() })
  #view: 'list' | 'preferences' = 'list'
  #preferences: InboxPreferencesState | null = null
  #preferencesFailed = false
  /** counts the changes, to tell which response is the latest */
  #preferenceChanges = 0
  readonly #brokenImages = new Set<string>()
  #tick: ReturnType<typeof setInterval> | undefined
  #language: { key: string; texts: InboxTexts; clock: Clock } | null = null
  #lastCounts = ''
  #lastPhase = ''

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
    this.order = 'newest'
    this.renderRow = null
    this.renderRows = null
  }

  /** The headless inbox; null while the element is not in a document. */
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

  // ------------------------------------------------------------------ lifecycle

  override connectedCallback(): void {
    super.connectedCallback()
    this.#tick = setInterval(() => {
      if (!this.#isShown) return
      this.#ownRows?.expire()
      this.requestUpdate()
    }, TICK_MS)
    document.addEventListener('pointerdown', this.#onOutside)
    document.addEventListener('visibilitychange', this.#onVisible)
    addEventListener('resize', this.#onMoved)
    addEventListener('scroll', this.#onMoved, { capture: true, passive: true })
    if (this.hasUpdated) this.#start()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#tick)
    this.#list.stop()
    document.removeEventListener('pointerdown', this.#onOutside)
    document.removeEventListener('visibilitychange', this.#onVisible)
    removeEventListener('resize', this.#onMoved)
    removeEventListener('scroll', this.#onMoved, { capture: true })
    // An element that is only being moved in the document is connected again by then.
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop()
    })
  }

  #start(): void {
    if (this.#client !== null) return
    let client: InboxClient
    try {
      client = createInboxClient({
        ...(this.server === null || this.server === '' ? {} : { server: this.server }),
        token: this.token,
        tokenProvider: this.tokenProvider,
        feeds: this.feeds,
        keep: !this.noKeep,
      })
    } catch (error) {
      if (!(error instanceof InboxError)) throw error
      // It starts when it is told where the server is.
      this.#emit('carillon-error', { code: error.code, message: error.message })
      return
    }
    this.#client = client
    this.#state = client.state
    this.#stops = [
      client.subscribe((state) => this.#onState(state)),
      client.on('received', (message) => this.#onReceived(message)),
      client.on('changed', (change) => this.#emit('carillon-change', change)),
      client.on('returned', (message) => this.#announce(message)),
      client.on('released', () => this.#notice.hide()),
      client.on('expired', (detail) => this.#emit('carillon-token-expired', detail)),
      client.on('failed', ({ code, message }) => this.#emit('carillon-error', { code, message })),
    ]
  }

  #stop(): void {
    this.#notice.hide()
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.#client?.close()
    this.#client = null
    this.#state = null
    this.#preferences = null
    this.#view = 'list'
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('feeds')) this.feeds = listOf(this.feeds)
    if (changed.has('order') && this.#client !== null) this.#onState(this.#client.state)
    if (!this.isConnected) return
    const isOther = changed.has('server') || changed.has('feeds') || changed.has('noKeep')
    if (this.hasUpdated && isOther) this.#stop()
    if (this.#client === null) this.#start()
    else {
      if (changed.has('tokenProvider')) this.#client.setTokenProvider(this.tokenProvider)
      if (changed.has('token') && this.token !== null && this.token !== '') this.#client.setToken(this.token)
    }
    if (changed.has('open') && !this.open) {
      this.#view = 'list'
      this.#menu = null
      this.#notice.hide()
    }
  }

  #emit<K extends keyof CarillonInboxEvents>(name: K, detail: CarillonInboxEvents[K], cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }))
  }

  #onState(state: InboxState): void {
    const isOther = this.#state !== null && this.#state.contact !== state.contact
    this.#state = this.order === 'severity' ? { ...state, messages: bySeverity(state.messages) } : state
    if (isOther) {
      // All of these belong to the contact who was signed in before.
      this.#notice.hide()
      this.#menu = null
      this.#preferences = null
      this.#preferenceChanges += 1
      if (this.#view === 'preferences') void this.#loadPreferences()
    }
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

  #announce({ title, body }: InboxMessage): void {
    this.#announcement = fill(this.#localized().texts.arrived, { text: title ?? body })
    this.#list.arrived()
  }

  #onReceived(message: InboxMessage): void {
    this.#announce(message)
    this.#emit('carillon-message', { message })
    this.requestUpdate()
  }

  // ------------------------------------------------------------------ what the contact does

  get #isOwn(): boolean {
    return this.renderRow !== null || this.renderRows !== null
  }
  get #isShown(): boolean {
    return this.mode === 'inline' || this.open
  }

  readonly #onOutside = (event: Event): void => {
    if (this.mode !== 'inline' && this.open && !event.composedPath().includes(this)) this.#setOpen(false)
  }
  readonly #onVisible = (): void => {
    // The page may not be seen again.
    if (document.visibilityState === 'hidden') this.#notice.hide()
    else this.#list.noteSeen()
  }
  readonly #onMoved = (): void => {
    if (this.mode !== 'inline' && this.open) positionPanel(this.#panel, this.#bell)
  }
  get #panel(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.panel')
  }
  get #bell(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.bell')
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

  readonly #context: Pick<
    RowContext,
    'onOpen' | 'onAction' | 'onRead' | 'onArchive' | 'onUnsnooze' | 'onMenu' | 'onBrokenImage'
  > &
    RowKeys = {
    onOpen: (message, event) => {
      // Selecting text in a message is not a click on it.
      if (event.type === 'click' && (!(getSelection()?.isCollapsed ?? true) || (this.#isOwn && isOnControl(event)))) return
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
    onArchive: ({ id, archivedAt }) => {
      const { texts } = this.#localized()
      const archived = archivedAt === null
      this.#list.moveOn(id)
      this.#client?.mark([id], { archived })
      const undo = () => this.#client?.mark([id], { archived: !archived })
      this.#showDone(archived ? texts.noticeArchived : texts.noticeUnarchived, undo, id)
    },
    onDelete: ({ id }) => {
      this.#list.moveOn(id)
      this.#notice.hide()
      this.#showDone(this.#localized().texts.noticeDeleted, this.#client?.delete([id], UNDO_MS), id)
    },
    onUnsnooze: ({ id }) => {
      this.#list.moveOn(id)
      this.#client?.snooze([id], null)
    },
    onRowMenu: (row) => row.querySelector<HTMLElement>('.tools [aria-haspopup]')?.click(),
    onMenu: (message, { currentTarget }) => {
      const { texts } = this.#localized()
      const snooze = (until: Date): void => this.#snooze(message.id, until)
      const choose = (): void => {
        const done = (until: Date): void => {
          this.#closeMenu(false)
          snooze(until)
        }
        this.#openMenu(currentTarget, [], snoozeForm(texts, done))
      }
      const items = message.snoozedUntil
        ? [{ label: texts.unsnooze, onSelect: () => this.#context.onUnsnooze(message) }]
        : snoozeItems(texts, new Date(), snooze, choose)
      this.#openMenu(currentTarget, [...items, { label: texts.delete, onSelect: () => this.#context.onDelete(message) }])
    },
    onBrokenImage: (url) => {
      this.#brokenImages.add(url)
      this.requestUpdate()
    },
  }

  /** `undo`: takes it back; undefined: nothing was done. `id`: the message that has the focus then. */
  #showDone(text: string, undo: (() => void) | undefined, id: string | null = null): void {
    if (undo === undefined) return
    this.#announcement = `${text} ${this.#localized().texts.undo}: Z`
    this.#notice.show({
      text,
      takeBack: () => {
        undo()
        if (id !== null) this.#list.focusOn(id)
      },
    })
  }

  #snooze(id: string, until: Date): void {
    const { texts, clock } = this.#localized()
    this.#list.moveOn(id)
    this.#client?.snooze([id], until)
    const text = fill(texts.snoozedUntil, { text: clock.exact(until.toISOString()) })
    this.#showDone(text, () => this.#client?.snooze([id], null), id)
  }

  #openMenu(anchor: EventTarget | null, items: Menu['items'], form?: TemplateResult): void {
    if (!(anchor instanceof HTMLElement)) return
    const { texts } = this.#localized()
    this.#menu = form === undefined ? { label: texts.menu, anchor, items } : { label: texts.snooze, anchor, items, form }
    this.requestUpdate()
    void this.updateComplete.then(() => showMenu(this.renderRoot.querySelector<HTMLElement>('.menu'), anchor))
  }

  /** `isDone`: the focus stays where it is. */
  #closeMenu(isDone: boolean): void {
    const anchor = this.#menu?.anchor
    this.#menu = null
    if (!isDone) anchor?.focus()
    this.requestUpdate()
  }

  #markAll(marks: InboxMarks, which: InboxSelection = {}): void {
    this.#notice.hide()
    const undo = this.#client?.markAll(marks, which, marks.archived === true ? UNDO_MS : 0)
    if (marks.archived === true) this.#showDone(this.#localized().texts.noticeArchived, undo)
  }

  /** What is done to many messages at once. */
  readonly #onPanelMenu = ({ currentTarget }: Event): void => {
    const { texts } = this.#localized()
    const remove = (which: InboxSelection): void => {
      this.#notice.hide()
      this.#showDone(texts.noticeDeleted, this.#client?.deleteAll(which, UNDO_MS))
    }
    this.#openMenu(
      currentTarget,
      this.#state?.show === 'archived'
        ? [{ label: texts.deleteArchived, onSelect: () => remove({ archived: true }) }]
        : [
            { label: texts.archiveRead, onSelect: () => this.#markAll({ archived: true }, { read: true }) },
            { label: texts.deleteRead, onSelect: () => remove({ read: true, archived: false }) },
          ],
    )
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.mode !== 'inline') {
      event.stopPropagation()
      if (this.#view === 'preferences') this.#showPreferences(false)
      else this.#setOpen(false)
      return
    }
    if (event.altKey || this.#view !== 'list') return
    if (event.key === 'z' && this.#notice.isShown && !isTyped(event)) {
      event.preventDefault()
      this.#notice.undo()
    }
    if (event.ctrlKey || event.metaKey) return
    this.#list.onKey(event, this.#context)
  }

  #loadMore(): void {
    const state = this.#state
    if (state === null || !state.hasMore || state.isLoadingMore) return
    // Where what was loaded is held back too, the rest of the feed can wait until that is sent.
    if (this.#notice.isShown && this.#shownThen === state.messages.length) return
    this.#shownThen = state.messages.length
    this.#client?.loadMore().catch((error: unknown) => {
      if (error instanceof InboxError) this.#emit('carillon-error', { code: error.code, message: error.message })
    })
  }

  #showPreferences(isShown: boolean): void {
    this.#view = isShown ? 'preferences' : 'list'
    this.#notice.hide()
    if (isShown) void this.#loadPreferences()
    this.requestUpdate()
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(isShown ? '.back' : '.gear')?.focus())
  }

  async #loadPreferences(): Promise<void> {
    const contact = this.#state?.contact
    this.#preferencesFailed = false
    try {
      const now = (await this.#client?.preferences()) ?? null
      if (contact === this.#state?.contact) this.#preferences = now
    } catch {
      this.#preferencesFailed ||= contact === this.#state?.contact
    }
    this.requestUpdate()
  }

  async #setPreference(change: PreferenceChange): Promise<void> {
    const mine = ++this.#preferenceChanges
    const contact = this.#state?.contact
    this.#preferencesFailed = false
    try {
      const now = await this.#client?.setPreference(change)
      // Responses may arrive out of order: only the one to the latest change counts.
      if (now !== undefined && mine === this.#preferenceChanges) this.#preferences = now
    } catch {
      this.#preferencesFailed ||= contact === this.#state?.contact
      // Rendering again turns the switch back.
      this.#preferences = this.#preferences === null ? null : { ...this.#preferences }
    }
    this.requestUpdate()
  }

  // ------------------------------------------------------------------ what is shown

  #localized(): { texts: InboxTexts; clock: Clock } {
    const lang = this.lang || this.closest<HTMLElement>('[lang]')?.lang || document.documentElement.lang || navigator.language
    const key = `${lang} ${JSON.stringify(this.texts)}`
    if (this.#language?.key !== key) {
      const texts = textsFor(lang, this.texts ?? {})
      this.#language = { key, texts, clock: createClock(lang, texts.justNow) }
    }
    return this.#language
  }

  protected override render(): TemplateResult {
    const { texts } = this.#localized()
    const unseen = this.unseenCount
    const status = html`<div class="hidden" role="status">${this.#announcement}</div>`
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
    const onClose = this.mode === 'inline' ? null : () => this.#setOpen(false)
    if (this.#view === 'preferences') {
      return html`
        <header part="header">
          ${tool('back', texts.back, icons.back, () => this.#showPreferences(false))}<h2 part="title">${texts.preferences}</h2>
          ${onClose === null ? nothing : tool('close', texts.close, icons.close, onClose)}
        </header>
        <div class="scroll" tabindex="0" role="group" aria-label=${texts.preferences} part="preferences">
          ${renderPreferences({
            preferences: this.#preferences,
            failed: this.#preferencesFailed,
            texts,
            onChange: (change) => void this.#setPreference(change),
            onRetry: () => void this.#loadPreferences(),
          })}
        </div>`
    }
    const { clock } = this.#localized()
    const menu = this.#menu === null ? nothing : renderMenu(this.#menu, (isDone) => this.#closeMenu(isDone))
    return html`${menu}${renderPanel({
      texts,
      state: this.#state,
      feeds: this.feeds,
      list: this.#list,
      row: {
        ...this.#context,
        texts,
        clock,
        nowMs: Date.now(),
        linkTarget: this.linkTarget,
        isOwn: this.#isOwn,
        brokenImages: this.#brokenImages,
      },
      hasPreferences: !this.noPreferences,
      onClose,
      onSelect: (to) => {
        this.#list.reset()
        void this.#client?.select(to)
      },
      onMarkAll: (marks) => this.#markAll(marks),
      notice: this.#notice.render(texts),
      onMenu: this.#onPanelMenu,
      onPreferences: () => this.#showPreferences(true),
      onRetry: () => this.#client?.retry(),
    })}`
  }

  #showOwnRows(): void {
    if (!this.#isOwn && this.#ownRows === null) return
    this.#ownRows ??= createOwnRows(this, () => this.requestUpdate())
    const shown = new Set(Array.from(this.renderRoot.querySelectorAll<HTMLElement>('.row'), ({ dataset }) => dataset['id']))
    const messages = this.#isOwn ? (this.#state?.messages ?? []).filter(({ id }) => shown.has(id)) : []
    const unfocused = this.#ownRows.show(messages, this)
    if (unfocused !== null) this.#list.takeFocus(unfocused)
  }

  protected override update(changed: PropertyValues<this>): void {
    const before = this.hasUpdated ? this.#list.before() : { anchor: null, focusedRow: null }
    super.update(changed)
    this.#showOwnRows()
    const panel = this.#panel
    if (panel?.hasAttribute('popover') === true && typeof panel.showPopover === 'function' && !panel.matches(':popover-open')) {
      panel.showPopover()
    }
    if (this.mode !== 'inline' && this.open) positionPanel(panel, this.#bell)
    this.#list.after(before)
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'carillon-inbox': CarillonInbox
  }
}
