/**
 * The statements of snoozing. A message that is snoozed has no place in the list; the table `snooze` has when it comes back, and where it was. Lock
 * the feeds first, for all but `findDueSnoozes`.
 */
import { plainArray } from './array.ts'
import { AWAY, archivedColumn } from './away.ts'
import { isoTimes, type Runner } from './database.ts'
import type { FeedKey } from './feed.ts'

/** A message that is snoozed. */
export interface SnoozeRow extends FeedKey {
  readonly messageId: string
}

/** A message, and the number of its change. */
interface Changed {
  readonly id: string
  readonly changedSeq: number
}
const changes = (messages: readonly Changed[]): readonly string[] => [
  plainArray(messages.map(({ id }) => id)),
  plainArray(messages.map(({ changedSeq }) => changedSeq)),
]

/** Takes messages out of their feed until a time, or until another one than before. Rides on message_pkey and snooze_pkey. */
export async function snoozeMessages(
  tx: Runner,
  key: FeedKey,
  messages: readonly Changed[],
  until: string,
  at: string,
): Promise<void> {
  await tx.query({
    name: 'snooze-messages',
    text: `WITH r AS (SELECT * FROM unnest($3::uuid[], $4::bigint[]) AS r (id, seq)
      ), z AS (
        INSERT INTO snooze AS z (project_id, message_id, contact_id, until, listed_seq, archived_at)
        SELECT $1, m.id, $2, $5, COALESCE(m.listed_seq, m.arrived_seq), ${archivedColumn} FROM r JOIN message m ON m.project_id = $1 AND m.id = r.id
        ON CONFLICT (project_id, message_id) DO UPDATE SET until = EXCLUDED.until, archived_at = COALESCE(EXCLUDED.archived_at, z.archived_at)
      )
      UPDATE message m SET snoozed_until = $5, listed_seq = NULL, archived_at = '${AWAY}', changed_seq = r.seq, change_kind = 'SNOOZED', updated_at = $6
      FROM r WHERE m.project_id = $1 AND m.id = r.id`,
    values: [key.projectId, key.contactId, ...changes(messages), until, at],
  })
}

/** When messages that are snoozed were archived, those that were. Rides on snooze_pkey. */
export async function findArchived(tx: Runner, projectId: string, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ id: string; archivedAt: string }>({
    name: 'find-archived',
    text: `SELECT message_id AS id, archived_at AS "archivedAt" FROM snooze
      WHERE project_id = $1 AND message_id = ANY($2::uuid[]) AND archived_at IS NOT NULL`,
    values: [projectId, ids],
    types: isoTimes,
  })
  return new Map(rows.map(({ id, archivedAt }) => [id, archivedAt]))
}

/** Puts messages back where they were. Rides on message_pkey and snooze_pkey. */
export async function unsnoozeMessages(tx: Runner, projectId: string, messages: readonly Changed[], at: string): Promise<void> {
  await tx.query({
    name: 'unsnooze-messages',
    text: `WITH r AS (SELECT * FROM unnest($2::uuid[], $3::bigint[]) AS r (id, seq)
      ), z AS (
        DELETE FROM snooze s USING r WHERE s.project_id = $1 AND s.message_id = r.id RETURNING s.message_id, s.listed_seq, s.archived_at
      )
      UPDATE message m SET snoozed_until = NULL, listed_seq = COALESCE(z.listed_seq, m.arrived_seq), archived_at = COALESCE(${archivedColumn}, z.archived_at),
        changed_seq = r.seq, change_kind = 'UNSNOOZED', updated_at = $4
      FROM r LEFT JOIN z ON z.message_id = r.id WHERE m.project_id = $1 AND m.id = r.id`,
    values: [projectId, ...changes(messages), at],
  })
}

/** Up to `limit` messages that are due to come back, the longest overdue first. Locks nothing. Rides on snooze_due. */
export async function findDueSnoozes(db: Runner, limit: number, offsetMs: number): Promise<SnoozeRow[]> {
  const { rows } = await db.query<SnoozeRow>({
    name: 'find-due-snoozes',
    text: `SELECT project_id AS "projectId", contact_id AS "contactId", message_id AS "messageId" FROM snooze
      WHERE until <= now() + $2 * interval '1 millisecond' ORDER BY until LIMIT $1`,
    values: [limit, offsetMs],
  })
  return rows
}

/** Removes those that are still due: the transaction that removes one brings its message back. Rides on snooze_pkey. @returns those that were removed */
export async function takeDueSnoozes(tx: Runner, snoozes: readonly SnoozeRow[], offsetMs: number): Promise<SnoozeRow[]> {
  const { rows } = await tx.query<SnoozeRow>({
    name: 'take-due-snoozes',
    text: `DELETE FROM snooze s USING unnest($1::uuid[], $2::uuid[]) AS w (project_id, message_id)
      WHERE s.project_id = w.project_id AND s.message_id = w.message_id AND s.until <= now() + $3 * interval '1 millisecond'
      RETURNING s.project_id AS "projectId", s.contact_id AS "contactId", s.message_id AS "messageId"`,
    values: [
      plainArray(snoozes.map(({ projectId }) => projectId)),
      plainArray(snoozes.map(({ messageId }) => messageId)),
      offsetMs,
    ],
  })
  return rows
}

/** Brings messages back, at the top of their feeds, with these marks. Rides on message_pkey. */
export async function returnMessages(
  tx: Runner,
  messages: readonly (Changed & { readonly projectId: string; readonly seenAt: string | null; readonly readAt: string | null })[],
  at: string,
): Promise<void> {
  await tx.query({
    name: 'return-messages',
    text: `UPDATE message m SET snoozed_until = NULL, archived_at = ${archivedColumn}, listed_seq = r."changedSeq", changed_seq = r."changedSeq", change_kind = 'UNSNOOZED',
        seen_at = r."seenAt", read_at = r."readAt", updated_at = $2
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "changedSeq" bigint, "seenAt" timestamptz, "readAt" timestamptz)
      WHERE m.project_id = r."projectId" AND m.id = r.id`,
    values: [
      JSON.stringify(
        messages.map(({ projectId, id, changedSeq, seenAt, readAt }) => ({ projectId, id, changedSeq, seenAt, readAt })),
      ),
      at,
    ],
  })
}
