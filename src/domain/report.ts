/** Delivery reports: what a vendor reports about a message after accepting it. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { removeDeviceToken } from '../db/device-token.ts'
import { applyReports, keepReports, type Reported, type ReportRow, takeReports } from '../db/report.ts'
import { goesToAll, type Signal, type StatusChange } from '../words.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { suppressionKey, suppressWithin } from './suppression.ts'

/** The provider from which a report came. */
export interface ReportSource {
  readonly projectId: string
  readonly providerId: string
}

/** `publish` and `wake` are called after the commit. */
export interface ReportDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  publish(signals: readonly Signal[]): void
  wake(): void
}

const KEPT_AT_ONCE = 500

/** Creates the operations of delivery reports. */
export function createReports(deps: ReportDeps) {
  const { db, clock, ids, publish } = deps

  /**
   * Suppresses addresses, or removes device tokens, that a vendor reports as dead. Only for reports that changed their message, and so only
   * once: a repeated report, or one for a message that was delivered all the same, is no news about the address.
   */
  async function dropAddresses(
    tx: Runner,
    reports: readonly ReportRow[],
    moved: readonly Reported[],
  ): Promise<(() => Promise<void>)[]> {
    const finish: (() => Promise<void>)[] = []
    for (const { projectId, channel, address, contactId, place } of moved) {
      const report = reports[place]
      if (report?.addressDead !== true || address === null || address === '') continue
      if (!goesToAll(channel)) {
        const row = { id: ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
        finish.push(await suppressWithin(tx, deps, projectId, [row]))
      } else if (contactId !== null) await removeDeviceToken(tx, { projectId, contactId, providerId: report.providerId }, address)
    }
    return finish
  }

  /** Applies reports. @returns those for which there is no message, and what to call after the commit */
  async function apply(
    tx: Runner,
    reports: readonly ReportRow[],
  ): Promise<{ unknown: ReportRow[]; finish: () => Promise<void> }> {
    const { moved, known } = await applyReports(tx, reports, clock.offsetMs)
    const dropped = await dropAddresses(tx, reports, moved)
    const at = clock.now().toISOString()
    const signals = [...Map.groupBy(moved, (one) => one.projectId)].map(([projectId, changed]): Signal => {
      const changes: StatusChange[] = changed.map(({ notificationId, messageId, status }) => ({
        notificationId,
        messageId,
        status,
        at,
      }))
      return { topic: 'activity', projectId, changes }
    })
    const finish = async (): Promise<void> => {
      publish(signals)
      for (const one of dropped) await one()
    }
    return { unknown: reports.filter((_report, place) => !known.has(place)), finish }
  }

  return {
    /** Applies reports of a vendor. One for which there is no message yet is stored, once. */
    async receive(source: ReportSource, events: readonly Omit<ReportRow, 'projectId' | 'providerId'>[]): Promise<void> {
      const reports = events.map((event) => ({ ...event, ...source }))
      if (reports.length === 0) return
      const finish = await transact(db.pool, async (tx) => {
        const { unknown, finish } = await apply(tx, reports)
        if (unknown.length > 0) await keepReports(tx, unknown)
        return finish
      })
      await finish()
    },

    /** Applies stored reports for which there is a message by now. @returns how many */
    async catchUp(): Promise<number> {
      // Deleted and applied in one transaction: a report that was deleted and not applied would be lost.
      const { count, finish } = await transact(db.pool, async (tx) => {
        const reports = await takeReports(tx, KEPT_AT_ONCE)
        return { count: reports.length, finish: reports.length === 0 ? null : (await apply(tx, reports)).finish }
      })
      await finish?.()
      return count
    },
  }
}
