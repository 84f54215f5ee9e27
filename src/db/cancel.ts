/** The statements of `cancel`. */
import type { Runner } from './database.ts'
import { FOLDED_INTO } from './digest.ts'

/**
 * Cancels the sends to many of a transaction. Waits for the lock of the one whose chunk is being written at this moment, so a statement
 * that runs afterwards sees every notification that the transaction will ever have. Rides on fanout_project_id_transaction_id_idx.
 */
export async function cancelFanouts(db: Runner, projectId: string, transactionId: string): Promise<void> {
  await db.query({
    name: 'cancel-fanouts',
    text: `UPDATE fanout SET status = 'CANCELED', due_at = NULL WHERE project_id = $1 AND transaction_id = $2 AND status <> 'CANCELED'`,
    values: [projectId, transactionId],
  })
}

/**
 * Marks a transaction as canceled, so that nothing is added to it later. Rides on transaction_pkey, fanout_project_id_transaction_id_idx and
 * notification_project_id_transaction_id_id_idx.
 * @returns `none`: there is no such transaction; `before`: it was canceled already; `now`: this call has canceled it
 */
export async function markCanceled(db: Runner, projectId: string, transactionId: string): Promise<'none' | 'before' | 'now'> {
  const { rows } = await db.query<{ isNew: boolean }>({
    name: 'mark-canceled',
    // The time of this transaction is that of the row only if this statement has set it: one that was canceled already keeps its time.
    text: `INSERT INTO transaction AS t (project_id, id, canceled_at) SELECT $1::uuid, $2::text, now()
      WHERE EXISTS (SELECT FROM notification WHERE project_id = $1 AND transaction_id = $2)
        OR EXISTS (SELECT FROM fanout WHERE project_id = $1 AND transaction_id = $2)
        OR EXISTS (SELECT FROM transaction WHERE project_id = $1 AND id = $2)
      ON CONFLICT (project_id, id) DO UPDATE SET canceled_at = COALESCE(t.canceled_at, now())
      RETURNING t.canceled_at = now()::timestamptz(3) AS "isNew"`,
    values: [projectId, transactionId],
  })
  const [row] = rows
  return row === undefined ? 'none' : row.isNew ? 'now' : 'before'
}

/** A page of a transaction's notifications, by id: up to `limit` of them after `after`. */
export interface Page {
  readonly after: string
  readonly limit: number
}
/** The `after` of the first page: an id before every other. */
export const FIRST = '00000000-0000-0000-0000-000000000000'

/** The ids of a message and of its notification. */
export interface MessageKey {
  readonly notificationId: string
  readonly messageId: string
}

/** What was canceled on a page, and what could not be. */
export interface CancelCount {
  readonly canceled: readonly MessageKey[]
  /** ids of messages whose attempt is under way */
  readonly underWay: readonly string[]
  /** the last notification of the page; null: there are no more */
  readonly last: string | null
}

/**
 * SQL: cancels, of the rows `found` of delivery, which are locked, the messages whose attempt has not begun: `c`. The others are told to stop: if
 * one was not sent after all, its worker queues it again.
 */
const CANCEL_FOUND = `stopped AS (
        UPDATE delivery d SET stop = true FROM found f WHERE d.project_id = $1 AND d.message_id = f.id AND f.begun_at IS NOT NULL AND NOT d.stop
      ), gone AS (
        DELETE FROM delivery d USING found f WHERE d.project_id = $1 AND d.message_id = f.id AND f.begun_at IS NULL RETURNING d.message_id
      ), c AS (
        UPDATE message m SET status = 'CANCELED', claims = 0, updated_at = now(),
          history = m.history || jsonb_build_array(jsonb_build_array('CANCELED', to_json(now()), NULL))
        FROM gone WHERE m.project_id = $1 AND m.id = gone.message_id
        RETURNING m.id, m.notification_id
      )`

/**
 * Cancels one page of a transaction: its notifications, and those of their messages whose attempt has not begun. They leave the outbox, so a
 * worker that has claimed one of them learns, when it records the beginning of its attempt, that it must not send it. Rides on
 * notification_project_id_transaction_id_id_idx. Locks the rows of delivery, and then the messages, in the order of the messages' ids.
 */
