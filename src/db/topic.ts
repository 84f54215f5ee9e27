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

/** A topic with the externalIds of some of its members. */
export interface DescribedTopic {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly members: readonly string[]
}

/**
 * Topics by key, each with at most `max` members, whatever number it has: Prisma would read them all. Rides on topic_project_id_key_key,
 * topic_member_pkey and contact_pkey.
 */
export async function findDescribedTopics(
  db: Runner,
  projectId: string,
  keys: readonly string[],
  max: number,
): Promise<DescribedTopic[]> {
  const { rows } = await db.query<DescribedTopic>({
    name: 'find-described-topics',
    text: `SELECT t.id, t.key, t.name, ARRAY(
        SELECT c.external_id FROM (
          SELECT m.project_id, m.contact_id FROM topic_member m WHERE m.project_id = t.project_id AND m.topic_id = t.id
          ORDER BY m.contact_id LIMIT $3
        ) AS shown JOIN contact c ON c.project_id = shown.project_id AND c.id = shown.contact_id ORDER BY c.id
      ) AS members
      FROM topic t WHERE t.project_id = $1 AND t.key = ANY($2::text[])`,
    values: [projectId, keys, max],
  })
  return rows
}
