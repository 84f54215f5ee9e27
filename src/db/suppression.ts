/** Writes suppressions in sets. */
import type { Channel, SuppressionReason } from '../words.ts'
import type { Runner } from './database.ts'

/** An address to suppress, in the form in which suppressions are compared. */
export interface SuppressionRow {
  readonly id: string
  readonly channel: Channel
  readonly address: string
  readonly reason: SuppressionReason
}

/**
 * Inserts suppressions; an address that is suppressed already keeps its row. Rides on suppression_project_id_channel_address_key. Rows are
 * inserted in the order of channel and address: two batches that share some would otherwise deadlock.
 */
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
