/**
 * The statements of erasure (domain/erasure.ts): personal data is deleted, while the rows that counts are made from stay, without it. Each
 * function erases a page in its caller's transaction, and what is erased is not found again: an erasure that was interrupted is continued by
 * starting over.
 */
import { spellingsOfEmail } from '../values/mailbox.ts'
import type { Channel } from '../words.ts'
import type { Runner } from './database.ts'
import { hashOf } from './hash.ts'

/** Selects contacts by one of the three. */
export interface Selector {
  readonly externalId?: string | null | undefined
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
}

/** A contact that is to be erased: what names it. */
export interface Erasable {
  readonly id: string
  readonly externalId: string
  readonly email: string | null
  readonly phone: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
  /** device tokens and webhook addresses */
  readonly devices: readonly string[]
}

/**
 * All contacts that match one of the selectors. E-mail is compared without case, and in both forms of its domain; phone exactly as it was stored. Rides on
 * contact_project_id_external_id_key, contact_email, contact_phone and credential_pkey.
 */
export async function findErasable(db: Runner, projectId: string, selectors: readonly Selector[]): Promise<Erasable[]> {
  const { rows } = await db.query<Erasable>({
    name: 'find-erasable',
    text: `WITH found AS (SELECT id FROM contact WHERE project_id = $1 AND external_id = ANY($2::text[])
        UNION SELECT id FROM contact WHERE project_id = $1 AND email IS NOT NULL AND lower(email) = ANY($3::text[])
        UNION SELECT id FROM contact WHERE project_id = $1 AND phone IS NOT NULL AND phone = ANY($4::text[]))
      SELECT c.id, c.external_id AS "externalId", c.email, c.phone, c.first_name AS "firstName", c.last_name AS "lastName",
        c.photo_url AS "photoUrl", (SELECT COALESCE(json_agg(a), '[]') FROM credential k
          CROSS JOIN LATERAL unnest(k.device_tokens || k.webhook_url) AS a WHERE k.project_id = $1 AND k.contact_id = c.id AND a IS NOT NULL) AS devices
      FROM found JOIN contact c ON c.project_id = $1 AND c.id = found.id ORDER BY c.id`,
    values: [
      projectId,
      selectors.flatMap((one) => one.externalId ?? []),
      selectors.flatMap(({ email }) => (email ? spellingsOfEmail(email).map((one) => one.toLowerCase()) : [])),
      selectors.flatMap((one) => one.phone ?? []),
    ],
  })
  return rows
}

/**
 * Stores an erasure that has not ended, or how far it is, for a worker to continue after `leaseMs`, if this process dies. Rides on
 * erasure_pkey.
 */
export async function saveErasure(db: Runner, projectId: string, id: string, work: object, leaseMs: number): Promise<void> {
  await db.query({
    name: 'save-erasure',
    text: `INSERT INTO erasure (project_id, id, work, due_at) VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond')
      ON CONFLICT (project_id, id) DO UPDATE SET work = EXCLUDED.work, due_at = EXCLUDED.due_at`,
    values: [projectId, id, JSON.stringify(work), leaseMs],
  })
}

/** Takes an erasure whose process died, for `leaseMs`; null: there is none. */
export async function takeErasure(
  db: Runner,
  leaseMs: number,
): Promise<{ readonly projectId: string; readonly id: string; readonly work: unknown } | null> {
  const { rows } = await db.query<{ projectId: string; id: string; work: unknown }>({
    name: 'take-erasure',
    text: `UPDATE erasure e SET due_at = now() + $1 * interval '1 millisecond' FROM (
        SELECT project_id, id FROM erasure WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) t
      WHERE e.project_id = t.project_id AND e.id = t.id RETURNING e.project_id AS "projectId", e.id, e.work`,
    values: [leaseMs],
  })
  return rows[0] ?? null
}

/** Deletes an erasure that has ended: with it goes the last that names the person. Rides on erasure_pkey. */
export async function endErasure(db: Runner, projectId: string, id: string): Promise<void> {
  await db.query({ name: 'end-erasure', text: 'DELETE FROM erasure WHERE project_id = $1 AND id = $2', values: [projectId, id] })
}

