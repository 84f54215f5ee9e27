/** Closes windows of digests, oldest first, for as long as there are some whose time is up. */
import { type Database, isConnectionLoss } from '../db/database.ts'
import { postponeWindow } from '../db/digest.ts'
import type { AcceptDeps } from '../domain/accept.ts'
import { createDigestCloser } from '../domain/digest.ts'
import type { Log } from '../log.ts'

/** Windows that are closed at a time. */
const BATCH = 50

/** Somebody is just canceling what is in one of them: the next look finds it done. */
const isBusy = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'

/** Makes the work of the digests' pump: closes all windows that are due; takes no new one once the signal is aborted. */
export function createDigests(deps: AcceptDeps & { readonly db: Database; readonly log: Log }) {
  const close = createDigestCloser(deps)
  return async (signal: AbortSignal): Promise<void> => {
    // One that can't be closed does not keep the others open: after a failure, each goes alone for as many as there were.
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
