/**
 * Transactions that send to many, as they are listed: by their rows in `fanout`. Other calls have no row of their own, so that accepting them
 * costs nothing more; they are found by their notifications.
 */
import type { AuditActor, Channel, FanoutAudience, MessageStatus, TransactionStatus } from '../words.ts'
import type { Runner } from './database.ts'
import { addedColumns, resolvedChanges } from './fold-stats.ts'
import { firstFanout } from './stat-delta.ts'

/** Restricts a list of transactions; null: no restriction. Names are keys. */
export interface TransactionsFilter {
  /** of campaigns, or of none; null: both */
  readonly ofCampaign: boolean | null
  /** id or name of the API key or person */
  readonly by: string | null
  readonly templates: readonly string[] | null
  readonly topic: string | null
  readonly segment: string | null
  readonly campaign: string | null
  readonly campaignId: string | null
  readonly statuses: readonly TransactionStatus[] | null
  readonly from: Date | null
  readonly to: Date | null
  /** ids between which those of `from` and `to` are */
  readonly fromId: string | null
  readonly toId: string | null
}

/** A transaction: its first send to many that a list asks for, or its first notification. */
export interface TransactionRow {
  /** of the send to many, or the notification */
  readonly id: string
  readonly transactionId: string
  readonly templateId: string | null
  readonly campaignId: string | null
  /** null: it sends to no audience */
  readonly audience: FanoutAudience | null
  readonly sendAt: Date | null
  readonly createdAt: Date
  /** null: it is not stored */
  readonly byKind: AuditActor | null
  readonly byId: string | null
  readonly byName: string | null
}

/** Which rows of the list. */
export interface TransactionRange {
  readonly after: string | null
  readonly before: string | null
  readonly ascending: boolean
  readonly limit: number
}

const columns = `f.id, f.transaction_id AS "transactionId", f.template_id AS "templateId", f.campaign_id AS "campaignId", f.audience,
  f.send_at AS "sendAt", f.created_at AS "createdAt", f.by_kind AS "byKind", f.by_id AS "byId", f.by_name AS "byName"`

/**
 * SQL: the status of the transaction of the send `f`, as domain/progress.ts has it. Of what is not counted (which was sent before progress was),
 * nothing is waiting.
 */
const status = `(SELECT CASE
    WHEN g.is_canceled OR EXISTS (SELECT FROM transaction t WHERE t.project_id = f.project_id AND t.id = f.transaction_id AND t.canceled_at IS NOT NULL)
      THEN 'CANCELED'
    WHEN g.unwritten = 0 AND k.waiting <= 0 THEN 'DONE'
    WHEN g.passed > 0 OR g.unbegun < g.unwritten OR k.count > k.waiting THEN 'RUNNING'
    ELSE 'ACCEPTED' END
  FROM (
    SELECT bool_or(status = 'CANCELED') AS is_canceled, count(*) FILTER (WHERE status IN ('ACCEPTED', 'RUNNING')) AS unwritten,
      count(*) FILTER (WHERE status = 'ACCEPTED') AS unbegun, sum(written) AS passed
    FROM fanout WHERE project_id = f.project_id AND transaction_id = f.transaction_id
  ) g, (
    SELECT COALESCE(sum(s.count), 0) AS count, COALESCE(sum(s.waiting), 0) AS waiting FROM (
      SELECT count, waiting FROM stat_of WHERE project_id = f.project_id AND kind = 'FANOUT' AND channel = ''
        AND of_id = ${firstFanout('f.project_id', 'f.transaction_id')}
      UNION ALL SELECT a.count, a.waiting FROM added_of a WHERE a.fanout_id = ${firstFanout('f.project_id', 'f.transaction_id')}
    ) s
  ) k)`

/** What is not folded yet, by send to many. Left out where no status is asked for. */
const ADDED = `WITH ${resolvedChanges('SELECT * FROM stat_change WHERE project_id = $1')}, added AS (
    SELECT ${addedColumns} FROM resolved UNION ALL SELECT ${addedColumns} FROM stat_delta WHERE project_id = $1
  ), added_of AS MATERIALIZED (
    SELECT fanout_id, sum(count) AS count, sum(waiting) AS waiting FROM added WHERE channel = '' AND fanout_id IS NOT NULL GROUP BY 1
  )`

