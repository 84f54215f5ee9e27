/** Cursors: opaque, signed, and good for one list of one owner only. A forged, cut or borrowed one is BAD_CURSOR. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { CarillonError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { isUuid } from './ids.ts'

/** How long a place in a feed can be returned to, ms: 30 days. */
export const FEED_CURSOR_MS = 30 * 24 * 3_600_000

/** Makes and reads cursors. */
export interface Cursors {
  /** A place in a contact's feed: after the change with this number. */
  feed(contactId: string, seq: number): string
  /** @throws BAD_CURSOR, CURSOR_EXPIRED */
  readFeed(contactId: string, cursor: string): number
  /** What it says before anybody knows whose feed it is read for: `readFeed` has to be asked as well, once that is known. @throws BAD_CURSOR */
  peekFeed(cursor: string): number
  /** A row of a list of a project. */
  row(list: string, projectId: string, id: string): string
  /** @throws BAD_CURSOR */
  readRow(list: string, projectId: string, cursor: string): string
}

const MAX_LENGTH = 200

/** Makes cursors that are signed with `key`. */
export function createCursors(key: Uint8Array, clock: Clock): Cursors {
  const sign = (...parts: readonly string[]): string =>
    createHmac('sha256', key).update(parts.join('\n')).digest().subarray(0, 12).toString('base64url')
  const same = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
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
      if (!same(signature, sign('feed', contactId, place, time))) throw new CarillonError('BAD_CURSOR')
      if (clock.now().getTime() - Number.parseInt(time, 36) * 1000 > FEED_CURSOR_MS) throw new CarillonError('CURSOR_EXPIRED')
      return Number.parseInt(place, 36)
    },
    row(list, projectId, id) {
      return `${id.replaceAll('-', '')}.${sign('row', list, projectId, id)}`
    },
    readRow(list, projectId, cursor) {
      const [hex = '', signature = ''] = parts(cursor, 2)
      const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      if (!isUuid(id) || !same(signature, sign('row', list, projectId, id))) throw new CarillonError('BAD_CURSOR')
      return id
    },
  }
}
