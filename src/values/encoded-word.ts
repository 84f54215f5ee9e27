/** Encoded words (RFC 2047), as other mail programs write names in headers. */

const WORD = /=\?([\w!#$%&'+^`{}~-]{1,40})(?:\*[\w-]*)?\?([bq])\?([^\s?]*)\?=/gi
const BETWEEN = /(\?=)[ \t\r\n]+(?==\?)/g

/** Decodes the encoded words of a text; what can't be decoded stays as it is. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  return text.replace(BETWEEN, '$1').replace(WORD, (word, charset: string, encoding: string, payload: string) => {
    const bytes = /b/i.test(encoding) ? Buffer.from(payload, 'base64') : quoted(payload)
    try {
      return new TextDecoder(charset, { fatal: true }).decode(bytes)
    } catch {
      return word // an unknown character set, or bytes that are none of it
    }
  })
}

const quoted = (payload: string): Buffer =>
  Buffer.from(
    payload
      .replaceAll('_', ' ')
      .replace(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
