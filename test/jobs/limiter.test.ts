/** The limiter of a provider, with timers that the test moves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createLimiter } from '../../src/jobs/limiter.ts'
import { times } from '../helpers/setup.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const never = new AbortController().signal
const inMs = (ms: number): number => performance.now() + ms
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** What became of a call to enter: undefined while it waits. */
function watch<T>(entering: Promise<T>): { value: T | undefined } {
  const state: { value: T | undefined } = { value: undefined }
  void entering.then((value) => {
    state.value = value
  })
  return state
}

it('admits up to its concurrency, and the next when one leaves', async () => {
  const limiter = createLimiter(2, null)
  const [first] = await Promise.all([limiter.enter(never, inMs(1_000)), limiter.enter(never, inMs(1_000))])
  const third = watch(limiter.enter(never, inMs(1_000)))
  await pass(999)
  expect(third.value).toBeUndefined()
  first?.()
  await pass(0)
  expect(third.value).toBeTypeOf('function')
})

it('admits at once where there is room and no rate, and counts a release once', async () => {
  const limiter = createLimiter(2, null)
  const first = limiter.enterAtOnce(never, inMs(1_000))
  expect(limiter.enterAtOnce(never, inMs(1_000))).toBeTypeOf('function')
  expect(limiter.enterAtOnce(never, inMs(1_000))).toBeNull()
  const [third, fourth] = [watch(limiter.enter(never, inMs(1_000))), watch(limiter.enter(never, inMs(1_000)))]
  first?.()
  first?.()
  await pass(0)
  expect([third.value, fourth.value]).toEqual([expect.any(Function), undefined])
  const idle = createLimiter(2, null)
  expect(idle.enterAtOnce(AbortSignal.abort(), inMs(1_000))).toBeNull()
  expect(idle.enterAtOnce(never, inMs(-1))).toBeNull()
  expect(createLimiter(2, 50).enterAtOnce(never, inMs(1_000))).toBeNull()
})

it('keeps to its rate', async () => {
  const limiter = createLimiter(100, 50)
  const entered: number[] = []
  for (const entering of times(11, () => limiter.enter(never, inMs(5_000)))) {
    void entering.then(() => entered.push(performance.now()))
  }
  const begun = performance.now()
  await pass(199)
  expect(entered).toHaveLength(10)
  await pass(1)
  expect(entered.map((at) => at - begun)).toEqual(times(11, (index) => index * 20))
})

it('turns away at once what would come too late, and delays nothing behind it', async () => {
  const limiter = createLimiter(1_000, 10)
  const entering = times(1_000, () => watch(limiter.enter(never, inMs(250))))
  await pass(0)
  expect(entering.filter(({ value }) => value === null)).toHaveLength(997)
  await pass(200)
  expect(entering.filter(({ value }) => typeof value === 'function')).toHaveLength(3)
  expect(limiter.isOpenUntil(inMs(0))).toBe(false)
  const next = watch(limiter.enter(never, inMs(1_000)))
  await pass(100)
  expect(next.value).toBeTypeOf('function')
})

it('releases those that wait when it is aborted', async () => {
  const stopping = new AbortController()
  const limiter = createLimiter(10, 1)
  await limiter.enter(stopping.signal, inMs(10_000))
  const waiting = times(3, () => limiter.enter(stopping.signal, inMs(10_000)))
  stopping.abort()
  expect(await Promise.all(waiting)).toEqual([null, null, null])
})

it('admits single messages before those of a send to many', async () => {
  const limiter = createLimiter(1, null)
  const first = await limiter.enter(never, inMs(1_000))
  const order: string[] = []
  const enter = async (name: string, isBulk: boolean): Promise<void> => {
    const leave = await limiter.enter(never, inMs(1_000), isBulk)
    order.push(name)
    leave?.()
  }
  const all = [enter('bulk 1', true), enter('bulk 2', true), enter('single 1', false), enter('single 2', false)]
  first?.()
  await Promise.all(all)
  expect(order).toEqual(['single 1', 'single 2', 'bulk 1', 'bulk 2'])
})

it('gives up at the deadline when no place comes free, and gives the place to the next', async () => {
  const limiter = createLimiter(1, null)
  const leave = await limiter.enter(never, inMs(10_000))
  const late = watch(limiter.enter(never, inMs(20)))
  await pass(19)
  expect(late.value).toBeUndefined()
  await pass(1)
  expect(late.value).toBeNull()
  const next = limiter.enter(never, inMs(10_000))
  leave?.()
  expect(await next).not.toBeNull()
})

it('takes an aborted call out of the queue', async () => {
  const limiter = createLimiter(1, null)
  await limiter.enter(never, inMs(10_000))
  const stop = new AbortController()
  const waiting = limiter.enter(stop.signal, inMs(10_000))
  stop.abort()
  expect(await waiting).toBeNull()
})

it('expects no wait while there are places, and nothing before one was left', async () => {
  const limiter = createLimiter(2, null)
  expect(limiter.expectedWaitMs()).toBe(0)
  const [first] = await Promise.all([limiter.enter(never, inMs(1_000)), limiter.enter(never, inMs(1_000))])
  expect(limiter.expectedWaitMs()).toBe(Infinity)
  await pass(40)
  first?.()
  expect(limiter.expectedWaitMs()).toBe(0)
})

it('expects a wait by how long places are taken and by who waits before, and longer once none is left', async () => {
  const limiter = createLimiter(2, null)
  const enter = (isBulk = false) => limiter.enter(never, inMs(60_000), isBulk)
  const inside = await Promise.all([enter(), enter()])
  await pass(40)
  for (const leave of inside) leave?.()
  await Promise.all([enter(), enter()])
  expect(limiter.expectedWaitMs()).toBe(20)
  void enter()
  void enter(true)
  expect(limiter.expectedWaitMs()).toBe(40)
  expect(limiter.expectedWaitMs(true)).toBe(60)
  await pass(1_000)
  expect(limiter.expectedWaitMs()).toBe(1_000)
})

it('expects a wait by its rate, of requests that arrive together too', async () => {
  const limiter = createLimiter(100, 10)
  const waits = times(3, () => {
    const expected = limiter.expectedWaitMs()
    void limiter.enter(never, inMs(5_000))
    return expected
  })
  expect(waits).toEqual([0, 100, 200])
  await pass(0)
  expect(limiter.expectedWaitMs()).toBe(300)
  await pass(200)
  expect(limiter.expectedWaitMs()).toBe(100)
})
