/**
 * Writes a batch of messages of one template that arrive in one feed: what a call is that does not meet others, and many of those that do. What
 * its rows have in common is passed once, so that PostgreSQL prepares half of what it does for a batch of any kind (accept.ts).
 */
import type { Accepted } from './accepted.ts'
import { plainArray, textArray } from './array.ts'
import type { Runner } from './database.ts'
import { isKeyErased, isKeyOfMany, isKeyStored } from './idempotency-key.ts'
import { addressValues, areUnsuppressed, type Seen } from './unchanged.ts'
import type { NewMessageRow, NotificationRow } from './write.ts'

/** A notification, and its only message. */
interface Pair {
  readonly notification: NotificationRow
  readonly message: NewMessageRow
}

/** Such a batch. */
export interface ToOneFeed {
  readonly first: Pair
  readonly pairs: readonly Pair[]
  readonly keys: Accepted['keys']
  readonly feed: string
  readonly template: Seen['templates'][number]
  readonly contact: Seen['contacts'][number]
  readonly provider: Seen['providers'][number]
  readonly addresses: Seen['addresses']
}

/** The batch as one of these; null: it is of another kind, or was looked up just now. */
export function toOneFeed({ keys, transactions, notifications, messages, added, seen }: Accepted): ToOneFeed | null {
  if (seen === null || transactions.length > 0 || added.length !== 1 || messages.length !== notifications.length) return null
  const [template, ...otherTemplates] = seen.templates
  const [contact, ...otherContacts] = seen.contacts
  const [provider, ...otherProviders] = seen.providers
  if (template === undefined || contact === undefined || provider === undefined) return null
  const [feed, ...otherFeeds] = Object.keys(added[0]?.counts ?? {})
  if (feed === undefined || otherTemplates.length + otherContacts.length + otherProviders.length + otherFeeds.length > 0)
    return null
  const byNotification = new Map(messages.map((one) => [one.notificationId, one]))
  const pairs = notifications.flatMap((notification): Pair[] => {
    const message = byNotification.get(notification.id)
    return message !== undefined && isOnlyInFeed(notification, message) ? [{ notification, message }] : []
  })
  const [first] = pairs
  if (first === undefined || pairs.length < notifications.length) return null
  return { first, pairs, keys, feed, template, contact, provider, addresses: seen.addresses }
}

const isNone = (value: unknown): boolean => value === null || value === undefined

/** Whether a message has arrived, is all that its notification sends, and has nothing that is not passed. */
const isOnlyInFeed = (
  { channels, content, actorId, overrides, incrementId, campaignId, digestId, sendAt, isOfMany }: NotificationRow,
  { status, arrivedSeq, changeKind }: NewMessageRow,
): boolean =>
  status === 'DELIVERED' &&
  !isNone(arrivedSeq) &&
  changeKind === 'RECEIVED' &&
  channels.length === 1 &&
  isOfMany !== true &&
  isNone(content) &&
  isNone(actorId) &&
  isNone(overrides) &&
  isNone(incrementId) &&
  isNone(campaignId) &&
  isNone(digestId) &&
  isNone(sendAt)

