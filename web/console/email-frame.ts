/** An e-mail as its reader would see it, in a frame that can do nothing: no script, no link, nothing fetched from anywhere. */
import { html, type TemplateResult } from 'lit'

const NOTHING = 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/%3E'
const isHere = (url: string): boolean => /^data:/i.test(url.trim())
const fetches = /url\((?!\s*['"]?data:)[^)]*\)/gi

/** The browser's leave to read a text as HTML. It is given here alone, and only for what goes into the frame. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(source: string): string }): { createHTML(source: string): unknown }
}
const { trustedTypes } = window as Window & { readonly trustedTypes?: TrustedTypes }
const policy = trustedTypes?.createPolicy('carillon-email', { createHTML: (source) => source })
const asHtml = (source: string): string => (policy?.createHTML(source) ?? source) as string

// The policy refuses handlers anyway, but says so in the browser's console each time that a text with one is read.
const withoutHandlers = (source: string): string =>
  source.replace(/<[^<>]*>/g, (tag) => tag.replace(/([\s"'/])on(?=[a-z]+\s*=)/gi, '$1data-on'))

/** The e-mail without what would be fetched or run, and how much of it there was. */
export function quietEmail(source: string): { readonly html: string; readonly removed: number } {
  const page = new DOMParser().parseFromString(asHtml(withoutHandlers(source)), 'text/html')
  let removed = 0
  const note = (): void => {
    removed += 1
  }
  for (const element of page.querySelectorAll('script, iframe, object, embed, link, base, meta[http-equiv]')) {
    element.remove()
    note()
  }
  for (const element of page.querySelectorAll('*')) {
    for (const name of ['src', 'srcset', 'background', 'poster', 'href']) {
      const value = element.getAttribute(name)
      if (value === null || isHere(value) || (name === 'href' && element.tagName === 'A')) continue
      if (name === 'src') element.setAttribute(name, NOTHING)
      else element.removeAttribute(name)
      note()
    }
    const style = element.getAttribute('style')
    if (style !== null) element.setAttribute('style', style.replace(fetches, 'none'))
    if (element.tagName === 'STYLE')
      element.textContent = (element.textContent ?? '').replace(/@import[^;]*;?/gi, '').replace(fetches, 'none')
  }
  return { html: page.documentElement.outerHTML, removed }
}

/** Draws the frame. */
export function emailFrame(source: string, title: string): TemplateResult {
  const { html: quiet, removed } = quietEmail(source)
  return html`<iframe class="email" title="E-mail: ${title}" sandbox="" srcdoc=${asHtml(quiet)} loading="lazy"></iframe>
    ${removed === 0 ? '' : html`<p class="quiet small">Pictures and other things from elsewhere are not loaded here (${removed}).</p>`}`
}
