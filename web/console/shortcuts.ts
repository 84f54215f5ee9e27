/** Keys that work on every page, where nothing is being typed and no dialog is open. */
import { html, type TemplateResult } from 'lit'
import { dialog } from './dialog.ts'

const shown: readonly (readonly [keys: string, what: string])[] = [
  ['Ctrl+K or ⌘K', 'Go to a page, an action or an object'],
  ['/', 'Search this list'],
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['Enter', 'Open the row'],
  ['?', 'Show these shortcuts'],
  ['Esc', 'Close a dialog'],
]

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]') !== null

/** Puts the focus on the row after that which has it, or before it. */
function move(root: HTMLElement, by: 1 | -1): void {
  const rows = [...root.querySelectorAll<HTMLElement>('main tbody tr')].flatMap(
    (row) => row.querySelector<HTMLElement>('a.row, button.link, a[href]') ?? [],
  )
  const at = rows.findIndex((link) => link.closest('tr')?.contains(document.activeElement) === true)
  const next = at === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))
  rows[next]?.focus()
}

/** Listens for as long as the page is there. `palette` opens and closes the palette. */
export function createShortcuts(root: HTMLElement, palette: () => void, update: () => void) {
  let isShown = false
  const close = (): void => {
    isShown = false
    update()
  }
  const actions: Readonly<Record<string, () => void>> = {
    '/': () => root.querySelector<HTMLElement>('main input[type=search]')?.focus(),
    j: () => move(root, 1),
    k: () => move(root, -1),
    '?': () => {
      isShown = true
      update()
    },
  }
  window.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      return palette()
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || root.querySelector('dialog[open]') !== null)
      return
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined
    if (action === undefined) return
    event.preventDefault()
    action()
  })
  return {
    view: (): TemplateResult | string =>
      isShown
        ? dialog({
            title: 'Keyboard shortcuts',
            close,
            body: html`<dl class="facts">${shown.map(([keys, what]) => html`<dt><kbd>${keys}</kbd></dt><dd>${what}</dd>`)}</dl>`,
          })
        : '',
  }
}
