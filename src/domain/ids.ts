/** UUIDv7, the primary keys of the database: rows that are made at the same time are neighbours in the index, and newer ids are greater. */
import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'

const DIGITS = Buffer.from('0123456789abcdef')

/** The position of the two digits of each of the 16 bytes in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** Returns a new id, greater than all that this process has made before. */
export type Ids = () => string

/**
 * Creates a source of UUIDv7. Within a millisecond, or when the clock goes back, a 12-bit counter goes up; when it overflows, the time part
 * does.
 */
export function createIds(clock: Clock): Ids {
  let lastMs = 0
  let counter = 0
  let pool = Buffer.alloc(0)
  let used = 0
  const bytes = Buffer.alloc(16)
  const text = Buffer.alloc(36, '-')
  return () => {
    const now = clock.now().getTime()
    if (now > lastMs) {
      lastMs = now
      counter = 0
    } else if (++counter > 0xfff) {
      lastMs++
      counter = 0
    }
    // Random bytes are drawn for 512 ids at a time: a system call per id would take most of the time.
    if (used + 8 > pool.length) {
      pool = randomBytes(4096)
      used = 0
    }
    bytes.writeUIntBE(lastMs, 0, 6)
    bytes.writeUInt16BE(0x7000 | counter, 6)
    pool.copy(bytes, 8, used, used + 8)
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
    used += 8
    // Written into one buffer: concatenating parts would make a dozen short strings per id, and a long fan-out makes millions of ids.
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] ?? 0
      const place = PLACES[index] ?? 0
      text[place] = DIGITS[byte >> 4] ?? 0
      text[place + 1] = DIGITS[byte & 15] ?? 0
    }
    return text.toString('latin1')
  }
}

/** The smallest UUIDv7 of a moment, in ms since 1970: turns a range of time into a range of ids. */
export function firstIdAt(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text has the form of an id. PostgreSQL refuses any other text as a uuid. */
export const isUuid = (text: string): boolean => UUID.test(text)

/** Joins a project and a name into one key. */
export const keyOf = (projectId: string, name: string): string => `${projectId} ${name}`
