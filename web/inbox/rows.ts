/**
 * Which rows of a long list are in the document: those that can be seen, and a few around them. A row's height is known once it was
 * shown; until then it is taken for an average one. What is above and below is empty space of the same height.
 */

/** The part of a list that is in the document. */
export interface Window {
  readonly start: number
  readonly end: number
  /** the space above and below it, px */
  readonly above: number
  readonly below: number
}

/** Where the reader is: this row, so far below the upper edge. */
interface Anchor {
  readonly id: string
  readonly offset: number
}

const GUESS_PX = 96
const AROUND_PX = 400

/** Makes it for lists of things with ids. */
export function createRows() {
  const heights = new Map<string, number>()
  let ids: readonly string[] = []
  let sum = 0
  let window: Window = { start: 0, end: 0, above: 0, below: 0 }

  const guess = (): number => (heights.size === 0 ? GUESS_PX : sum / heights.size)
  const learn = (id: string, height: number): boolean => {
    const before = heights.get(id)
    if (before === height) return false
    heights.set(id, height)
    sum += height - (before ?? 0)
    return true
  }

  return {
    /** What to put into the document. */
    window(all: readonly { readonly id: string }[], scrollTop: number, viewPx: number): Window {
      ids = all.map(({ id }) => id)
      const unknown = guess()
      let at = 0
      let start = -1
      let end = ids.length
      let above = 0
      let until = 0
      for (let index = 0; index < ids.length; index++) {
        const height = heights.get(ids[index] ?? '') ?? unknown
        if (start < 0 && at + height > scrollTop - AROUND_PX) {
          start = index
          above = at
        }
        if (end === ids.length && at > scrollTop + viewPx + AROUND_PX) {
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
    /** The space above and below what is in the document, px. */
    get above() {
      return window.above
    },
    get below() {
      return window.below
    },
    /** Where a row begins, px. */
    offsetOf(index: number): number {
      const unknown = guess()
      let at = 0
      for (let before = 0; before < index; before++) at += heights.get(ids[before] ?? '') ?? unknown
      return at
    },
    heightOf: (index: number): number => heights.get(ids[index] ?? '') ?? guess(),
    /** The row at the upper edge, to come back to when rows above it change. null: at the top, where new ones may push. */
    anchor(scrollTop: number): Anchor | null {
      if (scrollTop <= 0) return null
      const unknown = guess()
      let at = 0
      for (const id of ids) {
        const height = heights.get(id) ?? unknown
        if (at + height > scrollTop) return { id, offset: at - scrollTop }
        at += height
      }
      return null
    },
    /** Where to scroll so that the row stands where it stood. null: it is gone. */
    scrollFor({ id, offset }: Anchor): number | null {
      const index = ids.indexOf(id)
      return index < 0 ? null : this.offsetOf(index) - offset
    },
    /** Learns the heights of the rows in the document. @returns whether any was another than it was taken for */
    measure(rows: Iterable<HTMLElement>): boolean {
      let changed = false
      for (const row of rows) {
        const { id } = row.dataset
        if (id !== undefined && learn(id, row.getBoundingClientRect().height)) changed = true
      }
      return changed
    },
    /** The ids of the rows of which a part of any size can be seen. */
    visible(scrollTop: number, viewPx: number): string[] {
      const seen: string[] = []
      let at = window.above
      for (let index = window.start; index < window.end; index++) {
        const id = ids[index] ?? ''
        const height = heights.get(id) ?? guess()
        // Half of it at least.
        if (at + height / 2 >= scrollTop && at + height / 2 <= scrollTop + viewPx) seen.push(id)
        at += height
      }
      return seen
    },
    /** Everything has another width: no height is right any more. */
    forget(): void {
      heights.clear()
      sum = 0
    },
  }
}

/** Which rows are in the document. */
export type Rows = ReturnType<typeof createRows>
