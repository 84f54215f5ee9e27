/** Agenda, as far as we use it: `deliver` wakes a worker, `sweep` recurs. Both are hints that carry nothing. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Agenda } from 'agenda'
import { openStore, type StoreAddress } from './store.ts'

/** What a session is made of. */
export interface SessionDeps {
  readonly backend: StoreAddress
  /** what the jobs start in this process; null: this process only leaves jobs for others */
  readonly work: { readonly deliver: () => void; readonly sweep: () => void } | null
  /** how often `sweep` recurs */
  readonly sweepMs: number
  /** Called when something is wrong with the store: time for a `check`. Must not throw. */
  onTrouble(error: Error): void
}

/** One time that Agenda is connected: from opening the store until it is lost or closed. */
export interface Session {
  /** Leaves a `deliver` job, unless one is waiting. @throws when the store is away */
  wake(): Promise<void>
  /** Makes sure that the store answers and that the recurring job is there. @throws when it can't */
  check(): Promise<void>
  /** Ends it. Never throws. */
  close(): Promise<void>
}

const DELIVER = 'deliver'
const SWEEP = 'sweep'

/**
 * The handlers only poke a pump and return, so no job runs for longer than a few statements: a lock that is older than this belongs
 * to a worker that died, and there is nothing to touch(). Agenda also leaves a timer of half that time behind every job.
 */
const LOCK_LIFETIME_MS = 2_000
/** How often Agenda looks for jobs: rarely where it is told of them. */
const POLL_WHEN_TOLD_MS = 1_000
const POLL_MS = 200
/** Agenda does not look at all when it is told of a job while this many are still being put away: one would lose every other call. */
const AT_ONCE = 5
const DRAIN_MS = 1_000
const CLOSE_MS = 5_000
/** How long the same job may be due until Agenda is started anew. */
const STUCK_MS = 5_000
/** When a `deliver` job is due: long ago, so that a worker whose clock is behind does not wait for its clock. */
const DUE = new Date(0)

/** Connects to the store and starts Agenda on it. @throws when the store is away */
export async function openSession({ backend, work, sweepMs, onTrouble }: SessionDeps): Promise<Session> {
  let lost: Error | null = null
  /** the jobs that were due at the last check, and since when it has been the same ones */
  let due = { jobs: '', since: 0 }
  const store = await openStore(backend, (error) => {
    lost = error
    onTrouble(error)
  })
  const agenda = new Agenda({
    backend: store.backend,
    name: `carillon ${hostname().slice(0, 64)} ${process.pid} ${randomBytes(4).toString('hex')}`,
    processEvery: store.channel === null ? POLL_MS : POLL_WHEN_TOLD_MS,
    defaultLockLifetime: LOCK_LIFETIME_MS,
    maxConcurrency: AT_ONCE + 1,
    defaultConcurrency: 1,
    defaultLockLimit: 1,
    removeOnComplete: true,
  })
  agenda.on('error', onTrouble)

  async function close(): Promise<void> {
    // Each step is tried, whatever became of the one before: the store may be gone already.
    await agenda.drain({ timeout: DRAIN_MS, closeConnection: false }).catch(() => {})
    await Promise.race([store.close().catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })])
  }

  async function check(): Promise<void> {
    if (lost !== null) throw lost
    const { jobs } = await store.repository.queryJobs({ names: [SWEEP, DELIVER] })
    if (work === null) return
    const dueJobs = jobs.filter((job) => job.nextRunAt !== null && job.nextRunAt.getTime() <= Date.now())
    const names = dueJobs.map((job) => `${job._id} ${job.nextRunAt?.getTime()}`).join()
    if (names !== due.jobs) due = { jobs: names, since: performance.now() }
    // A job whose lock ran out before Agenda came to it (the process was paused) counts as running in Agenda's books for ever.
    else if (names !== '' && performance.now() - due.since > STUCK_MS) throw new Error('Agenda has stopped taking its jobs')
    const [sweep, ...twins] = jobs.filter((job) => job.name === SWEEP).toSorted((a, b) => (a._id < b._id ? -1 : 1))
    // Only when it is missing: every() moves the next run away, so workers that call it in turn would keep it from ever running.
    if (sweep === undefined || sweep.nextRunAt === null) await agenda.every(sweepMs, SWEEP, undefined, { skipImmediate: true })
    // MongoDB has no unique index that would keep two workers from making a sweep each. A finished job stays where its removal failed.
    const finished = jobs.filter((job) => job.name === DELIVER && job.nextRunAt === null && job.lockedAt === undefined)
    const needless = [...twins, ...finished].map((job) => job._id)
    if (needless.length > 0) await agenda.cancel({ ids: needless })
  }

  try {
    if (work === null) await store.connectToPublish()
    else {
      const { deliver, sweep } = work
      agenda.define(DELIVER, async () => deliver(), { concurrency: AT_ONCE, lockLimit: AT_ONCE })
      agenda.define(SWEEP, async () => sweep())
      await agenda.start()
    }
    await check()
  } catch (error) {
    await close()
    throw error
  }

  return {
    async wake() {
      // One waiting job is enough for everybody, so the store does not grow while no worker is up. A job that began has no due time
      // any more and does not count: its run may have looked before the commit that this call follows.
      await agenda.create(DELIVER, {}).unique({ nextRunAt: DUE }, { insertOnly: true }).schedule(DUE).save()
    },
    check,
    close,
  }
}
