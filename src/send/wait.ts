/** `wait: SENT`: waits for the first attempts of messages. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isConnectionLoss } from '../db/connection-loss.ts'
import type { Database } from '../db/database.ts'
import { findMessageStates, type MessageState } from '../db/message-state.ts'

const PATIENCE_MS = 10_000
const POLL_MIN_MS = 5
const POLL_MAX_MS = 100

/**
 * @returns a function that waits until each message was tried once, or for 10 s, and resolves to their states. It polls the database,
 *   because the worker may be on another machine
 */
export function createWaiter(db: Database) {
  /** null: they can't be read now. The messages were accepted, so that is no failure of the call: who is told so sends them again. */
  const read = (projectId: string, messageIds: readonly string[]): Promise<MessageState[] | null> =>
    findMessageStates(db.pool, projectId, messageIds).catch((error: unknown) => {
      if (isConnectionLoss(error)) return null
      throw error
    })

  return async (projectId: string, messageIds: readonly string[]): Promise<MessageState[]> => {
    const until = performance.now() + PATIENCE_MS
    for (let pollMs = POLL_MIN_MS; ; pollMs = Math.min(pollMs * 1.5, POLL_MAX_MS)) {
      const outcomes = messageIds.length === 0 ? [] : await read(projectId, messageIds)
      const pending =
        outcomes === null ||
        outcomes.some(
          ({ status, attemptCount }) =>
            attemptCount === 0 && (status === 'QUEUED' || status === 'SENDING' || status === 'SCHEDULED'),
        )
      if (!pending || performance.now() > until) return outcomes ?? []
      await sleep(pollMs)
    }
  }
}
