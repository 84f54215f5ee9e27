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
    text: `UPDATE message SET status = 'QUEUED', due_at = now(), rounds = 0, handover_at = NULL, handover_provider = NULL, error_code = NULL, error_message = NULL, updated_at = now(),
        history = history || jsonb_build_array(jsonb_build_array('QUEUED', to_json(now()), 'retried'))
      WHERE project_id = $1 AND id = ANY($2::uuid[]) AND channel <> 'IN_APP' AND (status = 'FAILED' OR ($3 AND status = 'UNKNOWN'))
      RETURNING id`,
    values: [projectId, ids, withUnknown],
  })
  return rows.map((row) => row.id)
}
