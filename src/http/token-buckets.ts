/** Token buckets in memory, one per key; the least recently used are dropped first. */

/** How much a bucket holds, and how much is added to it in a second. */
export interface BucketSize {
  readonly perSecond: number
  readonly burst: number
}

/** Buckets that refill with time. */
export interface TokenBuckets {
  /** Takes one token. @returns 0, or the seconds until one is available */
  take(key: string): number
  /** Returns a token that was taken. */
  give(key: string): void
  /** What `take` would return, without taking a token. */
  peek(key: string): number
}

/** Buckets of any size, from which any number of tokens is taken. */
export interface WeightedBuckets {
  /** @returns 0 when so many tokens can be taken, or the seconds until they can. More than the bucket holds can be taken from a full one. */
  wait(key: string, tokens: number, size: BucketSize): number
  /** Takes tokens, more than there are too: the bucket is then in debt. A negative number gives them back. @returns what is left */
  take(key: string, tokens: number, size: BucketSize): number
}

interface Level {
  tokens: number
  at: number
}

const KEYS_MAX = 50_000

/** Creates buckets whose size is an argument. `now`: monotonic milliseconds. */
export function createWeightedBuckets(now: () => number = () => performance.now()): WeightedBuckets {
  const levels = createLru<Level>({ max: KEYS_MAX })
  const left = (level: Level | undefined, at: number, { perSecond, burst }: BucketSize): number =>
    level === undefined ? burst : Math.min(burst, level.tokens + ((at - level.at) / 1_000) * perSecond)
  return {
    wait(key, tokens, size) {
      const missing = Math.min(tokens, size.burst) - left(levels.get(key), now(), size)
      return missing <= 0 ? 0 : Math.max(1, Math.ceil(missing / size.perSecond))
    },
    take(key, tokens, size) {
      const at = now()
      const level = levels.get(key)
      const rest = Math.min(size.burst, left(level, at, size) - tokens)
      if (level === undefined) levels.set(key, { tokens: rest, at })
      else {
        level.tokens = rest
        level.at = at
      }
      return rest
    },
  }
}

/** Creates buckets that hold `burst` tokens and refill at `perSecond`. `now`: monotonic milliseconds. */
import { createLru } from '../lru.ts'
export function createTokenBuckets(perSecond: number, burst: number, now?: () => number): TokenBuckets {
  const buckets = createWeightedBuckets(now)
  const size = { perSecond, burst }
  return {
    take(key) {
      const seconds = buckets.wait(key, 1, size)
      if (seconds === 0) buckets.take(key, 1, size)
      return seconds
    },
    give: (key) => void buckets.take(key, -1, size),
    peek: (key) => buckets.wait(key, 1, size),
  }
}
