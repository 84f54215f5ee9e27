/** Repeats what failed for a reason that passes: after growing pauses, and at once when there is a sign that it may work again. */

/** Fired on the window when the server answers again. */
export const SERVER_BACK = 'carillon:server-back'

const FIRST_MS = 1_000
const MOST_MS = 30_000
const signs = ['online', 'focus', SERVER_BACK] as const

/** Repeats one action. */
export interface Retry {
  /** It has failed: it is repeated after a pause, each longer than the last, or as soon as the tab is focused or the network is back. */
  plan(): void
  /** It has worked: the next pause is a short one again. */
  reset(): void
  stop(): void
}

export function createRetry(action: () => void): Retry {
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  const run = (): void => {
    stop()
    action()
  }
  function stop(): void {
    if (timer === null) return
    clearTimeout(timer)
    timer = null
    for (const sign of signs) window.removeEventListener(sign, run)
  }
  return {
    plan() {
      if (timer !== null) return
      // Pages that failed together don't come back in the same moment.
      timer = setTimeout(run, Math.min(MOST_MS, FIRST_MS * 2 ** failures) * (0.75 + Math.random() / 2))
      failures += 1
      for (const sign of signs) window.addEventListener(sign, run)
    },
    reset() {
      failures = 0
      stop()
    },
    stop,
  }
}
