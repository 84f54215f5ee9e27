/** The statements of `upsertContacts`: lock the contacts that exist, then write all that changed in one statement. */
import type { ContactInfo } from '../words.ts'
import { contactColumns, fieldColumns, recordFields, recordTypes, setFields } from './contact-columns.ts'
import type { Runner } from './database.ts'

/**
 * Reads contacts, and locks them until the transaction ends, in the order of their externalIds: two batches that share some would otherwise
 * deadlock. Rides on contact_project_id_external_id_key.
 */
export async function lockContacts(tx: Runner, projectId: string, externalIds: readonly string[]): Promise<ContactInfo[]> {
  const { rows } = await tx.query<ContactInfo>({
    name: 'lock-contacts',
    text: `SELECT ${contactColumns} FROM contact c WHERE c.project_id = $1 AND c.external_id = ANY($2::text[]) ORDER BY c.external_id FOR UPDATE`,
    values: [projectId, externalIds],
  })
  return rows
}

const recordset = `json_to_recordset($2) AS r (id uuid, "externalId" text, ${recordTypes}, properties jsonb, "createdAt" timestamptz)`

/**
 * Inserts contacts and their feeds.
 * @returns externalIds of those that were inserted; another process may have inserted the others meanwhile
 */
export async function insertContacts(
  tx: Runner,
  projectId: string,
  contacts: readonly (ContactInfo & { readonly createdAt: string })[],
): Promise<Set<string>> {
  const { rows } = await tx.query<{ externalId: string }>({
    name: 'insert-contacts',
    text: `WITH written AS (
        INSERT INTO contact (project_id, id, external_id, ${fieldColumns}, properties, created_at)
        SELECT $1::uuid, id, "externalId", ${recordFields}, properties, "createdAt" FROM ${recordset} ORDER BY "externalId"
        ON CONFLICT (project_id, external_id) DO NOTHING RETURNING project_id, id, external_id
      ), f AS (
        INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM written
      )
      SELECT external_id AS "externalId" FROM written`,
    values: [projectId, JSON.stringify(contacts)],
  })
  return new Set(rows.map((row) => row.externalId))
}

/** Writes all fields of contacts that are locked. Rides on contact_pkey. */
export async function updateContacts(tx: Runner, projectId: string, contacts: readonly ContactInfo[]): Promise<void> {
  await tx.query({
    name: 'update-contacts',
    text: `UPDATE contact c SET ${setFields}, properties = r.properties, updated_at = now()
      FROM ${recordset} WHERE c.project_id = $1 AND c.id = r.id`,
    values: [projectId, JSON.stringify(contacts)],
  })
}
