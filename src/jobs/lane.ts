/** The way to one provider: so many at once, and so many a second. */

/** A place on the way, to be left once. */
export interface Lane {
  /**
   * Waits for a place. @returns what leaves it; null: the signal ended the waiting, or its turn would come after `deadline`
   * (performance.now)
   * @param isBulk of a send to many: whoever is not goes first
   */
  enter(signal: AbortSignal, deadline: number, isBulk?: boolean): Promise<(() => void) | null>
  /** Whether one more could have its turn before `deadline`, as far as the rate tells. */
  isOpenUntil(deadline: number, isBulk?: boolean): boolean
}

/** Makes a lane. `perSecond`: null for no limit but `concurrency`. */
export function createLane(concurrency: number, perSecond: number | null): Lane {
  const stepMs = perSecond === null ? 0 : 1000 / perSecond
  let inside = 0
  let nextAtMs = 0
  const waiting: (() => void)[] = []
  const bulk: (() => void)[] = []
  const pass = (): void => {
    while (inside < concurrency) {
      const next = waiting.shift() ?? bulk.shift()
      if (next === undefined) return
      inside++
      next()
    }
  }
  const leave = (): void => {
    inside--
    pass()
  }
  return {
    isOpenUntil: (deadline, isBulk = false) =>
      Math.max(performance.now(), nextAtMs) + (waiting.length + (isBulk ? bulk.length : 0)) * stepMs <= deadline,
    async enter(signal, deadline, isBulk = false) {
      if (signal.aborted) return null
      await new Promise<void>((resolve) => {
        const line = isBulk ? bulk : waiting
        line.push(resolve)
        pass()
      })
      const now = performance.now()
      const at = Math.max(now, nextAtMs)
      // Whoever comes too late takes no turn: those behind it would only come later still.
      if (signal.aborted || at > deadline) {
        leave()
        return null
      }
      nextAtMs = at + stepMs
      if (at > now) await untilOrAborted(at - now, signal)
      if (!signal.aborted) return leave
      leave()
      return null
    },
  }
}

function untilOrAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
