/**
 * Deletes what is older than a project's retention, a batch at a time. Two things are kept: the counts (db/prune-counts.ts), and the
 * callers' own ids, each of which is accepted only once, permanently. The ids move to a table of their own, spent_id, at about 100 bytes
 * each. Keeping emptied notifications instead would mean that every list, count and index of notifications has to skip them.
 */
import type pg from 'pg'
import type { FeedCounts } from '../words.ts'
import { type Runner, transact } from './database.ts'
import { type FeedStateRow, lockFeeds } from './feed.ts'
import { COUNTS_PROGRESS, resolveChanges } from './fold-stats.ts'
import { addDayCounts, addMonthCounts, countFeedLosses, type FeedLoss } from './prune-counts.ts'
import { write } from './write.ts'

/** How old something of a project has to be to be deleted. */
export interface Bounds {
  readonly projectId: string
  /** only rows with smaller ids: the first id of the moment `before` */
  readonly below: string
  /** only rows that last changed before this moment */
  readonly before: Date
}

/** The result of one batch. */
export interface PrunedPage {
  /** the `after` of the next batch; null: there are no more */
  readonly last: string | null
  /** notifications that were deleted */
  readonly removed: number
}

/** The class of the advisory lock: an arbitrary number that no other lock of this database uses. */
const LOCK = 40_191_725
const WAITING = `('SCHEDULED', 'QUEUED', 'SENDING')`
/** SQL: the digest `d` is still needed: its window is open, or a message of it waits, which is rendered from what was folded. */
const OPEN = `d.closed_at IS NULL OR EXISTS (SELECT FROM message w WHERE w.project_id = d.project_id
  AND w.notification_id = d.notification_id AND w.status IN ${WAITING})`

/**
 * Examines up to `limit` notifications with ids after `after`, and deletes those that are over, with their messages and attempts. What was
 * unseen or unread is subtracted from the counts of the feeds. The counts change without a feed number or a signal: no subscriber can
 * ask for such old messages, because cursors expire sooner than the retention ends.
 *
 * Locks feeds first, in the order of contacts, as every transaction does. Other rows that are locked are skipped, so pruning never waits for
 * a lock while it holds one that others need.
 */
export function pruneNotifications(pool: pg.Pool, bounds: Bounds, after: string, limit: number): Promise<PrunedPage> {
  const { projectId, before } = bounds
  return transact(pool, async (tx) => {
    if (!(await lockProject(tx, projectId))) return { last: null, removed: 0 }
    const page = await findOld(tx, bounds, after, limit)
    const old = page.filter((one) => one.isOver)
    const last = page.length < limit ? null : (page.at(-1)?.id ?? null)
    if (old.length === 0) return { last, removed: 0 }
    const feeds = [...new Set(old.flatMap((one) => (one.contactId !== null && one.isInFeed ? [one.contactId] : [])))]
    const states = await lockFeeds(
      tx,
      feeds.map((contactId) => ({ projectId, contactId })),
    )
    const candidates = old.map((one) => one.id)
    const ids = await lockNotifications(tx, projectId, candidates, before)
    if (ids.length === 0) return { last, removed: 0 }
    const changed = subtractLosses(states, await countFeedLosses(tx, projectId, ids))
    await resolveChanges(tx, projectId, ids)
    await addDayCounts(tx, projectId, ids)
    await addMonthCounts(tx, projectId, ids)
    if (changed.length > 0) await write(tx, { states: changed })
    await remove(tx, projectId, ids)
    return { last, removed: ids.length }
  })
}

/** Only one worker prunes a project at a time: two would wait for each other. @returns false: another worker does */
async function lockProject(tx: Runner, projectId: string): Promise<boolean> {
  const { rows } = await tx.query<{ locked: boolean }>({
    name: 'prune-lock-project',
    text: `SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS locked, ${COUNTS_PROGRESS}`,
    values: [LOCK, projectId],
  })
  return rows[0]?.locked === true
}

interface OldRow {
  readonly id: string
  readonly contactId: string | null
  readonly isOver: boolean
  readonly isInFeed: boolean
}

/**
 * A page of old notifications. One is over when none of its messages waits, none has changed since `before`, and no digest needs it. Rides
 * on notification_pkey and message_project_id_notification_id_channel_key.
 */
async function findOld(tx: Runner, { projectId, below, before }: Bounds, after: string, limit: number): Promise<OldRow[]> {
  const { rows } = await tx.query<OldRow>({
    name: 'prune-find',
    text: `SELECT n.id, n.contact_id AS "contactId",
        n.created_at < $4 AND COALESCE(n.send_at, n.created_at) < $4
          AND NOT EXISTS (SELECT FROM message m WHERE m.project_id = $1 AND m.notification_id = n.id AND (m.status IN ${WAITING} OR m.updated_at >= $4))
          AND NOT EXISTS (SELECT FROM digest d WHERE d.project_id = $1 AND d.id = n.digest_id AND (${OPEN})) AS "isOver",
        EXISTS (SELECT FROM message m WHERE m.project_id = $1 AND m.notification_id = n.id AND m.channel = 'IN_APP') AS "isInFeed"
      FROM (SELECT id, contact_id, digest_id, created_at, send_at FROM notification
        WHERE project_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $5) n ORDER BY n.id`,
    values: [projectId, after, below, before, limit],
  })
  return rows
}

/**
 * Locks notifications with all their messages, without waiting. Left out are those of which some row is locked by another transaction, and
 * those that are no longer over: a message may have been retried or marked meanwhile.
 * @returns ids of those that are locked
 */
