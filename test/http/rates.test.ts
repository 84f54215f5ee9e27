/** Rate limits, admission and token buckets, with the clock as an argument. */
import { expect, it } from 'vitest'
import { CarillonError } from '../../src/errors.ts'
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

const wrong = async (): Promise<never> => {
  throw new CarillonError('UNAUTHENTICATED')
}
const right = async (): Promise<string> => 'token'
const UNAUTHENTICATED = { code: 'UNAUTHENTICATED' }
const limitedFor = (retryAfterSeconds: number) => ({ code: 'RATE_LIMITED', details: { retryAfterSeconds } })

it('refuses to authenticate after ten failures a minute of one address and key, and no other', async () => {
  let now = 0
  const { authenticate } = createRates(null, () => now)
  for (let n = 0; n < 10; n += 1) await expect(authenticate('1.2.3.4', 'key', wrong)).rejects.toMatchObject(UNAUTHENTICATED)
  await expect(authenticate('1.2.3.4', 'key', right)).rejects.toMatchObject(limitedFor(6))
  expect(await authenticate('1.2.3.5', 'key', right)).toBe('token')
  expect(await authenticate('1.2.3.4', 'other', right)).toBe('token')
  now = 6_000
  expect(await authenticate('1.2.3.4', 'key', right)).toBe('token')
})

it('tells nobody whether a secret is right who tries more than ten at once', async () => {
  const { authenticate } = createRates(null, () => 0)
  await authenticate('1.2.3.4', 'key', right)
  const guesses = Array.from({ length: 30 }, (_unused, n) => authenticate('1.2.3.4', 'key', n === 29 ? right : wrong))
  const codes = (await Promise.allSettled(guesses)).map((one) => (one.status === 'rejected' ? one.reason.code : 'OK'))
  expect(codes).toEqual([...Array(10).fill('UNAUTHENTICATED'), ...Array(20).fill('RATE_LIMITED')])
})

it('lets any number authenticate at once whose secret is right', async () => {
  const { authenticate } = createRates(null, () => 0)
  await authenticate('1.2.3.4', 'key', right)
  const tokens = await Promise.all(Array.from({ length: 50 }, () => authenticate('1.2.3.4', 'key', right)))
  expect(new Set(tokens)).toEqual(new Set(['token']))
})

it('refuses to authenticate with the 21st unknown key of an address, and never with one that was right', async () => {
  let now = 0
  const { authenticate } = createRates(null, () => now)
  await authenticate('1.2.3.4', 'right', right)
  for (let n = 0; n < 20; n += 1)
    await expect(authenticate('1.2.3.4', `wrong-${n}`, wrong)).rejects.toMatchObject(UNAUTHENTICATED)
  await expect(authenticate('1.2.3.4', 'wrong-20', wrong)).rejects.toMatchObject(limitedFor(3))
  expect(await authenticate('1.2.3.4', 'right', right)).toBe('token')
  await expect(authenticate('1.2.3.5', 'wrong-20', wrong)).rejects.toMatchObject(UNAUTHENTICATED)
  now = 3_000
  await expect(authenticate('1.2.3.4', 'wrong-20', wrong)).rejects.toMatchObject(UNAUTHENTICATED)
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
