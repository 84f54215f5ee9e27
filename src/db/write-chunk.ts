/**
 * Writes a chunk of a send to many, its notifications, their messages and the feeds, in ONE statement. What all rows have in common is passed
 * once; messages that differ only in ids, address and a text of their own share a "kind"; the rest are arrays. It takes half the time that
 * `write` takes for the same rows.
 */
import type { Channel, ChannelCondition, FeedCounts, JsonObject, MessageStatus } from '../words.ts'
import { uuidArray } from './array.ts'
import type { Runner } from './database.ts'
import { deltasOf, insertDeltas } from './stat-delta.ts'

/** What all rows of a chunk have in common. */
export interface ChunkHead {
  readonly projectId: string
  readonly transactionId: string
  readonly templateId: string
  /** the version that what arrives now was rendered with */
  readonly templateVersion: number
  readonly campaignId: string | null
  readonly actorId: string | null
  readonly data: JsonObject
  readonly overrides: unknown
  readonly channels: readonly Channel[]
  readonly createdAt: string
  readonly sendAt: string | null
  /** the feed that its in-app messages go to */
  readonly feed: string
}

/** What messages of one kind have in common. */
export interface MessageKind {
  readonly channel: Channel
  readonly status: MessageStatus
  /** it arrives in the feed now: it takes the feed's next number, and is counted */
  readonly arrives: boolean
  /** when a worker may claim it; null: `dueInMs` from the database's now */
  readonly dueAt?: string | null
  readonly dueInMs?: number | null
  readonly onlyIf?: ChannelCondition | null
  readonly errorCode?: string | null
  readonly errorMessage?: string | null
  readonly history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[]
  readonly title?: string | null
  readonly body?: string | null
  readonly iconUrl?: string | null
  readonly url?: string | null
  readonly actions?: unknown
}

/** Messages of a chunk that have these in common. */
interface MessageColumns {
  readonly ids: readonly string[]
  readonly notificationIds: readonly string[]
  readonly contactIds: readonly string[]
  /** positions in `kinds` */
  readonly kinds: readonly number[]
}

/** The rows of a chunk, as columns. */
export interface ChunkColumns {
  readonly notificationIds: readonly string[]
  /** of each notification, in ascending order */
  readonly contactIds: readonly string[]
  readonly kinds: readonly MessageKind[]
  /** Messages that arrive in a feed now, one for each contact, in ascending order of contacts. A text is either the kind's or the message's own. */
  readonly arriving: MessageColumns & {
    readonly titles: readonly (string | null)[]
    readonly bodies: readonly (string | null)[]
    readonly iconUrls: readonly (string | null)[]
    readonly urls: readonly (string | null)[]
    /** as JSON */
    readonly actions: readonly (string | null)[]
  }
  /** all other messages */
  readonly others: MessageColumns & { readonly addresses: readonly (string | null)[] }
}

/** The state of a feed in which a message of the chunk arrived. */
export interface ArrivedState {
  readonly contactId: string
  readonly feedSeq: number
  readonly counts: FeedCounts
}

// Feeds are looked up and locked one by one in the order in which they are given, which is that of contacts, as everywhere. Where the database finds
// another plan cheaper, two batches that share contacts may deadlock: one of them is then repeated (`transact`). The numbers and counts follow the
// rules of domain/ledger.ts. What is to be inserted comes along with the number of its feed, so that nothing has to be joined with it again.
// Rides on feed_state_pkey.
const TEXT = `WITH s AS (
  UPDATE feed_state f SET feed_seq = f.feed_seq + 1, counts = jsonb_set(f.counts, ARRAY[$11::text],
    jsonb_build_array(COALESCE((f.counts -> $11 ->> 0)::int, 0) + 1, COALESCE((f.counts -> $11 ->> 1)::int, 0) + 1))
  FROM unnest($14::uuid[], $15::uuid[], $16::uuid[], $17::int[], $18::text[], $19::text[], $20::text[], $21::text[], $22::jsonb[])
    AS r (contact_id, id, notification_id, kind, title, body, icon_url, url, actions)
  WHERE f.project_id = $1 AND f.contact_id = r.contact_id RETURNING r.*, f.feed_seq, f.counts
), n AS (
  INSERT INTO notification (project_id, id, transaction_id, template_id, campaign_id, contact_id, actor_id, data, overrides, channels, created_at, send_at)
  SELECT $1::uuid, r.id, $2::text, $3::uuid, $4::uuid, r.contact_id, $5::uuid, $6::jsonb, $7::jsonb, $8::channel[], $9::timestamptz, $10::timestamptz
  FROM unnest($12::uuid[], $13::uuid[]) AS r (id, contact_id)
), k AS MATERIALIZED (
  SELECT * FROM ROWS FROM (json_to_recordset($28) AS (channel channel, status message_status, arrives bool, "dueAt" timestamptz, "dueInMs" float8,
    "onlyIf" text, "errorCode" text, "errorMessage" text, history jsonb, title text, body text, "iconUrl" text, url text, actions jsonb)) WITH ORDINALITY
), m AS (
  INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, bulk, only_if, address, error_code, error_message, history,
    created_at, updated_at, sent_at, delivered_at, feed, title, body, icon_url, url, actions, template_id, arrived_seq, listed_seq, changed_seq,
    change_kind, template_version)
  SELECT $1::uuid, r.id, r.notification_id, r.contact_id, k.channel, k.status, true,
    k."onlyIf", r.address, k."errorCode", k."errorMessage", k.history, $9, $9, CASE WHEN k.arrives THEN $9 END, CASE WHEN k.arrives THEN $9 END,
    CASE WHEN k.channel = 'IN_APP' THEN $11 END, COALESCE(r.title, k.title), COALESCE(r.body, k.body), COALESCE(r.icon_url, k."iconUrl"),
    COALESCE(r.url, k.url), COALESCE(r.actions, k.actions), CASE WHEN k.channel = 'IN_APP' THEN $3 END,
    r.feed_seq, r.feed_seq, r.feed_seq, CASE WHEN k.arrives THEN 'RECEIVED' END, CASE WHEN k.arrives THEN $30::int END
  FROM (
    SELECT id, notification_id, contact_id, kind, NULL AS address, feed_seq, title, body, icon_url, url, actions FROM s
    UNION ALL
    SELECT id, notification_id, contact_id, kind, address, NULL, NULL, NULL, NULL, NULL, NULL
    FROM unnest($23::uuid[], $24::uuid[], $25::uuid[], $26::int[], $27::text[]) AS o (id, notification_id, contact_id, kind, address)
  ) r JOIN k ON k.ordinality = r.kind + 1
), d AS (
  INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, address, only_if, feed, created_at)
  SELECT $1::uuid, o.id, o.notification_id, o.contact_id, k.channel, true, COALESCE(k."dueAt", now() + k."dueInMs" * interval '1 millisecond'), o.address, k."onlyIf",
    CASE WHEN k.channel = 'IN_APP' THEN $11 END, $9
  FROM unnest($23::uuid[], $24::uuid[], $25::uuid[], $26::int[], $27::text[]) AS o (id, notification_id, contact_id, kind, address)
  JOIN k ON k.ordinality = o.kind + 1 WHERE k.status IN ('SCHEDULED', 'QUEUED')
), c AS (
  ${insertDeltas('$29')}
)
SELECT json_agg(json_build_array(contact_id, feed_seq, counts))::text AS states FROM s`