async function lockNotifications(tx: Runner, projectId: string, ids: readonly string[], before: Date): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'prune-lock',
    text: `WITH n AS (
        SELECT id FROM notification WHERE project_id = $1 AND id = ANY($2::uuid[]) FOR UPDATE SKIP LOCKED
      ), m AS (
        SELECT id, status, updated_at FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]) FOR UPDATE SKIP LOCKED
      )
      SELECT n.id FROM n WHERE NOT EXISTS (SELECT FROM message x LEFT JOIN m USING (id) WHERE x.project_id = $1 AND x.notification_id = n.id
        AND (m.id IS NULL OR m.status IN ${WAITING} OR m.updated_at >= $3))`,
    values: [projectId, ids, before],
  })
  return rows.map((row) => row.id)
}

/** The new states of the feeds that lose something: numbers stay, and a feed identifier whose counts are both zero is removed. */
function subtractLosses(states: readonly FeedStateRow[], losses: readonly FeedLoss[]): FeedStateRow[] {
  return states.flatMap((state) => {
    const lost = new Map(losses.filter((one) => one.contactId === state.contactId).map((one) => [one.feed, one]))
    if (lost.size === 0) return []
    const counts: FeedCounts = Object.fromEntries(
      Object.entries(state.counts)
        .map(([feed, [unseen, unread]]): [string, [number, number]] => {
          const loss = lost.get(feed)
          return [feed, [Math.max(0, unseen - (loss?.unseen ?? 0)), Math.max(0, unread - (loss?.unread ?? 0))]]
        })
        .filter(([, [unseen, unread]]) => unseen > 0 || unread > 0),
    )
    return [{ ...state, counts }]
  })
}

async function remove(tx: Runner, projectId: string, ids: readonly string[]): Promise<void> {
  await tx.query({
    name: 'prune-spend',
    text: `INSERT INTO spent_id (project_id, key, content_hash, notification_id, transaction_id)
      SELECT project_id, key, content_hash, id, transaction_id FROM notification WHERE project_id = $1 AND id = ANY($2::uuid[]) AND key IS NOT NULL
      ORDER BY key`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'prune-claims',
    text: `DELETE FROM device_claim c USING notification n, message m WHERE n.project_id = $1 AND n.id = ANY($2::uuid[])
      AND m.project_id = n.project_id AND m.notification_id = n.id
      AND c.project_id = n.project_id AND c.transaction_id = n.transaction_id AND c.message_id = m.id`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'prune-attempts',
    text: `DELETE FROM attempt WHERE project_id = $1 AND message_id IN (
      SELECT id FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[]))`,
    values: [projectId, ids],
  })
  await tx.query({
    name: 'prune-messages',
    text: 'DELETE FROM message WHERE project_id = $1 AND notification_id = ANY($2::uuid[])',
    values: [projectId, ids],
  })
  await tx.query({
    name: 'prune-notifications',
    text: 'DELETE FROM notification WHERE project_id = $1 AND id = ANY($2::uuid[])',
    values: [projectId, ids],
  })
}

/**
 * Deletes up to `limit` old events, except those for which a campaign trigger waits. Rides on event_pkey.
 * @returns how many were deleted
 */
export async function pruneEvents(db: Runner, { projectId, below }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-events',
    text: `DELETE FROM event WHERE project_id = $1 AND id IN (
      SELECT id FROM event e WHERE project_id = $1 AND id < $2
        AND NOT EXISTS (SELECT FROM campaign_trigger c WHERE c.project_id = $1 AND c.event_id = e.id)
      ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)`,
    values: [projectId, below, limit],
  })
  return rowCount ?? 0
}

/** Deletes up to `limit` old digests that are closed and no longer needed. Rides on digest_pkey. @returns how many were deleted */
export async function pruneDigests(db: Runner, { projectId, below, before }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-digests',
    text: `DELETE FROM digest WHERE project_id = $1 AND id IN (
      SELECT id FROM digest d WHERE project_id = $1 AND id < $2 AND closed_at < $3 AND NOT (${OPEN}) ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)`,
    values: [projectId, below, before, limit],
  })
  return rowCount ?? 0
}

/**
 * Deletes up to `limit` old sends to many that have ended and have no notifications left. Their callers' ids move to spent_id. Rides on
 * fanout_pkey.
 * @returns how many were deleted
 */
export async function pruneFanouts(db: Runner, { projectId, below, before }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-fanouts',
    text: `WITH gone AS (
        DELETE FROM fanout WHERE project_id = $1 AND id IN (
          SELECT id FROM fanout f WHERE f.project_id = $1 AND f.id < $2 AND f.status IN ('DONE', 'CANCELED')
            AND COALESCE(f.send_at, f.created_at) < $3
            AND NOT EXISTS (SELECT FROM notification n WHERE n.project_id = $1 AND n.transaction_id = f.transaction_id)
          ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
        RETURNING id, key, content_hash, transaction_id
      ), spent AS (
        INSERT INTO spent_id (project_id, key, content_hash, transaction_id)
        SELECT $1, key, content_hash, transaction_id FROM gone WHERE key IS NOT NULL ORDER BY key
      ), counts AS (
        DELETE FROM stat_of WHERE project_id = $1 AND kind = 'FANOUT' AND of_id IN (SELECT id FROM gone)
      )
      SELECT FROM gone`,
    values: [projectId, below, before, limit],
  })
  return rowCount ?? 0
}

/** Deletes up to `limit` old delivery reports for which no message was ever found. @returns how many were deleted */
export async function pruneReports(db: Runner, { projectId, before }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-reports',
    text: `DELETE FROM delivery_report WHERE project_id = $1 AND (provider_id, provider_message_id, status) IN (
      SELECT provider_id, provider_message_id, status FROM delivery_report WHERE project_id = $1 AND created_at < $2
      LIMIT $3 FOR UPDATE SKIP LOCKED)`,
    values: [projectId, before, limit],
  })
  return rowCount ?? 0
}
