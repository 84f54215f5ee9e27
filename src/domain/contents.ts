/** Contents of templates, kept by (template, version): a changed template is another version, so nothing here goes stale. */
import { LRUCache } from 'lru-cache'
import type { Runner } from '../db/database.ts'
import { findContents } from '../db/lookup.ts'
import { indexContents, type StoredContent, type TemplateContents } from '../render/content.ts'

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
}

/** Makes a cache of up to 2,000 templates. */
export function createContentCache(): ContentCache {
  const kept = new LRUCache<string, TemplateContents>({ max: 2_000 })
  const empty = indexContents([])
  const keyOf = ({ id, version }: { id: string; version: number }): string => `${id}:${version}`
  return {
    async load(db, templates) {
      const missing = templates.filter((template) => !kept.has(keyOf(template)))
      if (missing.length === 0) return
      const stored = new Map<string, StoredContent[]>(missing.map((template) => [keyOf(template), []]))
      for (const { templateId, version, ...content } of await findContents(db, missing)) {
        // A change between two look-ups shows here as a newer version: kept under its own number, and used for this batch as well.
        const key = keyOf({ id: templateId, version })
        const list = stored.get(key) ?? []
        list.push(content)
        stored.set(key, list)
      }
      for (const [key, contents] of stored) kept.set(key, indexContents(contents))
    },
    get: (template) => kept.get(keyOf(template)) ?? empty,
  }
}
