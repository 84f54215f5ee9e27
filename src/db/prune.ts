/**
 * Forgets what is older than a project keeps, a batch at a time. Two things outlive it: counts (db/tally.ts), and the callers' own ids,
 * which are accepted once, for ever. These move to a table of their own instead of a stripped notification that stays: so no list, count
 * or index of notifications has to step over what is gone, and what stays of each is some 100 bytes.
 */
import type pg from 'pg'
import type { FeedCounts } from '../domain/words.ts'
import { type Runner, transact } from './database.ts'
import { type FeedStateRow, lockFeeds } from './feed.ts'
import { type FeedLoss, tallyDays, tallyFeeds, tallyMonths } from './tally.ts'
import { write } from './write.ts'

/** What to forget of a project. */
export interface Bounds {
  readonly projectId: string
  /** ids from here on are young enough: the first of the moment `before` */
  readonly below: string
  /** what last changed before this moment */
  readonly before: Date
}

/** One batch of notifications, and where the next one begins. */
export interface PrunedPage {
  /** where the next batch begins; null: there is none */
  readonly last: string | null
  readonly removed: number
}

/** Any number; tells this lock from others of the database. */
const LOCK = 40_191_725
const WAITING = `('SCHEDULED', 'QUEUED', 'SENDING')`
/** A digest `d` that is not over: its window is open, or what it became has yet to be rendered from what was folded. */
const OPEN = `d.closed_at IS NULL OR EXISTS (SELECT FROM message w WHERE w.project_id = d.project_id
  AND w.notification_id = d.notification_id AND w.status IN ${WAITING})`

/**
 * Forgets up to `limit` notifications whose ids come after `after`, with their messages and attempts, and takes what was unseen or unread
 * out of the feeds' counts. Feeds are locked first, in contact order, as everywhere; whatever else somebody holds is passed over, so that
 * pruning never waits while it holds something others want. The counts change without a number and a signal of their own: nothing that a
 * cursor can still ask for has changed, because cursors live shorter than what is kept.
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
    const changed = without(states, await tallyFeeds(tx, projectId, ids))
    await tallyDays(tx, projectId, ids)
    await tallyMonths(tx, projectId, ids)
    if (changed.length > 0) await write(tx, { states: changed })
    await remove(tx, projectId, ids)
    return { last, removed: ids.length }
  })
}

/** Two workers at one project would only wait for each other. */
async function lockProject(tx: Runner, projectId: string): Promise<boolean> {
  const { rows } = await tx.query<{ locked: boolean }>({
    name: 'prune-lock-project',
    text: 'SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS locked',
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

/** A page of old notifications. Over is one of which nothing waits and nothing changed lately. Rides on notification_pkey. */
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

/** Locks those of which everything could be locked at once, and that are still over: one may have been retried or marked meanwhile. */
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

/** The feeds' rows without what goes: numbers stay, feeds with nothing to count leave the row. */
function without(states: readonly FeedStateRow[], losses: readonly FeedLoss[]): FeedStateRow[] {
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

/** Forgets up to `limit` events that no campaign has yet to answer. @returns how many went. Rides on event_pkey */
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

/** Forgets up to `limit` digests that were closed. @returns how many went. Rides on digest_pkey */
export async function pruneDigests(db: Runner, { projectId, below, before }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-digests',
    text: `DELETE FROM digest WHERE project_id = $1 AND id IN (
      SELECT id FROM digest d WHERE project_id = $1 AND id < $2 AND closed_at < $3 AND NOT (${OPEN}) ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)`,
    values: [projectId, below, before, limit],
  })
  return rowCount ?? 0
}

/** Forgets up to `limit` sends to many that ended and whose notifications went. Their ids stay spent. Rides on fanout_pkey. */
export async function pruneFanouts(db: Runner, { projectId, below, before }: Bounds, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'prune-fanouts',
    text: `WITH gone AS (
        DELETE FROM fanout WHERE project_id = $1 AND id IN (
          SELECT id FROM fanout f WHERE f.project_id = $1 AND f.id < $2 AND f.status IN ('DONE', 'CANCELED')
            AND COALESCE(f.send_at, f.created_at) < $3
            AND NOT EXISTS (SELECT FROM notification n WHERE n.project_id = $1 AND n.transaction_id = f.transaction_id)
          ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
        RETURNING key, content_hash, transaction_id
      ), spent AS (
        INSERT INTO spent_id (project_id, key, content_hash, transaction_id)
        SELECT $1, key, content_hash, transaction_id FROM gone WHERE key IS NOT NULL ORDER BY key
      )
      SELECT FROM gone`,
    values: [projectId, below, before, limit],
  })
  return rowCount ?? 0
}

/** Forgets up to `limit` delivery reports whose message never became known. @returns how many went */
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
