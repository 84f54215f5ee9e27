/** Forgets what is older than its project keeps: slowly, beside the traffic. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { type Bounds, pruneDigests, pruneEvents, pruneFanouts, pruneNotifications, pruneReports } from '../db/prune.ts'
import type { Clock } from '../domain/clock.ts'
import { firstIdAt } from '../domain/ids.ts'

/** What the pruner works with. */
export interface PrunerDeps {
  readonly db: Database
  readonly clock: Clock
}

const DAY_MS = 24 * 3_600_000
/** Notifications of one transaction. Their feeds are locked as long as it takes, about 1 ms each on a machine that is busy. */
const NOTIFICATIONS = 200
/** Rows of one statement where nobody waits for anything. */
const ROWS = 1_000

/** Makes the pruner. */
export function createPruner({ db, clock }: PrunerDeps) {
  return {
    /** Goes through all projects once. Takes no new batch once the signal is aborted. Several processes may run it at once. */
    async run(signal: AbortSignal): Promise<void> {
      const now = clock.now().getTime()
      const projects = await db.prisma.project.findMany({ select: { id: true, retentionDays: true } })
      for (const { id, retentionDays } of projects) {
        if (signal.aborted) return
        const before = new Date(now - retentionDays * DAY_MS)
        await pruneProject({ projectId: id, below: firstIdAt(before.getTime()), before }, signal)
      }
    },
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

/** Calls `batch` until it says that nothing is left. After each one it rests as long as that one took, so that it never has more than half. */
async function untilDone(signal: AbortSignal, batch: () => Promise<boolean>): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now()
    if (!(await batch())) return
    await pause(performance.now() - begun, undefined, { signal }).catch(() => {})
  }
}
