import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import pg from 'pg'
import { afterAll, afterEach, expect, it } from 'vitest'
import { createJobs, type Jobs, type JobsDeps } from '../../src/jobs/jobs.ts'
import type { StoreAddress } from '../../src/jobs/store.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { createInProcessBus } from '../../src/signals/in-process.ts'
import { findMongo, howToHaveMongo } from '../helpers/mongo.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { seeded } from '../helpers/seed.ts'
import { createTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts'
import { pause } from '../helpers/until.ts'

/** A job store of a test, behind a door. */
interface Place {
  readonly address: StoreAddress
  readonly door: TcpProxy
  /** how many jobs of this name there are */
  count(name: string): Promise<number>
  /** removes every job, as an operator who empties the store would */
  empty(): Promise<void>
  /** removes the tables and indexes too */
  destroy(): Promise<void>
  drop(): Promise<void>
}

/** Longer than any test: nothing is found by the plain timers. */
const NEVER_MS = 600_000
const mongo = await findMongo()

async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase({ migrated: false })
  const door = await createTcpProxy(database.url)
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  // The database is dropped right after the pool ends, and a connection that has not heard of it yet says so.
  pool.on('error', () => {})
  return {
    address: { kind: 'postgres', url: door.url },
    door,
    async count(name) {
      const { rows: found } = await pool.query(`SELECT to_regclass('carillon_jobs.agenda_jobs') AS at`)
      if (found[0]?.at === null) return 0
      const { rows } = await pool.query('SELECT count(*)::int AS n FROM carillon_jobs.agenda_jobs WHERE name = $1', [name])
      return Number(rows[0]?.n)
    },
    async empty() {
      await pool.query('TRUNCATE carillon_jobs.agenda_jobs')
    },
    async destroy() {
      await pool.query('DROP SCHEMA carillon_jobs CASCADE')
    },
    async drop() {
      await pool.end()
      await door.shut()
      await database.drop()
    },
  }
}

async function mongoPlace(): Promise<Place> {
  if (mongo === null) throw new Error('There is no MongoDB')
  const client = new MongoClient(mongo.url)
  const name = `jobs_${randomBytes(6).toString('hex')}`
  const door = await createTcpProxy(mongo.url)
  const url = new URL(door.url)
  url.pathname = `/${name}`
  url.searchParams.set('directConnection', 'true')
  const db = client.db(name)
  const clear = async () => {
    await db.dropDatabase()
  }
  return {
    address: { kind: 'mongo', url: url.href },
    door,
    count: (job) => db.collection('agendaJobs').countDocuments({ name: job }),
    empty: clear,
    destroy: clear,
    async drop() {
      await clear()
      await client.close()
      await door.shut()
    },
  }
}

const backends = [
  { kind: 'postgres', make: postgresPlace, found: true },
  { kind: 'mongo', make: mongoPlace, found: mongo !== null },
] as const

const until = async (fact: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> => {
  const deadline = performance.now() + withinMs
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error('It did not happen in time')
    await pause(2)
  }
}

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
afterAll(() => mongo?.stop())

function makeJobs(place: Place, deps: Partial<Omit<JobsDeps, 'backend'>> & Pick<JobsDeps, 'role'>): Jobs {
  const idle = async () => {}
  const jobs = createJobs({
    backend: place.address,
    log: silentLog,
    run: idle,
    sweep: idle,
    fanout: idle,
    campaigns: idle,
    digests: idle,
    snoozes: idle,
    stats: idle,
    ...deps,
  })
  cleanups.push(() => jobs.stop())
  return jobs
}
const api = (place: Place, deps: Partial<JobsDeps> = {}): Jobs => makeJobs(place, { ...deps, role: { worker: false } })
const worker = (place: Place, deps: Partial<JobsDeps> = {}): Jobs => makeJobs(place, { ...deps, role: { worker: true } })

