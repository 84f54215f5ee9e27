/** Copies ids, keys and links. */
import { html, type TemplateResult } from 'lit'
import type { Deps } from './page.ts'

/** Copies a text, and says so. */
export async function copy(say: Deps['say'], text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    say('Copied.')
  } catch {
    say('The browser does not allow copying. Select the text and copy it manually.', 'bad')
  }
}

/** A small button beside what it copies. `what`: "notification id" */
export const copyButton = (say: Deps['say'], what: string, text: string): TemplateResult =>
  html`<button type="button" class="icon" aria-label="Copy ${what}" title="Copy ${what}" @click=${() => void copy(say, text)}>
    <svg width="14" height="14" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        d="M6 5.5h6.5v8H6zM3.5 10.5v-8H10"
      />
    </svg>
  </button>`
