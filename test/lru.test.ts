import { expect, it } from 'vitest'
import { createLru } from '../src/lru.ts'
import { seeded } from './helpers/seed.ts'

it('drops what was not used for longest; reading is a use, asking is not', () => {
  const lru = createLru<number>({ max: 3 })
  for (const [index, key] of ['a', 'b', 'c'].entries()) lru.set(key, index)
  expect([lru.get('a'), lru.has('b')]).toEqual([0, true])
  lru.set('d', 3)
  expect(['a', 'b', 'c', 'd'].map((key) => lru.has(key))).toEqual([true, false, true, true])
  lru.set('c', 4)
  lru.set('e', 5)
  expect(['a', 'c', 'd', 'e'].map((key) => lru.get(key))).toEqual([undefined, 4, 3, 5])
  lru.delete('c')
  expect([lru.size, lru.get('c')]).toEqual([2, undefined])
  lru.clear()
  expect([lru.size, lru.get('d')]).toEqual([0, undefined])
})

it('forgets an entry after its time, however often it is read, and counts from the start when it is set again', () => {
  let at = 0
  const lru = createLru<string>({ max: 10, ttl: 100, now: () => at })
  lru.set('a', 'x')
  at = 99
  expect([lru.get('a'), lru.has('a')]).toEqual(['x', true])
  at = 100
  expect([lru.get('a'), lru.has('a'), lru.size]).toEqual([undefined, false, 0])
  lru.set('a', 'y')
  at = 199
  expect(lru.get('a')).toBe('y')
})

it('drops what has expired when it is told to', () => {
  let at = 0
  const lru = createLru<string>({ max: 10, ttl: 100, now: () => at })
  lru.set('a', 'x')
  at = 60
  lru.set('b', 'y')
  lru.get('a')
  at = 120
  expect(lru.size).toBe(2)
  lru.prune()
  expect([lru.size, lru.get('b')]).toEqual([1, 'y'])
})

it('is what a list in the order of use would be', () => {
  const random = seeded()
  const lru = createLru<number>({ max: 20 })
  let list: (readonly [string, number])[] = []
  for (let step = 0; step < 5_000; step++) {
    const key = String(Math.floor(random() * 40))
    const before = list.find(([one]) => one === key)
    if (random() < 0.5) {
      lru.set(key, step)
      list = [...list.filter(([one]) => one !== key), [key, step] as const].slice(-20)
    } else {
      expect(lru.get(key)).toBe(before?.[1])
      if (before !== undefined) list = [...list.filter(([one]) => one !== key), before]
    }
    expect(lru.size).toBe(list.length)
  }
})
