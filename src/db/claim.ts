/** Claims: a worker takes messages that are due, under a lease, and records when an attempt begins. */
import {
  type Actor,
  byContactField,
  type Channel,
  type ContactFields,
  type ContactInfo,
  type DirectContent,
  type JsonObject,
  type MessageStatus,
  type Overrides,
  type PreferenceSet,
  type ProjectInfo,
  type TemplateInfo,
} from '../words.ts'
import { plainArray } from './array.ts'
import { selectedFields } from './contact-columns.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'
import { isActive } from './standing.ts'

/** A claimed message, with everything that a worker needs to decide about it, render it and send it. */
export interface Claimed {
  readonly projectId: string
  readonly id: string
  readonly notificationId: string
  readonly transactionId: string
  readonly channel: Channel
  /** of a send to many */
  readonly isBulk: boolean
  /** its status before this claim; SENDING: another worker's lease ran out */
  readonly was: MessageStatus
  /** an attempt had begun under that lease: the message may have been sent */
  readonly attemptBegan: boolean
  /** its transaction was canceled: it is not sent */
  readonly isCanceled: boolean
  /** fencing number: writes of this claim apply only while the row still has this number */
  readonly claims: number
  readonly attemptCount: number
  /** rounds of attempts since it was queued, or an operator had it sent again */
  readonly rounds: number
  /** the provider that may have accepted it already; no other provider may be tried */
  readonly boundTo: string | null
  readonly address: string | null
  readonly feed: string | null
  readonly incrementId: string | null
  /** it is a digest: see db/digest.ts */
  readonly digestId: string | null
  /** it is sent only on a condition: see db/condition-facts.ts */
  readonly isConditional: boolean
  readonly createdAt: Date
  /** the time of its notification, if that was to wait */
  readonly sendAt: Date | null
  /** when it was due; read only with `except`, otherwise null */
  readonly dueAt: Date | null
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly project: ProjectInfo
  /** null: `content` is sent as it is */
  readonly template: TemplateInfo | null
  readonly content: DirectContent | null
  readonly contact: ContactInfo | null
  readonly actor: Actor | null
}

/** A row of the statement. Plain columns: building and parsing JSON took a third of the time of a claim. */
interface ClaimedRow extends Omit<Claimed, 'project' | 'template' | 'contact' | 'actor'>, ContactFields {
  readonly templateId: string | null
  readonly contactId: string | null
  readonly contactExternalId: string
  readonly properties: ContactInfo['properties']
  readonly actorExternalId: string | null
  readonly actorFirstName: string | null
  readonly actorLastName: string | null
  readonly actorPhotoUrl: string | null
}

/**
 * Paused channels, whose messages are not claimed, and from which due time on each priority class is read: what was due earlier has been
 * claimed already, or is paused.
 */
export interface ClaimExcept {
  readonly paused: readonly { readonly projectId: string; readonly channel: Channel }[]
  /** for messages of sends to one contact */
  readonly single: ClaimFrom
  /** for messages of sends to many */
  readonly many: ClaimFrom
}
/** From which due time on messages are read. `all`: all of them; `recent`: those that became due in the last two seconds */
export type ClaimFrom = 'all' | 'recent' | Date

/** How far back `recent` goes: longer than a transaction takes from its `now()` to its commit. */
const RECENT_MS = 2_000

/** How the paused channels are passed: one of them, which is the rule, or a list, which costs several times as much for each row of their backlogs. */
type Paused = 'none' | 'one' | 'list'
const isPaused = {
  one: '(project_id = $5::uuid AND channel = $6::channel)',
  list: `EXISTS (SELECT FROM unnest($5::uuid[], $6::channel[]) AS p (project_id, channel)
          WHERE p.project_id = message.project_id AND p.channel = message.channel)`,
}
const exceptPaused = (paused: Exclude<Paused, 'none'>, place: number): string => `AND NOT ${isPaused[paused]}
          AND due_at >= COALESCE($${place}::timestamptz, now() + ($3 - ${RECENT_MS}) * interval '1 millisecond')`

/** Columns hold times rounded to whole milliseconds, so a message that was written as due now may be due up to half a millisecond later. */
const nearly = `now() + ($3::float8 + 0.5) * interval '1 millisecond'`

