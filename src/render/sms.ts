/** How a text message goes over the air. */
import { SegmentedMessage } from 'sms-segments-calculator'

/** What a text costs as an SMS. */
export interface SmsSize {
  /** GSM-7, or UCS-2 as soon as one character is not in GSM-7 */
  readonly encoding: string
  /** in the units of the encoding: a character of GSM-7's extension, and an emoji, count as two */
  readonly characters: number
  readonly segments: number
  /** of the text, without the headers that join segments */
  readonly bytes: number
}

/** Measures a text. */
export function smsSize(text: string): SmsSize {
  const message = new SegmentedMessage(text)
  const characters = message.numberOfCharacters
  return {
    encoding: message.encodingName,
    characters,
    segments: message.segmentsCount,
    bytes: message.encodingName === 'UCS-2' ? characters * 2 : Math.ceil((characters * 7) / 8),
  }
}
