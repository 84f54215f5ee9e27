/** The statements that read providers, and that open and close their circuits. */
import type { Channel } from '../words.ts'
import { inProjects, type Runner } from './database.ts'

/** A provider; the secrets in its settings are encrypted. */
export interface ProviderRow {
  readonly projectId: string
  readonly id: string
  readonly key: string
  readonly version: number
  readonly channel: Channel
  readonly kind: string
  readonly settings: unknown
  readonly ratePerSecond: number | null
  /** it has an address of its own, so a message needs none of the contact's */
  readonly hasAddress: boolean
  /** the setting of that name, as JSON; null: it has none */
  readonly countries: string | null
  /** its circuit is open: no attempt is made before this time; null: it is closed */
  readonly openUntil: Date | null
}

/** The setting that limits the numbers of a provider, as JSON. */
export const countriesColumn = `CASE WHEN channel IN ('SMS', 'ALIMTALK', 'FRIENDTALK') THEN settings ->> 'countries' END AS countries`

const columns = `project_id AS "projectId", id, key, version, channel, kind, settings, rate_per_second AS "ratePerSecond",
  channel = 'WEBHOOK' AND (settings ? 'url' OR kind = 'capture') AS "hasAddress",
  ${countriesColumn}, open_until AS "openUntil"`

/** A provider by its id alone, which is all that a vendor's callback contains. null: there is none. Rides on provider_id_key. */
export async function findProvider(db: Runner, id: string): Promise<ProviderRow | null> {
  const { rows } = await db.query<ProviderRow>({
    name: 'find-provider',
    text: `SELECT ${columns} FROM provider WHERE id = $1`,
    values: [id],
  })
  return rows[0] ?? null
}

/** Active providers of these projects, the preferred one of each channel first. Rides on provider_pkey. */
export async function findProviders(db: Runner, projectIds: readonly string[]): Promise<ProviderRow[]> {
  const projects = inProjects(projectIds)
  const { rows } = await db.query<ProviderRow>({
    name: `find-providers-${projects.name}`,
    text: `SELECT ${columns} FROM provider WHERE ${projects.condition} AND active ORDER BY project_id, channel, priority, key`,
    values: [projects.value],
  })
  return rows
}

/** Stores until when a provider's circuit is open; null: it is closed. Rides on provider_pkey. */
export async function writeOpenUntil(db: Runner, projectId: string, id: string, openUntil: Date | null): Promise<void> {
  await db.query({
    name: 'write-open-until',
    text: 'UPDATE provider SET open_until = $3 WHERE project_id = $1 AND id = $2',
    values: [projectId, id, openUntil],
  })
}

/** The stored settings of a provider. */
export type StoredSettingsRow = Pick<ProviderRow, 'projectId' | 'id' | 'key' | 'kind' | 'settings'>

/** Locks the next providers of all projects, by id. Sends through them go on meanwhile. Rides on provider_id_key. */
export async function lockSettings(tx: Runner, afterId: string, limit: number): Promise<StoredSettingsRow[]> {
  const { rows } = await tx.query<StoredSettingsRow>({
    text: `SELECT project_id AS "projectId", id, key, kind, settings FROM provider WHERE id > $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE`,
    values: [afterId, limit],
  })
  return rows
}

/** Replaces how settings are stored, not what they are: open providers stay open. Rides on provider_id_key. */
export async function writeSettings(tx: Runner, rows: readonly Pick<ProviderRow, 'id' | 'settings'>[]): Promise<void> {
  await tx.query({
    text: `UPDATE provider p SET settings = r.settings FROM json_to_recordset($1) AS r (id uuid, settings jsonb) WHERE p.id = r.id`,
    values: [JSON.stringify(rows)],
  })
}
