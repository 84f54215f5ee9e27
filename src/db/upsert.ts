/** The statements of `upsertContacts`: lock what is there, then write all that changed in one go. */
import type { ContactInfo } from '../domain/words.ts'
import type { Runner } from './database.ts'
import { contactColumns } from './lookup.ts'

/** Locks contacts in the order of their externalIds: two batches that share some would otherwise wait for each other. */
export async function lockContacts(tx: Runner, projectId: string, externalIds: readonly string[]): Promise<ContactInfo[]> {
  const { rows } = await tx.query<ContactInfo>({
    name: 'lock-contacts',
    text: `SELECT ${contactColumns} FROM contact c WHERE c.project_id = $1 AND c.external_id = ANY($2::text[]) ORDER BY c.external_id FOR UPDATE`,
    values: [projectId, externalIds],
  })
  return rows
}

const columns = `project_id, id, external_id, email, phone, locale, timezone, first_name, last_name, photo_url, country, properties`
const values = `$1::uuid, id, "externalId", email, phone, locale, timezone, "firstName", "lastName", "photoUrl", country, properties`
const recordset = `json_to_recordset($2) AS r (id uuid, "externalId" text, email text, phone text, locale text, timezone text, "firstName" text,
  "lastName" text, "photoUrl" text, country text, properties jsonb, "createdAt" timestamptz)`

/** Inserts contacts. @returns externalIds of those that were inserted: somebody else may have made one meanwhile */
export async function insertContacts(
  tx: Runner,
  projectId: string,
  contacts: readonly (ContactInfo & { readonly createdAt: string })[],
): Promise<Set<string>> {
  const { rows } = await tx.query<{ externalId: string }>({
    name: 'insert-contacts',
    text: `WITH written AS (
        INSERT INTO contact (${columns}, created_at) SELECT ${values}, "createdAt" FROM ${recordset} ORDER BY "externalId"
        ON CONFLICT (project_id, external_id) DO NOTHING RETURNING project_id, id, external_id
      ), f AS (
        INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM written
      )
      SELECT external_id AS "externalId" FROM written`,
    values: [projectId, JSON.stringify(contacts)],
  })
  return new Set(rows.map((row) => row.externalId))
}

/** Rewrites contacts that are locked. */
export async function updateContacts(tx: Runner, projectId: string, contacts: readonly ContactInfo[]): Promise<void> {
  await tx.query({
    name: 'update-contacts',
    text: `UPDATE contact c SET email = r.email, phone = r.phone, locale = r.locale, timezone = r.timezone, first_name = r."firstName",
        last_name = r."lastName", photo_url = r."photoUrl", country = r.country, properties = r.properties, updated_at = now()
      FROM ${recordset} WHERE c.project_id = $1 AND c.id = r.id`,
    values: [projectId, JSON.stringify(contacts)],
  })
}
