/** JSON in forms and on pages. */
import { html, type TemplateResult } from 'lit'

/** JSON, read-only. */
export const shownJson = (value: unknown): TemplateResult =>
  html`<pre tabindex="0" role="group" aria-label="JSON">${JSON.stringify(value, null, 2)}</pre>`

/** JSON for a text field; empty for null. */
export const writtenJson = (value: unknown): string =>
  value === null || value === undefined ? '' : JSON.stringify(value, null, 2)

/** A parsed text field. */
export type Typed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly wrong: string }

/** Parses an object; empty is null. */
export function readObject(text: string): Typed<Record<string, unknown> | null> {
  const read = readJson(text)
  if (!read.ok || read.value === null) return read.ok ? { ok: true, value: null } : read
  if (typeof read.value !== 'object' || Array.isArray(read.value))
    return { ok: false, wrong: 'Enter an object: { "name": "value" }' }
  return { ok: true, value: read.value as Record<string, unknown> }
}

/** Parses any JSON; empty is null. */
export function readJson(text: string): Typed<unknown> {
  if (text.trim() === '') return { ok: true, value: null }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, wrong: `Invalid JSON: ${error instanceof Error ? error.message : ''}` }
  }
}
