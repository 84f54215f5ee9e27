import { expect, it } from 'vitest'
import { createBreaker, type Verdict } from '../../src/jobs/breaker.ts'

function start() {
  let now = 0
  const changes: (number | null)[] = []
  const breaker = createBreaker(
    () => now,
    (openForMs) => changes.push(openForMs),
  )
  const attempt = (verdict: Verdict): boolean => {
    const tell = breaker.enter()
    tell?.(verdict)
    return tell !== null
  }
  return { breaker, changes, attempt, pass: (ms: number) => (now += ms) }
}
const times = (count: number, work: (index: number) => unknown) => Array.from({ length: count }, (_unused, index) => work(index))

it('stays closed for a provider that fails now and then', () => {
  const { attempt, changes } = start()
  times(1_000, (index) => expect(attempt(index % 3 === 0 ? 'failed' : 'ok')).toBe(true))
  expect(changes).toEqual([])
})

it('opens when nearly everything fails, and lets nothing pass', () => {
  const { attempt, breaker, changes } = start()
  times(9, () => attempt('failed'))
  expect(changes).toEqual([])
  attempt('failed')
  expect(changes).toEqual([1_000])
  expect(breaker.enter()).toBeNull()
  expect(breaker.blockedForMs()).toBe(1_000)
})

it('sends one probe at a time, doubles the pause after each that fails, and closes after one that succeeds', () => {
  const { attempt, breaker, changes, pass } = start()
  times(10, () => attempt('failed'))
  pass(1_000)
  const probe = breaker.enter()
  expect(probe).not.toBeNull()
  expect(breaker.enter()).toBeNull()
  probe?.('failed')
  expect(breaker.blockedForMs()).toBe(2_000)
  pass(1_999)
  expect(breaker.enter()).toBeNull()
  pass(1)
  expect(attempt('ok')).toBe(true)
  expect(changes).toEqual([1_000, 2_000, null])
  expect(times(5, () => attempt('ok'))).toEqual([true, true, true, true, true])
})

it('pauses a provider for 30 s at most', () => {
  const { attempt, changes, pass } = start()
  times(10, () => attempt('failed'))
  times(8, () => {
    pass(30_000)
    attempt('failed')
  })
  expect(changes.at(-1)).toBe(30_000)
  expect(Math.max(...changes.map(Number))).toBe(30_000)
})

it('ignores an outcome that concerns the message alone', () => {
  const { attempt, changes } = start()
  times(100, () => attempt('neither'))
  expect(changes).toEqual([])
})

it('sends the next probe when one says nothing about the provider', () => {
  const { attempt, breaker, pass } = start()
  times(10, () => attempt('failed'))
  pass(1_000)
  attempt('neither')
  expect(breaker.enter()).not.toBeNull()
})

it('adopts what another process found', () => {
  const { breaker, pass, changes } = start()
  breaker.adopt(5_000)
  expect(breaker.enter()).toBeNull()
  pass(5_000)
  breaker.enter()?.('ok')
  expect(changes).toEqual([null])
})

it('is not closed by an attempt that was under way when it opened', () => {
  const { attempt, breaker } = start()
  const late = breaker.enter()
  times(10, () => attempt('failed'))
  late?.('ok')
  expect(breaker.enter()).toBeNull()
})

it('says why the last attempt failed when it opens, and after each probe', () => {
  const reasons: unknown[] = []
  let now = 0
  const breaker = createBreaker(
    () => now,
    (_openForMs, reason) => reasons.push(reason),
  )
  times(10, (index) => breaker.enter()?.('failed', { code: 'PROVIDER_UNREACHABLE', message: `failure ${String(index)}` }))
  now += 1_000
  breaker.enter()?.('failed', { code: 'PROVIDER_TIMEOUT', message: 'too late' })
  now += 2_000
  breaker.enter()?.('ok')
  expect(reasons).toEqual([
    { code: 'PROVIDER_UNREACHABLE', message: 'failure 9' },
    { code: 'PROVIDER_TIMEOUT', message: 'too late' },
    null,
  ])
})
