/** Writing suppressions in sets. */
import type { Channel, SuppressionReason } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** An address to suppress, as suppressions compare it. */
export interface SuppressionRow {
  readonly id: string
  readonly channel: Channel
  readonly address: string
  readonly reason: SuppressionReason
}

/** Inserts those that are not there. Rows in order: two batches that share some would otherwise wait for each other. */
export async function addSuppressions(db: Runner, projectId: string, rows: readonly SuppressionRow[]): Promise<void> {
  await db.query({
    name: 'add-suppressions',
    text: `INSERT INTO suppression (project_id, id, channel, address, reason)
      SELECT DISTINCT ON (channel, address) $1::uuid, id, channel, address, reason
      FROM json_to_recordset($2) AS r (id uuid, channel channel, address text, reason text) ORDER BY channel, address
      ON CONFLICT (project_id, channel, address) DO NOTHING`,
    values: [projectId, JSON.stringify(rows)],
  })
}
