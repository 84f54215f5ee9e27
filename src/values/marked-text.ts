/**
 * A text whose values are marked: it is rendered before it is known which service it goes to, and each service needs them escaped in its own
 * way. What a template's author wrote is not marked, and stands as it is.
 */

// Noncharacters of Unicode, which no text is meant to contain.
const OPEN = '\ufdd0'
const CLOSE = '\ufdd1'
const MARKS = /[\ufdd0\ufdd1]/g
/** A word that no service reads as anything else. It is not marked, so that a template can compare what it has captured. */
const PLAIN = /^[\p{L}\p{N}]+$/u
/** Words that mention everybody after an `@` of the author's. */
const MENTION = /^(all|channel|everyone|here)/i

/** Marks a value, unless it is one that every service leaves as it is. */
export function markValue(value: string): string {
  if (value === '' || (PLAIN.test(value) && !MENTION.test(value))) return value
  return OPEN + value.replace(MARKS, '') + CLOSE
}

/** Escapes a value for a service. `before`: the end of the text that it follows, escaped; enough of it for any address. */
export type EscapeValue = (value: string, before: string) => string

const BEFORE_LENGTH = 2_100
/** Longer than what any service takes: nothing beyond it is read. */
const LENGTH_MAX = 100_000

/** The text with its values escaped, without white space at the end. A mark whose counterpart was cut off ends at the next one. */
export function escapeMarked(text: string, escapeValue: EscapeValue): string {
  const parts: string[] = []
  let before = ''
  let length = 0
  const add = (part: string): void => {
    if (part === '') return
    parts.push(part)
    length += part.length
    before = (before + part).slice(-BEFORE_LENGTH)
  }
  for (const [index, part] of text.split(OPEN).entries()) {
    if (length > LENGTH_MAX) break
    const close = part.indexOf(CLOSE)
    const end = index === 0 ? 0 : close === -1 ? part.length : close
    if (end > 0) add(escapeValue(part.slice(0, Math.min(end, LENGTH_MAX)), before))
    add(part.slice(end).replace(MARKS, ''))
  }
  return parts.join('').trimEnd()
}
