/**
 * The one reader of e-mail addresses: of a bare address, of a mailbox with a name, and of lists of mailboxes. Used where addresses are
 * written, compared, previewed and sent, so that what is accepted once is accepted everywhere.
 */
import { domainToASCII, domainToUnicode } from 'node:url'
import { LRUCache } from 'lru-cache'
import { CarillonError } from '../errors.ts'
import { decodeWords } from './encoded-word.ts'
import { oneLine } from './one-line.ts'

/** One mailbox. */
export interface Mailbox {
  /** null: none was given */
  readonly name: string | null
  /** `local@domain`, ASCII only: an international domain is in its A-label form */
  readonly address: string
  readonly domain: string
}

/**
 * A part of an address field: text that its author wrote, or a value that was put into it. Only what the author wrote has a structure: a
 * comma, a quotation mark or an angle bracket of a value is a character of a name. `value` null: it is not known yet. `parts`: what a value is
 * made of, where the author made it of text and of other values.
 */
export type Piece = string | { readonly value: string | null; readonly parts?: readonly Piece[] }

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const LOCAL = new RegExp(`^(?!-)${ATOM}(?:\\.${ATOM})*$`)
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

const NAME_MAX = 200
const FIELD_MAX = 32_768
const MAILBOXES_MAX = 100

/** Domains that were read: those of a project's contacts are few, and come with each message. */
const domains = new LRUCache<string, { readonly ascii: string | null }>({ max: 2_000 })
/** No longer domain is kept. */
const KEPT_LENGTH = 253

/**
 * The A-label form of a domain, or null when mail can't be sent to it: it needs two labels, or is `localhost`. An IP address is none.
 */
function asciiDomain(domain: string): string | null {
  const known = domains.get(domain)
  if (known !== undefined) return known.ascii
  const ascii = readDomain(domain)
  if (domain.length <= KEPT_LENGTH) domains.set(domain, { ascii })
  return ascii
}

