/** Writes all rows of a transaction that accepts messages, or changes feeds: ONE statement, however many rows there are. */
import type { Channel, ChannelCondition, DirectContent, FeedCounts, JsonObject, MessageStatus } from '../words.ts'
import type { Runner } from './database.ts'
import { deltasOf, insertDeltas } from './stat-delta.ts'

/** A notification to insert. */
export interface NotificationRow {
  readonly projectId: string
  readonly id: string
  readonly key: string | null
  /** SHA-256, hex */
  readonly contentHash: string | null
  readonly transactionId: string
  readonly templateId: string | null
  /** what is sent if there is no template */
  readonly content?: DirectContent | null
  readonly contactId: string | null
  readonly actorId: string | null
  readonly data: JsonObject
  readonly overrides: unknown
  readonly channels: readonly Channel[]
  readonly incrementId: string | null
  readonly campaignId?: string | null
  /** the digest in which it waits, or whose notification it is */
  readonly digestId?: string | null
  readonly createdAt: string
  readonly sendAt: string | null
  /** its transaction has sends to many: statistics count it under them */
  readonly isOfMany?: boolean
}

/** A message to insert; only the fields of its channel are needed. */
export interface NewMessageRow {
  readonly projectId: string
  readonly id: string
  readonly notificationId: string
  readonly contactId: string | null
  readonly channel: Channel
  readonly status: MessageStatus
  /** of a send to many: claimed after single messages */
  readonly bulk?: boolean
  /** when a worker may claim it; null: `dueInMs` from the database's now */
  readonly dueAt?: string | null
  readonly dueInMs?: number | null
  readonly address?: string | null
  /** sent only if this holds when it is due; null: always */
  readonly onlyIf?: ChannelCondition | null
  readonly errorCode?: string | null
  readonly errorMessage?: string | null
  readonly history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[]
  readonly createdAt: string
  readonly sentAt?: string | null
  readonly feed?: string | null
  readonly title?: string | null
  readonly body?: string | null
  readonly iconUrl?: string | null
  readonly url?: string | null
  readonly actions?: unknown
  readonly incrementId?: string | null
  readonly templateId?: string | null
  /** the version that it was rendered with */
  readonly templateVersion?: number | null
  readonly count?: number
  readonly arrivedSeq?: number | null
  readonly listedSeq?: number | null
  readonly changedSeq?: number | null
  readonly changeKind?: string | null
}

/** An in-app message to update: all fields that a change of a feed can write. */
export interface FeedUpdateRow {
  readonly projectId: string
  readonly id: string
  readonly notificationId: string
  readonly status: MessageStatus
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly actions: unknown
  readonly count: number
  readonly arrivedSeq: number
  readonly listedSeq: number | null
  readonly changedSeq: number
  readonly changeKind: string
  readonly seenAt: string | null
  readonly readAt: string | null
  readonly archivedAt: string | null
  readonly updatedAt: string
  /** null: it was not rendered again */
  readonly templateVersion: number | null
  /** appended to the message's history; []: no change */
  readonly history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[]
}

/** The rows that one transaction writes. */
export interface Writes {
  readonly transactions?: readonly { readonly projectId: string; readonly id: string }[]
  readonly notifications?: readonly NotificationRow[]
  readonly messages?: readonly NewMessageRow[]
  readonly updates?: readonly FeedUpdateRow[]
  readonly states?: readonly {
    readonly projectId: string
    readonly contactId: string
    readonly feedSeq: number
    readonly counts: FeedCounts
  }[]
}

const WAITING: readonly MessageStatus[] = ['SCHEDULED', 'QUEUED']

/** Whether a new message waits, and so goes into the outbox. */
export const waits = ({ status }: Pick<NewMessageRow, 'status'>): boolean => WAITING.includes(status)

/** SQL: puts those of the new messages `r` that wait into the outbox. */
export const insertDeliveries = `INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, address, only_if, feed, increment_id, created_at)
  SELECT "projectId", id, "notificationId", "contactId", channel, COALESCE(bulk, false), COALESCE("dueAt", now() + "dueInMs" * interval '1 millisecond'), address, "onlyIf",
    feed, "incrementId", "createdAt"
  FROM r WHERE status IN (${WAITING.map((status) => `'${status}'`).join(', ')})`

