/**
 * Folds what was added to the statistics into their sums. Transactions that send write no sum, so they never wait for each other: sums are
 * written here alone, by one process at a time.
 */
import type pg from 'pg'
import { type Runner, transact } from './database.ts'
import { firstFanout } from './stat-delta.ts'

/** The class of the advisory lock: an arbitrary number that nothing else uses, except `stat_recount` (prisma/migrations/0017_stats). */
const LOCK = 40_191_727

/** SQL: tells the triggers of prisma/migrations/0019_progress that this transaction counts the progress of what it resolves and folds. */
export const COUNTS_PROGRESS = `set_config('carillon.progress', 'on', true)`

/** How many changes and deltas are folded at a time. For a change all messages of its notification are looked up. */
const CHANGES = 2_000
const DELTAS = 10_000

const results = ['sent', 'delivered', 'failed', 'seen', 'read'] as const
const nowOf = (result: string): string => `COALESCE(bool_or(${result} AND is_now), false)::int`
const wasOf = (result: string): string => `COALESCE(bool_or(${result} AND was), false)::int`
/** SQL: nothing of the notification waits or was sent, and something failed or may not have arrived, in the rows where `side` holds. */
const lost = (side: string): string =>
  `COALESCE(bool_or((failed OR unknown) AND ${side}) AND NOT bool_or((sent OR waiting) AND ${side}), false)::int`

/** SQL: the columns of what is added. `waiting` and `lost` are the progress of sends to many; NULL: not counted (prisma/migrations/0019_progress) */
export const addedColumns =
  'project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, count, messages, sent, delivered, failed, seen, read, waiting, lost'

/**
 * SQL: parts of a WITH, the last of which, `resolved`, is what the logged changes `source` add to notifications, as rows of stat_delta. A
 * notification was sent, delivered and so on if one of its messages was. Before: as the earliest change of a message says, or as the message
 * is if it has not changed. Now: as its messages are. All of it is one snapshot, and a message's change is committed together with its log, so
 * nothing is missed or counted twice. An open digest is logged as a message that waited, when it no longer is. Rides on message_project_id_notification_id_channel_key and notification_pkey.
 */
export const resolvedChanges = (source: string): string => `logged AS MATERIALIZED (
    ${source}
  ), before AS MATERIALIZED (
    SELECT DISTINCT ON (project_id, notification_id, message_id) * FROM logged ORDER BY project_id, notification_id, message_id, id
  ), state AS (
    SELECT project_id, notification_id, sent, delivered, failed, seen, read, waiting, unknown, true AS was, false AS is_now FROM before
    UNION ALL
    SELECT m.project_id, m.notification_id, m.status IN ('SENT', 'DELIVERED'), m.status = 'DELIVERED', m.status = 'FAILED', m.seen_at IS NOT NULL,
      m.read_at IS NOT NULL, m.status IN ('SCHEDULED', 'QUEUED', 'SENDING'), m.status = 'UNKNOWN', b.message_id IS NULL, true
    FROM (SELECT DISTINCT project_id, notification_id FROM logged) l
    JOIN message m ON m.project_id = l.project_id AND m.notification_id = l.notification_id
    LEFT JOIN before b ON b.project_id = m.project_id AND b.notification_id = m.notification_id AND b.message_id = m.id
  ), difference AS (
    SELECT project_id, notification_id, ${[...results, 'waiting'].map((one) => `${nowOf(one)} - ${wasOf(one)} AS ${one}`).join(', ')},
      ${lost('is_now')} - ${lost('was')} AS lost
    FROM state GROUP BY project_id, notification_id
  ), resolved AS (
    SELECT * FROM (SELECT n.project_id, date_trunc('minute', n.created_at) AS at, COALESCE(n.template_id, '00000000-0000-0000-0000-000000000000') AS template_id,
      n.campaign_id, ${firstFanout('n.project_id', 'n.transaction_id')} AS fanout_id,
      NULL::uuid AS provider_id, '' AS channel, 0 AS count, 0 AS messages, d.sent, d.delivered, d.failed, d.seen, d.read, d.waiting, d.lost
      FROM difference d JOIN notification n ON n.project_id = d.project_id AND n.id = d.notification_id
      WHERE (d.sent, d.delivered, d.failed, d.seen, d.read, d.waiting, d.lost) <> (0, 0, 0, 0, 0, 0, 0)) r
    WHERE r.fanout_id IS NOT NULL OR (r.sent, r.delivered, r.failed, r.seen, r.read) <> (0, 0, 0, 0, 0)
  )`

