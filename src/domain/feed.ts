/** A contact's feed: reads it, and marks, snoozes and deletes its messages. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { deleteAll, deleteMessages } from '../db/delete-messages.ts'
import {
  countBySeverity,
  countFeed,
  type FeedFilter,
  type FeedKey,
  type FeedName,
  type FeedPart,
  findFeedMessages,
  findFeedRows,
  lockFeeds,
  readFeed,
} from '../db/feed.ts'
import { type MarkDelta, type Marks, markAll, type Selected, setAllMarked } from '../db/mark-all.ts'
import { findArchived, snoozeMessages, unsnoozeMessages } from '../db/snooze.ts'
import { write } from '../db/write.ts'
import { CarillonError } from '../errors.ts'
import {
  type Action,
  countOf,
  type FeedChangeKind,
  type FeedCounts,
  type FeedMessage,
  type JsonObject,
  type Severity,
  type Signal,
  severities,
} from '../words.ts'
import { atIndex, checkList, checkObject } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { isUuid } from './ids.ts'
import { feedUpdateOf, type Ledger, openLedger } from './ledger.ts'
import { checkPage, checkSkip, inOrder, type ListPage, type PageArgs, slice } from './page.ts'

export type { FeedPart }

/** `publish` is called after the commit. */
export interface FeedDeps {
  readonly db: Database
  readonly clock: Clock
  readonly cursors: Cursors
  publish(signals: readonly Signal[]): void
}

/** A page of a feed. */
export interface FeedList extends ListPage<FeedMessage> {
  readonly contactId: string
  readonly unseenCount: number
  readonly unreadCount: number
  /** the number from which a subscription continues without a gap */
  readonly seq: number
  /** unseen and unread messages of the selected feeds, by severity */
  bySeverity(): Promise<readonly SeverityCounts[]>
}

/** The counts of messages of one severity. */
export interface SeverityCounts {
  readonly severity: Severity
  readonly unseenCount: number
  readonly unreadCount: number
}

/** The result of `markAs` and `deleteMessages`. `messages`: those that were named by id */
export interface MarkResult {
  readonly messages: readonly FeedMessage[]
  readonly changedCount: number
  readonly unseenCount: number
  readonly unreadCount: number
}

/** Messages of a feed: either `messages` (ids) or `all`. */
export interface MessagesInput {
  readonly messages?: readonly string[] | null | undefined
  readonly all?:
    | {
        readonly feeds?: readonly string[] | null | undefined
        readonly until?: string | null | undefined
        readonly read?: boolean | null | undefined
        readonly archived?: boolean | null | undefined
      }
    | null
    | undefined
}

/** The input of `markAs`: at least one mark. */
export interface MarkInput extends MessagesInput {
  readonly seen?: boolean | null | undefined
  readonly read?: boolean | null | undefined
  readonly archived?: boolean | null | undefined
}

/** The new state of a button of a message. */
export interface ActionInput {
  readonly type: Action['type']
  readonly status: Action['status']
  readonly payload?: JsonObject | null | undefined
}

/** How far ahead a message may be snoozed, ms. Workers look for what is due every second. */
const SNOOZE_MIN_MS = 5_000
const SNOOZE_MAX_MS = 366 * 86_400_000

/** Feed identifiers without those that contain a NUL: no feed has such a name, and the database refuses the character. */
const nameable = (feeds: readonly string[] | null | undefined): readonly string[] | null =>
  feeds?.filter((feed) => !feed.includes('\0')) ?? null

