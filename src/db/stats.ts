/**
 * Statistics: notifications by the UTC day on which they were accepted, and by what became of them; and the same by campaign, send to many and
 * provider. They are sums, kept by db/fold-stats.ts; what was added since is added here, in the same statement and so in the same snapshot: the
 * counts are exact at every moment, and reading them takes the same time however many notifications there are.
 */
import type { Channel } from '../words.ts'
import type { Runner } from './database.ts'
import { addedColumns, resolvedChanges } from './fold-stats.ts'

/** Restricts what is counted; null: no restriction. */
export interface StatsFilter {
  readonly templateId: string | null
  readonly channel: Channel | null
}

/** What became of notifications, or of messages. */
export interface Results {
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly seen: number
  readonly read: number
}
/** The counts of one UTC day. `count`: all notifications; the others: those with a message of that kind. `day`: YYYY-MM-DD */
export interface DayRow extends Results {
  readonly day: string
  readonly count: number
}
/** The counts of messages of one UTC day on one channel. */
export interface ChannelRow extends Results {
  readonly day: string
  readonly channel: Channel
}
/** How many notifications of one UTC day were made from one template. `template`: its key */
export interface TemplateRow {
  readonly day: string
  readonly template: string
  readonly count: number
}

/** SQL: parts of a WITH, the last of which, `added`, is what is not folded yet of project `$1`. Rides on stat_change_pkey and stat_delta_pkey. */
const ADDED = `${resolvedChanges('SELECT * FROM stat_change WHERE project_id = $1')}, added AS (
    SELECT ${addedColumns} FROM resolved UNION ALL SELECT ${addedColumns} FROM stat_delta WHERE project_id = $1
  )`
const results =
  'sum(sent)::bigint AS sent, sum(delivered)::bigint AS delivered, sum(failed)::bigint AS failed, sum(seen)::bigint AS seen, sum(read)::bigint AS read'
const counted = 'channel, count, messages, sent, delivered, failed, seen, read'

/**
 * SQL: everything since the day `$2`, of template `$3` if that is not null, as `s`. Rides on stat_day_pkey.
 */
const DAYS = `WITH ${ADDED}, s AS (
    SELECT day, template_id, ${counted} FROM stat_day WHERE project_id = $1 AND day >= $2::date AND ($3::uuid IS NULL OR template_id = $3)
    UNION ALL
    SELECT (at AT TIME ZONE 'UTC')::date, template_id, ${counted} FROM added
    WHERE (at AT TIME ZONE 'UTC')::date >= $2::date AND ($3::uuid IS NULL OR template_id = $3)
  )`
const DAY = `to_char(day, 'YYYY-MM-DD') AS day`

/** The counts since the day `from` (YYYY-MM-DD), by day; a day without notifications has no row. */
export async function countDays(
  db: Runner,
  projectId: string,
  from: string,
  { templateId, channel }: StatsFilter,
): Promise<DayRow[]> {
  const { rows } = await db.query<DayRow>({
    name: 'stats-days',
    text: `${DAYS} SELECT ${DAY}, sum(count)::bigint AS count, ${results} FROM s WHERE channel = $4 GROUP BY s.day HAVING sum(count) > 0`,
    values: [projectId, from, templateId, channel ?? ''],
  })
  return rows
}

/** The counts since a day by day and channel, for channels with messages. */
export async function countChannels(
  db: Runner,
  projectId: string,
  from: string,
  { templateId, channel }: StatsFilter,
): Promise<ChannelRow[]> {
  const { rows } = await db.query<ChannelRow>({
    name: 'stats-channels',
    text: `${DAYS} SELECT ${DAY}, channel, ${results} FROM s WHERE channel <> '' AND ($4::text IS NULL OR channel = $4)
      GROUP BY s.day, channel HAVING sum(messages) > 0 ORDER BY channel::channel`,
    values: [projectId, from, templateId, channel],
  })
  return rows
}

