/**
 * Counts notifications that are about to be pruned, by the rules of db/stats.ts. Called in the transaction that prunes, with the rows
 * locked.
 */
import type { Runner } from './database.ts'

/** How many unseen and unread messages a contact's feed loses, by feed identifier. */
export interface FeedLoss {
  readonly contactId: string
  readonly feed: string
  readonly unseen: number
  readonly unread: number
}

/**
 * Adds notifications to the counts of their days, by template: once for each channel, and once for all channels together. Only one process
 * at a time prunes a project, so there is no contention for these rows. Rides on day_count_pkey.
 */
export async function addDayCounts(tx: Runner, projectId: string, ids: readonly string[]): Promise<void> {
  await tx.query({
    name: 'add-day-counts',
    text: `WITH n AS (
        SELECT id, channels, (created_at AT TIME ZONE 'UTC')::date AS day,
          COALESCE(template_id, '00000000-0000-0000-0000-000000000000') AS template_id
        FROM notification WHERE project_id = $1 AND id = ANY($2::uuid[])
      ), m AS (
        SELECT notification_id AS id, channel, status IN ('SENT', 'DELIVERED') AS sent, status = 'DELIVERED' AS delivered,
          status = 'FAILED' AS failed, seen_at IS NOT NULL AS seen, read_at IS NOT NULL AS read
        FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[])
      ), one AS (
        SELECT n.id, n.day, n.template_id, '' AS channel, true AS counts, count(m.id) AS messages, bool_or(m.sent) AS sent,
          bool_or(m.delivered) AS delivered, bool_or(m.failed) AS failed, bool_or(m.seen) AS seen, bool_or(m.read) AS read
        FROM n LEFT JOIN m USING (id) GROUP BY 1, 2, 3
        UNION ALL
        SELECT n.id, n.day, n.template_id, c.channel::text, c.channel = ANY(n.channels), count(m.id), bool_or(m.sent), bool_or(m.delivered),
          bool_or(m.failed), bool_or(m.seen), bool_or(m.read)
        FROM n CROSS JOIN LATERAL (SELECT unnest(n.channels) AS channel UNION SELECT m.channel FROM m WHERE m.id = n.id) c
        LEFT JOIN m ON m.id = n.id AND m.channel = c.channel GROUP BY 1, 2, 3, 4, 5
      )
      INSERT INTO day_count AS d (project_id, day, template_id, channel, count, messages, sent, delivered, failed, seen, read)
      SELECT $1, day, template_id, channel, count(*) FILTER (WHERE counts), sum(messages), count(*) FILTER (WHERE sent),
        count(*) FILTER (WHERE delivered), count(*) FILTER (WHERE failed), count(*) FILTER (WHERE seen), count(*) FILTER (WHERE read)
      FROM one GROUP BY day, template_id, channel
      ON CONFLICT (project_id, day, template_id, channel) DO UPDATE SET count = d.count + EXCLUDED.count,
        messages = d.messages + EXCLUDED.messages, sent = d.sent + EXCLUDED.sent, delivered = d.delivered + EXCLUDED.delivered,
        failed = d.failed + EXCLUDED.failed, seen = d.seen + EXCLUDED.seen, read = d.read + EXCLUDED.read`,
    values: [projectId, ids],
  })
}

/** Adds notifications to the counts of their contacts and months, if they were sent on at least one channel. Rides on month_count_pkey. */
export async function addMonthCounts(tx: Runner, projectId: string, ids: readonly string[]): Promise<void> {
  await tx.query({
    name: 'add-month-counts',
    text: `INSERT INTO month_count AS c (project_id, contact_id, month, count)
      SELECT n.project_id, n.contact_id, date_trunc('month', n.created_at AT TIME ZONE 'UTC')::date, count(*) FROM notification n
      WHERE n.project_id = $1 AND n.id = ANY($2::uuid[]) AND n.contact_id IS NOT NULL AND EXISTS (SELECT FROM message m
        WHERE m.project_id = n.project_id AND m.notification_id = n.id AND m.status IN ('SENT', 'DELIVERED'))
      GROUP BY 1, 2, 3 ORDER BY 2
      ON CONFLICT (project_id, contact_id, month) DO UPDATE SET count = c.count + EXCLUDED.count`,
    values: [projectId, ids],
  })
}

/** How many messages of these notifications are counted as unseen or unread in their feeds. */
export async function countFeedLosses(tx: Runner, projectId: string, ids: readonly string[]): Promise<FeedLoss[]> {
  const { rows } = await tx.query<FeedLoss>({
    name: 'count-feed-losses',
    text: `SELECT contact_id AS "contactId", feed, count(*) FILTER (WHERE seen_at IS NULL) AS unseen, count(*) FILTER (WHERE read_at IS NULL) AS unread
      FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) AND channel = 'IN_APP' AND arrived_seq IS NOT NULL
        AND archived_at IS NULL AND snoozed_until IS NULL AND deleted_at IS NULL AND status <> 'CANCELED' AND (seen_at IS NULL OR read_at IS NULL) GROUP BY 1, 2`,
    values: [projectId, ids],
  })
  return rows
}
