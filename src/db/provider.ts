/** The providers of a batch of messages. */
import type { Channel } from '../domain/words.ts'
import { inProjects, type Runner } from './database.ts'

/** An active provider; its secrets are sealed. */
export interface ProviderRow {
  readonly projectId: string
  readonly id: string
  readonly key: string
  readonly version: number
  readonly channel: Channel
  readonly kind: string
  readonly settings: unknown
  readonly ratePerSecond: number | null
  /** messages of its channel need no address of the contact's: it has one of its own */
  readonly hasAddress: boolean
  /** nothing goes to it before this time */
  readonly openUntil: Date | null
}

const columns = `project_id AS "projectId", id, key, version, channel, kind, settings, rate_per_second AS "ratePerSecond",
  channel = 'WEBHOOK' AND (settings ? 'url' OR kind = 'capture') AS "hasAddress", open_until AS "openUntil"`

/** A provider by its id alone: for vendors, who know nothing else. */
export async function findProvider(db: Runner, id: string): Promise<ProviderRow | null> {
  const { rows } = await db.query<ProviderRow>({
    name: 'find-provider',
    text: `SELECT ${columns} FROM provider WHERE id = $1`,
    values: [id],
  })
  return rows[0] ?? null
}

/** Active providers of these projects, the preferred one of each channel first. */
export async function findProviders(db: Runner, projectIds: readonly string[]): Promise<ProviderRow[]> {
  const projects = inProjects(projectIds)
  const { rows } = await db.query<ProviderRow>({
    name: `find-providers-${projects.name}`,
    text: `SELECT ${columns} FROM provider WHERE ${projects.condition} AND active ORDER BY project_id, channel, priority, key`,
    values: [projects.value],
  })
  return rows
}

/** Writes down until when nothing goes to a provider; null: it works. */
export async function writeOpenUntil(db: Runner, projectId: string, id: string, openUntil: Date | null): Promise<void> {
  await db.query({
    name: 'write-open-until',
    text: 'UPDATE provider SET open_until = $3 WHERE project_id = $1 AND id = $2',
    values: [projectId, id, openUntil],
  })
}
