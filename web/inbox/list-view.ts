/** The visible part of the list: its scroll position, the focused row, and which messages have been seen. */
import type { InboxMessage } from './message.ts'
import { createVirtualRows } from './virtual-rows.ts'

/** How long a message must be visible to count as seen, ms. */
const SEEN_MS = 400
/** The distance from the end at which the next page is loaded, px. */
const NEAR_END_PX = 1_200
/** Rows that Page Up and Page Down move by. */
const PAGE_ROWS = 5

/** The element that the list is in. */
export interface ListViewDeps {
  messages(): readonly InboxMessage[]
  /** the scroll container; null: the list is not rendered */
  scroller(): HTMLElement | null
  /** the focused node within the element */
  focused(): Element | null
  /** Renders again. */
  update(): void
  /** These messages have been visible for SEEN_MS. */
  onSeen(ids: readonly string[]): void
  /** The end of the loaded messages is near. */
  onNearEnd(): void
}

/** The keyboard commands of the focused row. */
export interface RowKeys {
  onOpen(message: InboxMessage, event: Event): void
  onRead(message: InboxMessage): void
  onArchive(message: InboxMessage): void
  onUnsnooze(message: InboxMessage): void
  onDelete(message: InboxMessage): void
  /** Opens the menu of a row. */
  onRowMenu(row: HTMLElement): void
}

const isRow = (node: EventTarget): node is HTMLElement => node instanceof HTMLElement && node.classList.contains('row')

/** Whether a key was pressed in a field, such as one that the page renders into a row. */
export const isTyped = (event: Event): boolean => {
  const [target] = event.composedPath()
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}

