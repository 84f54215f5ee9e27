/** Takes what is due, for one worker, for as long as a lease lasts. */
import type {
  Actor,
  Channel,
  ContactInfo,
  DirectContent,
  JsonObject,
  MessageStatus,
  Overrides,
  PreferenceSet,
  ProjectInfo,
  TemplateInfo,
} from '../domain/words.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'

/** A claimed message, with all that is needed to decide, render and send it. */
export interface Claimed {
  readonly projectId: string
  readonly id: string
  readonly notificationId: string
  readonly transactionId: string
  readonly channel: Channel
  /** of a send to many */
  readonly isBulk: boolean
  /** what it was before: SENDING means that another worker's lease ran out */
  readonly was: MessageStatus
  /** the hand-over had begun under that lease: the message may have arrived */
  readonly wasHandedOver: boolean
  /** its transaction was canceled: it is not sent */
  readonly isCanceled: boolean
  /** fencing number: what is written for this claim counts only while the row still has it */
  readonly claims: number
  readonly attemptCount: number
  /** rounds of attempts since it was queued, or an operator had it sent again */
  readonly rounds: number
  /** the provider that may have taken it already: no other one may have it */
  readonly boundTo: string | null
  readonly address: string | null
  readonly feed: string | null
  readonly incrementId: string | null
  /** it is a digest: see db/digest.ts */
  readonly digestId: string | null
  /** it depends: see db/standing.ts */
  readonly isConditional: boolean
  readonly createdAt: Date
  /** when it was due; null: nobody asked */
  readonly dueAt: Date | null
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly project: ProjectInfo
  /** null: `content` is said */
  readonly template: TemplateInfo | null
  readonly content: DirectContent | null
  readonly contact: ContactInfo | null
  readonly actor: Actor | null
}

/** What the statement returns: plain columns, because building and parsing JSON for each row was a third of claiming. */
interface ClaimedRow extends Omit<Claimed, 'project' | 'template' | 'contact' | 'actor'> {
  readonly templateId: string | null
  readonly contactId: string | null
  readonly contactExternalId: string
  readonly email: string | null
  readonly phone: string | null
  readonly locale: string | null
  readonly timezone: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
  readonly country: string | null
  readonly properties: ContactInfo['properties']
  readonly actorExternalId: string | null
  readonly actorFirstName: string | null
  readonly actorLastName: string | null
  readonly actorPhotoUrl: string | null
}

/** Channels whose messages wait where they are, and where each lane is looked at from: what is due earlier was passed over or taken. */
export interface ClaimBeside {
  readonly paused: readonly { readonly projectId: string; readonly channel: Channel }[]
  readonly single: ClaimFrom
  readonly many: ClaimFrom
}
/** `all`: the oldest first; `recent`: what has become due in the last moments alone; or a time */
export type ClaimFrom = 'all' | 'recent' | Date

/** How far back `recent` goes: longer than a transaction takes that says `now()` and commits later. */
const RECENT_MS = 2_000

const besidePaused = (
  place: number,
): string => `AND NOT EXISTS (SELECT FROM unnest($5::uuid[], $6::channel[]) AS p (project_id, channel)
          WHERE p.project_id = message.project_id AND p.channel = message.channel)
          AND due_at >= COALESCE($${place}::timestamptz, now() + ($3 - ${RECENT_MS}) * interval '1 millisecond')`

/** Times are kept in whole milliseconds, and rounded to them: what was written as due now may be due half of one later. */
const nearly = `now() + ($3::float8 + 0.5) * interval '1 millisecond'`

