/** Statistics as they are counted from the rows themselves, one by one: what the kept sums have to say. */
import type { Runner } from '../../src/db/database.ts'
import { countChannels, countDays, countOf, countSent, countTemplates, type StatsFilter } from '../../src/db/stats.ts'

const BEGINNING = '2000-01-01'
const results = ['sent', 'delivered', 'failed', 'seen', 'read'] as const

/** What the sums say, of all time. `since`: where the last period begins */
export async function readStats(db: Runner, projectId: string, filter: StatsFilter, since: Date) {
  return {
    days: (await countDays(db, projectId, BEGINNING, filter)).toSorted((a, b) => (a.day < b.day ? -1 : 1)),
    channels: await countChannels(db, projectId, BEGINNING, filter).then(byDay),
    templates: await countTemplates(db, projectId, BEGINNING, filter).then(byDay),
    sent: await countSent(db, projectId, since, false, filter),
    sentOfDays: await countSent(db, projectId, since, true, filter),
  }
}

const byDay = <T extends { readonly day: string }>(rows: readonly T[]): T[] => rows.toSorted((a, b) => a.day.localeCompare(b.day))

const notifications = `FROM notification n WHERE n.project_id = $1 AND ($2::uuid IS NULL OR n.template_id = $2)
  AND ($3::channel IS NULL OR $3 = ANY(n.channels))`
const day = `to_char(n.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`
const sums = results.map((one) => `count(*) FILTER (WHERE ${one}) AS ${one}`).join(', ')
const state = `m.status IN ('SENT', 'DELIVERED') AS sent, m.status = 'DELIVERED' AS delivered, m.status = 'FAILED' AS failed,
  m.seen_at IS NOT NULL AS seen, m.read_at IS NOT NULL AS read`
const added = results.map((one) => `sum(${one})::bigint AS ${one}`).join(', ')
// What was pruned is known by day alone.
const gone = 'FROM day_count d WHERE d.project_id = $1 AND ($2::uuid IS NULL OR d.template_id = $2)'
const goneDay = `to_char(d.day, 'YYYY-MM-DD')`
const goneSums = results.map((one) => `sum(d.${one})`).join(', ')
const wholeOrOne = `d.channel = COALESCE($3::channel::text, '')`

/** The same, counted from the rows. */
export async function recount(db: Runner, projectId: string, { templateId, channel }: StatsFilter, since: Date) {
  const ask = async (text: string, ...more: unknown[]) =>
    (await db.query({ text, values: [projectId, templateId, channel, ...more] })).rows
  const isSent = `EXISTS (SELECT FROM message m WHERE m.project_id = n.project_id AND m.notification_id = n.id
    AND m.status IN ('SENT', 'DELIVERED') AND ($3::channel IS NULL OR m.channel = $3))`
  const [sent] = await ask(
    `SELECT count(*) FILTER (WHERE n.created_at >= $4) AS sent, count(*) FILTER (WHERE n.created_at >= date_trunc('day', $4::timestamptz, 'UTC'))
      + COALESCE((SELECT sum(d.sent) ${gone} AND ${wholeOrOne} AND d.day >= ($4::timestamptz AT TIME ZONE 'UTC')::date), 0)::bigint AS days
      FROM (SELECT * ${notifications}) n WHERE ${isSent}`,
    since,
  )
  return {
    days: await ask(`SELECT day, sum(count)::bigint AS count, ${added} FROM (
        SELECT day, count(*) AS count, ${sums} FROM (
          SELECT ${day} AS day, s.* FROM (SELECT * ${notifications}) n LEFT JOIN LATERAL (
            SELECT ${results.map((one) => `bool_or(m.${one}) AS ${one}`).join(', ')} FROM (SELECT ${state} FROM message m
              WHERE m.project_id = n.project_id AND m.notification_id = n.id AND ($3::channel IS NULL OR m.channel = $3)) m) s ON true) n
        GROUP BY day
        UNION ALL SELECT ${goneDay}, sum(d.count), ${goneSums} ${gone} AND ${wholeOrOne} GROUP BY 1) parts
      GROUP BY day HAVING sum(count) > 0 ORDER BY 1`),
    channels: await ask(`SELECT day, channel, ${added} FROM (
        SELECT day, channel, ${sums} FROM (
          SELECT ${day} AS day, m.channel, ${state} FROM (SELECT * ${notifications}) n
          JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id WHERE $3::channel IS NULL OR m.channel = $3) m
        GROUP BY day, channel
        UNION ALL SELECT ${goneDay}, d.channel::channel, ${goneSums} ${gone} AND d.channel <> '' AND d.messages > 0
          AND ($3::channel IS NULL OR d.channel = $3::channel::text) GROUP BY 1, 2) parts
      GROUP BY day, channel ORDER BY day, channel`),
    templates: await ask(`SELECT day, t.key AS template, sum(count)::bigint AS count FROM (
        SELECT ${day} AS day, n.template_id, count(*) AS count ${notifications} GROUP BY 1, 2
        UNION ALL SELECT ${goneDay}, d.template_id, sum(d.count) ${gone} AND ${wholeOrOne} GROUP BY 1, 2) parts
      JOIN template t ON t.project_id = $1 AND t.id = template_id GROUP BY 1, 2 HAVING sum(count) > 0 ORDER BY 1, 3 DESC, 2`),
    sent: sent?.sent,
    sentOfDays: sent?.days,
  }
}