/**
 * The transactions that may be in another state than DONE, which most are: their status alone is worked out then. `isCanceled`: canceled ones are
 * asked for, also those that were written to the end before.
 */
const openOnes = (isCanceled: boolean): string => `, open_ones AS MATERIALIZED (
    SELECT transaction_id FROM fanout WHERE project_id = $1 AND status <> 'DONE'
    UNION
    SELECT x.transaction_id FROM (
      SELECT of_id FROM stat_of WHERE project_id = $1 AND kind = 'FANOUT' AND channel = '' AND waiting > 0 UNION ALL SELECT fanout_id FROM added_of
    ) o JOIN fanout x ON x.project_id = $1 AND x.id = o.of_id
    ${
      isCanceled
        ? `UNION
    SELECT x.transaction_id FROM fanout x JOIN transaction t ON t.project_id = $1 AND t.id = x.transaction_id AND t.canceled_at IS NOT NULL
    WHERE x.project_id = $1`
        : ''
    }
  )`

/** The filter as SQL conditions on the sends `f`. The text depends on the filter, so statements with it are not named. */
function whereOf(projectId: string, filter: TransactionsFilter) {
  const values: unknown[] = [projectId]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const wanted = ['f.project_id = $1']
  // Of these, the sends of one transaction may differ.
  const own: ((send: string) => string)[] = []
  const { ofCampaign, by, templates, topic, segment, campaign, campaignId, statuses, from, to, fromId, toId } = filter
  if (ofCampaign !== null) wanted.push(`f.campaign_id IS ${ofCampaign ? 'NOT NULL' : 'NULL'}`)
  if (campaignId !== null) wanted.push(`f.campaign_id = ${bind(campaignId)}`)
  if (campaign !== null)
    wanted.push(`f.campaign_id = (SELECT c.id FROM campaign c WHERE c.project_id = $1 AND c.key = ${bind(campaign)})`)
  if (by !== null) {
    const name = bind(by)
    wanted.push(`(f.by_id = ${name} OR f.by_name = ${name})`)
  }
  if (from !== null) wanted.push(`f.created_at >= ${bind(from)}`)
  if (to !== null) wanted.push(`f.created_at < ${bind(to)}`)
  if (fromId !== null) wanted.push(`f.id >= ${bind(fromId)}`)
  if (toId !== null) wanted.push(`f.id < ${bind(toId)}`)
  if (templates !== null) {
    const keys = bind(templates)
    own.push(
      (send) => `${send}.template_id = ANY(ARRAY(SELECT t.id FROM template t WHERE t.project_id = $1 AND t.key = ANY(${keys})))`,
    )
  }
  for (const [kind, key] of [['topic', topic] as const, ['segment', segment] as const]) {
    if (key === null) continue
    const name = bind(key)
    own.push(
      (send) => `${send}.audience ->> 'kind' = '${kind}'
        AND ${send}.audience ->> 'id' = (SELECT a.id::text FROM ${kind} a WHERE a.project_id = $1 AND a.key = ${name})`,
    )
  }
  for (const one of own) wanted.push(one('f'))
  const isOpen = statuses !== null && !statuses.includes('DONE')
  if (isOpen) wanted.push('f.transaction_id IN (SELECT o.transaction_id FROM open_ones o)')
  if (statuses !== null) wanted.push(`${status} = ANY(${bind(statuses)})`)
  const others = own.map((one) => ` AND ${one('x')}`).join('')
  // The first of its transaction that the filter is for: evaluated row by row, so that a page is read from the end of the index. As `firstFanout`.
  const isFirst = `f.id = (SELECT y.id FROM (SELECT x.id FROM fanout x WHERE x.project_id = f.project_id
      AND x.transaction_id = f.transaction_id${others} OFFSET 0) y ORDER BY y.id LIMIT 1)`
  const head = statuses === null ? '' : ADDED + (isOpen ? openOnes(statuses.includes('CANCELED')) : '')
  return { wanted, isFirst, values, bind, head }
}

