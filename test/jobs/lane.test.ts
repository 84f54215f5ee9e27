import { expect, it } from 'vitest'
import { createLane } from '../../src/jobs/lane.ts'
import { times } from '../helpers/setup.ts'

const never = new AbortController().signal
const inMs = (ms: number): number => performance.now() + ms

it('lets so many in at once, and the next when one leaves', async () => {
  const lane = createLane(2, null)
  const [first] = await Promise.all([lane.enter(never, inMs(1_000)), lane.enter(never, inMs(1_000))])
  let isIn = false
  const third = lane.enter(never, inMs(1_000)).then((leave) => {
    isIn = true
    return leave
  })
  await Promise.resolve()
  expect(isIn).toBe(false)
  first?.()
  expect(await third).toBeTypeOf('function')
})

it('keeps to its rate', async () => {
  const lane = createLane(100, 50)
  const begun = performance.now()
  await Promise.all(times(11, () => lane.enter(never, inMs(5_000))))
  expect(performance.now() - begun).toBeGreaterThanOrEqual(195)
})

it('turns away at once who would come too late, and makes nobody behind it later', async () => {
  const lane = createLane(1_000, 10)
  const begun = performance.now()
  const entered = await Promise.all(times(1_000, () => lane.enter(never, inMs(250))))
  expect(performance.now() - begun).toBeLessThan(1_000)
  expect(entered.filter((leave) => leave !== null).length).toBe(3)
  expect(lane.isOpenUntil(inMs(0))).toBe(false)
  expect(await lane.enter(never, inMs(1_000))).toBeTypeOf('function')
})

it('lets go of those that wait when it is told to stop', async () => {
  const stopping = new AbortController()
  const lane = createLane(10, 1)
  await lane.enter(stopping.signal, inMs(10_000))
  const waiting = times(3, () => lane.enter(stopping.signal, inMs(10_000)))
  stopping.abort()
  expect(await Promise.all(waiting)).toEqual([null, null, null])
})

it('lets single messages pass those of a send to many', async () => {
  const lane = createLane(1, null)
  const first = await lane.enter(never, inMs(1_000))
  const order: string[] = []
  const enter = async (name: string, isBulk: boolean): Promise<void> => {
    const leave = await lane.enter(never, inMs(1_000), isBulk)
    order.push(name)
    leave?.()
  }
  const all = [enter('bulk 1', true), enter('bulk 2', true), enter('single 1', false), enter('single 2', false)]
  first?.()
  await Promise.all(all)
  expect(order).toEqual(['single 1', 'single 2', 'bulk 1', 'bulk 2'])
})

it('lets nobody wait beyond its deadline for a place that does not come, and gives the place to the next', async () => {
  const lane = createLane(1, null)
  const leave = await lane.enter(never, inMs(10_000))
  expect(await lane.enter(never, inMs(20))).toBeNull()
  const next = lane.enter(never, inMs(10_000))
  leave?.()
  expect(await next).not.toBeNull()
})

it('lets whoever is stopped leave the line', async () => {
  const lane = createLane(1, null)
  await lane.enter(never, inMs(10_000))
  const stop = new AbortController()
  const waiting = lane.enter(stop.signal, inMs(10_000))
  stop.abort()
  expect(await waiting).toBeNull()
})
