/** The notice after something was archived, deleted or snoozed: what was done, and a button that takes it back while the notice is there. */
import { html, nothing, type TemplateResult } from 'lit'
import type { InboxTexts } from './texts.ts'

/** How long it is shown, ms. */
const SHOWN_MS = 6_000
/** For how long what can't be reversed on the server is kept back, ms. */
export const UNDO_MS = 60_000
/** How long it stays at most while it has the focus or the pointer: until what is kept back is about to be sent, ms. */
const MAX_MS = 58_000

/** What was done. */
interface Done {
  readonly text: string
  takeBack(): void
}

/** `onGone`: it can't be taken back any more. */
export function createUndoNotice({ update, onGone }: { update(): void; onGone(): void }) {
  let done: Done | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  /** ms since 1970 */
  let end = 0

  function hide(): void {
    clearTimeout(timer)
    if (done === null) return
    done = null
    onGone()
    update()
  }
  const hideIn = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(hide, Math.min(ms, end - Date.now()))
  }
  function undo(): void {
    done?.takeBack()
    hide()
  }
  return {
    get isShown() {
      return done !== null
    },
    show(what: Done): void {
      hide()
      done = what
      end = Date.now() + MAX_MS
      hideIn(SHOWN_MS)
      update()
    },
    hide,
    undo,
    render(texts: InboxTexts): TemplateResult | typeof nothing {
      if (done === null) return nothing
      const hold = () => hideIn(MAX_MS)
      const goUnless = (state: string) => (event: Event) => {
        if (!(event.currentTarget as Element).matches(state)) hideIn(SHOWN_MS)
      }
      return html`<div class="undo" part="undo" @pointerenter=${hold} @pointerleave=${goUnless(':focus-within')} @focusin=${hold} @focusout=${goUnless(':hover')}>
        <span>${done.text}</span><button type="button" aria-keyshortcuts="z" @click=${undo}>${texts.undo}</button>
      </div>`
    },
  }
}
