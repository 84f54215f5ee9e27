/** The statements of an in-app message that waited: its twins on other channels, and rows that an unread message now stands for. */
import type { Runner } from './database.ts'

const keys = (list: readonly { readonly projectId: string; readonly notificationId: string }[]) => [
  list.map((one) => one.projectId),
  list.map((one) => one.notificationId),
]

/** Removes the waiting messages of notifications that folded into an unread message: nothing of their own is left to send. */
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
 * Lets the other channels of notifications go, whose in-app message has arrived as a new one. `heldUntil`: what marks them as waiting;
 * what is later than that is how much longer they wait.
 */
export async function releaseHeld(
  tx: Runner,
  arrived: readonly { readonly projectId: string; readonly notificationId: string }[],
  heldUntil: string,
  offsetMs: number,
): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'release-held',
    text: `UPDATE message m SET due_at = now() + $4 * interval '1 millisecond' + (m.due_at - $3),
        status = CASE WHEN m.due_at = $3 THEN 'QUEUED'::message_status ELSE m.status END FROM unnest($1::uuid[], $2::uuid[]) AS a (project_id, notification_id)
      WHERE m.project_id = a.project_id AND m.notification_id = a.notification_id AND m.status = 'SCHEDULED' AND m.due_at >= $3::timestamptz`,
    values: [...keys(arrived), heldUntil, offsetMs],
  })
  return rowCount ?? 0
}
