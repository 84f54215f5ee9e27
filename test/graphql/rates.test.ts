/** Token buckets, with the clock as an argument. */
import { expect, it } from 'vitest'
import type { Caller } from '../../src/graphql/context.ts'
import { createAdmission, createBuckets, createRates } from '../../src/graphql/rates.ts'

it('lets a burst of 60 pass, refuses the 61st, and lets 20 more pass a second later', () => {
  let now = 0
  const buckets = createBuckets(20, 60, () => now)
  const take = (count: number) => Array.from({ length: count }, () => buckets.take('a')).filter((seconds) => seconds === 0).length
  expect(take(61)).toBe(60)
  expect(buckets.take('a')).toBe(1)
  expect(buckets.take('b')).toBe(0)
  now = 1_000
  expect(take(30)).toBe(20)
  now = 1_000_000
  expect(take(100)).toBe(60)
})

it('refuses to look after ten failures a minute of one address and key, and no other', () => {
  let now = 0
  const { authentication } = createRates(null, () => now)
  for (let n = 0; n < 10; n += 1) {
    authentication.assert('1.2.3.4', 'key')
    authentication.failed('1.2.3.4', 'key')
  }
  expect(() => authentication.assert('1.2.3.4', 'key')).toThrow(
    expect.objectContaining({ code: 'RATE_LIMITED', details: { retryAfterSeconds: 6 } }),
  )
  authentication.assert('1.2.3.5', 'key')
  authentication.assert('1.2.3.4', 'other')
  now = 6_000
  authentication.assert('1.2.3.4', 'key')
})

it('limits API keys only when a limit is set, each for itself', () => {
  const key = (keyId: string): Caller => ({ kind: 'project', project: Object.create(null), keyId, expiresAt: null })
  const free = createRates(null, () => 0)
  for (let n = 0; n < 1_000; n += 1) free.count(key('a'))
  const limited = createRates(2, () => 0)
  limited.count(key('a'))
  limited.count(key('a'))
  expect(() => limited.count(key('a'))).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
  limited.count(key('b'))
})

it('lets as many in as it may, and one more when one has left, who can leave but once', () => {
  const admission = createAdmission({ operationsInFlight: 2, connectionsPerContact: 1 })
  const leave = admission.enter()
  admission.enter()
  expect(() => admission.enter()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
  leave()
  leave()
  admission.enter()
  expect(() => admission.enter()).toThrow()
  expect(admission.inFlight()).toBe(2)
})
