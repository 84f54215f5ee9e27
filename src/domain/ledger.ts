/**
 * The arithmetic of feeds whose rows are locked: the number of each change, the counts after it, and whether an arrival folds into an unread
 * message. Pure: the caller has locked the rows, and writes the results in the same transaction.
 */
import { AWAY } from '../db/away.ts'
import type { FeedStateRow } from '../db/feed.ts'
import type { InAppText } from '../render/renderer.ts'
import type {
  Actor,
  FeedChange,
  FeedChangeKind,
  FeedCounts,
  FeedMessage,
  JsonObject,
  MessageStatus,
  Severity,
  Signal,
} from '../words.ts'

/** An in-app message that is due now. */
export interface Arrival {
  readonly projectId: string
  readonly contactId: string
  readonly messageId: string
  readonly notificationId: string
  readonly transactionId: string
  readonly templateId: string
  readonly templateKey: string
  readonly severity?: Severity | undefined
  /** the version that its text was rendered with */
  readonly templateVersion: number
  readonly incrementId: string | null
  readonly feed: string
  readonly text: InAppText
  readonly actor: Actor | null
  readonly data: JsonObject
  readonly at: Date
}

/** Collects the changes of locked feeds. */
export interface Ledger {
  /** Adds a message to its feed, or folds it into an unread one. @returns whether it was folded */
  arrive(arrival: Arrival): boolean
  /** Replaces a message by a changed one (seen, read, archived, snoozed, deleted, status or action). `toTop`: it moves to the top. @returns it with its new number */
  change(before: FeedMessage, after: FeedMessage, kind: FeedChangeKind, toTop?: boolean): FeedMessage
  /** A change of many messages at once, which takes one number. @returns that number */
  changeAll(contactId: string, deltas: { readonly [feed: string]: readonly [unseen: number, unread: number] }): number
  /** The messages to insert and those to update, by id, after all changes. */
  readonly inserted: ReadonlyMap<string, Entry>
  readonly rewritten: ReadonlyMap<string, Entry>
  /** The new states of the feeds that changed. */
  states(): FeedStateRow[]
  /** The signals to publish after the commit. */
  signals(): Signal[]
}

/** A message with the kind of its last change. */
export interface Entry {
  readonly message: FeedMessage
  readonly kind: FeedChangeKind
  readonly templateId: string | null
  readonly incrementId: string | null
  /** the version that its text was rendered with; null: the change did not render it */
  readonly templateVersion: number | null
}

interface Page {
  readonly projectId: string
  readonly contactId: string
  readonly before: number
  seq: number
  counts: Record<string, [number, number]>
  readonly changes: FeedChange[]
}

/** An entry of the ledger as a row to update (db/write.ts). */
export const feedUpdateOf = (
  { message, kind, templateVersion }: Entry,
  history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[] = [],
) => ({
  projectId: message.projectId,
  id: message.id,
  notificationId: message.notificationId,
  status: message.status,
  title: message.title,
  body: message.body,
  iconUrl: message.iconUrl,
  url: message.url,
  actions: message.actions,
  count: message.count,
  arrivedSeq: message.arrivedSeq,
  listedSeq: message.snoozedUntil === null ? message.listedSeq : null,
  changedSeq: message.changedSeq,
  changeKind: kind,
  seenAt: message.seenAt,
  readAt: message.readAt,
  archivedAt: message.archivedAt ?? (message.snoozedUntil === null ? null : AWAY),
  updatedAt: message.updatedAt,
  templateVersion,
  history,
})

/** The key under which a message folds into another. */
const foldKey = (contactId: string, templateId: string, incrementId: string): string =>
  JSON.stringify([contactId, templateId, incrementId])

/** What a message adds to the counts [unseen, unread]. Those that are archived, snoozed, deleted or canceled add nothing. */
const weight = ({ seenAt, readAt, archivedAt, snoozedUntil, deletedAt, status }: FeedMessage): [number, number] =>
  archivedAt !== null || snoozedUntil !== null || deletedAt !== null || status === 'CANCELED'
    ? [0, 0]
    : [seenAt === null ? 1 : 0, readAt === null ? 1 : 0]