/** What a chunk adds to the statistics. */
function countsOf(head: ChunkHead, { notificationIds, kinds, arriving, others }: ChunkColumns) {
  const counted = { ...head, isOfMany: true }
  const countedMessages = (messages: MessageColumns) =>
    messages.notificationIds.flatMap((notificationId, place) => {
      const kind = kinds[messages.kinds[place] ?? -1]
      return kind === undefined ? [] : [{ notificationId, channel: kind.channel, status: kind.status }]
    })
  return deltasOf(
    notificationIds.map((id) => [id, counted] as const),
    [...countedMessages(arriving), ...countedMessages(others)],
  )
}

/** An array literal of numbers or names of ours. They need no quoting, which takes most of the time that pg needs to pass an array. */
const plain = (list: readonly (string | number)[]): string => `{${list.join(',')}}`

/** An array literal of texts. One without any is empty: `unnest` fills up what is missing with NULL. */
function quoted(list: readonly (string | null)[]): string {
  if (list.every((one) => one === null)) return '{}'
  return `{${list.map((one) => (one === null ? 'NULL' : `"${one.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`
}

/** A chunk as the parameters of its statement. */
export type ChunkValues = readonly unknown[]

/** Makes the parameters of a chunk, which takes as long as sending them: in advance, if possible, while the database writes another one. */
export function chunkValues(head: ChunkHead, columns: ChunkColumns): ChunkValues {
  const { notificationIds, contactIds, kinds, arriving, others } = columns
  return [
    head.projectId,
    head.transactionId,
    head.templateId,
    head.campaignId,
    head.actorId,
    JSON.stringify(head.data),
    head.overrides === null ? null : JSON.stringify(head.overrides),
    plain(head.channels),
    head.createdAt,
    head.sendAt,
    head.feed,
    uuidArray(notificationIds),
    uuidArray(contactIds),
    uuidArray(arriving.contactIds),
    uuidArray(arriving.ids),
    uuidArray(arriving.notificationIds),
    plain(arriving.kinds),
    quoted(arriving.titles),
    quoted(arriving.bodies),
    quoted(arriving.iconUrls),
    quoted(arriving.urls),
    quoted(arriving.actions),
    uuidArray(others.ids),
    uuidArray(others.notificationIds),
    uuidArray(others.contactIds),
    plain(others.kinds),
    quoted(others.addresses),
    JSON.stringify(kinds),
    JSON.stringify(countsOf(head, columns)),
    head.templateVersion,
  ]
}

/**
 * Writes a chunk.
 * @returns the new states of the feeds in which something arrived; a function, because they are read only if somebody listens
 * @throws 23503 when a contact was deleted meanwhile
 */
export async function writeChunk(tx: Runner, values: ChunkValues): Promise<() => ArrivedState[]> {
  const { rows } = await tx.query<{ states: string | null }>({ name: 'write-chunk', text: TEXT, values: [...values] })
  const text = rows[0]?.states ?? '[]'
  return () => {
    const states: readonly [contactId: string, feedSeq: number, counts: FeedCounts][] = JSON.parse(text)
    return states.map(([contactId, feedSeq, counts]) => ({ contactId, feedSeq, counts }))
  }
}