const claimText = (paused: Paused): string => `WITH single AS MATERIALIZED (
        SELECT project_id, id, due_at, status AS was, handover_at IS NOT NULL AS was_handed_over FROM message
        WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND NOT bulk AND due_at <= ${nearly} ${paused === 'none' ? '' : exceptPaused(paused, 7)}
        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
      ), many AS MATERIALIZED (
        SELECT project_id, id, due_at, status AS was, handover_at IS NOT NULL AS was_handed_over FROM message
        WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND bulk AND due_at <= ${nearly} ${paused === 'none' ? '' : exceptPaused(paused, 8)}
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
        m.was_handed_over AS "attemptBegan", m.claims, m.attempt_count AS "attemptCount", m.rounds, m.handover_provider AS "boundTo", m.address, m.feed, m.increment_id AS "incrementId", m.only_if IS NOT NULL AS "isConditional", n.digest_id AS "digestId",
        m.created_at AS "createdAt", n.send_at AS "sendAt", n.data, n.overrides, n.content, n.template_id AS "templateId", ${paused === 'none' ? 'NULL::timestamptz' : 'm.due_at'} AS "dueAt",
        c.id AS "contactId", c.external_id AS "contactExternalId", ${selectedFields}, c.properties,
        a.external_id AS "actorExternalId", a.first_name AS "actorFirstName", a.last_name AS "actorLastName", a.photo_url AS "actorPhotoUrl"
      FROM m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      LEFT JOIN contact c ON c.project_id = m.project_id AND c.id = m.contact_id
      LEFT JOIN contact a ON a.project_id = n.project_id AND a.id = n.actor_id`
const statements = {
  none: { name: 'claim', text: claimText('none') },
  one: { name: 'claim-except-one', text: claimText('one') },
  list: { name: 'claim-except', text: claimText('list') },
}
const fromOf = (from: ClaimFrom): Date | string | null => (from === 'all' ? '-infinity' : from === 'recent' ? null : from)

/**
 * Claims up to `limit` messages that are due, oldest first. Messages of sends to many get the room that single ones leave, and at most
 * `bulkLimit` of it. A message whose lease ran out is due again. That an attempt had begun stays in the row until its outcome is written,
 * so that it is still known after a second crash.
 *
 * Rides on message_due. Locks only the rows that it returns, and only until the statement ends; rows that another worker has locked are
 * skipped (SKIP LOCKED).
 *
 * Projects, templates and preferences are read afterwards, each once, because a batch has few different ones. For preferences the order
 * matters: a change that commits before this read is seen by it, and one that commits later finds the claim in the table and revokes it
 * (db/revoke-claims.ts). If one of these reads fails, the claim ends with its lease.
 */
