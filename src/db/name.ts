/** The ids that callers give: one name for one message or one send to many, though these are rows of two tables. */

import type { Runner } from './database.ts'
import type { Named } from './lookup.ts'

/** A name that a transaction is about to take. `isMany`: for a send to many */
export interface NameClaim extends Named {
  readonly isMany: boolean
}

/**
 * Makes sure that no name is taken in the other table, now or by a transaction under way. Each table's own unique index sees to itself; so
 * messages share the project's lock among themselves, and only a send to many, which is rare, has it alone. Locked in order of the
 * projects, before any row, until the transaction ends.
 * @throws Error with code 23505, as the unique index would
 */
export async function claimAcross(tx: Runner, claims: readonly NameClaim[]): Promise<void> {
  const alone = new Map<string, boolean>()
  for (const { projectId, isMany } of claims) alone.set(projectId, isMany || alone.get(projectId) === true)
  const locked = tx.query({
    name: 'lock-names',
    text: `SELECT CASE WHEN p.alone THEN pg_advisory_xact_lock(p.hash) ELSE pg_advisory_xact_lock_shared(p.hash) END
      FROM (SELECT hashtextextended(id || ' names', 0) AS hash, alone FROM unnest($1::text[], $2::bool[]) AS w (id, alone) ORDER BY 1) p`,
    values: [[...alone.keys()], [...alone.values()]],
  })
  // A statement of its own, so that it sees what the lock was waited for.
  const found = tx.query<{ key: string }>({
    name: 'find-names-across',
    text: `SELECT w.key FROM unnest($1::uuid[], $2::text[], $3::bool[]) AS w (project_id, key, is_many)
      WHERE CASE WHEN w.is_many THEN EXISTS (SELECT FROM notification n WHERE n.project_id = w.project_id AND n.key = w.key)
        ELSE EXISTS (SELECT FROM fanout f WHERE f.project_id = w.project_id AND f.key = w.key) END LIMIT 1`,
    values: [claims.map((one) => one.projectId), claims.map((one) => one.key), claims.map((one) => one.isMany)],
  })
  const [, { rows }] = await Promise.all([locked, found])
  if (rows.length > 0) throw Object.assign(new Error(`The id ${rows[0]?.key} was taken meanwhile`), { code: '23505' })
}