const claimText = (isBeside: boolean): string => `WITH single AS MATERIALIZED (
        SELECT project_id, id, due_at, status AS was, handover_at IS NOT NULL AS was_handed_over FROM message
        WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND NOT bulk AND due_at <= ${nearly} ${isBeside ? besidePaused(7) : ''}
        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
      ), many AS MATERIALIZED (
        SELECT project_id, id, due_at, status AS was, handover_at IS NOT NULL AS was_handed_over FROM message
        WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND bulk AND due_at <= ${nearly} ${isBeside ? besidePaused(8) : ''}
        ORDER BY due_at LIMIT LEAST($4::int, $1::int - (SELECT count(*) FROM single)) FOR UPDATE SKIP LOCKED
      ), due AS (SELECT * FROM single UNION ALL SELECT * FROM many
      ), m AS (
        UPDATE message x SET status = 'SENDING', claims = x.claims + 1,
          due_at = now() + ($2 + $3) * interval '1 millisecond'
        FROM due WHERE x.project_id = due.project_id AND x.id = due.id
        RETURNING x.project_id, x.id, x.notification_id, x.contact_id, x.channel, x.bulk, due.due_at, due.was, due.was_handed_over, x.claims, x.attempt_count, x.rounds, x.handover_provider,
          x.address, x.feed, x.increment_id, x.only_if, x.created_at
      )
      SELECT m.project_id AS "projectId", m.id, m.notification_id AS "notificationId", n.transaction_id AS "transactionId", m.channel, m.bulk AS "isBulk", m.was, n.canceled_at IS NOT NULL AS "isCanceled",
        m.was_handed_over AS "wasHandedOver", m.claims, m.attempt_count AS "attemptCount", m.rounds, m.handover_provider AS "boundTo", m.address, m.feed, m.increment_id AS "incrementId", m.only_if IS NOT NULL AS "isConditional", n.digest_id AS "digestId",
        m.created_at AS "createdAt", n.data, n.overrides, n.content, n.template_id AS "templateId", ${isBeside ? 'm.due_at' : 'NULL::timestamptz'} AS "dueAt",
        c.id AS "contactId", c.external_id AS "contactExternalId", c.email, c.phone, c.locale, c.timezone, c.first_name AS "firstName",
        c.last_name AS "lastName", c.photo_url AS "photoUrl", c.country, c.properties,
        a.external_id AS "actorExternalId", a.first_name AS "actorFirstName", a.last_name AS "actorLastName", a.photo_url AS "actorPhotoUrl"
      FROM m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      LEFT JOIN contact c ON c.project_id = m.project_id AND c.id = m.contact_id
      LEFT JOIN contact a ON a.project_id = n.project_id AND a.id = n.actor_id`
const statements = { usual: { name: 'claim', text: claimText(false) }, beside: { name: 'claim-beside', text: claimText(true) } }
const fromOf = (from: ClaimFrom): Date | string | null => (from === 'all' ? '-infinity' : from === 'recent' ? null : from)

/**
 * Claims up to `limit` messages that are due, oldest first, those of sends to many only with what room single ones leave and at most
 * `bulkLimit` of them; never one that another worker holds (SKIP LOCKED); a lease that ran
 * out is due again. That a hand-over had begun stays in the row until an outcome is written: a second crash must not forget it. Rides on message_due;
 * locks only the rows it returns, and only until the statement ends. Projects and templates, of which a batch has few, are read once each
 * afterwards, and preferences, so that whoever changes them and then looks for claims finds this one or is read by it (db/take-back.ts):
 * when that fails, the lease ends the claim.
 */
export async function claim(
  db: Runner,
  options: {
    limit: number
    bulkLimit: number
    leaseMs: number
    offsetMs: number
    /** whose providers can take nothing now: messages of these wait where they are */
    beside?: ClaimBeside | null
  },
): Promise<Claimed[]> {
  const { limit, leaseMs, offsetMs, bulkLimit, beside = null } = options
  const values: unknown[] = [limit, leaseMs, offsetMs, bulkLimit]
  if (beside !== null) {
    const { paused, single, many } = beside
    values.push(
      paused.map((one) => one.projectId),
      paused.map((one) => one.channel),
      fromOf(single),
      fromOf(many),
    )
  }
  const { rows } = await db.query<ClaimedRow>({ ...(beside === null ? statements.usual : statements.beside), values })
  if (rows.length === 0) return []
  const [origins, projects, preferences] = await Promise.all([
    findOrigins(db, rows),
    findProjects(db, rows),
    findPreferences(db, rows),
  ])
  return rows.flatMap((row) => {
    const project = projects.get(row.projectId)
    const origin = row.templateId === null ? project && { project, template: null } : origins.get(row.templateId)
    return origin === undefined ? [] : [claimedOf(row, origin, preferences.get(row.contactId ?? '') ?? {})]
  })
}

interface Origin {
  readonly project: ProjectInfo
  readonly template: TemplateInfo | null
}

