/** The schedule of a worker: what is run when, what wakes it up, and what makes up for a lost wake-up. */
import type { Outlook } from '../db/outlook.ts'
import type { Log } from '../log.ts'
import type { SignalBus } from '../signals/bus.ts'
import type { Session } from './agenda.ts'
import { createLookout } from './lookout.ts'
import { createPump, type Pump } from './pump.ts'
import type { StoreAddress } from './store.ts'

/** What `createJobs` needs. */
export interface JobsDeps {
  readonly backend: StoreAddress
  /** `worker`: this process does the work; otherwise it only wakes the workers of other processes */
  readonly role: { readonly worker: boolean }
  readonly log: Log
  /** Delivers all that is due. Called at any time, one call at a time; begins no new work once the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Housekeeping: expired leases, and the like. Called like `run`, concurrently with it. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  /** Writes sends to many. Called like `run`, concurrently with it. */
  readonly fanout: (signal: AbortSignal) => Promise<void>
  /** Runs campaigns. Called like `run`, concurrently with it. */
  readonly campaigns: (signal: AbortSignal) => Promise<void>
  /** Closes due digests. Called like `run`, concurrently with it. */
  readonly digests: (signal: AbortSignal) => Promise<void>
  /** Brings snoozed messages back. Called like `run`, concurrently with it, and only when the outlook says that some are due. */
  readonly snoozes: (signal: AbortSignal) => Promise<void>
  /** Folds what was added to the statistics. Called like `run`, concurrently with it. */
  readonly stats: (signal: AbortSignal) => Promise<void>
  /** When there is work next. Without it, all work counts as due whenever the worker looks. */
  readonly outlook?: () => Promise<Outlook>
  /** carries wake-ups between processes where the job store can't notify them at once; null: there is none */
  readonly bus?: SignalBus | null
  /** how often a worker looks whether something is due, ms */
  readonly pollMs?: number
  /** how often a worker sweeps, ms */
  readonly sweepMs?: number
}

/** The jobs of one process. */
export interface Jobs {
  /** Starts. Resolves at once and never fails: the job store is connected in the background, and reconnected after each outage. */
  start(): Promise<void>
  /** To be called after a commit that may have created work. Returns at once and never throws; frequent calls are coalesced. */
  wake(): void
  /** Begins no new work, waits for what is running, and closes all connections. */
  stop(): Promise<void>
}

const POLL_MS = 250
/** How often it looks when there was no work for a while. */
const CALM_POLL_MS = 1_000
/** Each duty is also begun without a look: nothing that is due is found later than this, whatever the looks say. */
const EVERY_MS = 8_000
/** Any wake-up may be for a send to many, but few are, and each check costs a statement. */
const FANOUT_GAP_MS = 50
const CAMPAIGNS_GAP_MS = 100
const DIGESTS_GAP_MS = 100
/** Sums are folded once for what many transactions add. */
const STATS_GAP_MS = 1_000
const SWEEP_MS = 10_000
/** Agenda's sweep is for the case that no timer fires: each run of a recurring job is a dozen statements. In intervals of the timer's. */
const AGENDA_SWEEP_EVERY = 6
const CHECK_MS = 3_000
/** A process wakes the workers of others at most once in this time; one that works itself does so only while it is busy. */
const CALL_GAP_MS = 25
const BUSY_CALL_GAP_MS = 100

/** What a worker assumes that can't look. */
const allDue: Outlook = { messages: 0, fanouts: 0, digests: 0, campaigns: 0, snoozes: 0, stats: 0 }

/**
 * Nothing depends on Agenda: a worker looks every `pollMs` and sweeps every `sweepMs` by plain timers. What becomes due before the next look
 * begins at its time. Agenda and the bus only make it sooner, across processes. `wake` in a worker pokes its own pumps directly, and wakes
 * other workers only if it is busy itself; in a process without a worker it wakes other workers always. Other workers are woken by a job,
 * which they find at once by LISTEN/NOTIFY or a change stream and otherwise when Agenda polls, and by the bus where there is one.
 * @returns the jobs of this process, not started yet
 */
