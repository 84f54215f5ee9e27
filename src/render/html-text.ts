/** The plain text of an e-mail that has HTML only: mail programs without HTML show it, and filters of spam expect one. */
import { createRequire } from 'node:module'

/** What is used of the package `html-to-text`, which comes without types. */
interface HtmlToText {
  compile(options: object): (html: string) => string
}

/** Converts HTML to text. The package is loaded with the first text: most e-mails come with their own. */
export interface HtmlText {
  /** What a conversion takes, in units of `programLimits`. */
  units(html: string): number
  /** The text of the HTML; of a very long one, the text of its beginning. */
  of(html: string): string
}

/** Whether an e-mail, or the template of one, gets a text that is made of its HTML. */
export const needsText = ({ html, text }: { readonly html: string | null; readonly text: string | null }): boolean =>
  html !== null && html !== '' && (text === null || text === '')

const LENGTH_MAX = 131_072
/** Time goes by tags, and by their depth: hostile HTML of this many takes as long as a long newsletter. */
const TAGS_MAX = 2_000
const UNITS_PER_TAG = 2
const CHARACTERS_PER_UNIT = 64
const CUT = '\n\n…'

/** How much of the HTML is converted, in characters, and how many tags that has. */
function measure(html: string): { readonly length: number; readonly tags: number } {
  let tags = 0
  let at = html.indexOf('<')
  for (; at >= 0 && at < LENGTH_MAX; at = html.indexOf('<', at + 1)) {
    if (tags === TAGS_MAX) return { length: at, tags }
    tags++
  }
  return { length: Math.min(html.length, LENGTH_MAX), tags }
}

/** Creates a converter; nothing is loaded yet. */
export function createHtmlText(): HtmlText {
  let convert: ((html: string) => string) | null = null
  const load = (): ((html: string) => string) => {
    const { compile } = createRequire(import.meta.url)('html-to-text') as HtmlToText
    const plainHeading = { options: { uppercase: false } }
    return compile({
      wordwrap: false,
      limits: { maxInputLength: LENGTH_MAX, maxDepth: 256, ellipsis: '…' },
      selectors: [
        { selector: 'img', format: 'skip' },
        { selector: 'a', options: { hideLinkHrefIfSameAsText: true, linkBrackets: ['(', ')'], noAnchorUrl: true } },
        ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, ...plainHeading })),
      ],
    })
  }
  return {
    units(html) {
      const { length, tags } = measure(html)
      return tags * UNITS_PER_TAG + length / CHARACTERS_PER_UNIT
    },
    of(html) {
      const { length } = measure(html)
      convert ??= load()
      const text = convert(html.slice(0, length).toWellFormed()).trim()
      return length < html.length ? `${text}${CUT}` : text
    },
  }
}
