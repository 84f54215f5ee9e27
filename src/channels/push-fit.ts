/** Cuts a push message to its platform's limit, between grapheme clusters. */
import type { Extent } from '../words.ts'
import { type FittedPush, ProviderError, type RenderedPush } from './provider.ts'

const ELLIPSIS = '…'

/** What a UTF-16 unit takes as JSON, as JSON within JSON, at most: `\\u0001`. */
const BYTES_PER_UNIT = 7
/** Of a message's ids, in every place where they stand, and of the names of its fields. */
const FRAME_BYTES = 800

/** Whether a push always fits once its texts are cut. */
export const fitsWithoutText = ({ rest }: Pick<Extent, 'rest'>, maxBytes: number): boolean =>
  rest * BYTES_PER_UNIT + FRAME_BYTES <= maxBytes

/**
 * Cuts a push so that `sizeOf` gives at most `maxBytes`. The body is cut first, at its end, and then the title; an ellipsis marks
 * a cut. The data, the links and the ids are never cut.
 * @throws ProviderError refused, TOO_LARGE, if the data is too large even without any text
 */
export function fitPush(message: RenderedPush, maxBytes: number, sizeOf: (message: RenderedPush) => number): FittedPush {
  if (sizeOf(message) <= maxBytes) return { message, truncated: false }
  const byBody = cutField(message, 'body', maxBytes, sizeOf)
  if (byBody !== null) return { message: byBody, truncated: true }
  const byTitle = cutField({ ...message, body: message.body === '' ? '' : ELLIPSIS }, 'title', maxBytes, sizeOf)
  if (byTitle !== null) return { message: byTitle, truncated: true }
  const got = sizeOf({ ...message, title: '', body: '' })
  const text = `The data of the push message takes ${got} bytes without its text: the platform carries ${maxBytes} in all.`
  throw new ProviderError('refused', 'TOO_LARGE', text, { about: 'message' })
}

/** The message with the longest beginning of a field that fits; null when none does. */
function cutField(
  message: RenderedPush,
  field: 'title' | 'body',
  maxBytes: number,
  sizeOf: (message: RenderedPush) => number,
): RenderedPush | null {
  const text = message[field]
  if (text === '') return null
  // A character takes at least one byte, so nothing beyond the limit can fit.
  const ends = [...new Intl.Segmenter().segment(text.slice(0, maxBytes))].map(({ index }) => index)
  const cutAt = (end: number): RenderedPush => ({ ...message, [field]: text.slice(0, end).trimEnd() + ELLIPSIS })
  let fits = -1
  let tooLong = ends.length
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1
    if (sizeOf(cutAt(ends[middle] ?? 0)) <= maxBytes) fits = middle
    else tooLong = middle
  }
  return fits === -1 ? null : cutAt(ends[fits] ?? 0)
}