/** The templates that claimed messages were made from, by id, with their projects. Rides on template_pkey. */
async function findOrigins(db: Runner, claimed: readonly ClaimedRow[]): Promise<Map<string, Origin>> {
  const wanted = new Map(claimed.flatMap((row) => (row.templateId === null ? [] : [[row.templateId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<Origin & { template: TemplateInfo }>({
    name: 'find-origins',
    text: `SELECT ${projectObject} AS project, ${templateObject} AS template
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN template t USING (project_id, id) JOIN project p ON p.id = t.project_id`,
    values: [[...wanted.values()], [...wanted.keys()]],
  })
  return new Map(rows.map((origin) => [origin.template.id, origin]))
}

const projectObject = `json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone,
          'resendUnknown', p.resend_unknown)`

/** The projects of messages that have no template, by id. */
async function findProjects(db: Runner, claimed: readonly ClaimedRow[]): Promise<Map<string, ProjectInfo>> {
  const wanted = new Set(claimed.flatMap((row) => (row.templateId === null ? [row.projectId] : [])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<{ project: ProjectInfo }>({
    name: 'find-projects',
    text: `SELECT ${projectObject} AS project FROM project p WHERE p.id = ANY($1::uuid[])`,
    values: [[...wanted]],
  })
  return new Map(rows.map(({ project }) => [project.id, project]))
}

/** What contacts prefer, by id; those that never said anything are left out. Rides on contact_pkey. */
async function findPreferences(db: Runner, claimed: readonly ClaimedRow[]): Promise<Map<string, PreferenceSet>> {
  const wanted = new Map(claimed.flatMap((row) => (row.contactId === null ? [] : [[row.contactId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<{ id: string; preferences: PreferenceSet }>({
    name: 'find-preferences',
    text: `SELECT c.id, c.preferences FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN contact c USING (project_id, id)
      WHERE c.preferences <> '{}'`,
    values: [[...wanted.values()], [...wanted.keys()]],
  })
  return new Map(rows.map(({ id, preferences }) => [id, preferences]))
}

function claimedOf(row: ClaimedRow, { project, template }: Origin, preferences: PreferenceSet): Claimed {
  const { email, phone, locale, timezone, firstName, lastName, photoUrl, country, properties } = row
  const person = { email, phone, locale, timezone, firstName, lastName, photoUrl, country, properties, preferences }
  return {
    projectId: row.projectId,
    id: row.id,
    notificationId: row.notificationId,
    transactionId: row.transactionId,
    channel: row.channel,
    isBulk: row.isBulk,
    was: row.was,
    isCanceled: row.isCanceled,
    wasHandedOver: row.wasHandedOver,
    claims: row.claims,
    attemptCount: row.attemptCount,
    rounds: row.rounds,
    boundTo: row.boundTo,
    address: row.address,
    feed: row.feed,
    incrementId: row.incrementId,
    digestId: row.digestId,
    isConditional: row.isConditional,
    createdAt: row.createdAt,
    dueAt: row.dueAt,
    data: row.data,
    overrides: row.overrides,
    project,
    template,
    content: row.content,
    contact: row.contactId === null ? null : { id: row.contactId, externalId: row.contactExternalId, ...person },
    actor:
      row.actorExternalId === null
        ? null
        : {
            externalId: row.actorExternalId,
            firstName: row.actorFirstName,
            lastName: row.actorLastName,
            photoUrl: row.actorPhotoUrl,
          },
  }
}

/** A claim, as later statements name it. */
export interface ClaimKey {
  readonly projectId: string
  readonly id: string
  readonly claims: number
  /** whom it is handed over to; null in-app */
  readonly providerId?: string | null
}

/**
 * Writes down that the hand-over of these begins now, before it does: after a crash they are UNKNOWN, and not simply sent again.
 * @returns ids of those that are still ours; the others were canceled or claimed by somebody else, and must not be sent
 */
export async function begin(db: Runner, claims: readonly ClaimKey[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>({
    name: 'begin',
    // Touches no indexed column: the new version of the row stays on its page.
    text: `UPDATE message m SET handover_at = now(), handover_provider = c.provider_id
      FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[]) AS c (project_id, id, claims, provider_id)
      WHERE m.project_id = c.project_id AND m.id = c.id AND m.claims = c.claims AND m.status = 'SENDING' RETURNING m.id`,
    values: [
      claims.map((one) => one.projectId),
      claims.map((one) => one.id),
      claims.map((one) => one.claims),
      claims.map((one) => one.providerId ?? null),
    ],
  })
  return new Set(rows.map((row) => row.id))
}

/**
 * Ends every lease. Only for a store that belongs to one process: whoever held them is dead then, and nothing has to wait for the time
 * that they had left.
 */
export async function endLeases(db: Runner): Promise<void> {
  await db.query(`UPDATE message SET due_at = now() WHERE status = 'SENDING'`)
}

/**
 * Ends the leases under which no hand-over has begun. For after the database was away: what a claim took whose answer was lost, nobody
 * holds. Where somebody does, nothing is sent twice: the fencing number goes up, so that its hand-over can't begin any more. Rides on
 * message_due, up to the longest lease.
 */
export async function endIdleLeases(db: Runner, options: { leaseMs: number; offsetMs: number }): Promise<void> {
  await db.query({
    name: 'end-idle-leases',
    text: `UPDATE message SET due_at = now() + $2 * interval '1 millisecond', claims = claims + 1
      WHERE status = 'SENDING' AND bulk IN (false, true) AND handover_at IS NULL AND due_at <= now() + ($1::float8 + $2) * interval '1 millisecond'`,
    values: [options.leaseMs, options.offsetMs],
  })
}
