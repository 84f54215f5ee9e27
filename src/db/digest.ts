/** The statements of digests: joining an open window, closing the windows that are due, and reading what was folded into them. */
import type { DigestItems, Overrides, ProjectInfo, TemplateInfo } from '../words.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'
import { REVOKE_HELD } from './revoke-claims.ts'
import { isActive } from './standing.ts'

/** A window to join; one is opened if none is open for this contact, template and key. */
export interface WindowRow {
  readonly projectId: string
  /** the id of the window if it is opened */
  readonly id: string
  readonly contactId: string
  readonly templateId: string
  readonly key: string
  readonly windowMs: number
}

/**
 * Joins the open windows of these keys, or opens new ones; each key may be in `wanted` only once. Rides on digest_open.
 *
 * The windows stay locked until the transaction ends, so none is closed before the notifications that join it are written: closing skips
 * locked windows. If a window is being closed at this moment, the statement waits for that and opens a new one. Rows are locked in the order
 * of contacts; lock them before any feed.
 */
export async function joinWindows(
  tx: Runner,
  wanted: readonly WindowRow[],
  offsetMs: number,
): Promise<(Pick<WindowRow, 'id' | 'contactId' | 'templateId' | 'key'> & { closesAt: Date })[]> {
  const { rows } = await tx.query({
    name: 'join-windows',
    text: `INSERT INTO digest (project_id, id, contact_id, template_id, key, closes_at)
      SELECT "projectId", id, "contactId", "templateId", key, now() + ("windowMs" + $2) * interval '1 millisecond'
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "contactId" uuid, "templateId" uuid, key text, "windowMs" float8)
      ORDER BY "contactId", "templateId", key
      ON CONFLICT (project_id, contact_id, template_id, key) WHERE closed_at IS NULL DO UPDATE SET key = EXCLUDED.key
      RETURNING id, contact_id AS "contactId", template_id AS "templateId", key, closes_at AS "closesAt"`,
    values: [JSON.stringify(wanted), offsetMs],
  })
  return rows
}

/** A window that is due to close, with what the digest is rendered from. */
export interface DueDigest {
  readonly projectId: string
  readonly id: string
  readonly externalId: string
  readonly project: ProjectInfo
  readonly template: TemplateInfo
}

/**
 * Locks up to `limit` windows that are due to close, the longest overdue first, until the transaction ends. Windows that another worker is
 * closing, or that are being joined, are skipped (SKIP LOCKED). Rides on digest_due.
 */
export async function lockDueDigests(tx: Runner, limit: number, offsetMs: number): Promise<DueDigest[]> {
  const { rows } = await tx.query<DueDigest>({
    name: 'lock-due-digests',
    text: `SELECT d.project_id AS "projectId", d.id, c.external_id AS "externalId", ${templateObject} AS template,
        json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone, 'resendUnknown', p.resend_unknown) AS project
      FROM digest d JOIN project p ON p.id = d.project_id JOIN template t ON t.project_id = d.project_id AND t.id = d.template_id
      JOIN contact c ON c.project_id = d.project_id AND c.id = d.contact_id
      WHERE ${isActive} AND d.closed_at IS NULL AND d.closes_at <= now() + $2 * interval '1 millisecond'
      ORDER BY d.closes_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED`,
    values: [limit, offsetMs],
  })
  return rows
}

/** What was folded into one window. Overrides, incrementId and actor are those of the latest notification. */
export interface Folded extends DigestItems {
  readonly digestId: string
  /** all channels of its notifications, separated by commas */
  readonly channels: string
  readonly overrides: Overrides | null
  readonly incrementId: string | null
  /** externalId */
  readonly actor: string | null
}

/** At most this many items are read, of at most this many characters in total; `count` counts all of them. */
const ITEMS_MAX = 1_000
const ITEMS_LENGTH = 1_000_000

const folded = (lock: string) => `WITH e AS MATERIALIZED (
    SELECT n.project_id, n.digest_id, n.id, n.data, n.channels FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS d (project_id, digest_id, own_id)
    JOIN notification n ON n.project_id = d.project_id AND n.digest_id = d.digest_id AND n.id IS DISTINCT FROM d.own_id
    WHERE n.canceled_at IS NULL ${lock}
  ), o AS (
    SELECT e.*, row_number() OVER w AS place, sum(length(data::text)) OVER w AS length FROM e WINDOW w AS (PARTITION BY digest_id ORDER BY id)
  ), g AS (
    SELECT project_id, digest_id, count(*) AS count, (array_agg(id ORDER BY id DESC))[1] AS last_id,
      json_agg(data ORDER BY id) FILTER (WHERE place <= ${ITEMS_MAX} AND length <= ${ITEMS_LENGTH}) AS items,
      string_agg(DISTINCT array_to_string(channels, ','), ',') AS channels
    FROM o GROUP BY project_id, digest_id
  )
  SELECT g.digest_id AS "digestId", g.count, g.items, g.channels, l.data AS latest, l.overrides, l.increment_id AS "incrementId",
    a.external_id AS actor
  FROM g JOIN notification l ON l.project_id = g.project_id AND l.id = g.last_id
  LEFT JOIN contact a ON a.project_id = l.project_id AND a.id = l.actor_id`

