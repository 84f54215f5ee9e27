/** The statement of `retryMessages`: queues failed messages again, for new attempts of the same messages. */
import type { Runner } from './database.ts'

/**
 * Queues FAILED messages again, and with `withUnknown` also UNKNOWN ones. In-app messages are left out: they have no provider. Rides on
 * message_pkey.
 * @returns ids of those that were queued
 */
export async function requeue(db: Runner, projectId: string, ids: readonly string[], withUnknown: boolean): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'requeue',
    // The message gets all rounds of attempts again; the numbers of its attempts continue.
    text: `WITH m AS (
        UPDATE message SET status = 'QUEUED', claims = 0, error_code = NULL, error_message = NULL, updated_at = now(),
          history = history || jsonb_build_array(jsonb_build_array('QUEUED', to_json(now()), 'retried'))
        WHERE project_id = $1 AND id = ANY($2::uuid[]) AND channel <> 'IN_APP' AND (status = 'FAILED' OR ($3 AND status = 'UNKNOWN'))
        RETURNING project_id, id, notification_id, contact_id, channel, bulk, attempt_count, address, only_if, feed, increment_id, created_at
      )
      INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, attempts, address, only_if, feed, increment_id, created_at)
      SELECT project_id, id, notification_id, contact_id, channel, bulk, now(), attempt_count, address, only_if, feed, increment_id, created_at FROM m
      RETURNING message_id AS id`,
    values: [projectId, ids, withUnknown],
  })
  return rows.map((row) => row.id)
}