/** The counts since a day by day and template, most used first. Rides on template_pkey. */
export async function countTemplates(
  db: Runner,
  projectId: string,
  from: string,
  { templateId, channel }: StatsFilter,
): Promise<TemplateRow[]> {
  const { rows } = await db.query<TemplateRow>({
    name: 'stats-templates',
    text: `${DAYS} SELECT ${DAY}, t.key AS template, sum(count)::bigint AS count FROM s JOIN template t ON t.project_id = $1 AND t.id = s.template_id
      WHERE channel = $4 GROUP BY s.day, t.key HAVING sum(count) > 0 ORDER BY 3 DESC, 2`,
    values: [projectId, from, templateId, channel ?? ''],
  })
  return rows
}

/**
 * How many notifications were sent on at least one channel since a moment, which is that of a minute. With `wholeDay` its UTC day is counted from
 * the beginning: of days that are long past, there are no minutes. Rides on stat_day_pkey and stat_minute_pkey.
 */
export async function countSent(
  db: Runner,
  projectId: string,
  since: Date,
  wholeDay: boolean,
  { templateId, channel }: StatsFilter,
): Promise<number> {
  const { rows } = await db.query<{ sent: number }>({
    name: wholeDay ? 'stats-sent-days' : 'stats-sent',
    text: `WITH ${ADDED}, s AS (
        SELECT template_id, channel, sent FROM stat_day WHERE project_id = $1 AND day ${wholeDay ? '>=' : '>'} ($2::timestamptz AT TIME ZONE 'UTC')::date
        ${
          wholeDay
            ? ''
            : `UNION ALL SELECT template_id, channel, sent FROM stat_minute WHERE project_id = $1 AND at >= $2
          AND at < (date_trunc('day', $2::timestamptz AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'`
        }
        UNION ALL
        SELECT template_id, channel, sent FROM added WHERE at >= ${wholeDay ? `date_trunc('day', $2::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'` : '$2'}
      )
      SELECT COALESCE(sum(sent), 0)::bigint AS sent FROM s WHERE channel = $4 AND ($3::uuid IS NULL OR template_id = $3)`,
    values: [projectId, since, templateId, channel ?? ''],
  })
  return rows[0]?.sent ?? 0
}

/** The results on one channel, or of notifications as a whole. `count`: notifications */
export interface OfRow extends Results {
  readonly channel: Channel | ''
  readonly count: number
}

/**
 * The counts of a campaign, of a send to many or of a provider, of all time: by channel, and as a whole (`''`; a provider has none). Rides on
 * stat_of_pkey.
 */
export async function countOf(
  db: Runner,
  projectId: string,
  kind: 'CAMPAIGN' | 'FANOUT' | 'PROVIDER',
  id: string,
): Promise<OfRow[]> {
  const column = { CAMPAIGN: 'campaign_id', FANOUT: 'fanout_id', PROVIDER: 'provider_id' }[kind]
  const { rows } = await db.query<OfRow>({
    name: `stats-of-${kind.toLowerCase()}`,
    text: `WITH ${ADDED}, s AS (
        SELECT channel, count, sent, delivered, failed, seen, read FROM stat_of WHERE project_id = $1 AND kind = '${kind}' AND of_id = $2
        UNION ALL SELECT channel, count, sent, delivered, failed, seen, read FROM added WHERE ${column} = $2
      )
      SELECT channel, sum(count)::bigint AS count, ${results} FROM s GROUP BY channel ORDER BY array_position(enum_range(NULL::channel)::text[], channel)`,
    values: [projectId, id],
  })
  return rows
}

/** The send to many under which a transaction is counted: its first; null: it has none. Rides on fanout_project_id_transaction_id_idx. */
export async function findCountedFanout(db: Runner, projectId: string, transactionId: string): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>({
    name: 'stats-find-fanout',
    text: 'SELECT id FROM fanout WHERE project_id = $1 AND transaction_id = $2 ORDER BY id LIMIT 1',
    values: [projectId, transactionId],
  })
  return rows[0]?.id ?? null
}

/**
 * How many notifications were sent to each contact on at least one channel, by UTC month, oldest first. Rides on notification_contact and
 * month_count_pkey.
 */
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
