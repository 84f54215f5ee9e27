/**
 * Rows that the page renders itself. Each message in the visible part of the list has a host among the element's own children, so that the
 * page's styles reach it; the list shows it where the row is.
 */
import { render } from 'lit'
import type { InboxMessage } from './message.ts'

/** A message in the visible part of the list, and the element to render it into. */
export interface InboxRow {
  readonly message: InboxMessage
  readonly host: HTMLElement
}

/**
 * Renders a message: returns a node, a Lit template, or a text, which is never read as HTML; or undefined, after rendering into `host` itself.
 * Called again for a message that has changed.
 */
export type RenderRow = (message: InboxMessage, host: HTMLElement) => unknown

/** Gets the whole visible part of the list whenever it changes, to render it into the hosts. For frameworks. */
export type RenderRows = (rows: readonly InboxRow[]) => void

/** How the page renders rows, if it does. */
export interface RowRenderers {
  readonly renderRow: RenderRow | null
  readonly renderRows: RenderRows | null
}

/** `resized`: a row has another height than it had. */
export function createOwnRows(element: HTMLElement, resized: () => void) {
  const hosts = new Map<string, { host: HTMLElement; message: InboxMessage | null }>()
  const sizes = new ResizeObserver(resized)
  let before: RowRenderers = { renderRow: null, renderRows: null }

  function renderInto(host: HTMLElement, message: InboxMessage, renderRow: RenderRow): void {
    try {
      const content = renderRow(message, host)
      if (content !== undefined) render(content, host)
    } catch (error) {
      // One row that fails leaves the others alone.
      reportError(error)
    }
  }

  return {
    /** Has exactly these messages rendered. @returns the id of the message whose row had the focus and lost it, by going or by being rendered again */
    show(messages: readonly InboxMessage[], renderers: RowRenderers): string | null {
      const { renderRow, renderRows } = renderers
      let isChanged = renderRow !== before.renderRow || renderRows !== before.renderRows
      const isOther = renderRow !== before.renderRow
      before = { renderRow, renderRows }
      const shown = new Set(messages.map(({ id }) => id))
      const focused = [...hosts].find(([, { host }]) => host.contains(document.activeElement))?.[0] ?? null
      for (const [id, { host }] of hosts) {
        if (shown.has(id)) continue
        sizes.unobserve(host)
        host.remove()
        hosts.delete(id)
        isChanged = true
      }
      const rows = messages.map((message): InboxRow => {
        let entry = hosts.get(message.id)
        if (entry === undefined) {
          const host = document.createElement('div')
          host.slot = `row-${message.id}`
          element.append(host)
          sizes.observe(host)
          entry = { host, message: null }
          hosts.set(message.id, entry)
        }
        const { host } = entry
        if (entry.message !== message || isOther) {
          entry.message = message
          isChanged = true
          if (renderRow !== null) renderInto(host, message, renderRow)
        }
        return { message, host }
      })
      if (isChanged) renderRows?.(rows)
      return focused !== null && hosts.get(focused)?.host.contains(document.activeElement) !== true ? focused : null
    },
    /** Has all of them rendered again next time, because what they say of the time is out of date. */
    expire(): void {
      for (const entry of hosts.values()) entry.message = null
    },
  }
}

/** Rows that the page renders itself. */
export type OwnRows = ReturnType<typeof createOwnRows>

const CONTROLS = 'button, input, select, textarea, label, summary, [role=button], [role=checkbox], [role=switch]'

/** Whether a click in a row was on a control of the page's own, which is not a click on the message. */
export function isOnControl(event: Event): boolean {
  const path = event.composedPath()
  const within = event.currentTarget === null ? [] : path.slice(0, path.indexOf(event.currentTarget))
  return within.some((node) => node instanceof Element && node.matches(CONTROLS))
}
