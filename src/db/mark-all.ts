/** The statements of `markAll`: marks many messages of a locked feed at once. */
import type { Runner } from './database.ts'
import type { FeedKey } from './feed.ts'

/** Which marks to set (true) or remove (false); null leaves a mark as it is. */
export interface Marks {
  readonly seen: boolean | null
  readonly read: boolean | null
  readonly archived: boolean | null
}

/** Which messages of a feed a change of many is about. null: no restriction. */
export interface Selected {
  /** feed identifiers */
  readonly feeds: readonly string[] | null
  /** the highest `listedSeq` */
  readonly upTo: number
  readonly read: boolean | null
  readonly archived: boolean | null
}

/** What changed under one feed identifier: how many messages (`changed`), and what to add to the counts of unseen and unread ones. */
export interface MarkDelta {
  readonly feed: string
  readonly changed: number
  readonly unseen: number
  readonly unread: number
}

/**
 * Marks all messages of a contact's feed that are selected. Read implies seen.
 * Only rows that change are written, and they keep their own numbers: the change as a whole gets one (`setAllMarked`). Lock the feed first.
 * Rides on message_feed.
 */
export async function markAll(
  tx: Runner,
  key: FeedKey,
  { feeds, upTo, read, archived }: Selected,
  marks: Marks,
  at: Date,
): Promise<MarkDelta[]> {
  const { rows } = await tx.query<MarkDelta>({
    name: 'mark-all',
    text: `WITH old AS (
        SELECT id, feed, seen_at, read_at, archived_at,
          CASE WHEN $6 OR ($5 AND seen_at IS NULL) THEN COALESCE(seen_at, $8) WHEN NOT $5 THEN NULL ELSE seen_at END AS new_seen,
          CASE WHEN $6 THEN COALESCE(read_at, $8) WHEN NOT $6 THEN NULL ELSE read_at END AS new_read,
          CASE WHEN $7 THEN COALESCE(archived_at, $8) WHEN NOT $7 THEN NULL ELSE archived_at END AS new_archived
        FROM message WHERE project_id = $1 AND contact_id = $2 AND channel = 'IN_APP' AND listed_seq <= $4 AND status <> 'CANCELED'
          AND ($3::text[] IS NULL OR feed = ANY($3)) AND ($9::bool IS NULL OR (read_at IS NOT NULL) = $9)
          AND ($10::bool IS NULL OR (archived_at IS NOT NULL) = $10)
      ), changed AS (
        UPDATE message m SET seen_at = new_seen, read_at = new_read, archived_at = new_archived, updated_at = $8
        FROM old WHERE m.project_id = $1 AND m.id = old.id AND (old.seen_at IS DISTINCT FROM new_seen OR old.read_at IS DISTINCT FROM new_read
          OR old.archived_at IS DISTINCT FROM new_archived)
        RETURNING old.*
      )
      SELECT feed, count(*) AS changed,
        sum((new_archived IS NULL AND new_seen IS NULL)::int - (archived_at IS NULL AND seen_at IS NULL)::int) AS unseen,
        sum((new_archived IS NULL AND new_read IS NULL)::int - (archived_at IS NULL AND read_at IS NULL)::int) AS unread
      FROM changed GROUP BY feed`,
    values: [key.projectId, key.contactId, feeds, upTo, marks.seen, marks.read, marks.archived, at, read, archived],
  })
  return rows
}

/** Stores the number of the latest "all marked" change, so that a replay includes it. Lock the feed first. Rides on feed_state_pkey. */
export async function setAllMarked(tx: Runner, key: FeedKey, seq: number): Promise<void> {
  await tx.query({
    name: 'set-all-marked',
    text: 'UPDATE feed_state SET all_marked_seq = $3 WHERE project_id = $1 AND contact_id = $2',
    values: [key.projectId, key.contactId, seq],
  })
}
