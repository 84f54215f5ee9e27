/** The arithmetic of feeds: numbers, counts, and what folds. */
import { describe, expect, it } from 'vitest'
import { type Arrival, arrivedAs, feedUpdateOf, openLedger } from '../../src/domain/ledger.ts'
import type { FeedCounts, FeedMessage } from '../../src/words.ts'
import { randomOf, seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'

const at = new Date('2030-01-01T00:00:00.000Z')
const later = new Date('2030-01-01T00:01:00.000Z')
const READ = later.toISOString()

const arrivalOf = (n: number, more: Partial<Arrival> = {}): Arrival => ({
  projectId: 'p1',
  contactId: 'c1',
  messageId: `m${n}`,
  notificationId: `n${n}`,
  transactionId: `tx${n}`,
  templateId: 't1',
  templateKey: 'order',
  templateVersion: 3,
  incrementId: null,
  feed: 'default',
  text: { title: `Title ${n}`, body: `Body ${n}`, iconUrl: null, url: null, actions: [] },
  actor: null,
  data: { n },
  at,
  ...more,
})
const stateOf = (feedSeq: number, counts: FeedCounts = {}, contactId = 'c1') => ({ projectId: 'p1', contactId, feedSeq, counts })
/** A message that arrived earlier. */
const messageOf = (n: number, more: Partial<FeedMessage> = {}): FeedMessage => ({ ...arrivedAs(arrivalOf(n), n), ...more })
const foldable = (message: FeedMessage, incrementId = 'like', templateId = 't1') => ({ ...message, templateId, incrementId })

describe('an arrival', () => {
  it('takes the next number, and counts as unseen and unread', () => {
    const ledger = openLedger([stateOf(7, { default: [1, 2] })])
    expect(ledger.arrive(arrivalOf(1))).toBe(false)
    expect(ledger.states()).toEqual([stateOf(8, { default: [2, 3] })])
    expect(ledger.inserted.get('m1')).toMatchObject({
      kind: 'RECEIVED',
      templateId: 't1',
      incrementId: null,
      message: {
        status: 'DELIVERED',
        count: 1,
        arrivedSeq: 8,
        listedSeq: 8,
        changedSeq: 8,
        seenAt: null,
        readAt: null,
        archivedAt: null,
      },
    })
    expect(ledger.rewritten.size).toBe(0)
  })
  it('is published with the counts right after it, not after all', () => {
    const ledger = openLedger([stateOf(0)])
    for (const n of [1, 2, 3]) ledger.arrive(arrivalOf(n))
    const [signal] = ledger.signals()
    expect(signal?.topic === 'feed' ? signal.changes.map(({ seq, kind, counts }) => [seq, kind, counts]) : null).toEqual([
      [1, 'RECEIVED', { default: [1, 1] }],
      [2, 'RECEIVED', { default: [2, 2] }],
      [3, 'RECEIVED', { default: [3, 3] }],
    ])
  })
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('counts in a feed that is called %s', (feed) => {
    const ledger = openLedger([stateOf(0)])
    ledger.arrive(arrivalOf(1, { feed }))
    ledger.arrive(arrivalOf(2, { feed }))
    expect(Object.entries(ledger.states()[0]?.counts ?? {})).toEqual([[feed, [2, 2]]])
  })
  it('counts in its own feed and numbers in its own contact alone', () => {
    const ledger = openLedger([stateOf(5, { jobs: [1, 1] }), stateOf(9, {}, 'c2'), stateOf(3, {}, 'c3')])
    ledger.arrive(arrivalOf(1, { feed: 'jobs' }))
    ledger.arrive(arrivalOf(2, { contactId: 'c2' }))
    expect(ledger.states()).toEqual([stateOf(6, { jobs: [2, 2] }), stateOf(10, { default: [1, 1] }, 'c2')])
  })
  it('to a feed that is not locked is an error', () => {
    expect(() => openLedger([stateOf(0)]).arrive(arrivalOf(1, { contactId: 'c2' }))).toThrow(
      'The feed of contact c2 is not locked',
    )
  })
})

describe('an arrival folds', () => {
  it.each<[string, Partial<FeedMessage>, FeedCounts, FeedCounts]>([
    ['into one that is unseen: the counts stay', {}, { default: [1, 1] }, { default: [1, 1] }],
    ['into one that was seen: it is unseen again', { seenAt: READ }, { default: [0, 1] }, { default: [1, 1] }],
  ])('%s', (_title, state, before, after) => {
    const ledger = openLedger([stateOf(4, before)], [foldable(messageOf(1, { count: 4, ...state }))])
    expect(ledger.arrive(arrivalOf(2, { incrementId: 'like', at: later }))).toBe(true)
    expect(ledger.states()).toEqual([stateOf(5, after)])
    expect(ledger.inserted.size).toBe(0)
    expect(ledger.rewritten.get('m1')).toMatchObject({
      kind: 'UPDATED',
      message: {
        id: 'm1',
        notificationId: 'n2',
        transactionId: 'tx2',
        body: 'Body 2',
        data: { n: 2 },
        count: 5,
        seenAt: null,
        arrivedSeq: 1,
        listedSeq: 5,
        changedSeq: 5,
        createdAt: at.toISOString(),
        updatedAt: later.toISOString(),
      },
    })
  })
  it('a hundred times in one transaction into the one that came first', () => {
    const ledger = openLedger([stateOf(0)])
    const folded = times(100, (n) => ledger.arrive(arrivalOf(n, { incrementId: 'like' })))
    expect(folded.filter(Boolean)).toHaveLength(99)
    expect(ledger.states()).toEqual([stateOf(100, { default: [1, 1] })])
    expect([...ledger.inserted.keys()]).toEqual(['m0'])
    expect(ledger.inserted.get('m0')?.message).toMatchObject({ count: 100, arrivedSeq: 1, changedSeq: 100, body: 'Body 99' })
  })
  it.each<[string, Partial<Arrival>]>([
    ['it has no incrementId', { incrementId: null }],
    ['it has another incrementId', { incrementId: 'other' }],
    ['it is of another template', { templateId: 't2' }],
    ['it is for another contact', { contactId: 'c2' }],
    ['its parts only read like those of the other when put together', { templateId: 't', incrementId: '1like' }],
  ])('not where %s', (_title, more) => {
    const ledger = openLedger([stateOf(1, { default: [1, 1] }), stateOf(0, {}, 'c2')], [foldable(messageOf(1))])
    expect(ledger.arrive(arrivalOf(2, { incrementId: 'like', ...more }))).toBe(false)
    expect(ledger.inserted.has('m2')).toBe(true)
  })
})

describe('a change of a message', () => {
  type State = Partial<Pick<FeedMessage, 'seenAt' | 'readAt' | 'archivedAt' | 'status'>>
  it.each<[string, State, State, [number, number]]>([
    ['seen', {}, { seenAt: READ }, [-1, 0]],
    ['read', {}, { seenAt: READ, readAt: READ }, [-1, -1]],
    ['read after it was seen', { seenAt: READ }, { seenAt: READ, readAt: READ }, [0, -1]],
    ['read and not seen', {}, { readAt: READ }, [0, -1]],
    ['unseen again', { seenAt: READ, readAt: READ }, { readAt: READ }, [1, 0]],
    ['unread again', { seenAt: READ, readAt: READ }, { seenAt: READ }, [0, 1]],
    ['archived', {}, { archivedAt: READ }, [-1, -1]],
    ['archived after it was read', { seenAt: READ, readAt: READ }, { seenAt: READ, readAt: READ, archivedAt: READ }, [0, 0]],
    ['back from the archive', { archivedAt: READ }, {}, [1, 1]],
    ['read in the archive', { archivedAt: READ }, { archivedAt: READ, seenAt: READ, readAt: READ }, [0, 0]],
    ['canceled', {}, { status: 'CANCELED' }, [-1, -1]],
    ['canceled in the archive', { archivedAt: READ }, { archivedAt: READ, status: 'CANCELED' }, [0, 0]],
    ['nothing', {}, {}, [0, 0]],
  ])('%s changes the counts by as much as it weighs', (_title, before, after, [unseen, unread]) => {
    const ledger = openLedger([stateOf(8, { default: [5, 5] })])
    const changed = ledger.change(messageOf(3, before), messageOf(3, after), 'MARKED')
    expect(changed.changedSeq).toBe(9)
    expect(ledger.states()).toEqual([stateOf(9, { default: [5 + unseen, 5 + unread] })])
    expect(ledger.rewritten.get('m3')).toMatchObject({ kind: 'MARKED', message: changed })
  })
  it('that arrived in the same transaction is still an insertion', () => {
    const ledger = openLedger([stateOf(0)])
    ledger.arrive(arrivalOf(1))
    const before = arrivedAs(arrivalOf(1), 1)
    ledger.change(before, { ...before, seenAt: READ }, 'MARKED')
    expect(ledger.rewritten.size).toBe(0)
    expect(ledger.inserted.get('m1')).toMatchObject({ kind: 'MARKED', message: { arrivedSeq: 1, changedSeq: 2, seenAt: READ } })
  })
})

describe('a change of many', () => {
  it('takes one number, whatever it changes', () => {
    const ledger = openLedger([stateOf(8, { default: [5, 5], jobs: [2, 3] })])
    expect(ledger.changeAll('c1', { default: [-5, -5], jobs: [-2, 0] })).toBe(9)
    expect(ledger.states()).toEqual([stateOf(9, { jobs: [0, 3] })])
    expect(ledger.signals()).toEqual([
      {
        topic: 'feed',
        projectId: 'p1',
        contactId: 'c1',
        changes: [{ seq: 9, kind: 'ALL_MARKED', message: null, counts: { jobs: [0, 3] } }],
      },
    ])
  })
})

describe('the counts', () => {
  it('drop a feed with nothing to count, and leave those that were given alone', () => {
    const given = { default: [1, 1], jobs: [1, 0] } as const
    const ledger = openLedger([stateOf(1, given)])
    ledger.change(messageOf(1), messageOf(1, { seenAt: READ, readAt: READ }), 'MARKED')
    expect(ledger.states()).toEqual([stateOf(2, { jobs: [1, 0] })])
    expect(given).toEqual({ default: [1, 1], jobs: [1, 0] })
  })
  it('of a feed in which nothing changed are not written', () => {
    const ledger = openLedger([stateOf(1, { default: [1, 1] })])
    expect([ledger.states(), ledger.signals()]).toEqual([[], []])
  })

  it('are those of the messages, whatever happens to them in whatever order', () => {
    const random = seeded()
    const ledger = openLedger([stateOf(0)])
    const now = new Map<string, FeedMessage>()
    const flip = (value: string | null): string | null => (value === null ? READ : null)
    for (let n = 0; n < 500; n++) {
      const known = [...now.values()].filter(({ status }) => status !== 'CANCELED')
      const drawn = random.int(6)
      if (known.length === 0 || drawn === 0) ledger.arrive(arrivalOf(n, { feed: random.of(['default', 'jobs', '__proto__']) }))
      else {
        const before = random.of(known)
        const after: FeedMessage = {
          ...before,
          ...(drawn === 1 ? { seenAt: flip(before.seenAt) } : {}),
          ...(drawn === 2 ? { readAt: flip(before.readAt) } : {}),
          ...(drawn === 3 ? { archivedAt: flip(before.archivedAt) } : {}),
          ...(drawn === 4 ? { status: 'CANCELED' as const } : {}),
        }
        ledger.change(before, after, 'MARKED')
      }
      for (const [id, { message }] of ledger.inserted) now.set(id, message)
    }
    const counted = [...now.values()].filter(({ archivedAt, status }) => archivedAt === null && status !== 'CANCELED')
    const expected = ['default', 'jobs', '__proto__'].flatMap((feed): [string, [number, number]][] => {
      const own = counted.filter((message) => message.feed === feed)
      const pair: [number, number] = [
        own.filter(({ seenAt }) => seenAt === null).length,
        own.filter(({ readAt }) => readAt === null).length,
      ]
      return pair[0] + pair[1] === 0 ? [] : [[feed, pair]]
    })
    const [state] = ledger.states()
    expect(state?.feedSeq).toBe(500)
    expect(Object.entries(state?.counts ?? {}).toSorted()).toEqual(expected.toSorted())
  })
})

it('a message as a row to rewrite has all that a change may have changed, and what happened to it', () => {
  const message = messageOf(1, { seenAt: READ, count: 3 })
  const row = feedUpdateOf({ message, kind: 'UPDATED', templateId: 't1', incrementId: 'like', templateVersion: 2 }, [
    ['DELIVERED', READ, null],
  ])
  expect(row).toMatchObject({
    projectId: 'p1',
    id: 'm1',
    notificationId: 'n1',
    status: 'DELIVERED',
    count: 3,
    changeKind: 'UPDATED',
    templateVersion: 2,
    seenAt: READ,
    history: [['DELIVERED', READ, null]],
  })
  const marked = { message, kind: 'MARKED' as const, templateId: null, incrementId: null, templateVersion: null }
  expect(feedUpdateOf(marked).history).toEqual([])
})

it('random input is the same for the same seed, and another for another', () => {
  const draw = (seed: number): number[] => times(5, randomOf(seed))
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  expect(times(1_000, randomOf(3)).every((value) => value >= 0 && value < 1)).toBe(true)
})
