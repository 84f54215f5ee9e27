/** Results that many ask for at once. */
import { expect, it } from 'vitest'
import { createFresh } from '../../src/http/fresh.ts'

it('computes one at a time, a few one after the other, and then gives the last one', async () => {
  let computed = 0
  const get = createFresh(async () => ++computed, 0.001, 3)
  expect(await Promise.all(Array.from({ length: 100 }, get))).toEqual(Array(100).fill(1))
  expect([await get(), await get(), await get(), await get()]).toEqual([2, 3, 3, 3])
})

it('shares a failure, and computes again after it', async () => {
  let computed = 0
  const get = createFresh(() => (++computed === 1 ? Promise.reject(new Error('unavailable')) : Promise.resolve(computed)), 1, 5)
  const both = await Promise.allSettled([get(), get()])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await get()).toBe(2)
})
