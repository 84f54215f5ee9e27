/** The statements of campaigns: which are due, and which events they have yet to answer. */
import type { Channel, Condition, JsonObject, ProjectInfo } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** A campaign as its runs need it. */
export interface RunningCampaign {
  readonly project: ProjectInfo
  readonly id: string
  readonly key: string
  /** null: all channels of the template */
  readonly channel: Channel | null
  /** key of the template */
  readonly template: string
  readonly segment: { readonly id: string; readonly condition: Condition } | null
}

const columns = `json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone,
    'resendUnknown', p.resend_unknown) AS project, k.id, k.key, k.channel, t.key AS template,
  CASE WHEN s.id IS NULL THEN NULL ELSE jsonb_build_object('id', s.id, 'condition', s.condition) END AS segment`
const joins = `JOIN project p ON p.id = k.project_id JOIN template t ON t.project_id = k.project_id AND t.id = k.template_id
  LEFT JOIN segment s ON s.project_id = k.project_id AND s.id = k.segment_id`

/** Campaigns whose time has come, the latest first in line. Rides on campaign_due. */
export async function findDueCampaigns(
  db: Runner,
  limit: number,
  offsetMs: number,
): Promise<(RunningCampaign & { readonly schedule: unknown; readonly nextRunAt: Date })[]> {
  const { rows } = await db.query({
    name: 'find-due-campaigns',
    text: `SELECT ${columns}, k.schedule, k.next_run_at AS "nextRunAt" FROM campaign k ${joins}
      WHERE k.next_run_at IS NOT NULL AND k.next_run_at <= now() + $2 * interval '1 millisecond' ORDER BY k.next_run_at LIMIT $1`,
    values: [limit, offsetMs],
  })
  return rows
}

/** Moves a campaign on from one of its times to the next; only where nobody else did, or gave it another schedule. */
export async function advanceCampaign(db: Runner, projectId: string, id: string, from: Date, to: Date | null): Promise<void> {
  await db.query({
    name: 'advance-campaign',
    text: 'UPDATE campaign SET next_run_at = $4 WHERE project_id = $1 AND id = $2 AND next_run_at = $3',
    values: [projectId, id, from, to],
  })
}

/** An event that a campaign has to answer. */
export interface Trigger extends RunningCampaign {
  readonly eventId: string
  readonly contactId: string
  /** externalId of the contact */
  readonly contact: string
  readonly params: JsonObject
  /** the campaign is still active and on this event */
  readonly isWanted: boolean
}

/**
 * Takes events to answer, those that waited longest, and holds them for `leaseMs`: who takes them and dies leaves them to the next.
 * Rides on campaign_trigger_due_at_idx.
 */
export async function takeTriggers(db: Runner, limit: number, leaseMs: number): Promise<Trigger[]> {
  const { rows } = await db.query<Trigger>({
    name: 'take-triggers',
    text: `WITH due AS (
        SELECT project_id, campaign_id, event_id FROM campaign_trigger WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
      ), taken AS (
        UPDATE campaign_trigger g SET due_at = now() + $2 * interval '1 millisecond' FROM due
        WHERE g.project_id = due.project_id AND g.campaign_id = due.campaign_id AND g.event_id = due.event_id
        RETURNING g.project_id, g.campaign_id, g.event_id
      )
      SELECT ${columns}, e.id AS "eventId", c.id AS "contactId", c.external_id AS contact, e.params,
        k.active AND k.schedule ->> 'onEvent' = e.name AS "isWanted"
      FROM taken g JOIN campaign k ON k.project_id = g.project_id AND k.id = g.campaign_id ${joins}
      JOIN event e ON e.project_id = g.project_id AND e.id = g.event_id JOIN contact c ON c.project_id = e.project_id AND c.id = e.contact_id
      ORDER BY e.occurred_at, e.id`,
    values: [limit, leaseMs],
  })
  return rows
}

/** Forgets events that are answered. */
export async function dropTriggers(db: Runner, triggers: readonly Trigger[]): Promise<void> {
  await db.query({
    name: 'drop-triggers',
    text: `DELETE FROM campaign_trigger g USING unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS d (project_id, campaign_id, event_id)
      WHERE g.project_id = d.project_id AND g.campaign_id = d.campaign_id AND g.event_id = d.event_id`,
    values: [triggers.map((one) => one.project.id), triggers.map((one) => one.id), triggers.map((one) => one.eventId)],
  })
}
