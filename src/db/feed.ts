/** The statements of the feed: locking it, finding its messages, reading a page, and replaying the changes since a number. */
import type {
  Action,
  Actor,
  FeedChange,
  FeedChangeKind,
  FeedCounts,
  FeedMessage,
  JsonObject,
  MessageStatus,
  Severity,
} from '../words.ts'
import { plainArray } from './array.ts'
import { archivedColumn } from './away.ts'
import { isoTimes, type Runner } from './database.ts'
import type { Reader } from './gathered.ts'

/** The state of a contact's feed: the last number that was given out, and the counts of unseen and unread messages. */
export interface FeedStateRow {
  readonly projectId: string
  readonly contactId: string
  readonly feedSeq: number
  readonly counts: FeedCounts
}

/** The key of a contact's feed. */
export interface FeedKey {
  readonly projectId: string
  readonly contactId: string
}

/**
 * Locks feeds until the transaction ends, so that only one transaction at a time changes their numbers and counts. Rides on
 * feed_state_pkey. Rows are locked in the order of contacts: two batches that share contacts would otherwise deadlock.
 * @returns the state of each; a contact that does not exist is left out
 */
export async function lockFeeds(tx: Runner, feeds: readonly FeedKey[]): Promise<FeedStateRow[]> {
  const columns = 'project_id AS "projectId", contact_id AS "contactId", feed_seq AS "feedSeq", counts'
  const [first, ...others] = feeds
  // One is the usual case, and needs no list and no order.
  const { rows } = await tx.query<FeedStateRow>(
    first !== undefined && others.length === 0
      ? {
          name: 'lock-feed',
          text: `SELECT ${columns} FROM feed_state WHERE project_id = $1::uuid AND contact_id = $2::uuid FOR UPDATE`,
          values: [first.projectId, first.contactId],
        }
      : {
          name: 'lock-feeds',
          text: `SELECT ${columns} FROM feed_state
            WHERE (project_id, contact_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[])) ORDER BY project_id, contact_id FOR UPDATE`,
          values: [plainArray(feeds.map((feed) => feed.projectId)), plainArray(feeds.map((feed) => feed.contactId))],
        },
  )
  return rows
}

