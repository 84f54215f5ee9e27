/**
 * Takes messages back from workers that hold them and have not begun to hand them over: they are queued again, and decided anew. The
 * fencing number goes up, so that the worker finds, when it writes down the beginning, that it must not send it.
 *
 * Called twice, in the transaction of what changes the decision and again once that is committed: a claim that was under way the first
 * time has read what was before, and shows only the second time.
 */
import type { Channel } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** The index on what is due, between now and the end of any lease; what is not held by anybody is passed over. */
const held = (offset: string) =>
  `m.project_id = $1 AND m.status = 'SENDING' AND m.handover_at IS NULL AND m.bulk IN (false, true)
      AND m.due_at > now() AND m.due_at <= now() + ${offset} * interval '1 millisecond' + interval '2 minutes'`

/** Those of a contact, on a channel or on all. Its feed is locked first, as everywhere. Rides on message_due. @returns how many */
export async function takeBackOf(
  tx: Runner,
  { projectId, contactId }: { readonly projectId: string; readonly contactId: string },
  channel: Channel | null,
  offsetMs: number,
): Promise<number> {
  await tx.query({
    name: 'take-back-lock',
    text: 'SELECT 1 FROM feed_state WHERE project_id = $1 AND contact_id = $2 FOR UPDATE',
    values: [projectId, contactId],
  })
  const { rowCount } = await tx.query({
    name: 'take-back-of',
    text: `WITH held AS (
        SELECT m.id FROM message m WHERE ${held('$4')} AND m.contact_id = $2 AND ($3::channel IS NULL OR m.channel = $3)
        ORDER BY m.id FOR UPDATE
      )
      UPDATE message m SET status = 'QUEUED', claims = m.claims + 1, due_at = now() FROM held WHERE m.project_id = $1 AND m.id = held.id`,
    values: [projectId, contactId, channel, offsetMs],
  })
  return rowCount ?? 0
}

/** Compared by what all spellings of an address share; one too many is only decided once more. */
const spelling = (channel: string, address: string) =>
  `CASE WHEN ${channel} = 'EMAIL' THEN split_part(lower(${address}), '@', 1)
    WHEN ${channel} IN ('SMS', 'ALIMTALK', 'FRIENDTALK') THEN regexp_replace(${address}, '\\D', '', 'g') ELSE ${address} END`

/** Those to addresses, a contact's or their own. Rides on message_due and contact_pkey. @returns how many */
export async function takeBackTo(
  db: Runner,
  projectId: string,
  addresses: readonly { readonly channel: Channel; readonly address: string }[],
  offsetMs: number,
): Promise<number> {
  const { rowCount } = await db.query({
    name: 'take-back-to',
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
