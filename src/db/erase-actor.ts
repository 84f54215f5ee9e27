/** The statements that remove an actor from what was sent to others. */
import type { JsonObject } from '../words.ts'
import type { Runner } from './database.ts'

/** A notification whose actor is to be erased. */
export interface ActedRow {
  readonly id: string
  /** whom it was for; null: a bare address, or somebody who was erased */
  readonly contactId: string | null
  /** the notification of the digest into which it was folded, which may name the actor too; null: none */
  readonly digestOwnId: string | null
  /** what the caller named it */
  readonly key: string | null
  readonly transactionId: string
}

/** Up to `limit` notifications by these actors. Rides on notification_actor and digest_pkey. */
export async function findActed(db: Runner, projectId: string, actorIds: readonly string[], limit: number): Promise<ActedRow[]> {
  const { rows } = await db.query<ActedRow>({
    name: 'erase-find-acted',
    text: `SELECT n.id, n.contact_id AS "contactId", NULLIF(d.notification_id, n.id) AS "digestOwnId", n.key,
        n.transaction_id AS "transactionId" FROM notification n
      LEFT JOIN digest d ON d.project_id = n.project_id AND d.id = n.digest_id
      WHERE n.project_id = $1 AND n.actor_id = ANY($2::uuid[]) LIMIT $3`,
    values: [projectId, actorIds, limit],
  })
  return rows
}

/** The texts of a message. */
export interface TextRow {
  readonly id: string
  readonly contactId: string | null
  /** it is in a feed: its change takes a number */
  readonly isInFeed: boolean
  readonly subject: string | null
  readonly text: string | null
  readonly html: string | null
  readonly title: string | null
  readonly body: string | null
  readonly url: string | null
  readonly iconUrl: string | null
  readonly actions: unknown
  readonly incrementId: string | null
  readonly errorMessage: string | null
}

/** SQL: locks the rows of delivery of the notifications `$2`, in the order of their messages' ids. They are locked before messages everywhere. */
const LOCKED = `SELECT d.message_id, d.begun_at FROM message m JOIN delivery d ON d.project_id = m.project_id AND d.message_id = m.id
        WHERE m.project_id = $1 AND m.notification_id = ANY($2::uuid[]) AND d.lease_until IS NOT NULL ORDER BY d.message_id FOR UPDATE OF d`

/** Locks the messages of notifications, in the order of their ids, and reads their texts. Rides on message_project_id_notification_id_channel_key. */
export async function lockTexts(tx: Runner, projectId: string, notificationIds: readonly string[]): Promise<TextRow[]> {
  await tx.query({ name: 'erase-lock-claimed', text: LOCKED, values: [projectId, notificationIds] })
  const { rows } = await tx.query<TextRow>({
    name: 'erase-lock-texts',
    text: `SELECT id, contact_id AS "contactId", arrived_seq IS NOT NULL AND deleted_at IS NULL AND status <> 'CANCELED' AS "isInFeed", subject, text, html, title, body, url,
        icon_url AS "iconUrl", actions, increment_id AS "incrementId", error_message AS "errorMessage"
      FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) ORDER BY id FOR UPDATE`,
    values: [projectId, notificationIds],
  })
  return rows
}

/** Writes texts of messages that are locked. Rides on message_pkey. */
export async function writeTexts(tx: Runner, projectId: string, rows: readonly TextRow[]): Promise<void> {
  await tx.query({
    name: 'erase-write-texts',
    text: `UPDATE message m SET subject = r.subject, text = r.text, html = r.html, title = r.title, body = r.body, url = r.url,
        icon_url = r."iconUrl", actions = r.actions, increment_id = r."incrementId", error_message = r."errorMessage"
      FROM json_to_recordset($2) AS r (id uuid, subject text, text text, html text, title text, body text, url text, "iconUrl" text,
        actions jsonb, "incrementId" text, "errorMessage" text)
      WHERE m.project_id = $1 AND m.id = r.id`,
    values: [projectId, JSON.stringify(rows)],
  })
}

/**
 * What of these notifications is on its way was composed with the actor: what is claimed is queued again, to be composed without it; an
 * attempt that is under way is written without the text that was sent, once its outcome is known. Call it twice: in the transaction that
 * removes the actor, and again after its commit, because a claim that is under way at the first call is visible only to the second. Rides on
 * message_project_id_notification_id_channel_key and delivery_pkey. Locks rows in the order of the messages' ids.
 */
export async function recomposeWithoutActor(tx: Runner, projectId: string, notificationIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'erase-recompose',
    text: `WITH held AS MATERIALIZED (
        ${LOCKED}
      ), d AS (
        UPDATE delivery d SET lease_until = NULL, claims = d.claims + 1, due_at = now() FROM held
        WHERE d.project_id = $1 AND d.message_id = held.message_id AND held.begun_at IS NULL
      ), s AS (
        UPDATE delivery d SET stop = true FROM held WHERE d.project_id = $1 AND d.message_id = held.message_id AND held.begun_at IS NOT NULL
      )
      UPDATE message m SET forgets_text = true FROM held WHERE m.project_id = $1 AND m.id = held.message_id AND held.begun_at IS NOT NULL`,
    values: [projectId, notificationIds],
  })
}

/** The data of a notification, which may name its actor. */
export interface DataRow {
  readonly id: string
  readonly data: JsonObject
  readonly overrides: JsonObject | null
  readonly incrementId: string | null
}

/** Locks notifications, in the order of their ids, and reads their data. Rides on notification_pkey. */
export async function lockData(tx: Runner, projectId: string, ids: readonly string[]): Promise<DataRow[]> {
  const { rows } = await tx.query<DataRow>({
    name: 'erase-lock-data',
    text: `SELECT id, data, overrides, increment_id AS "incrementId" FROM notification
      WHERE project_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE`,
    values: [projectId, ids],
  })
  return rows
}

/** Writes the data of notifications that are locked, and removes these actors from them. Rides on notification_pkey. */
export async function writeData(
  tx: Runner,
  projectId: string,
  actorIds: readonly string[],
  rows: readonly DataRow[],
): Promise<void> {
  await tx.query({
    name: 'erase-write-data',
    text: `UPDATE notification n SET data = r.data, overrides = r.overrides, increment_id = r."incrementId",
        actor_id = CASE WHEN n.actor_id = ANY($2::uuid[]) THEN NULL ELSE n.actor_id END
      FROM json_to_recordset($3) AS r (id uuid, data jsonb, overrides jsonb, "incrementId" text) WHERE n.project_id = $1 AND n.id = r.id`,
    values: [projectId, actorIds, JSON.stringify(rows)],
  })
}