/** A row of an in-app message, joined with its notification. */
interface MessageRow {
  readonly projectId: string
  readonly id: string
  readonly contactId: string
  readonly notificationId: string
  readonly transactionId: string
  readonly templateKey: string | null
  readonly severity: Severity
  readonly status: MessageStatus
  readonly feed: string
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly actor: Actor | null
  readonly data: JsonObject
  readonly count: number
  readonly actions: readonly Action[] | null
  readonly arrivedSeq: number
  readonly listedSeq: number | null
  readonly changedSeq: number
  readonly changeKind: FeedChangeKind
  readonly seenAt: string | null
  readonly readAt: string | null
  readonly archivedAt: string | null
  readonly snoozedUntil: string | null
  readonly deletedAt: string | null
  readonly sentAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** SQL: how important the template of a message is. */
const severityColumn = `COALESCE(t.severity, 'NORMAL')`
/** SQL: who caused a message. */
const actorColumn = `CASE WHEN a.id IS NULL THEN NULL ELSE json_build_object('externalId', a.external_id, 'firstName', a.first_name, 'lastName', a.last_name,
    'photoUrl', a.photo_url) END`
/** SQL: the columns of an in-app message `m`, its notification `n`, template `t` and actor `a`; with `feedJoins`. */
const feedColumns = `m.project_id AS "projectId", m.id, m.contact_id AS "contactId", m.notification_id AS "notificationId",
  n.transaction_id AS "transactionId", t.key AS "templateKey", ${severityColumn} AS severity, m.status, m.feed, m.title, m.body, m.icon_url AS "iconUrl", m.url,
  ${actorColumn} AS actor,
  n.data, m.count, m.actions, m.arrived_seq AS "arrivedSeq", m.listed_seq AS "listedSeq", m.changed_seq AS "changedSeq",
  m.change_kind AS "changeKind", m.seen_at AS "seenAt", m.read_at AS "readAt", ${archivedColumn} AS "archivedAt", m.snoozed_until AS "snoozedUntil", m.deleted_at AS "deletedAt", m.sent_at AS "sentAt",
  m.created_at AS "createdAt", m.updated_at AS "updatedAt"`
const notificationJoin = 'JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id'
const templateJoin = 'LEFT JOIN template t ON t.project_id = n.project_id AND t.id = n.template_id'
const actorJoin = 'LEFT JOIN contact a ON a.project_id = n.project_id AND a.id = n.actor_id'
/** SQL: joins the notification, template and actor to a message `m`. */
const feedJoins = `${notificationJoin} ${templateJoin} ${actorJoin}`

/** The feed message of a row that was read with `isoTimes`. */
const feedMessageOf = (row: MessageRow): FeedMessage => ({
  projectId: row.projectId,
  id: row.id,
  contactId: row.contactId,
  notificationId: row.notificationId,
  transactionId: row.transactionId,
  templateKey: row.templateKey,
  severity: row.severity,
  status: row.status,
  feed: row.feed,
  title: row.title,
  body: row.body,
  iconUrl: row.iconUrl,
  url: row.url,
  actor: row.actor,
  data: row.data,
  count: row.count,
  actions: row.actions ?? [],
  arrivedSeq: row.arrivedSeq,
  listedSeq: row.listedSeq ?? 0,
  changedSeq: row.changedSeq,
  seenAt: row.seenAt,
  readAt: row.readAt,
  archivedAt: row.archivedAt,
  snoozedUntil: row.snoozedUntil,
  deletedAt: row.deletedAt,
  sentAt: row.sentAt,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})

/**
 * The unread messages into which a new one with the same template and incrementId folds. Lock the feeds first. Rides on
 * message_increment.
 */
export async function findFolding(
  tx: Runner,
  wanted: readonly (FeedKey & { readonly templateId: string; readonly incrementId: string })[],
): Promise<(FeedMessage & { templateId: string; incrementId: string })[]> {
  const { rows } = await tx.query<MessageRow & { templateId: string; incrementId: string }>({
    name: 'find-folding',
    text: `SELECT ${feedColumns}, m.template_id AS "templateId", m.increment_id AS "incrementId"
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS w (project_id, contact_id, template_id, increment_id)
      JOIN message m USING (project_id, contact_id, template_id, increment_id) ${feedJoins}
      WHERE m.increment_id IS NOT NULL AND m.read_at IS NULL AND m.archived_at IS NULL AND m.snoozed_until IS NULL AND m.deleted_at IS NULL AND m.status IN ('SENT', 'DELIVERED')`,
    values: [
      wanted.map((one) => one.projectId),
      wanted.map((one) => one.contactId),
      wanted.map((one) => one.templateId),
      wanted.map((one) => one.incrementId),
    ],
    types: isoTimes,
  })
  return rows.map((row) => ({ ...feedMessageOf(row), templateId: row.templateId, incrementId: row.incrementId }))
}

/**
 * In-app messages of one contact by id; other contacts', canceled and deleted ones are left out. Lock the feed first. Rides on message_pkey.
 * @param withDeleted deleted ones are among them
 */
export const findFeedMessages = (tx: Runner, key: FeedKey, ids: readonly string[], withDeleted = false): Promise<FeedMessage[]> =>
  findFeedMessagesOf(tx, key.projectId, [key.contactId], ids, withDeleted)

/** In-app messages of these contacts by id, as `findFeedMessages`. Lock the feeds first. Rides on message_pkey. */
export async function findFeedMessagesOf(
  tx: Runner,
  projectId: string,
  contactIds: readonly string[],
  ids: readonly string[],
  withDeleted = false,
): Promise<FeedMessage[]> {
  const { rows } = await tx.query<MessageRow>({
    name: 'find-feed-messages',
    text: `SELECT ${feedColumns} FROM message m ${feedJoins}
      WHERE m.project_id = $1 AND m.contact_id = ANY($2::uuid[]) AND m.id = ANY($3::uuid[]) AND m.channel = 'IN_APP'
        AND m.arrived_seq IS NOT NULL AND m.status <> 'CANCELED' AND ($4 OR m.deleted_at IS NULL)`,
    values: [projectId, contactIds, ids, withDeleted],
    types: isoTimes,
  })
  return rows.map(feedMessageOf)
}

/** Which messages of a feed to list. null: no restriction. */
export interface FeedFilter {
  readonly feeds: readonly string[] | null
  readonly seen: boolean | null
  readonly read: boolean | null
  readonly archived: boolean | null
  /** true: only those that are snoozed; otherwise only the others */
  readonly snoozed?: boolean
  /** null or left out: no restriction */
  readonly severities?: readonly Severity[] | null
}

/** A contact's feed, by its key or by the contact's externalId. */
export type FeedName = FeedKey | { readonly projectId: string; readonly externalId: string }

// One CASE expression for all filters: PostgreSQL estimates that half of the rows match it. From the separate conditions it would estimate
// that almost none do, and choose another plan; see SIZES.
const filtered = `m.channel = 'IN_APP' AND m.listed_seq IS NOT NULL AND m.status <> 'CANCELED'
  AND CASE WHEN ($3::text[] IS NULL OR m.feed = ANY($3)) AND ($4::bool IS NULL OR (m.seen_at IS NOT NULL) = $4)
    AND ($5::bool IS NULL OR (m.read_at IS NOT NULL) = $5) AND ($6::bool IS NULL OR (m.archived_at IS NOT NULL) = $6) THEN true ELSE false END`

/** SQL: the condition of a filter by severity; '': it has none. */
const ofSeverity = (severities: FeedFilter['severities'], parameter: string): string =>
  severities === null || severities === undefined ? '' : `${severityColumn} = ANY(${parameter}::text[])`

/** How many messages are joined at most to find those of some severities, or to count them by it. */
export const SEVERITY_SCAN = 10_000

/**
 * SQL: the messages of the feed of `contact`. Those that are snoozed have their place in a table of their own, at which they are listed.
 * @param bySeverity a condition on what is joined: of the first that meet the others
 */
const sourceOf = (
  snoozed: boolean,
  contact: string,
  where: string,
  { joins = '', bySeverity = '', direction = 'DESC' }: { joins?: string; bySeverity?: string; direction?: 'ASC' | 'DESC' } = {},
): string =>
  bySeverity !== '' && !snoozed
    ? `(SELECT m.* FROM message m WHERE m.project_id = $1 AND m.contact_id = ${contact} AND ${where}
        ORDER BY m.listed_seq ${direction} LIMIT ${SEVERITY_SCAN}) m ${joins} WHERE ${bySeverity}`
    : snoozed
      ? `snooze z JOIN message m ON m.project_id = z.project_id AND m.id = z.message_id AND m.snoozed_until IS NOT NULL ${joins}
      WHERE z.project_id = $1 AND z.contact_id = ${contact} AND ${where.replaceAll('m.listed_seq', 'z.listed_seq')}
        ${bySeverity === '' ? '' : `AND ${bySeverity}`}`
      : `message m ${joins} WHERE m.project_id = $1 AND m.contact_id = ${contact} AND ${where}`

/** A page of a feed, and the feed's state in the same snapshot. */
export interface FeedPage {
  readonly state: FeedStateRow
  readonly messages: readonly FeedMessage[]
}

/**
 * A part of the messages of a page, read only where it is asked for. `place`: how many there are and where they stand, which the others
 * include. `text` and `message` are columns of the message's own row; the others are joined to it.
 */
export type FeedPart = 'place' | 'text' | 'message' | 'data' | 'template' | 'actor'

/** Parts of which each includes those before it. */
const ownParts = ['place', 'text', 'message'] as const

/** SQL: the columns of each part, by their properties. `projectId` and `contactId` are known without reading them. */
const columnsOf = {
  place: { listedSeq: 'm.listed_seq' },
  text: {
    id: 'm.id',
    title: 'm.title',
    body: 'm.body',
    iconUrl: 'm.icon_url',
    url: 'm.url',
    seenAt: 'm.seen_at',
    readAt: 'm.read_at',
    sentAt: 'm.sent_at',
  },
  message: {
    notificationId: 'm.notification_id',
    status: 'm.status',
    feed: 'm.feed',
    count: 'm.count',
    actions: `coalesce(m.actions, '[]')`,
    arrivedSeq: 'm.arrived_seq',
    changedSeq: 'm.changed_seq',
    archivedAt: 'm.archived_at',
    createdAt: 'm.created_at',
    updatedAt: 'm.updated_at',
  },
  data: { transactionId: 'n.transaction_id', data: 'n.data' },
  template: { templateKey: 't.key', severity: severityColumn },
  actor: { actor: actorColumn },
} as const satisfies Readonly<Record<FeedPart, Partial<Readonly<Record<keyof FeedMessage, string>>>>>

/** One of the few combinations of parts that are read: what is joined comes with all columns of the message's own row. */
interface Selection {
  readonly name: string
  readonly columns: readonly (readonly [property: string, sql: string])[]
  readonly joins: string
  /** The message of a row. To use a property that was not read throws, where it would look as if there were nothing. */
  messageOf(key: FeedKey, row: readonly unknown[]): FeedMessage
}

const selections = new Map<string, Selection>()

function selectionOf(parts: ReadonlySet<FeedPart>, snoozed: boolean): Selection {
  const joined = (['data', 'template', 'actor'] as const).filter((part) => parts.has(part))
  const own = joined.length > 0 || parts.has('message') ? 'message' : parts.has('text') ? 'text' : 'place'
  const name = [own, ...joined, ...(snoozed ? ['z'] : [])].join('-')
  const known = selections.get(name)
  if (known !== undefined) return known
  const read: readonly FeedPart[] = [...ownParts.slice(0, ownParts.indexOf(own) + 1), ...joined]
  const columns = read.flatMap((part): [string, string][] => Object.entries(columnsOf[part]))
  if (snoozed) columns.push(['snoozedUntil', 'm.snoozed_until'], ['archivedAt', archivedColumn], ['listedSeq', 'z.listed_seq'])
  const selection: Selection = {
    name,
    columns,
    joins: [
      joined.length > 0 ? notificationJoin : '',
      parts.has('template') ? templateJoin : '',
      parts.has('actor') ? actorJoin : '',
    ].join(' '),
    messageOf: readerOf(columns.map(([property]) => property)),
  }
  selections.set(name, selection)
  return selection
}

/** @param properties in the order of the columns that follow the state's */
function readerOf(properties: readonly string[]): Selection['messageOf'] {
  class Message {
    [property: string]: unknown
    constructor({ projectId, contactId }: FeedKey, row: readonly unknown[]) {
      this['projectId'] = projectId
      this['contactId'] = contactId
      let column = stateColumns.length
      for (const property of properties) this[property] = row[column++]
    }
  }
  // A page has none that is deleted, or else only such as are snoozed: no column is read to say so.
  Object.assign(Message.prototype, { deletedAt: null, snoozedUntil: null })
  const others = Object.values(columnsOf).flatMap((columns) => Object.keys(columns).filter((one) => !properties.includes(one)))
  for (const property of others) {
    const get = (): never => {
      throw new Error(`${property} of a feed's messages was not read.`)
    }
    Object.defineProperty(Message.prototype, property, { get })
  }
  return (key, row) => {
    // It has all properties of a message: those that were read, and those that throw.
    const message: object = new Message(key, row)
    return message as FeedMessage
  }
}

/**
 * The limits of the statements that read a page. The limit is part of the statement's text rather than a parameter, rounded up to one of
 * these so that there are few statements. If PostgreSQL can't see in the text that few rows are read, it plans the statement again for
 * every call, which takes several times as long as reading the page. For the same reason the text has only those bounds that a call uses.
 */
const SIZES = [2, 11, 21, 31, 51, 101] as const

const bounds = {
  two: 'm.listed_seq > $7 AND m.listed_seq < $8',
  above: 'm.listed_seq > $7 AND $8::bigint IS NOT NULL',
  below: 'm.listed_seq < $8 AND $7::bigint IS NOT NULL',
} as const

/** SQL: whose feed it is. */
const owners = { key: '$2', name: '(SELECT id FROM contact WHERE project_id = $1 AND external_id = $2)' } as const

/** What the first row of a page has: the state of its feed. */
type StateColumns = [contactId: string, feedSeq: number, counts: FeedCounts, ...rest: unknown[]]
const stateColumns = ['contact_id', 'feed_seq', 'counts'] as const

/** A page of a feed: messages whose `listedSeq` is strictly between `above` and `below`, newest first (`backward`: oldest first). */
export interface FeedRange {
  readonly above: number
  readonly below: number
  readonly limit: number
  readonly backward: boolean
}

/** The texts of the statements that were used, by their names. */
const texts = new Map<string, string>()

/** The statement that reads a page. */
function statementOf(
  by: keyof typeof owners,
  range: FeedRange,
  selection: Selection | null,
  { snoozed = false, severities }: FeedFilter,
): { name: string; text: string } {
  const { above, below, limit, backward } = range
  const size = SIZES.find((one) => one >= limit)
  if (size === undefined) throw new RangeError(`A page has at most ${SIZES.at(-1)} rows`)
  const bySeverity = ofSeverity(severities, '$9')
  const direction = backward ? 'ASC' : 'DESC'
  const [isAbove, isBelow] = [above > 0, below < Number.MAX_SAFE_INTEGER]
  const bound = isAbove && isBelow ? 'two' : isAbove || (backward && !isBelow) ? 'above' : 'below'
  const name = `read-feed-by-${by}${selection === null ? '' : `-${direction}-${bound}-${size}-${selection.name}${bySeverity === '' ? '' : 's'}`}`
  const known = texts.get(name)
  if (known !== undefined) return { name, text: known }
  const state = `SELECT ${stateColumns.join(', ')} FROM feed_state WHERE project_id = $1 AND contact_id = ${owners[by]}`
  // The state comes in a row of its own, before the messages: each of them would repeat it.
  const text =
    selection === null
      ? state
      : `WITH s AS MATERIALIZED (${state})
        SELECT ${[...stateColumns, ...selection.columns.map(() => 'NULL')].join(', ')} FROM s
        UNION ALL SELECT ${stateColumns.map(() => 'NULL').join(', ')}, p.* FROM s CROSS JOIN LATERAL (
          SELECT ${selection.columns.map(([property, sql]) => `${sql} AS "${property}"`).join(', ')}
          FROM ${sourceOf(snoozed, 's.contact_id', `${filtered} AND ${bounds[bound]}`, { joins: selection.joins, bySeverity, direction })}
          ORDER BY ${snoozed ? 'z' : 'm'}.listed_seq ${direction} LIMIT ${size}) p`
  texts.set(name, text)
  return { name, text }
}

/**
 * Reads one page of a feed, and its state in the same snapshot, so that a subscription that starts at its number misses nothing. Rides on
 * message_feed.
 * @param parts what is read of the messages: to use anything else of them throws. None: no message is read
 * @returns null when there is no such contact
 * @throws RangeError when the limit is greater than the largest of SIZES
 */
export async function readFeed(
  db: Reader,
  feed: FeedName,
  filter: FeedFilter,
  range: FeedRange,
  parts: ReadonlySet<FeedPart>,
): Promise<FeedPage | null> {
  const { projectId } = feed
  const snoozed = filter.snoozed === true
  // The filter rides on the join of the template.
  const isOf = filter.severities !== null && filter.severities !== undefined
  const selection = parts.size === 0 ? null : selectionOf(isOf ? new Set([...parts, 'template']) : parts, snoozed)
  const { rows } = await db.query<unknown[]>({
    ...statementOf('contactId' in feed ? 'key' : 'name', range, selection, filter),
    values: [
      projectId,
      'contactId' in feed ? feed.contactId : feed.externalId,
      ...(selection === null ? [] : [filter.feeds, filter.seen, filter.read, filter.archived, range.above, range.below]),
      ...(selection !== null && isOf ? [filter.severities] : []),
    ],
    types: isoTimes,
    rowMode: 'array',
  })
  const first = rows[0]
  if (first === undefined) return null
  const [contactId, feedSeq, counts] = first as StateColumns
  const state = { projectId, contactId, feedSeq, counts }
  const messages = selection === null ? [] : rows.slice(1, range.limit + 1).map((row) => selection.messageOf(state, row))
  return { state, messages }
}

/** How many messages of a feed match a filter. Rides on message_feed. */
export async function countFeed(db: Runner, key: FeedKey, filter: FeedFilter, data: JsonObject | null = null): Promise<number> {
  const bySeverity = ofSeverity(filter.severities, data === null ? '$7' : '$8')
  const { rows } = await db.query<{ total: number }>({
    name: `${filter.snoozed === true ? 'count-snoozed' : 'count-feed'}${data === null ? '' : '-with-data'}${bySeverity === '' ? '' : '-by-severity'}`,
    text: `SELECT count(*) AS total FROM ${selectedOf(data, '$7', filter.snoozed, bySeverity)}`,
    values: [...valuesOf(key, filter), ...dataOf(data), ...(bySeverity === '' ? [] : [filter.severities])],
  })
  return rows[0]?.total ?? 0
}

/**
 * How many of the latest messages of a feed that are unseen or unread are so, by severity; those without any are left out. Counted when it is
 * asked for. Rides on message_feed.
 */
export async function countBySeverity(
  db: Runner,
  key: FeedKey,
  feeds: readonly string[] | null,
): Promise<{ severity: Severity; unseenCount: number; unreadCount: number }[]> {
  const { rows } = await db.query<{ severity: Severity; unseenCount: number; unreadCount: number }>({
    name: 'count-by-severity',
    text: `SELECT ${severityColumn} AS severity, count(*) FILTER (WHERE m.seen_at IS NULL) AS "unseenCount",
        count(*) FILTER (WHERE m.read_at IS NULL) AS "unreadCount"
      FROM (SELECT m.project_id, m.notification_id, m.seen_at, m.read_at FROM message m
        WHERE m.project_id = $1 AND m.contact_id = $2 AND m.channel = 'IN_APP' AND m.listed_seq IS NOT NULL AND m.status <> 'CANCELED'
          AND m.archived_at IS NULL AND (m.seen_at IS NULL OR m.read_at IS NULL) AND ($3::text[] IS NULL OR m.feed = ANY($3))
        ORDER BY m.listed_seq DESC LIMIT ${SEVERITY_SCAN}) m ${notificationJoin} ${templateJoin} GROUP BY 1`,
    values: [key.projectId, key.contactId, feeds],
  })
  return rows
}

const valuesOf = ({ projectId, contactId }: FeedKey, { feeds, seen, read, archived }: FeedFilter): readonly unknown[] => [
  ...[projectId, contactId],
  ...[feeds, seen, read, archived],
]
const dataOf = (data: JsonObject | null): readonly string[] => (data === null ? [] : [JSON.stringify(data)])

/** SQL: the messages of a feed that match, and whose data contain what the parameter has. */
const selectedOf = (data: JsonObject | null, parameter: string, snoozed = false, bySeverity = ''): string =>
  `${sourceOf(snoozed, '$2', filtered, {
    joins: bySeverity === '' ? (data === null ? '' : notificationJoin) : `${notificationJoin} ${templateJoin}`,
    bySeverity,
  })}
  ${data === null ? '' : `AND n.data @> ${parameter}::jsonb`}`

/**
 * The ids of a page that begins at a row with a number, newest first. `data`: only messages whose data contain it. Rides on message_feed:
 * the rows before the page are read.
 */
export async function findFeedRows(
  db: Runner,
  key: FeedKey,
  filter: FeedFilter,
  data: JsonObject | null,
  { skip, limit }: { readonly skip: number; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: data === null ? 'find-feed-rows' : 'find-feed-rows-with-data',
    text: `SELECT m.id FROM ${selectedOf(data, '$9')} ORDER BY m.listed_seq DESC LIMIT $7 OFFSET $8`,
    values: [...valuesOf(key, filter), limit, skip, ...dataOf(data)],
  })
  return rows.map((row) => row.id)
}

