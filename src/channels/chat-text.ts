/** Texts for chat services: what comes out of a template is cut to what a service takes, and can't pass for the service's own marks. */

const ELLIPSIS = '…'
const ZERO_WIDTH_SPACE = '\u200b'

/**
 * The text, or its longest beginning with an ellipsis, so that `sizeOf` adds up to at most `max`. Whole characters, as a reader
 * sees them. `sizeOf`: of a part; a text takes what its parts take.
 */
export function cutText(text: string, max: number, sizeOf: (part: string) => number = (part) => part.length): string {
  const whole = text.toWellFormed()
  if (whole.length <= max && sizeOf(whole) <= max) return whole
  const room = max - sizeOf(ELLIPSIS)
  let used = 0
  for (const { segment, index } of new Intl.Segmenter().segment(whole)) {
    used += sizeOf(segment)
    if (used > room) return whole.slice(0, index).trimEnd() + ELLIPSIS
  }
  return whole
}

/** Bytes of a part as it stands in JSON. */
export const jsonBytes = (part: string): number => Buffer.byteLength(JSON.stringify(part)) - 2

/** Breaks Markdown links and images, whose text could pretend another target; an address itself stays one. */
export const breakLinks = (text: string): string => text.replace(/\](?=[([:])/g, `]${ZERO_WIDTH_SPACE}`)

/** Breaks mentions of everybody. */
export const breakMentions = (text: string): string =>
  text.replace(/@(?=(?:all|channel|everyone|here)\b)/gi, `@${ZERO_WIDTH_SPACE}`)