/**
 * Reads a page of the transactions that send to many, by the ids of their sends. Rides on fanout_pkey, fanout_campaign or fanout_template, and on
 * fanout_project_id_transaction_id_idx for each row.
 */
export async function findTransactions(
  db: Runner,
  projectId: string,
  filter: TransactionsFilter,
  range: TransactionRange,
): Promise<TransactionRow[]> {
  const { wanted, isFirst, values, bind, head } = whereOf(projectId, filter)
  if (range.after !== null) wanted.push(`f.id > ${bind(range.after)}`)
  if (range.before !== null) wanted.push(`f.id < ${bind(range.before)}`)
  const { rows } = await db.query<TransactionRow>({
    text: `${head} SELECT ${columns} FROM fanout f WHERE ${[...wanted, isFirst].join(' AND ')}
      ORDER BY f.id ${range.ascending ? 'ASC' : 'DESC'} LIMIT ${bind(range.limit)}`,
    values,
  })
  return rows
}

/** How many transactions a filter is for. */
export async function countTransactions(db: Runner, projectId: string, filter: TransactionsFilter): Promise<number> {
  const { wanted, values, head } = whereOf(projectId, filter)
  const { rows } = await db.query<{ total: number }>({
    text: `${head} SELECT count(DISTINCT f.transaction_id) AS total FROM fanout f WHERE ${wanted.join(' AND ')}`,
    values,
  })
  return rows[0]?.total ?? 0
}

/**
 * One transaction, by its first send to many, or else its first notification; null: it has neither. Rides on fanout_project_id_transaction_id_idx,
 * or on notification_project_id_transaction_id_id_idx.
 */
export async function findTransaction(db: Runner, projectId: string, transactionId: string): Promise<TransactionRow | null> {
  const { rows } = await db.query<TransactionRow>({
    name: 'find-transaction',
    text: `SELECT * FROM (
        SELECT ${columns}, 1 AS place FROM fanout f WHERE f.project_id = $1 AND f.id = ${firstFanout('$1::uuid', '$2::text')}
        UNION ALL
        (SELECT n.id, n.transaction_id, n.template_id, n.campaign_id, NULL::jsonb, n.send_at, n.created_at, NULL, NULL, NULL, 2 FROM notification n
          WHERE n.project_id = $1 AND n.transaction_id = $2 ORDER BY n.id LIMIT 1)
      ) r ORDER BY place LIMIT 1`,
    values: [projectId, transactionId],
  })
  return rows[0] ?? null
}

/** How many messages of a transaction are in a status, on one channel. */
export interface StatusCountRow {
  readonly channel: Channel
  readonly status: MessageStatus
  readonly count: number
}

/**
 * Counts the messages of the first notifications of a transaction, at most `limit` of them. Rides on
 * notification_project_id_transaction_id_id_idx and message_project_id_notification_id_channel_key.
 * @returns the counts, and how many notifications there were: `limit` + 1 if there are more
 */
export async function countStatuses(
  db: Runner,
  projectId: string,
  transactionId: string,
  limit: number,
): Promise<{ readonly counts: readonly StatusCountRow[]; readonly notifications: number }> {
  const { rows } = await db.query<
    Omit<StatusCountRow, 'channel' | 'status'> & { channel: Channel | null; status: MessageStatus }
  >({
    name: 'count-statuses',
    text: `WITH n AS MATERIALIZED (
        SELECT id FROM notification WHERE project_id = $1 AND transaction_id = $2 ORDER BY id LIMIT $3 + 1
      )
      SELECT NULL::channel AS channel, NULL::message_status AS status, count(*) FROM n
      UNION ALL
      (SELECT m.channel, m.status, count(*) FROM (SELECT id FROM n ORDER BY id LIMIT $3) k
        JOIN message m ON m.project_id = $1 AND m.notification_id = k.id GROUP BY 1, 2 ORDER BY 1, 2)`,
    values: [projectId, transactionId, limit],
  })
  const notifications = rows.find(({ channel }) => channel === null)?.count ?? 0
  const counts = rows.flatMap(({ channel, ...row }) => (channel === null ? [] : [{ channel, ...row }]))
  return { counts, notifications }
}
