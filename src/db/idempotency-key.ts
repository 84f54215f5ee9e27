/** The ids that callers give (`key`): unique among notifications and sends to many together, though these are rows of two tables. */
import type { Runner } from './database.ts'
import { hasHashes, hashOf } from './hash.ts'
import type { Named } from './lookup.ts'

/** A caller's id that a transaction is about to take; `isFanout`: for a send to many, else for a notification */
export interface NewKey extends Named {
  readonly isFanout: boolean
}

/**
 * Locks the projects of ids until the transaction ends, so that none of the ids is taken in the other table by a concurrent transaction. Within a
 * table its own unique index ensures that, so notifications take an advisory lock on the project in shared mode, and only sends to many, which
 * are rare, take it exclusively, as erasing does (db/erase.ts). Locked in the order of a hash of the project, before any row.
 */
export async function lockKeys(tx: Runner, keys: readonly NewKey[]): Promise<void> {
  const exclusive = new Map<string, boolean>()
  for (const { projectId, isFanout } of keys) exclusive.set(projectId, isFanout || exclusive.get(projectId) === true)
  await tx.query({
    name: 'lock-idempotency-keys',
    text: `SELECT CASE WHEN p.alone THEN pg_advisory_xact_lock(p.hash) ELSE pg_advisory_xact_lock_shared(p.hash) END
      FROM (SELECT hashtextextended(id || ' names', 0) AS hash, alone FROM unnest($1::text[], $2::bool[]) AS w (id, alone) ORDER BY 1) p`,
    values: [[...exclusive.keys()], [...exclusive.values()]],
  })
}

/**
 * SQL: whether the id `w.key` of a notification is taken by a send to many. OFFSET, here and below: by a look-up for each, never by reading the whole
 * table. Rides on fanout_project_id_key_key.
 */
export const isKeyOfMany = 'EXISTS (SELECT FROM fanout f WHERE f.project_id = w.project_id AND f.key = w.key OFFSET 0)'

/** SQL: whether the id `w.key` was erased, in a statement whose projects are a parameter, uuid[]. Rides on spent_id_hash. */
export const isKeyErased = (
  projectIds: string,
): string => `(${hasHashes('spent_id', projectIds)} AND EXISTS (SELECT FROM spent_id s
          WHERE s.project_id = w.project_id AND s.key = ${hashOf('w.project_id', 'w.key')} AND s.is_hash OFFSET 0))`

/** SQL: whether the id `w.key` is that of a notification, or of one that was pruned. Rides on notification_project_id_key_key and spent_id_pkey. */
export const isKeyStored = `(EXISTS (SELECT FROM notification x WHERE x.project_id = w.project_id AND x.key = w.key OFFSET 0)
      OR EXISTS (SELECT FROM spent_id x WHERE x.project_id = w.project_id AND x.key = w.key OFFSET 0))`

/** The error of an id that was taken since it was looked up: as the unique index would say. */
export const keyTaken = (): Error => Object.assign(new Error('An id was taken meanwhile'), { code: '23505' })

/**
 * Ensures that none of these ids is taken in the other table, or was erased, now or by a concurrent transaction. Rides on
 * notification_project_id_key_key and fanout_project_id_key_key.
 * @throws Error with code 23505, as the unique index would, when one is taken
 */
export async function ensureKeysFree(tx: Runner, keys: readonly NewKey[]): Promise<void> {
  const locked = lockKeys(tx, keys)
  // A second statement, so that its snapshot is taken after the lock was granted.
  const found = tx.query<{ key: string }>({
    name: 'find-taken-keys',
    text: `SELECT w.key FROM unnest($1::uuid[], $2::text[], $3::bool[]) AS w (project_id, key, is_many)
      WHERE CASE WHEN w.is_many THEN EXISTS (SELECT FROM notification n WHERE n.project_id = w.project_id AND n.key = w.key OFFSET 0)
        ELSE ${isKeyOfMany} END OR ${isKeyErased('$1')} LIMIT 1`,
    values: [keys.map((one) => one.projectId), keys.map((one) => one.key), keys.map((one) => one.isFanout)],
  })
  const [, { rows }] = await Promise.all([locked, found])
  if (rows.length > 0) throw keyTaken()
}
