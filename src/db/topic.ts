/** Adds and removes members of topics, in sets. */
import type { Runner } from './database.ts'

/**
 * Adds contacts to a topic by externalId: all of them, or none if one does not exist. Rides on contact_project_id_external_id_key and
 * topic_member_pkey.
 * @returns the first externalId that does not exist; null: all were added
 */
export async function addMembers(
  db: Runner,
  projectId: string,
  topicId: string,
  externalIds: readonly string[],
): Promise<string | null> {
  const { rows } = await db.query<{ missing: string | null }>({
    name: 'add-members',
    text: `WITH wanted AS (
        SELECT w.external_id, w.place, c.id FROM unnest($3::text[]) WITH ORDINALITY AS w (external_id, place)
        LEFT JOIN contact c ON c.project_id = $1 AND c.external_id = w.external_id
      ), added AS (
        INSERT INTO topic_member (project_id, topic_id, contact_id) SELECT DISTINCT $1::uuid, $2::uuid, id FROM wanted
        WHERE NOT EXISTS (SELECT FROM wanted WHERE id IS NULL) ORDER BY id
        ON CONFLICT DO NOTHING
      )
      SELECT (SELECT external_id FROM wanted WHERE id IS NULL ORDER BY place LIMIT 1) AS missing`,
    values: [projectId, topicId, externalIds],
  })
  return rows[0]?.missing ?? null
}

/** Removes contacts from a topic by externalId; those that are not members are ignored. Rides on contact_project_id_external_id_key. */
export async function removeMembers(
  db: Runner,
  projectId: string,
  topicId: string,
  externalIds: readonly string[],
): Promise<void> {
  await db.query({
    name: 'remove-members',
    text: `DELETE FROM topic_member m USING contact c WHERE m.project_id = $1 AND m.topic_id = $2 AND c.project_id = m.project_id
      AND c.id = m.contact_id AND c.external_id = ANY($3::text[])`,
    values: [projectId, topicId, externalIds],
  })
}
