/**
 * Whether credentials that were issued are still good: each process has a list of the tokens that were revoked and of the projects that are
 * suspended, and reads what is new each second. So requests, and the claims of workers, ask nobody.
 */
import type { Database } from '../db/database.ts'
import { type InactiveProject, readStanding, type StandingChanges } from '../db/standing.ts'
import type { Caller } from './caller.ts'
import type { Clock } from './clock.ts'

/** What is not valid any more, as this process knows it. */
export interface Standing {
  /** Reads what is new. Called each second, and after each change of this process. */
  refresh(): Promise<void>
  /** Begins a reading that somebody else does. */
  begin(): Reading
  /** Whether a reading has ended within the last so many ms. */
  isCurrent(withinMs: number): boolean
  /** Whether the project is suspended or being deleted: nothing of it is accepted or sent. */
  isInactive(projectId: string): boolean
  /** Ids of the projects that are suspended or being deleted. */
  inactive(): readonly string[]
  /** Whether the deletion of some project is due. */
  hasDeletions(): boolean
  /** Whether a token was revoked that was issued under this generation. `subject`: the contact, or the project for an access token */
  isRevoked(projectId: string, subject: string, generation: number): boolean
  /** Whether a caller who was let in has to be turned away now. */
  isEnded(caller: Caller): boolean
}

/** A reading of what is new. */
export interface Reading {
  /** from when on it reads revocations; null: all */
  readonly since: number | null
  /** Takes what was read. Of two readings, what the one says that began later counts. */
  take(found: StandingChanges): void
}

/** A revocation is kept for longer than any token that it refuses can be valid: 24 hours, and what clocks differ by. */
export const REVOCATION_KEPT_MS = 25 * 3_600_000
/** How far back each reading begins: longer than a transaction takes from its time to its commit. */
const OVERLAP_MS = 90_000

/** @returns an empty list, until it is refreshed */
export function createStanding({ db, clock }: { readonly db: Database; readonly clock: Clock }): Standing {
  /** in the order in which they were revoked */
  const revoked = new Map<string, { readonly generation: number; readonly revokedAt: number }>()
  let since: number | null = null
  let projects: readonly InactiveProject[] = []
  let ids: ReadonlySet<string> = new Set()
  let readings = 0
  /** the number of the reading that `projects` is of */
  let latest = 0
  let takenAt = Number.NEGATIVE_INFINITY
  const keyOf = (projectId: string, subject: string): string => `${projectId} ${subject}`

  function take(found: StandingChanges, number: number): void {
    takenAt = performance.now()
    if (number > latest) {
      latest = number
      projects = found.inactive
      ids = new Set(projects.map((one) => one.id))
    }
    for (const { projectId, subject, generation, revokedAt } of found.revocations) {
      const key = keyOf(projectId, subject)
      since = Math.max(since ?? 0, revokedAt)
      if ((revoked.get(key)?.generation ?? 0) >= generation) continue
      revoked.delete(key)
      revoked.set(key, { generation, revokedAt })
    }
    for (const [key, { revokedAt }] of revoked) {
      if (revokedAt >= (since ?? 0) - REVOCATION_KEPT_MS) break
      revoked.delete(key)
    }
  }

  const standing: Standing = {
    async refresh() {
      const reading = standing.begin()
      reading.take(await readStanding(db.pool, reading.since))
    },
    begin() {
      const number = ++readings
      return { since: since === null ? null : since - OVERLAP_MS, take: (found) => take(found, number) }
    },
    isCurrent: (withinMs) => performance.now() - takenAt < withinMs,
    isInactive: (projectId) => ids.has(projectId),
    inactive: () => [...ids],
    hasDeletions: () => projects.some(({ deleteAt }) => deleteAt !== null && deleteAt <= clock.now().getTime()),
    isRevoked(projectId, subject, generation) {
      const entry = revoked.size === 0 ? undefined : revoked.get(keyOf(projectId, subject))
      return entry !== undefined && generation < entry.generation
    },
    isEnded(caller) {
      if (caller.kind === 'none' || caller.kind === 'operator') return false
      const { id } = caller.project
      if (ids.has(id)) return true
      if (caller.kind === 'contact') return standing.isRevoked(id, caller.contactId, caller.generation ?? 0)
      return caller.who.kind === 'token' && standing.isRevoked(id, id, caller.who.generation ?? 0)
    },
  }
  return standing
}