function readDomain(domain: string): string | null {
  // domainToASCII reads its argument as part of a URL: it would take off a path, undo percent signs, and turn 127.1 into an address; and it
  // drops characters without a width. Joiners are allowed, because some scripts write words with them.
  if (domain.length > 1_000 || /[\s\p{Cc}%/?#\\@:[\]<>^|]|(?!\u200c|\u200d)\p{Cf}/u.test(domain)) return null
  const ascii = domainToASCII(domain)
  const labels = ascii.split('.')
  if (labels.length < 2 && ascii !== 'localhost') return null
  if (!labels.every((label) => LABEL.test(label)) || /^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return null
  return ascii
}

/**
 * Reads one bare address. A name, a list, a group, a comment, a quoted local part, an IP literal and a non-ASCII local part are refused:
 * mail servers and readers may understand each of them differently, and such addresses are rare. null: it is not one.
 */
export function readAddress(text: string): Mailbox | null {
  // Data of a template may bring an object to where the types promise a text.
  if (typeof text !== 'string' || text.length > 1_100) return null
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  // Some programs decode what looks like an encoded word wherever it stands.
  if (local.length > 64 || !LOCAL.test(local) || /=\?.*\?=/.test(local)) return null
  const domain = asciiDomain(text.slice(at + 1))
  if (domain === null || local.length + 1 + domain.length > 254) return null
  return { name: null, address: `${local}@${domain}`, domain }
}

/** `local@domain` with the domain's A-labels, or null when the text is not one bare address. */
export const mailboxOf = (text: string): string | null => readAddress(text)?.address ?? null

/** The form in which addresses are compared: A-labels, in lower case. A text that is no address is compared in lower case. */
export const addressKey = (text: string): string => (mailboxOf(text) ?? text).toLowerCase()

/** The spellings of one address: as it is, and with the domain's A-labels and U-labels. */
export function spellingsOfEmail(text: string): string[] {
  const read = readAddress(text)
  if (read === null) return [text]
  const local = read.address.slice(0, -read.domain.length)
  return [...new Set([text, read.address, `${local}${domainToUnicode(read.domain) || read.domain}`])]
}

/** An e-mail address; returned unchanged. @throws ADDRESS_INVALID */
export function checkEmail(field: string, text: string): string {
  if (readAddress(text) === null)
    throw new CarillonError('ADDRESS_INVALID', {
      field,
      message: `${field}: is not one e-mail address, such as anna@example.com.`,
    })
  return text
}

/** A mailbox as text, which the readers below read back: `local@domain`, or `"Name" <local@domain>`. */
export function formatMailbox({ name, address }: Pick<Mailbox, 'name' | 'address'>): string {
  if (name === null) return address
  const isPlain = /^[\p{L}\p{N}\p{M}!#$%&'*+/^_`{|}~-]+(?: [\p{L}\p{N}\p{M}!#$%&'*+/^_`{|}~-]+)*$/u.test(name)
  return `${isPlain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`
}

/** Reads `local@domain` or `Name <local@domain>`: exactly one. The name is quoted, encoded (RFC 2047), or plain words. null: it is not one. */
export function readMailbox(field: string | readonly Piece[]): Mailbox | null {
  const list = readMailboxes(field)
  return list?.length === 1 ? (list[0] ?? null) : null
}

/**
 * Reads a list of mailboxes, separated by commas; empty items are left out. Groups and comments are refused. An item that is nothing but one
 * value is what the value says: a mailbox, or a list of them. Values that are not known yet are taken for right ones.
 * @returns null: it is not a list of mailboxes
 */
export function readMailboxes(field: string | readonly Piece[]): Mailbox[] | null {
  const pieces = typeof field === 'string' ? [field] : field
  let length = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') length += piece.length
    // What the types promise is a text may be anything where data of a template stands for it.
    else if (typeof piece !== 'object') return null
  }
  const items = length > FIELD_MAX ? null : itemsOf(pieces)
  const read = items?.map(mailboxesOf) ?? [null]
  const list: Mailbox[] = []
  for (const mailboxes of read) {
    if (mailboxes === null || list.length + mailboxes.length > MAILBOXES_MAX) return null
    list.push(...mailboxes)
  }
  return list
}

/** One item of a list, taken apart. */
interface Item {
  /** all of it, as it stands */
  readonly raw: Piece[]
  /** the parts of its name; `isWords`: plain words of the author, which may hold encoded words */
  readonly name: { text: string; readonly isWords: boolean }[]
  /** what stands in angle brackets; null: nothing does */
  address: Piece[] | null
  isQuoted: boolean
}

/** Takes a list apart. null: it has a group, or a quotation or an angle bracket that does not end, or something where nothing may be. */
function itemsOf(pieces: readonly Piece[]): Item[] | null {
  const start = (): Item => ({ raw: [], name: [], address: null, isQuoted: false })
  let item = start()
  const items = [item]
  let place: 'words' | 'quoted' | 'angle' | 'after' = 'words'
  const addName = (text: string, isWords: boolean): void => {
    const last = item.name.at(-1)
    if (last?.isWords === true && isWords) last.text += text
    else item.name.push({ text, isWords })
  }
  for (const piece of pieces) {
    if (typeof piece !== 'string') {
      if (place === 'after' && piece.value?.trim() !== '') return null
      item.raw.push(piece)
      if (place === 'angle') item.address?.push(piece)
      else if (place !== 'after') addName((piece.value ?? 'x').slice(0, 2 * NAME_MAX), false)
      continue
    }
    let isEscaped = false
    for (const character of piece) {
      if (place === 'quoted') {
        if (isEscaped || (character !== '"' && character !== '\\')) {
          addName(character, false)
          isEscaped = false
        } else if (character === '\\') isEscaped = true
        else place = 'words'
        continue
      }
      if (place === 'angle' && character !== '>') {
        if (character === '<') return null
        item.address?.push(character)
        continue
      }
      switch (character) {
        case ',':
          item = start()
          items.push(item)
          place = 'words'
          continue
        case '<':
          if (place === 'after') return null
          item.address = []
          place = 'angle'
          continue
        case '>':
          if (place !== 'angle') return null
          place = 'after'
          continue
        case '"':
          if (place === 'after') return null
          item.isQuoted = true
          place = 'quoted'
          continue
        // A group, or what only a quoted name may have.
        case ':':
        case ';':
        case '\\':
          return null
        default:
          if (place === 'after') {
            if (character.trim() !== '') return null
            continue
          }
          item.raw.push(character)
          addName(character, true)
      }
    }
    if (isEscaped) return null
  }
  return place === 'words' || place === 'after' ? items : null
}

/** Reads one item. null: it is no mailbox; [] for nothing at all. */
function mailboxesOf({ raw, name, address, isQuoted }: Item): Mailbox[] | null {
  if (address === null) {
    if (isQuoted) return null
    const values = raw.filter((piece) => typeof piece !== 'string')
    const words = textOf(raw.filter((piece) => typeof piece === 'string')).trim()
    const [value] = values
    if (values.length === 1 && words === '' && value !== undefined)
      return value.value === null ? [] : readMailboxes(value.parts ?? value.value)
    if (values.length === 0 && words === '') return []
    return one(null, raw)
  }
  // A second address, to another reader.
  if (name.some(({ text, isWords }) => isWords && text.includes('@'))) return null
  const whole = oneLine(name.map(({ text, isWords }) => (isWords ? decodeWords(text) : text)).join(''))
  return one(whole === '' ? null : [...whole].slice(0, NAME_MAX).join(''), address)
}

function one(name: string | null, pieces: readonly Piece[]): Mailbox[] | null {
  const values = pieces.filter((piece) => typeof piece !== 'string')
  if (values.every((piece) => piece.value !== null)) {
    const text = textOf(pieces).trim()
    // Values that are all empty name nobody.
    if (text === '' && name === null && values.length > 0) return []
    const read = readAddress(text)
    return read === null ? null : [{ ...read, name }]
  }
  // A value that is not known may be a whole address, its beginning, its local part, or a label of its domain.
  const guesses = [['x'], ['x.example'], ['x@x.example', '']]
  const read = guesses.map((guess) => readAddress(textOf(pieces, guess).trim())).find((mailbox) => mailbox !== null)
  return read === undefined ? null : [{ ...read, name }]
}

/** `unknown`: what stands for the values that are not known; the last one for all that follow, too. */
function textOf(pieces: readonly Piece[], unknown: readonly string[] = []): string {
  let place = 0
  const guess = (): string => unknown[Math.min(place++, unknown.length - 1)] ?? ''
  return pieces.map((piece) => (typeof piece === 'string' ? piece : (piece.value ?? guess()))).join('')
}
