/** Deletes what is older than its project's retention: in small batches, to leave the database to the traffic. */
import { setTimeout as pause } from 'node:timers/promises'
import { findOrphanedAudits, pruneAudit } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { pruneMinutes } from '../db/fold-stats.ts'
import { findRetentions } from '../db/project.ts'
import { type Bounds, pruneDigests, pruneEvents, pruneFanouts, pruneNotifications, pruneReports } from '../db/prune.ts'
import { pruneRevocations } from '../db/standing.ts'
import { MINUTES_KEPT_MS } from '../domain/activity.ts'
import type { Clock } from '../domain/clock.ts'
import { firstIdAt } from '../domain/ids.ts'
import { AUDIT_RETENTION_DAYS } from '../domain/project.ts'
import { REVOCATION_KEPT_MS } from '../domain/standing.ts'

/** What `createPruner` needs. */
export interface PrunerDeps {
  readonly db: Database
  readonly clock: Clock
}

const DAY_MS = 24 * 3_600_000
/** Notifications of one transaction. Their feeds are locked meanwhile, for about 1 ms per notification on a busy machine. */
const NOTIFICATIONS = 200
/** Rows of one statement where no locks are held that others wait for. */
const ROWS = 1_000

/** @returns a pruner, to be run from time to time */
export function createPruner({ db, clock }: PrunerDeps) {
  return {
    /** Prunes all projects once. Begins no new batch once the signal is aborted. Several processes may run it at once. */
    async run(signal: AbortSignal): Promise<void> {
      await pruneRevocations(db.pool, REVOCATION_KEPT_MS)
      const now = clock.now().getTime()
      const projects = await findRetentions(db.pool)
      for (const { id, retentionDays, auditRetentionDays } of projects) {
        if (signal.aborted) return
        const before = new Date(now - retentionDays * DAY_MS)
        await pruneProject({ projectId: id, below: firstIdAt(before.getTime()), before }, signal)
        await pruneLog(id, now - auditRetentionDays * DAY_MS, signal)
        const minutes = new Date(now - MINUTES_KEPT_MS)
        await untilDone(signal, async () => (await pruneMinutes(db.pool, id, minutes, ROWS)) >= ROWS)
      }
      // The operator's entries outlive a project that is deleted.
      for (const id of await findOrphanedAudits(db.pool)) await pruneLog(id, now - AUDIT_RETENTION_DAYS * DAY_MS, signal)
    },
  }

  async function pruneLog(projectId: string, beforeMs: number, signal: AbortSignal): Promise<void> {
    const bounds = { projectId, below: firstIdAt(beforeMs) }
    await untilDone(signal, async () => (await pruneAudit(db.pool, bounds, ROWS)) === ROWS)
  }

  async function pruneProject(bounds: Bounds, signal: AbortSignal): Promise<void> {
    let after = firstIdAt(0)
    await untilDone(signal, async () => {
      const { last } = await pruneNotifications(db.pool, bounds, after, NOTIFICATIONS)
      if (last !== null) after = last
      return last !== null
    })
    // Sends to many come after their notifications, which they outlive.
    for (const prune of [pruneFanouts, pruneDigests, pruneEvents, pruneReports]) {
      await untilDone(signal, async () => (await prune(db.pool, bounds, ROWS)) === ROWS)
    }
  }
}

/** Calls `batch` until it returns false. It pauses after each one for as long as that took, so that it uses half of the time at most. */
async function untilDone(signal: AbortSignal, batch: () => Promise<boolean>): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now()
    if (!(await batch())) return
    await pause(performance.now() - begun, undefined, { signal }).catch(() => {})
  }
}
