/** An e-mail as text (RFC 5322). Built here from plain strings: no library gets to read a file, fetch a URL, or find an address in it. */
import { randomUUID } from 'node:crypto'
import { type Mailbox, parseAddress, parseMailbox } from './mailbox.ts'
import { ProviderError, type RenderedEmail } from './provider.ts'

/** A message and where it goes. `to[0]` is the main recipient. */
export interface ComposedEmail {
  readonly from: string
  readonly to: readonly [string, ...string[]]
  /** the `Message-ID` header without its brackets: the same on every attempt */
  readonly headerId: string
  readonly raw: Buffer
}

const MAX_HEADER_OCTETS = 998
const LINE = 76
const FORBIDDEN = /[^\P{Cc}\t]/u
const PRINTABLE = /^[ -~]*$/
const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*$/

/**
 * Composes an e-mail. All that goes out is 7-bit ASCII with CRLF line ends, so that no server on the way has to change it.
 * `defaultFrom`: sender of a message that names none.
 * @throws ProviderError refused: ADDRESS_INVALID, or BAD_INPUT for a header that can't be one
 */
export function composeEmail(message: RenderedEmail, defaultFrom: string): ComposedEmail {
  const from = parseMailbox('The sender', message.from ?? defaultFrom)
  const to = parseAddress('The recipient', message.address)
  const cc = message.cc.map((address) => parseAddress('A cc address', address))
  const bcc = message.bcc.map((address) => parseAddress('A bcc address', address))
  const headerId = `${message.messageId}@${from.domain}`
  const headers = [
    `From: ${mailboxHeader(from)}`,
    `To: ${to.address}`,
    ...(cc.length === 0 ? [] : [`Cc: ${cc.map(({ address }) => address).join(',\r\n ')}`]),
    ...(message.replyTo === null ? [] : [`Reply-To: ${mailboxHeader(parseMailbox('The reply address', message.replyTo))}`]),
    `Subject: ${textHeader('subject', message.subject)}`,
    `Message-ID: <${checked('message id', headerId)}>`,
    `Date: ${message.createdAt.toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    ...unsubscribeHeaders(message.unsubscribeUrl),
  ]
  return {
    from: from.address,
    to: [to.address, ...cc.map(({ address }) => address), ...bcc.map(({ address }) => address)],
    headerId,
    raw: Buffer.from(`${headers.join('\r\n')}\r\n${body(message.text, message.html)}`, 'latin1'),
  }
}

const badInput = (message: string): ProviderError => new ProviderError('refused', 'BAD_INPUT', message)

/** The value, when it can stand in a header. */
function checked(name: string, value: string): string {
  if (typeof value !== 'string') throw badInput(`The ${name} is not a text.`)
  if (FORBIDDEN.test(value)) throw badInput(`The ${name} has a line break or another control character in it.`)
  if (Buffer.byteLength(value) > MAX_HEADER_OCTETS) throw badInput(`The ${name} is longer than ${MAX_HEADER_OCTETS} bytes.`)
  return value
}

/** Free text: as it is where that is unmistakable, else in encoded words (RFC 2047). */
function textHeader(name: string, value: string): string {
  checked(name, value)
  // What looks like an encoded word is encoded, or a reader would decode what the sender never encoded.
  const plain = PRINTABLE.test(value) && !value.includes('=?') && !/^ | $| {2}/.test(value)
  if (!plain) return encodedWords(value)
  if (value.length + name.length + 2 <= LINE) return value
  const lines: string[] = ['']
  for (const word of value.split(' ')) {
    const last = lines.length - 1
    const line = lines[last] ?? ''
    const room = last === 0 ? LINE - name.length - 2 : LINE - 1
    if (line === '') lines[last] = word
    else if (line.length + 1 + word.length <= room) lines[last] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.some((line) => line.length > LINE) ? encodedWords(value) : lines.join('\r\n ')
}

/** UTF-8 in base64, one encoded word a line; a word holds whole characters only. 45 bytes make 60 characters, 72 with the frame. */
function encodedWords(value: string): string {
  const words: string[] = []
  let word = ''
  let bytes = 0
  for (const character of value) {
    const size = Buffer.byteLength(character)
    if (bytes + size > 45) {
      words.push(word)
      word = ''
      bytes = 0
    }
    word += character
    bytes += size
  }
  if (word !== '') words.push(word)
  return words.map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join('\r\n ')
}

function mailboxHeader({ name, address }: Mailbox): string {
  if (name === null) return address
  checked('name of a sender', name)
  const short = name.length <= 60 && PRINTABLE.test(name) && !name.includes('=?')
  const phrase = !short ? encodedWords(name) : ATOMS.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
  // On its own line when long: a line may have 998 characters, and readers prefer 78.
  return `${phrase}${phrase.length + address.length > 66 ? '\r\n ' : ' '}<${address}>`
}

function unsubscribeHeaders(url: string | null): string[] {
  if (url === null) return []
  checked('unsubscribe link', url)
  if (!/^https?:\/\/[\x21-\x3b\x3d\x3f-\x7e]+$/.test(url)) throw badInput('The unsubscribe link is not an http or https URL.')
  return [`List-Unsubscribe: <${url}>`, 'List-Unsubscribe-Post: List-Unsubscribe=One-Click']
}

function body(text: string | null, html: string | null): string {
  const parts = [...(text === null ? [] : [part('plain', text)]), ...(html === null ? [] : [part('html', html)])]
  const [first, second] = parts
  if (first === undefined) return part('plain', '')
  if (second === undefined) return first
  // Random, so that no content can hold it.
  const boundary = `=_${randomUUID()}`
  return `Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n\r\n--${boundary}\r\n${first}\r\n--${boundary}\r\n${second}\r\n--${boundary}--\r\n`
}

const SEVEN_BIT = /^[\t\r\n -~]*$/

/** One part. ASCII in lines that a server takes goes as it is, with CRLF at line ends; everything else in base64, byte for byte. */
function part(subtype: 'plain' | 'html', content: string): string {
  if (typeof content !== 'string') throw badInput(`The ${subtype === 'plain' ? 'text' : 'html'} is not a text.`)
  if (SEVEN_BIT.test(content) && !/\r(?!\n)/.test(content) && !/[^\n]{900}/.test(content)) {
    const lines = content.includes('\n') ? content.replace(/\r?\n/g, '\r\n') : content
    return `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${lines}`
  }
  const encoded = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n')
  return `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`
}
