/** Modal dialogs: the native element, which traps the focus and restores it. */
import { html, type TemplateResult } from 'lit'
import { ref } from 'lit/directives/ref.js'

/** A dialog. It is open for as long as it is rendered. */
export interface Dialog {
  readonly title: string
  readonly body: unknown
  readonly isWide?: boolean
  /** as large as the screen */
  readonly isFull?: boolean
  readonly close: () => void
  /** Asks before Escape or the button closes it; left out: it closes. @returns whether it may */
  readonly mayClose?: () => Promise<boolean>
}

const open = (element: Element | undefined): void => {
  if (!(element instanceof HTMLDialogElement) || element.open) return
  // The reference is set before the element is in the document.
  queueMicrotask(() => {
    if (element.isConnected && !element.open) element.showModal()
  })
}

export function dialog({ title, body, isWide, isFull, close, mayClose }: Dialog): TemplateResult {
  // One may ask about another.
  const id = `dialog-${title.replaceAll(/[^\p{L}\p{N}]+/gu, '-')}`
  const leave = (): void => {
    if (mayClose === undefined) close()
    else void mayClose().then((isLeft) => isLeft && close())
  }
  const cancel = (event: Event): void => {
    if (mayClose === undefined) return
    event.preventDefault()
    leave()
  }
  return html`
  <dialog class=${isFull === true ? 'full' : isWide === true ? 'wide' : ''} aria-labelledby=${id} ${ref(open)} @cancel=${cancel} @close=${close}>
    <div class="top">
      <h2 id=${id}>${title}</h2>
      <button class="small plain" @click=${leave}>Close</button>
    </div>
    <div class="inside">${body}</div>
  </dialog>
`
}
