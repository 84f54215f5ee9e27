/** What this process knows of revoked tokens and suspended projects, from readings that may end in any order. */
import { expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { createStanding } from '../../src/domain/standing.ts'

const standing = () => createStanding({ db: {} as Database, clock: { now: () => new Date(), offsetMs: 0 } })
const suspended = { inactive: [{ id: 'p', deleteAt: null }], revocations: [] }
const active = { inactive: [], revocations: [] }

it('does not make a project active again by a reading that began before it was suspended', () => {
  const known = standing()
  const [earlier, later] = [known.begin(), known.begin()]
  later.take(suspended)
  earlier.take(active)
  expect(known.isInactive('p')).toBe(true)
  known.begin().take(active)
  expect(known.isInactive('p')).toBe(false)
})

it('keeps every revocation that was read, whenever its reading began', () => {
  const known = standing()
  const [earlier, later] = [known.begin(), known.begin()]
  later.take(active)
  earlier.take({ inactive: [], revocations: [{ projectId: 'p', subject: 'ann', generation: 2, revokedAt: Date.now() }] })
  expect([1, 2].map((generation) => known.isRevoked('p', 'ann', generation))).toEqual([true, false])
})

it('says how current it is', () => {
  const known = standing()
  expect(known.isCurrent(60_000)).toBe(false)
  known.begin().take(active)
  expect(known.isCurrent(60_000)).toBe(true)
})
