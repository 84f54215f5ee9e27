/** An e-mail as text (RFC 5322). Built from plain strings here: a library might read a file, fetch a URL, or parse an address out of it. */
import { type Mailbox, readAddress, readMailbox, readMailboxes } from '../values/mailbox.ts'
import { composeBody } from './mime-body.ts'
import { ProviderError, type RenderedEmail } from './provider.ts'

/** A message and where it goes. `to[0]` is the main recipient. */
export interface ComposedEmail {
  readonly from: string
  readonly to: readonly [string, ...string[]]
  /** the `Message-ID` header without its brackets: the same on every attempt */
  readonly headerId: string
  readonly raw: Buffer
}

/** Of one header's value, in UTF-8. */
export const MAX_HEADER_OCTETS = 998
/** What a UTF-16 unit takes in UTF-8 at most. */
export const OCTETS_PER_UNIT = 3
const LINE = 76
const FORBIDDEN = /[^\P{Cc}\t]/u
const PRINTABLE = /^[ -~]*$/
const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*$/

/** What the provider adds to every message. */
export interface EmailDefaults {
  /** sender of a message that names none */
  readonly from: string
  /** headers by name; the message's own replace those of the same name */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Composes an e-mail. The result is 7-bit ASCII with CRLF line ends, so that no server has to re-encode it.
 * `own`: headers of this message
 * @throws ProviderError refused: ADDRESS_INVALID, or BAD_INPUT for a header that can't be one
 */
export function composeEmail(
  message: RenderedEmail,
  defaults: EmailDefaults,
  own: Readonly<Record<string, string>> = {},
): ComposedEmail {
  const from = mailbox('The sender', readMailbox(message.from ?? defaults.from))
  const to = mailbox('The recipient', readAddress(message.address))
  const cc = message.cc.map((one) => mailbox('A cc address', readMailbox(one)))
  const bcc = message.bcc.map((one) => mailbox('A bcc address', readMailbox(one)))
  const replyTo = message.replyTo === null ? [] : readMailboxes(message.replyTo)
  if (replyTo === null || (message.replyTo !== null && replyTo.length === 0)) throw invalid('The reply address')
  const headerId = `${message.messageId}@${from.domain}`
  const headers = [
    `From: ${mailboxHeader(from, 'From')}`,
    `To: ${to.address}`,
    ...(cc.length === 0 ? [] : [addressHeader('Cc', cc)]),
    ...(replyTo.length === 0 ? [] : [addressHeader('Reply-To', replyTo)]),
    `Subject: ${textHeader('subject', message.subject)}`,
    `Message-ID: <${checked('message id', headerId)}>`,
    `Date: ${message.dueAt.toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    // Vacation replies are not sent to what says this (RFC 3834).
    'Auto-Submitted: auto-generated',
    ...unsubscribeHeaders(message.unsubscribeUrl),
    ...ownHeaders(defaults.headers, own),
  ]
  const recipients = [...cc, ...bcc].map(({ address }) => address).filter((one) => one.toLowerCase() !== to.address.toLowerCase())
  return {
    from: from.address,
    to: [to.address, ...new Set(recipients)],
    headerId,
    raw: Buffer.from(`${headers.join('\r\n')}\r\n${composeBody(message.text, message.html)}`, 'latin1'),
  }
}

const badInput = (message: string): ProviderError => new ProviderError('refused', 'BAD_INPUT', message, { about: 'message' })
const addressHeader = (header: string, list: readonly Mailbox[]): string =>
  `${header}: ${list.map((one, index) => mailboxHeader(one, index === 0 ? header : '')).join(',\r\n ')}`

const invalid = (what: string): ProviderError =>
  new ProviderError('refused', 'ADDRESS_INVALID', `${what} is not an e-mail address that mail can be sent to.`, {
    about: 'address',
  })

function mailbox(what: string, read: Mailbox | null): Mailbox {
  if (read === null) throw invalid(what)
  return read
}

function ownHeaders(defaults: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): string[] {
  const replaced = new Set(Object.keys(own).map((name) => name.toLowerCase()))
  const kept = Object.entries(defaults).filter(([name]) => !replaced.has(name.toLowerCase()))
  return [...kept, ...Object.entries(own)].map(([name, value]) => `${name}: ${textHeader(name, value)}`)
}

/** @returns the value, if a header can contain it */
function checked(name: string, value: string): string {
  if (typeof value !== 'string') throw badInput(`The ${name} is not a text.`)
  if (FORBIDDEN.test(value)) throw badInput(`The ${name} has a line break or another control character in it.`)
  if (Buffer.byteLength(value) > MAX_HEADER_OCTETS) throw badInput(`The ${name} is longer than ${MAX_HEADER_OCTETS} bytes.`)
  return value
}

/** Free text: unchanged if that is unambiguous, else as encoded words (RFC 2047). */
function textHeader(name: string, value: string): string {
  checked(name, value)
  // A text that looks like an encoded word is encoded, or mail programs would decode it.
  const plain = PRINTABLE.test(value) && !value.includes('=?') && !/^ | $| {2}/.test(value)
  const taken = name.length + 2
  if (!plain) return encodedWords(value, taken)
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
  return lines.some((line) => line.length > LINE) ? encodedWords(value, taken) : lines.join('\r\n ')
}

/**
 * UTF-8 in base64, one encoded word a line; a word holds whole characters only. 45 bytes make 60 characters, 72 with the frame. `taken`: of the
 * first line, by the header's name
 */
function encodedWords(value: string, taken: number): string {
  let room = Math.max(3, Math.floor((LINE - taken - 12) / 4) * 3)
  const words: string[] = []
  let word = ''
  let bytes = 0
  for (const character of value) {
    const size = Buffer.byteLength(character)
    if (bytes + size > room && word !== '') {
      words.push(word)
      room = 45
      word = ''
      bytes = 0
    }
    word += character
    bytes += size
  }
  if (word !== '') words.push(word)
  return words.map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join('\r\n ')
}

/** `header`: its name, for the first mailbox of a line; the others follow on lines of their own */
function mailboxHeader({ name, address }: Mailbox, header = ''): string {
  if (name === null) return address
  checked('name of a sender', name)
  const short = name.length <= 60 && PRINTABLE.test(name) && !name.includes('=?')
  const phrase = !short ? encodedWords(name, header.length + 2) : ATOMS.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
  // On its own line when long: a line may have 998 characters, and readers prefer 78.
  return `${phrase}${phrase.length + address.length > 62 ? '\r\n ' : ' '}<${address}>`
}

function unsubscribeHeaders(url: string | null): string[] {
  if (url === null) return []
  checked('unsubscribe link', url)
  if (!/^https?:\/\/[\x21-\x3b\x3d\x3f-\x7e]+$/.test(url)) throw badInput('The unsubscribe link is not an http or https URL.')
  return [`List-Unsubscribe: <${url}>`, 'List-Unsubscribe-Post: List-Unsubscribe=One-Click']
}
