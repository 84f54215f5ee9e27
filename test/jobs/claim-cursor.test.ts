/** Where claims begin, whether or not channels are paused. */
import { expect, it } from 'vitest'
import type { Claimed } from '../../src/db/claim.ts'
import { createClaimCursor } from '../../src/jobs/claim-cursor.ts'
import type { Bulkhead } from '../../src/jobs/pauses.ts'

const paused: Bulkhead[] = [{ projectId: 'p', channel: 'SMS' }]
const both: Bulkhead[] = [...paused, { projectId: 'p', channel: 'CHAT' }]
const limits = { limit: 3, bulkLimit: 2 }
/** All that the cursor reads of a claimed message. */
const message = (isBulk: boolean, dueAt: number, id = 'm'): Claimed =>
  Object.assign(Object.create(null), { isBulk, dueAt: new Date(dueAt), id })
const at = (dueAt: number, id = 'm') => ({ dueAt: new Date(dueAt), id })

function start() {
  let time = 0
  const cursor = createClaimCursor(() => time)
  return {
    later: (ms: number) => {
      time += ms
    },
    from(given: readonly Bulkhead[]) {
      const { single, many } = cursor.next(given)
      return [single, many]
    },
    saw: (given: readonly Bulkhead[], claimed: Claimed[], more = limits) => cursor.saw(cursor.next(given), more, claimed),
  }
}

it('goes on after the last one of a full claim, and at what has just become due after one that was not', () => {
  const { from, saw } = start()
  expect(from(paused)).toEqual(['all', 'all'])
  saw(paused, [message(false, 10), message(false, 30), message(false, 20)])
  expect(from(paused)).toEqual([at(30), 'all'])
  saw(paused, [message(false, 40), message(true, 5), message(true, 7)])
  expect(from(paused)).toEqual(['recent', at(7)])
  expect(saw(paused, [message(true, 8)])).toBe(false)
  expect(from(paused)).toEqual(['recent', 'recent'])
})
it('of those that became due at the same time, goes on after the one with the last id', () => {
  const { from, saw } = start()
  saw([], [message(false, 10, 'b'), message(false, 10, 'c'), message(false, 10, 'a')])
  expect(from([])).toEqual([at(10, 'c'), 'all'])
})
it('while nothing is paused, begins again when less was found than asked for, and says so', () => {
  const { from, saw } = start()
  expect(saw([], [message(false, 10), message(false, 30), message(false, 20)])).toBe(false)
  expect(from([])).toEqual([at(30), 'all'])
  expect(saw([], [message(false, 40)])).toBe(true)
  expect(from([])).toEqual(['all', 'all'])
  expect(saw([], [])).toBe(false)
})
it('learns nothing of sends to many from a claim that left them out', () => {
  const { from, saw } = start()
  saw(paused, [], { limit: 3, bulkLimit: 0 })
  expect(from(paused)).toEqual(['recent', 'all'])
  saw([], [message(true, 5), message(true, 7)])
  expect(saw([], [], { limit: 3, bulkLimit: 0 })).toBe(false)
  expect(from([])).toEqual(['all', at(7)])
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
  expect(from([])).toEqual(['all', 'all'])
  expect(from(paused)).toEqual(['recent', 'recent'])
})
