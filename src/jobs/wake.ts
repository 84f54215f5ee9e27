/** The hands' clock: who is told that there is work, when, and what happens when nobody is told. */
import type { Log } from '../log.ts'
import type { SignalBus } from '../signals/bus.ts'
import { openSession, type Session } from './agenda.ts'
import { createPump, type Pump } from './pump.ts'
import type { StoreAddress } from './store.ts'

/** What the jobs of a process are made of. */
export interface JobsDeps {
  readonly backend: StoreAddress
  /** `worker`: this process works, it does not only call for workers */
  readonly role: { readonly worker: boolean }
  readonly log: Log
  /** Works off all that is due. May be called at any time, one call at a time; takes no new work once the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** The slower housekeeping: leases that ran out, and the like. Called like `run`, beside it. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  /** Writes sends to many. Called like `run`, beside it. */
  readonly fanout: (signal: AbortSignal) => Promise<void>
  /** Runs campaigns. Called like `run`, beside it. */
  readonly campaigns: (signal: AbortSignal) => Promise<void>
  /** Closes digests whose time is up. Called like `run`, beside it. */
  readonly digests: (signal: AbortSignal) => Promise<void>
  /** carries wake-ups between processes where the store can't tell at once; null: there is none */
  readonly bus?: SignalBus | null
  /** how often a worker looks by itself, ms */
  readonly pollMs?: number
  /** how often a worker sweeps, ms */
  readonly sweepMs?: number
}

/** The jobs of one process. */
export interface Jobs {
  /** Begins. Resolves at once and never fails: the job store is connected in the background, and again whenever it was away. */
  start(): Promise<void>
  /** There may be work: call it after the commit that made it. Returns at once and never throws, however often it is called. */
  wake(): void
  /** Takes no new work, waits for what is running, and lets go of everything. */
  stop(): Promise<void>
}

const POLL_MS = 200
const FANOUT_MS = 500
/** Every wake-up may mean a send to many, few do: looking costs a statement. */
const FANOUT_GAP_MS = 50
const CAMPAIGNS_MS = 500
const CAMPAIGNS_GAP_MS = 100
const DIGESTS_MS = 250
const DIGESTS_GAP_MS = 100
const SWEEP_MS = 10_000
const CHECK_MS = 3_000
/** A process leaves at most one job in this time, an own worker's only while it is busy. */
const CALL_GAP_MS = 25
const BUSY_CALL_GAP_MS = 100

/**
 * Makes the jobs of a process, at rest.
 *
 * Nothing depends on Agenda: a worker looks every `pollMs` and sweeps every `sweepMs` by plain timers. Agenda makes it sooner and
 * across processes. A wake-up in a worker pokes its own pump, with no way round; it leaves a job for the other workers only when its
 * own hands are full already. A wake-up elsewhere leaves a job: by LISTEN/NOTIFY or a change stream it is found at once, by Agenda's
 * own poll elsewhere; where there is a bus, that tells all workers too.
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
  bus = null,
  pollMs = POLL_MS,
  sweepMs = SWEEP_MS,
}: JobsDeps): Jobs {
  let session: Session | null = null
  let listening = false
  let unsubscribe: (() => void) | null = null
  let stopped: Promise<void> | null = null
  let started = false
  /** a wake-up found no job store: it is made up for when there is one */
  let missed = false

  const worker = role.worker
    ? {
        deliver: createPump({
          run,
          everyMs: pollMs,
          log,
          failed: 'Delivering failed; it is tried again',
          recovered: 'Delivering works again',
        }),
        sweep: createPump({
          run: sweep,
          everyMs: sweepMs,
          log,
          failed: 'Sweeping failed; it is tried again',
          recovered: 'Sweeping works again',
        }),
        fanout: createPump({
          run: fanout,
          everyMs: FANOUT_MS,
          gapMs: FANOUT_GAP_MS,
          log,
          failed: 'Writing sends to many failed; it is tried again',
          recovered: 'Writing sends to many works again',
        }),
        digests: createPump({
          run: digests,
          everyMs: DIGESTS_MS,
          gapMs: DIGESTS_GAP_MS,
          log,
          failed: 'Closing digests failed; it is tried again',
          recovered: 'Closing digests works again',
        }),
        campaigns: createPump({
          run: campaigns,
          everyMs: CAMPAIGNS_MS,
          gapMs: CAMPAIGNS_GAP_MS,
          log,
          failed: 'Running campaigns failed; it is tried again',
          recovered: 'Running campaigns works again',
        }),
      }
    : null
  const pokeWorker = (): void => {
    worker?.deliver.poke()
    worker?.fanout.poke()
    worker?.campaigns.poke()
    worker?.digests.poke()
  }

  /** Not waited for: the bus may be away while the job store is not. */
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
        session ??= await openSession({
          backend,
          work: worker === null ? null : { deliver: pokeWorker, sweep: () => worker.sweep.poke() },
          sweepMs,
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
    failed: 'The job store is away; workers find their work by timer until it is back',
    recovered: 'The job store is back',
  })

  const caller: Pump = createPump({
    async run() {
      if (bus?.isConnected() === true) bus.publish([{ topic: 'wake' }])
      missed = session === null
      try {
        await session?.wake()
      } catch {
        missed = true
        // The workers' timers do what this job would have done; the keeper finds out what is wrong, and says so.
        keeper.poke()
      }
    },
    everyMs: null,
    gapMs: worker === null ? CALL_GAP_MS : BUSY_CALL_GAP_MS,
    log,
    failed: 'A wake-up was lost; workers find their work by timer',
    recovered: 'Wake-ups arrive again',
  })

  async function stopAll(): Promise<void> {
    await Promise.all([
      worker?.deliver.stop(),
      worker?.sweep.stop(),
      worker?.fanout.stop(),
      worker?.campaigns.stop(),
      worker?.digests.stop(),
      caller.stop(),
      keeper.stop(),
    ])
    unsubscribe?.()
    await session?.close()
    session = null
  }

  return {
    async start() {
      if (started) return
      started = true
      pokeWorker()
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
