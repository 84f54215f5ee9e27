/** A pump runs a function, one run at a time: after it is poked, any number of pokes being coalesced, and at an interval. */
import type { Log } from '../log.ts'

/** What `createPump` needs. */
export interface PumpDeps {
  /** The work. Never called while it is running. The first failure of an outage is logged; after each one it is run again, with back-off. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** how long after the end of a run the next one begins without a poke, ms; null: it never does */
  readonly everyMs: number | (() => number) | null
  /** the least time between the beginnings of two runs, ms */
  readonly gapMs?: number
  readonly log: Log
  /** the log message when a run failed after one that did not */
  readonly failed: string
  /** the log message when a run succeeded after one that did not */
  readonly recovered: string
}

/** A pump of one process. */
export interface Pump {
  /** Requests a run that begins after this call. Returns at once and never throws. */
  poke(): void
  /** whether a run is going on */
  isBusy(): boolean
  /** Aborts the signal of the current run, and resolves when that has ended. Nothing runs afterwards. */
  stop(): Promise<void>
}

const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 5_000

/** How long a pump with an interval waits after a failed run: doubled each time, with equal jitter, so that an outage does not end in a burst. */
function retryMs(failures: number): number {
  const stepMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10))
  return stepMs / 2 + (Math.random() * stepMs) / 2
}

/** @returns a pump that does nothing until it is first poked */
export function createPump({ run, everyMs, gapMs = 0, log, failed, recovered }: PumpDeps): Pump {
  const stopping = new AbortController()
  let busy = false
  let current: Promise<void> | null = null
  /** it was poked during a run, which may have read too early to see what the poke was for */
  let remembered = false
  let failures = 0
  let begunAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  async function runOnce(): Promise<void> {
    begunAt = performance.now()
    try {
      await run(stopping.signal)
      if (failures > 0) log.info(recovered, { failures })
      failures = 0
    } catch (error) {
      failures += 1
      // Once per outage: repeated up to four times a second it would flood the log.
      if (failures === 1 && !stopping.signal.aborted) {
        log.warn(failed, { error: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  function begin(): void {
    clearTimeout(timer)
    timer = undefined
    remembered = false
    // Set before the run, which may poke the pump synchronously.
    busy = true
    current = runOnce().then(schedule)
  }

  function schedule(): void {
    busy = false
    if (stopping.signal.aborted) return
    if (remembered) beginAfterGap()
    else wait(everyMs !== null && failures > 0 ? retryMs(failures) : typeof everyMs === 'function' ? everyMs() : everyMs)
  }

  function wait(ms: number | null): void {
    clearTimeout(timer)
    timer = ms === null ? undefined : setTimeout(begin, ms)
  }

  function beginAfterGap(): void {
    const restMs = begunAt + gapMs - performance.now()
    if (restMs > 0) wait(restMs)
    else begin()
  }

  return {
    poke() {
      if (stopping.signal.aborted) return
      if (busy) remembered = true
      else beginAfterGap()
    },
    isBusy: () => busy,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await current
    },
  }
}