/**
 * Removes the actor from sends to many, before everything else, because writing a chunk locks in that order: first the row of its fanout, then
 * feeds. A chunk that is being written is waited for. Rides on fanout_actor.
 * @returns those of which it was removed
 */
export async function lockActedFanouts(
  tx: Runner,
  projectId: string,
  contactIds: readonly string[],
): Promise<{ readonly id: string; readonly transactionId: string }[]> {
  const { rows } = await tx.query<{ id: string; transactionId: string }>({
    name: 'erase-actors',
    text: `UPDATE fanout SET actor_id = NULL WHERE project_id = $1 AND actor_id = ANY($2::uuid[]) RETURNING id, transaction_id AS "transactionId"`,
    values: [projectId, contactIds],
  })
  return rows
}

/** Deletes the open digest windows of contacts, and cancels what waits in them. Windows before feeds, because closing locks in that order. */
export async function eraseWindows(tx: Runner, projectId: string, contactIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'erase-windows',
    text: `WITH d AS (DELETE FROM digest WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) AND closed_at IS NULL RETURNING id)
      UPDATE notification SET canceled_at = COALESCE(canceled_at, now()) WHERE project_id = $1 AND digest_id IN (SELECT id FROM d)`,
    values: [projectId, contactIds],
  })
}

/** Locks the feeds of contacts, in the order of their ids, as every transaction does. */
export async function lockFeedsOf(tx: Runner, projectId: string, contactIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'erase-lock',
    text: 'SELECT 1 FROM feed_state WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) ORDER BY contact_id FOR UPDATE',
    values: [projectId, contactIds],
  })
}

/** Locks contacts against changes of their fields, which lock contacts before feeds. Rows that refer to them can still be written. */
export async function lockContactFields(tx: Runner, projectId: string, contactIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'erase-lock-fields',
    text: 'SELECT 1 FROM contact WHERE project_id = $1 AND id = ANY($2::uuid[]) ORDER BY external_id FOR NO KEY UPDATE',
    values: [projectId, contactIds],
  })
}

/** Locks contacts: from here on no transaction can write a notification that refers to one of them. Lock their feeds first. */
export async function lockContactRows(tx: Runner, projectId: string, contactIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'erase-lock-contacts',
    text: 'SELECT 1 FROM contact WHERE project_id = $1 AND id = ANY($2::uuid[]) ORDER BY external_id FOR UPDATE',
    values: [projectId, contactIds],
  })
}

/** Whether sends to many name one of these contacts as their actor. Rides on fanout_actor. */
export async function haveActedFanouts(db: Runner, projectId: string, contactIds: readonly string[]): Promise<boolean> {
  const { rows } = await db.query({
    name: 'erase-have-acted-fanouts',
    text: 'SELECT 1 FROM fanout WHERE project_id = $1 AND actor_id = ANY($2::uuid[]) LIMIT 1',
    values: [projectId, contactIds],
  })
  return rows.length > 0
}

/** Ids of up to `limit` notifications to contacts. Rides on notification_contact. */
export async function findReceived(
  db: Runner,
  projectId: string,
  contactIds: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'erase-find-received',
    text: 'SELECT id FROM notification WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) LIMIT $3',
    values: [projectId, contactIds, limit],
  })
  return rows.map((row) => row.id)
}

/** SQL: what all spellings of the address of the message `m` have in common, as message_bare has it. */
const BARE = `CASE WHEN m.address LIKE '%@%' THEN lower(m.address) ELSE right(regexp_replace(m.address, '\\D', '', 'g'), 8) END`

/** The same for an address that is looked for. */
export const bareKey = (address: string): string =>
  address.includes('@') ? address.toLowerCase() : address.replace(/\D/g, '').slice(-8)

/** The addresses of messages without a contact that may be other spellings of these. Rides on message_bare. */
export async function findBareAddresses(db: Runner, projectId: string, keys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>({
    name: 'erase-find-addresses',
    text: `SELECT DISTINCT m.address FROM message m WHERE m.project_id = $1 AND m.contact_id IS NULL AND m.address IS NOT NULL AND ${BARE} = ANY($2::text[])`,
    values: [projectId, keys],
  })
  return rows.map((row) => row.address)
}

