/** Dialogs: the browser's own, which keeps the focus inside and gives it back. */
import { html, type TemplateResult } from 'lit'
import { ref } from 'lit/directives/ref.js'

/** A dialog. It is open for as long as it is drawn. */
export interface Dialog {
  readonly title: string
  readonly body: unknown
  readonly isWide?: boolean
  readonly close: () => void
}

const open = (element: Element | undefined): void => {
  if (!(element instanceof HTMLDialogElement) || element.open) return
  // It is drawn before it is in the document.
  queueMicrotask(() => {
    if (element.isConnected && !element.open) element.showModal()
  })
}

/** Draws it. */
export const dialog = ({ title, body, isWide, close }: Dialog): TemplateResult => html`
  <dialog class=${isWide === true ? 'wide' : ''} aria-labelledby="dialog-title" ${ref(open)} @close=${close}>
    <div class="top">
      <h2 id="dialog-title">${title}</h2>
      <button class="small plain" @click=${close}>Close</button>
    </div>
    <div class="inside">${body}</div>
  </dialog>
`
