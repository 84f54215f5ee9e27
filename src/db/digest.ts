/** The statements of digests: joining an open window, closing those whose time is up, and what was folded. */
import type { DigestItems, Overrides, ProjectInfo, TemplateInfo } from '../domain/words.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'

/** A window to join: it is opened where none is. */
export interface WindowRow {
  readonly projectId: string
  /** of the window, where it is opened */
  readonly id: string
  readonly contactId: string
  readonly templateId: string
  readonly key: string
  readonly windowMs: number
}

/**
 * Joins the open windows of these keys, one row for each, or opens them. Their rows stay locked until the transaction ends, so that none
 * is closed before what joins it is written: closing passes over them, and who finds one being closed waits, and opens the next. Locked in
 * the order of contacts, and before feeds. Rides on digest_open.
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

/** A window whose time is up. */
export interface DueDigest {
  readonly projectId: string
  readonly id: string
  readonly externalId: string
  readonly project: ProjectInfo
  readonly template: TemplateInfo
}

/** Locks windows whose time is up, oldest first, and none that another worker closes or that is being joined (SKIP LOCKED). Rides on digest_due. */
export async function lockDueDigests(tx: Runner, limit: number, offsetMs: number): Promise<DueDigest[]> {
  const { rows } = await tx.query<DueDigest>({
    name: 'lock-due-digests',
    text: `SELECT d.project_id AS "projectId", d.id, c.external_id AS "externalId", ${templateObject} AS template,
        json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone, 'resendUnknown', p.resend_unknown) AS project
      FROM digest d JOIN project p ON p.id = d.project_id JOIN template t ON t.project_id = d.project_id AND t.id = d.template_id
      JOIN contact c ON c.project_id = d.project_id AND c.id = d.contact_id
      WHERE d.closed_at IS NULL AND d.closes_at <= now() + $2 * interval '1 millisecond'
      ORDER BY d.closes_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED`,
    values: [limit, offsetMs],
  })
  return rows
}

/** What was folded, as its latest message has it. */
export interface Folded extends DigestItems {
  readonly digestId: string
  /** every channel that one of them was for */
  readonly channels: string
  readonly overrides: Overrides | null
  readonly incrementId: string | null
  readonly actor: string | null
}

/** So many items are shown, of so many characters in all; `count` counts all. */
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
 * What these windows hold now: all that joined and was not canceled. With `lock`, what is read stays as it is until the transaction ends:
 * who cancels one of these waits. Nobody is waited for: @throws 55P03 when one is just being canceled. Rides on notification_digest.
 */
export async function readFolded(
  db: Runner,
  windows: readonly { readonly projectId: string; readonly digestId: string; readonly ownId: string | null }[],
  { lock }: { readonly lock: boolean },
): Promise<Map<string, Folded>> {
  const { rows } = await db.query<Folded>({
    name: `read-folded-${lock ? 'lock' : 'look'}`,
    text: folded(lock ? 'FOR SHARE OF n NOWAIT' : ''),
    values: [windows.map((one) => one.projectId), windows.map((one) => one.digestId), windows.map((one) => one.ownId)],
  })
  return new Map(rows.map((row) => [row.digestId, row]))
}

/** Closes locked windows. `notificationId`: what one became; null: nothing was left of it. */
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

/** Lets a window that can't be closed wait, so that others are not held up by it. */
export async function postponeWindow(db: Runner, projectId: string, id: string, offsetMs: number): Promise<void> {
  await db.query({
    name: 'postpone-window',
    text: `UPDATE digest SET closes_at = now() + $3 * interval '1 millisecond' + interval '1 minute' WHERE project_id = $1 AND id = $2 AND closed_at IS NULL`,
    values: [projectId, id, offsetMs],
  })
}

/**
 * After messages of a transaction were canceled: digests that were closed with them and have nothing left are canceled as well.
 * @returns their transactions. Rides on notification_project_id_transaction_id_id_idx and notification_digest
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

/** What the messages of a transaction were folded into. */
export const FOLDED_INTO = `SELECT DISTINCT d.notification_id FROM notification n JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id
  WHERE n.project_id = $1 AND n.transaction_id = $2 AND d.notification_id <> n.id`

/**
 * Takes messages of digests that lost something back from workers that hold them and have not begun to hand them over: they are composed
 * anew, without it.
 */
export async function recompose(db: Runner, projectId: string, transactionId: string): Promise<void> {
  await db.query({
    name: 'recompose',
    text: `UPDATE message m SET status = 'QUEUED', claims = m.claims + 1, due_at = now() FROM (${FOLDED_INTO}) x
      WHERE m.project_id = $1 AND m.notification_id = x.notification_id AND m.status = 'SENDING' AND m.handover_at IS NULL`,
    values: [projectId, transactionId],
  })
}