/** The changes of a feed since a number. */
export interface Replay {
  /** in the order of their numbers; the `counts` of each are the current ones */
  readonly changes: readonly FeedChange[]
  /** the replay is complete up to this number */
  readonly upTo: number
  readonly counts: FeedCounts
  /** there are more changes after `upTo` */
  readonly more: boolean
}

/**
 * Reads what happened in a feed after the number `after`: either messages that arrived, by the number of their arrival, or messages that
 * changed, by the number of their last change. Rides on message_arrived or message_changed. `limit` is part of the statement's text (see
 * SIZES), so use few different ones.
 * @returns null when there is no such contact
 */
export async function replayFeed(
  db: Runner,
  key: FeedKey,
  by: 'arrivals' | 'changes',
  after: number,
  limit: number,
): Promise<Replay | null> {
  const column = by === 'arrivals' ? 'arrived_seq' : 'changed_seq'
  const { rows } = await db.query<MessageRow & { feedSeq: number; allMarkedSeq: number; counts: FeedCounts }>({
    name: `replay-${by}-${limit}`,
    text: `SELECT s.feed_seq AS "feedSeq", s.all_marked_seq AS "allMarkedSeq", s.counts, p.* FROM feed_state s LEFT JOIN LATERAL (
        SELECT ${feedColumns} FROM message m ${feedJoins}
        WHERE m.project_id = $1 AND m.contact_id = $2 AND m.${column} > $3 ORDER BY m.${column} LIMIT ${limit}) p ON true
      WHERE s.project_id = $1 AND s.contact_id = $2`,
    values: [key.projectId, key.contactId, after],
    types: isoTimes,
  })
  const first = rows[0]
  if (first === undefined) return null
  const { feedSeq, allMarkedSeq, counts } = first
  const found = rows.filter((row) => row.id !== null)
  const more = found.length === limit
  const last = found.at(-1)
  const upTo = more && last !== undefined ? (by === 'arrivals' ? last.arrivedSeq : last.changedSeq) : feedSeq
  const changes: FeedChange[] = []
  for (const row of found) {
    const message = feedMessageOf(row)
    if (by === 'arrivals') {
      // For this reader, a message that was canceled or deleted before it connected never arrived.
      if (row.status !== 'CANCELED' && row.deletedAt === null)
        changes.push({ seq: row.arrivedSeq, kind: 'RECEIVED', message, counts })
      continue
    }
    // It arrived after `after`, so it is new to this reader, however it changed since.
    const isIn = row.status !== 'CANCELED' && row.deletedAt === null && row.snoozedUntil === null
    // One of many that were deleted at once keeps the kind of the change before.
    const kind = row.deletedAt !== null ? 'DELETED' : row.arrivedSeq > after && isIn ? 'RECEIVED' : row.changeKind
    changes.push({ seq: row.changedSeq, kind, message, counts })
  }
  if (by === 'changes' && allMarkedSeq > after && allMarkedSeq <= upTo) {
    const at = changes.findIndex((change) => change.seq > allMarkedSeq)
    changes.splice(at < 0 ? changes.length : at, 0, { seq: allMarkedSeq, kind: 'ALL_MARKED', message: null, counts })
  }
  return { changes, upTo, counts, more }
}

/** The last numbers of many feeds, in one statement, to find those whose signal was lost. Rides on feed_state_pkey. */
export async function latestNumbers(db: Runner, feeds: readonly FeedKey[]): Promise<(FeedKey & { feedSeq: number })[]> {
  const { rows } = await db.query({
    name: 'latest-numbers',
    text: `SELECT s.project_id AS "projectId", s.contact_id AS "contactId", s.feed_seq AS "feedSeq"
      FROM unnest($1::uuid[], $2::uuid[]) AS w (project_id, contact_id) JOIN feed_state s USING (project_id, contact_id)`,
    values: [feeds.map((feed) => feed.projectId), feeds.map((feed) => feed.contactId)],
  })
  return rows
}
