/** Writes sends to many in chunks, always of the send that waited longest, so that a large one does not hold up a small one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isConnectionLoss } from '../db/connection-loss.ts'
import { postponeFanout } from '../db/fanout.ts'
import type { Log } from '../log.ts'
import { CHUNK, createFanoutWriter, type FanoutDeps } from '../send/write-fanout.ts'

const REST_MAX_MS = 250
/** Contacts of a chunk while single messages are being sent: none of them then waits for a long statement. */
const CHUNK_WITH_SINGLES = 125

/**
 * @returns a function that writes all due chunks; it begins no further one once the signal is aborted. It throws when the database is
 *   unavailable; a send whose chunk fails for another reason is logged and postponed
 */
export function createFanout(
  deps: FanoutDeps & {
    readonly log: Log
    /** whether single messages are being sent */
    isBusyWithSingles(): boolean
  },
) {
  const writer = createFanoutWriter(deps)
  return async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const begun = performance.now()
      const outcome = await writer.write(deps.isBusyWithSingles() ? CHUNK_WITH_SINGLES : CHUNK)
      // Half of the time is left to single messages and API calls, which share the processor and the database.
      if (deps.isBusyWithSingles()) await sleep(Math.min(REST_MAX_MS, performance.now() - begun))
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
    await writer.published()
  }
}