/**
 * The notifications that joined these windows and were not canceled, by digest id; a window with none is left out. `ownId` is the digest's
 * own notification, which is not part of it. Rides on notification_digest.
 *
 * With `lock`, the notifications stay locked until the transaction ends, so a cancelation waits.
 * @throws 55P03, with `lock`, when one of them is being canceled at this moment: it does not wait for locks
 */
export async function readFolded(
  db: Runner,
  windows: readonly { readonly projectId: string; readonly digestId: string; readonly ownId: string | null }[],
  { lock }: { readonly lock: boolean },
): Promise<Map<string, Folded>> {
  const { rows } = await db.query<Folded>({
    name: lock ? 'read-folded-locked' : 'read-folded',
    text: folded(lock ? 'FOR SHARE OF n NOWAIT' : ''),
    values: [windows.map((one) => one.projectId), windows.map((one) => one.digestId), windows.map((one) => one.ownId)],
  })
  return new Map(rows.map((row) => [row.digestId, row]))
}

/** Closes windows that are locked. `notificationId` is the notification that a window became; null: everything in it was canceled. */
export async function closeWindows(
  tx: Runner,
  closed: readonly { readonly projectId: string; readonly id: string; readonly notificationId: string | null }[],
  offsetMs: number,
): Promise<void> {
  await tx.query({
    name: 'close-windows',
    text: `UPDATE digest d SET closed_at = now() + $4 * interval '1 millisecond', notification_id = c.notification_id
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS c (project_id, id, notification_id) WHERE d.project_id = c.project_id AND d.id = c.id`,
    values: [closed.map((one) => one.projectId), closed.map((one) => one.id), closed.map((one) => one.notificationId), offsetMs],
  })
}

/** Moves the closing of a window that can't be closed one minute ahead, so that it does not block the others. */
export async function postponeWindow(db: Runner, projectId: string, id: string, offsetMs: number): Promise<void> {
  await db.query({
    name: 'postpone-window',
    text: `UPDATE digest SET closes_at = now() + $3 * interval '1 millisecond' + interval '1 minute' WHERE project_id = $1 AND id = $2 AND closed_at IS NULL`,
    values: [projectId, id, offsetMs],
  })
}

/**
 * After notifications of a transaction were canceled: cancels the notifications of closed digests that have nothing else in them. Rides on
 * notification_project_id_transaction_id_id_idx and notification_digest.
 * @returns the transactions of those notifications
 */
export async function cancelEmptied(db: Runner, projectId: string, transactionId: string): Promise<string[]> {
  const { rows } = await db.query<{ transactionId: string }>({
    name: 'cancel-emptied',
    text: `UPDATE notification g SET canceled_at = COALESCE(g.canceled_at, now()) FROM (${FOLDED_INTO}) x
      WHERE g.project_id = $1 AND g.id = x.notification_id AND NOT EXISTS (SELECT FROM notification e
        WHERE e.project_id = $1 AND e.digest_id = g.digest_id AND e.id <> g.id AND e.canceled_at IS NULL)
      RETURNING g.transaction_id AS "transactionId"`,
    values: [projectId, transactionId],
  })
  return rows.map((row) => row.transactionId)
}

/** SQL: ids of the digests' notifications into which notifications of transaction `$2` of project `$1` were folded. */
export const FOLDED_INTO = `SELECT DISTINCT d.notification_id FROM notification n JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id
  WHERE n.project_id = $1 AND n.transaction_id = $2 AND d.notification_id <> n.id`

/**
 * Queues claimed messages of digests again, as far as their attempt has not begun, because something in the digest was canceled: they are
 * then composed without it. The fencing number goes up, so the worker that has claimed one can't send it.
 */
export async function recompose(db: Runner, projectId: string, transactionId: string): Promise<void> {
  await db.query({
    name: 'recompose',
    text: `WITH held AS (
        SELECT d.message_id, d.begun_at FROM (${FOLDED_INTO}) x JOIN message m ON m.project_id = $1 AND m.notification_id = x.notification_id
        JOIN delivery d ON d.project_id = m.project_id AND d.message_id = m.id
        WHERE d.lease_until IS NOT NULL ORDER BY d.message_id FOR UPDATE OF d
      ), ${REVOKE_HELD}`,
    values: [projectId, transactionId],
  })
}