export async function claim(
  db: Runner,
  options: {
    limit: number
    bulkLimit: number
    leaseMs: number
    offsetMs: number
    /** channels whose providers accept nothing at the moment, and from where to read; null: claim everything that is due */
    except?: ClaimExcept | null
  },
): Promise<Claimed[]> {
  const { limit, leaseMs, offsetMs, bulkLimit, except = null } = options
  const { paused, single, many } = except ?? { paused: [], single: 'all', many: 'all' }
  const [first, second] = paused
  const how: Paused = except === null ? 'none' : first !== undefined && second === undefined ? 'one' : 'list'
  const given = {
    none: [],
    one: [first?.projectId, first?.channel, fromOf(single), fromOf(many)],
    list: [paused.map((one) => one.projectId), paused.map((one) => one.channel), fromOf(single), fromOf(many)],
  }
  const { rows } = await db.query<ClaimedRow>({
    ...statements[how],
    values: [limit, leaseMs, offsetMs, bulkLimit, ...given[how]],
  })
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

/** The templates of claimed messages, by id, with their projects. Rides on template_pkey. */
async function findOrigins(db: Runner, claimed: readonly ClaimedRow[]): Promise<Map<string, Origin>> {
  const wanted = new Map(claimed.flatMap((row) => (row.templateId === null ? [] : [[row.templateId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<Origin & { template: TemplateInfo }>({
    name: 'find-origins',
    text: `SELECT ${projectObject} AS project, ${templateObject} AS template
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN template t USING (project_id, id) JOIN project p ON p.id = t.project_id`,
    values: [plainArray([...wanted.values()]), plainArray([...wanted.keys()])],
  })
  return new Map(rows.map((origin) => [origin.template.id, origin]))
}

const projectObject = `json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone,
          'resendUnknown', p.resend_unknown, 'isInactive', NOT (${isActive}))`

/** The projects of claimed messages that have no template, by id. Rides on project_pkey. */
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

/** The preferences of claimed messages' contacts, by contact id; contacts without any are left out. Rides on contact_pkey. */
async function findPreferences(db: Runner, claimed: readonly ClaimedRow[]): Promise<Map<string, PreferenceSet>> {
  const wanted = new Map(claimed.flatMap((row) => (row.contactId === null ? [] : [[row.contactId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<{ id: string; preferences: PreferenceSet }>({
    name: 'find-preferences',
    text: `SELECT c.id, c.preferences FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN contact c USING (project_id, id)
      WHERE c.preferences <> '{}'`,
    values: [plainArray([...wanted.values()]), plainArray([...wanted.keys()])],
  })
  return new Map(rows.map(({ id, preferences }) => [id, preferences]))
}

function claimedOf(row: ClaimedRow, { project, template }: Origin, preferences: PreferenceSet): Claimed {
  const fields = byContactField((field) => row[field])
  const { properties } = row
  return {
    projectId: row.projectId,
    id: row.id,
    notificationId: row.notificationId,
    transactionId: row.transactionId,
    channel: row.channel,
    isBulk: row.isBulk,
    was: row.was,
    isCanceled: row.isCanceled,
    attemptBegan: row.attemptBegan,
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
    sendAt: row.sendAt,
    dueAt: row.dueAt,
    data: row.data,
    overrides: row.overrides,
    project,
    template,
    content: row.content,
    contact:
      row.contactId === null
        ? null
        : { id: row.contactId, externalId: row.contactExternalId, ...fields, properties, preferences },
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

/** A message, and the fencing number under which it was claimed. */
export interface ClaimKey {
  readonly projectId: string
  readonly id: string
  readonly claims: number
  /** the provider of the attempt; null for in-app messages */
  readonly providerId?: string | null
}

/**
 * Records that an attempt begins now. Call it before the attempt begins: after a crash the message may have
 * arrived, and goes out again only where the receiver folds repeats. Rides on message_pkey.
 * @returns ids of the messages whose claim is still valid; the others were canceled or claimed by another worker, and must not be sent
 */
export async function beginAttempts(db: Runner, claims: readonly ClaimKey[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>({
    name: 'begin-attempts',
    // Writes no indexed column, so the new version of the row stays on its page. The status is compared as text: as what message_due is made for,
    // it would tempt the planner to read all of that index, which is short whenever the statistics are made and long when it matters.
    text: `UPDATE message m SET handover_at = now(), handover_provider = c.provider_id
      FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[]) AS c (project_id, id, claims, provider_id)
      WHERE m.project_id = c.project_id AND m.id = c.id AND m.claims = c.claims AND m.status::text = 'SENDING' RETURNING m.id`,
    values: [
      plainArray(claims.map((one) => one.projectId)),
      plainArray(claims.map((one) => one.id)),
      plainArray(claims.map((one) => one.claims)),
      plainArray(claims.map((one) => one.providerId ?? null)),
    ],
  })
  return new Set(rows.map((row) => row.id))
}

/**
 * Ends every lease. Only for a database that a single process uses, when that starts: the process that held the leases is gone, so nothing
 * has to wait until they run out.
 */
export async function endLeases(db: Runner): Promise<void> {
  await db.query(`UPDATE message SET due_at = now() WHERE status = 'SENDING'`)
}

/**
 * Ends the leases under which no attempt has begun. Used when the database was unavailable and is back: a claim whose answer was lost has
 * taken messages that no worker knows of. Where a worker does hold one, nothing is sent twice: the fencing number goes up, so its attempt
 * can no longer begin. Rides on message_due, up to `leaseMs` from now.
 */
export async function endIdleLeases(db: Runner, options: { leaseMs: number; offsetMs: number }): Promise<void> {
  await db.query({
    name: 'end-idle-leases',
    text: `UPDATE message SET due_at = now() + $2 * interval '1 millisecond', claims = claims + 1
      WHERE status = 'SENDING' AND bulk IN (false, true) AND handover_at IS NULL AND due_at <= now() + ($1::float8 + $2) * interval '1 millisecond'`,
    values: [options.leaseMs, options.offsetMs],
  })
}
