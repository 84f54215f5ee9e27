/**
 * Writes a batch of messages of which nothing has to be read under a lock first: the database takes the numbers of feeds and counts their messages
 * in the statement that inserts them, so that the locks and this are sent together, as one transaction (one-trip.ts).
 */
import { toOneFeed, writeToOneFeed } from './accept-one-feed.ts'
import type { Accepted } from './accepted.ts'
import { plainArray, textArray } from './array.ts'
import type { Runner } from './database.ts'
import { isKeyErased, isKeyOfMany, isKeyStored, keyTaken } from './idempotency-key.ts'
import { deltasOf, insertDeltas } from './stat-delta.ts'
import { isUnchanged, seenValues } from './unchanged.ts'
import { insertDeliveries, waits } from './write.ts'

/** What is in a batch. PostgreSQL prepares each part of a statement every time, even for no rows: what is not there is left out. */
interface Shape {
  /** names of transactions, messages that wait, or statistics of a send to many */
  readonly hasMore: boolean
  readonly hasKeys: boolean
  readonly isSeen: boolean
}

const MESSAGES = `SELECT * FROM json_to_recordset((SELECT CASE WHEN yes THEN $2::json END FROM free)) AS r ("projectId" uuid, id uuid, "notificationId" uuid, "contactId" uuid,
    channel channel, status message_status, bulk bool, "dueAt" timestamptz, "dueInMs" float8, address text, "errorCode" text, "errorMessage" text,
    history jsonb, "createdAt" timestamptz, "sentAt" timestamptz, feed text, title text, body text, "iconUrl" text, url text, actions jsonb,
    "incrementId" text, "templateId" uuid, "templateVersion" int, "arrivedSeq" bigint, "changeKind" text, "onlyIf" text)`

// As in db/write.ts, with the numbers and counts of feeds as they are now. If an id is taken, or what was seen has changed, none of the parts has
// any rows. The numbers and counts follow the rules of domain/ledger.ts. Rides on feed_state_pkey.
function textOf({ hasMore, hasKeys, isSeen }: Shape): string {
  const names = 5
  const keys = hasMore ? names + 1 : names
  const seen = hasKeys ? keys + 2 : keys
  const isTaken = `(${isKeyOfMany} OR ${isKeyErased(`$${keys}`)}${isSeen ? ` OR ${isKeyStored}` : ''})`
  const conditions = [
    ...(hasKeys
      ? [`NOT EXISTS (SELECT FROM unnest($${keys}::uuid[], $${keys + 1}::text[]) AS w (project_id, key) WHERE ${isTaken})`]
      : []),
    ...(isSeen ? [isUnchanged(seen)] : []),
  ]
  const transactions = `t AS (
  INSERT INTO transaction (project_id, id)
  SELECT "projectId", id FROM json_to_recordset((SELECT CASE WHEN yes THEN $${names}::json END FROM free)) AS r ("projectId" uuid, id text) ORDER BY 1, 2
), `
  return `WITH free AS MATERIALIZED (
  SELECT ${conditions.join(' AND ') || 'true'} AS yes
), ${hasMore ? transactions : ''}n AS (
  INSERT INTO notification (project_id, id, key, content_hash, transaction_id, template_id, content, contact_id, actor_id, data, overrides, channels,
    increment_id, campaign_id, created_at, send_at)
  SELECT "projectId", id, key, decode("contentHash", 'hex'), "transactionId", "templateId", content, "contactId", "actorId", data, overrides, channels,
    "incrementId", "campaignId", "createdAt", "sendAt"
  FROM json_to_recordset((SELECT CASE WHEN yes THEN $1::json END FROM free)) AS r ("projectId" uuid, id uuid, key text, "contentHash" text,
    "transactionId" text, "templateId" uuid, content jsonb, "contactId" uuid, "actorId" uuid, data jsonb, overrides jsonb, channels channel[],
    "incrementId" text, "campaignId" uuid, "createdAt" timestamptz, "sendAt" timestamptz)
  ${hasKeys ? 'ORDER BY "projectId", key' : ''}
), ${hasMore ? `r AS MATERIALIZED (${MESSAGES}), ` : ''}m AS (
  INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, bulk, address, error_code, error_message, history,
    created_at, updated_at, sent_at, delivered_at, feed, title, body, icon_url, url, actions, increment_id, template_id, template_version, arrived_seq, listed_seq,
    changed_seq, change_kind, only_if)
  SELECT "projectId", id, "notificationId", "contactId", channel, status, COALESCE(bulk, false), address, "errorCode", "errorMessage", history,
    "createdAt", "createdAt", "sentAt", CASE WHEN status = 'DELIVERED' THEN "sentAt" END, r.feed, title, body, "iconUrl", url, actions,
    "incrementId", "templateId", "templateVersion", feed_seq + "arrivedSeq", feed_seq + "arrivedSeq", feed_seq + "arrivedSeq", "changeKind", "onlyIf"
  FROM ${hasMore ? '' : `(${MESSAGES}) `}r
  LEFT JOIN feed_state f ON f.project_id = r."projectId" AND f.contact_id = r."contactId" AND r."arrivedSeq" IS NOT NULL
), ${hasMore ? `d AS (${insertDeliveries}), ` : ''}s AS (
  UPDATE feed_state f SET feed_seq = f.feed_seq + r."feedSeq", counts = f.counts || (
    SELECT jsonb_object_agg(a.feed, jsonb_build_array(COALESCE((f.counts -> a.feed ->> 0)::int, 0) + (a.count ->> 0)::int,
      COALESCE((f.counts -> a.feed ->> 1)::int, 0) + (a.count ->> 1)::int)) FROM jsonb_each(r.counts) AS a (feed, count))
  FROM json_to_recordset((SELECT CASE WHEN yes THEN $3::json END FROM free)) AS r ("projectId" uuid, "contactId" uuid, "feedSeq" bigint, counts jsonb)
  WHERE f.project_id = r."projectId" AND f.contact_id = r."contactId"
), c AS (
  ${insertDeltas('(SELECT CASE WHEN yes THEN $4::json END FROM free)', hasMore)}
)
SELECT yes FROM free`
}

