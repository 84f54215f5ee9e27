/** UUIDv7: the keys of the record. Rows made together stand together in the index, and newer is greater. */
import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'

const DIGITS = Buffer.from('0123456789abcdef')

/** Where the two digits of each of the 16 bytes stand in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** Makes ids that grow from call to call in this process. */
export type Ids = () => string

/** Makes a source of UUIDv7. Within a millisecond the 12-bit counter goes up; when it is full, or time runs back, the time part does. */
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
    // Random bytes are drawn for 512 ids at a time: a system call an id would be most of its cost.
    if (used + 8 > pool.length) {
      pool = randomBytes(4096)
      used = 0
    }
    bytes.writeUIntBE(lastMs, 0, 6)
    bytes.writeUInt16BE(0x7000 | counter, 6)
    pool.copy(bytes, 8, used, used + 8)
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
    used += 8
    // Written in one piece. Put together from parts it would be a dozen little strings, which a long fan-out has millions of.
    for (const [index, place] of PLACES.entries()) {
      const byte = bytes.readUInt8(index)
      text.writeUInt8(DIGITS.readUInt8(byte >> 4), place)
      text.writeUInt8(DIGITS.readUInt8(byte & 15), place + 1)
    }
    return text.toString('latin1')
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
