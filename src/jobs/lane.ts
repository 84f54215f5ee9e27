/** The way to one provider: so many at once, and so many a second. */

/** A place on the way, to be left once. */
export interface Lane {
  /** Waits for a place. @returns what leaves it; null: the signal ended the waiting */
  enter(signal: AbortSignal): Promise<(() => void) | null>
}

/** Makes a lane. `perSecond`: null for no limit but `concurrency`. */
export function createLane(concurrency: number, perSecond: number | null): Lane {
  let inside = 0
  let nextAtMs = 0
  const waiting: (() => void)[] = []
  const pass = (): void => {
    while (inside < concurrency) {
      const next = waiting.shift()
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
    async enter(signal) {
      if (signal.aborted) return null
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        pass()
      })
      if (perSecond !== null) {
        const now = performance.now()
        const at = Math.max(now, nextAtMs)
        nextAtMs = at + 1000 / perSecond
        if (at > now) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(done, at - now)
            function done(): void {
              clearTimeout(timer)
              signal.removeEventListener('abort', done)
              resolve()
            }
            signal.addEventListener('abort', done)
          })
        }
      }
      if (signal.aborted) {
        leave()
        return null
      }
      return leave
    },
  }
}
