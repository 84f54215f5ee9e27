/** The pump: turns any number of pokes into few runs, one at a time, and runs by itself when nobody pokes. */
import type { Log } from '../log.ts'

/** What a pump is made of. */
export interface PumpDeps {
  /** The work. Never called while it is running. A throw is logged once per outage, and tried again later. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** how long after the end of a run the next one begins by itself, ms; null: only when poked */
  readonly everyMs: number | null
  /** least time between the beginnings of two runs, ms */
  readonly gapMs?: number
  readonly log: Log
  /** what the log says when a run failed after one that did not */
  readonly failed: string
  /** what the log says when a run succeeded after one that did not */
  readonly recovered: string
}

/** A pump of one process. */
export interface Pump {
  /** Asks for a run that begins after this call. Returns at once and never throws. */
  poke(): void
  /** whether a run is going on */
  isBusy(): boolean
  /** Tells the run to take no new work (its signal), and resolves when it has ended. Nothing runs afterwards. */
  stop(): Promise<void>
}

const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 5_000

/** How long a pump with a clock waits after a failed run: doubled each time, with equal jitter, so that no outage ends in a storm. */
function retryMs(failures: number): number {
  const stepMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10))
  return stepMs / 2 + (Math.random() * stepMs) / 2
}

/** Makes a pump at rest: the first poke starts it. */
export function createPump({ run, everyMs, gapMs = 0, log, failed, recovered }: PumpDeps): Pump {
  const stopping = new AbortController()
  let busy = false
  let current: Promise<void> | null = null
  /** a poke came while a run was going on: that run may have looked too early to see why */
  let remembered = false
  let failures = 0
  let begunAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  async function attempt(): Promise<void> {
    begunAt = performance.now()
    try {
      await run(stopping.signal)
      if (failures > 0) log.info(recovered, { failures })
      failures = 0
    } catch (error) {
      failures += 1
      // Once per outage: the same line four times a second would hide everything else.
      if (failures === 1 && !stopping.signal.aborted) {
        log.warn(failed, { error: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  function begin(): void {
    clearTimeout(timer)
    timer = undefined
    remembered = false
    // Before the run, which may poke the pump at once.
    busy = true
    current = attempt().then(rest)
  }

  function rest(): void {
    busy = false
    if (stopping.signal.aborted) return
    if (remembered) ask()
    else wait(everyMs === null || failures === 0 ? everyMs : retryMs(failures))
  }

  function wait(ms: number | null): void {
    clearTimeout(timer)
    timer = ms === null ? undefined : setTimeout(begin, ms)
  }

  function ask(): void {
    const restMs = begunAt + gapMs - performance.now()
    if (restMs > 0) wait(restMs)
    else begin()
  }

  return {
    poke() {
      if (stopping.signal.aborted) return
      if (busy) remembered = true
      else ask()
    },
    isBusy: () => busy,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await current
    },
  }
}
