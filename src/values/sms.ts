/** The size of a text message, by which vendors charge. */
import { SegmentedMessage } from 'sms-segments-calculator'

/** The size of a text as an SMS. */
export interface SmsSize {
  /** GSM-7, or UCS-2 as soon as one character is not in GSM-7; EUC-KR where Korean vendors send to Korea */
  readonly encoding: string
  /** in the units of the encoding: a character of GSM-7's extension, and an emoji in UCS-2, count as two */
  readonly characters: number
  readonly segments: number
  /** of the text, without the headers that join segments */
  readonly bytes: number
}

/** How many units fit into a message that stands alone, and into one of several. */
const limits = { 'GSM-7': [160, 153], 'UCS-2': [70, 67] } as const

/** Measures a text. `inKorea`: it goes to a Korean number through a vendor that counts bytes, and joins no segments. */
export function smsSize(text: string, inKorea = false): SmsSize {
  if (inKorea) {
    const letters = [...text]
    // ASCII has one byte, all the rest has two.
    const bytes = letters.reduce((sum, letter) => sum + (letter < '\x80' ? 1 : 2), 0)
    return { encoding: 'EUC-KR', characters: letters.length, segments: 1, bytes }
  }
  const message = new SegmentedMessage(text)
  if (message.encodingName === 'UCS-2') {
    const sizes = Array.from(text, (letter) => letter.length)
    return { encoding: 'UCS-2', characters: text.length, segments: segmentsOf(sizes, limits['UCS-2']), bytes: text.length * 2 }
  }
  const sizes = message.encodedChars.map((one) => one.codeUnits.length)
  const characters = sizes.reduce((sum, size) => sum + size, 0)
  return {
    encoding: 'GSM-7',
    characters,
    segments: segmentsOf(sizes, limits['GSM-7']),
    bytes: Math.ceil((characters * 7) / 8),
  }
}

/** @param sizes of what can't be cut in two: a surrogate pair, an escaped character */
function segmentsOf(sizes: readonly number[], [alone, joined]: readonly [number, number]): number {
  if (sizes.reduce((sum, size) => sum + size, 0) <= alone) return 1
  let segments = 1
  let used = 0
  for (const size of sizes) {
    if (used + size > joined) {
      segments++
      used = 0
    }
    used += size
  }
  return segments
}