const texts = new Map<string, string>()

/** The statement for a batch, which has the same text each time. */
function statementOf(shape: Shape): { readonly name: string; readonly text: string } {
  const { hasMore, hasKeys, isSeen } = shape
  const name = `accept${hasMore ? '-more' : ''}${hasKeys ? '-ids' : ''}${isSeen ? '-seen' : ''}`
  const text = texts.get(name) ?? textOf(shape)
  texts.set(name, text)
  return { name, text }
}

/**
 * Writes all of these rows. Lock the ids' projects, and the feeds, in statements before this one.
 * @throws 23505 when a caller's id, or the id of a transaction, is taken, or what was seen has changed; 23503 when a contact was erased: the transaction has written nothing then
 */
export async function writeAccepted(tx: Runner, accepted: Accepted): Promise<void> {
  const toOne = toOneFeed(accepted)
  const isWritten = await (toOne === null ? writeBatch(tx, accepted) : writeToOneFeed(tx, toOne))
  if (!isWritten) throw keyTaken()
}

/** Writes a batch of any kind. @returns whether it has */
async function writeBatch(tx: Runner, { keys, transactions, notifications, messages, added, seen }: Accepted): Promise<boolean> {
  const deltas = deltasOf(
    notifications.map((one) => [one.id, one] as const),
    messages,
  )
  const hasMore = transactions.length > 0 || messages.some(waits) || deltas.some((one) => one.transactionId !== null)
  const hasKeys = keys.length > 0
  const { rows } = await tx.query<{ yes: boolean }>({
    ...statementOf({ hasMore, hasKeys, isSeen: seen !== null }),
    values: [
      JSON.stringify(notifications),
      JSON.stringify(messages),
      JSON.stringify(added),
      JSON.stringify(deltas),
      ...(hasMore ? [JSON.stringify(transactions)] : []),
      ...(hasKeys ? [plainArray(keys.map((one) => one.projectId)), textArray(keys.map((one) => one.key))] : []),
      ...(seen === null ? [] : seenValues(seen)),
    ],
  })
  return rows[0]?.yes === true
}
