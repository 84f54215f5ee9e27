/**
 * Virtual scrolling: only the visible rows of a long list, and a few around them, are rendered. The others are replaced by padding of the
 * same height. A row that has not been rendered yet is assumed to be of average height.
 */

/** The rendered part of a list. */
export interface Window {
  readonly start: number
  readonly end: number
  /** padding above and below, px */
  readonly above: number
  readonly below: number
}

/** A scroll position as a row and its distance from the upper edge, px. */
export interface Anchor {
  readonly id: string
  readonly offset: number
}

const DEFAULT_HEIGHT_PX = 96
/** How far beyond the visible part rows are rendered. */
const OVERSCAN_PX = 400

export function createVirtualRows() {
  const heights = new Map<string, number>()
  let ids: readonly string[] = []
  let sum = 0
  let window: Window = { start: 0, end: 0, above: 0, below: 0 }

  const averageHeight = (): number => (heights.size === 0 ? DEFAULT_HEIGHT_PX : sum / heights.size)
  const setHeight = (id: string, height: number): boolean => {
    const before = heights.get(id)
    if (before === height) return false
    heights.set(id, height)
    sum += height - (before ?? 0)
    return true
  }

  return {
    /** The rows to render. */
    window(all: readonly { readonly id: string }[], scrollTop: number, viewPx: number): Window {
      ids = all.map(({ id }) => id)
      const unknown = averageHeight()
      let at = 0
      let start = -1
      let end = ids.length
      let above = 0
      let until = 0
      for (let index = 0; index < ids.length; index++) {
        const height = heights.get(ids[index] ?? '') ?? unknown
        if (start < 0 && at + height > scrollTop - OVERSCAN_PX) {
          start = index
          above = at
        }
        if (end === ids.length && at > scrollTop + viewPx + OVERSCAN_PX) {
          end = index
          until = at
        }
        at += height
      }
      if (end === ids.length) until = at
      if (start < 0) {
        start = Math.max(0, ids.length - 1)
        above = at - (heights.get(ids[start] ?? '') ?? 0)
      }
      window = { start, end: Math.max(end, start), above, below: at - until }
      return window
    },
    /** Padding above and below the rendered rows, px. */
    get above() {
      return window.above
    },
    get below() {
      return window.below
    },
    /** The distance of a row from the top of the list, px. */
    offsetOf(index: number): number {
      const unknown = averageHeight()
      let at = 0
      for (let before = 0; before < index; before++) at += heights.get(ids[before] ?? '') ?? unknown
      return at
    },
    heightOf: (index: number): number => heights.get(ids[index] ?? '') ?? averageHeight(),
    /** The row at the upper edge, to scroll back to when rows above it change. null: at the top, where new rows push the others down. */
    anchor(scrollTop: number): Anchor | null {
      if (scrollTop <= 0) return null
      const unknown = averageHeight()
      let at = 0
      for (const id of ids) {
        const height = heights.get(id) ?? unknown
        if (at + height > scrollTop) return { id, offset: at - scrollTop }
        at += height
      }
      return null
    },
    /** The scroll position that puts the row back where it was. null: it has been removed. */
    scrollFor({ id, offset }: Anchor): number | null {
      const index = ids.indexOf(id)
      return index < 0 ? null : this.offsetOf(index) - offset
    },
    /** Measures the rendered rows. @returns whether any height has changed */
    measure(rows: Iterable<HTMLElement>): boolean {
      let changed = false
      for (const row of rows) {
        const { id } = row.dataset
        if (id !== undefined && setHeight(id, row.getBoundingClientRect().height)) changed = true
      }
      return changed
    },
    /** The ids of the rows that are at least half visible. */
    visible(scrollTop: number, viewPx: number): string[] {
      const seen: string[] = []
      let at = window.above
      for (let index = window.start; index < window.end; index++) {
        const id = ids[index] ?? ''
        const height = heights.get(id) ?? averageHeight()
        // The middle of the row is in view.
        if (at + height / 2 >= scrollTop && at + height / 2 <= scrollTop + viewPx) seen.push(id)
        at += height
      }
      return seen
    },
    /** Drops all measured heights, for when the width changes. */
    forget(): void {
      heights.clear()
      sum = 0
    },
  }
}
