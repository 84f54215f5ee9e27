/** An e-mail in a sandboxed frame: no scripts, no working links, nothing loaded from elsewhere. */
import { html, type TemplateResult } from 'lit'

const NOTHING = 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/%3E'
const isHere = (url: string): boolean => /^data:/i.test(url.trim())
const fetches = /url\((?!\s*['"]?data:)[^)]*\)/gi
const anyImage = /url\([^)]*\)/gi

/** Trusted Types. This is the only policy that allows HTML, and it is only used for the frame. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(source: string): string }): { createHTML(source: string): unknown }
}
const { trustedTypes } = window as Window & { readonly trustedTypes?: TrustedTypes }
const policy = trustedTypes?.createPolicy('carillon-email', { createHTML: (source) => source })
/** Allows HTML for a frame. */
export const asHtml = (source: string): string => (policy?.createHTML(source) ?? source) as string

// The Content-Security-Policy blocks inline handlers anyway, but the browser would log each of them.
const withoutHandlers = (source: string): string =>
  source.replace(/<[^<>]*>/g, (tag) => tag.replace(/([\s"'/])on(?=[a-z]+\s*=)/gi, '$1data-on'))

/** How the reader's device shows it. */
export interface EmailLook {
  /** what `prefers-color-scheme` asks for */
  readonly scheme: 'light' | 'dark'
  /** Images are not shown at all: their alternative texts are. */
  readonly isBlocked: boolean
}
const plainLook: EmailLook = { scheme: 'light', isBlocked: false }

/**
 * A style sheet or a media query as it is in a colour scheme. Not every browser lets a page choose the scheme of its frames: so conditions on it
 * become ones that always or never hold.
 */
const inScheme = (style: string, scheme: EmailLook['scheme']): string =>
  style
    .replace(/\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/gi, (_, wanted: string) =>
      wanted.toLowerCase() === scheme ? '(min-width: 0)' : '(max-width: 0)',
    )
    .replace(/(\bcolor-scheme\s*:\s*)(light\s+dark|dark\s+light)/gi, `$1${scheme}`)

/** The e-mail without scripts and external content, and how much of that was removed. */
export function quietEmail(
  source: string,
  { scheme, isBlocked }: EmailLook = plainLook,
): { readonly html: string; readonly removed: number } {
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
      const isKept = isHere(value ?? '') && !isBlocked
      if (value === null || isKept || (name === 'href' && element.tagName === 'A')) continue
      if (name === 'src' && !isBlocked) element.setAttribute(name, NOTHING)
      else element.removeAttribute(name)
      if (!isHere(value)) note()
    }
    const style = element.getAttribute('style')
    const images = isBlocked ? anyImage : fetches
    if (style !== null) element.setAttribute('style', inScheme(style, scheme).replace(images, 'none'))
    if (element.tagName === 'STYLE')
      element.textContent = inScheme(element.textContent ?? '', scheme)
        .replace(/@import[^;]*;?/gi, '')
        .replace(images, 'none')
    const media = element.getAttribute('media')
    if (media !== null) element.setAttribute('media', inScheme(media, scheme))
    if (element.matches('meta[name="color-scheme" i]')) {
      const declared = (element.getAttribute('content') ?? '').split(/\s+/)
      if (declared.includes(scheme)) element.setAttribute('content', scheme)
    }
  }
  return { html: page.documentElement.outerHTML, removed }
}

export function emailFrame(source: string, title: string): TemplateResult {
  const { html: quiet, removed } = quietEmail(source)
  return html`<iframe class="email" title="E-mail: ${title}" sandbox="" srcdoc=${asHtml(quiet)} loading="lazy"></iframe>
    ${removed === 0 ? '' : html`<p class="quiet small">Remote images and other external content are not loaded here (${removed}).</p>`}`
}
