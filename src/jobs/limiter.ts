/** Limits the requests to one provider: how many run at once, and how many begin in a second. */

/** Admits requests one after another. */
export interface Limiter {
  /** As `enter`, for one that need not wait. @returns the function that releases the place; null: it has to wait, or may not be admitted */
  enterAtOnce(signal: AbortSignal, deadline: number): (() => void) | null
  /**
   * Waits to be admitted. @returns the function that releases the place, which may be called again; null: the signal was aborted, or it would
   * be admitted after `deadline` (performance.now)
   * @param isBulk it is of a send to many, and waits until no other request does
   */
  enter(signal: AbortSignal, deadline: number, isBulk?: boolean): Promise<(() => void) | null>
  /** Whether one more request could be admitted before `deadline` (performance.now), by the rate alone. */
  isOpenUntil(deadline: number, isBulk?: boolean): boolean
  /**
   * How long one more request would wait, in ms, judging by how long the latest ones had their places. A guess: all places may have been taken
   * for good. Infinity: all are taken, and none was left yet.
   */
  expectedWaitMs(isBulk?: boolean): number
  /** How many requests would be admitted at once; 0 where the rate is limited. */
  free(): number
}

/** The weight of the latest request in the mean time that requests have their places. */
const LATEST = 1 / 8

/**
 * @param concurrency the most requests at once
 * @param perSecond the most requests that begin in a second; null: there is no limit but `concurrency`
 */
export function createLimiter(concurrency: number, perSecond: number | null): Limiter {
  const stepMs = perSecond === null ? 0 : 1000 / perSecond
  let inside = 0
  let nextAtMs = 0
  /** requests that were not given their time by the rate yet */
  let untimed = 0
  let heldMs = Infinity
  /** when a place was last taken or left */
  let movedAtMs = 0
  const waiting: Waiter[] = []
  const bulk: Waiter[] = []
  const pass = (): void => {
    while (inside < concurrency) {
      const next = waiting.shift() ?? bulk.shift()
      if (next === undefined) return
      inside++
      movedAtMs = performance.now()
      next(true)
    }
  }
  const leave = (): void => {
    inside--
    pass()
  }
  /** @param sinceMs when it was admitted */
  const finish = (sinceMs: number): void => {
    movedAtMs = performance.now()
    const ms = movedAtMs - sinceMs
    heldMs = heldMs === Infinity ? ms : heldMs + (ms - heldMs) * LATEST
    leave()
  }
  const releaseOf = (sinceMs: number) => {
    let isInside = true
    return (): void => {
      if (!isInside) return
      isInside = false
      finish(sinceMs)
    }
  }
  async function enter(signal: AbortSignal, deadline: number, isBulk: boolean): Promise<(() => void) | null> {
    untimed++
    // A request that has no place by its deadline leaves the queue: a place may never become free.
    const hasPlace = await placeIn(isBulk ? bulk : waiting, pass, signal, deadline)
    untimed--
    if (!hasPlace) return null
    const now = performance.now()
    const at = Math.max(now, nextAtMs)
    // A request that is too late takes none of the rate: it would only delay those behind it.
    if (signal.aborted || at > deadline) {
      leave()
      return null
    }
    nextAtMs = at + stepMs
    if (at > now) await untilOrAborted(at - now, signal)
    if (!signal.aborted) return releaseOf(at)
    leave()
    return null
  }
  return {
    isOpenUntil: (deadline, isBulk = false) =>
      Math.max(performance.now(), nextAtMs) + (waiting.length + (isBulk ? bulk.length : 0)) * stepMs <= deadline,
    expectedWaitMs(isBulk = false) {
      const now = performance.now()
      const byRate = Math.max(0, nextAtMs - now) + untimed * stepMs
      if (inside < concurrency) return byRate
      // While none is left, each is taken for longer than the latest ones were.
      const placeMs = Math.max(heldMs, now - movedAtMs)
      return Math.max(byRate, ((waiting.length + (isBulk ? bulk.length : 0) + 1) / concurrency) * placeMs)
    },
    free: () => (perSecond === null ? Math.max(0, concurrency - inside - waiting.length - bulk.length) : 0),
    enterAtOnce(signal, deadline) {
      // Nobody waits while there is room.
      if (perSecond !== null || inside >= concurrency || signal.aborted) return null
      const now = performance.now()
      if (now > deadline) return null
      inside++
      movedAtMs = now
      return releaseOf(now)
    },
    async enter(signal, deadline, isBulk = false) {
      return signal.aborted ? null : enter(signal, deadline, isBulk)
    },
  }
}

/** @param isIn false: it left the queue without a place */
type Waiter = (isIn: boolean) => void

/** Waits in a queue. @returns whether it got a place */
function placeIn(queue: Waiter[], pass: () => void, signal: AbortSignal, deadline: number): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const waiter: Waiter = (isIn) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', give)
      resolve(isIn)
    }
    const give = (): void => {
      const place = queue.indexOf(waiter)
      if (place < 0) return
      queue.splice(place, 1)
      waiter(false)
    }
    queue.push(waiter)
    pass()
    if (!queue.includes(waiter)) return
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
