/** A session with Agenda, the job queue: the job `deliver` wakes a worker, `sweep` recurs. Both are hints without a payload. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Agenda } from 'agenda'
import { openStore, type StoreAddress } from './store.ts'

/** What `openSession` needs. */
export interface SessionDeps {
  readonly backend: StoreAddress
  /** what each job starts in this process; null: this process only creates jobs for other processes */
  readonly work: { readonly deliver: () => void; readonly sweep: () => void } | null
  /** how often `sweep` recurs */
  readonly sweepMs: number
  /** Called when the store reports an error: the caller runs `check` then. Must not throw. */
  onTrouble(error: Error): void
}

/** One connection of Agenda to its store, from opening it until it is lost or closed. */
export interface Session {
  /** Creates a `deliver` job, unless one is waiting. @throws when the store is unavailable */
  wake(): Promise<void>
  /**
   * Checks that the store answers and Agenda runs its jobs, creates the recurring job if it is missing, and removes needless jobs.
   * @throws when the store is unavailable, or Agenda is stuck
   */
  check(): Promise<void>
  /** Stops Agenda and closes the store, within seconds. Never throws. */
  close(): Promise<void>
}

const DELIVER = 'deliver'
const SWEEP = 'sweep'

/**
 * The handlers only poke a pump and return, so no job runs for longer than a few statements. A lock that is older than this belongs to a
 * worker that died, and no job has to extend its lock by touch(). Agenda also starts a timer of half this time for every job.
 */
const LOCK_LIFETIME_MS = 3_000
/** How often Agenda polls for jobs: less often where the store notifies it of them. It locks what is due before the next poll, so a lock lasts longer. */
const POLL_WHEN_NOTIFIED_MS = 2_500
const POLL_MS = 200
/** Agenda ignores a notification while this many jobs are still being completed: with a limit of 1, every other one would be lost. */
const AT_ONCE = 5
const DRAIN_MS = 1_000
const CLOSE_MS = 5_000
/** How long the same job may be due until Agenda is restarted. */
const STUCK_MS = 8_000
/** When a `deliver` job is due: in the distant past, so that a worker whose clock is behind runs it at once. */
const DUE = new Date(0)

/** Connects to the store and starts Agenda on it. @throws when the store is unavailable */
export async function openSession({ backend, work, sweepMs, onTrouble }: SessionDeps): Promise<Session> {
  let lost: Error | null = null
  /** the jobs that were due at the last check, and since when the same ones have been due, in ms of performance.now */
  let due = { jobs: '', since: 0 }
  const store = await openStore(backend, (error) => {
    lost = error
    onTrouble(error)
  })
  const agenda = new Agenda({
    backend: store.backend,
    name: `carillon ${hostname().slice(0, 64)} ${process.pid} ${randomBytes(4).toString('hex')}`,
    processEvery: store.channel === null ? POLL_MS : POLL_WHEN_NOTIFIED_MS,
    defaultLockLifetime: LOCK_LIFETIME_MS,
    maxConcurrency: AT_ONCE + 1,
    defaultConcurrency: 1,
    defaultLockLimit: 1,
    removeOnComplete: true,
  })
  agenda.on('error', onTrouble)

  async function close(): Promise<void> {
    // The second step runs even if the first one failed: the connection may be lost already.
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
    // A job whose lock expired before Agenda started it (because the process was suspended) counts as running in Agenda permanently.
    else if (names !== '' && performance.now() - due.since > STUCK_MS) throw new Error('Agenda has stopped taking its jobs')
    const [sweep, ...duplicates] = jobs.filter((job) => job.name === SWEEP).toSorted((a, b) => (a._id < b._id ? -1 : 1))
    // Only when it is missing, or recurs as an earlier version had it: every() postpones the next run, so workers that call it in turn would keep
    // it from ever running.
    if (sweep === undefined || sweep.nextRunAt === null || Number(sweep.repeatInterval) !== sweepMs)
      await agenda.every(sweepMs, SWEEP, undefined, { skipImmediate: true })
    // MongoDB has no unique index that would keep two workers from creating a sweep each. A finished job stays if its removal failed.
    const finished = jobs.filter((job) => job.name === DELIVER && job.nextRunAt === null && job.lockedAt === undefined)
    const needless = [...duplicates, ...finished].map((job) => job._id)
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
      // One waiting job is enough, so the table does not grow while no worker is up. A job that has started has no due time any more,
      // and does not count as waiting: its run may have read the queue before the commit that this call announces.
      await agenda.create(DELIVER, {}).unique({ nextRunAt: DUE }, { insertOnly: true }).schedule(DUE).save()
    },
    check,
    close,
  }
}