export async function cancelWaiting(
  db: Runner,
  projectId: string,
  transactionId: string,
  { after, limit }: Page,
): Promise<CancelCount> {
  const { rows } = await db.query<CancelCount>({
    name: 'cancel-waiting',
    text: `WITH n AS MATERIALIZED (
        SELECT id FROM notification WHERE project_id = $1 AND transaction_id = $2 AND id > $3 ORDER BY id LIMIT $4
      ), u AS (
        UPDATE notification x SET canceled_at = now() FROM n WHERE x.project_id = $1 AND x.id = n.id AND x.canceled_at IS NULL
      ), found AS (
        SELECT d.message_id AS id, d.notification_id, d.begun_at FROM n JOIN message m ON m.project_id = $1 AND m.notification_id = n.id
        JOIN delivery d ON d.project_id = $1 AND d.message_id = m.id
        ORDER BY d.message_id FOR UPDATE OF d
      ), ${CANCEL_FOUND}
      SELECT (SELECT COALESCE(json_agg(json_build_object('notificationId', notification_id, 'messageId', id)), '[]') FROM c) AS canceled,
        (SELECT COALESCE(json_agg(id), '[]') FROM found WHERE id NOT IN (SELECT id FROM c)) AS "underWay",
        (SELECT id FROM n ORDER BY id DESC LIMIT 1) AS last`,
    values: [projectId, transactionId, after, limit],
  })
  return rows[0] ?? { canceled: [], underWay: [], last: null }
}

/**
 * Cancels messages whose attempt was under way before, as far as that has ended since: a message that a failed attempt put back into the
 * queue is canceled now. Rides on delivery_pkey. Locks in the same order.
 */
export async function cancelReturned(
  db: Runner,
  projectId: string,
  messageIds: readonly string[],
): Promise<Omit<CancelCount, 'last'>> {
  const { rows } = await db.query<MessageKey & { canceled: boolean }>({
    name: 'cancel-returned',
    text: `WITH found AS (
        SELECT message_id AS id, notification_id, begun_at FROM delivery
        WHERE project_id = $1 AND message_id = ANY($2::uuid[]) ORDER BY message_id FOR UPDATE
      ), ${CANCEL_FOUND}
      SELECT f.notification_id AS "notificationId", f.id AS "messageId", c.id IS NOT NULL AS canceled FROM found f LEFT JOIN c USING (id)`,
    values: [projectId, messageIds],
  })
  return {
    canceled: rows.filter((row) => row.canceled),
    underWay: rows.filter((row) => !row.canceled).map((row) => row.messageId),
  }
}

/** The in-app messages of a page that were not seen yet. `last` is the last notification of the page; null: there are no more. */
export interface Unseen {
  readonly unseen: readonly { readonly id: string; readonly contactId: string }[]
  readonly last: string | null
}

/**
 * In-app messages of one page of a transaction that arrived and were not seen yet. Rides on notification_project_id_transaction_id_id_idx.
 */
export async function findUnseen(db: Runner, projectId: string, transactionId: string, { after, limit }: Page): Promise<Unseen> {
  const { rows } = await db.query<Unseen>({
    name: 'find-unseen',
    text: `WITH n AS MATERIALIZED (
        SELECT id FROM notification WHERE project_id = $1 AND transaction_id = $2 AND id > $3 ORDER BY id LIMIT $4
      )
      SELECT (SELECT id FROM n ORDER BY id DESC LIMIT 1) AS last,
        (SELECT COALESCE(json_agg(json_build_object('id', m.id, 'contactId', m.contact_id)), '[]')
          FROM n JOIN message m ON m.project_id = $1 AND m.notification_id = n.id
          WHERE m.channel = 'IN_APP' AND m.seen_at IS NULL AND m.arrived_seq IS NOT NULL AND m.status IN ('SENT', 'DELIVERED')) AS unseen`,
    values: [projectId, transactionId, after, limit],
  })
  return rows[0] ?? { unseen: [], last: null }
}

/**
 * How many messages of a transaction were sent, or are being sent; messages of digests that its notifications were folded into count too.
 */
export async function countSent(db: Runner, projectId: string, transactionId: string): Promise<number> {
  const { rows } = await db.query<{ total: number }>({
    name: 'count-sent',
    text: `SELECT count(*) AS total FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      WHERE n.project_id = $1 AND (n.transaction_id = $2 OR n.id IN (${FOLDED_INTO})) AND (m.status IN ('SENT', 'DELIVERED', 'UNKNOWN')
          OR EXISTS (SELECT FROM delivery d WHERE d.project_id = m.project_id AND d.message_id = m.id AND d.lease_until IS NOT NULL))`,
    values: [projectId, transactionId],
  })
  return rows[0]?.total ?? 0
}
