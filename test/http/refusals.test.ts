/** How soon refusals for rate are answered, with the clock as an argument. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createRefusals } from '../../src/http/refusals.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const limits = { refusalsPerSecond: 3, refusalPauseMs: 1_000, refusalsWaiting: 5 }

it('answers a few of a client a second at once, the next one later, and those of others at once', async () => {
  let now = 0
  const refusals = createRefusals(limits, () => now)
  expect([1, 2, 3].map(() => refusals.pause('a'))).toEqual([null, null, null])
  const answered = vi.fn()
  void refusals.pause('a')?.then(answered)
  expect(refusals.pause('b')).toBeNull()
  await vi.advanceTimersByTimeAsync(999)
  expect(answered).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(answered).toHaveBeenCalledOnce()
  now = 1_000
  expect([1, 2, 3].map(() => refusals.pause('a'))).toEqual([null, null, null])
})

it('lets a bounded number wait, and answers more at once', async () => {
  const refusals = createRefusals(limits, () => 0)
  const pauses = Array.from({ length: 20 }, () => refusals.pause('a'))
  expect(pauses.filter((pause) => pause !== null)).toHaveLength(5)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(refusals.pause('a')).not.toBeNull()
})
