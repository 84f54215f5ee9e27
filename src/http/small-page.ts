/** Pages of a few words: no scripts, nothing to load. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { Reply } from './route.ts'

/** The headers of such a page. `form`: it has one, which it sends to itself. */
const headersOf = (form: 'form' | 'no form'): OutgoingHttpHeaders => ({
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; form-action '${form === 'form' ? 'self' : 'none'}'; frame-ancestors 'none'; base-uri 'none'`,
})

/** A text as it is written into HTML. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const links = (all: readonly (readonly [label: string, url: string])[]): string =>
  all.map(([label, url]) => `<a href="${escapeHtml(url)}">${label}</a>`).join(' · ')

/** What a page says. Texts are HTML. */
export interface SmallPage {
  readonly status: number
  readonly title: string
  readonly text: string
  /** where to go on */
  readonly links?: readonly (readonly [label: string, url: string])[]
  /** the label of a button that posts to the page's own address */
  readonly button?: string
  /** the name of a field that the button sends */
  readonly sends?: string
  /** of the texts, as a language tag; left out: English */
  readonly language?: string
}

/** The answer with such a page. */
export const smallPage = ({ status, title, text, links: all = [], button, sends, language = 'en' }: SmallPage): Reply => ({
  status,
  headers: headersOf(button === undefined ? 'no form' : 'form'),
  body: `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { display: grid; min-height: 100vh; place-content: center; margin: 0; padding: 1rem; box-sizing: border-box }
main { max-width: 26rem }
h1 { font-size: 1.4rem; margin: 0 0 .5rem }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; background: #3b5bdb; color: #fff; cursor: pointer }
button:focus-visible { outline: 3px solid #91a7ff; outline-offset: 2px }
</style>
<main><h1>${title}</h1><p>${text}</p>${button === undefined ? '' : `<form method="post">${sends === undefined ? '' : `<input type="hidden" name="${sends}" value="1">`}<button>${button}</button></form>`}${all.length === 0 ? '' : `<p>${links(all)}</p>`}</main>
`,
})