const textOf = ({ title, body, iconUrl, url, actions }: InAppText) => ({ title, body, iconUrl, url, actions })

/** The feed message of an arrival, with the number that it takes. */
export function arrivedAs(arrival: Arrival, seq: number): FeedMessage {
  const at = arrival.at.toISOString()
  return {
    projectId: arrival.projectId,
    id: arrival.messageId,
    contactId: arrival.contactId,
    notificationId: arrival.notificationId,
    transactionId: arrival.transactionId,
    templateKey: arrival.templateKey,
    severity: arrival.severity ?? 'NORMAL',
    status: 'DELIVERED',
    feed: arrival.feed,
    ...textOf(arrival.text),
    actor: arrival.actor,
    data: arrival.data,
    count: 1,
    arrivedSeq: seq,
    listedSeq: seq,
    changedSeq: seq,
    seenAt: null,
    readAt: null,
    archivedAt: null,
    snoozedUntil: null,
    deletedAt: null,
    sentAt: at,
    createdAt: at,
    updatedAt: at,
  }
}

/** Opens a ledger over locked feeds. `folding`: the unread messages that this transaction's incrementIds may fold into. */
export function openLedger(
  locked: readonly FeedStateRow[],
  folding: readonly (FeedMessage & { readonly templateId: string; readonly incrementId: string })[] = [],
): Ledger {
  const pages = new Map<string, Page>()
  for (const { projectId, contactId, feedSeq, counts } of locked) {
    const copy = Object.fromEntries(
      Object.entries(counts).map(([feed, [unseen, unread]]) => [feed, [unseen, unread] as [number, number]]),
    )
    pages.set(contactId, { projectId, contactId, before: feedSeq, seq: feedSeq, counts: copy, changes: [] })
  }
  const inserted = new Map<string, Entry>()
  const rewritten = new Map<string, Entry>()
  const targets = new Map<string, FeedMessage>()
  for (const { templateId, incrementId, ...message } of folding)
    targets.set(foldKey(message.contactId, templateId, incrementId), message)

  const pageOf = (contactId: string): Page => {
    const page = pages.get(contactId)
    if (page === undefined) throw new Error(`The feed of contact ${contactId} is not locked`)
    return page
  }
  const count = (page: Page, feed: string, unseen: number, unread: number): void => {
    // A feed may have the name of a property that every object inherits.
    const [haveUnseen, haveUnread] = (Object.hasOwn(page.counts, feed) ? page.counts[feed] : undefined) ?? [0, 0]
    const next: [number, number] = [haveUnseen + unseen, haveUnread + unread]
    // A feed whose counts are zero is removed, so that names of feeds with a single message don't accumulate in the row.
    const { [feed]: _gone, ...others } = page.counts
    page.counts = next[0] === 0 && next[1] === 0 ? others : { ...page.counts, [feed]: next }
  }
  const record = (page: Page, kind: FeedChangeKind, message: FeedMessage | null): void => {
    page.changes.push({ seq: page.seq, kind, message, counts: page.counts satisfies FeedCounts })
  }
  const keep = (entry: Entry): void => {
    const { id } = entry.message
    // A change after the text was rendered, in the same transaction, keeps its version.
    const version = entry.templateVersion ?? (inserted.get(id) ?? rewritten.get(id))?.templateVersion ?? null
    const list = inserted.has(id) ? inserted : rewritten
    list.set(id, { ...entry, templateVersion: version })
  }

  return {
    inserted,
    rewritten,
    arrive(arrival) {
      const page = pageOf(arrival.contactId)
      const { incrementId, templateId, templateVersion, text } = arrival
      const key = incrementId === null ? null : foldKey(arrival.contactId, templateId, incrementId)
      const target = key === null ? undefined : targets.get(key)
      const seq = ++page.seq
      const at = arrival.at.toISOString()
      const rendered = textOf(text)
      const of = {
        notificationId: arrival.notificationId,
        transactionId: arrival.transactionId,
        actor: arrival.actor,
        data: arrival.data,
      }
      if (target !== undefined && key !== null) {
        // The message has changed, so a contact who saw the old one has not seen this one.
        const message = {
          ...target,
          ...rendered,
          ...of,
          count: target.count + 1,
          seenAt: null,
          listedSeq: seq,
          changedSeq: seq,
          updatedAt: at,
        }
        const [unseen, unread] = weight(target)
        count(page, message.feed, 1 - unseen, 1 - unread)
        keep({ message, kind: 'UPDATED', templateId, incrementId, templateVersion })
        targets.set(key, message)
        record(page, 'UPDATED', message)
        return true
      }
      const message = arrivedAs(arrival, seq)
      count(page, message.feed, 1, 1)
      inserted.set(message.id, { message, kind: 'RECEIVED', templateId, incrementId, templateVersion })
      if (key !== null) targets.set(key, message)
      record(page, 'RECEIVED', message)
      return false
    },
    change(before, after, kind, toTop = false) {
      const page = pageOf(after.contactId)
      const seq = ++page.seq
      const message = { ...after, changedSeq: seq, listedSeq: toTop ? seq : after.listedSeq }
      const [unseenBefore, unreadBefore] = weight(before)
      const [unseenAfter, unreadAfter] = weight(message)
      count(page, message.feed, unseenAfter - unseenBefore, unreadAfter - unreadBefore)
      keep({ message, kind, templateId: null, incrementId: null, templateVersion: null })
      record(page, kind, message)
      return message
    },
    changeAll(contactId, deltas) {
      const page = pageOf(contactId)
      page.seq++
      for (const [feed, [unseen, unread]] of Object.entries(deltas)) count(page, feed, unseen, unread)
      record(page, 'ALL_MARKED', null)
      return page.seq
    },
    states: () =>
      [...pages.values()]
        .filter((page) => page.seq !== page.before)
        .map(({ projectId, contactId, seq, counts }) => ({ projectId, contactId, feedSeq: seq, counts })),
    signals: () =>
      [...pages.values()]
        .filter((page) => page.changes.length > 0)
        .map(({ projectId, contactId, changes }) => ({ topic: 'feed', projectId, contactId, changes })),
  }
}

