/** The logo: a bell. */
import { html, type TemplateResult } from 'lit'

/** Hidden from screen readers: the name is next to it. */
export const mark =
  (): TemplateResult => html`<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
  <path
    fill="currentColor"
    d="M10 2a1.3 1.3 0 0 1 1.3 1.3v.6A5 5 0 0 1 15 8.9c0 3 .6 4.3 1.6 5.3.4.5.1 1.2-.5 1.2H3.9c-.6 0-.9-.7-.5-1.2C4.4 13.2 5 11.9 5 8.9a5 5 0 0 1 3.7-5v-.6A1.3 1.3 0 0 1 10 2zM8 16.4h4a2 2 0 0 1-4 0z"
  />
</svg>`
