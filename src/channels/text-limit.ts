/** The limits of texts that vendors state: a longer text is refused here, and so is an empty one, so that it is known before it is sent. */
import { isBlank } from '../values/blank.ts'
import { ProviderError } from './provider.ts'

/** Refuses a text of more characters than the vendor takes. @throws ProviderError refused, TOO_LARGE; TEMPLATE_EMPTY */
export function checkCharacters(vendor: string, text: string, max: number): string {
  return check(vendor, text, [...text].length, max, 'characters')
}

/** Refuses a text of more bytes in EUC-KR, as Korean carriers count them: 1 for ASCII, 2 for others. @throws ProviderError refused, TOO_LARGE; TEMPLATE_EMPTY */
export function checkKoreanBytes(vendor: string, text: string, max: number): string {
  const bytes = [...text].reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) < 0x80 ? 1 : 2), 0)
  return check(vendor, text, bytes, max, 'bytes')
}

function check(vendor: string, text: string, got: number, max: number, unit: string): string {
  if (isBlank(text))
    throw new ProviderError('refused', 'TEMPLATE_EMPTY', `The text is empty: ${vendor} takes none without a text.`, {
      about: 'message',
    })
  if (got <= max) return text
  throw new ProviderError('refused', 'TOO_LARGE', `The text has ${got} ${unit}: ${vendor} takes ${max}.`, {
    about: 'message',
  })
}