/** Counts of feeds, with what was added to them. */
function sumOf(counts: FeedCounts, added: FeedCounts): FeedCounts {
  const sums = Object.entries(added).map(([feed, [unseen, unread]]) => {
    const [haveUnseen, haveUnread] = (Object.hasOwn(counts, feed) ? counts[feed] : undefined) ?? [0, 0]
    return [feed, [haveUnseen + unseen, haveUnread + unread]] as const
  })
  return { ...counts, ...Object.fromEntries(sums) }
}

/**
 * The signals of a ledger in which messages only arrived, and which was opened over feeds without any.
 * @param states the feeds before these messages @returns the signals with the numbers and counts that the feeds have
 */
export function rebase(signals: readonly Signal[], states: readonly FeedStateRow[]): Signal[] {
  const before = new Map(states.map((state) => [state.contactId, state]))
  return signals.map((signal) => {
    if (signal.topic !== 'feed') return signal
    const { feedSeq = 0, counts = {} } = before.get(signal.contactId) ?? {}
    const moved = (change: FeedChange): FeedChange => ({
      ...change,
      seq: change.seq + feedSeq,
      counts: sumOf(counts, change.counts),
      message: change.message && {
        ...change.message,
        arrivedSeq: change.message.arrivedSeq + feedSeq,
        listedSeq: change.message.listedSeq + feedSeq,
        changedSeq: change.message.changedSeq + feedSeq,
      },
    })
    return { ...signal, changes: signal.changes.map(moved) }
  })
}
