/** Downloads a list as a file of CSV, with the filters of the page. */
import { html, type TemplateResult } from 'lit'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'
import { readRoute } from './router.ts'

/** How long the browser may take to begin to save a file, ms. */
const SAVED_MS = 60_000

/** `filterOf`: the parameters of the export, of those of the page */
export function exportButton(
  { api, isMasked, say }: Pick<Deps, 'api' | 'isMasked' | 'say'>,
  list: 'contacts' | 'notifications',
  filterOf: (query: URLSearchParams) => Readonly<Record<string, string>>,
): TemplateResult | string {
  // A file has personal data.
  if (isMasked) return ''
  async function save(event: Event): Promise<void> {
    const button = event.currentTarget as HTMLButtonElement
    button.disabled = true
    try {
      const query = new URLSearchParams(filterOf(readRoute(location.hash).query)).toString()
      const { name, blob } = await api.download(`exports/${list}.csv${query === '' ? '' : `?${query}`}`)
      const url = URL.createObjectURL(blob)
      Object.assign(document.createElement('a'), { href: url, download: name ?? `${list}.csv` }).click()
      setTimeout(() => URL.revokeObjectURL(url), SAVED_MS)
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
    button.disabled = false
  }
  return html`<button @click=${(event: Event) => void save(event)}>Export CSV</button>`
}
