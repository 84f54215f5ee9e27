/** Reads the state of messages, for calls that wait until they are sent. */
import type { Channel, MessageStatus } from '../words.ts'
import type { Runner } from './database.ts'

/** The state of a message: its status, how many attempts were made, and its last error. */
export interface MessageState {
  readonly id: string
  readonly notificationId: string
  readonly channel: Channel
  readonly status: MessageStatus
  readonly attemptCount: number
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

/** The states of messages by id, in no particular order; those that no longer exist are left out. Rides on message_pkey. */
export async function findMessageStates(db: Runner, projectId: string, ids: readonly string[]): Promise<MessageState[]> {
  const { rows } = await db.query<MessageState>({
    name: 'find-message-states',
    text: `SELECT id, notification_id AS "notificationId", channel, status, attempt_count AS "attemptCount", error_code AS "errorCode",
      error_message AS "errorMessage" FROM message WHERE project_id = $1 AND id = ANY($2::uuid[])`,
    values: [projectId, ids],
  })
  return rows
}
