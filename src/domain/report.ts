/** Delivery reports: what a vendor tells of a message after it took it. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { forgetDevice } from '../db/device.ts'
import { applyReports, keepReports, type Reported, type ReportRow, takeReports } from '../db/report.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { suppressionKey, suppressWithin } from './suppression.ts'
import { goesToAll } from './target.ts'
import type { Signal, StatusChange } from './words.ts'

/** Which provider a report came from. */
export interface ReportSource {
  readonly projectId: string
  readonly providerId: string
}

/** What they work with. */
export interface ReportDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  publish(signals: readonly Signal[]): void
  wake(): void
}

const KEPT_AT_ONCE = 500

/** Makes the operations of delivery reports. */
export function createReports(deps: ReportDeps) {
  const { db, clock, ids, publish } = deps

  /**
   * Addresses that a vendor calls dead are given up: with the step that its report makes, and so once. A report that is repeated, or comes
   * after the message was delivered all the same, says nothing of the address that is new.
   */
  async function bury(tx: Runner, reports: readonly ReportRow[], moved: readonly Reported[]): Promise<(() => Promise<void>)[]> {
    const finish: (() => Promise<void>)[] = []
    for (const { projectId, channel, address, contactId, place } of moved) {
      const report = reports[place]
      if (report?.addressDead !== true || address === null || address === '') continue
      if (!goesToAll(channel)) {
        const row = { id: ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
        finish.push(await suppressWithin(tx, deps, projectId, [row]))
      } else if (contactId !== null) await forgetDevice(tx, { projectId, contactId, providerId: report.providerId }, address)
    }
    return finish
  }

  /** @returns the reports that name no message that there is, and what to do after the commit */
  async function apply(
    tx: Runner,
    reports: readonly ReportRow[],
  ): Promise<{ unknown: ReportRow[]; finish: () => Promise<void> }> {
    const { moved, known } = await applyReports(tx, reports, clock.offsetMs)
    const buried = await bury(tx, reports, moved)
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
      for (const one of buried) await one()
    }
    return { unknown: reports.filter((_report, place) => !known.has(place)), finish }
  }

  return {
    /** Applies what a vendor reports. What names a message that there is not (yet) is kept, once. */
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

    /** Applies kept reports whose message is known by now. @returns how many */
    async catchUp(): Promise<number> {
      // Taken and applied together: a report that was taken and not applied would be lost.
      const { count, finish } = await transact(db.pool, async (tx) => {
        const reports = await takeReports(tx, KEPT_AT_ONCE)
        return { count: reports.length, finish: reports.length === 0 ? null : (await apply(tx, reports)).finish }
      })
      await finish?.()
      return count
    },
  }
}
