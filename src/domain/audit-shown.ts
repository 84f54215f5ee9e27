/** What the audit log shows of a state: secrets masked, and what is long shortened. */
import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../words.ts'

/** A state before and after a change; null: it was not there. */
export type BeforeAfter = readonly [before: JsonObject | null, after: JsonObject | null]

/** An entry's `before` or `after` has at most this many bytes as JSON. */
export const SHOWN_BYTES = 16_384
const LENGTHS = [2_000, 300, 60] as const

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function shorten(value: Json, chars: number): Json {
  if (typeof value === 'string') {
    return value.length <= chars ? value : `${value.slice(0, chars)}… (${value.length} characters)`
  }
  if (Array.isArray(value)) return value.map((one) => shorten(one, chars))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shorten(one, chars)]))
}

/**
 * Fits a state into its limit. One that does not fit gets shorter texts, or loses its longest parts, and `truncated` with the size and the
 * SHA-256 of the whole: two that differ still do so.
 */
export function fitShown(state: JsonObject): JsonObject {
  const text = JSON.stringify(state)
  const bytes = Buffer.byteLength(text)
  if (bytes <= SHOWN_BYTES) return state
  const truncated = { bytes, sha256: createHash('sha256').update(text).digest('hex') }
  for (const chars of LENGTHS) {
    const shorter: JsonObject = {
      ...Object.fromEntries(Object.entries(state).map(([name, one]) => [name, shorten(one, chars)])),
      truncated,
    }
    if (Buffer.byteLength(JSON.stringify(shorter)) <= SHOWN_BYTES) return shorter
  }
  const small = Object.entries(state).filter(([, one]) => Buffer.byteLength(JSON.stringify(one)) <= 500)
  return { ...Object.fromEntries(small.slice(0, 25)), truncated }
}

/** What stands for a secret that is set, and for one that the change has replaced. */
const SET = 'set'
const CHANGED = 'changed'

/** An address without its user, path and query, any of which may be a token. */
function shownAddress(text: string): string | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return null
  const { protocol, host, pathname, search } = new URL(text)
  return `${protocol}//${host}${pathname.length > 1 || search !== '' ? '/…' : ''}`
}

function maskValue(value: Json, before: Json | undefined, isSecret: boolean): Json {
  const isChanged = before !== undefined && JSON.stringify(before) !== JSON.stringify(value)
  if (isSecret) return isChanged ? CHANGED : SET
  if (isObject(value)) {
    const was = isObject(before) ? before : {}
    const entries = Object.entries(value).map(([name, one]) => [name, maskValue(one, was[name], true)])
    return Object.fromEntries(entries)
  }
  const address = typeof value === 'string' ? shownAddress(value) : null
  if (address === null) return value
  const isAlike = typeof before === 'string' && shownAddress(before) === address
  return isChanged && isAlike && address !== value ? `${address} (${CHANGED})` : address
}

/**
 * Masks the settings of a provider: its secrets, what is nested (headers), and all of addresses but the host. A change of what is masked is
 * visible as such.
 * @param secrets names of the secret settings
 */
export function maskSettings([before, after]: BeforeAfter, secrets: readonly string[]): BeforeAfter {
  const mask = (settings: JsonObject, other: JsonObject | null): JsonObject =>
    Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [
        name,
        // Of a secret with several parts, such as headers, the names are shown.
        maskValue(value, other?.[name], secrets.includes(name) && !isObject(value)),
      ]),
    )
  return [before === null ? null : mask(before, null), after === null ? null : mask(after, before)]
}
