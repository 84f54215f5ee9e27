/** The queue in which nobody waits for more than one entry of each other branch. */
import { expect, it } from 'vitest'
import { createFairQueue } from '../../src/db/fair-queue.ts'

const all = <T>(queue: ReturnType<typeof createFairQueue<T>>): T[] => {
  const taken: T[] = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push(next)
  return taken
}

it('takes one of each branch in turn, at every level, and the entries of a branch in their order', () => {
  const queue = createFairQueue<string>()
  for (let n = 1; n <= 3; n++) queue.add(['a', 'keys'], `a${n}`)
  for (let n = 1; n <= 2; n++) queue.add(['a', 'contacts', 'x'], `ax${n}`)
  queue.add(['a', 'contacts', 'y'], 'ay1')
  queue.add(['b'], 'b1')
  expect(queue.size).toBe(7)
  expect(queue.sizeOf(['a', 'contacts'])).toBe(3)
  expect(all(queue)).toEqual(['a1', 'b1', 'ax1', 'a2', 'ay1', 'a3', 'ax2'])
  expect(queue.size).toBe(0)
})

it('passes over branches that are closed', () => {
  const queue = createFairQueue<string>()
  queue.add(['a', 'x'], 'ax')
  queue.add(['a', 'y'], 'ay')
  queue.add(['b'], 'b')
  expect(queue.take(([name, inner]) => name === 'b' || inner === 'y' || inner === undefined)).toBe('ay')
  expect(queue.take(([name]) => name === 'b')).toBe('b')
  expect(queue.take(() => false)).toBeUndefined()
  expect(all(queue)).toEqual(['ax'])
})

it('removes an entry, and only that one', () => {
  const queue = createFairQueue<string>()
  queue.add(['a', 'x'], 'one')
  queue.add(['a', 'x'], 'two')
  queue.add(['a', 'y'], 'three')
  expect(queue.remove(['a', 'x'], 'two')).toBe(true)
  expect(queue.remove(['a', 'x'], 'two')).toBe(false)
  expect(queue.remove(['a', 'z'], 'two')).toBe(false)
  expect(queue.remove(['a', 'y'], 'three')).toBe(true)
  expect(queue.size).toBe(1)
  expect(all(queue)).toEqual(['one'])
})

it.each([2, 3, 5, 10])(
  'lets a branch among %i, of which one floods it, wait for one entry of each other branch at most',
  (branches) => {
    const queue = createFairQueue<string>()
    for (let n = 0; n < 10_000; n++) queue.add(['flood'], 'flood')
    for (let n = 0; n < 100; n++) queue.take()
    for (let n = 1; n < branches; n++) queue.add([`b${n}`], `b${n}`)
    const next = Array.from({ length: branches + 1 }, () => queue.take())
    for (let n = 1; n < branches; n++) expect(next).toContain(`b${n}`)
  },
)

it('gives turns by what they cost while others wait, and forgets it once nobody does', () => {
  const queue = createFairQueue<string>()
  const fill = (count: number): void => {
    for (let n = 0; n < count; n++) queue.add(['dear', 'contacts', 'x'], 'dear')
    for (let n = 0; n < count; n++) queue.add(['cheap'], 'cheap')
  }
  fill(40)
  const order: (string | undefined)[] = []
  for (let n = 0; n < 22; n++) {
    const next = queue.take()
    order.push(next)
    queue.charge(next === 'dear' ? ['dear', 'contacts', 'x'] : ['cheap'], next === 'dear' ? 10 : 1)
  }
  expect(order.filter((one) => one === 'dear')).toHaveLength(2)
  expect(order.slice(0, 3)).toEqual(['dear', 'cheap', 'cheap'])
  while (queue.take() !== undefined);
  fill(2)
  expect(all(queue)).toEqual(['dear', 'cheap', 'dear', 'cheap'])
})

it('gives a branch its turn at once, whatever it owes, when nobody else may have one', () => {
  const queue = createFairQueue<string>()
  for (const name of ['a', 'b']) for (let n = 1; n <= 3; n++) queue.add([name], `${name}${n}`)
  queue.charge(['a'], 500)
  queue.charge(['b'], 50)
  expect(queue.take(([name]) => name === 'a')).toBe('a1')
  expect(queue.take()).toBe('a2')
  expect(queue.size).toBe(4)
})
