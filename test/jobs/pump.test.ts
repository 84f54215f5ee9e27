import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createPump, type Pump } from '../../src/jobs/pump.ts'
import { type Log, silentLog } from '../../src/log.ts'

const pumps: Pump[] = []
afterEach(async () => {
  await Promise.all(pumps.splice(0).map((pump) => pump.stop()))
})

const made = (pump: Pump): Pump => {
  pumps.push(pump)
  return pump
}
const words = { log: silentLog, failed: 'failed', recovered: 'recovered' }
const until = async (fact: () => boolean): Promise<void> => {
  const deadline = Date.now() + 5_000
  while (!fact()) {
    if (Date.now() > deadline) throw new Error('It did not happen in time')
    await delay(2)
  }
}

describe('the pump', () => {
  it('runs one at a time and remembers one: a thousand pokes are two runs', async () => {
    let runs = 0
    let open = 0
    const pump = made(
      createPump({
        ...words,
        everyMs: null,
        async run() {
          runs += 1
          open += 1
          expect(open).toBe(1)
          await delay(5)
          open -= 1
        },
      }),
    )
    for (let index = 0; index < 1_000; index++) pump.poke()
    expect(pump.isBusy()).toBe(true)
    await until(() => !pump.isBusy())
    expect(runs).toBe(2)
  })

  it('begins a run after the last poke, whenever the pokes come', async () => {
    let asked = 0
    let seen = 0
    const pump = made(
      createPump({
        ...words,
        everyMs: null,
        async run() {
          const now = asked
          await delay(Math.random() * 3)
          seen = now
        },
      }),
    )
    for (let index = 1; index <= 500; index++) {
      asked = index
      pump.poke()
      if (Math.random() < 0.3) await delay(Math.random() * 4)
    }
    await until(() => !pump.isBusy())
    expect(seen).toBe(500)
  })

  it('runs by itself when nobody pokes, once it was started', async () => {
    let runs = 0
    const run = async () => {
      runs += 1
    }
    const pump = made(createPump({ ...words, everyMs: 5, run }))
    pump.poke()
    await until(() => runs >= 4)
  })

  it('keeps the gap between two runs, and loses no poke for it', async () => {
    const begun: number[] = []
    const pump = made(createPump({ ...words, everyMs: null, gapMs: 40, run: async () => void begun.push(performance.now()) }))
    pump.poke()
    await until(() => !pump.isBusy())
    pump.poke()
    pump.poke()
    expect(begun).toHaveLength(1)
    await until(() => begun.length === 2)
    expect((begun[1] ?? 0) - (begun[0] ?? 0)).toBeGreaterThanOrEqual(38)
  })

  it('says once that runs fail and once that they work again, and goes on trying', async () => {
    const said: string[] = []
    const log: Log = { ...silentLog, warn: (message) => said.push(message), info: (message) => said.push(message) }
    let runs = 0
    const pump = made(
      createPump({
        ...words,
        log,
        everyMs: 5,
        async run() {
          runs += 1
          if (runs <= 3) throw new Error('away')
        },
      }),
    )
    pump.poke()
    await until(() => runs >= 5)
    expect(said).toEqual(['failed', 'recovered'])
  })

  it('aborts the signal on stop, waits for the run, and never runs again', async () => {
    let ended = false
    let runs = 0
    const pump = createPump({
      ...words,
      everyMs: 1,
      async run(signal) {
        runs += 1
        while (!signal.aborted) await delay(1)
        await delay(10)
        ended = true
      },
    })
    pump.poke()
    pump.poke()
    await pump.stop()
    expect(ended).toBe(true)
    pump.poke()
    await delay(10)
    expect(runs).toBe(1)
    expect(pump.isBusy()).toBe(false)
  })
})
