/** The statement that finds how long a host has been failing a contact. */
import type { Channel } from '../words.ts'
import type { Runner } from './database.ts'

/** Which failures are asked for. */
export interface HostFailuresQuery {
  readonly projectId: string
  readonly contactId: string
  readonly channel: Channel
  readonly providerId: string
  /** as the errors of its attempts name it */
  readonly host: string
  readonly since: Date
  /** since when the provider must have sent something, to count as working */
  readonly workingSince: Date
}

/** The failures at a host since it last took a message of the contact. */
export interface HostFailures {
  readonly firstAt: Date | null
  /** attempts that found no such host, and attempts that failed in any way */
  readonly notFound: number
  readonly failed: number
  /** on so many days (UTC) */
  readonly days: number
  /** the provider sends to others: it is not our own network that fails */
  readonly isWorking: boolean
}

/** The latest notifications of the contact that are looked at. */
const NOTIFICATIONS_MAX = 1_000

/** Rides on notification_contact, on the unique key of messages by notification and channel, on attempt_pkey and attempt_provider. Locks nothing. */
export async function findHostFailures(db: Runner, query: HostFailuresQuery): Promise<HostFailures> {
  const { projectId, contactId, channel, providerId, host, since, workingSince } = query
  const { rows } = await db.query<HostFailures>({
    name: 'find-host-failures',
    text: `WITH n AS (
        SELECT id FROM notification WHERE project_id = $1 AND contact_id = $2 ORDER BY id DESC LIMIT ${NOTIFICATIONS_MAX}
      ), a AS (
        SELECT x.ok, x.started_at, x.error_code, position($5 IN m.address) > 0 AS is_address,
          position(' ' || $5 || ' ' IN x.error_message) > 0 AS is_named
        FROM n JOIN message m ON m.project_id = $1 AND m.notification_id = n.id AND m.channel = $3
          JOIN attempt x ON x.project_id = $1 AND x.message_id = m.id
        WHERE x.provider_id = $4 AND x.started_at >= $6
      )
      SELECT min(started_at) AS "firstAt", count(*) FILTER (WHERE error_code = 'HOST_NOT_FOUND')::int AS "notFound", count(*)::int AS failed,
        count(DISTINCT (started_at AT TIME ZONE 'UTC')::date)::int AS days,
        EXISTS (SELECT FROM attempt w WHERE w.project_id = $1 AND w.provider_id = $4 AND w.started_at >= $7 AND w.ok) AS "isWorking"
      FROM a WHERE NOT ok AND is_named AND error_code IN ('HOST_NOT_FOUND', 'HOST_UNREACHABLE', 'OUTCOME_UNKNOWN')
        AND started_at > COALESCE((SELECT max(started_at) FROM a WHERE ok AND is_address), '-infinity')`,
    values: [projectId, contactId, channel, providerId, host, since, workingSince],
  })
  return rows[0] ?? { firstAt: null, notFound: 0, failed: 0, days: 0, isWorking: false }
}
