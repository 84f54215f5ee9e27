/** Closes the digest windows that are due, oldest first. */
import { isConnectionLoss } from '../db/connection-loss.ts'
import { postponeWindow } from '../db/digest.ts'
import type { Log } from '../log.ts'
import type { SendDeps } from '../send/deps.ts'
import { createDigestCloser } from '../send/digest.ts'

/** Windows that are closed at a time. */
const BATCH = 50

/** A row is locked (lock_not_available), because an item of a window is being canceled: the next run finds that done. */
const isBusy = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'

/**
 * @returns a function that closes all due windows; it begins no further batch once the signal is aborted. It throws when the database is
 *   unavailable; a window that fails for another reason is logged and postponed
 */
export function createDigests(deps: SendDeps & { readonly log: Log }) {
  const close = createDigestCloser(deps)
  return async (signal: AbortSignal): Promise<void> => {
    // A window that can't be closed does not keep the others open: after a failure, as many as there were are closed one by one.
    let alone = 0
    while (!signal.aborted) {
      const outcome = await close(alone > 0 ? 1 : BATCH)
      if ('count' in outcome) {
        deps.publish(outcome.signals)
        if (outcome.wakes) deps.wake()
        if (outcome.count === 0) return
        alone = Math.max(0, alone - 1)
        continue
      }
      const { windows, error } = outcome
      if (isConnectionLoss(error)) throw error
      const [only, ...others] = windows
      if (others.length > 0) {
        alone = windows.length
        continue
      }
      if (isBusy(error)) return
      if (only === undefined) throw error
      deps.log.error('A digest could not be closed; it is tried again later', {
        digest: only.id,
        error: error instanceof Error ? error.stack : String(error),
      })
      await postponeWindow(deps.db.pool, only.projectId, only.id, deps.clock.offsetMs)
      alone = Math.max(0, alone - 1)
    }
  }
}
