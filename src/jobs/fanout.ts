/** Writes sends to many, a chunk at a time, whichever waited longest: a small one is not held up by a large one. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { isConnectionLoss } from '../db/database.ts'
import { postponeFanout } from '../db/fanout.ts'
import type { AcceptDeps } from '../domain/accept.ts'
import { createFanoutWriter } from '../domain/write-fanout.ts'
import type { Log } from '../log.ts'

const REST_MAX_MS = 250

/** Makes the work of the fan-out pump: writes all chunks that are due; takes no new one once the signal is aborted. */
export function createFanout(
  deps: AcceptDeps & {
    readonly db: Database
    readonly log: Log
    /** single messages are going out at this time */
    isBeside(): boolean
  },
) {
  const writeNext = createFanoutWriter(deps)
  return async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const begun = performance.now()
      const outcome = await writeNext()
      // Half of the time is theirs who wait for an answer: the processor and the database are shared with them.
      if (deps.isBeside()) await sleep(Math.min(REST_MAX_MS, performance.now() - begun))
      if (outcome === false) return
      if (outcome === true) continue
      const { projectId, id, error } = outcome
      if (isConnectionLoss(error)) throw error
      deps.log.error('A chunk of a send to many could not be written; it is tried again later', {
        fanout: id,
        error: error instanceof Error ? error.stack : String(error),
      })
      await postponeFanout(deps.db.pool, projectId, id, deps.clock.offsetMs)
    }
  }
}
