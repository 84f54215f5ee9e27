/** Waiting for a fact, and pacing what a test sends. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again every 10 ms until `check` gives something other than null, undefined or false; a check that throws counts as false.
 * @throws Error once the deadline has passed, with the last error as its cause
 */
export async function until<T>(what: string, check: () => T | Promise<T>, withinMs = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let cause: unknown
    try {
      const value = await check()
      if (value !== null && value !== undefined && value !== false) return value
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`, { cause })
    await sleep(10)
  }
}

/**
 * Lets time pass: for load at a rate, for an outage or an answer of a certain length. Never a proof that nothing happens: for that, cause
 * a later event on the same path, wait for it with `until`, and look then. Keeps no process alive.
 */
export const pause = (ms: number): Promise<void> => sleep(Math.max(0, ms), undefined, { ref: false })
