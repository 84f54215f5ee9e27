/** The progress of a transaction, read once or followed until it has ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { hashedName } from '../db/hash.ts'
import { readProgress } from '../db/progress.ts'
import { CarillonError } from '../errors.ts'
import type { TransactionStatus } from '../words.ts'

/** The progress of a transaction. Counts are notifications. */
export interface Progress {
  readonly transactionId: string
  readonly status: TransactionStatus
  /** null: the audience is not counted yet */
  readonly total: number | null
  readonly done: number
  readonly sent: number
  readonly failed: number
}

/** How often a transaction that is followed is read, in ms; if reading takes long, the pause is five times as long as the reading took. */
const READ_EVERY_MS = 200
const PAUSE_FACTOR = 5

/** Creates the operations of progress. */
export function createProgress({ db }: { readonly db: Database }) {
  /** Reads the progress; null: there is no such transaction. */
  async function read(projectId: string, transactionId: string): Promise<Progress | null> {
    if (transactionId.includes('\0')) return null
    // Its id may have named somebody who was erased.
    const row =
      (await readProgress(db.pool, projectId, transactionId)) ??
      (await readProgress(db.pool, projectId, hashedName(projectId, transactionId)))
    if (row === null) return null
    const { notifications, passed, refused } = row
    const done = row.done + refused
    const isDone = row.unwritten === 0 && row.done === notifications
    const isBegun = done > 0 || row.passed > 0 || row.unbegun < row.unwritten
    const status = row.isCanceled ? 'CANCELED' : isDone ? 'DONE' : isBegun ? 'RUNNING' : 'ACCEPTED'
    // In addition to those of its sends to many, a transaction may have notifications to single contacts.
    const total = row.uncounted > 0 ? null : row.audience + notifications - (passed - refused)
    return { transactionId, status, total, done, sent: row.sent, failed: row.failed + refused }
  }

  return {
    read,

    /** Yields the current progress, then every different one, and ends after DONE or CANCELED. @throws NOT_FOUND */
    follow(projectId: string, transactionId: string): AsyncIterableIterator<Progress> {
      const ending = new AbortController()
      const states = follow(projectId, transactionId, ending.signal)
      return {
        [Symbol.asyncIterator]() {
          return this
        },
        next: () => states.next(),
        return() {
          // A caller who stops does not wait for the end of the pause.
          ending.abort()
          return states.return(undefined)
        },
        throw(error) {
          ending.abort()
          return states.throw(error)
        },
      }
    },
  }

  async function* follow(projectId: string, transactionId: string, signal: AbortSignal): AsyncGenerator<Progress, undefined> {
    let last = ''
    while (!signal.aborted) {
      const begun = performance.now()
      const progress = await read(projectId, transactionId)
      if (progress === null) throw new CarillonError('NOT_FOUND', { message: 'There is no such transaction.' })
      const state = JSON.stringify(progress)
      if (state !== last) yield progress
      last = state
      if (progress.status === 'DONE' || progress.status === 'CANCELED') return
      const tookMs = performance.now() - begun
      await sleep(Math.max(READ_EVERY_MS, tookMs * PAUSE_FACTOR), undefined, { signal }).catch(() => undefined)
    }
  }
}
