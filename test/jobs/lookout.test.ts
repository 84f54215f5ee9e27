/** The lookout, with timers that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Outlook } from '../../src/db/outlook.ts'
import { createLookout, type Lookout } from '../../src/jobs/lookout.ts'
import type { Pump } from '../../src/jobs/pump.ts'
import { silentLog } from '../../src/log.ts'

const nothing: Outlook = { messages: null, fanouts: null, digests: null, campaigns: null, snoozes: null, stats: null }
const names = Object.keys(nothing) as (keyof Outlook)[]
let lookout: Lookout
let looks: number
let due: Outlook | Error
/** which duties were begun, with the time since the last look that asked */
let begun: string[]
let lookedAt: number
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  looks = 0
  due = nothing
  begun = []
  lookedAt = 0
  const poke = (name: string) => () => void begun.push(`${name} ${Math.round(performance.now() - lookedAt)}`)
  lookout = createLookout({
    async outlook() {
      looks += 1
      lookedAt = performance.now()
      if (due instanceof Error) throw due
      return due
    },
    everyMs: 250,
    calmMs: 1_000,
    log: silentLog,
    duties: Object.fromEntries(names.map((name) => [name, { poke: poke(name) }])) as Record<keyof Outlook, Pick<Pump, 'poke'>>,
  })
  lookout.poke()
  await pass(0)
})
afterEach(async () => {
  await lookout.stop()
  vi.useRealTimers()
})
/** Runs all that is due by then, promises included. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('the lookout', () => {
  it('begins every duty once without asking, so that the interval of each counts from there', () => {
    expect(looks).toBe(0)
    expect(begun.map((one) => one.split(' ')[0])).toEqual(names)
  })

  it('asks once an interval, and begins nothing while nothing is due', async () => {
    begun = []
    await pass(1_000)
    expect([looks, begun]).toEqual([4, []])
  })

  it('begins at once what is due, and what becomes due before the next look at its time', async () => {
    begun = []
    due = { messages: -3, fanouts: 0, digests: 100.2, campaigns: 249, snoozes: null, stats: 250 }
    await pass(250)
    expect(begun).toEqual(['messages 0', 'fanouts 0'])
    due = nothing
    await pass(249)
    expect(begun.slice(2)).toEqual(['digests 102'])
  })

  it('forgets a time that a look before it does not see any more', async () => {
    due = { ...nothing, digests: 200 }
    await pass(250)
    begun = []
    due = nothing
    lookout.poke()
    await pass(2_000)
    expect(begun).toEqual([])
  })

  it('looks less often after ten seconds without work, misses no time, and often again once there may be work', async () => {
    await pass(10_000)
    looks = 0
    await pass(10_000)
    expect(looks).toBe(10)
    begun = []
    due = { ...nothing, messages: 900 }
    await pass(1_000)
    due = nothing
    await pass(950)
    expect(begun).toEqual(['messages 901'])
    looks = 0
    lookout.stir()
    lookout.stir()
    await pass(5_000)
    expect(looks).toBe(21)
  })

  it('goes on after a look that failed', async () => {
    begun = []
    due = new Error('The database is unavailable')
    await pass(1_000)
    due = { ...nothing, stats: 0 }
    await pass(5_000)
    expect(begun[0]).toBe('stats 0')
  })

  it('begins nothing after it was stopped', async () => {
    due = { ...nothing, messages: 100 }
    await pass(250)
    begun = []
    await lookout.stop()
    await pass(10_000)
    expect(begun).toEqual([])
  })
})
