import { describe, expect, it } from 'vitest'
import { MAX_ROUNDS, nextAttemptDelayMs } from '../../src/jobs/backoff.ts'

const least = () => 0
const most = () => 1 - Number.EPSILON
const delays = (random: () => number) =>
  Array.from({ length: MAX_ROUNDS - 1 }, (_, index) => nextAttemptDelayMs(index + 1, random, null))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('the back-off between attempts', () => {
  it('follows the table of its comment', () => {
    expect(delays(most)).toEqual([3_000, 9_000, 27_000, 81_000, 243_000, 729_000, 2_187_000])
    expect(delays(least)).toEqual([1_500, 4_500, 13_500, 40_500, 121_500, 364_500, 1_093_500])
  })

  it('spreads eight attempts over 27 to 55 minutes', () => {
    expect(sum(delays(least)) / 60_000).toBeCloseTo(27.325, 1)
    expect(sum(delays(most)) / 60_000).toBeCloseTo(54.65, 1)
  })

  it('never waits longer than an hour by itself, however many attempts there were', () => {
    for (const attempt of [8, 9, 100, 5_000]) expect(nextAttemptDelayMs(attempt, most, null)).toBe(3_600_000)
  })

  it('takes an attempt below 1 for the first', () => {
    expect(nextAttemptDelayMs(0, most, null)).toBe(3_000)
  })

  it('honours a Retry-After that is longer than its own delay', () => {
    expect(nextAttemptDelayMs(1, least, 120_000)).toBe(120_000)
    expect(nextAttemptDelayMs(1, least, 2_000.4)).toBe(2_001)
  })

  it('keeps its own delay when Retry-After asks for less', () => {
    expect(nextAttemptDelayMs(5, least, 10)).toBe(121_500)
    expect(nextAttemptDelayMs(1, least, -1)).toBe(1_500)
    expect(nextAttemptDelayMs(1, least, Number.NaN)).toBe(1_500)
  })

  it('clamps Retry-After to one second and to a day', () => {
    expect(nextAttemptDelayMs(1, () => -1, -5)).toBe(1_000)
    expect(nextAttemptDelayMs(1, least, 999_999_999_000)).toBe(86_400_000)
    expect(nextAttemptDelayMs(1, least, Number.POSITIVE_INFINITY)).toBe(86_400_000)
  })
})
