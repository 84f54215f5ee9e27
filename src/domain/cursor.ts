/**
 * Cursors: opaque and signed. Each is valid for one list of one owner; one that was forged, truncated or made for another list is
 * BAD_CURSOR.
 */
import { timingSafeEqual } from 'node:crypto'
import { CarillonError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { isUuid } from './ids.ts'
import { createMac, type Mac } from './mac.ts'
import type { Keys } from './secrets.ts'

/** How long the cursor of a feed is valid, in ms: 30 days. */
export const FEED_CURSOR_MS = 30 * 24 * 3_600_000

/** Creates and reads cursors. */
export interface Cursors {
  /** The cursor of a position in a contact's feed: the one with this number. */
  feed(contactId: string, seq: number): string
  /** The number in a contact's cursor. @throws BAD_CURSOR, CURSOR_EXPIRED */
  readFeed(contactId: string, cursor: string): number
  /**
   * The number in a cursor, without verifying it, while the contact is not known yet. Call `readFeed` as soon as it is.
   * @throws BAD_CURSOR
   */
  peekFeed(cursor: string): number
  /** The cursor of a row in a list of a project. */
  row(list: string, projectId: string, id: string): string
  /** The id of the row. @throws BAD_CURSOR */
  readRow(list: string, projectId: string, cursor: string): string
}

const MAX_LENGTH = 200
/** In characters: 12 bytes of the HMAC. */
const SIGNATURE_LENGTH = 16

/** Creates cursors that are signed with the first of `keys`; those signed with another are valid too. */
export function createCursors(keys: Keys, clock: Clock): Cursors {
  const macs = keys.map(createMac)
  const first = createMac(keys[0])
  const signWith = (mac: Mac, parts: readonly string[]): string => mac(parts.join('\n')).slice(0, SIGNATURE_LENGTH)
  const sign = (...parts: readonly string[]): string => signWith(first, parts)
  const isSigned = (given: string, ...parts: readonly string[]): boolean => {
    const a = Buffer.from(given)
    return macs.some((mac) => {
      const b = Buffer.from(signWith(mac, parts))
      return a.length === b.length && timingSafeEqual(a, b)
    })
  }
  const parts = (cursor: string, count: number): string[] => {
    const split = cursor.length > MAX_LENGTH ? [] : cursor.split('.')
    if (split.length !== count) throw new CarillonError('BAD_CURSOR')
    return split
  }
  return {
    feed(contactId, seq) {
      const place = seq.toString(36)
      const time = Math.floor(clock.now().getTime() / 1000).toString(36)
      return `${place}.${time}.${sign('feed', contactId, place, time)}`
    },
    peekFeed(cursor) {
      const place = Number.parseInt(parts(cursor, 3)[0] ?? '', 36)
      if (!Number.isSafeInteger(place)) throw new CarillonError('BAD_CURSOR')
      return place
    },
    readFeed(contactId, cursor) {
      const [place = '', time = '', signature = ''] = parts(cursor, 3)
      if (!isSigned(signature, 'feed', contactId, place, time)) throw new CarillonError('BAD_CURSOR')
      if (clock.now().getTime() - Number.parseInt(time, 36) * 1000 > FEED_CURSOR_MS) throw new CarillonError('CURSOR_EXPIRED')
      return Number.parseInt(place, 36)
    },
    row(list, projectId, id) {
      return `${id.replaceAll('-', '')}.${sign('row', list, projectId, id)}`
    },
    readRow(list, projectId, cursor) {
      const [hex = '', signature = ''] = parts(cursor, 2)
      const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      if (!isUuid(id) || !isSigned(signature, 'row', list, projectId, id)) throw new CarillonError('BAD_CURSOR')
      return id
    },
  }
}
