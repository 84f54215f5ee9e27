/** The providers of a batch of messages. */
import type { Channel } from '../domain/words.ts'
import type { Runner } from './database.ts'

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
}

/** Active providers of these projects, the preferred one of each channel first. */
export async function findProviders(db: Runner, projectIds: readonly string[]): Promise<ProviderRow[]> {
  const { rows } = await db.query<ProviderRow>({
    name: 'find-providers',
    text: `SELECT project_id AS "projectId", id, key, version, channel, kind, settings, rate_per_second AS "ratePerSecond" FROM provider
      WHERE project_id = ANY($1::uuid[]) AND active ORDER BY project_id, channel, priority, key`,
    values: [projectIds],
  })
  return rows
}
