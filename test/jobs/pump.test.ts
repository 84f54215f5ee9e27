/** The pump, with timers that the test moves. */
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPump, type Pump, type PumpDeps } from '../../src/jobs/pump.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { seeded } from '../helpers/seed.ts'

const pumps: Pump[] = []
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(async () => {
  await Promise.all(pumps.splice(0).map((pump) => pump.stop()))
  vi.useRealTimers()
})

function create(deps: Pick<PumpDeps, 'run'> & Partial<PumpDeps>): Pump {
  const pump = createPump({ everyMs: null, log: silentLog, failed: 'failed', recovered: 'recovered', ...deps })
  pumps.push(pump)
  return pump
}
/** Runs all that is due by then, promises included. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Runs that end when the test says so. */
function gatedRuns(begun: () => void = () => {}, ended: () => void = () => {}) {
  const open: PromiseWithResolvers<void>[] = []
  return {
    open,
    async run() {
      const gate = Promise.withResolvers<void>()
      open.push(gate)
      begun()
      await gate.promise
      ended()
    },
    async finish() {
      open.shift()?.resolve()
      await pass(0)
    },
  }
}

describe('the pump', () => {
  it('runs one at a time and remembers one: a thousand pokes are two runs', async () => {
    let runs = 0
    const { run, open, finish } = gatedRuns(() => {
      runs++
    })
    const pump = create({ run })
    for (let index = 0; index < 1_000; index++) pump.poke()
    expect([runs, open.length, pump.isBusy()]).toEqual([1, 1, true])
    await finish()
    expect([runs, open.length, pump.isBusy()]).toEqual([2, 1, true])
    await finish()
    expect([runs, open.length, pump.isBusy()]).toEqual([2, 0, false])
  })

  it('begins a run after the last poke, whenever the pokes come', async () => {
    const random = seeded()
    let latest = 0
    const seen: number[] = []
    const { run, open, finish } = gatedRuns(() => seen.push(latest))
    const pump = create({ run })
    for (let index = 1; index <= 500; index++) {
      latest = index
      pump.poke()
      if (random() < 0.3) await finish()
    }
    while (pump.isBusy()) {
      expect(open).toHaveLength(1)
      await finish()
    }
    expect(seen.at(-1)).toBe(500)
  })

  it('runs by itself when nobody pokes, once it was started', async () => {
    let runs = 0
    const pump = create({ everyMs: 5, run: async () => void runs++ })
    await pass(100)
    expect(runs).toBe(0)
    pump.poke()
    await pass(15)
    expect(runs).toBe(4)
  })

  it('keeps the gap between two runs, and loses no poke for it', async () => {
    const begun: number[] = []
    const pump = create({ gapMs: 40, run: async () => void begun.push(performance.now()) })
    pump.poke()
    await pass(0)
    pump.poke()
    pump.poke()
    await pass(39)
    expect(begun).toHaveLength(1)
    await pass(1)
    expect((begun[1] ?? 0) - (begun[0] ?? 0)).toBe(40)
    await pass(1_000)
    expect(begun).toHaveLength(2)
  })

  it('logs once that runs fail and once that they work again, and retries at longer and longer intervals', async () => {
    const logged: string[] = []
    const log: Log = { ...silentLog, warn: (message) => logged.push(message), info: (message) => logged.push(message) }
    const begun: number[] = []
    const run = async () => {
      begun.push(performance.now())
      if (begun.length <= 3) throw new Error('away')
    }
    const pump = create({ log, everyMs: 5, run })
    pump.poke()
    // At most 250, 500 and 1,000 ms after the three failures.
    await pass(1_750)
    expect(begun.length).toBeGreaterThanOrEqual(4)
    expect(logged).toEqual(['failed', 'recovered'])
    const gaps = begun.slice(1, 4).map((at, index) => at - (begun[index] ?? 0))
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(125 * 2 ** index)
  })

  it('aborts the signal on stop, waits for the run, and never runs again', async () => {
    const gate = Promise.withResolvers<void>()
    let runs = 0
    let stopped = false
    const pump = create({
      everyMs: 1,
      async run(signal) {
        runs++
        await once(signal, 'abort')
        await gate.promise
      },
    })
    pump.poke()
    pump.poke()
    const stopping = pump.stop().then(() => {
      stopped = true
    })
    await pass(0)
    expect(stopped).toBe(false)
    gate.resolve()
    await stopping
    pump.poke()
    await pass(60_000)
    expect([runs, pump.isBusy()]).toEqual([1, false])
  })
})
