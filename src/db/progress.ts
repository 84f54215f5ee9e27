/**
 * The progress of a transaction, in one statement: its sends to many, and its notifications. Those of sends to many are counted as it happens, in
 * the sums of db/fold-stats.ts, so that reading takes the same time however many there are. Where they are not (a call without sends to many, or
 * somebody did not count), the notifications and their messages are counted.
 */
import type { Runner } from './database.ts'
import { resolvedChanges } from './fold-stats.ts'

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
  /** of sends to many, pruned ones too */
  readonly notifications: number
  /** nothing of these is waiting any more */
  readonly done: number
  readonly sent: number
  readonly failed: number
}

const kept = 'count, sent, waiting, lost'

// A condition on a subquery alone is evaluated once, before anything is read.
const TEXT = `WITH t AS (
    SELECT canceled_at FROM transaction WHERE project_id = $1 AND id = $2
  ), f AS (
    SELECT count(*) AS total, count(*) FILTER (WHERE status IN ('ACCEPTED', 'RUNNING')) AS unwritten,
      count(*) FILTER (WHERE status = 'ACCEPTED') AS unbegun, count(*) FILTER (WHERE total IS NULL) AS uncounted,
      COALESCE(sum(total), 0)::bigint AS audience, COALESCE(sum(written), 0)::bigint AS passed, COALESCE(sum(failed), 0)::bigint AS refused,
      bool_or(status = 'CANCELED') AS canceled, array_agg(id) AS ids
    FROM fanout WHERE project_id = $1 AND transaction_id = $2
  ), ${resolvedChanges('SELECT * FROM stat_change WHERE project_id = $1 AND (SELECT total > 0 FROM f)')}, k AS MATERIALIZED (
    SELECT f.total > 0 AND COALESCE(bool_and(s.waiting IS NOT NULL AND s.lost IS NOT NULL), true) AS is_counted,
      COALESCE(sum(s.count), 0)::bigint AS notifications, COALESCE(sum(s.count - s.waiting), 0)::bigint AS done, COALESCE(sum(s.sent), 0)::bigint AS sent,
      COALESCE(sum(s.lost), 0)::bigint AS failed
    FROM f LEFT JOIN LATERAL (
      SELECT ${kept} FROM stat_of WHERE project_id = $1 AND kind = 'FANOUT' AND of_id = ANY(f.ids) AND channel = ''
      UNION ALL SELECT ${kept} FROM stat_delta WHERE project_id = $1 AND fanout_id = ANY(f.ids) AND channel = ''
      UNION ALL SELECT ${kept} FROM resolved WHERE fanout_id = ANY(f.ids)
    ) s ON true GROUP BY f.total
  ), m AS (
    SELECT n.id, count(*) FILTER (WHERE x.status IN ('SCHEDULED', 'QUEUED', 'SENDING')) + count(d.id) AS waiting,
      count(*) FILTER (WHERE x.status IN ('SENT', 'DELIVERED')) AS sent, count(*) FILTER (WHERE x.status IN ('FAILED', 'UNKNOWN')) AS failed
    FROM notification n LEFT JOIN message x ON x.project_id = n.project_id AND x.notification_id = n.id
    -- A notification in a digest that is still open is waiting too.
    LEFT JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id AND d.closed_at IS NULL AND n.canceled_at IS NULL
    WHERE n.project_id = $1 AND n.transaction_id = $2 AND (SELECT NOT is_counted FROM k) GROUP BY n.id
  ), c AS (
    SELECT notifications, done, sent, failed FROM k WHERE is_counted
    UNION ALL
    SELECT count(*), count(*) FILTER (WHERE waiting = 0), count(*) FILTER (WHERE sent > 0),
      count(*) FILTER (WHERE sent = 0 AND failed > 0 AND waiting = 0) FROM m HAVING (SELECT NOT is_counted FROM k)
  )
  SELECT f.total > 0 OR c.notifications > 0 OR EXISTS (SELECT FROM t) AS "isKnown",
    COALESCE((SELECT canceled_at IS NOT NULL FROM t), false) OR COALESCE(f.canceled, false) AS "isCanceled",
    f.unwritten, f.unbegun, f.uncounted, f.audience, f.passed, f.refused, c.notifications, c.done, c.sent, c.failed
  FROM f, c`

/**
 * Counts a transaction; null: there is no such one. Rides on fanout_project_id_transaction_id_idx, stat_of_pkey, stat_delta_pkey and stat_change_pkey,
 * or on notification_project_id_transaction_id_id_idx.
 */
export async function readProgress(db: Runner, projectId: string, transactionId: string): Promise<ProgressRow | null> {
  const { rows } = await db.query<ProgressRow & { isKnown: boolean }>({
    name: 'read-progress',
    text: TEXT,
    values: [projectId, transactionId],
  })
  const row = rows[0]
  return row?.isKnown === true ? row : null
}
