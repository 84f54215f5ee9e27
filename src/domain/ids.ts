/** UUIDv7: the keys of the record. Rows made together stand together in the index, and newer is greater. */
import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'

/** Makes ids that grow from call to call in this process. */
export type Ids = () => string

/** Makes a source of UUIDv7. Within a millisecond the 12-bit counter goes up; when it is full, or time runs back, the time part does. */
export function createIds(clock: Clock): Ids {
  let lastMs = 0
  let counter = 0
  let pool = Buffer.alloc(0)
  let used = 0
  return () => {
    const now = clock.now().getTime()
    if (now > lastMs) {
      lastMs = now
      counter = 0
    } else if (++counter > 0xfff) {
      lastMs++
      counter = 0
    }
    // Random bytes are drawn for 512 ids at a time: a system call an id would be most of its cost.
    if (used + 8 > pool.length) {
      pool = randomBytes(4096)
      used = 0
    }
    const random = pool.toString('hex', used, used + 8)
    used += 8
    const time = lastMs.toString(16).padStart(12, '0')
    const variant = (8 | (Number.parseInt(random.charAt(0), 16) & 3)).toString(16)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${variant}${random.slice(1, 4)}-${random.slice(4)}`
  }
}

/** The smallest UUIDv7 of a moment: bounds a range of ids by time. */
export function firstIdAt(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Tells whether a text can be one of our ids at all: anything else finds nothing, without asking the database. */
export const isUuid = (text: string): boolean => UUID.test(text)