/** What the sums say of a campaign, of a send to many or of a provider, and the same counted from the rows; of channels that have something. */
export async function countsOf(db: Runner, projectId: string, kind: 'CAMPAIGN' | 'FANOUT' | 'PROVIDER', id: string) {
  const isOf = {
    CAMPAIGN: 'n.campaign_id = $2',
    FANOUT:
      '(SELECT f.id FROM fanout f WHERE f.project_id = $1 AND f.transaction_id = n.transaction_id ORDER BY f.id LIMIT 1) = $2',
    PROVIDER: 'true',
  }[kind]
  const isBy = kind === 'PROVIDER' ? `m.provider_id = $2 AND m.status IN ('SENT', 'DELIVERED', 'FAILED')` : 'true'
  const { rows } = await db.query({
    text: `WITH m AS (
        SELECT n.id, m.channel::text, ${state} FROM notification n JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id
        WHERE n.project_id = $1 AND ${isOf} AND ${isBy}
      ), n AS (
        SELECT n.id, n.channels FROM notification n WHERE n.project_id = $1 AND ${isOf}
      ), parts AS (
        SELECT c AS channel, 1 AS count, ${results.map((one) => `0 AS ${one}`).join(', ')} FROM n CROSS JOIN LATERAL unnest(array_append(n.channels::text[], '')) c
        UNION ALL SELECT channel, 0, ${results.map((one) => `${one}::int`).join(', ')} FROM m
        UNION ALL SELECT '', 0, ${results.map((one) => `bool_or(${one})::int`).join(', ')} FROM m GROUP BY id
      )
      SELECT channel, sum(count)::bigint AS count, ${added} FROM parts ${kind === 'PROVIDER' ? `WHERE count = 0 AND channel <> ''` : ''}
      GROUP BY channel`,
    values: [projectId, id],
  })
  const shown = (list: readonly Record<string, unknown>[]) =>
    list
      .filter((row) => ['count', ...results].some((one) => row[one] !== 0))
      .toSorted((a, b) => String(a['channel']).localeCompare(String(b['channel'])))
  return { counted: shown((await countOf(db, projectId, kind, id)).map((row) => ({ ...row }))), recounted: shown(rows) }
}

/** The counts of notifications in a transaction's progress, counted from the rows. */
export async function recountProgress(db: Runner, projectId: string, transactionId: string) {
  const { rows } = await db.query({
    text: `SELECT count(*) AS notifications, count(*) FILTER (WHERE NOT waits) AS done, count(*) FILTER (WHERE sent) AS sent,
        count(*) FILTER (WHERE failed AND NOT sent AND NOT waits) AS failed
      FROM notification n CROSS JOIN LATERAL (
        SELECT COALESCE(bool_or(m.status IN ('SENT', 'DELIVERED')), false) AS sent, COALESCE(bool_or(m.status IN ('FAILED', 'UNKNOWN')), false) AS failed,
          COALESCE(bool_or(m.status IN ('SCHEDULED', 'QUEUED', 'SENDING')), false)
            OR (n.canceled_at IS NULL AND EXISTS (SELECT FROM digest d WHERE d.id = n.digest_id AND d.closed_at IS NULL)) AS waits
        FROM message m WHERE m.project_id = n.project_id AND m.notification_id = n.id) s
      WHERE n.project_id = $1 AND n.transaction_id = $2`,
    values: [projectId, transactionId],
  })
  return { ...rows[0] }
}
