/** Where claims begin while channels are paused. */
import { expect, it } from 'vitest'
import type { Claimed } from '../../src/db/claim.ts'
import { createClaimCursor } from '../../src/jobs/claim-cursor.ts'
import type { Bulkhead } from '../../src/jobs/pauses.ts'

const paused: Bulkhead[] = [{ projectId: 'p', channel: 'SMS' }]
const both: Bulkhead[] = [...paused, { projectId: 'p', channel: 'CHAT' }]
const limits = { limit: 3, bulkLimit: 2 }
/** All that the cursor reads of a claimed message. */
const message = (isBulk: boolean, dueAt: number): Claimed =>
  Object.assign(Object.create(null), { isBulk, dueAt: new Date(dueAt) })

function start() {
  let at = 0
  const cursor = createClaimCursor(() => at)
  return {
    later: (ms: number) => {
      at += ms
    },
    from(given: readonly Bulkhead[]) {
      const except = cursor.next(given)
      return except === null ? null : [except.single, except.many]
    },
    saw(given: readonly Bulkhead[], claimed: Claimed[], more = limits) {
      const except = cursor.next(given)
      if (except !== null) cursor.saw(except, more, claimed)
    },
  }
}

it('leaves nothing out while nothing is paused', () => {
  expect(start().from([])).toBeNull()
})
it('goes on after the last one of a full claim, and at what has just become due after one that was not', () => {
  const { from, saw } = start()
  expect(from(paused)).toEqual(['all', 'all'])
  saw(paused, [message(false, 10), message(false, 30), message(false, 20)])
  expect(from(paused)).toEqual([new Date(30), 'all'])
  saw(paused, [message(false, 40), message(true, 5), message(true, 7)])
  expect(from(paused)).toEqual(['recent', new Date(7)])
  saw(paused, [message(true, 8)])
  expect(from(paused)).toEqual(['recent', 'recent'])
})
it('learns nothing of sends to many from a claim that left them out', () => {
  const { from, saw } = start()
  saw(paused, [], { limit: 3, bulkLimit: 0 })
  expect(from(paused)).toEqual(['recent', 'all'])
})
it('starts from the beginning again after three seconds, whatever came', () => {
  const { from, saw, later } = start()
  saw(paused, [])
  later(2_999)
  saw(paused, [])
  expect(from(paused)).toEqual(['recent', 'recent'])
  later(1)
  expect(from(paused)).toEqual(['all', 'all'])
})
it('keeps a position for each set of excepted channels', () => {
  const { from, saw } = start()
  saw(paused, [])
  expect(from(both)).toEqual(['all', 'all'])
  expect(from(both.toReversed())).toEqual(['all', 'all'])
  expect(from([])).toBeNull()
  expect(from(paused)).toEqual(['recent', 'recent'])
})