/** Ids of up to `limit` notifications without a contact, to exactly these addresses. Rides on message_bare. */
export async function findSentToBare(
  db: Runner,
  projectId: string,
  addresses: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'erase-find-bare',
    text: `SELECT DISTINCT m.notification_id AS id FROM message m WHERE m.project_id = $1 AND m.contact_id IS NULL AND m.address IS NOT NULL
        AND ${BARE} = ANY($2::text[]) AND m.address = ANY($3::text[]) LIMIT $4`,
    values: [projectId, addresses.map(bareKey), addresses, limit],
  })
  return rows.map((row) => row.id)
}

/** What a page of notifications was addressed to, and what calls named it. */
export interface Named {
  readonly addresses: readonly { readonly channel: Channel; readonly address: string }[]
  readonly transactionIds: readonly string[]
}

/** Reads the addresses that notifications were sent to, and their transactions. Rides on message_project_id_notification_id_channel_key. */
export async function readNames(db: Runner, projectId: string, notificationIds: readonly string[]): Promise<Named> {
  const { rows } = await db.query<Named>({
    name: 'erase-read-names',
    text: `SELECT (SELECT COALESCE(json_agg(DISTINCT jsonb_build_object('channel', channel, 'address', address)), '[]') FROM message
          WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) AND address <> '') AS addresses,
        (SELECT COALESCE(json_agg(DISTINCT t.id), '[]') FROM notification n JOIN transaction t ON t.project_id = n.project_id
          AND t.id = n.transaction_id AND NOT t.is_hash WHERE n.project_id = $1 AND n.id = ANY($2::uuid[])) AS "transactionIds"`,
    values: [projectId, notificationIds],
  })
  return rows[0] ?? { addresses: [], transactionIds: [] }
}

/**
 * Keeps the caller's ids of notifications as hashes, in the table where those of pruned ones are: a repetition is still found. The lock is the
 * one of db/idempotency-key.ts: a transaction that repeats an id at this moment meets either the id or its hash. Call it first in a
 * transaction of its own, which is short: while it runs, no message with an id is accepted. Rides on notification_pkey.
 * @returns how many there were
 */
export async function hashKeys(tx: Runner, projectId: string, notificationIds: readonly string[]): Promise<number> {
  await lockKeys(tx, projectId)
  const { rowCount } = await tx.query({
    name: 'erase-hash-keys',
    text: `WITH old AS (
        SELECT id, key, content_hash, transaction_id FROM notification
        WHERE project_id = $1 AND id = ANY($2::uuid[]) AND key IS NOT NULL ORDER BY id FOR UPDATE
      ), cleared AS (
        UPDATE notification n SET key = NULL, content_hash = NULL FROM old WHERE n.project_id = $1 AND n.id = old.id
      )
      INSERT INTO spent_id (project_id, key, content_hash, notification_id, transaction_id, is_hash)
      SELECT $1, ${hashOf('$1', 'key')}, content_hash, id, transaction_id, true FROM old ORDER BY 2 ON CONFLICT DO NOTHING`,
    values: [projectId, notificationIds],
  })
  return rowCount ?? 0
}

/** Locks the ids of callers, as accepting does (db/idempotency-key.ts). Lock them before everything else. */
export async function lockKeys(tx: Runner, projectId: string): Promise<void> {
  await tx.query({
    name: 'erase-lock-keys',
    text: `SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' names', 0))`,
    values: [projectId],
  })
}

/** Whether some of these notifications have an id of the caller's. Rides on notification_pkey. */
export async function haveKeys(db: Runner, projectId: string, notificationIds: readonly string[]): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>({
    name: 'erase-have-keys',
    text: 'SELECT EXISTS (SELECT FROM notification WHERE project_id = $1 AND id = ANY($2::uuid[]) AND key IS NOT NULL) AS found',
    values: [projectId, notificationIds],
  })
  return rows[0]?.found === true
}

