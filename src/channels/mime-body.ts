/** The parts of an e-mail: their transfer encodings (RFC 2045), and how they are put together (RFC 2046). */
import { randomUUID } from 'node:crypto'
import { ProviderError } from './provider.ts'

/** The headers and the body of all parts: one, or the text and the HTML as alternatives. */
export function composeBody(text: string | null, html: string | null): string {
  const parts = [...(text === null ? [] : [part('plain', text)]), ...(html === null ? [] : [part('html', html)])]
  const [first, second] = parts
  if (first === undefined) return part('plain', '')
  if (second === undefined) return first
  // Random, so that no content can contain it.
  const boundary = `=_${randomUUID()}`
  return `Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n\r\n--${boundary}\r\n${first}\r\n--${boundary}\r\n${second}\r\n--${boundary}--\r\n`
}

const SEVEN_BIT = /^[\t\r\n -~]*$/
/** Of a line in quoted-printable, without the soft line break. */
const QUOTED_LINE = 75

/**
 * One part. ASCII in lines of permitted length is sent unchanged, with CRLF line ends; everything else in quoted-printable, which
 * people and filters can read, unless it is mostly not ASCII: then base64 is much shorter.
 */
function part(subtype: 'plain' | 'html', content: string): string {
  if (typeof content !== 'string')
    throw new ProviderError('refused', 'BAD_INPUT', `The ${subtype === 'plain' ? 'text' : 'html'} is not a text.`, {
      about: 'message',
    })
  const head = (encoding: string): string =>
    `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`
  if (SEVEN_BIT.test(content) && !/\r(?!\n)/.test(content) && !/[^\n]{900}/.test(content)) {
    return `${head('7bit')}${content.includes('\n') ? content.replace(/\r?\n/g, '\r\n') : content}`
  }
  const bytes = Buffer.from(content)
  let unprintable = 0
  for (const byte of bytes)
    if (byte > 126 || byte === 61 || (byte < 32 && byte !== 10 && byte !== 13 && byte !== 9)) unprintable++
  if (unprintable * 2 > bytes.length) return `${head('base64')}${bytes.toString('base64').replace(/.{76}/g, '$&\r\n')}`
  return `${head('quoted-printable')}${quotedPrintable(bytes)}`
}

/** Line ends become CRLF; a CR alone, and white space at the end of a line, are encoded. */
function quotedPrintable(bytes: Buffer): string {
  const encode = (byte: string): string => `=${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  return bytes
    .toString('latin1')
    .split(/\r?\n/)
    .flatMap((line) => wrapped(line.replace(/[^\t -<>-~]|[\t ]$/g, encode)))
    .join('\r\n')
}

/** A line in pieces with soft line breaks between them; none is cut within an encoded byte. */
function wrapped(line: string): string[] {
  const lines: string[] = []
  let at = 0
  while (line.length - at > QUOTED_LINE + 1) {
    const tail = line.lastIndexOf('=', at + QUOTED_LINE - 1)
    const end = tail > at + QUOTED_LINE - 3 ? tail : at + QUOTED_LINE
    lines.push(`${line.slice(at, end)}=`)
    at = end
  }
  return [...lines, line.slice(at)]
}
