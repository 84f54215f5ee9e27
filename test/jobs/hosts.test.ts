/** What is remembered of hosts: each for itself, and within bounds. */
import { expect, it } from 'vitest'
import { createHosts, type HostPass, type Hosts } from '../../src/jobs/hosts.ts'

function start() {
  let now = 0
  const of = createHosts(() => now)
  return { of, hosts: of('p 1'), advance: (ms: number) => (now += ms) }
}
const ok = { verdict: 'ok', retryAfterMs: null } as const
const failed = { verdict: 'failed', retryAfterMs: null } as const
function pass(hosts: Hosts, host: string): HostPass {
  const entered = hosts.enter(host)
  if ('blockedForMs' in entered) throw new Error(`It is blocked for ${entered.blockedForMs} ms.`)
  return entered
}
const isBlocked = (hosts: Hosts, host: string): boolean => {
  const entered = hosts.enter(host)
  if ('blockedForMs' in entered) return true
  entered.end({ verdict: 'neither', retryAfterMs: null })
  return false
}

it('lets two attempts at once pass at a host that failed at first, and any number once it worked', () => {
  const { hosts } = start()
  pass(hosts, 'a').end(failed)
  const one = pass(hosts, 'a')
  pass(hosts, 'a')
  expect(hosts.enter('a')).toMatchObject({ blockedForMs: expect.any(Number) })
  expect(isBlocked(hosts, 'b')).toBe(false)
  one.end(ok)
  for (let n = 0; n < 50; n++) pass(hosts, 'a')
})

it('lets ten attempts at once pass at all failing hosts of a provider, and any number at the others', () => {
  const { hosts, of } = start()
  const names = Array.from({ length: 12 }, (_, n) => `dead-${n}`)
  for (const name of names) pass(hosts, name).end(failed)
  expect(names.map((name) => 'blockedForMs' in hosts.enter(name)).filter(Boolean)).toHaveLength(2)
  expect(isBlocked(hosts, 'new')).toBe(false)
  expect(isBlocked(of('other 1'), 'dead-0')).toBe(false)
})

it('pauses a host for as long as it asks, and a quarter of an hour at most', () => {
  const { hosts, advance } = start()
  pass(hosts, 'a').end({ verdict: 'failed', retryAfterMs: 60_000 })
  expect(hosts.enter('a')).toEqual({ blockedForMs: 60_000 })
  advance(60_000)
  pass(hosts, 'a').end({ verdict: 'failed', retryAfterMs: 24 * 3_600_000 })
  expect(hosts.enter('a')).toEqual({ blockedForMs: 15 * 60_000 })
  expect(isBlocked(hosts, 'b')).toBe(false)
})

it('opens the circuit of a host that fails nearly always', () => {
  const { hosts } = start()
  const all = Array.from({ length: 10 }, () => pass(hosts, 'a'))
  for (const one of all) one.end(failed)
  expect(isBlocked(hosts, 'a')).toBe(true)
  expect(isBlocked(hosts, 'b')).toBe(false)
})

it('takes three attempts that hang at a new host for a failure, and two hundred in all', () => {
  const { hosts } = start()
  const hanging = Array.from({ length: 50 }, () => pass(hosts, 'a'))
  expect(hanging.slice(0, 3).every((one) => one.becomeSlow())).toBe(true)
  expect(isBlocked(hosts, 'a')).toBe(true)
  const others = Array.from({ length: 198 }, (_, n) => pass(hosts, `slow-${n}`).becomeSlow())
  expect(others.filter(Boolean)).toHaveLength(197)
  hanging[0]?.end(failed)
  expect(hanging[3]?.becomeSlow()).toBe(true)
})

it('does not call a host failing that is slow and works', () => {
  const { hosts, advance } = start()
  pass(hosts, 'a').end(ok)
  for (let n = 0; n < 20; n++) pass(hosts, 'a').becomeSlow()
  expect(isBlocked(hosts, 'a')).toBe(false)
  advance(4_000)
  pass(hosts, 'a').end(ok)
  advance(4_000)
  expect(isBlocked(hosts, 'a')).toBe(false)
  // Nothing comes back any more.
  advance(2_000)
  expect(isBlocked(hosts, 'a')).toBe(true)
})
