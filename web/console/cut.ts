/** Ids, keys and names in lists: in one line, and cut in the middle where they are long. The tooltip has all of it. */
import { html, type TemplateResult } from 'lit'

const shortened = (text: string, most: number): string => {
  const kept = most - 1
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`
}

/** An id, key or address. `most`: how many characters are shown */
export const cut = (text: string, most = 28): TemplateResult =>
  text.length <= most
    ? html`<span class="whole">${text}</span>`
    : html`<span class="whole" title=${text}>${shortened(text, most)}</span>`

/** A name of words, which may go on in the next line; no word is broken. */
export function cutWords(text: string, most = 20): TemplateResult {
  const words = text.split(' ')
  if (words.every((word) => word.length <= most)) return html`${text}`
  return html`<span title=${text}>${words.map((word) => (word.length <= most ? word : shortened(word, most))).join(' ')}</span>`
}
