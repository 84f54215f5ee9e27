/** Which window of a digest a message joins. Pure. */
import { createHash } from 'node:crypto'
import type { DigestRule, Json, JsonObject } from '../words.ts'

/** What identifies a window, apart from the project, the contact and the template. */
export interface Window {
  readonly key: string
  readonly windowMs: number
}

/** The longest key that is stored as it is, because an index limits its length. */
const KEY_MAX = 200

/** The value at a dotted path; null: there is none. Inherited properties don't count. */
function valueAt(data: JsonObject, path: string): Json {
  let value: Json = data
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return null
    value = (value as { readonly [key: string]: Json })[part] ?? null
  }
  return value
}

/** JSON text that is the same for the same value, regardless of the order of keys. */
const canonical = (value: Json): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )

/** The window that a message joins by its data; null: its template has no digest. */
export function windowOf(rule: DigestRule | null, data: JsonObject): Window | null {
  if (rule === null) return null
  const text = rule.key === null ? '' : canonical(valueAt(data, rule.key))
  const key = text.length > KEY_MAX ? createHash('sha256').update(text).digest('hex') : text
  return { key, windowMs: rule.windowSeconds * 1000 }
}
