/**
 * Revokes claims under which no attempt has begun: the messages are queued again, and the decision whether to send them is made again. The
 * fencing number goes up, so the worker learns, when it records the beginning of its attempt, that it must not send the message. One that has
 * begun is told to stop: if it was not sent after all, because it has to wait for its turn, its worker queues it again.
 *
 * Call these twice: in the transaction that changes what the decision depends on, and again after its commit. A claim that is under way at
 * the first call may have read the old state, and is visible only to the second.
 */
import { spellingsOfEmail } from '../values/mailbox.ts'
import { type Channel, phoneChannels } from '../words.ts'
import type { Runner } from './database.ts'

/** SQL: the message of the row `d` of delivery is claimed. */
const IS_HELD = 'd.project_id = $1 AND d.lease_until IS NOT NULL'
/** SQL: takes back the claims of the messages `held`, which are locked. */
export const REVOKE_HELD = `stopped AS (
        UPDATE delivery d SET stop = true FROM held WHERE d.project_id = $1 AND d.message_id = held.message_id AND held.begun_at IS NOT NULL
      )
      UPDATE delivery d SET lease_until = NULL, claims = d.claims + 1, due_at = now() FROM held
      WHERE d.project_id = $1 AND d.message_id = held.message_id AND held.begun_at IS NULL`

/**
 * Revokes claims on messages of a contact, on one channel or on all (null). Locks the contact's feed, as every transaction does first, and
 * then rows of delivery in the order of their messages' ids. Rides on delivery_contact.
 * @returns how many claims were revoked
 */
export async function revokeClaimsOfContact(
  tx: Runner,
  { projectId, contactId }: { readonly projectId: string; readonly contactId: string },
  channel: Channel | null,
): Promise<number> {
  await tx.query({
    name: 'revoke-lock-feed',
    text: 'SELECT 1 FROM feed_state WHERE project_id = $1 AND contact_id = $2 FOR UPDATE',
    values: [projectId, contactId],
  })
  const { rowCount } = await tx.query({
    name: 'revoke-claims-of-contact',
    text: `WITH held AS (
        SELECT d.message_id, d.begun_at FROM delivery d WHERE ${IS_HELD} AND d.contact_id = $2 AND ($3::channel IS NULL OR d.channel = $3)
        ORDER BY d.message_id FOR UPDATE
      ), ${REVOKE_HELD}`,
    values: [projectId, contactId, channel],
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

/** So many of the messages that are due first, in each priority class, are looked at for an e-mail address: more than two workers hold. */
const LOOKED_AT = 5_000

const first = (
  priority: string,
) => `(SELECT * FROM delivery WHERE ${priority} AND due_at <= now() + ($3::float8 + 1) * interval '1 millisecond'
          ORDER BY due_at, message_id LIMIT $5::int)`
const isTo = (address: string) =>
  `x.project_id = $1 AND x.lease_until IS NOT NULL AND (x.channel, ${spelling('x.channel', address)}) IN (SELECT channel, spelling FROM r)`

/**
 * Revokes claims on messages to these addresses: the contact's, or the message's own if it has no contact. E-mail addresses are looked up, in
 * both forms of their domain; for other spellings, and for numbers, the messages that are due are gone through. Locks rows of delivery in the
 * order of their messages' ids. Rides on contact_email, delivery_contact, delivery_due and contact_pkey. `offsetMs` is added to the database's
 * clock.
 * @returns how many claims were revoked
 */
export async function revokeClaimsToAddresses(
  db: Runner,
  projectId: string,
  addresses: readonly { readonly channel: Channel; readonly address: string }[],
  offsetMs: number,
): Promise<number> {
  const emails = addresses.flatMap(({ channel, address }) => (channel === 'EMAIL' ? spellingsOfEmail(address) : []))
  const { rowCount } = await db.query({
    name: 'revoke-claims-to-addresses',
    text: `WITH r AS (
        SELECT DISTINCT channel, ${spelling('channel', 'address')} AS spelling FROM json_to_recordset($2) AS r (channel channel, address text)
      ), found AS MATERIALIZED (
        SELECT x.message_id FROM contact c JOIN delivery x ON x.project_id = c.project_id AND x.contact_id = c.id
        WHERE c.project_id = $1 AND c.email IS NOT NULL AND lower(c.email) = ANY($4::text[]) AND x.channel = 'EMAIL'
        UNION
        SELECT x.message_id FROM delivery x WHERE x.contact_id IS NULL AND ${isTo('x.address')}
        UNION
        SELECT x.message_id FROM (${first('NOT bulk')} UNION ALL ${first('bulk')}) x
        JOIN contact c ON c.project_id = x.project_id AND c.id = x.contact_id
        WHERE ${isTo(`CASE WHEN x.channel = 'EMAIL' THEN c.email ELSE c.phone END`)}
      ), held AS (
        SELECT d.message_id, d.begun_at FROM found JOIN delivery d USING (message_id) WHERE ${IS_HELD} ORDER BY d.message_id FOR UPDATE OF d
      ), ${REVOKE_HELD}`,
    values: [
      projectId,
      JSON.stringify(addresses.map(({ channel, address }) => ({ channel, address }))),
      offsetMs,
      emails.map((one) => one.toLowerCase()),
      addresses.every(({ channel }) => channel === 'EMAIL') ? LOOKED_AT : null,
    ],
  })
  return rowCount ?? 0
}
