/** The statements with which a reader's messages are deleted from a locked feed. The rows stay: they are the record of what was sent. */
import { plainArray } from './array.ts'
import { AWAY } from './away.ts'
import type { Runner } from './database.ts'
import type { FeedKey } from './feed.ts'
import type { MarkDelta, Selected } from './mark-all.ts'

/** Deletes messages, each with the number of that change. Lock the feed first. Rides on message_pkey. */
export async function deleteMessages(
  tx: Runner,
  projectId: string,
  messages: readonly { readonly id: string; readonly changedSeq: number }[],
  at: string,
): Promise<void> {
  await tx.query({
    name: 'delete-messages',
    text: `UPDATE message m SET deleted_at = $4, snoozed_until = NULL, archived_at = COALESCE(m.archived_at, '${AWAY}'), listed_seq = NULL, changed_seq = r.seq,
        change_kind = 'DELETED', updated_at = $4
      FROM unnest($2::uuid[], $3::bigint[]) AS r (id, seq) WHERE m.project_id = $1 AND m.id = r.id`,
    values: [projectId, plainArray(messages.map(({ id }) => id)), messages.map(({ changedSeq }) => changedSeq), at],
  })
}

/**
 * Deletes all messages of a contact's feed that are selected. They keep their own numbers: the change as a whole gets one (`setAllMarked`).
 * Lock the feed first. Rides on message_feed.
 */
export async function deleteAll(
  tx: Runner,
  key: FeedKey,
  { feeds, upTo, read, archived }: Selected,
  at: Date,
): Promise<MarkDelta[]> {
  const { rows } = await tx.query<MarkDelta>({
    name: 'delete-all',
    text: `WITH gone AS (
        UPDATE message SET deleted_at = $5, archived_at = COALESCE(archived_at, '${AWAY}'), listed_seq = NULL, updated_at = $5
        WHERE project_id = $1 AND contact_id = $2 AND channel = 'IN_APP' AND listed_seq <= $4 AND status <> 'CANCELED'
          AND ($3::text[] IS NULL OR feed = ANY($3)) AND ($6::bool IS NULL OR (read_at IS NOT NULL) = $6)
          AND ($7::bool IS NULL OR (archived_at IS NOT NULL) = $7)
        RETURNING feed, (archived_at = '${AWAY}' AND seen_at IS NULL)::int AS unseen, (archived_at = '${AWAY}' AND read_at IS NULL)::int AS unread
      )
      SELECT feed, count(*) AS changed, -sum(unseen) AS unseen, -sum(unread) AS unread FROM gone GROUP BY feed`,
    values: [key.projectId, key.contactId, feeds, upTo, at, read, archived],
  })
  return rows
}
