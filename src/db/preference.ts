/** The statements of preferences: what a contact can prefer; and to change them, lock them, then write them. */
import type { Channel, PreferenceSet } from '../words.ts'
import type { Runner } from './database.ts'

interface Key {
  readonly projectId: string
  readonly contactId: string
}

/**
 * Reads a contact's preferences, and locks the contact's row until the transaction ends. null: there is no such contact. Rides on
 * contact_pkey.
 */
export async function lockPreferences(tx: Runner, { projectId, contactId }: Key): Promise<PreferenceSet | null> {
  const { rows } = await tx.query<{ preferences: PreferenceSet }>({
    name: 'lock-preferences',
    text: 'SELECT preferences FROM contact WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE',
    values: [projectId, contactId],
  })
  return rows[0]?.preferences ?? null
}

/** Writes the preferences of a contact that is locked. Rides on contact_pkey. */
export async function writePreferences(tx: Runner, { projectId, contactId }: Key, preferences: PreferenceSet): Promise<void> {
  await tx.query({
    name: 'write-preferences',
    text: 'UPDATE contact SET preferences = $3 WHERE project_id = $1 AND id = $2',
    values: [projectId, contactId, JSON.stringify(preferences)],
  })
}

/** A template that a contact may want or not, with the channels that it has content for. */
export interface PreferableTemplate {
  readonly id: string
  readonly critical: boolean
  readonly channels: readonly Channel[]
}

/** The active templates of a project by key, at most `limit`; `isOwn`: only those that contacts see. Rides on template_project_id_key_key and on template_content_pkey. */
export async function findPreferable(
  db: Runner,
  projectId: string,
  isOwn: boolean,
  limit: number,
): Promise<PreferableTemplate[]> {
  const { rows } = await db.query<PreferableTemplate>({
    name: 'find-preferable',
    text: `SELECT id, critical, array_to_json(ARRAY(
      SELECT DISTINCT c.channel FROM template_content c WHERE c.project_id = t.project_id AND c.template_id = t.id ORDER BY c.channel
    )) AS channels
    FROM template t WHERE project_id = $1 AND active AND deleted_at IS NULL AND (in_preferences OR NOT $2) ORDER BY key LIMIT $3`,
    values: [projectId, isOwn, limit],
  })
  return rows
}
