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

/** Tells whether a transaction exists, and puts up its tombstone. Rides on transaction_pkey and on what finds its sends and notifications. */
export async function markCanceled(db: Runner, projectId: string, transactionId: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>({
    name: 'mark-canceled',
    text: `WITH t AS (
        INSERT INTO transaction (project_id, id, canceled_at) SELECT $1::uuid, $2::text, now()
        WHERE EXISTS (SELECT FROM notification WHERE project_id = $1 AND transaction_id = $2)
          OR EXISTS (SELECT FROM fanout WHERE project_id = $1 AND transaction_id = $2)
          OR EXISTS (SELECT FROM transaction WHERE project_id = $1 AND id = $2)
        ON CONFLICT (project_id, id) DO UPDATE SET canceled_at = COALESCE(transaction.canceled_at, now()) RETURNING 1
      )
      SELECT EXISTS (SELECT FROM t) AS found`,
    values: [projectId, transactionId],
  })
  return rows[0]?.found === true
}

/** Where a walk through a transaction's notifications is: after `after`, so many more. */
export interface Page {
  readonly after: string
  readonly limit: number
}
/** Where it begins: before every notification. */
export const FIRST = '00000000-0000-0000-0000-000000000000'

/** A message, by its keys. */
export interface MessageKey {
  readonly notificationId: string
  readonly messageId: string
}

/** What there was on a page. */
export interface CancelCount {
  readonly canceled: readonly MessageKey[]
  /** ids of messages whose hand-over to a provider is under way */
  readonly underWay: readonly string[]
  /** the last notification of the page; null: there was none left */
  readonly last: string | null
}

/**
 * Cancels a page of a transaction: its notifications, and every message of them whose hand-over has not begun. The fencing number goes up,
 * so that a worker that holds one of them finds, when it writes down the beginning, that it must not send it. Rides on
 * notification_project_id_transaction_id_id_idx.
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
        SELECT m.id, m.notification_id, m.status, m.handover_at FROM n JOIN message m ON m.project_id = $1 AND m.notification_id = n.id
        WHERE m.status IN ('SCHEDULED', 'QUEUED', 'SENDING')
        ORDER BY m.id FOR UPDATE OF m
      ), c AS (
        UPDATE message m SET status = 'CANCELED', due_at = NULL, claims = m.claims + 1, updated_at = now(),
          history = m.history || jsonb_build_array(jsonb_build_array('CANCELED', to_json(now()), NULL))
        FROM found f WHERE m.project_id = $1 AND m.id = f.id AND (f.status <> 'SENDING' OR f.handover_at IS NULL)
        RETURNING m.id, m.notification_id
      )
      SELECT (SELECT COALESCE(json_agg(json_build_object('notificationId', notification_id, 'messageId', id)), '[]') FROM c) AS canceled,
        (SELECT COALESCE(json_agg(id), '[]') FROM found WHERE id NOT IN (SELECT id FROM c)) AS "underWay",
        (SELECT id FROM n ORDER BY id DESC LIMIT 1) AS last`,
    values: [projectId, transactionId, after, limit],
  })
  return rows[0] ?? { canceled: [], underWay: [], last: null }
}

/** The same for messages that were under way: what a failed hand-over put back into the queue is canceled now. */
export async function cancelReturned(
  db: Runner,
  projectId: string,
  messageIds: readonly string[],
): Promise<Omit<CancelCount, 'last'>> {
  const { rows } = await db.query<MessageKey & { canceled: boolean }>({
    name: 'cancel-returned',
    text: `WITH found AS (
        SELECT id, notification_id, status, handover_at FROM message
        WHERE project_id = $1 AND id = ANY($2::uuid[]) AND status IN ('SCHEDULED', 'QUEUED', 'SENDING') ORDER BY id FOR UPDATE
      ), c AS (
        UPDATE message m SET status = 'CANCELED', due_at = NULL, claims = m.claims + 1, updated_at = now(),
          history = m.history || jsonb_build_array(jsonb_build_array('CANCELED', to_json(now()), NULL))
        FROM found f WHERE m.project_id = $1 AND m.id = f.id AND (f.status <> 'SENDING' OR f.handover_at IS NULL)
        RETURNING m.id
      )
      SELECT f.notification_id AS "notificationId", f.id AS "messageId", c.id IS NOT NULL AS canceled FROM found f LEFT JOIN c USING (id)`,
    values: [projectId, messageIds],
  })
  return {
    canceled: rows.filter((row) => row.canceled),
    underWay: rows.filter((row) => !row.canceled).map((row) => row.messageId),
  }
}

/** In-app messages that nobody has seen, and where the page ends; null: there was nothing left. */
export interface Unseen {
  readonly unseen: readonly { readonly id: string; readonly contactId: string }[]
  readonly last: string | null
}

/** In-app messages on a page of a transaction that nobody has seen: they are taken back. */
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
