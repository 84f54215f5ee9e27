/** `retryMessages`: dead letters go out again, as new attempts of the same messages. */
import type { Runner } from './database.ts'

/** Puts messages back into the queue: FAILED ones, and UNKNOWN ones where that is wanted. In-app messages are not handed over to anybody. */
export async function requeue(db: Runner, projectId: string, ids: readonly string[], withUnknown: boolean): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'requeue',
    // A full set of attempts again, their numbers going on.
    text: `UPDATE message SET status = 'QUEUED', due_at = now(), rounds = 0, handover_at = NULL, handover_provider = NULL, error_code = NULL, error_message = NULL, updated_at = now(),
        history = history || jsonb_build_array(jsonb_build_array('QUEUED', to_json(now()), 'retried'))
      WHERE project_id = $1 AND id = ANY($2::uuid[]) AND channel <> 'IN_APP' AND (status = 'FAILED' OR ($3 AND status = 'UNKNOWN'))
      RETURNING id`,
    values: [projectId, ids, withUnknown],
  })
  return rows.map((row) => row.id)
}
