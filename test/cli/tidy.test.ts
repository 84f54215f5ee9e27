/** When a server tidies, with timers and a CPU meter that the test moves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { tidyWhenCalm } from '../../src/cli/tidy.ts'

let used: { micros: number; untilMs: number; share: number }
function count(): void {
  used.micros += (performance.now() - used.untilMs) * 1_000 * used.share
  used.untilMs = performance.now()
}
/** @param share of a core, that the process takes from now on */
function take(share: number): void {
  count()
  used.share = share
}
let tidied: number
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
  tidied = 0
  used = { micros: 0, untilMs: performance.now(), share: 0 }
  vi.spyOn(process, 'cpuUsage').mockImplementation((before) => {
    count()
    return { user: used.micros - (before?.user ?? 0), system: 0 }
  })
  // It looks how much there is to collect. As much as here is left alone.
  vi.spyOn(process, 'memoryUsage').mockImplementation(
    Object.assign(
      () => {
        tidied++
        return { rss: 0, heapTotal: 0, heapUsed: Number.POSITIVE_INFINITY, external: 0, arrayBuffers: 0 }
      },
      { rss: () => 0 },
    ),
  )
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

it('tidies within a second after its start has calmed down', () => {
  take(0.5)
  tidyWhenCalm()
  vi.advanceTimersByTime(3_000)
  expect(tidied).toBe(0)
  take(0.01)
  vi.advanceTimersByTime(1_000)
  expect(tidied).toBe(1)
})

it('tidies again only after it was busy, and half a minute later at the soonest', () => {
  take(0.01)
  tidyWhenCalm()
  vi.advanceTimersByTime(60_000)
  expect(tidied).toBe(1)
  take(0.5)
  vi.advanceTimersByTime(10_000)
  take(0.01)
  vi.advanceTimersByTime(4_000)
  expect(tidied).toBe(2)
  take(0.5)
  vi.advanceTimersByTime(4_000)
  take(0.01)
  vi.advanceTimersByTime(16_000)
  expect(tidied).toBe(2)
  vi.advanceTimersByTime(14_000)
  expect(tidied).toBe(3)
})
