/** Writing contacts in sets. Every contact has its feed_state row from the statement that makes it. */
import type { ContactField, ContactInfo, JsonObject } from '../domain/words.ts'
import type { Runner } from './database.ts'
import { contactColumns } from './lookup.ts'

/** A contact to be there afterwards; `id` is used if it is new. */
export interface ContactRow extends Readonly<Partial<Record<ContactField, string | null>>> {
  readonly projectId: string
  readonly id: string
  readonly externalId: string
  readonly properties?: JsonObject | null
}

/**
 * Makes contacts that are missing, and fills what is missing of those that are there; a stored value is never replaced.
 * One row for each contact of the input (each at most once in it). Rows are locked in (project, externalId) order.
 */
export async function fillContacts(tx: Runner, rows: readonly ContactRow[]): Promise<(ContactInfo & { projectId: string })[]> {
  const input = JSON.stringify(rows)
  await tx.query({
    name: 'fill-contacts',
    text: `WITH written AS (
      INSERT INTO contact AS c (project_id, id, external_id, email, phone, locale, timezone, first_name, last_name, photo_url, country, properties)
      SELECT "projectId", id, "externalId", email, phone, locale, timezone, "firstName", "lastName", "photoUrl", country, COALESCE(properties, '{}')
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "externalId" text, email text, phone text, locale text, timezone text,
        "firstName" text, "lastName" text, "photoUrl" text, country text, properties jsonb)
      ORDER BY "projectId", "externalId"
      ON CONFLICT (project_id, external_id) DO UPDATE SET
        email = COALESCE(c.email, EXCLUDED.email), phone = COALESCE(c.phone, EXCLUDED.phone), locale = COALESCE(c.locale, EXCLUDED.locale),
        timezone = COALESCE(c.timezone, EXCLUDED.timezone), first_name = COALESCE(c.first_name, EXCLUDED.first_name),
        last_name = COALESCE(c.last_name, EXCLUDED.last_name), photo_url = COALESCE(c.photo_url, EXCLUDED.photo_url),
        country = COALESCE(c.country, EXCLUDED.country), properties = EXCLUDED.properties || c.properties, updated_at = now()
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
