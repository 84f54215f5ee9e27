/** Erases projects that are being deleted, in small batches, to leave the database to the traffic. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { beginDeletion, eraseBatch, findDeletions, projectTables } from '../db/erase-project.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../log.ts'

/** What `createProjectEraser` needs. */
export interface ProjectEraserDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
}

const ROWS = 1_000

/** @returns a function that erases all projects whose deletion is due; it begins no further batch once the signal is aborted */
export function createProjectEraser({ db, clock, log }: ProjectEraserDeps): (signal: AbortSignal) => Promise<void> {
  async function erase(projectId: string, tables: readonly string[], signal: AbortSignal): Promise<void> {
    // From the first table on, also after a crash: what was erased is found empty.
    let at = 0
    while (!signal.aborted) {
      const begun = performance.now()
      const step = await eraseBatch(db.pool, projectId, tables, at, ROWS)
      if (step === null) return
      if (at === tables.length) {
        log.info('A project was deleted', { project: projectId })
        return
      }
      at = step.tables
      if (step.rows > 0) await pause(performance.now() - begun, undefined, { signal }).catch(() => {})
    }
  }

  return async (signal) => {
    for (const projectId of await findDeletions(db.pool, clock.offsetMs)) {
      if (signal.aborted) return
      if (!(await beginDeletion(db.pool, projectId, clock.offsetMs))) continue
      await erase(projectId, await projectTables(db.pool), signal)
    }
  }
}
