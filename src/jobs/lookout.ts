/** Looks, at an interval, when each duty of a worker has work next, and begins it at that time: duties that have none cost nothing. */
import type { Outlook } from '../db/outlook.ts'
import type { Log } from '../log.ts'
import { createPump, type Pump } from './pump.ts'

/** What `createLookout` needs. */
export interface LookoutDeps {
  /** @throws when the database is unavailable */
  readonly outlook: () => Promise<Outlook>
  readonly everyMs: number
  readonly duties: Readonly<Record<keyof Outlook, Pick<Pump, 'poke'>>>
  readonly log: Log
}

/** @returns a lookout that does nothing until it is first poked */
export function createLookout({ outlook, everyMs, duties, log }: LookoutDeps): Pump {
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
      for (const duty of Object.keys(duties) as (keyof Outlook)[]) {
        const ms = due === null ? 0 : due[duty]
        if (ms === null || ms >= everyMs) continue
        if (ms <= 0) duties[duty].poke()
        // A timer may fire a millisecond early.
        else
          timers.set(
            duty,
            setTimeout(() => duties[duty].poke(), Math.ceil(ms) + 1),
          )
      }
    },
    everyMs,
    log,
    failed: 'What is due could not be read; it is tried again',
    recovered: 'What is due can be read again',
  })
  return {
    ...pump,
    async stop() {
      await pump.stop()
      forget()
    },
  }
}
