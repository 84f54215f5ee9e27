/** Writes contacts in sets. The statement that inserts a contact inserts its feed_state row too. */
import type { ContactField, ContactInfo, JsonObject } from '../words.ts'
import { contactColumns, fieldColumns, fillFields, recordFields, recordTypes } from './contact-columns.ts'
import type { Runner } from './database.ts'

/** A contact that has to exist afterwards; `id` is used if it is new. */
export interface ContactRow extends Readonly<Partial<Record<ContactField, string | null>>> {
  readonly projectId: string
  readonly id: string
  readonly externalId: string
  readonly properties?: JsonObject | null
}

/**
 * Inserts contacts that do not exist, and sets those fields of existing ones that are empty; a stored value is never replaced. Each contact
 * may be in `rows` only once. Rides on contact_project_id_external_id_key. Rows are locked in the order of (project, externalId).
 * @returns the contacts as they are stored now
 */
export async function fillContacts(tx: Runner, rows: readonly ContactRow[]): Promise<(ContactInfo & { projectId: string })[]> {
  const input = JSON.stringify(rows)
  await tx.query({
    name: 'fill-contacts',
    text: `WITH written AS (
      INSERT INTO contact AS c (project_id, id, external_id, ${fieldColumns}, properties)
      SELECT "projectId", id, "externalId", ${recordFields}, COALESCE(properties, '{}')
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "externalId" text, ${recordTypes}, properties jsonb)
      ORDER BY "projectId", "externalId"
      ON CONFLICT (project_id, external_id) DO UPDATE SET
        ${fillFields}, properties = EXCLUDED.properties || c.properties, updated_at = now()
      RETURNING project_id, id)
      INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM written ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
    values: [input],
  })
  const { rows: contacts } = await tx.query<ContactInfo & { projectId: string }>({
    name: 'filled-contacts',
    text: `SELECT c.project_id AS "projectId", ${contactColumns}
      FROM json_to_recordset($1) AS r ("projectId" uuid, "externalId" text)
      JOIN contact c ON c.project_id = r."projectId" AND c.external_id = r."externalId"`,
    values: [input],
  })
  return contacts
}
