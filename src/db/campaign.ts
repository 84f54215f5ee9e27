/** The statements of campaigns: which ones are due, and which events have triggered one and are not processed yet. */
import type { Channel, Condition, JsonObject, ProjectInfo } from '../words.ts'
import type { Runner } from './database.ts'
import { isActive } from './standing.ts'

/** A campaign, with what a run of it needs. */
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

/**
 * Up to `limit` campaigns whose next run is due, the longest overdue first. Rides on campaign_due. `offsetMs` is added to the database's
 * clock.
 */
export async function findDueCampaigns(
  db: Runner,
  limit: number,
  offsetMs: number,
): Promise<(RunningCampaign & { readonly schedule: unknown; readonly nextRunAt: Date })[]> {
  const { rows } = await db.query({
    name: 'find-due-campaigns',
    text: `SELECT ${columns}, k.schedule, k.next_run_at AS "nextRunAt" FROM campaign k ${joins}
      WHERE ${isActive} AND k.next_run_at IS NOT NULL AND k.next_run_at <= now() + $2 * interval '1 millisecond' ORDER BY k.next_run_at LIMIT $1`,
    values: [limit, offsetMs],
  })
  return rows
}

/**
 * Moves a campaign's next run from one time to another; null: it has none. Does nothing where the next run is no longer `from`: another
 * worker moved it, or the schedule was changed.
 */
export async function advanceCampaign(db: Runner, projectId: string, id: string, from: Date, to: Date | null): Promise<void> {
  await db.query({
    name: 'advance-campaign',
    text: 'UPDATE campaign SET next_run_at = $4 WHERE project_id = $1 AND id = $2 AND next_run_at = $3',
    values: [projectId, id, from, to],
  })
}

/** An event that triggered a campaign, with the campaign. */
export interface Trigger extends RunningCampaign {
  readonly eventId: string
  readonly contactId: string
  /** externalId of the contact */
  readonly contact: string
  readonly params: JsonObject
  /** the campaign is still active and still triggered by this event */
  readonly isWanted: boolean
}

/**
 * Takes up to `limit` triggers for this worker, the longest waiting first, with a lease of `leaseMs`: if the worker dies, they are due
 * again when the lease ends. Rides on campaign_trigger_due_at_idx; locks only the rows it returns (SKIP LOCKED), until the statement ends.
 */
export async function takeTriggers(db: Runner, limit: number, leaseMs: number): Promise<Trigger[]> {
  const { rows } = await db.query<Trigger>({
    name: 'take-triggers',
    text: `WITH due AS (
        SELECT g.project_id, g.campaign_id, g.event_id FROM campaign_trigger g JOIN project p ON p.id = g.project_id
        WHERE g.due_at <= now() AND ${isActive} ORDER BY g.due_at LIMIT $1 FOR UPDATE OF g SKIP LOCKED
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

/** Deletes triggers whose notifications were accepted. Rides on campaign_trigger_pkey. */
export async function dropTriggers(db: Runner, triggers: readonly Trigger[]): Promise<void> {
  await db.query({
    name: 'drop-triggers',
    text: `DELETE FROM campaign_trigger g USING unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS d (project_id, campaign_id, event_id)
      WHERE g.project_id = d.project_id AND g.campaign_id = d.campaign_id AND g.event_id = d.event_id`,
    values: [triggers.map((one) => one.project.id), triggers.map((one) => one.id), triggers.map((one) => one.eventId)],
  })
}
