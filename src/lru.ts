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
  /** Drops what has expired: otherwise that stays until it is asked for, or others take its place. */
  prune(): void
  readonly size: number
}

interface Entry<V> {
  readonly key: string
  value: V
  until: number
  /** its neighbours, in the order of use; null: it is the first, or the last */
  older: Entry<V> | null
  newer: Entry<V> | null
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
  // The order is kept in a list: a Map has one too, but it passes over all that was deleted since it last grew to find its first entry.
  const entries = new Map<string, Entry<V>>()
  let oldest: Entry<V> | null = null
  let newest: Entry<V> | null = null
  const expires = ttl !== Number.POSITIVE_INFINITY

  function unlink({ older, newer }: Entry<V>): void {
    if (older === null) oldest = newer
    else older.newer = newer
    if (newer === null) newest = older
    else newer.older = older
  }
  function append(entry: Entry<V>): void {
    entry.older = newest
    entry.newer = null
    if (newest === null) oldest = entry
    else newest.newer = entry
    newest = entry
  }
  function remove(entry: Entry<V>): void {
    entries.delete(entry.key)
    unlink(entry)
  }
  function use(entry: Entry<V>): void {
    if (entry === newest) return
    unlink(entry)
    append(entry)
  }
  function found(key: string): Entry<V> | undefined {
    const entry = entries.get(key)
    if (entry === undefined || !expires || now() < entry.until) return entry
    remove(entry)
    return undefined
  }
  return {
    get(key) {
      const entry = found(key)
      if (entry === undefined) return undefined
      use(entry)
      return entry.value
    },
    has: (key) => found(key) !== undefined,
    set(key, value) {
      const until = expires ? now() + ttl : ttl
      const known = entries.get(key)
      if (known !== undefined) {
        known.value = value
        known.until = until
        use(known)
        return
      }
      const entry: Entry<V> = { key, value, until, older: null, newer: null }
      entries.set(key, entry)
      append(entry)
      if (entries.size > max && oldest !== null) remove(oldest)
    },
    delete(key) {
      const entry = entries.get(key)
      if (entry !== undefined) remove(entry)
    },
    clear() {
      entries.clear()
      oldest = null
      newest = null
    },
    prune() {
      for (const key of [...entries.keys()]) found(key)
    },
    get size() {
      return entries.size
    },
  }
}
