/** The preferences of one contact: locked, then written. */
import type { PreferenceSet } from '../domain/words.ts'
import type { Runner } from './database.ts'

interface Key {
  readonly projectId: string
  readonly contactId: string
}

/** Locks the contact. null: there is none. */
export async function lockPreferences(tx: Runner, { projectId, contactId }: Key): Promise<PreferenceSet | null> {
  const { rows } = await tx.query<{ preferences: PreferenceSet }>({
    name: 'lock-preferences',
    text: 'SELECT preferences FROM contact WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE',
    values: [projectId, contactId],
  })
  return rows[0]?.preferences ?? null
}

/** Writes them. */
export async function writePreferences(tx: Runner, { projectId, contactId }: Key, preferences: PreferenceSet): Promise<void> {
  await tx.query({
    name: 'write-preferences',
    text: 'UPDATE contact SET preferences = $3 WHERE project_id = $1 AND id = $2',
    values: [projectId, contactId, JSON.stringify(preferences)],
  })
}
