/** Places of WebSockets without a credential. */
import { expect, it, vi } from 'vitest'
import { createPlaces } from '../../src/http/places.ts'

const never = new AbortController().signal
const limits = { anonymousSocketsPerAddress: 2, waitingUpgradesPerAddress: 3, credentialExpectedMs: 1_000 }
const A = '192.0.2.1'

it('gives each address its places, and takes them back', async () => {
  let now = 5_000
  const places = createPlaces(limits, () => now)
  const [first] = [await places.take(A, never), await places.take(A, never)]
  now += 2_000
  expect(await places.take(A, never)).toBeNull()
  expect(await places.take('192.0.2.2', never)).not.toBeNull()
  first?.()
  first?.()
  expect(await places.take(A, never)).not.toBeNull()
  now += 2_000
  expect(await places.take(A, never)).toBeNull()
})

it('lets many in that send their credentials at once, in the order in which they came', async () => {
  const places = createPlaces({ ...limits, waitingUpgradesPerAddress: 1_000 })
  const order: number[] = []
  await Promise.all(
    Array.from({ length: 500 }, async (_unused, n) => {
      const identified = await places.take(A, never)
      order.push(n)
      await new Promise((resolve) => setImmediate(resolve))
      identified?.()
    }),
  )
  expect(order).toEqual(Array.from({ length: 500 }, (_unused, n) => n))
})

it('refuses those that wait for sockets that stay silent, and those beyond the bound at once', async () => {
  vi.useFakeTimers()
  try {
    const places = createPlaces(limits, () => Date.now())
    await places.take(A, never)
    await places.take(A, never)
    const waiting = [1, 2, 3].map(() => places.take(A, never))
    expect(await places.take(A, never)).toBeNull()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await Promise.all(waiting)).toEqual([null, null, null])
  } finally {
    vi.useRealTimers()
  }
})

it('passes over one that left while it waited', async () => {
  const places = createPlaces(limits)
  const first = await places.take(A, never)
  await places.take(A, never)
  const gone = new AbortController()
  const [left, stays] = [places.take(A, gone.signal), places.take(A, never)]
  gone.abort()
  first?.()
  expect(await left).toBeNull()
  expect(await stays).not.toBeNull()
})
