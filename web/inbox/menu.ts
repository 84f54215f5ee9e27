/** A menu that a button opens: its entries, its place above everything else, and its keyboard. */
import { html, type TemplateResult } from 'lit'

/** An entry of a menu. */
export interface MenuItem {
  readonly label: string
  onSelect(): void
}

/** A menu, and the button that opened it. */
export interface Menu {
  readonly label: string
  readonly anchor: HTMLElement
  readonly items: readonly MenuItem[]
  /** in place of entries */
  readonly form?: TemplateResult
}

const GAP_PX = 4

/** @param onClose called when it is to close; `isDone`: the focus stays where it is, otherwise it goes back to the button */
export function renderMenu({ label, items, form }: Menu, onClose: (isDone: boolean) => void): TemplateResult {
  const onKey = (event: KeyboardEvent): void => {
    const { currentTarget, target, key } = event
    if (!(currentTarget instanceof HTMLElement) || !(target instanceof HTMLElement)) return
    const all = [...currentTarget.querySelectorAll<HTMLElement>('[role=menuitem]')]
    const at = all.indexOf(target)
    const steps: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }
    const to = steps[key]
    event.stopPropagation()
    if (form !== undefined && key !== 'Escape') return
    if (to !== undefined) all.at(to % all.length)?.focus()
    else if (key === 'Escape' || key === 'Tab') onClose(false)
    else return
    event.preventDefault()
  }
  const onFocusOut = ({ currentTarget, relatedTarget }: FocusEvent): void => {
    // A calendar of the browser's own takes the focus out of the page.
    if (form !== undefined && relatedTarget === null) return
    if (!(currentTarget instanceof Node) || !(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget))
      onClose(true)
  }
  return html`<div class="menu" part="menu" role=${form === undefined ? 'menu' : 'dialog'} popover="manual" tabindex="-1" aria-label=${label} @keydown=${onKey} @focusout=${onFocusOut}>
    ${form}${items.map(
      (item) =>
        html`<button type="button" role="menuitem" part="menu-item" tabindex="-1" @click=${() => {
          onClose(false)
          item.onSelect()
        }}>${item.label}</button>`,
    )}
  </div>`
}

/** Shows a menu that was rendered next to its button, within the window, and focuses the first of what is in it. */
export function showMenu(node: HTMLElement | null, anchor: HTMLElement): void {
  if (node === null) return
  if (typeof node.showPopover === 'function' && !node.matches(':popover-open')) node.showPopover()
  const at = anchor.getBoundingClientRect()
  const { clientWidth, clientHeight } = document.documentElement
  const left = getComputedStyle(anchor).direction === 'rtl' ? at.left : at.right - node.offsetWidth
  const isBelow = at.bottom + GAP_PX + node.offsetHeight <= clientHeight
  node.style.left = `${Math.max(GAP_PX, Math.min(left, clientWidth - node.offsetWidth - GAP_PX))}px`
  node.style.top = `${isBelow ? at.bottom + GAP_PX : Math.max(GAP_PX, at.top - GAP_PX - node.offsetHeight)}px`
  node.querySelector<HTMLElement>('[role=menuitem], input')?.focus()
}
