/**
 * What became of notifications, counted by the UTC day on which they were accepted. Those that are no longer kept were counted when they
 * went (db/prune.ts); every statement here adds both.
 */
import type { Channel } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** How many notifications a window has that reached somebody. */
export interface Totals {
  readonly weekly: number
  readonly monthly: number
  readonly yearly: number
}

/** Narrows the counting; null counts all. */
export interface StatsFilter {
  readonly templateId: string | null
  readonly channel: Channel | null
}

/** One day. */
export interface DayRow {
  readonly day: string
  readonly count: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly seen: number
  readonly read: number
}
export interface ChannelRow extends Omit<DayRow, 'count'> {
  readonly channel: Channel
}
export interface TemplateRow {
  readonly day: string
  readonly template: string
  readonly count: number
}

// Ids are UUIDv7: a range of time is a range of the primary key.
const notifications = `FROM notification n WHERE n.project_id = $1 AND n.id >= $2 AND n.created_at >= $3
  AND ($4::uuid IS NULL OR n.template_id = $4) AND ($5::channel IS NULL OR $5 = ANY(n.channels))`
const day = `to_char(n.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`
const sums = `count(*) FILTER (WHERE sent) AS sent, count(*) FILTER (WHERE delivered) AS delivered, count(*) FILTER (WHERE failed) AS failed,
  count(*) FILTER (WHERE seen) AS seen, count(*) FILTER (WHERE read) AS read`
const state = `m.status IN ('SENT', 'DELIVERED') AS sent, m.status = 'DELIVERED' AS delivered, m.status = 'FAILED' AS failed,
  m.seen_at IS NOT NULL AS seen, m.read_at IS NOT NULL AS read`

// The same of what is no longer kept: $3 is a moment, and the day on which it falls counts whole.
const gone = `FROM day_count d WHERE d.project_id = $1 AND d.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
  AND ($4::uuid IS NULL OR d.template_id = $4)`
const goneDay = `to_char(d.day, 'YYYY-MM-DD')`
const goneSums =
  'sum(d.sent) AS sent, sum(d.delivered) AS delivered, sum(d.failed) AS failed, sum(d.seen) AS seen, sum(d.read) AS read'
const added =
  'sum(sent)::bigint AS sent, sum(delivered)::bigint AS delivered, sum(failed)::bigint AS failed, sum(seen)::bigint AS seen, sum(read)::bigint AS read'

const valuesOf = (projectId: string, firstId: string, from: Date, filter: StatsFilter) => [
  projectId,
  firstId,
  from,
  filter.templateId,
  filter.channel,
]