export function createJobs({
  backend,
  role,
  log,
  run,
  sweep,
  fanout,
  campaigns,
  digests,
  snoozes,
  stats,
  outlook = async () => allDue,
  bus = null,
  pollMs = POLL_MS,
  sweepMs = SWEEP_MS,
}: JobsDeps): Jobs {
  let session: Session | null = null
  let listening = false
  let unsubscribe: (() => void) | null = null
  let stopped: Promise<void> | null = null
  let started = false
  /** a wake-up found no job store: it is repeated when the store is connected again */
  let missed = false

  const duty = (work: JobsDeps['run'], failed: string, recovered: string, gapMs = 0): Pump =>
    createPump({ run: work, everyMs: Math.max(EVERY_MS, pollMs), gapMs, log, failed, recovered })
  const worker = role.worker
    ? {
        deliver: duty(run, 'Delivering failed; it is tried again', 'Delivering works again'),
        fanout: duty(
          fanout,
          'Writing sends to many failed; it is tried again',
          'Writing sends to many works again',
          FANOUT_GAP_MS,
        ),
        digests: duty(digests, 'Closing digests failed; it is tried again', 'Closing digests works again', DIGESTS_GAP_MS),
        campaigns: duty(
          campaigns,
          'Running campaigns failed; it is tried again',
          'Running campaigns works again',
          CAMPAIGNS_GAP_MS,
        ),
        stats: duty(stats, 'Statistics could not be folded; it is tried again', 'Statistics are folded again', STATS_GAP_MS),
        // Few use it, so that it is not begun without a look.
        snoozes: createPump({
          run: snoozes,
          everyMs: null,
          log,
          failed: 'Snoozed messages could not be brought back; it is tried again',
          recovered: 'Snoozed messages are brought back again',
        }),
        sweep: createPump({
          run: sweep,
          everyMs: sweepMs,
          log,
          failed: 'Sweeping failed; it is tried again',
          recovered: 'Sweeping works again',
        }),
      }
    : null
  const looking =
    worker === null
      ? null
      : createLookout({
          outlook,
          everyMs: pollMs,
          calmMs: Math.max(pollMs, CALM_POLL_MS),
          log,
          duties: {
            messages: worker.deliver,
            fanouts: worker.fanout,
            digests: worker.digests,
            campaigns: worker.campaigns,
            snoozes: worker.snoozes,
            stats: worker.stats,
          },
        })
  const pokeWorker = (): void => {
    looking?.stir()
    worker?.deliver.poke()
    worker?.fanout.poke()
    worker?.campaigns.poke()
    worker?.digests.poke()
  }

  /** Subscribes to wake-ups. Not awaited: the bus may be unavailable while the job store is not. */
  function listen(): void {
    if (bus === null || worker === null || listening) return
    listening = true
    bus
      .subscribe('wake', pokeWorker)
      .then((end) => {
        if (stopped === null) unsubscribe = end
        else end()
      })
      .catch(() => {
        listening = false
      })
  }

  const keeper: Pump = createPump({
    async run() {
      listen()
      try {
        // Loaded while the server starts, which does not wait for it.
        const { openSession } = await import('./agenda.ts')
        session ??= await openSession({
          backend,
          work: worker === null ? null : { deliver: pokeWorker, sweep: () => worker.sweep.poke() },
          sweepMs: sweepMs * AGENDA_SWEEP_EVERY,
          onTrouble: () => keeper.poke(),
        })
        await session.check()
        if (missed) caller.poke()
      } catch (error) {
        const broken = session
        session = null
        await broken?.close()
        throw error
      }
    },
    everyMs: CHECK_MS,
    gapMs: 250,
    log,
    failed: 'The job store is unavailable; workers poll for their work until it is back',
    recovered: 'The job store is available again',
  })

  const caller: Pump = createPump({
    async run() {
      if (bus?.isConnected() === true) bus.publish([{ topic: 'wake' }])
      missed = session === null
      try {
        await session?.wake()
      } catch {
        missed = true
        // Workers find the work when they poll; the keeper finds out what is wrong, and logs it.
        keeper.poke()
      }
    },
    everyMs: null,
    gapMs: worker === null ? CALL_GAP_MS : BUSY_CALL_GAP_MS,
    log,
    failed: 'A wake-up was lost; workers poll for their work',
    recovered: 'Wake-ups arrive again',
  })

  async function stopAll(): Promise<void> {
    await Promise.all([looking?.stop(), ...Object.values(worker ?? {}).map((pump) => pump.stop()), caller.stop(), keeper.stop()])
    unsubscribe?.()
    await session?.close()
    session = null
  }

  return {
    async start() {
      if (started) return
      started = true
      looking?.poke()
      worker?.sweep.poke()
      keeper.poke()
    },
    wake() {
      if (!started || stopped !== null) return
      const busy = worker?.deliver.isBusy() ?? true
      pokeWorker()
      if (busy) caller.poke()
    },
    stop() {
      stopped ??= stopAll()
      return stopped
    },
  }
}
