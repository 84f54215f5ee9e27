/** A circuit breaker for one provider: it opens when nearly everything fails, and then lets single probes pass until one succeeds. */
import type { Problem } from '../errors.ts'

/** What an attempt shows about the provider itself. `neither`: its result is due to the message alone. */
export type Verdict = 'ok' | 'failed' | 'neither'

/** Why an attempt failed. */
export type Reason = Pick<Problem, 'code' | 'message'>

/** A breaker of this process. That another process's breaker opened is read from the database, and adopted. */
export interface Breaker {
  /** Lets an attempt pass. @returns the function to report its verdict to, once, with the reason of a failure; null: the breaker is open */
  enter(): ((verdict: Verdict, reason?: Reason | null) => void) | null
  /** for how long no attempt passes, ms; 0: one may pass now */
  blockedForMs(): number
  /** Opens a closed breaker, because another process's is open for that long, ms from now; 0 or less: a probe is due. */
  adopt(forMs: number): void
}

/** It opens when this share of the last `WINDOW` verdicts failed, given at least `LEAST` of them: a flaky provider stays in use. */
const WINDOW = 20
const LEAST = 10
const SHARE = 0.8
const OPEN_MIN_MS = 1_000
const OPEN_MAX_MS = 30_000

/**
 * @returns a closed breaker
 * @param now ms, of a monotonic clock
 * @param onChange called when it opens, or stays open after a failed probe (with the duration, ms, and the reason of the last failure), and
 *   when it closes (with null)
 */
export function createBreaker(now: () => number, onChange: (openForMs: number | null, reason: Reason | null) => void): Breaker {
  /** true: failed; the latest last */
  let verdicts: boolean[] = []
  let openMs = 0
  /** null: closed */
  let openUntil: number | null = null
  let isProbing = false

  function open(reason: Reason | null): void {
    openMs = Math.min(OPEN_MAX_MS, Math.max(OPEN_MIN_MS, openMs * 2))
    openUntil = now() + openMs
    verdicts = []
    onChange(openMs, reason)
  }
  function close(): void {
    openUntil = null
    openMs = 0
    verdicts = []
    onChange(null, null)
  }
  function note(verdict: Verdict, reason: Reason | null): void {
    if (verdict === 'neither') return
    verdicts.push(verdict === 'failed')
    if (verdicts.length > WINDOW) verdicts.shift()
    const failed = verdicts.filter(Boolean).length
    if (verdicts.length >= LEAST && failed >= SHARE * verdicts.length) open(reason)
  }

  return {
    enter() {
      if (openUntil === null) {
        const since = openUntil
        // A verdict on an attempt from before it opened doesn't show whether the provider works again.
        return (verdict, reason = null) => {
          if (openUntil === since) note(verdict, reason)
        }
      }
      if (isProbing || now() < openUntil) return null
      isProbing = true
      return (verdict, reason = null) => {
        isProbing = false
        if (verdict === 'ok') close()
        else if (verdict === 'failed') open(reason)
      }
    },
    blockedForMs: () => (openUntil === null ? 0 : Math.max(isProbing ? OPEN_MIN_MS : 0, openUntil - now())),
    adopt(forMs) {
      if (openUntil === null) openUntil = now() + forMs
    },
  }
}
