/** `retryMessages`: what failed for good goes out again, when an operator says so. */
import type { Database } from '../db/database.ts'
import { requeue } from '../db/retry.ts'
import { CarillonError } from '../errors.ts'
import { type NotificationFilter, whereOf } from './activity.ts'
import { checkList } from './check.ts'
import { isUuid } from './ids.ts'

/** At most so many by filter in one call. */
const FILTER_MAX = 10_000

/** Makes it. */
export function createDeadLetters({ db, wake }: { readonly db: Database; wake(): void }) {
  return {
    /**
     * Sends messages again: FAILED ones, and UNKNOWN ones when they are named, because they may have arrived. Others are left alone.
     * @returns how many go out again
     * @throws BAD_INPUT when neither ids nor a filter are given, or both
     */
    async retry(projectId: string, ids: readonly string[] | null, filter: NotificationFilter | null): Promise<number> {
      if ((ids === null) === (filter === null))
        throw new CarillonError('BAD_INPUT', { message: 'Give either messages or a filter.' })
      const named = ids === null ? await failedOf(projectId, filter) : checkList('messages', ids, 1000).filter(isUuid)
      const retried = named.length === 0 ? [] : await requeue(db.pool, projectId, named, ids !== null)
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
