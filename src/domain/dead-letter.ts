/** `retryMessages`: queues messages again that failed permanently, at an operator's request. */
import { rowsOf } from '../db/audit.ts'
import { type Database, transact } from '../db/database.ts'
import { requeue } from '../db/retry.ts'
import { CarillonError } from '../errors.ts'
import type { Audit, By } from './audit.ts'
import { checkList } from './check.ts'
import { isUuid } from './ids.ts'
import { type NotificationFilter, whereOf } from './notification.ts'

/** At most this many messages per call with a filter. */
const FILTER_MAX = 10_000
/** The audit log names this many of them. */
const NAMED_MAX = 100

/** Creates the operation. `wake` is called after the commit. */
export function createDeadLetters({ db, audit, wake }: { readonly db: Database; readonly audit: Audit; wake(): void }) {
  return {
    /**
     * Queues messages again: FAILED ones, and UNKNOWN ones only by id, because they may have arrived. Others are ignored.
     * @returns how many were queued
     * @throws BAD_INPUT when neither ids nor a filter are given, or both
     */
    async retry(projectId: string, ids: readonly string[] | null, filter: NotificationFilter | null, by: By): Promise<number> {
      if ((ids === null) === (filter === null))
        throw new CarillonError('BAD_INPUT', { message: 'Give either messages or a filter.' })
      const named = ids === null ? await failedOf(projectId, filter) : checkList('messages', ids, 1000).filter(isUuid)
      if (named.length === 0) return 0
      const retried = await transact(db.pool, async (tx) => {
        const found = await requeue(tx, projectId, named, ids !== null)
        const after = { retriedCount: found.length, messages: found.slice(0, NAMED_MAX) }
        const outcome = {
          kind: 'MESSAGE',
          id: found.length === 1 ? (found[0] ?? null) : null,
          key: null,
          before: null,
          after,
        } as const
        await audit.record(rowsOf(tx), { projectId, operation: 'retryMessages', by }, found.length === 0 ? [] : [outcome])
        return found
      })
      if (retried.length > 0) wake()
      return retried.length
    },
  }

  async function failedOf(projectId: string, filter: NotificationFilter | null): Promise<string[]> {
    const rows = await db.prisma.message.findMany({
      where: { projectId, status: 'FAILED', channel: { not: 'IN_APP' }, notification: whereOf(projectId, filter) },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: FILTER_MAX,
    })
    return rows.map((row) => row.id)
  }
}
