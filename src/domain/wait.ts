/** `wait: SENT`: what became of messages after their first attempt. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { findOutcomes, type Outcome } from '../db/outcome.ts'

const PATIENCE_MS = 10_000
const LOOK_MIN_MS = 5
const LOOK_MAX_MS = 100

/** Makes the wait. It asks the record rather than listening: the outcome may come from a worker on another machine. */
export function createWaiter(db: Database) {
  return async (projectId: string, messageIds: readonly string[]): Promise<Outcome[]> => {
    const until = performance.now() + PATIENCE_MS
    for (let lookMs = LOOK_MIN_MS; ; lookMs = Math.min(lookMs * 1.5, LOOK_MAX_MS)) {
      const outcomes = messageIds.length === 0 ? [] : await findOutcomes(db.pool, projectId, messageIds)
      const pending = outcomes.some(
        ({ status, attemptCount }) =>
          attemptCount === 0 && (status === 'QUEUED' || status === 'SENDING' || status === 'SCHEDULED'),
      )
      if (!pending || performance.now() > until) return outcomes
      await sleep(lookMs)
    }
  }
}
