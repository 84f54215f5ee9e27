/** A cache of templates' contents and compiled schemas, by id and version: a change makes a new version, so no entry becomes stale. */
import { LRUCache } from 'lru-cache'
import type { Runner } from '../db/database.ts'
import { findContents, findSchemas } from '../db/lookup.ts'
import { indexContents, type StoredContent, type TemplateContents } from '../render/contents.ts'
import { createDataSchemas, type DataCheck } from './data-schema.ts'

/** A template, in one version. */
export interface TemplateVersion {
  readonly projectId: string
  readonly id: string
  readonly version: number
}

/** Reads contents for a whole batch at once, and caches them. */
export interface ContentCache {
  /** Reads what is not cached yet. Call it before `get` and `check`. */
  load(db: Runner, templates: readonly TemplateVersion[]): Promise<void>
  /** The contents of a template that was loaded. */
  get(template: Omit<TemplateVersion, 'projectId'> & Partial<TemplateVersion>): TemplateContents
  /** The check of `data` for a template that was loaded; null: it has no schema. */
  check(template: TemplateVersion): DataCheck | null
}

/** Creates a cache of up to 4,000 versions of templates; the least recently used are dropped. */
export function createContentCache(): ContentCache {
  const kept = new LRUCache<string, { readonly contents: TemplateContents; readonly check: DataCheck | null }>({ max: 4_000 })
  const schemas = createDataSchemas()
  const empty = indexContents([])
  const keyOf = ({ id, version }: { id: string; version: number }): string => `${id}:${version}`
  return {
    async load(db, templates) {
      // `get` marks an entry as used, so what this batch needs is not dropped to make room for what it lacks.
      const missing = templates.filter((template) => kept.get(keyOf(template)) === undefined)
      if (missing.length === 0) return
      const [rows, found] = await Promise.all([findContents(db, missing), findSchemas(db, missing)])
      const stored = Map.groupBy(rows, (row) => row.templateId)
      const checks = new Map(found.map(({ templateId, schema }) => [templateId, schemas.of(schema)]))
      for (const template of missing) {
        const list = stored.get(template.id) ?? []
        const contents = indexContents(list.map(({ channel, locale, content }): StoredContent => ({ channel, locale, content })))
        const entry = { contents, check: checks.get(template.id) ?? null }
        // If the template was changed since the batch read its version, the rows have a newer one: cached under both, and used for this batch.
        for (const version of new Set([template.version, ...list.map((row) => row.version)]))
          kept.set(keyOf({ id: template.id, version }), entry)
      }
    },
    get: (template) => kept.get(keyOf(template))?.contents ?? empty,
    check: (template) => kept.get(keyOf(template))?.check ?? null,
  }
}