/**
 * Erases notifications with their messages: waiting ones are canceled, the content of all is deleted, and the rows stay without a reference to
 * a person, because statistics count them. Lock the feeds of their contacts first. Rows of delivery are locked before messages, as everywhere.
 * @returns how many messages there were
 */
export async function eraseNotifications(tx: Runner, projectId: string, ids: readonly string[]): Promise<number> {
  await tx.query({
    name: 'erase-lock-deliveries',
    text: `SELECT 1 FROM message m JOIN delivery d ON d.project_id = m.project_id AND d.message_id = m.id
      WHERE m.project_id = $1 AND m.notification_id = ANY($2::uuid[]) ORDER BY d.message_id FOR UPDATE OF d`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-lock-messages',
    text: 'SELECT 1 FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) ORDER BY id FOR UPDATE',
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-claims',
    text: `DELETE FROM device_claim c USING notification n, message m WHERE n.project_id = $1 AND n.id = ANY($2::uuid[])
      AND m.project_id = n.project_id AND m.notification_id = n.id
      AND c.project_id = n.project_id AND c.transaction_id = n.transaction_id AND c.message_id = m.id`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-reports',
    text: `DELETE FROM delivery_report r USING message m WHERE m.project_id = $1 AND m.notification_id = ANY($2::uuid[])
      AND r.provider_id = m.provider_id AND r.provider_message_id = m.provider_message_id`,
    values: [projectId, ids],
  })
  // What leaves the outbox was not begun: a worker that has claimed it learns, when it records the beginning of its attempt, that it must not send
  // it. The rest is under way.
  const { rowCount } = await tx.query({
    name: 'erase-messages',
    text: `WITH gone AS (
        DELETE FROM delivery d USING message m WHERE m.project_id = $1 AND m.notification_id = ANY($2::uuid[])
          AND d.project_id = m.project_id AND d.message_id = m.id AND d.begun_at IS NULL RETURNING d.message_id
      ), begun AS (
        UPDATE delivery d SET stop = true, contact_id = NULL, address = NULL, increment_id = NULL, feed = CASE WHEN d.feed IS NOT NULL THEN 'default' END FROM message m
        WHERE m.project_id = $1 AND m.notification_id = ANY($2::uuid[])
          AND d.project_id = m.project_id AND d.message_id = m.id AND d.begun_at IS NOT NULL
      )
      UPDATE message SET status = CASE WHEN id IN (SELECT message_id FROM gone) THEN 'CANCELED' ELSE status END,
        claims = CASE WHEN status = 'SENDING' THEN claims ELSE 0 END,
        contact_id = NULL, address = NULL, subject = NULL, text = NULL, html = NULL, title = NULL, body = NULL, url = NULL, icon_url = NULL,
        actions = NULL, arrived_seq = NULL, listed_seq = NULL, changed_seq = NULL, increment_id = NULL, error_message = NULL,
        feed = CASE WHEN feed IS NOT NULL THEN 'default' END,
        history = (SELECT COALESCE(jsonb_agg(jsonb_build_array(h -> 0, h -> 1, NULL)), '[]') FROM jsonb_array_elements(history) h)
      WHERE project_id = $1 AND notification_id = ANY($2::uuid[])`,
    values: [projectId, ids],
  })
  // A vendor's answer often contains the address; error codes stay. After the messages, whose lock waits for outcomes that are being
  // written: their attempts are in the table then, and a later outcome sees that the contact was erased (db/settle.ts).
  await tx.query({
    name: 'erase-attempts',
    text: `UPDATE attempt SET response = NULL, error_message = NULL WHERE project_id = $1 AND message_id IN (
      SELECT id FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]))`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-notifications',
    text: `UPDATE notification SET data = '{}', overrides = NULL, content = NULL, contact_id = NULL, increment_id = NULL
      WHERE project_id = $1 AND id = ANY($2::uuid[])`,
    values: [projectId, ids],
  })
  return rowCount ?? 0
}

/** Deletes up to `limit` events of contacts. Rides on event_project_id_contact_id_name_occurred_at_idx. @returns how many there were */
export async function eraseEvents(db: Runner, projectId: string, contactIds: readonly string[], limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'erase-events',
    text: `DELETE FROM event WHERE project_id = $1 AND id IN (
      SELECT id FROM event WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) LIMIT $3)`,
    values: [projectId, contactIds, limit],
  })
  return rowCount ?? 0
}

