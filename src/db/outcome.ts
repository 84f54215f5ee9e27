/** What became of messages. */
import type { Channel, MessageStatus } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** How one message stands. */
export interface Outcome {
  readonly id: string
  readonly notificationId: string
  readonly channel: Channel
  readonly status: MessageStatus
  readonly attemptCount: number
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

/** Looks at messages by id. Rides on message_pkey. */
export async function findOutcomes(db: Runner, projectId: string, ids: readonly string[]): Promise<Outcome[]> {
  const { rows } = await db.query<Outcome>({
    name: 'find-outcomes',
    text: `SELECT id, notification_id AS "notificationId", channel, status, attempt_count AS "attemptCount", error_code AS "errorCode",
      error_message AS "errorMessage" FROM message WHERE project_id = $1 AND id = ANY($2::uuid[])`,
    values: [projectId, ids],
  })
  return rows
}
