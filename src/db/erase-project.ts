/** Erases a project that is being deleted, table by table, a batch at a time. */
import type pg from 'pg'
import { allowPruning } from './audit.ts'
import { type Runner, transact } from './database.ts'

/** How far the deletion of a project is. */
export interface ErasureStep {
  /** tables that are empty of it */
  readonly tables: number
  /** rows that this batch deleted */
  readonly rows: number
}

/** The class of the advisory lock: an arbitrary number that no other lock of this database uses. */
const LOCK = 40_191_726

/** Ids of the projects whose deletion is due. Rides on project_inactive. */
export async function findDeletions(db: Runner, offsetMs: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-deletions',
    text: `SELECT id FROM project WHERE delete_at IS NOT NULL AND delete_at <= now() + $1 * interval '1 millisecond' ORDER BY delete_at`,
    values: [offsetMs],
  })
  return rows.map((row) => row.id)
}

/**
 * The tables that have rows of projects, each before those that it refers to. They are read from the catalogue of the database, so that a
 * table that is added later is not forgotten.
 */
export async function projectTables(db: Runner): Promise<string[]> {
  const { rows: columns } = await db.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE a.attname = 'project_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relnamespace = current_schema()::regnamespace ORDER BY 1`,
  )
  const { rows: references } = await db.query<{ from: string; to: string }>(
    `SELECT f.relname AS from, t.relname AS to FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
      WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND k.connamespace = current_schema()::regnamespace`,
  )
  const left = new Set(columns.map((row) => row.name))
  const ordered: string[] = []
  while (left.size > 0) {
    const isReferred = (name: string): boolean => references.some(({ from, to }) => to === name && left.has(from))
    // In a circle of references any one may be first: its rows that are referred to go with those that refer to them.
    const next = [...left].find((name) => !isReferred(name)) ?? [...left].at(0)
    if (next === undefined) break
    left.delete(next)
    ordered.push(next)
  }
  return ordered
}

/**
 * Deletes up to `limit` rows of a project from the first of `tables` that has some, and counts them in the project's row; when there are
 * none left, the project itself. Each batch is a transaction of its own: after a crash, the next one continues where it ended.
 * @returns null when another process is at it, or the project is gone
 */
export function eraseBatch(
  pool: pg.Pool,
  projectId: string,
  tables: readonly string[],
  from: number,
  limit: number,
): Promise<ErasureStep | null> {
  return transact(pool, async (tx) => {
    const { rows } = await tx.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS locked', [
      LOCK,
      projectId,
    ])
    if (rows[0]?.locked !== true) return null
    const table = tables[from]
    if (table === undefined) {
      // Cascades to what was written meanwhile by calls that had been let in before.
      const { rowCount } = await tx.query('DELETE FROM project WHERE id = $1 AND delete_at IS NOT NULL', [projectId])
      return (rowCount ?? 0) > 0 ? { tables: from, rows: 1 } : null
    }
    // Of the audit log, the operator's entries stay until they are pruned: they say who deleted the project.
    const isLog = table === 'audit_entry'
    if (isLog) await allowPruning(tx)
    const which = isLog ? ` AND actor_kind <> 'OPERATOR'` : ''
    const { rowCount } = await tx.query(
      `DELETE FROM "${table}" WHERE ctid = ANY(ARRAY(SELECT ctid FROM "${table}" WHERE project_id = $1${which} LIMIT $2))`,
      [projectId, limit],
    )
    const deleted = rowCount ?? 0
    const done = deleted < limit ? from + 1 : from
    const { rowCount: known } = await tx.query(
      `UPDATE project SET deletion_began_at = COALESCE(deletion_began_at, now()), deleted_tables = $2, deleted_rows = deleted_rows + $3
        WHERE id = $1 AND delete_at IS NOT NULL`,
      [projectId, done, deleted],
    )
    if (known !== 1) throw new Error('A project that is not being deleted was about to be erased.')
    return { tables: done, rows: deleted }
  })
}

/** Marks that a deletion begins, unless it was called off. @returns whether it may begin */
export async function beginDeletion(db: Runner, projectId: string, offsetMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE project SET deletion_began_at = COALESCE(deletion_began_at, now())
      WHERE id = $1 AND delete_at IS NOT NULL AND delete_at <= now() + $2 * interval '1 millisecond'`,
    [projectId, offsetMs],
  )
  return rowCount === 1
}
