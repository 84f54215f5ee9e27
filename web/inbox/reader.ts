/** Where the reader of the list is: what is scrolled to, which row has the keyboard, and what has been in sight. */
import type { InboxMessage } from './message.ts'
import { createRows } from './rows.ts'

/** How long a message must have been in sight to be seen, ms. */
const SEEN_MS = 400
/** How near to its end the list asks for more, px. */
const NEAR_END_PX = 1_200
/** Rows that Page Up and Page Down go. */
const LEAP = 5

/** What the reader needs of the element. */
export interface ReaderDeps {
  messages(): readonly InboxMessage[]
  /** what scrolls; null: the list is not in the document */
  scroller(): HTMLElement | null
  /** what has the focus within the element */
  focused(): Element | null
  /** Draws again. */
  update(): void
  /** These have been in sight for a moment. */
  onSeen(ids: readonly string[]): void
  /** The end of what is loaded is near. */
  onNearEnd(): void
}

/** What can be done with the row that has the keyboard. */
export interface RowKeys {
  onOpen(message: InboxMessage, event: Event): void
  onRead(message: InboxMessage): void
  onArchive(message: InboxMessage): void
}

/** Makes one. */
export function createReader({ messages, scroller, focused, update, onSeen, onNearEnd }: ReaderDeps) {
  const rows = createRows()
  let current: string | null = null
  let focusNext: string | null = null
  let scrollTop = 0
  let freshCount = 0
  let width = 0
  let seenTimer: ReturnType<typeof setTimeout> | undefined
  let sizes: ResizeObserver | null = null

  /** Brings a row into sight and stands on it. */
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
      const inSight = new Set(rows.visible(list.scrollTop, list.clientHeight))
      onSeen(
        messages()
          .filter(({ id, seenAt }) => seenAt === null && inSight.has(id))
          .map(({ id }) => id),
      )
    }, SEEN_MS)
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
    /** The rows to put into the document, and the one that has the keyboard. */
    window(): { readonly start: number; readonly end: number; readonly current: string | null } {
      const all = messages()
      const { start, end } = rows.window(all, scrollTop, scroller()?.clientHeight ?? 600)
      return { start, end, current: all.some(({ id }) => id === current) ? current : (all[start]?.id ?? null) }
    },
    /** A message came: where it can't be seen, it is counted. */
    arrived(): void {
      if (scroller() !== null && scrollTop > 0) freshCount += 1
    },
    /** Another list is shown: from its top. */
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
    /** A row is about to leave: whoever stood on it stands on the next one. */
    moveOn(id: string): void {
      const all = messages()
      const at = all.findIndex((one) => one.id === id)
      current = (all[at + 1] ?? all[at - 1])?.id ?? null
      if ((focused()?.closest('.row') ?? null) !== null) focusNext = current
    },
    onKey(event: KeyboardEvent, { onOpen, onRead, onArchive }: RowKeys): void {
      const target = event.composedPath()[0]
      if (!(target instanceof HTMLElement) || target.matches('input, [role=tab]')) return
      const all = messages()
      const row = target.closest<HTMLElement>('.row')
      const at = all.findIndex(({ id }) => id === row?.dataset['id'])
      const message = all[at]
      const steps: Readonly<Record<string, number>> = {
        ArrowDown: at + 1,
        ...(at < 0 ? {} : { ArrowUp: at - 1, PageDown: at + LEAP, PageUp: at - LEAP, Home: 0, End: all.length - 1 }),
      }
      const to = steps[event.key]
      if (to !== undefined) goTo(Math.max(0, Math.min(all.length - 1, to)))
      else if (message === undefined || target !== row) return
      else if (event.key === 'Enter') onOpen(message, event)
      else if (event.key === 'u') onRead(message)
      else if (event.key === 'e' || event.key === 'Delete') onArchive(message)
      else return
      event.preventDefault()
    },
    /** Before the rows are drawn: remembers where the reader is. */
    before() {
      const list = scroller()
      return {
        anchor: list === null ? null : rows.anchor(list.scrollTop),
        focusedRow: focused()?.closest<HTMLElement>('.row')?.dataset['id'] ?? null,
      }
    },
    /** After they are in the document: learns their heights, keeps the reader where they were, and puts the focus where it belongs. */
    after({ anchor, focusedRow }: { anchor: ReturnType<typeof rows.anchor>; focusedRow: string | null }): void {
      const list = scroller()
      if (list === null) return
      const feed = list.querySelector<HTMLElement>('#list')
      // Not in the template: a style attribute is refused by a strict Content-Security-Policy, a property is not.
      if (feed !== null) {
        feed.style.paddingTop = `${rows.above}px`
        feed.style.paddingBottom = `${rows.below}px`
      }
      watchWidth(list)
      const isOther = rows.measure(list.querySelectorAll<HTMLElement>('.row'))
      const wanted = anchor === null ? null : rows.scrollFor(anchor)
      if (wanted !== null && Math.abs(wanted - list.scrollTop) >= 1) list.scrollTop = wanted
      if (scrollTop !== list.scrollTop || isOther) {
        scrollTop = list.scrollTop
        queueMicrotask(update)
      }
      const next = focusNext === null ? null : list.querySelector<HTMLElement>(`[data-id="${focusNext}"]`)
      if (next !== null) {
        next.focus({ preventScroll: true })
        focusNext = null
      } else if (focusNext === null && focusedRow !== null && focused() === null) {
        // The row that had the focus was scrolled away or taken out: the keyboard goes on from the list.
        list.tabIndex = -1
        list.focus({ preventScroll: true })
      }
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

/** Where the reader is. */
export type Reader = ReturnType<typeof createReader>