// The feed is found only if all is as it was seen, and no id is taken: without it, none of the parts has any rows. Its statistics are what
// stat-delta.ts would count. Rides on feed_state_pkey, and on what unchanged.ts and idempotency-key.ts name.
function textOf(hasKeys: boolean, hasAddresses: boolean): string {
  const keys = 15
  const addresses = hasKeys ? keys + 2 : keys
  const isTaken = `${isKeyOfMany} OR ${isKeyErased(`$${keys}`)} OR ${isKeyStored}`
  const conditions = [
    'EXISTS (SELECT FROM template t WHERE t.project_id = $1 AND t.key = $9 AND t.xmin::text = $10 AND t.deleted_at IS NULL)',
    'EXISTS (SELECT FROM contact c WHERE c.project_id = $1 AND c.external_id = $11 AND c.xmin::text = $12)',
    `$13 = (SELECT COALESCE(string_agg(p.id || ':' || p.xmin, ',' ORDER BY p.id), '') FROM provider p WHERE p.project_id = $1 AND p.active)`,
    ...(hasKeys
      ? [`NOT EXISTS (SELECT FROM unnest($${keys}::uuid[], $${keys + 1}::text[]) AS w (project_id, key) WHERE ${isTaken})`]
      : []),
    ...(hasAddresses ? [areUnsuppressed(addresses)] : []),
  ]
  const count = (place: number): string => `COALESCE((f.counts -> $5 ->> ${place})::int, 0) + $4`
  return `WITH s AS (
  UPDATE feed_state f SET feed_seq = f.feed_seq + $4::int, counts = f.counts || jsonb_build_object($5::text, jsonb_build_array(${count(0)}, ${count(1)}))
  WHERE f.project_id = $1::uuid AND f.contact_id = $2::uuid
    AND ${conditions.join('\n    AND ')}
  RETURNING f.feed_seq - $4 AS before
), r AS MATERIALIZED (
  SELECT r.*, s.before + r.place AS seq FROM s, json_to_recordset($8::json) AS r (id uuid, key text, hash text, transaction text, data jsonb,
    message uuid, title text, body text, icon text, url text, actions jsonb, place int)
), n AS (
  INSERT INTO notification (project_id, id, key, content_hash, transaction_id, template_id, contact_id, data, channels, created_at)
  SELECT $1, id, key, decode(hash, 'hex'), transaction, $3::uuid, $2, data, '{IN_APP}', $6::timestamptz FROM r${hasKeys ? ' ORDER BY key' : ''}
), m AS (
  INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, history, created_at, updated_at, sent_at, delivered_at, feed,
    title, body, icon_url, url, actions, template_id, template_version, arrived_seq, listed_seq, changed_seq, change_kind)
  SELECT $1, message, id, $2, 'IN_APP', 'DELIVERED', $7::jsonb, $6, $6, $6, $6, $5, title, body, icon, url, actions, $3, $14::int, seq, seq, seq, 'RECEIVED' FROM r
), c AS (
  INSERT INTO stat_delta (project_id, at, template_id, channel, count, messages, sent, delivered, failed, waiting, lost)
  SELECT $1, date_trunc('minute', $6, 'UTC'), $3, v.channel, $4, v.messages, $4, $4, 0, 0, 0
  FROM s, (VALUES ('', 0), ('IN_APP', $4)) AS v (channel, messages)
)
SELECT set_config('carillon.counted', 'on', true) FROM s`
}

const texts = new Map<string, string>()

/** The statement for a batch, which has the same text each time. */
function statementOf(hasKeys: boolean, hasAddresses: boolean): { readonly name: string; readonly text: string } {
  const name = `accept-one-feed${hasKeys ? '-ids' : ''}${hasAddresses ? '-addresses' : ''}`
  const text = texts.get(name) ?? textOf(hasKeys, hasAddresses)
  texts.set(name, text)
  return { name, text }
}

/**
 * Writes all of these rows. Lock the ids' project, and the feed, in statements before this one.
 * @returns whether it has: nothing is written if an id is taken, or what was seen has changed
 */
export async function writeToOneFeed(
  tx: Runner,
  { first, pairs, keys, feed, template, contact, provider, addresses }: ToOneFeed,
): Promise<boolean> {
  const { projectId, contactId, templateId, createdAt } = first.notification
  // What is null is left out.
  const rows = pairs.map(({ notification: { id, key, contentHash, transactionId, data }, message }) => ({
    ...{ id, key: key ?? undefined, hash: contentHash ?? undefined, transaction: transactionId, data, message: message.id },
    ...{
      title: message.title ?? undefined,
      body: message.body,
      icon: message.iconUrl ?? undefined,
      url: message.url ?? undefined,
    },
    ...{ actions: message.actions, place: message.arrivedSeq },
  }))
  const { rowCount } = await tx.query({
    ...statementOf(keys.length > 0, addresses.length > 0),
    values: [
      ...[
        projectId,
        contactId,
        templateId,
        pairs.length,
        feed,
        createdAt,
        JSON.stringify(first.message.history),
        JSON.stringify(rows),
      ],
      ...[template.key, template.rowVersion, contact.key, contact.rowVersion, provider.rowVersion],
      first.message.templateVersion,
      ...(keys.length > 0 ? [plainArray(keys.map((one) => one.projectId)), textArray(keys.map((one) => one.key))] : []),
      ...(addresses.length > 0 ? addressValues(addresses) : []),
    ],
  })
  return rowCount === 1
}
