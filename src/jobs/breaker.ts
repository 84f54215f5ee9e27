/** A circuit breaker for one provider: when nearly everything fails, it is left alone, and asked by single probes whether it works again. */

/** What an attempt said of the provider itself. `neither`: it spoke of the message alone. */
export type Verdict = 'ok' | 'failed' | 'neither'

/** A breaker of this process. Another process's finding is adopted through the record. */
export interface Breaker {
  /** Lets an attempt pass. @returns what takes its verdict, once; null: not now */
  enter(): ((verdict: Verdict) => void) | null
  /** How long nothing passes, ms; 0: now */
  blockedForMs(): number
  /** Another process found that it fails, and leaves it alone for so long, ms from now; 0 or less: a probe is due. */
  adopt(forMs: number): void
}

/** It opens when of the last `WINDOW` verdicts, and at least `LEAST`, this share failed: a flaky provider is used on. */
const WINDOW = 20
const LEAST = 10
const SHARE = 0.8
const OPEN_MIN_MS = 1_000
const OPEN_MAX_MS = 30_000

/**
 * Makes a closed breaker.
 * @param onChange called when it opens, or opens for longer (for so long, ms), and when it closes (null)
 */
export function createBreaker(now: () => number, onChange: (openForMs: number | null) => void): Breaker {
  /** true: failed; the latest last */
  let verdicts: boolean[] = []
  let openMs = 0
  /** null: closed */
  let openUntil: number | null = null
  let isProbing = false

  function open(): void {
    openMs = Math.min(OPEN_MAX_MS, Math.max(OPEN_MIN_MS, openMs * 2))
    openUntil = now() + openMs
    verdicts = []
    onChange(openMs)
  }
  function close(): void {
    openUntil = null
    openMs = 0
    verdicts = []
    onChange(null)
  }
  function note(verdict: Verdict): void {
    if (verdict === 'neither') return
    verdicts.push(verdict === 'failed')
    if (verdicts.length > WINDOW) verdicts.shift()
    const failed = verdicts.filter(Boolean).length
    if (verdicts.length >= LEAST && failed >= SHARE * verdicts.length) open()
  }

  return {
    enter() {
      if (openUntil === null) {
        const since = openUntil
        // What was under way when it opened says nothing about whether it works again.
        return (verdict) => {
          if (openUntil === since) note(verdict)
        }
      }
      if (isProbing || now() < openUntil) return null
      isProbing = true
      return (verdict) => {
        isProbing = false
        if (verdict === 'ok') close()
        else if (verdict === 'failed') open()
      }
    },
    blockedForMs: () => (openUntil === null ? 0 : Math.max(isProbing ? OPEN_MIN_MS : 0, openUntil - now())),
    adopt(forMs) {
      if (openUntil === null) openUntil = now() + forMs
    },
  }
}
