/** Look-ups that anybody can ask for: what does not exist costs few of them, and what does is always found. */
import { expect, it } from 'vitest'
import type { CarillonError } from '../../src/errors.ts'
import { createBoundedLookUps } from '../../src/http/look-ups.ts'

function start(perMinute = 3) {
  const state = { now: 0, asked: [] as string[] }
  const lookUps = createBoundedLookUps<string>({ failedLookUpsPerMinute: perMinute, failedLookUpMs: 10_000 }, () => state.now)
  const find = async (name: string, address = '192.0.2.1', mayExist?: () => Promise<boolean>): Promise<unknown> => {
    const lookUp = async (): Promise<string | null> => {
      state.asked.push(name)
      await Promise.resolve()
      return name.startsWith('right') ? name : null
    }
    try {
      return await lookUps.find(address, name, lookUp, mayExist)
    } catch (error) {
      return [(error as CarillonError).code, (error as CarillonError).details.retryAfterSeconds]
    }
  }
  return { state, find }
}

it('looks up as many as allowed, and then refuses with the time to wait, until there is one again', async () => {
  const { state, find } = start()
  expect(await Promise.all([1, 2, 3, 4, 5].map((n) => find(`wrong-${n}`)))).toEqual([
    ...[null, null, null],
    ...[
      ['RATE_LIMITED', 20],
      ['RATE_LIMITED', 20],
    ],
  ])
  expect(state.asked).toHaveLength(3)
  state.now += 20_000
  expect(await find('wrong-6')).toBeNull()
  expect(await find('wrong-7')).toEqual(['RATE_LIMITED', 20])
})

it('remembers for a moment what does not exist', async () => {
  const { state, find } = start()
  for (let n = 0; n < 10; n++) expect(await find('wrong')).toBeNull()
  expect(state.asked).toEqual(['wrong'])
  state.now += 10_001
  expect(await find('wrong')).toBeNull()
  expect(state.asked).toHaveLength(2)
})

it('asks once for one name that many ask for at once, beyond those that are looked up at once', async () => {
  const { state, find } = start()
  expect(await Promise.all(Array.from({ length: 100 }, () => find('wrong')))).toEqual(Array(100).fill(null))
  expect(state.asked.length).toBeLessThanOrEqual(3)
})

it('takes nothing for what exists, also when many come at once', async () => {
  const { state, find } = start()
  const names = Array.from({ length: 100 }, (_unused, n) => `right-${n}`)
  expect(await Promise.all(names.map((name) => find(name)))).toEqual(names)
  expect(await find('wrong')).toBeNull()
  expect(state.asked).toHaveLength(101)
})

it('finds what it found before, from an address that has no more look-ups, and forgets it once it is gone', async () => {
  const { find } = start(1)
  expect(await find('right')).toBe('right')
  await find('wrong')
  expect(await find('right')).toBe('right')
  expect(await find('right-new')).toEqual(['RATE_LIMITED', 60])
  expect(await find('right-new', '192.0.2.2')).toBe('right-new')
})

it('looks up nevertheless what may exist', async () => {
  const { state, find } = start(1)
  await find('wrong')
  expect(await find('right-new', undefined, async () => true)).toBe('right-new')
  expect(await find('wrong-2', undefined, async () => false)).toEqual(['RATE_LIMITED', 60])
  expect(state.asked).toEqual(['wrong', 'right-new'])
})

it('counts 64 bits of an IPv6 address as one', async () => {
  const { find } = start(1)
  await find('wrong', '2001:db8:1:2::1')
  expect(await find('wrong-2', '2001:db8:1:2:ffff::1')).toEqual(['RATE_LIMITED', 60])
  expect(await find('wrong-3', '2001:db8:1:3::1')).toBeNull()
})

it('takes nothing for a look-up that fails', async () => {
  const lookUps = createBoundedLookUps<string>({ failedLookUpsPerMinute: 1, failedLookUpMs: 1_000 })
  for (let n = 0; n < 3; n++) {
    await expect(lookUps.find('192.0.2.1', `${n}`, () => Promise.reject(new Error('unavailable')))).rejects.toThrow('unavailable')
  }
  expect(await lookUps.find('192.0.2.1', 'wrong', async () => null)).toBeNull()
})
