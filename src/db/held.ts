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
 * Deletes the waiting messages of notifications that folded into an unread message: nothing of their own is left to send. Rides on
 * message_project_id_notification_id_channel_key.
 */
export async function dropFolded(
  tx: Runner,
  folded: readonly { readonly projectId: string; readonly notificationId: string }[],
): Promise<void> {
  await tx.query({
    name: 'drop-folded',
    text: `DELETE FROM message m USING unnest($1::uuid[], $2::uuid[]) AS f (project_id, notification_id)
      WHERE m.project_id = f.project_id AND m.notification_id = f.notification_id AND m.arrived_seq IS NULL
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
 * exceeds `HELD_UNTIL`. Rides on message_project_id_notification_id_channel_key.
 * @returns how many were released
 */
export async function releaseHeld(
  tx: Runner,
  arrived: readonly { readonly projectId: string; readonly notificationId: string }[],
  offsetMs: number,
): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'release-held',
    text: `UPDATE message m SET due_at = now() + $4 * interval '1 millisecond' + (m.due_at - $3),
        status = CASE WHEN m.due_at = $3 THEN 'QUEUED'::message_status ELSE m.status END FROM unnest($1::uuid[], $2::uuid[]) AS a (project_id, notification_id)
      WHERE m.project_id = a.project_id AND m.notification_id = a.notification_id AND m.status = 'SCHEDULED' AND m.due_at >= $3::timestamptz`,
    values: [...keys(arrived), HELD_UNTIL, offsetMs],
  })
  return rowCount ?? 0
}
