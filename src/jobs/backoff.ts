/** When a failed attempt is tried again. */

/** A message is tried in at most this many rounds, each with all of its targets; when the last round fails, it is FAILED. */
export const MAX_ROUNDS = 8

const BASE_MS = 3_000
const FACTOR = 3
const CAP_MS = 3_600_000
const RETRY_AFTER_MIN_MS = 1_000
const RETRY_AFTER_MAX_MS = 24 * 3_600_000

/**
 * How long to wait after attempt number `attempt` (from 1) failed, in whole milliseconds. Exponential with equal jitter: half of a
 * step is certain, the other half is drawn, so that messages that failed together come back apart and none comes back at once.
 *
 * | after attempt | step | waits | the next attempt, since the first one |
 * |---|---|---|---|
 * | 1 | 3 s | 1.5-3 s | 1.5-3 s |
 * | 2 | 9 s | 4.5-9 s | 6-12 s |
 * | 3 | 27 s | 13.5-27 s | 20-39 s |
 * | 4 | 81 s | 40-81 s | 1-2 min |
 * | 5 | 243 s | 2-4 min | 3-6 min |
 * | 6 | 729 s | 6-12 min | 9-18 min |
 * | 7 | 2,187 s | 18-36 min | 27-55 min |
 *
 * A step is at most one hour.
 * @param random gives a number in [0, 1)
 * @param retryAfterMs what the vendor asked for, or null. It is honoured when longer than our own delay, within 1 s to 24 h:
 *   a vendor can neither hold a message up indefinitely nor shorten our own back-off
 */
export function nextAttemptDelayMs(attempt: number, random: () => number, retryAfterMs: number | null): number {
  const stepMs = Math.min(CAP_MS, BASE_MS * FACTOR ** (Math.max(1, attempt) - 1))
  const ownMs = Math.round(stepMs / 2 + (random() * stepMs) / 2)
  if (retryAfterMs === null || Number.isNaN(retryAfterMs)) return ownMs
  return Math.max(ownMs, Math.ceil(Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, retryAfterMs))))
}