// Each part reads its rows from one JSON parameter, so there is one statement, prepared once, whatever there is to write.
// Transactions and callers' ids are inserted in order: two batches that share some would otherwise deadlock.
const TEXT = `WITH t AS (
  INSERT INTO transaction (project_id, id)
  SELECT "projectId", id FROM json_to_recordset($1) AS r ("projectId" uuid, id text) ORDER BY 1, 2
), n AS (
  INSERT INTO notification (project_id, id, key, content_hash, transaction_id, template_id, content, contact_id, actor_id, data, overrides, channels,
    increment_id, campaign_id, digest_id, created_at, send_at)
  SELECT "projectId", id, key, decode("contentHash", 'hex'), "transactionId", "templateId", content, "contactId", "actorId", data, overrides, channels,
    "incrementId", "campaignId", "digestId", "createdAt", "sendAt"
  FROM json_to_recordset($2) AS r ("projectId" uuid, id uuid, key text, "contentHash" text, "transactionId" text, "templateId" uuid,
    content jsonb, "contactId" uuid, "actorId" uuid, data jsonb, overrides jsonb, channels channel[], "incrementId" text, "campaignId" uuid, "digestId" uuid, "createdAt" timestamptz,
    "sendAt" timestamptz)
  ORDER BY "projectId", key
), r AS MATERIALIZED (
  SELECT * FROM json_to_recordset($3) AS r ("projectId" uuid, id uuid, "notificationId" uuid, "contactId" uuid, channel channel, status message_status, bulk bool,
    "dueAt" timestamptz, "dueInMs" float8, address text, "errorCode" text, "errorMessage" text, history jsonb, "createdAt" timestamptz, "sentAt" timestamptz,
    feed text, title text, body text, "iconUrl" text, url text, actions jsonb, "incrementId" text, "templateId" uuid, "templateVersion" int, count int,
    "arrivedSeq" bigint, "listedSeq" bigint, "changedSeq" bigint, "changeKind" text, "onlyIf" text)
), m AS (
  INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, bulk, address, error_code, error_message, history,
    created_at, updated_at, sent_at, delivered_at, feed, title, body, icon_url, url, actions, increment_id, template_id, template_version, count, arrived_seq,
    listed_seq, changed_seq, change_kind, only_if)
  SELECT "projectId", id, "notificationId", "contactId", channel, status, COALESCE(bulk, false), address, "errorCode", "errorMessage", history,
    "createdAt", "createdAt", "sentAt", CASE WHEN status = 'DELIVERED' THEN "sentAt" END, feed, title, body, "iconUrl", url, actions,
    "incrementId", "templateId", "templateVersion", COALESCE(count, 1), "arrivedSeq", "listedSeq", "changedSeq", "changeKind", "onlyIf"
  FROM r
), d AS (
  ${insertDeliveries}
), u AS (
  UPDATE message x SET notification_id = r."notificationId", status = r.status, title = r.title, body = r.body, icon_url = r."iconUrl",
    url = r.url, actions = r.actions, count = r.count, arrived_seq = r."arrivedSeq", listed_seq = r."listedSeq", changed_seq = r."changedSeq",
    change_kind = r."changeKind", seen_at = r."seenAt", read_at = r."readAt", archived_at = r."archivedAt", updated_at = r."updatedAt", template_version = COALESCE(r."templateVersion", x.template_version),
    history = x.history || r.history,
    sent_at = CASE WHEN r.status = 'DELIVERED' THEN COALESCE(x.sent_at, r."updatedAt") ELSE x.sent_at END,
    delivered_at = CASE WHEN r.status = 'DELIVERED' THEN COALESCE(x.delivered_at, r."updatedAt") ELSE x.delivered_at END
  FROM json_to_recordset($4) AS r ("projectId" uuid, id uuid, "notificationId" uuid, status message_status, title text, body text,
    "iconUrl" text, url text, actions jsonb, count int, "arrivedSeq" bigint, "listedSeq" bigint, "changedSeq" bigint, "changeKind" text,
    "seenAt" timestamptz, "readAt" timestamptz, "archivedAt" timestamptz, "updatedAt" timestamptz, "templateVersion" int, history jsonb)
  WHERE x.project_id = r."projectId" AND x.id = r.id
), c AS (
  ${insertDeltas('$6')}
)
UPDATE feed_state s SET feed_seq = r."feedSeq", counts = r.counts
FROM json_to_recordset($5) AS r ("projectId" uuid, "contactId" uuid, "feedSeq" bigint, counts jsonb)
WHERE s.project_id = r."projectId" AND s.contact_id = r."contactId"`

/**
 * Writes all of these rows. Lock the feeds of `updates` and `states` first (db/feed.ts). Updates ride on message_pkey and feed_state_pkey.
 * @throws 23505 when a caller's id, or the id of a transaction, is taken
 */
export async function write(tx: Runner, writes: Writes): Promise<void> {
  await tx.query({
    name: 'write',
    text: TEXT,
    values: [
      JSON.stringify(writes.transactions ?? []),
      JSON.stringify(writes.notifications ?? []),
      JSON.stringify(writes.messages ?? []),
      JSON.stringify(writes.updates ?? []),
      JSON.stringify(writes.states ?? []),
      JSON.stringify(
        deltasOf(
          (writes.notifications ?? []).map((one) => [one.id, one] as const),
          writes.messages ?? [],
        ),
      ),
    ],
  })
}
