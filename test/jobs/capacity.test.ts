/** What a worker holds at once: how much a claim may bring, whose room is kept, and that a stop does not wait for room. */
import { expect, it } from 'vitest'
import type { Claimed } from '../../src/db/claim.ts'
import { createCapacity } from '../../src/jobs/capacity.ts'
import { times } from '../helpers/setup.ts'

const running = new AbortController().signal
const message = (isBulk: boolean): Claimed => ({ isBulk }) as Claimed
const singles = (count: number): Claimed[] => times(count, () => message(false))
const bulk = (count: number): Claimed[] => times(count, () => message(true))
const pending = (): PromiseWithResolvers<void> => Promise.withResolvers<void>()

it.each<[string, Claimed[], { limit: number; bulkLimit: number }]>([
  ['with nothing in flight', [], { limit: 250, bulkLimit: 250 }],
  ['with room for less than a batch', singles(1_850), { limit: 150, bulkLimit: 250 }],
  ['with little room for sends to many', bulk(1_050), { limit: 250, bulkLimit: 150 }],
  ['with too little room for sends to many', bulk(1_101), { limit: 250, bulkLimit: 0 }],
])('%s, a claim brings up to %o', async (_title, held, expected) => {
  const capacity = createCapacity(() => {})
  capacity.hold(held, pending().promise)
  expect(await capacity.room(running)).toEqual(expected)
  expect(capacity.inFlight()).toBe(held.length)
})

it('brings few messages of sends to many while single ones come', async () => {
  const capacity = createCapacity(() => {})
  capacity.claimed(bulk(3))
  expect([capacity.isBusyWithSingles(), await capacity.room(running)]).toEqual([false, { limit: 250, bulkLimit: 250 }])
  capacity.claimed(singles(1))
  expect([capacity.isBusyWithSingles(), await capacity.room(running)]).toEqual([true, { limit: 250, bulkLimit: 25 }])
})

it('waits for room until enough messages have ended', async () => {
  const capacity = createCapacity(() => {})
  const [most, few] = [pending(), pending()]
  capacity.hold(singles(1_900), most.promise)
  capacity.hold(singles(50), few.promise)
  let limits: unknown = 'waits'
  const room = capacity.room(running).then((found) => {
    limits = found
  })
  await Promise.resolve()
  expect(limits).toBe('waits')
  few.resolve()
  await room
  expect(limits).toEqual({ limit: 100, bulkLimit: 250 })
})

it('stops waiting for room with the first message that ends after a stop', async () => {
  const capacity = createCapacity(() => {})
  const [most, one] = [pending(), pending()]
  capacity.hold(singles(1_999), most.promise)
  capacity.hold(singles(1), one.promise)
  const stopping = new AbortController()
  const room = capacity.room(stopping.signal)
  stopping.abort()
  one.resolve()
  expect(await room).toBeNull()
})

it('wakes the worker when messages of sends to many that were left have room again', async () => {
  let wakes = 0
  const capacity = createCapacity(() => {
    wakes++
  })
  const many = pending()
  capacity.hold(bulk(1_150), many.promise)
  await capacity.room(running)
  expect(wakes).toBe(0)
  many.resolve()
  await capacity.empty()
  expect([wakes, capacity.inFlight()]).toEqual([1, 0])
})