/** Deletes contacts, with all that belongs to them alone. Lock them first, and erase what refers to them. @returns how many there were */
export async function removeContacts(tx: Runner, projectId: string, contactIds: readonly string[]): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'erase-contacts',
    text: 'DELETE FROM contact WHERE project_id = $1 AND id = ANY($2::uuid[])',
    values: [projectId, contactIds],
  })
  return rowCount ?? 0
}

/**
 * Suppressed addresses, in the form in which suppressions are compared, become hashes: nothing is sent to them, as before. One that a contact
 * has who is not erased (`except`) stays. `tails` are the last digits of numbers, to find their other spellings; `isSame` decides. Rides on
 * suppression_project_id_channel_address_key.
 * @returns how many there were
 */
export async function hashSuppressions(
  tx: Runner,
  projectId: string,
  addresses: readonly string[],
  tails: readonly string[],
  isSame: (address: string) => boolean,
): Promise<number> {
  const { rows } = await tx.query<{ id: string; address: string }>({
    name: 'erase-find-suppressions',
    text: `SELECT id, address FROM suppression WHERE project_id = $1 AND NOT is_hash AND channel = ANY(enum_range(NULL::channel)) AND address = ANY($2::text[])
      UNION SELECT id, address FROM suppression WHERE project_id = $1 AND NOT is_hash AND cardinality($3::text[]) > 0
        AND channel IN ('SMS', 'ALIMTALK', 'FRIENDTALK') AND right(regexp_replace(address, '\\D', '', 'g'), 8) = ANY($3::text[])`,
    values: [projectId, addresses, tails],
  })
  const ids = rows.filter((row) => addresses.includes(row.address) || isSame(row.address)).map((row) => row.id)
  if (ids.length === 0) return 0
  const hash = hashOf('s.project_id', 's.address')
  // An address that was suppressed again after it was erased has its hash already.
  await tx.query({
    name: 'erase-double-suppressions',
    text: `DELETE FROM suppression s WHERE s.project_id = $1 AND s.id = ANY($2::uuid[]) AND NOT s.is_hash
      AND EXISTS (SELECT FROM suppression h WHERE h.project_id = s.project_id AND h.channel = s.channel AND h.address = ${hash})`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-hash-suppressions',
    text: `UPDATE suppression s SET address = ${hash}, is_hash = true WHERE s.project_id = $1 AND s.id = ANY($2::uuid[]) AND NOT s.is_hash`,
    values: [projectId, ids],
  })
  return ids.length
}

/** externalIds of contacts that have one of these addresses. Rides on contact_email and contact_phone. */
export async function findHolders(
  db: Runner,
  projectId: string,
  emails: readonly string[],
  phones: readonly string[],
): Promise<{ readonly externalId: string; readonly email: string | null; readonly phone: string | null }[]> {
  const { rows } = await db.query<{ externalId: string; email: string | null; phone: string | null }>({
    name: 'erase-find-holders',
    text: `SELECT external_id AS "externalId", email, phone FROM contact WHERE project_id = $1 AND email IS NOT NULL AND lower(email) = ANY($2::text[])
      UNION SELECT external_id, email, phone FROM contact WHERE project_id = $1 AND phone IS NOT NULL AND phone = ANY($3::text[])
      ORDER BY 1 LIMIT 1000`,
    values: [projectId, emails, phones],
  })
  return rows
}

/**
 * Whether a message is still somebody's: locked against erasing until the transaction ends. Rides on message_pkey.
 */
export async function lockUnlessErased(tx: Runner, projectId: string, messageId: string): Promise<boolean> {
  const { rows } = await tx.query({
    name: 'lock-unless-erased',
    text: 'SELECT 1 FROM message WHERE project_id = $1 AND id = $2 AND (contact_id IS NOT NULL OR address IS NOT NULL) FOR SHARE',
    values: [projectId, messageId],
  })
  return rows.length > 0
}
