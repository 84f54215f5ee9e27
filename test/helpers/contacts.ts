/** Contacts in numbers, made by SQL alone: what is tested begins after them. */
import type { Pool } from 'pg'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'

const CHUNK = 5_000

/** Creates contacts `c0`, `c1`, … with a first name, an e-mail address each, and a feed. */
export async function addContacts(pool: Pick<Pool, 'query'>, projectId: string, count: number): Promise<void> {
  const ids = createIds(systemClock)
  for (let from = 0; from < count; from += CHUNK) {
    await pool.query(
      `WITH c AS (
         INSERT INTO contact (project_id, id, external_id, first_name, email)
         SELECT $1::uuid, id, 'c' || n, 'N' || n, 'c' || n || '@example.com'
         FROM unnest($2::uuid[]) WITH ORDINALITY AS r (id, place), LATERAL (SELECT $3::int + place - 1 AS n) x RETURNING project_id, id)
       INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM c`,
      [projectId, Array.from({ length: Math.min(CHUNK, count - from) }, () => ids()), from],
    )
  }
}
