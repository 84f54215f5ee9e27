/**
 * Writes a chunk of a send to many, its notifications, their messages and the feeds, in ONE statement. What all rows have in common is passed
 * once; messages that differ only in ids and address share a "kind"; the rest are arrays. It takes half the time that `write` takes for the
 * same rows.
 */
import type { Channel, ChannelCondition, FeedCounts, JsonObject, MessageStatus } from '../words.ts'
import type { Runner } from './database.ts'
import { deltasOf, insertDeltas } from './stat-delta.ts'

/** What all rows of a chunk have in common. */
export interface ChunkHead {
  readonly projectId: string
  readonly transactionId: string
  readonly templateId: string
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

/** The rows of a chunk, as columns. */
export interface ChunkColumns {
  readonly notificationIds: readonly string[]
  /** of each notification, in ascending order */
  readonly contactIds: readonly string[]
  readonly kinds: readonly MessageKind[]
  readonly messages: {
    readonly ids: readonly string[]
    readonly notificationIds: readonly string[]
    readonly contactIds: readonly string[]
    readonly addresses: readonly (string | null)[]
    /** positions in `kinds` */
    readonly kinds: readonly number[]
  }
  /** contacts in whose feed a message arrives, one each */
  readonly arriving: readonly string[]
}

// The feeds' rows are locked in the order of contacts: two batches that share contacts would otherwise deadlock. The numbers and the counts are
// read from the locked rows, and change by the rules of domain/ledger.ts. Rides on feed_state_pkey.
const TEXT = `WITH locked AS MATERIALIZED (
  SELECT contact_id FROM feed_state WHERE project_id = $1 AND contact_id = ANY($12::uuid[]) ORDER BY contact_id FOR UPDATE
), s AS (
  UPDATE feed_state f SET feed_seq = f.feed_seq + 1, counts = f.counts || jsonb_build_object($11::text,
    jsonb_build_array(COALESCE((f.counts -> $11 ->> 0)::int, 0) + 1, COALESCE((f.counts -> $11 ->> 1)::int, 0) + 1))
  FROM locked l WHERE f.project_id = $1 AND f.contact_id = l.contact_id RETURNING f.contact_id, f.feed_seq, f.counts
), n AS (
  INSERT INTO notification (project_id, id, transaction_id, template_id, campaign_id, contact_id, actor_id, data, overrides, channels, created_at, send_at)
  SELECT $1::uuid, r.id, $2::text, $3::uuid, $4::uuid, r.contact_id, $5::uuid, $6::jsonb, $7::jsonb, $8::channel[], $9::timestamptz, $10::timestamptz
  FROM unnest($13::uuid[], $14::uuid[]) AS r (id, contact_id)
), k AS MATERIALIZED (
  SELECT * FROM ROWS FROM (json_to_recordset($20) AS (channel channel, status message_status, arrives bool, "dueAt" timestamptz, "dueInMs" float8,
    "onlyIf" text, "errorCode" text, "errorMessage" text, history jsonb, title text, body text, "iconUrl" text, url text, actions jsonb)) WITH ORDINALITY
), m AS (
  INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, bulk, due_at, only_if, address, error_code, error_message, history,
    created_at, updated_at, sent_at, delivered_at, feed, title, body, icon_url, url, actions, template_id, arrived_seq, listed_seq, changed_seq,
    change_kind)
  SELECT $1::uuid, r.id, r.notification_id, r.contact_id, k.channel, k.status, true, COALESCE(k."dueAt", now() + k."dueInMs" * interval '1 millisecond'),
    k."onlyIf", r.address, k."errorCode", k."errorMessage", k.history, $9, $9, CASE WHEN k.arrives THEN $9 END, CASE WHEN k.arrives THEN $9 END,
    CASE WHEN k.channel = 'IN_APP' THEN $11 END, k.title, k.body, k."iconUrl", k.url, k.actions, CASE WHEN k.channel = 'IN_APP' THEN $3 END,
    s.feed_seq, s.feed_seq, s.feed_seq, CASE WHEN k.arrives THEN 'RECEIVED' END
  FROM unnest($15::uuid[], $16::uuid[], $17::uuid[], $18::text[], $19::int[]) AS r (id, notification_id, contact_id, address, kind)
  JOIN k ON k.ordinality = r.kind + 1 LEFT JOIN s ON k.arrives AND s.contact_id = r.contact_id
), c AS (
  ${insertDeltas('$21')}
)
SELECT contact_id AS "contactId", feed_seq AS "feedSeq", counts FROM s`

/** What a chunk adds to the statistics. */
function countsOf(
  head: ChunkHead,
  { notificationIds, kinds, messages }: Pick<ChunkColumns, 'notificationIds' | 'kinds' | 'messages'>,
) {
  const counted = { ...head, isOfMany: true }
  return deltasOf(
    notificationIds.map((id) => [id, counted] as const),
    messages.notificationIds.flatMap((notificationId, place) => {
      const kind = kinds[messages.kinds[place] ?? -1]
      return kind === undefined ? [] : [{ notificationId, channel: kind.channel, status: kind.status }]
    }),
  )
}

/** An array literal of ids or numbers. They need no quoting, which takes most of the time that pg needs to pass an array. */
const plain = (list: readonly (string | number)[]): string => `{${list.join(',')}}`

/**
 * Writes a chunk.
 * @returns the new states of the feeds in which something arrived
 * @throws 23503 when a contact was deleted meanwhile
 */
export async function writeChunk(
  tx: Runner,
  head: ChunkHead,
  { notificationIds, contactIds, kinds, messages, arriving }: ChunkColumns,
): Promise<{ contactId: string; feedSeq: number; counts: FeedCounts }[]> {
  const { rows } = await tx.query<{ contactId: string; feedSeq: number; counts: FeedCounts }>({
    name: 'write-chunk',
    text: TEXT,
    values: [
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
      plain(arriving),
      plain(notificationIds),
      plain(contactIds),
      plain(messages.ids),
      plain(messages.notificationIds),
      plain(messages.contactIds),
      messages.addresses,
      plain(messages.kinds),
      JSON.stringify(kinds),
      JSON.stringify(countsOf(head, { notificationIds, kinds, messages })),
    ],
  })
  return rows
}
