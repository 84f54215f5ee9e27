/**
 * Maps that hold at most so many entries and drop the least recently used. They take memory for what they hold only: `lru-cache`, which can
 * do more, reserves it for all that they may hold, which is megabytes for each of the large ones.
 */

/** A bounded map. */
export interface Lru<V> {
  /** An entry that is read counts as used. */
  get(key: string): V | undefined
  /** Unlike `get`, it uses nothing. */
  has(key: string): boolean
  set(key: string, value: V): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

interface Entry<V> {
  readonly value: V
  readonly until: number
}

/** Creates one. `ttl`: after how many ms an entry is gone, used or not; default: never. `now`: monotonic milliseconds */
export function createLru<V extends NonNullable<unknown>>({
  max,
  ttl = Number.POSITIVE_INFINITY,
  now = () => performance.now(),
}: {
  readonly max: number
  readonly ttl?: number
  readonly now?: () => number
}): Lru<V> {
  // A map keeps the order in which entries were inserted: the first one is the least recently used.
  const entries = new Map<string, Entry<V>>()
  const expires = ttl !== Number.POSITIVE_INFINITY
  const found = (key: string): Entry<V> | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || !expires || now() < entry.until) return entry
    entries.delete(key)
    return undefined
  }
  return {
    get(key) {
      const entry = found(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    has: (key) => found(key) !== undefined,
    set(key, value) {
      entries.delete(key)
      entries.set(key, { value, until: expires ? now() + ttl : ttl })
      if (entries.size <= max) return
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        break
      }
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    get size() {
      return entries.size
    },
  }
}
