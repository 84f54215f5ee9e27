/** Modal dialogs: the native element, which traps the focus and restores it. */
import { html, type TemplateResult } from 'lit'
import { ref } from 'lit/directives/ref.js'

/** A dialog. It is open for as long as it is rendered. */
export interface Dialog {
  readonly title: string
  readonly body: unknown
  readonly isWide?: boolean
  readonly close: () => void
}

const open = (element: Element | undefined): void => {
  if (!(element instanceof HTMLDialogElement) || element.open) return
  // The reference is set before the element is in the document.
  queueMicrotask(() => {
    if (element.isConnected && !element.open) element.showModal()
  })
}

export const dialog = ({ title, body, isWide, close }: Dialog): TemplateResult => html`
  <dialog class=${isWide === true ? 'wide' : ''} aria-labelledby="dialog-title" ${ref(open)} @close=${close}>
    <div class="top">
      <h2 id="dialog-title">${title}</h2>
      <button class="small plain" @click=${close}>Close</button>
    </div>
    <div class="inside">${body}</div>
  </dialog>
`
