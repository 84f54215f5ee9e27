/** Finds a person's names and addresses in texts, in every spelling in which rendering may have put them there, and removes them. Pure. */
import { spellingsOfEmail } from '../values/mailbox.ts'
import { isPhone, phoneKeys } from '../values/phone.ts'
import type { Json, JsonObject } from '../words.ts'

/** What stands in place of a name or an address. */
export const NOBODY = '…'

/** What names a person. */
export interface PersonNames {
  /** e-mail addresses, phone numbers, device tokens, webhook addresses, a photo's address: removed wherever they occur */
  readonly addresses: readonly string[]
  /** first and last names: removed as words, also inflected ones */
  readonly names: readonly string[]
  /** ids in the caller's own system: removed as words */
  readonly ids: readonly string[]
}

/** Shorter ones would be found in texts that have nothing to do with the person. */
const MIN_ADDRESS = 5
const MIN_ID = 3
/** Digits alone, as an id: "100" is a number in most texts. */
const MIN_NUMERIC_ID = 6
/** A name that is one letter long is not looked for, unless its script writes words in one character. */
const MIN_NAME = 2

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
const unique = (list: readonly string[]): string[] => [...new Set(list)].filter((one) => one !== '')

const htmlOf = (text: string): string =>
  text.replace(/[&<>"']/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[one] ?? one)

/** A text as it stands in plain text, in HTML, in JSON and in URLs. */
const escapesOf = (text: string): string[] => {
  const encoded = encodeURIComponent(text)
  return unique(
    [text.normalize('NFC'), text.normalize('NFD')].flatMap((one) => [
      one,
      htmlOf(one),
      htmlOf(one).replaceAll('&#34;', '&quot;').replaceAll('&#39;', '&apos;'),
      // A template may escape what is escaped anyway.
      htmlOf(htmlOf(one)),
      JSON.stringify(one).slice(1, -1),
      encoded,
      encoded.replaceAll('%20', '+'),
      encodeURI(one),
      encoded.replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      // As `encodeURIComponent`, with what may stand in a query as it is.
      encoded.replaceAll('%40', '@'),
      encodeURIComponent(one),
    ]),
  )
}

/** The spellings of an address: an international domain in both forms, a phone number with its separators and without. */
export function spellingsOf(address: string): string[] {
  const trimmed = address.trim()
  if (trimmed.includes('@') && !trimmed.includes('://')) return unique(spellingsOfEmail(trimmed))
  if (isPhone(trimmed))
    return unique([trimmed, ...phoneKeys(trimmed), ...phoneKeys(trimmed).map((one) => one.replace(/\D/g, ''))])
  return unique([trimmed])
}

/** Letters of scripts that put spaces between words: only there can a word be told from a part of one. */
const LETTER = '[\\p{Script=Latin}\\p{Script=Cyrillic}\\p{Script=Greek}\\p{Script=Arabic}\\p{Script=Hebrew}\\p{N}]'
const isSpaced = (letter: string): boolean => new RegExp(LETTER, 'u').test(letter)
/** Letters that inflection adds to a name: "Annas", "Annalle". */
const ENDING = `${LETTER}{0,3}`

/** A word, whole: not as part of another. */
function asWord(text: string, inflected: boolean): string {
  const first = text.at(0) ?? ''
  const last = text.at(-1) ?? ''
  const before = isSpaced(first) ? `(?<!${LETTER})` : ''
  const after = isSpaced(last) ? `${inflected ? ENDING : ''}(?!${LETTER})` : ''
  return `${before}${escapeRegExp(text)}${after}`
}

/** A text with percent signs begins and ends with hex digits, which say nothing about words. */
const isEncoded = (text: string): boolean => /%[0-9a-f]{2}/i.test(text)

/** @returns a function that removes a person from a text; null: nothing names the person */
export function createEraser({ addresses, names, ids }: PersonNames): ((text: string) => string) | null {
  const longAddresses = unique(addresses.flatMap(spellingsOf)).filter((one) => one.length >= MIN_ADDRESS)
  const whole = unique(names.flatMap((name) => [name.trim(), ...name.trim().split(/\s+/)])).filter(
    (one) => [...one].length >= MIN_NAME || !isSpaced(one),
  )
  const words = unique(ids).filter((one) => one.length >= (/^\d+$/.test(one) ? MIN_NUMERIC_ID : MIN_ID))
  /** Longer ones first: one may begin like another. */
  const anyOf = (list: readonly string[], make: (text: string) => string): RegExp[] => {
    const sources = unique(list.flatMap(escapesOf)).toSorted((a, b) => b.length - a.length)
    return sources.length === 0 ? [] : [new RegExp(sources.map(make).join('|'), 'giu')]
  }
  // An address before the names that it contains.
  const patterns = [
    // A number is not found in a longer one.
    ...anyOf(longAddresses, (one) => (/^\+?\d+$/.test(one) ? `(?<!\\d)${escapeRegExp(one)}(?!\\d)` : escapeRegExp(one))),
    ...anyOf(words, (one) => asWord(one, false)),
    ...anyOf(whole, (one) => (isEncoded(one) ? escapeRegExp(one) : asWord(one, true))),
  ]
  return patterns.length === 0 ? null : (text) => patterns.reduce((left, pattern) => left.replace(pattern, NOBODY), text)
}

/** JSON whose texts, and names of properties, are erased. */
export function eraseJson(value: Json, erase: (text: string) => string): Json {
  if (typeof value === 'string') return erase(value)
  if (Array.isArray(value)) return value.map((one: Json) => eraseJson(one, erase))
  if (typeof value === 'object' && value !== null) return eraseObject(value as JsonObject, erase)
  return value
}

/** A JSON object whose texts, and names of properties, are erased. */
export const eraseObject = (object: JsonObject, erase: (text: string) => string): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, one]) => [erase(key), eraseJson(one, erase)]))

/** Patterns of LIKE that find an address in a name that a caller gave; [] for one that is too short to be found for certain. */
export const patternsOf = (addresses: readonly string[]): string[] =>
  unique(
    addresses
      .filter((one) => one.length >= MIN_ADDRESS)
      .flatMap(spellingsOf)
      .filter((one) => one.length >= MIN_ADDRESS)
      .flatMap((one) => [one, encodeURIComponent(one)])
      .map((one) => `%${one.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`),
  )
