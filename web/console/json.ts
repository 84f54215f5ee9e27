/** JSON as text to read and to type. */
import { html, type TemplateResult } from 'lit'

/** JSON to read. */
export const shownJson = (value: unknown): TemplateResult =>
  html`<pre tabindex="0" role="group" aria-label="JSON">${JSON.stringify(value, null, 2)}</pre>`

/** JSON to change; nothing where there is nothing. */
export const writtenJson = (value: unknown): string =>
  value === null || value === undefined ? '' : JSON.stringify(value, null, 2)

/** What was typed. */
export type Typed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly wrong: string }

/** Reads an object; nothing typed is null. */
export function readObject(text: string): Typed<Record<string, unknown> | null> {
  const read = readJson(text)
  if (!read.ok || read.value === null) return read.ok ? { ok: true, value: null } : read
  if (typeof read.value !== 'object' || Array.isArray(read.value))
    return { ok: false, wrong: 'Type an object: { "name": "value" }.' }
  return { ok: true, value: read.value as Record<string, unknown> }
}

/** Reads any JSON; nothing typed is null. */
export function readJson(text: string): Typed<unknown> {
  if (text.trim() === '') return { ok: true, value: null }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, wrong: `This is not JSON: ${error instanceof Error ? error.message : ''}` }
  }
}
