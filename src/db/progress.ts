/** The progress of a transaction: one statement over its sends to many, its notifications and their messages. */
import type { Runner } from './database.ts'

/** The counts of a transaction. The last four count notifications. */
export interface ProgressRow {
  readonly isCanceled: boolean
  /** sends to many whose notifications are not all written yet */
  readonly unwritten: number
  /** those of them that have not begun */
  readonly unbegun: number
  /** sends to many whose audience is not counted yet */
  readonly uncounted: number
  /** contacts in the audiences of sends to many */
  readonly audience: number
  /** those of them that were processed */
  readonly passed: number
  /** those of them for whom no notification could be made */
  readonly refused: number
  readonly notifications: number
  /** nothing of these is waiting any more */
  readonly done: number
  readonly sent: number
  readonly failed: number
}

/**
 * Counts a transaction; null: there is no such one. Rides on fanout_project_id_transaction_id_idx and
 * notification_project_id_transaction_id_id_idx.
 */
export async function readProgress(db: Runner, projectId: string, transactionId: string): Promise<ProgressRow | null> {
  const { rows } = await db.query<ProgressRow & { isKnown: boolean }>({
    name: 'read-progress',
    text: `WITH t AS (
        SELECT canceled_at FROM transaction WHERE project_id = $1 AND id = $2
      ), f AS (
        SELECT count(*) AS total, count(*) FILTER (WHERE status IN ('ACCEPTED', 'RUNNING')) AS unwritten,
          count(*) FILTER (WHERE status = 'ACCEPTED') AS unbegun, count(*) FILTER (WHERE total IS NULL) AS uncounted,
          COALESCE(sum(total), 0)::bigint AS audience, COALESCE(sum(written), 0)::bigint AS passed, COALESCE(sum(failed), 0)::bigint AS refused,
          bool_or(status = 'CANCELED') AS canceled
        FROM fanout WHERE project_id = $1 AND transaction_id = $2
      ), m AS (
        SELECT n.id, count(*) FILTER (WHERE x.status IN ('SCHEDULED', 'QUEUED', 'SENDING')) + count(d.id) AS waiting,
          count(*) FILTER (WHERE x.status IN ('SENT', 'DELIVERED')) AS sent, count(*) FILTER (WHERE x.status IN ('FAILED', 'UNKNOWN')) AS failed
        FROM notification n LEFT JOIN message x ON x.project_id = n.project_id AND x.notification_id = n.id
        -- A notification in a digest that is still open is waiting too.
        LEFT JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id AND d.closed_at IS NULL AND n.canceled_at IS NULL
        WHERE n.project_id = $1 AND n.transaction_id = $2 GROUP BY n.id
      ), c AS (
        SELECT count(*) AS notifications, count(*) FILTER (WHERE waiting = 0) AS done, count(*) FILTER (WHERE sent > 0) AS sent,
          count(*) FILTER (WHERE sent = 0 AND failed > 0 AND waiting = 0) AS failed
        FROM m
      )
      SELECT f.total > 0 OR c.notifications > 0 OR EXISTS (SELECT FROM t) AS "isKnown",
        COALESCE((SELECT canceled_at IS NOT NULL FROM t), false) OR COALESCE(f.canceled, false) AS "isCanceled",
        f.unwritten, f.unbegun, f.uncounted, f.audience, f.passed, f.refused, c.notifications, c.done, c.sent, c.failed
      FROM f, c`,
    values: [projectId, transactionId],
  })
  const row = rows[0]
  return row?.isKnown === true ? row : null
}
