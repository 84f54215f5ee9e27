/** What differs between two versions of a template, field by field. Pure. */
import { channels, contentFields, type Json } from '../words.ts'
import type { VersionContent } from './version-content.ts'

/** A field that differs. */
export interface TemplateChange {
  /** as in TemplateInput: `name`, `rules`; of a content `email.en.subject` */
  readonly path: string
  /** null: it had no value, or was not there */
  readonly before: Json
  readonly after: Json
}

/** The fields of a version by path, in the order of TemplateInput. */
function fieldsOf({ contents, ...fields }: VersionContent): Map<string, Json> {
  const found = new Map<string, Json>(Object.entries(fields).map(([name, value]) => [name, value as Json]))
  for (const channel of channels) {
    for (const [locale, content] of Object.entries(contents[channel] ?? {})) {
      for (const [name, value] of Object.entries(content)) {
        found.set(`${contentFields[channel]}.${locale}.${name}`, value as Json)
      }
    }
  }
  return found
}

/** JSON text in which the order of keys does not count. */
const canonical = (value: Json): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )

/** The fields that differ, in the order in which a template has them. `before`: null: the template is new. */
export function changesBetween(before: VersionContent | null, after: VersionContent): TemplateChange[] {
  const [was, is] = [before === null ? new Map<string, Json>() : fieldsOf(before), fieldsOf(after)]
  return [...new Set([...is.keys(), ...was.keys()])].flatMap((path): TemplateChange[] => {
    const change = { path, before: was.get(path) ?? null, after: is.get(path) ?? null }
    return canonical(change.before) === canonical(change.after) ? [] : [change]
  })
}