/** Creates the operations of feeds. */
export function createFeed({ db, clock, cursors, publish }: FeedDeps) {
  return {
    /**
     * One page, newest first.
     * @param parts what of its messages is used: only that is read
     * @throws CONTACT_NOT_FOUND, BAD_CURSOR, CURSOR_EXPIRED, BAD_INPUT
     */
    async list(name: FeedName, given: FeedFilter, args: PageArgs, parts: ReadonlySet<FeedPart>): Promise<FeedList> {
      const page = checkPage(args)
      const filter = { ...given, feeds: nameable(given.feeds) }
      // One statement finds the contact and reads its feed, so the cursors can be verified only after it.
      const below = page.after === null ? Number.MAX_SAFE_INTEGER : cursors.peekFeed(page.after)
      const above = page.before === null ? 0 : cursors.peekFeed(page.before)
      const limits = { above, below, limit: page.limit + 1, backward: page.backward }
      const isNameable = 'contactId' in name || !name.externalId.includes('\0')
      // A filter that few messages match is looked for in all of them: that keeps no other read waiting.
      const isSmall =
        filter.feeds === null &&
        filter.seen === null &&
        filter.read === null &&
        filter.archived !== true &&
        given.snoozed !== true &&
        filter.severities == null
      const reader = isSmall ? db.gathered(name.projectId, 'contactId' in name ? name.contactId : name.externalId) : db.pool
      const found = isNameable ? await readFeed(reader, name, filter, limits, parts) : null
      if (found === null) throw new CarillonError('CONTACT_NOT_FOUND')
      const { projectId, contactId, counts, feedSeq } = found.state
      for (const cursor of [page.after, page.before]) if (cursor !== null) cursors.readFeed(contactId, cursor)
      return {
        ...slice(found.messages, page),
        ...countOf(counts, filter.feeds),
        contactId,
        seq: feedSeq,
        cursorOf: (message) => cursors.feed(contactId, message.listedSeq),
        total: () => countFeed(db.pool, { projectId, contactId }, filter),
        async bySeverity() {
          const found = await countBySeverity(db.pool, { projectId, contactId }, filter.feeds)
          const counted = new Map(found.map((one) => [one.severity, one]))
          return severities.map((severity) => counted.get(severity) ?? { severity, unseenCount: 0, unreadCount: 0 })
        },
      }
    },

    /**
     * A page that begins at a row with a number, newest first, with the size of the list. `data`: only messages whose data contain it.
     * @throws BAD_INPUT
     */
    async numbered(
      key: FeedKey,
      given: FeedFilter,
      data: JsonObject | null,
      { skip, limit }: { readonly skip: number; readonly limit: number },
    ): Promise<{ readonly messages: readonly FeedMessage[]; readonly total: number }> {
      const filter = { ...given, feeds: nameable(given.feeds) }
      if (data !== null) checkObject('payload', data, 65_536)
      const found = await findFeedRows(db.pool, key, filter, data, { skip: checkSkip(skip), limit })
      const [messages, total] = await Promise.all([
        found.length === 0 ? [] : findFeedMessages(db.pool, key, found),
        countFeed(db.pool, key, filter, data),
      ])
      return { messages: inOrder(found, messages), total }
    },

    act,

    /** Marks messages by id, or all of them. @throws NOT_FOUND that names the index, BAD_INPUT */
    async mark(key: FeedKey, input: MarkInput): Promise<MarkResult> {
      const marks: Marks = { seen: input.seen ?? null, read: input.read ?? null, archived: input.archived ?? null }
      if (marks.seen === null && marks.read === null && marks.archived === null) {
        throw new CarillonError('BAD_INPUT', { message: 'Say what to mark: seen, read or archived.' })
      }
      const which = namedBy(input)
      if ('ids' in which)
        return changeMessages(key, which.ids, false, (before, at) => marksOf(before, marks, at), 'MARKED', writeUpdates)
      return changeAll(key, which.all, (tx, selected, at) => markAll(tx, key, selected, marks, at))
    },

    /**
     * Puts messages off until a time; null: puts those that are put off back where they were. @throws NOT_FOUND that names the index, BAD_INPUT
     */
    async snooze(key: FeedKey, messages: readonly string[], until: Date | string | null): Promise<MarkResult> {
      const ids = checkList('messages', messages, 1000)
      if (until === null) {
        let archived: ReadonlyMap<string, string> = new Map()
        return changeMessages(
          key,
          ids,
          false,
          (before, at) =>
            before.snoozedUntil === null
              ? null
              : {
                  ...before,
                  snoozedUntil: null,
                  archivedAt: before.archivedAt ?? archived.get(before.id) ?? null,
                  updatedAt: at,
                },
          'UNSNOOZED',
          async (tx, ledger, at) => {
            await write(tx, { states: ledger.states() })
            await unsnoozeMessages(tx, key.projectId, changedIn(ledger), at)
          },
          async (tx) => {
            archived = await findArchived(tx, key.projectId, ids)
          },
        )
      }
      const aheadMs = new Date(until).getTime() - clock.now().getTime()
      if (!(aheadMs >= SNOOZE_MIN_MS && aheadMs <= SNOOZE_MAX_MS)) {
        throw new CarillonError('BAD_INPUT', { field: 'until', message: 'until must be 5 seconds to 366 days from now.' })
      }
      const time = new Date(until).toISOString()
      return changeMessages(
        key,
        ids,
        false,
        (before, at) =>
          before.snoozedUntil === time ? null : { ...before, snoozedUntil: time, archivedAt: null, updatedAt: at },
        'SNOOZED',
        async (tx, ledger, at) => {
          await write(tx, { states: ledger.states() })
          await snoozeMessages(tx, key, changedIn(ledger), time, at)
        },
      )
    },

    /**
     * Deletes messages from the feed, by id or all of them. Those that are deleted already are not changed.
     * @throws NOT_FOUND that names the index, BAD_INPUT
     */
    async remove(key: FeedKey, input: MessagesInput): Promise<MarkResult> {
      const which = namedBy(input)
      if ('all' in which) return changeAll(key, which.all, (tx, selected, at) => deleteAll(tx, key, selected, at))
      return changeMessages(
        key,
        which.ids,
        true,
        (before, at) => (before.deletedAt === null ? { ...before, deletedAt: at, updatedAt: at } : null),
        'DELETED',
        async (tx, ledger, at) => {
          await write(tx, { states: ledger.states() })
          await deleteMessages(tx, key.projectId, changedIn(ledger), at)
        },
      )
    },
  }

  /** Stores the new state of a button. @throws NOT_FOUND for a message or a button that does not exist */
  async function act(key: FeedKey, id: string, { type, status, payload }: ActionInput): Promise<FeedMessage> {
    if (!isUuid(id)) notFound(id)
    const kept = payload === null || payload === undefined ? null : checkObject('payload', payload, 65_536)
    const at = clock.now().toISOString()
    const { result, signals } = await transact(db.pool, async (tx) => {
      const ledger = openLedger(await lockFeeds(tx, [key]))
      const [message] = await findFeedMessages(tx, key, [id])
      if (message === undefined) return notFound(id)
      const before = message.actions.find((one) => one.type === type)
      if (before === undefined)
        throw new CarillonError('NOT_FOUND', { field: 'type', message: 'The message has no such button.' })
      const action = { ...before, status, payload: kept ?? before.payload }
      const actions = message.actions.map((one) => (one.type === type ? action : one))
      const changed = ledger.change(message, { ...message, actions, updatedAt: at }, 'ACTED')
      await write(tx, { updates: [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry)), states: ledger.states() })
      return { result: changed, signals: ledger.signals() }
    })
    publish(signals)
    return result
  }

  /** Which messages are named. */
  function namedBy({ messages, all }: MessagesInput): { ids: readonly string[] } | { all: NonNullable<MessagesInput['all']> } {
    const byId = messages !== null && messages !== undefined
    const byAll = all !== null && all !== undefined
    if (byId === byAll) throw new CarillonError('BAD_INPUT', { message: 'Give either messages or all.' })
    return byId ? { ids: checkList('messages', messages, 1000) } : { all: all ?? {} }
  }

  /**
   * Changes messages by id.
   * @param change the message as it will be; null: it is so already
   * @param prepare reads what `change` needs, once the feed is locked
   */
  async function changeMessages(
    key: FeedKey,
    ids: readonly string[],
    withDeleted: boolean,
    change: (before: FeedMessage, at: string) => FeedMessage | null,
    kind: FeedChangeKind,
    persist: (tx: Runner, ledger: Ledger, at: string) => Promise<void>,
    prepare?: (tx: Runner) => Promise<void>,
  ): Promise<MarkResult> {
    ids.forEach((id, index) => {
      if (!isUuid(id)) atIndex(index, () => notFound(id))
    })
    const at = clock.now().toISOString()
    const { result, signals } = await transact(db.pool, async (tx) => {
      const locked = await lockFeeds(tx, [key])
      if (locked.length === 0) throw new CarillonError('CONTACT_NOT_FOUND')
      const found = new Map((await findFeedMessages(tx, key, ids, withDeleted)).map((message) => [message.id, message]))
      await prepare?.(tx)
      const ledger = openLedger(locked)
      const changed = new Map<string, FeedMessage>()
      ids.forEach((id, index) => {
        const before = changed.get(id) ?? found.get(id)
        if (before === undefined) {
          atIndex(index, () => notFound(id))
          return
        }
        const after = change(before, at)
        changed.set(id, after === null ? before : ledger.change(before, after, kind))
      })
      const changedCount = ledger.rewritten.size
      if (changedCount > 0) await persist(tx, ledger, at)
      const counts = countsOf(locked[0]?.counts, ledger.states()[0]?.counts)
      return {
        result: { messages: [...changed.values()], changedCount, ...countOf(counts, null) },
        signals: ledger.signals(),
      }
    })
    publish(signals)
    return result
  }

  /** Changes all messages that are selected. */
  async function changeAll(
    key: FeedKey,
    all: NonNullable<MessagesInput['all']>,
    change: (tx: Runner, selected: Selected, at: Date) => Promise<MarkDelta[]>,
  ): Promise<MarkResult> {
    const feeds = nameable(all.feeds)
    const upTo =
      all.until === null || all.until === undefined ? Number.MAX_SAFE_INTEGER : cursors.readFeed(key.contactId, all.until)
    const selected = { feeds, upTo, read: all.read ?? null, archived: all.archived ?? null }
    const { result, signals } = await transact(db.pool, async (tx) => {
      const locked = await lockFeeds(tx, [key])
      if (locked.length === 0) throw new CarillonError('CONTACT_NOT_FOUND')
      const deltas = await change(tx, selected, clock.now())
      const changedCount = deltas.reduce((sum, delta) => sum + delta.changed, 0)
      const ledger = openLedger(locked)
      if (changedCount > 0) {
        const byFeed = Object.fromEntries(deltas.map((delta) => [delta.feed, [delta.unseen, delta.unread] as const]))
        const seq = ledger.changeAll(key.contactId, byFeed)
        await write(tx, { states: ledger.states() })
        await setAllMarked(tx, key, seq)
      }
      const counts = countsOf(locked[0]?.counts, ledger.states()[0]?.counts)
      return { result: { messages: [], changedCount, ...countOf(counts, feeds) }, signals: ledger.signals() }
    })
    publish(signals)
    return result
  }
}