export function createListView({ messages, scroller, focused, update, onSeen, onNearEnd }: ListViewDeps) {
  const rows = createVirtualRows()
  let current: string | null = null
  let focusNext: string | null = null
  let scrollTop = 0
  let freshCount = 0
  let width = 0
  let seenTimer: ReturnType<typeof setTimeout> | undefined
  let sizes: ResizeObserver | null = null

  /** Scrolls a row into view and focuses it. */
  function goTo(index: number): void {
    const list = scroller()
    const message = messages()[index]
    if (list === null || message === undefined) return
    const top = rows.offsetOf(index)
    const bottom = top + rows.heightOf(index)
    if (top < list.scrollTop) list.scrollTop = top
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight
    scrollTop = list.scrollTop
    current = message.id
    focusNext = message.id
    update()
  }

  function noteSeen(): void {
    seenTimer ??= setTimeout(() => {
      seenTimer = undefined
      const list = scroller()
      if (list === null || document.visibilityState !== 'visible') return
      const inView = new Set(rows.visible(list.scrollTop, list.clientHeight))
      onSeen(
        messages()
          .filter(({ id, seenAt }) => seenAt === null && inView.has(id))
          .map(({ id }) => id),
      )
    }, SEEN_MS)
  }

  /** Focuses a row; or the list, when that was scrolled out of the window or removed, so that arrow keys still work. */
  function takeFocus(id: string | null): void {
    const list = scroller()
    const row = id === null ? null : list?.querySelector<HTMLElement>(`[data-id="${id}"]`)
    if (list === null) return
    if (!row) list.tabIndex = -1
    ;(row ?? list).focus({ preventScroll: true })
  }

  function watchWidth(list: HTMLElement): void {
    sizes ??= new ResizeObserver(() => {
      const now = scroller()
      if (now === null) return
      if (now.clientWidth !== width) {
        width = now.clientWidth
        rows.forget()
      }
      update()
    })
    sizes.observe(list)
  }

  return {
    get freshCount() {
      return freshCount
    },
    /** The rows to render, and the id of the one that is in the tab order. */
    window(): { readonly start: number; readonly end: number; readonly current: string | null } {
      const all = messages()
      const { start, end } = rows.window(all, scrollTop, scroller()?.clientHeight ?? 600)
      return { start, end, current: all.some(({ id }) => id === current) ? current : (all[start]?.id ?? null) }
    },
    /** Counts a new message if the list is scrolled away from it. */
    arrived(): void {
      if (scroller() !== null && scrollTop > 0) freshCount += 1
    },
    /** Scrolls to the top, for when another list is selected. */
    reset(): void {
      scrollTop = 0
      freshCount = 0
      current = null
      const list = scroller()
      if (list !== null) list.scrollTop = 0
    },
    onScroll({ currentTarget }: Event): void {
      if (!(currentTarget instanceof HTMLElement)) return
      scrollTop = currentTarget.scrollTop
      if (scrollTop <= 0) freshCount = 0
      update()
    },
    goTo,
    noteSeen,
    takeFocus,
    /** Focuses the row of a message once it is rendered. */
    focusOn(id: string): void {
      current = id
      focusNext = id
    },
    /** Moves the focus to the next row, for when a row is about to be removed. */
    moveOn(id: string): void {
      const all = messages()
      const at = all.findIndex((one) => one.id === id)
      current = (all[at + 1] ?? all[at - 1])?.id ?? null
      if ((focused()?.closest('.row') ?? null) !== null) focusNext = current
    },
    onKey(event: KeyboardEvent, { onOpen, onRead, onArchive, onUnsnooze, onDelete, onRowMenu }: RowKeys): void {
      const target = event.composedPath()[0]
      if (!(target instanceof HTMLElement) || isTyped(event) || target.matches('[role=tab]')) return
      const all = messages()
      // Not the closest: what the page renders into a row is in its own document.
      const row = event.composedPath().find((node): node is HTMLElement => isRow(node) && scroller()?.contains(node) === true)
      const at = all.findIndex(({ id }) => id === row?.dataset['id'])
      const message = all[at]
      const steps: Readonly<Record<string, number>> = {
        ArrowDown: at + 1,
        ...(at < 0 ? {} : { ArrowUp: at - 1, PageDown: at + PAGE_ROWS, PageUp: at - PAGE_ROWS, Home: 0, End: all.length - 1 }),
      }
      const to = steps[event.key]
      if (to !== undefined) goTo(Math.max(0, Math.min(all.length - 1, to)))
      else if (message === undefined || target !== row) return
      else if (event.key === 'Enter') onOpen(message, event)
      else if (event.key === 'u') onRead(message)
      else if (event.key === 'e') (message.snoozedUntil ? onUnsnooze : onArchive)(message)
      else if (event.key === 's') onRowMenu(row)
      else if (event.key === 'Delete') onDelete(message)
      else return
      event.preventDefault()
    },
    /** Before rendering: records the scroll anchor and the focused row. */
    before() {
      const list = scroller()
      return {
        anchor: list === null ? null : rows.anchor(list.scrollTop),
        focusedRow: focused()?.closest<HTMLElement>('.row')?.dataset['id'] ?? null,
      }
    },
    /** After rendering: measures the rows, and restores the scroll position and the focus. */
    after({ anchor, focusedRow }: { anchor: ReturnType<typeof rows.anchor>; focusedRow: string | null }): void {
      const list = scroller()
      if (list === null) return
      const feed = list.querySelector<HTMLElement>('#list')
      // Not in the template: a strict Content-Security-Policy blocks style attributes, but not style properties.
      if (feed !== null) {
        feed.style.paddingTop = `${rows.above}px`
        feed.style.paddingBottom = `${rows.below}px`
      }
      watchWidth(list)
      const isChanged = rows.measure(list.querySelectorAll<HTMLElement>('.row'))
      const wanted = anchor === null ? null : rows.scrollFor(anchor)
      if (wanted !== null && Math.abs(wanted - list.scrollTop) >= 1) list.scrollTop = wanted
      if (scrollTop !== list.scrollTop || isChanged) {
        scrollTop = list.scrollTop
        queueMicrotask(update)
      }
      const next = focusNext === null ? null : list.querySelector<HTMLElement>(`[data-id="${focusNext}"]`)
      if (next !== null) {
        next.focus({ preventScroll: true })
        focusNext = null
      } else if (focusNext === null && focusedRow !== null && focused() === null) takeFocus(null)
      if (list.scrollHeight - list.scrollTop - list.clientHeight <= NEAR_END_PX) onNearEnd()
      noteSeen()
    },
    stop(): void {
      clearTimeout(seenTimer)
      seenTimer = undefined
      sizes?.disconnect()
      sizes = null
    },
  }
}

/** The visible part of the list. */
export type ListView = ReturnType<typeof createListView>
