/** Bounds what waits for one reader. */
import type { Outlet } from './context.ts'

/** An outlet, and what its owner watches. */
export interface BoundedOutlet extends Outlet {
  /** bytes taken and not given back */
  held(): number
  /** how often room came back; stands still when the reader does */
  progress(): number
}

/**
 * Makes the outlet of one connection.
 * @param buffered bytes that the transport itself holds back
 * @param onFull called when there is no room; must end the connection
 */
export function createOutlet(maxBytes: number, buffered: () => number, onFull: () => void): BoundedOutlet {
  let held = 0
  let given = 0
  return {
    room: () => Math.max(0, maxBytes - held - buffered()),
    take(bytes) {
      const waiting = held + buffered()
      // One message that is larger than the limit may still go to a reader that has nothing waiting.
      if (waiting > 0 && waiting + bytes > maxBytes) {
        onFull()
        return false
      }
      held += bytes
      return true
    },
    give(bytes) {
      held -= bytes
      given += 1
    },
    held: () => held,
    progress: () => given,
  }
}
