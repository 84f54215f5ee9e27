/** When there is work next, for all duties of a worker at once: a worker that has nothing to do asks one small question instead of many. */
import type { Runner } from './database.ts'
import { type StandingChanges, standingColumns } from './standing.ts'

/** In how many ms the earliest work of each duty is due, 0 or less: now. null: there is none. */
export interface Outlook {
  /** messages, also those whose lease runs out */
  readonly messages: number | null
  /** chunks of sends to many */
  readonly fanouts: number | null
  /** digest windows */
  readonly digests: number | null
  /** campaigns, and events that trigger some */
  readonly campaigns: number | null
  /** messages that come back into their feeds */
  readonly snoozes: number | null
  /** changes that are not in the sums of the statistics yet */
  readonly stats: number | null
}

const earliest = (column: string, table: string, where: string): string =>
  `(SELECT ${column} FROM ${table} WHERE ${where} ORDER BY ${column} LIMIT 1)`
const NOW = `(now() + $1::float8 * interval '1 millisecond')`
/** SQL: the earliest time, of a priority class, at which a message is due that no worker has, or a lease ends. */
const messages = (priority: string): string =>
  `LEAST(COALESCE(${earliest('due_at', 'delivery', `${priority} AND due_at <= ${NOW} AND (lease_until IS NULL OR lease_until <= ${NOW})`)},
          (SELECT min(lease_until) FROM delivery WHERE ${priority} AND due_at <= ${NOW} AND lease_until > ${NOW})),
        ${earliest('due_at', 'delivery', `${priority} AND due_at > ${NOW}`)})`
/** Half a millisecond of a time that was rounded counts as due, as for a claim. */
const inMs = (time: string, offset: string): string => `(extract(epoch FROM ${time} - now()) * 1000 - 0.5 - ${offset})::float8`

/** SQL: the columns of `Outlook`. `$1`: ms that are added to the database's clock */
const columns = `${inMs(`LEAST(${messages('NOT bulk')}, ${messages('bulk')})`, '$1::float8')} AS messages,
    ${inMs(earliest('due_at', 'fanout', `status IN ('ACCEPTED', 'RUNNING')`), '$1')} AS fanouts,
    ${inMs(earliest('closes_at', 'digest', 'closed_at IS NULL'), '$1')} AS digests,
    LEAST(${inMs(earliest('next_run_at', 'campaign', 'next_run_at IS NOT NULL'), '$1')},
      ${inMs(earliest('due_at', 'campaign_trigger', 'true'), '0')}) AS campaigns,
    ${inMs(earliest('until', 'snooze', 'true'), '$1')} AS snoozes,
    CASE WHEN EXISTS (SELECT FROM stat_delta) OR EXISTS (SELECT FROM stat_change) THEN 0 END AS stats`
const nothing: Outlook = { messages: null, fanouts: null, digests: null, campaigns: null, snoozes: null, stats: null }

/**
 * Looks when there is work next. What is paused, suspended, or locked by another worker counts too: a duty whose time has come may find nothing
 * to do. Each part is the first entry of an index, but for messages that workers have: there are few, and they are passed over. Rides on
 * delivery_due, fanout_due, digest_due, campaign_due, campaign_trigger_due_at_idx and snooze_due.
 * @param offsetMs is added to the database's clock
 */
export async function readOutlook(db: Runner, offsetMs: number): Promise<Outlook> {
  const { rows } = await db.query<Outlook>({
    name: 'read-outlook',
    text: `SELECT ${columns}`,
    values: [offsetMs],
  })
  return rows[0] ?? nothing
}

/** Reads both in one statement, for a worker that asks for both each second: to wake up costs more than to answer. `since`: as for `readStanding` */
export async function readOutlookAndStanding(
  db: Runner,
  offsetMs: number,
  since: number | null,
): Promise<Outlook & StandingChanges> {
  const { rows } = await db.query<Outlook & StandingChanges>({
    name: 'read-outlook-and-standing',
    text: `SELECT ${columns}, ${standingColumns('$2')}`,
    values: [offsetMs, since],
  })
  return rows[0] ?? { ...nothing, inactive: [], revocations: [] }
}