/** Days, their templates and their channels; days with nothing have no row. */
export async function countDays(db: Runner, projectId: string, firstId: string, from: Date, filter: StatsFilter) {
  const values = valuesOf(projectId, firstId, from, filter)
  const days = await db.query<DayRow>({
    name: 'stats-days',
    text: `SELECT day, sum(count)::bigint AS count, ${added} FROM (
        SELECT day, count(*) AS count, ${sums} FROM (
          SELECT ${day} AS day, s.* FROM (SELECT * ${notifications}) n LEFT JOIN LATERAL (
            SELECT bool_or(m.sent) AS sent, bool_or(m.delivered) AS delivered, bool_or(m.failed) AS failed, bool_or(m.seen) AS seen,
              bool_or(m.read) AS read
            FROM (SELECT ${state} FROM message m WHERE m.project_id = n.project_id AND m.notification_id = n.id
              AND ($5::channel IS NULL OR m.channel = $5)) m) s ON true) n GROUP BY day
        UNION ALL SELECT ${goneDay}, sum(d.count), ${goneSums} ${gone} AND d.channel = COALESCE($5::channel::text, '') GROUP BY 1
      ) parts GROUP BY day`,
    values,
  })
  const channels = await db.query<ChannelRow>({
    name: 'stats-channels',
    text: `SELECT day, channel, ${added} FROM (
        SELECT day, channel, ${sums} FROM (
          SELECT ${day} AS day, m.channel, ${state} FROM (SELECT * ${notifications}) n
          JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id
          WHERE $5::channel IS NULL OR m.channel = $5) m GROUP BY day, channel
        UNION ALL SELECT ${goneDay}, d.channel::channel, ${goneSums} ${gone} AND d.channel <> '' AND d.messages > 0
          AND ($5::channel IS NULL OR d.channel = $5::channel::text) GROUP BY 1, 2
      ) parts GROUP BY day, channel ORDER BY channel`,
    values,
  })
  const templates = await db.query<TemplateRow>({
    name: 'stats-templates',
    text: `SELECT day, t.key AS template, sum(count)::bigint AS count FROM (
        SELECT ${day} AS day, n.template_id, count(*) AS count ${notifications} GROUP BY 1, 2
        UNION ALL SELECT ${goneDay}, d.template_id, sum(d.count) ${gone} AND d.channel = COALESCE($5::channel::text, '') GROUP BY 1, 2
      ) parts JOIN template t ON t.project_id = $1 AND t.id = template_id GROUP BY 1, 2 HAVING sum(count) > 0 ORDER BY 3 DESC, 2`,
    values,
  })
  return { days: days.rows, channels: channels.rows, templates: templates.rows }
}

/**
 * Notifications that went out on at least one channel since each of three moments. A week and a month are always within what is kept;
 * of a year, the day on which it began may be a day's sum only, and then counts whole.
 */
export async function countTotals(
  db: Runner,
  projectId: string,
  firstId: string,
  since: { readonly year: Date; readonly month: Date; readonly week: Date },
  filter: StatsFilter,
): Promise<Totals> {
  const { rows } = await db.query<Totals>({
    name: 'stats-totals',
    text: `SELECT count(*) FILTER (WHERE n.created_at >= $7) AS weekly, count(*) FILTER (WHERE n.created_at >= $6) AS monthly,
        count(*) + COALESCE((SELECT sum(d.sent) ${gone} AND d.channel = COALESCE($5::channel::text, '')), 0)::bigint AS yearly
      FROM (SELECT * ${notifications}) n WHERE EXISTS (SELECT FROM message m WHERE m.project_id = n.project_id AND m.notification_id = n.id
        AND m.status IN ('SENT', 'DELIVERED') AND ($5::channel IS NULL OR m.channel = $5))`,
    values: [...valuesOf(projectId, firstId, since.year, filter), since.month, since.week],
  })
  return rows[0] ?? { weekly: 0, monthly: 0, yearly: 0 }
}

/** Notifications that reached a contact on at least one channel, by UTC month, oldest first. */
export async function countMonthly(
  db: Runner,
  projectId: string,
  contactIds: readonly string[],
): Promise<{ contactId: string; year: number; month: number; count: number }[]> {
  const { rows } = await db.query({
    name: 'stats-monthly',
    text: `SELECT contact_id AS "contactId", extract(year FROM month)::int AS year, extract(month FROM month)::int AS month,
        sum(count)::bigint AS count
      FROM (
        SELECT n.contact_id, date_trunc('month', n.created_at AT TIME ZONE 'UTC')::date AS month, count(*) AS count FROM notification n
        WHERE n.project_id = $1 AND n.contact_id = ANY($2::uuid[]) AND EXISTS (SELECT FROM message m WHERE m.project_id = n.project_id
          AND m.notification_id = n.id AND m.status IN ('SENT', 'DELIVERED')) GROUP BY 1, 2
        UNION ALL SELECT c.contact_id, c.month, c.count FROM month_count c WHERE c.project_id = $1 AND c.contact_id = ANY($2::uuid[])
      ) parts GROUP BY 1, 2, 3 ORDER BY 2, 3`,
    values: [projectId, contactIds],
  })
  return rows
}
