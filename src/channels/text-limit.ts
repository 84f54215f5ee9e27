/** The limits of texts that vendors state: a longer text is refused here, so that a preview knows it. */
import { ProviderError } from './provider.ts'

/** Refuses a text of more characters than the vendor takes. @throws ProviderError refused, TOO_LARGE */
export function checkCharacters(vendor: string, text: string, max: number): string {
  return check(vendor, text, [...text].length, max, 'characters')
}

/** Refuses a text of more bytes in EUC-KR, as Korean carriers count them: 1 for ASCII, 2 for others. @throws ProviderError refused, TOO_LARGE */
export function checkKoreanBytes(vendor: string, text: string, max: number): string {
  const bytes = [...text].reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) < 0x80 ? 1 : 2), 0)
  return check(vendor, text, bytes, max, 'bytes')
}

function check(vendor: string, text: string, got: number, max: number, unit: string): string {
  if (got <= max) return text
  throw new ProviderError('refused', 'TOO_LARGE', `The text has ${got} ${unit}: ${vendor} takes ${max}.`, {
    about: 'message',
  })
}
