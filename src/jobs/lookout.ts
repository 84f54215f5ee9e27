/** Looks, at an interval, when each duty of a worker has work next, and begins it at that time: duties that have none cost nothing. */
import type { Outlook } from '../db/outlook.ts'
import type { Log } from '../log.ts'
import { createPump, type Pump } from './pump.ts'

/** What `createLookout` needs. */
export interface LookoutDeps {
  /** @throws when the database is unavailable */
  readonly outlook: () => Promise<Outlook>
  readonly everyMs: number
  /** how often it looks after `CALM_AFTER_MS` without work */
  readonly calmMs: number
  readonly duties: Readonly<Record<keyof Outlook, Pick<Pump, 'poke'>>>
  readonly log: Log
}

/** A lookout. It does nothing until it is first poked. */
export interface Lookout extends Pump {
  /** There may be work: it looks often again. Cheap, and may be called at any rate. */
  stir(): void
}

const CALM_AFTER_MS = 10_000

/** Creates it. */
export function createLookout({ outlook, everyMs, calmMs, duties, log }: LookoutDeps): Lookout {
  let workAt = performance.now()
  const isCalm = (): boolean => performance.now() - workAt >= CALM_AFTER_MS
  let nextMs = everyMs
  const timers = new Map<string, NodeJS.Timeout>()
  const forget = (): void => {
    for (const timer of timers.values()) clearTimeout(timer)
    timers.clear()
  }
  /** each duty is begun once without having looked: a pump's own interval counts from there */
  let isFirst = true
  const pump = createPump({
    async run(signal) {
      const due = isFirst ? null : await outlook()
      isFirst = false
      forget()
      if (signal.aborted) return
      const all = Object.keys(duties) as (keyof Outlook)[]
      const dueMs = new Map(all.map((duty) => [duty, due === null ? 0 : (due[duty] ?? Number.POSITIVE_INFINITY)]))
      if (Math.min(...dueMs.values()) <= everyMs) workAt = performance.now()
      nextMs = isCalm() ? calmMs : everyMs
      for (const [duty, ms] of dueMs) {
        if (ms >= nextMs) continue
        if (ms <= 0) duties[duty].poke()
        // A timer may fire a millisecond early.
        else
          timers.set(
            duty,
            setTimeout(() => duties[duty].poke(), Math.ceil(ms) + 1),
          )
      }
    },
    everyMs: () => nextMs,
    log,
    failed: 'What is due could not be read; it is tried again',
    recovered: 'What is due can be read again',
  })
  return {
    ...pump,
    stir() {
      workAt = performance.now()
      if (nextMs === everyMs) return
      nextMs = everyMs
      pump.poke()
    },
    async stop() {
      await pump.stop()
      forget()
    },
  }
}
