/** The statements of the audit log. */
import type pg from 'pg'
import type { AuditActor, AuditTarget } from '../words.ts'
import { type Runner, transact } from './database.ts'
import type { Prisma } from './generated/client.ts'
import type { Bounds } from './prune.ts'

/** Runs a statement in a transaction, whichever client it was begun with. */
export type Rows = <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>

/** The statements of a connection's transaction. */
export const rowsOf =
  (tx: Runner): Rows =>
  async <Row extends object>(text: string, values: readonly unknown[]) =>
    (await tx.query<Row>(text, [...values])).rows

/** The statements of a transaction of Prisma's. */
export const rowsOfPrisma =
  (tx: Pick<Prisma.TransactionClient, '$queryRawUnsafe'>): Rows =>
  <Row extends object>(text: string, values: readonly unknown[]) =>
    tx.$queryRawUnsafe<Row[]>(text, ...values)

/** An entry to append. */
export interface AuditRow {
  readonly id: string
  readonly at: Date
  readonly actorKind: AuditActor
  readonly actorId: string | null
  readonly actorName: string | null
  readonly actorEmail: string | null
  readonly remoteAddress: string | null
  readonly operation: string
  readonly targetKind: AuditTarget
  readonly targetId: string | null
  readonly targetKey: string | null
  /** null: it was not there */
  readonly before: object | null
  readonly after: object | null
}

/** Appends entries, in one statement. */
export async function appendAudit(rows: Rows, projectId: string, entries: readonly AuditRow[]): Promise<void> {
  await rows(
    `INSERT INTO audit_entry (project_id, id, at, actor_kind, actor_id, actor_name, actor_email, remote_address, operation, target_kind,
        target_id, target_key, before, after)
      SELECT $1::uuid, id, at, "actorKind", "actorId", "actorName", "actorEmail", "remoteAddress", operation, "targetKind", "targetId",
        "targetKey", before, after
      FROM json_to_recordset($2::text::json) AS r (id uuid, at timestamptz, "actorKind" text, "actorId" text, "actorName" text,
        "actorEmail" text, "remoteAddress" text, operation text, "targetKind" text, "targetId" text, "targetKey" text, before jsonb,
        after jsonb)`,
    [projectId, JSON.stringify(entries)],
  )
}

/**
 * Makes the audited changes of a project take turns until the transaction ends, so that what an entry has before is what the previous one has
 * after, for objects that do not exist yet as well. Sending does not wait for it: that takes a weaker lock of this row.
 */
export async function lockChanges(rows: Rows, projectId: string): Promise<void> {
  await rows('SELECT 1 AS locked FROM project WHERE id = $1::uuid FOR NO KEY UPDATE', [projectId])
}

/** Those of the objects that an operation has left an entry of. Rides on audit_entry_operation. */
export async function findAudited(
  rows: Rows,
  projectId: string,
  operation: string,
  targetIds: readonly string[],
): Promise<Set<string>> {
  const found = await rows<{ id: string }>(
    `SELECT target_id AS id FROM audit_entry WHERE project_id = $1::uuid AND operation = $2 AND target_id = ANY($3::text[])`,
    [projectId, operation, targetIds],
  )
  return new Set(found.map((row) => row.id))
}

/** Lets the transaction delete entries. */
export async function allowPruning(tx: Runner): Promise<void> {
  await tx.query(`SET LOCAL carillon.pruning = 'on'`)
}

/** Deletes up to `limit` entries that are old enough. Rides on audit_entry_pkey. @returns how many were deleted */
export function pruneAudit(
  pool: pg.Pool,
  { projectId, below }: Pick<Bounds, 'projectId' | 'below'>,
  limit: number,
): Promise<number> {
  return transact(pool, async (tx) => {
    await allowPruning(tx)
    const { rowCount } = await tx.query({
      name: 'prune-audit',
      text: `DELETE FROM audit_entry WHERE project_id = $1 AND id IN (
        SELECT id FROM audit_entry WHERE project_id = $1 AND id < $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      values: [projectId, below, limit],
    })
    return rowCount ?? 0
  })
}

/** Projects that entries tell of and that do not exist any more. Rides on audit_entry_pkey: one look-up a project. */
export async function findOrphanedAudits(db: Runner): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(`WITH RECURSIVE p (id) AS (
      (SELECT project_id FROM audit_entry ORDER BY project_id LIMIT 1)
      UNION ALL
      SELECT (SELECT project_id FROM audit_entry WHERE project_id > p.id ORDER BY project_id LIMIT 1) FROM p WHERE p.id IS NOT NULL
    ) SELECT id FROM p WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM project WHERE project.id = p.id)`)
  return rows.map((row) => row.id)
}