const changedIn = (ledger: Ledger): FeedMessage[] => [...ledger.rewritten.values()].map(({ message }) => message)

/** Writes messages that were changed. */
const writeUpdates = (tx: Runner, ledger: Ledger): Promise<void> =>
  write(tx, { updates: [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry)), states: ledger.states() })

const countsOf = (before: FeedCounts | undefined, after: FeedCounts | undefined): FeedCounts => after ?? before ?? {}

const notFound = (id: string): never => {
  throw new CarillonError('NOT_FOUND', { message: `The feed has no message ${id.slice(0, 64)}.` })
}

/** The message with its marks changed; null: it has them already. Read implies seen, but removing seen leaves read. */
function marksOf(message: FeedMessage, { seen, read, archived }: Marks, at: string): FeedMessage | null {
  const mark = (value: string | null, wanted: boolean | null): string | null =>
    wanted === null ? value : wanted ? (value ?? at) : null
  const seenAt = mark(message.seenAt, read === true ? true : seen)
  const readAt = mark(message.readAt, read)
  const archivedAt = mark(message.archivedAt, archived)
  if (seenAt === message.seenAt && readAt === message.readAt && archivedAt === message.archivedAt) return null
  return { ...message, seenAt, readAt, archivedAt, updatedAt: at }
}
