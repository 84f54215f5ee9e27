/** Texts for chat services: values escaped so that they can't imitate the service's own markup, and texts cut to the service's limit. */

const ELLIPSIS = '…'
const ZERO_WIDTH_SPACE = '\u200b'

/**
 * The text, or its longest beginning with an ellipsis, so that `sizeOf` adds up to at most `max`. Whole characters, as a reader
 * sees them, and whole escapes and marks of `&…;` and `<…>`. `sizeOf`: of a part; a text takes what its parts take.
 */
export function cutText(text: string, max: number, sizeOf: (part: string) => number = (part) => part.length): string {
  const whole = text.toWellFormed()
  if (whole.length <= max && sizeOf(whole) <= max) return whole
  const room = max - sizeOf(ELLIPSIS)
  let used = 0
  for (const { segment, index } of new Intl.Segmenter().segment(whole)) {
    used += sizeOf(segment)
    if (used > room) return withoutBegun(whole.slice(0, index)).trimEnd() + ELLIPSIS
  }
  return whole
}

const ESCAPE_MAX = 5
const MARK_MAX = 2_100
/** Without an escape or a mark that has begun at the end of a text and would be shown as it is written. */
function withoutBegun(text: string): string {
  const ampersand = text.lastIndexOf('&')
  const short = ampersand >= text.length - ESCAPE_MAX && /^&[a-z]*$/.test(text.slice(ampersand)) ? text.slice(0, ampersand) : text
  const open = short.lastIndexOf('<')
  const isMark = open >= short.length - MARK_MAX && /^<(?:[!@#]|https?:|mailto:)[^>\n]*$/.test(short.slice(open))
  return isMark ? short.slice(0, open) : short
}

/** Bytes of a part as JSON. */
export const jsonBytes = (part: string): number => Buffer.byteLength(JSON.stringify(part)) - 2

/** Breaks Markdown links and images, whose label could hide the real target; bare URLs stay links. */
export const breakLinks = (text: string): string => text.replace(/\](?=[([:])/g, `]${ZERO_WIDTH_SPACE}`)

/** Breaks mentions of everybody, also one that begins with an `@` of the text before. */
export const breakMentions = (text: string, before = ''): string => {
  const own = text.replace(/@(?=(?:all|channel|everyone|here)\b)/gi, `@${ZERO_WIDTH_SPACE}`)
  return /@$/.test(before) && /^(?:all|channel|everyone|here)\b/i.test(own) ? ZERO_WIDTH_SPACE + own : own
}

/** Breaks mentions of one person, role or channel, `<@1>`. */
export const breakMarks = (text: string): string => text.replace(/<(?=[!@#:/])/g, `<${ZERO_WIDTH_SPACE}`)

/** How far back a link's beginning is looked for. */
const LINK_MAX = 2_100

/** Whether what follows a text stands where the author has begun `<address`, up to the bar before its label. */
export function isInAngles(before: string): boolean {
  const near = before.slice(-LINK_MAX)
  return /^<[^<>|\s]*$/.test(near.slice(Math.max(0, near.lastIndexOf('<'))))
}

/** Whether what follows a text stands where the author has begun `[label](address`. */
export function isInParentheses(before: string): boolean {
  const near = before.slice(-LINK_MAX)
  const open = near.lastIndexOf('](')
  return open !== -1 && /^\]\([^()\s]*$/.test(near.slice(open))
}

/** A value within an address that the author has begun: nothing in it ends the address. */
export const inAddress = (value: string): string =>
  value.replace(/[\s<>|()[\]"\\`]/g, (one) => (one === '(' ? '%28' : one === ')' ? '%29' : encodeURIComponent(one)))

const URL_IN_TEXT = /(https?:\/\/[^\s<>()[\]|\\`]+)/i

/** A value of a service that speaks Markdown: it formats nothing and hides no address. An address that it contains stays a link. */
export function escapeMarkdown(value: string, before: string): string {
  if (isInParentheses(before)) return inAddress(value)
  const escaped = value
    .split(URL_IN_TEXT)
    .map((part, index) => (index % 2 === 1 ? part : escapeWords(part)))
    .join('')
  // What makes a heading, a quotation or a list does so at the beginning of a line.
  const lines = escaped.replace(/(\n[ \t]*)(?=[#>+-]|\d+[.)])/g, `$1${ZERO_WIDTH_SPACE}`)
  const isLineStart = /(^|\n)[ \t]*$/.test(before.slice(-100))
  return isLineStart && /^[ \t]*([#>+-]|\d+[.)])/.test(lines) ? ZERO_WIDTH_SPACE + lines : lines
}

const escapeWords = (text: string): string => text.replace(/[\\*_~`|[\]]/g, (one) => `\\${one}`)
