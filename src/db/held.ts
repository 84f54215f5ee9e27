/**
 * The statements that run when an in-app message that waited arrives: its notification's messages on other channels, held until then, are
 * released, or deleted where it folded into an unread message.
 */
import type { Runner } from './database.ts'

const keys = (list: readonly { readonly projectId: string; readonly notificationId: string }[]) => [
  list.map((one) => one.projectId),
  list.map((one) => one.notificationId),
]

/**
 * Deletes the waiting messages of notifications that folded into an unread message: nothing of their own is left to send. Their rows of delivery
 * go first, as they are locked first everywhere. Rides on message_project_id_notification_id_channel_key and delivery_pkey.
 */
export async function dropFolded(
  tx: Runner,
  folded: readonly { readonly projectId: string; readonly notificationId: string }[],
): Promise<void> {
  await tx.query({
    name: 'drop-folded',
    text: `WITH d AS (
        DELETE FROM delivery d USING message m, unnest($1::uuid[], $2::uuid[]) AS f (project_id, notification_id)
        WHERE m.project_id = f.project_id AND m.notification_id = f.notification_id AND d.project_id = m.project_id AND d.message_id = m.id
        RETURNING 1
      )
      DELETE FROM message m USING unnest($1::uuid[], $2::uuid[]) AS f (project_id, notification_id)
      WHERE (SELECT count(*) FROM d) >= 0 AND m.project_id = f.project_id AND m.notification_id = f.notification_id AND m.arrived_seq IS NULL
        AND m.status IN ('SCHEDULED', 'SENDING', 'QUEUED')`,
    values: keys(folded),
  })
}

/**
 * The due time of a message that is held until its notification's in-app message arrives: if that one folds into an unread message, the
 * held one is not sent at all.
 */
export const HELD_UNTIL = '9999-01-01T00:00:00.000Z'

/** The due time of a held message whose rule adds a delay: once released, it is due after `restMs`. */
export const heldUntil = (restMs: number): string => new Date(Date.parse(HELD_UNTIL) + restMs).toISOString()

/**
 * Releases the held messages of notifications whose in-app message arrived as a new one. Each is due after the time by which its due time
 * exceeds `HELD_UNTIL`. Rides on message_project_id_notification_id_channel_key and delivery_pkey.
 * @returns how many were released
 */
export async function releaseHeld(
  tx: Runner,
  arrived: readonly { readonly projectId: string; readonly notificationId: string }[],
  offsetMs: number,
): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'release-held',
    text: `WITH d AS (
        UPDATE delivery d SET due_at = now() + $4 * interval '1 millisecond' + (d.due_at - $3)
        FROM message m, unnest($1::uuid[], $2::uuid[]) AS a (project_id, notification_id)
        WHERE m.project_id = a.project_id AND m.notification_id = a.notification_id AND m.status = 'SCHEDULED'
          AND d.project_id = m.project_id AND d.message_id = m.id AND d.due_at >= $3::timestamptz
        RETURNING d.project_id, d.message_id, d.due_at <= now() + $4 * interval '1 millisecond' AS is_due
      )
      UPDATE message m SET status = CASE WHEN d.is_due THEN 'QUEUED'::message_status ELSE m.status END FROM d
      WHERE m.project_id = d.project_id AND m.id = d.message_id`,
    values: [...keys(arrived), HELD_UNTIL, offsetMs],
  })
  return rowCount ?? 0
}
