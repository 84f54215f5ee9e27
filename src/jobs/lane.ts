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
  const waiting: Waiter[] = []
  const bulk: Waiter[] = []
  const pass = (): void => {
    while (inside < concurrency) {
      const next = waiting.shift() ?? bulk.shift()
      if (next === undefined) return
      inside++
      next(true)
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
      // Whoever has no place by its deadline leaves the line: nobody waits for a place that may never come.
      if (!(await placeIn(isBulk ? bulk : waiting, pass, signal, deadline))) return null
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

/** @param isIn false: it left the line without a place */
type Waiter = (isIn: boolean) => void

/** Waits in a line. @returns whether it got a place */
function placeIn(line: Waiter[], pass: () => void, signal: AbortSignal, deadline: number): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const waiter: Waiter = (isIn) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', give)
      resolve(isIn)
    }
    const give = (): void => {
      const place = line.indexOf(waiter)
      if (place < 0) return
      line.splice(place, 1)
      waiter(false)
    }
    line.push(waiter)
    pass()
    if (!line.includes(waiter)) return
    timer = setTimeout(give, Math.max(1, deadline - performance.now()))
    signal.addEventListener('abort', give)
  })
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
