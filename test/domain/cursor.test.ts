/** Cursors: what one is good for, and what is none. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCursors, FEED_CURSOR_MS } from '../../src/domain/cursor.ts'
import { refusalOf } from '../helpers/refusal.ts'

const key = Buffer.alloc(32, 1)
const id = '01900000-0000-7000-8000-00000000abcd'
let now = Date.UTC(2030, 0, 1)
const clock = { now: () => new Date(now), offsetMs: 0 }
const cursors = createCursors([key], clock)
const others = createCursors([Buffer.alloc(32, 2)], clock)

describe('a cursor of a feed', () => {
  const cursor = cursors.feed('c1', 41)

  it.each([0, 1, 35, 36, 1_000_000, Number.MAX_SAFE_INTEGER])('leads back to its number: %d', (seq) => {
    expect(cursors.readFeed('c1', cursors.feed('c1', seq))).toBe(seq)
    expect(cursors.peekFeed(cursors.feed('c1', seq))).toBe(seq)
  })
  it('is short, and fit for a URL', () => {
    expect(cursors.feed('c1', Number.MAX_SAFE_INTEGER)).toMatch(/^[0-9A-Za-z_.-]{1,40}$/)
  })

  const [place, time, signature] = cursor.split('.')
  it.each<[string, string]>([
    ['empty', ''],
    ['a word', 'cursor'],
    ['dots', '..'],
    ['cut at its end', cursor.slice(0, -1)],
    ['cut at its beginning', cursor.slice(1)],
    ['longer', `${cursor}x`],
    ['of four parts', `${cursor}.x`],
    ['moved to another number', `${(42).toString(36)}.${time}.${signature}`],
    ['moved to another time', `${place}.${'zzzzzz'}.${signature}`],
    ['without a signature', `${place}.${time}.`],
    ['in capitals', cursor.toUpperCase()],
    ['signed with another key', others.feed('c1', 41)],
    ['that of another contact', cursors.feed('c2', 41)],
    ['that of a list', cursors.row('feed', 'c1', id)],
    ['10 KB', 'x'.repeat(10_000)],
    ['10 KB in three parts', `${place}.${'x'.repeat(10_000)}.${signature}`],
  ])('is BAD_CURSOR when it is %s', (_title, text) => {
    expect(refusalOf(() => cursors.readFeed('c1', text))).toEqual(['BAD_CURSOR', undefined])
  })
  it('is BAD_CURSOR when its signature is beyond ASCII', () => {
    const text = `${place}.${time}.${'é'.repeat(signature?.length ?? 0)}`
    expect(refusalOf(() => cursors.readFeed('c1', text))?.[0]).toBe('BAD_CURSOR')
  })
  it.each(['', 'x', '-.-.-', '!.a.b', '1e400', 'zzzzzzzzzzzzzzzz.a.b'])(
    'is none before anybody knows whose it is: %s',
    (text) => {
      expect(refusalOf(() => cursors.peekFeed(text))?.[0]).toBe('BAD_CURSOR')
    },
  )

  it('is good for 30 days, and then CURSOR_EXPIRED', () => {
    const made = now
    const old = cursors.feed('c1', 41)
    now = made + FEED_CURSOR_MS
    expect(cursors.readFeed('c1', old)).toBe(41)
    now += 1
    expect(refusalOf(() => cursors.readFeed('c1', old))?.[0]).toBe('CURSOR_EXPIRED')
    // That it is old says nothing about who made it.
    expect(refusalOf(() => cursors.readFeed('c2', old))?.[0]).toBe('BAD_CURSOR')
    now = made
  })
})

it.each([1, 32, 64, 65, 200])('is signed with HMAC-SHA-256, with a key of %d bytes', (length) => {
  const long = Buffer.alloc(length, 'key')
  const [place, time, signature] = createCursors([long], clock).feed('c1 한', 41).split('.')
  const hmac = createHmac('sha256', long).update(`feed\nc1 한\n${place}\n${time}`).digest('base64url')
  expect(signature).toBe(hmac.slice(0, 16))
})

describe('a cursor of a list', () => {
  const cursor = cursors.row('contacts', 'p1', id)

  it('leads back to its row', () => {
    expect(cursors.readRow('contacts', 'p1', cursor)).toBe(id)
  })
  const [hex, signature] = cursor.split('.')
  it.each<[string, string]>([
    ['empty', ''],
    ['a word', 'cursor'],
    ['an id', id],
    ['cut', cursor.slice(0, -1)],
    ['longer', `${cursor}x`],
    ['moved to another row', `${hex?.replace('abcd', 'abce')}.${signature}`],
    ['with SQL for an id', `' OR 1=1 --.${signature}`],
    ['signed with another key', others.row('contacts', 'p1', id)],
    ['that of another list', cursors.row('topics', 'p1', id)],
    ['that of another project', cursors.row('contacts', 'p2', id)],
    ['that of a feed', cursors.feed('p1', 1)],
    ['10 KB', 'x'.repeat(10_000)],
  ])('is BAD_CURSOR when it is %s', (_title, text) => {
    expect(refusalOf(() => cursors.readRow('contacts', 'p1', text))).toEqual(['BAD_CURSOR', undefined])
  })
  it('has no end', () => {
    const made = now
    now += 10 * FEED_CURSOR_MS
    expect(cursors.readRow('contacts', 'p1', cursor)).toBe(id)
    now = made
  })
})
