/** Settings as people write them, in the environment and for providers: switches, whole numbers, sizes, words of a closed set. */

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['true', true],
  ['yes', true],
  ['1', true],
  ['off', false],
  ['false', false],
  ['no', false],
  ['0', false],
])

/** What a switch may be. */
export const switchWords = [...SWITCHES.keys()].join(', ')

/** A switch as a boolean, a number or text in any case; null: it is none. */
export const readSwitch = (value: unknown): boolean | null => {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string' && typeof value !== 'number') return null
  return SWITCHES.get(String(value).trim().toLowerCase()) ?? null
}

/** A number, also as text; null: it is none. `isWhole`: with digits alone. */
export function readNumber(value: unknown, isWhole: boolean): number | null {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  const text = value.trim()
  return (isWhole ? /^[+-]?\d{1,15}$/ : /^[+-]?\d{1,15}(\.\d{1,15})?$/).test(text) ? Number(text) : null
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** A size in bytes, as digits or with a unit (`10MB`, `512 KiB`, `1g`), where a kilobyte has 1,024 bytes; null: it is none. */
export function readBytes(text: string): number | null {
  const { digits = '', unit = '' } = /^(?<digits>\d{1,15})\s*(?<unit>[kmg]?)(i?b)?$/i.exec(text.trim())?.groups ?? {}
  return digits === '' ? null : Number(digits) * (UNITS[unit.toLowerCase()] ?? 1)
}

/** The member of a closed set that a text means: in any case, with `_` or `-`; null: none. */
export const readMember = <Member extends string>(members: readonly Member[], value: unknown): Member | null => {
  if (typeof value !== 'string') return null
  const plain = (text: string): string => text.trim().toLowerCase().replaceAll('_', '-')
  return members.find((member) => plain(member) === plain(value)) ?? null
}

/** The text of a setting without what env files and mounted files put around it: white space, and one pair of quotes. */
export function readText(value: string): string {
  const text = value.trim()
  const isQuoted = text.length > 1 && /^["']/.test(text) && text.at(-1) === text[0]
  return isQuoted ? text.slice(1, -1).trim() : text
}

const SHOWN_CHARS = 80

/** A value as a message shows it: on one line, and cut off. Never for a secret. */
export function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`
}
