/** Contents and compiled schemas of templates, kept by (template, version): a changed template is another version, so nothing here goes stale. */
import { LRUCache } from 'lru-cache'
import type { Runner } from '../db/database.ts'
import { findContents, findSchemas } from '../db/lookup.ts'
import { indexContents, type StoredContent, type TemplateContents } from '../render/content.ts'
import { createDataSchemas, type DataCheck } from './data-schema.ts'

/** A version of a template. */
export interface TemplateVersion {
  readonly projectId: string
  readonly id: string
  readonly version: number
}

/** Looks contents up, for a whole batch at once. */
export interface ContentCache {
  load(db: Runner, templates: readonly TemplateVersion[]): Promise<void>
  /** Contents that `load` brought. */
  get(template: TemplateVersion): TemplateContents
  /** What checks `data`, of templates that `load` brought; null: anything fits. */
  check(template: TemplateVersion): DataCheck | null
}

/** Makes a cache of up to 2,000 templates. */
export function createContentCache(): ContentCache {
  const kept = new LRUCache<string, { readonly contents: TemplateContents; readonly check: DataCheck | null }>({ max: 2_000 })
  const schemas = createDataSchemas()
  const empty = indexContents([])
  const keyOf = ({ id, version }: { id: string; version: number }): string => `${id}:${version}`
  return {
    async load(db, templates) {
      const missing = templates.filter((template) => !kept.has(keyOf(template)))
      if (missing.length === 0) return
      const [contents, found] = await Promise.all([findContents(db, missing), findSchemas(db, missing)])
      const stored = new Map<string, StoredContent[]>(missing.map((template) => [keyOf(template), []]))
      for (const { templateId, version, ...content } of contents) {
        // A change between two look-ups shows here as a newer version: kept under its own number, and used for this batch as well.
        const key = keyOf({ id: templateId, version })
        const list = stored.get(key) ?? []
        list.push(content)
        stored.set(key, list)
      }
      const checks = new Map(found.map(({ templateId, schema }) => [templateId, schemas.compile(schema)]))
      for (const [key, list] of stored) {
        const [templateId = ''] = key.split(':')
        kept.set(key, { contents: indexContents(list), check: checks.get(templateId) ?? null })
      }
    },
    get: (template) => kept.get(keyOf(template))?.contents ?? empty,
    check: (template) => kept.get(keyOf(template))?.check ?? null,
  }
}