for (const { kind, make, found } of backends) {
  optionalSuite({ name: `the jobs on ${kind}`, found, how: howToHaveMongo }, () => {
    async function opened(): Promise<Place> {
      const place = await make()
      cleanups.push(() => place.drop())
      await place.door.open()
      return place
    }
    /** Resolves when the jobs that a worker needs are there, so that both sides are known to be connected. */
    const ready = (place: Place) => until(async () => (await place.count('sweep')) === 1)

    it('starts a run in another process within 250 ms of a wake-up', async () => {
      const place = await opened()
      let begun = 0
      const run = async () => {
        begun = performance.now()
      }
      const [here, there] = [api(place), worker(place, { run })]
      await Promise.all([here.start(), there.start()])
      await ready(place)
      const random = seeded()
      const took: number[] = []
      for (let index = 0; index < 12; index++) {
        await pause(random() * 100)
        const asked = performance.now()
        here.wake()
        await until(() => begun >= asked)
        took.push(begun - asked)
      }
      expect(Math.max(...took)).toBeLessThanOrEqual(250)
    })

    it('brings a wake-up to another process by a job alone, and leaves none behind', async () => {
      const place = await opened()
      let begun = 0
      const run = async () => {
        begun = performance.now()
      }
      const [here, there] = [api(place), worker(place, { run, pollMs: NEVER_MS, sweepMs: NEVER_MS })]
      await Promise.all([here.start(), there.start()])
      const took: number[] = []
      for (let index = 0; index <= 12; index++) {
        const asked = performance.now()
        // The first one comes before the store is connected: it is made up for.
        here.wake()
        await until(() => begun >= asked)
        if (index > 0) took.push(begun - asked)
        await until(async () => (await place.count('deliver')) === 0)
      }
      expect(Math.max(...took)).toBeLessThanOrEqual(1_000)
      await ready(place)
    })

    it('coalesces 1,000 wake-ups in a moment into few runs, and the last one sees the last state', async () => {
      const place = await opened()
      const random = seeded()
      let accepted = 0
      let seen = 0
      let runs = 0
      const run = async () => {
        runs += 1
        const now = accepted
        await pause(random() * 5)
        seen = now
      }
      const [here, there] = [api(place), worker(place, { run, pollMs: NEVER_MS, sweepMs: NEVER_MS })]
      await Promise.all([here.start(), there.start()])
      await ready(place)
      await until(async () => {
        here.wake()
        await pause(20)
        return runs > 1 && (await place.count('deliver')) === 0
      })
      runs = 0
      for (let index = 0; index < 1_000; index++) {
        accepted += 1
        here.wake()
      }
      await until(() => seen === accepted)
      expect(runs).toBeLessThanOrEqual(4)
      for (let round = 0; round < 10; round++) {
        for (let index = 0; index < 20; index++) {
          accepted += 1
          here.wake()
          if (random() < 0.2) await pause(random() * 10)
        }
        await until(() => seen === accepted, 3_000)
      }
    })

    it('leaves at most a few jobs while no worker is up, and the worker that comes finds them', async () => {
      const place = await opened()
      const here = [api(place), api(place)]
      await Promise.all(here.map((one) => one.start()))
      await until(async () => {
        for (const one of here) one.wake()
        await pause(10)
        return (await place.count('deliver')) > 0
      })
      for (let index = 0; index < 60; index++) {
        for (const one of here) one.wake()
        await pause(10)
      }
      expect(await place.count('deliver')).toBeLessThanOrEqual(3)
      let runs = 0
      const run = async () => {
        runs += 1
      }
      await worker(place, { run, pollMs: NEVER_MS }).start()
      await until(async () => runs > 1 && (await place.count('deliver')) === 0)
    })

    it('does not lose a wake-up when the store is emptied in mid-flight, and the sweep comes back', async () => {
      const place = await opened()
      const random = seeded()
      let accepted = 0
      let seen = 0
      let sweeps = 0
      const run = async () => {
        const now = accepted
        await pause(1)
        seen = now
      }
      const sweep = async () => {
        sweeps += 1
      }
      const [here, there] = [api(place), worker(place, { run, sweep, sweepMs: 500 })]
      await Promise.all([here.start(), there.start()])
      await ready(place)
      for (const clear of [place.empty, place.empty, place.destroy]) {
        for (let index = 0; index < 40; index++) {
          accepted += 1
          here.wake()
          await pause(random() * 5)
          if (index === 20) await clear()
        }
        await until(() => seen === accepted, 1_000)
        await until(async () => (await place.count('sweep')) === 1, 10_000)
      }
      const before = sweeps
      await until(() => sweeps >= before + 3)
    })

    it('starts while the store is unavailable, works by timer, logs that once, and finds the store when it is back', async () => {
      const place = await make()
      cleanups.push(() => place.drop())
      const said: string[] = []
      const log: Log = { ...silentLog, warn: (text) => said.push(`warn: ${text}`), info: (text) => said.push(`info: ${text}`) }
      let begun = 0
      const run = async () => {
        begun = performance.now()
      }
      const [here, there] = [api(place), worker(place, { run, log })]
      const runsSoon = async () => {
        const asked = performance.now()
        here.wake()
        await until(() => begun >= asked, 1_000)
      }
      const from = performance.now()
      await Promise.all([here.start(), there.start()])
      expect(performance.now() - from).toBeLessThan(100)
      await runsSoon()
      await until(() => said.length === 1)
      await runsSoon()
      await place.door.open()
      await ready(place)
      await until(() => said.length === 2)
      await place.door.shut()
      await until(() => said.length === 3)
      for (let index = 0; index < 5; index++) await runsSoon()
      await place.empty()
      await place.door.open()
      await ready(place)
      await until(() => said.length === 4)
      await runsSoon()
      const away = 'warn: The job store is unavailable; workers poll for their work until it is back'
      const back = 'info: The job store is available again'
      expect(said).toEqual([away, back, away, back])
    })

    it('brings a wake-up by the bus while the store is unavailable', async () => {
      const place = await make()
      cleanups.push(() => place.drop())
      const bus = createInProcessBus()
      let begun = 0
      const run = async () => {
        begun = performance.now()
      }
      const [here, there] = [api(place, { bus }), worker(place, { bus, run, pollMs: NEVER_MS })]
      await Promise.all([here.start(), there.start()])
      await until(() => begun > 0)
      for (let index = 0; index < 10; index++) {
        const asked = performance.now()
        here.wake()
        await until(() => begun >= asked)
        expect(begun - asked).toBeLessThan(250)
      }
    })

    it('a worker serves its own wake-up at once, and leaves a job for others only while it is busy', async () => {
      const place = await opened()
      let release = () => {}
      let runs = 0
      const run = async () => {
        runs += 1
        if (runs === 3) await new Promise<void>((resolve) => (release = resolve))
      }
      const jobs = worker(place, { run, pollMs: NEVER_MS, sweepMs: NEVER_MS })
      await jobs.start()
      await ready(place)
      expect(runs).toBe(1)
      jobs.wake()
      expect(runs).toBe(2)
      await pause(10)
      jobs.wake()
      expect(runs).toBe(3)
      let helped = 0
      const help = async () => {
        helped += 1
      }
      await worker(place, { run: help, pollMs: NEVER_MS, sweepMs: NEVER_MS }).start()
      await until(() => helped === 1)
      // Either of the two may take such a job; the busy one only remembers it.
      await until(async () => {
        jobs.wake()
        await pause(20)
        return helped > 1
      })
      release()
      await until(() => runs === 4)
    })

    it('stop waits for the current run, aborts its signal, and runs nothing afterwards', async () => {
      const place = await opened()
      let runs = 0
      const order: string[] = []
      const run = async (signal: AbortSignal) => {
        runs += 1
        await once(signal, 'abort')
        // The store still answers: stop waits for work like this.
        await place.count('sweep')
        order.push('the run ended')
      }
      const jobs = worker(place, { run })
      await jobs.start()
      await ready(place)
      await jobs.stop()
      order.push('stop returned')
      expect(order).toEqual(['the run ended', 'stop returned'])
      // A wake-up that another worker serves: had the stopped one heard of its own, which came earlier, it would have run by then.
      let others = 0
      const other = worker(place, {
        run: async () => {
          others += 1
        },
      })
      await other.start()
      const before = others
      jobs.wake()
      other.wake()
      await until(() => others > before)
      expect(runs).toBe(1)
    })

    it('leaves nothing running after stop: the process ends by itself', async () => {
      const place = await opened()
      const wake = join(import.meta.dirname, '../../src/jobs/jobs.ts')
      const script = `
        const { createJobs } = await import(${JSON.stringify(wake)})
        const log = { debug() {}, info() {}, warn() {}, error() {} }
        let runs = 0
        const deps = { backend: ${JSON.stringify(place.address)}, log, run: async () => { runs += 1 }, sweep: async () => {}, fanout: async () => {}, campaigns: async () => {}, digests: async () => {}, snoozes: async () => {}, stats: async () => {} }
        const all = [true, false].map((worker) => createJobs({ ...deps, role: { worker } }))
        await Promise.all(all.map((one) => one.start()))
        const from = runs
        for (let index = 0; index < 50; index++) {
          for (const one of all) one.wake()
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        await Promise.all(all.map((one) => one.stop()))
        process.on('exit', () => console.log(JSON.stringify({ worked: runs > from, lateMs: Math.round(performance.now() - stopped) })))
        const stopped = performance.now()
      `
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
      const { worked, lateMs } = JSON.parse(stdout)
      expect(worked).toBe(true)
      // Agenda leaves a timer of one and a half seconds behind each job.
      expect(lateMs).toBeLessThan(2_000)
    })
  })
}
