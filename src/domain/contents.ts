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

/** Makes a cache of up to 4,000 templates. */
export function createContentCache(): ContentCache {
  const kept = new LRUCache<string, { readonly contents: TemplateContents; readonly check: DataCheck | null }>({ max: 4_000 })
  const schemas = createDataSchemas()
  const empty = indexContents([])
  const keyOf = ({ id, version }: { id: string; version: number }): string => `${id}:${version}`
  return {
    async load(db, templates) {
      // Asked for by `get`, which keeps what this batch needs from making room for what it lacks.
      const missing = templates.filter((template) => kept.get(keyOf(template)) === undefined)
      if (missing.length === 0) return
      const [rows, found] = await Promise.all([findContents(db, missing), findSchemas(db, missing)])
      const stored = Map.groupBy(rows, (row) => row.templateId)
      const checks = new Map(found.map(({ templateId, schema }) => [templateId, schemas.compile(schema)]))
      for (const asked of missing) {
        const list = stored.get(asked.id) ?? []
        const contents = indexContents(list.map(({ channel, locale, content }): StoredContent => ({ channel, locale, content })))
        const entry = { contents, check: checks.get(asked.id) ?? null }
        // A change between two look-ups shows here as a newer version: kept under its own number, and used for this batch as well.
        for (const version of new Set([asked.version, ...list.map((row) => row.version)]))
          kept.set(keyOf({ id: asked.id, version }), entry)
      }
    },
    get: (template) => kept.get(keyOf(template))?.contents ?? empty,
    check: (template) => kept.get(keyOf(template))?.check ?? null,
  }
}
