/**
 * Revokes claims under which no attempt has begun: the messages are queued again, and the decision whether to send them is made again. The
 * fencing number goes up, so the worker learns, when it records the beginning of its attempt, that it must not send the message.
 *
 * Call these twice: in the transaction that changes what the decision depends on, and again after its commit. A claim that is under way at
 * the first call may have read the old state, and is visible only to the second.
 */
import { type Channel, phoneChannels } from '../words.ts'
import type { Runner } from './database.ts'

/**
 * SQL: the message `m` is claimed, and no attempt has begun. Rides on message_due, on the due times from now to the end of the longest
 * lease.
 */
const held = (offset: string) =>
  `m.project_id = $1 AND m.status = 'SENDING' AND m.handover_at IS NULL AND m.bulk IN (false, true)
      AND m.due_at > now() AND m.due_at <= now() + ${offset} * interval '1 millisecond' + interval '2 minutes'`

/**
 * Revokes claims on messages of a contact, on one channel or on all (null). Locks the contact's feed, as every transaction does first, and
 * then the messages in the order of their ids. Rides on message_due. `offsetMs` is added to the database's clock.
 * @returns how many claims were revoked
 */
export async function revokeClaimsOfContact(
  tx: Runner,
  { projectId, contactId }: { readonly projectId: string; readonly contactId: string },
  channel: Channel | null,
  offsetMs: number,
): Promise<number> {
  await tx.query({
    name: 'revoke-lock-feed',
    text: 'SELECT 1 FROM feed_state WHERE project_id = $1 AND contact_id = $2 FOR UPDATE',
    values: [projectId, contactId],
  })
  const { rowCount } = await tx.query({
    name: 'revoke-claims-of-contact',
    text: `WITH held AS (
        SELECT m.id FROM message m WHERE ${held('$4')} AND m.contact_id = $2 AND ($3::channel IS NULL OR m.channel = $3)
        ORDER BY m.id FOR UPDATE
      )
      UPDATE message m SET status = 'QUEUED', claims = m.claims + 1, due_at = now() FROM held WHERE m.project_id = $1 AND m.id = held.id`,
    values: [projectId, contactId, channel, offsetMs],
  })
  return rowCount ?? 0
}

const phones = phoneChannels.map((channel) => `'${channel}'`).join(', ')

/** Digits of other scripts that numbers may be written in. */
const otherDigits = '０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹'
const asciiDigits = '0123456789'.repeat(3)

/**
 * SQL: the part of an address that all its spellings have in common. It may match too many; for those the decision is just made once more.
 */
const spelling = (channel: string, address: string) =>
  `CASE WHEN ${channel} = 'EMAIL' THEN split_part(lower(${address}), '@', 1)
    WHEN ${channel} IN (${phones}) THEN right(regexp_replace(translate(${address}, '${otherDigits}', '${asciiDigits}'), '\\D', '', 'g'), 7)
    ELSE ${address} END`

/**
 * Revokes claims on messages to these addresses: the contact's, or the message's own if it has no contact. Locks the messages in the order of
 * their ids. Rides on message_due and contact_pkey. `offsetMs` is added to the database's clock.
 * @returns how many claims were revoked
 */
export async function revokeClaimsToAddresses(
  db: Runner,
  projectId: string,
  addresses: readonly { readonly channel: Channel; readonly address: string }[],
  offsetMs: number,
): Promise<number> {
  const { rowCount } = await db.query({
    name: 'revoke-claims-to-addresses',
    text: `WITH r AS (
        SELECT DISTINCT channel, ${spelling('channel', 'address')} AS spelling FROM json_to_recordset($2) AS r (channel channel, address text)
      ), held AS (
        SELECT m.id FROM message m LEFT JOIN contact c ON c.project_id = m.project_id AND c.id = m.contact_id
        WHERE ${held('$3')} AND m.channel IN (SELECT channel FROM r) AND (m.channel, ${spelling(
          'm.channel',
          `CASE WHEN m.contact_id IS NULL THEN m.address WHEN m.channel = 'EMAIL' THEN c.email ELSE c.phone END`,
        )}) IN (SELECT channel, spelling FROM r)
        ORDER BY m.id FOR UPDATE OF m
      )
      UPDATE message m SET status = 'QUEUED', claims = m.claims + 1, due_at = now() FROM held WHERE m.project_id = $1 AND m.id = held.id`,
    values: [projectId, JSON.stringify(addresses.map(({ channel, address }) => ({ channel, address }))), offsetMs],
  })
  return rowCount ?? 0
}
