/** The statements of `cancel`. */
import type { Runner } from './database.ts'
import { FOLDED_INTO } from './digest.ts'

/**
 * Ends the sends to many of a transaction. Waits for the chunk that is being written at this moment: whoever looks afterwards sees all
 * that there will ever be. Rides on fanout_project_id_transaction_id_idx.
 */
export async function cancelFanouts(db: Runner, projectId: string, transactionId: string): Promise<void> {
  await db.query({
    name: 'cancel-fanouts',
    text: `UPDATE fanout SET status = 'CANCELED', due_at = NULL WHERE project_id = $1 AND transaction_id = $2 AND status <> 'CANCELED'`,
    values: [projectId, transactionId],
  })
}

/** What there is of a transaction. */
export interface CancelCount {
  readonly canceled: readonly { readonly notificationId: string; readonly messageId: string }[]
  /** a hand-over to a provider is under way */
  readonly underWay: number
}

/** Tells whether a transaction exists, and puts up its tombstone. Rides on notification_project_id_transaction_id_id_idx. */
export async function markCanceled(db: Runner, projectId: string, transactionId: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>({
    name: 'mark-canceled',
    text: `WITH n AS (
        UPDATE notification SET canceled_at = COALESCE(canceled_at, now()) WHERE project_id = $1 AND transaction_id = $2 RETURNING 1
      ), t AS (
        INSERT INTO transaction (project_id, id, canceled_at) SELECT $1::uuid, $2::text, now()
        WHERE EXISTS (SELECT FROM n) OR EXISTS (SELECT FROM fanout WHERE project_id = $1 AND transaction_id = $2)
        ON CONFLICT (project_id, id) DO UPDATE SET canceled_at = COALESCE(transaction.canceled_at, now()) RETURNING 1
      )
      SELECT EXISTS (SELECT FROM n) OR EXISTS (SELECT FROM t) OR EXISTS (SELECT FROM transaction WHERE project_id = $1 AND id = $2) AS found`,
    values: [projectId, transactionId],
  })
  return rows[0]?.found === true
}

/**
 * Cancels every message of a transaction whose hand-over has not begun. The fencing number goes up, so that a worker that holds one of
 * them finds, when it writes down the beginning, that it must not send it.
 */
export async function cancelWaiting(db: Runner, projectId: string, transactionId: string): Promise<CancelCount> {
  const { rows } = await db.query<{ notificationId: string; messageId: string; canceled: boolean }>({
    name: 'cancel-waiting',
    text: `WITH found AS (
        SELECT m.id, m.notification_id, m.status, m.handover_at FROM message m
        JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
        WHERE n.project_id = $1 AND n.transaction_id = $2 AND m.status IN ('SCHEDULED', 'QUEUED', 'SENDING')
        ORDER BY m.id FOR UPDATE OF m
      ), c AS (
        UPDATE message m SET status = 'CANCELED', due_at = NULL, claims = m.claims + 1, updated_at = now(),
          history = m.history || jsonb_build_array(jsonb_build_array('CANCELED', to_json(now()), NULL))
        FROM found f WHERE m.project_id = $1 AND m.id = f.id AND (f.status <> 'SENDING' OR f.handover_at IS NULL)
        RETURNING m.id
      )
      SELECT f.notification_id AS "notificationId", f.id AS "messageId", c.id IS NOT NULL AS canceled FROM found f LEFT JOIN c USING (id)`,
    values: [projectId, transactionId],
  })
  return { canceled: rows.filter((row) => row.canceled), underWay: rows.filter((row) => !row.canceled).length }
}

/** In-app messages of a transaction that nobody has seen, by contact: they are taken back. */
export async function findUnseen(
  db: Runner,
  projectId: string,
  transactionId: string,
): Promise<{ contactId: string; ids: string[] }[]> {
  const { rows } = await db.query<{ contactId: string; ids: string[] }>({
    name: 'find-unseen',
    text: `SELECT m.contact_id AS "contactId", array_agg(m.id) AS ids FROM message m
      JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      WHERE n.project_id = $1 AND n.transaction_id = $2 AND m.channel = 'IN_APP' AND m.seen_at IS NULL
        AND m.arrived_seq IS NOT NULL AND m.status IN ('SENT', 'DELIVERED')
      GROUP BY m.contact_id ORDER BY m.contact_id`,
    values: [projectId, transactionId],
  })
  return rows
}

/** How many messages of a transaction went out: handed over to a provider, or seen in the feed; with the digests that it is part of. */
export async function countSent(db: Runner, projectId: string, transactionId: string): Promise<number> {
  const { rows } = await db.query<{ total: number }>({
    name: 'count-sent',
    text: `SELECT count(*) AS total FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      WHERE n.project_id = $1 AND (n.transaction_id = $2 OR n.id IN (${FOLDED_INTO})) AND m.status IN ('SENDING', 'SENT', 'DELIVERED', 'UNKNOWN')`,
    values: [projectId, transactionId],
  })
  return rows[0]?.total ?? 0
}