const sums = (columns: readonly string[]) => columns.map((one) => `sum(${one})`).join(', ')
const added = (columns: readonly string[]) => columns.map((one) => `${one} = s.${one} + EXCLUDED.${one}`).join(', ')
const dayColumns = ['count', 'messages', ...results]
const ofColumns = ['count', ...results]
const progress = ['waiting', 'lost']
// What is added to something that is not counted is not counted either.
const progressSums = progress.map((one) => `CASE WHEN bool_and(${one} IS NOT NULL) THEN sum(${one}) END`).join(', ')

// Rows are inserted in the order of their keys, and only by one process: no deadlocks. What is left of a project that is gone is dropped.
const TEXT = `WITH ${resolvedChanges(`DELETE FROM stat_change WHERE (project_id, notification_id) IN (
      SELECT project_id, notification_id FROM stat_change LIMIT $1) RETURNING *`)}, taken AS MATERIALIZED (
    DELETE FROM stat_delta WHERE (project_id, id) IN (SELECT project_id, id FROM stat_delta LIMIT $2) RETURNING *
  ), added AS MATERIALIZED (
    SELECT ${addedColumns} FROM (SELECT ${addedColumns} FROM resolved UNION ALL SELECT ${addedColumns} FROM taken) a
    WHERE EXISTS (SELECT FROM project p WHERE p.id = a.project_id)
  ), days AS (
    INSERT INTO stat_day AS s (project_id, day, template_id, channel, ${dayColumns.join(', ')})
    SELECT project_id, (at AT TIME ZONE 'UTC')::date, template_id, channel, ${sums(dayColumns)} FROM added GROUP BY 1, 2, 3, 4
    ON CONFLICT (project_id, day, template_id, channel) DO UPDATE SET ${added(dayColumns)}
  ), minutes AS (
    INSERT INTO stat_minute AS s (project_id, at, template_id, channel, sent)
    SELECT project_id, at, template_id, channel, sum(sent) FROM added WHERE sent <> 0 GROUP BY 1, 2, 3, 4
    ON CONFLICT (project_id, at, template_id, channel) DO UPDATE SET sent = s.sent + EXCLUDED.sent
  ), others AS (
    INSERT INTO stat_of AS s (project_id, kind, of_id, channel, ${[...ofColumns, ...progress].join(', ')})
    SELECT project_id, kind, of_id, channel, ${sums(ofColumns)}, ${progressSums}
    FROM added CROSS JOIN LATERAL (VALUES ('CAMPAIGN', campaign_id), ('FANOUT', fanout_id), ('PROVIDER', provider_id)) o (kind, of_id)
    WHERE of_id IS NOT NULL GROUP BY 1, 2, 3, 4
    ON CONFLICT (project_id, kind, of_id, channel) DO UPDATE SET ${added([...ofColumns, ...progress])}
  )
  SELECT (SELECT count(*) FROM logged) AS changes, (SELECT count(*) FROM taken) AS deltas`

/**
 * Folds a batch of what was added.
 * @returns whether there may be more
 */
export function foldStats(pool: pg.Pool): Promise<boolean> {
  return transact(pool, async (tx) => {
    const { rows: locked } = await tx.query<{ locked: boolean }>({
      name: 'lock-stats',
      text: `SELECT pg_try_advisory_xact_lock($1, 0) AS locked, ${COUNTS_PROGRESS}`,
      values: [LOCK],
    })
    if (locked[0]?.locked !== true) return false
    const { rows } = await tx.query<{ changes: number; deltas: number }>({
      name: 'fold-stats',
      text: TEXT,
      values: [CHANGES, DELTAS],
    })
    const { changes = 0, deltas = 0 } = rows[0] ?? {}
    return changes >= CHANGES || deltas >= DELTAS
  })
}

/**
 * Resolves the logged changes of notifications that are about to be deleted, as rows of stat_delta: they can't be resolved later. Call it with
 * the notifications' messages locked, in a transaction that has set COUNTS_PROGRESS.
 */
export async function resolveChanges(tx: Runner, projectId: string, notificationIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'resolve-changes',
    text: `WITH ${resolvedChanges('DELETE FROM stat_change WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) RETURNING *')}
      INSERT INTO stat_delta (${addedColumns}) SELECT ${addedColumns} FROM resolved`,
    values: [projectId, notificationIds],
  })
}

/** Deletes up to `limit` sums of minutes before a moment. Rides on stat_minute_pkey. @returns how many there were */
export async function pruneMinutes(db: Runner, projectId: string, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-minutes',
    text: `DELETE FROM stat_minute WHERE project_id = $1 AND at IN (SELECT at FROM stat_minute WHERE project_id = $1 AND at < $2 LIMIT $3)`,
    values: [projectId, before, limit],
  })
  return rowCount ?? 0
}
