/** Rate limits, admission and token buckets, with the clock as an argument. */
import { expect, it } from 'vitest'
import type { Caller } from '../../src/graphql/context.ts'
import { createAdmission } from '../../src/http/admission.ts'
import { createRates } from '../../src/http/rates.ts'
import { createTokenBuckets } from '../../src/http/token-buckets.ts'
import { keyCaller } from '../helpers/caller.ts'

it('lets a burst of 60 pass, refuses the 61st, and lets 20 more pass a second later', () => {
  let now = 0
  const buckets = createTokenBuckets(20, 60, () => now)
  const take = (count: number) => Array.from({ length: count }, () => buckets.take('a')).filter((seconds) => seconds === 0).length
  expect(take(61)).toBe(60)
  expect(buckets.take('a')).toBe(1)
  expect(buckets.take('b')).toBe(0)
  now = 1_000
  expect(take(30)).toBe(20)
  now = 1_000_000
  expect(take(100)).toBe(60)
})

it('refuses to authenticate after ten failures a minute of one address and key, and no other', () => {
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

it('refuses to authenticate with the 21st unknown key of an address, and never with one that was right', () => {
  let now = 0
  const { authentication } = createRates(null, () => now)
  authentication.assert('1.2.3.4', 'right')
  authentication.succeeded('1.2.3.4', 'right')
  for (let n = 0; n < 20; n += 1) {
    authentication.assert('1.2.3.4', `wrong-${n}`)
    authentication.failed('1.2.3.4', `wrong-${n}`)
  }
  expect(() => authentication.assert('1.2.3.4', 'wrong-20')).toThrow(
    expect.objectContaining({ code: 'RATE_LIMITED', details: { retryAfterSeconds: 3 } }),
  )
  authentication.assert('1.2.3.4', 'right')
  authentication.assert('1.2.3.5', 'wrong-20')
  now = 3_000
  authentication.assert('1.2.3.4', 'wrong-20')
})

it('limits API keys only when a limit is set, each separately', () => {
  const key = (keyId: string): Caller => keyCaller(keyId, Object.create(null))
  const free = createRates(null, () => 0)
  for (let n = 0; n < 1_000; n += 1) free.count(key('a'))
  const limited = createRates(2, () => 0)
  limited.count(key('a'))
  limited.count(key('a'))
  expect(() => limited.count(key('a'))).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
  limited.count(key('b'))
})

it('admits operations up to its limit, and another one when one is done, which counts only once', () => {
  const auth = { authenticate: () => Promise.reject(new Error('No operation here has a credential')) }
  const admission = createAdmission(auth, { operationsInFlight: 2, connectionsPerContact: 1 })
  const leave = admission.enter()
  admission.enter()
  expect(() => admission.enter()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
  leave()
  leave()
  admission.enter()
  expect(() => admission.enter()).toThrow()
  expect(admission.inFlight()).toBe(2)
})
