/** Erasing contacts: what is theirs goes, what is counted stays. */
import type { Runner } from './database.ts'

/** Who is meant: one of the three. */
export interface Selector {
  readonly externalId?: string | null | undefined
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
}

/** Ids of all contacts that match one of these. E-mail without case, phone as it was given. Rides on contact_email and contact_phone. */
export async function findErasable(db: Runner, projectId: string, selectors: readonly Selector[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-erasable',
    text: `SELECT id FROM contact WHERE project_id = $1 AND external_id = ANY($2::text[])
      UNION SELECT id FROM contact WHERE project_id = $1 AND email IS NOT NULL AND lower(email) = ANY($3::text[])
      UNION SELECT id FROM contact WHERE project_id = $1 AND phone IS NOT NULL AND phone = ANY($4::text[])`,
    values: [
      projectId,
      selectors.flatMap((one) => one.externalId ?? []),
      selectors.flatMap((one) => one.email?.toLowerCase() ?? []),
      selectors.flatMap((one) => one.phone ?? []),
    ],
  })
  return rows.map((row) => row.id)
}

/**
 * Erases contacts: what waits for them is canceled, what was said to them is forgotten, and the rows that counts rest on stay without a
 * name. Their feeds' rows are locked first, in order, as everywhere.
 */
export async function eraseContacts(tx: Runner, projectId: string, ids: readonly string[]): Promise<number> {
  // Before everything else, as where a chunk is written: it holds its send's row, and then waits for feeds. Rides on fanout_actor.
  await tx.query({
    name: 'erase-actors',
    text: 'UPDATE fanout SET actor_id = NULL WHERE project_id = $1 AND actor_id = ANY($2::uuid[])',
    values: [projectId, ids],
  })
  // Windows before feeds, as where they are closed. What waits in them is canceled with them.
  await tx.query({
    name: 'erase-windows',
    text: `WITH d AS (DELETE FROM digest WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) AND closed_at IS NULL RETURNING id)
      UPDATE notification SET canceled_at = COALESCE(canceled_at, now()) WHERE project_id = $1 AND digest_id IN (SELECT id FROM d)`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-lock',
    text: `SELECT 1 FROM feed_state WHERE project_id = $1 AND contact_id = ANY($2::uuid[]) ORDER BY contact_id FOR UPDATE`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-claims',
    text: `DELETE FROM device_claim c USING notification n, message m WHERE n.project_id = $1 AND n.contact_id = ANY($2::uuid[])
      AND m.project_id = n.project_id AND m.notification_id = n.id
      AND c.project_id = n.project_id AND c.transaction_id = n.transaction_id AND c.message_id = m.id`,
    values: [projectId, ids],
  })
  // Rides on notification_contact. A worker that holds one of these finds, when it writes down the beginning, that it must not send it.
  await tx.query({
    name: 'erase-messages',
    text: `UPDATE message SET
        status = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN 'CANCELED' ELSE status END,
        claims = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN claims + 1 ELSE claims END,
        due_at = CASE WHEN status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND handover_at IS NULL THEN NULL ELSE due_at END,
        contact_id = NULL, address = NULL, subject = NULL, text = NULL, html = NULL, title = NULL, body = NULL, url = NULL, icon_url = NULL,
        actions = NULL, arrived_seq = NULL, listed_seq = NULL, changed_seq = NULL, increment_id = NULL, error_message = NULL,
        history = (SELECT COALESCE(jsonb_agg(jsonb_build_array(h -> 0, h -> 1, NULL)), '[]') FROM jsonb_array_elements(history) h)
      WHERE project_id = $1 AND notification_id IN (SELECT id FROM notification WHERE project_id = $1 AND contact_id = ANY($2::uuid[]))`,
    values: [projectId, ids],
  })
  // What a vendor answered often repeats the address. The codes stay. After the messages: an outcome
  // that is being written has its attempts in here by then, and a later one finds nobody that it is about (db/settle.ts).
  await tx.query({
    name: 'erase-attempts',
    text: `UPDATE attempt SET response = NULL, error_message = NULL WHERE project_id = $1 AND message_id IN (SELECT m.id FROM message m
      JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id WHERE n.project_id = $1 AND n.contact_id = ANY($2::uuid[]))`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-notifications',
    text: `UPDATE notification SET data = CASE WHEN contact_id = ANY($2::uuid[]) THEN '{}' ELSE data END,
        overrides = CASE WHEN contact_id = ANY($2::uuid[]) THEN NULL ELSE overrides END,
        content = CASE WHEN contact_id = ANY($2::uuid[]) THEN NULL ELSE content END,
        actor_id = CASE WHEN actor_id = ANY($2::uuid[]) THEN NULL ELSE actor_id END,
        contact_id = CASE WHEN contact_id = ANY($2::uuid[]) THEN NULL ELSE contact_id END
      WHERE project_id = $1 AND (contact_id = ANY($2::uuid[]) OR actor_id = ANY($2::uuid[]))`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'erase-events',
    text: 'DELETE FROM event WHERE project_id = $1 AND contact_id = ANY($2::uuid[])',
    values: [projectId, ids],
  })
  const { rowCount } = await tx.query({
    name: 'erase-contacts',
    text: 'DELETE FROM contact WHERE project_id = $1 AND id = ANY($2::uuid[])',
    values: [projectId, ids],
  })
  return rowCount ?? 0
}
