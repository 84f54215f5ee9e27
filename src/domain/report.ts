/** Delivery reports: what a vendor tells of a message after it took it. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { forgetDevice } from '../db/device.ts'
import { applyReports, keepReports, type ReportRow, takeReports } from '../db/report.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { suppress, suppressionKey } from './suppression.ts'
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

  /** @returns the reports that name no message that there is, and what to publish after the commit */
  async function apply(tx: Runner, reports: readonly ReportRow[]): Promise<{ unknown: ReportRow[]; signals: Signal[] }> {
    const { moved, known } = await applyReports(tx, reports, clock.offsetMs)
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
    return { unknown: reports.filter((_report, place) => !known.has(place)), signals }
  }

  /** Addresses that a vendor calls dead are given up. */
  async function bury(reports: readonly ReportRow[]): Promise<void> {
    for (const { projectId, providerId, providerMessageId } of reports.filter((one) => one.addressDead)) {
      const messages = await db.prisma.message.findMany({
        where: { projectId, providerId, providerMessageId },
        select: { address: true, contactId: true, channel: true },
      })
      for (const { address, contactId, channel } of messages) {
        if (address === null || address === '') continue
        if (!goesToAll(channel)) {
          const row = { id: ids(), channel, address: suppressionKey(channel, address), reason: 'HARD_BOUNCE' as const }
          await suppress(deps, projectId, [row])
        } else if (contactId !== null) await forgetDevice(db.pool, { projectId, contactId, providerId }, address)
      }
    }
  }

  return {
    /** Applies what a vendor reports. What names a message that there is not (yet) is kept, once. */
    async receive(source: ReportSource, events: readonly Omit<ReportRow, 'projectId' | 'providerId'>[]): Promise<void> {
      const reports = events.map((event) => ({ ...event, ...source }))
      if (reports.length === 0) return
      const signals = await transact(db.pool, async (tx) => {
        const { unknown, signals } = await apply(tx, reports)
        if (unknown.length > 0) await keepReports(tx, unknown)
        return signals
      })
      publish(signals)
      await bury(reports)
    },

    /** Applies kept reports whose message is known by now. @returns how many */
    async catchUp(): Promise<number> {
      // Taken and applied together: a report that was taken and not applied would be lost.
      const { reports, signals } = await transact(db.pool, async (tx) => {
        const reports = await takeReports(tx, KEPT_AT_ONCE)
        return { reports, signals: reports.length === 0 ? [] : (await apply(tx, reports)).signals }
      })
      publish(signals)
      await bury(reports)
      return reports.length
    },
  }
}
