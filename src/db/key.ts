/** The hashes of API keys. */
import type { Runner } from './database.ts'

/** The hashes of the keys that are not revoked, in base64; the newest `max` of them. Reads the whole table. */
export async function findKeyHashes(db: Runner, max: number): Promise<string[]> {
  const { rows } = await db.query<{ hash: string }>({
    name: 'find-key-hashes',
    text: `SELECT encode(hash, 'base64') AS hash FROM api_key WHERE revoked_at IS NULL ORDER BY id DESC LIMIT $1`,
    values: [max],
  })
  return rows.map(({ hash }) => hash)
}
