/** The statement of `trackEvents`: it inserts new contacts, the events, and the triggers of campaigns, all at once. */
import type { JsonObject } from '../words.ts'
import type { Runner } from './database.ts'

/** An event to store. `contactId` is used if the contact is new. */
export interface EventRow {
  readonly id: string
  /** externalId of the contact who did it; null: an event of the service itself */
  readonly contact: string | null
  readonly contactId: string
  readonly name: string
  readonly params: JsonObject
  /** the params that segments may compare; empty: all of them */
  readonly keys: readonly string[]
  readonly occurredAt: string
}

/**
 * Stores events, all of them or none. A contact that another process inserted meanwhile is not in the statement's snapshot; its id comes
 * from the ON CONFLICT clause. Contacts are inserted, and so locked, in the order of their externalIds. Rides on
 * contact_project_id_external_id_key and campaign_on_event.
 * @returns how many campaign triggers were inserted; they are due now
 * @throws 23503 when a contact was erased meanwhile; repeating the call inserts it again
 */
export async function storeEvents(tx: Runner, projectId: string, rows: readonly EventRow[]): Promise<number> {
  const { rows: answer } = await tx.query<{ triggered: number }>({
    name: 'store-events',
    text: `WITH r AS (
        SELECT * FROM json_to_recordset($2) AS r (id uuid, contact text, "contactId" uuid, name text, params jsonb, keys text[],
          "occurredAt" timestamptz)
      ), made AS (
        INSERT INTO contact (project_id, id, external_id)
        SELECT DISTINCT ON (contact) $1::uuid, "contactId", contact FROM r
        WHERE contact IS NOT NULL AND NOT EXISTS (SELECT FROM contact c WHERE c.project_id = $1 AND c.external_id = r.contact)
        ORDER BY contact
        ON CONFLICT (project_id, external_id) DO UPDATE SET external_id = EXCLUDED.external_id
        RETURNING id, external_id
      ), feeds AS (
        INSERT INTO feed_state (project_id, contact_id) SELECT $1::uuid, id FROM made ORDER BY id ON CONFLICT DO NOTHING
      ), who AS (
        SELECT id, external_id FROM made
        UNION ALL SELECT c.id, c.external_id FROM contact c WHERE c.project_id = $1 AND c.external_id IN (SELECT contact FROM r)
      ), stored AS (
        INSERT INTO event (project_id, id, name, contact_id, params, keys, occurred_at)
        SELECT $1::uuid, r.id, r.name, who.id, r.params, r.keys, r."occurredAt" FROM r LEFT JOIN who ON who.external_id = r.contact
        ORDER BY r.contact
        RETURNING id, name, contact_id
      ), triggered AS (
        INSERT INTO campaign_trigger (project_id, campaign_id, event_id)
        SELECT $1::uuid, k.id, e.id FROM stored e JOIN campaign k ON k.project_id = $1 AND k.active AND k.schedule ->> 'onEvent' = e.name
        WHERE e.contact_id IS NOT NULL
        RETURNING 1
      )
      SELECT count(*) AS triggered FROM triggered`,
    values: [projectId, JSON.stringify(rows)],
  })
  return answer[0]?.triggered ?? 0
}
