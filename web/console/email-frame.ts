/** An e-mail in a sandboxed frame: no scripts, no working links, nothing loaded from elsewhere. */
import { html, type TemplateResult } from 'lit'

const NOTHING = 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/%3E'
const isHere = (url: string): boolean => /^data:/i.test(url.trim())
const fetches = /url\((?!\s*['"]?data:)[^)]*\)/gi

/** Trusted Types. This is the only policy that allows HTML, and it is only used for the frame. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(source: string): string }): { createHTML(source: string): unknown }
}
const { trustedTypes } = window as Window & { readonly trustedTypes?: TrustedTypes }
const policy = trustedTypes?.createPolicy('carillon-email', { createHTML: (source) => source })
const asHtml = (source: string): string => (policy?.createHTML(source) ?? source) as string

// The Content-Security-Policy blocks inline handlers anyway, but the browser would log each of them.
const withoutHandlers = (source: string): string =>
  source.replace(/<[^<>]*>/g, (tag) => tag.replace(/([\s"'/])on(?=[a-z]+\s*=)/gi, '$1data-on'))

/** The e-mail without scripts and external content, and how much of that was removed. */
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

export function emailFrame(source: string, title: string): TemplateResult {
  const { html: quiet, removed } = quietEmail(source)
  return html`<iframe class="email" title="E-mail: ${title}" sandbox="" srcdoc=${asHtml(quiet)} loading="lazy"></iframe>
    ${removed === 0 ? '' : html`<p class="quiet small">Remote images and other external content are not loaded here (${removed}).</p>`}`
}
