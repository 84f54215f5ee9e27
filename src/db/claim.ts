/** Claims: a worker takes messages that are due, under a lease. */
import {
  type Actor,
  type Channel,
  type ContactFields,
  type ContactInfo,
  contactFields,
  type DirectContent,
  emptyContact,
  type JsonObject,
  type Overrides,
  type PreferenceSet,
  type ProjectInfo,
  type TemplateInfo,
} from '../words.ts'
import { plainArray } from './array.ts'
import { findOrigins, findPreferences, findProjects, type Origin } from './claim-origins.ts'
import { selectedFields } from './contact-columns.ts'
import type { Runner } from './database.ts'
import { nearlyBy } from './lease.ts'
import type { MessageOrigin } from './stat-delta.ts'

/** A claimed message, with everything that a worker needs to decide about it, render it and send it. */
export interface Claimed {
  readonly projectId: string
  readonly id: string
  readonly notificationId: string
  readonly transactionId: string
  readonly channel: Channel
  /** of a send to many */
  readonly isBulk: boolean
  /** an attempt had begun under a lease that ran out: the message may have been sent */
  readonly attemptBegan: boolean
  /** its transaction was canceled: it is not sent */
  readonly isCanceled: boolean
  /** fencing number: writes of this claim apply only while the row still has this number */
  readonly claims: number
  /** rounds of attempts since it was queued, or an operator had it sent again */
  readonly rounds: number
  /** the provider that may have accepted it already; no other provider may be tried */
  readonly boundTo: string | null
  /** the claim has persisted that its attempt through this provider begins; null: it has not, so that is persisted before the attempt */
  readonly begunWith: string | null
  /** when its claim began, by performance.now */
  readonly claimedAt: number
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
  /** when it was due */
  readonly dueAt: Date
  /** where statistics count it */
  readonly origin: MessageOrigin
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
interface ClaimedRow
  extends Omit<Claimed, 'project' | 'template' | 'contact' | 'actor' | 'origin' | 'createdAt' | 'dueAt' | 'claimedAt'>,
    ContactFields,
    Omit<MessageOrigin, 'templateId'> {
  /** times are numbers of ms: reading a time from text takes longer than reading all else of a column */
  readonly createdAt: number
  readonly dueAt: number
  readonly templateId: string | null
  readonly contactId: string | null
  readonly contactExternalId: string
  readonly properties: ContactInfo['properties']
  readonly actorExternalId: string | null
  readonly actorFirstName: string | null
  readonly actorLastName: string | null
  readonly actorPhotoUrl: string | null
}

/** Where a claim begins in each priority class, and paused channels, whose messages are not claimed. */
export interface ClaimExcept {
  readonly paused: readonly { readonly projectId: string; readonly channel: Channel }[]
  /** for messages of sends to one contact */
  readonly single: ClaimFrom
  /** for messages of sends to many */
  readonly many: ClaimFrom
}
/**
 * From where on messages are read: what was due earlier has been claimed already, or is paused. `all`: all of them; `recent`: those that became
 * due in the last two seconds; otherwise those after this one.
 */
export type ClaimFrom = 'all' | 'recent' | { readonly dueAt: Date; readonly id: string }

/** How far back `recent` goes: longer than a transaction takes from its `now()` to its commit. */
const RECENT_MS = 2_000

/** A channel of a project whose messages go out at once, through its only provider. */
export interface DirectChannel {
  readonly projectId: string
  readonly channel: Channel
  readonly providerId: string
}

/** How the paused channels are passed: one of them, which is the rule, or a list, which costs several times as much for each row of their backlogs. */
type Paused = 'none' | 'one' | 'list'
/** @param place of the parameters */
const exceptPaused = (paused: Paused, place: number): string =>
  paused === 'none'
    ? ''
    : paused === 'one'
      ? `AND NOT (project_id = $${place}::uuid AND channel = $${place + 1}::channel)`
      : `AND NOT EXISTS (SELECT FROM unnest($${place}::uuid[], $${place + 1}::channel[]) AS p (project_id, channel)
          WHERE p.project_id = delivery.project_id AND p.channel = delivery.channel)`

const nearly = nearlyBy('$3')

/** SQL: a time in ms, as JavaScript counts them. */
const inMs = (time: string): string => `(extract(epoch FROM ${time}) * 1000)::float8`

/** SQL: the messages of a priority class that are due and that no worker has. `place`: of the parameters that say from where on */
const dueText = (
  except: string,
  priority: string,
  place: number,
  limit: string,
): string => `SELECT ctid AS place, begun_at IS NOT NULL AS had_begun, project_id, channel, bound_to, only_if FROM delivery
        WHERE ${priority} AND due_at <= ${nearly} AND (lease_until IS NULL OR lease_until <= ${nearly}) ${except}
          AND (due_at, message_id) > (COALESCE($${place}::timestamptz, now() + ($3 - ${RECENT_MS}) * interval '1 millisecond'), $${place + 1}::uuid)
        ORDER BY due_at, message_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`

/**
 * SQL: the messages that are taken; `begun_with`: the provider through which their attempt begins with the claim. None that has a condition: that is
 * evaluated after the claim, and not again once the attempt has begun.
 */
const TAKEN = {
  direct: `SELECT d.place, d.had_begun, CASE WHEN NOT d.had_begun AND d.bound_to IS NULL AND d.only_if IS NULL THEN w.provider_id END AS begun_with
        FROM due d LEFT JOIN unnest($9::uuid[], $10::channel[], $11::uuid[]) AS w (project_id, channel, provider_id) USING (project_id, channel)`,
  indirect: 'SELECT place, had_begun, NULL::uuid AS begun_with FROM due',
}
/** SQL: what a claim writes besides its lease. */
const WRITTEN = {
  direct: `claim_id = CASE WHEN t.begun_with IS NOT NULL THEN $12::bigint END, bound_to = COALESCE(t.begun_with, x.bound_to),
          begun_at = CASE WHEN t.begun_with IS NULL THEN x.begun_at ELSE now() END`,
  indirect: 'claim_id = NULL',
}

function claimText(paused: Paused, way: 'direct' | 'indirect'): string {
  const except = exceptPaused(paused, way === 'direct' ? 13 : 9)
  return `WITH single AS MATERIALIZED (
        ${dueText(except, 'NOT bulk', 5, '$1')}
      ), many AS MATERIALIZED (
        ${dueText(except, 'bulk', 7, 'LEAST($4::int, $1::int - (SELECT count(*) FROM single))')}
      ), due AS (SELECT * FROM single UNION ALL SELECT * FROM many
      ), taken AS (${TAKEN[way]}
      ), m AS (
        UPDATE delivery x SET claims = x.claims + 1, lease_until = now() + ($2 + $3) * interval '1 millisecond', stop = false, ${WRITTEN[way]}
        FROM taken t WHERE x.ctid = t.place
        RETURNING x.*, t.had_begun, t.begun_with
      )
      SELECT m.project_id AS "projectId", m.message_id AS id, m.notification_id AS "notificationId", n.transaction_id AS "transactionId", m.channel, m.bulk AS "isBulk",
        n.canceled_at IS NOT NULL AS "isCanceled", m.had_begun AS "attemptBegan", m.claims, m.rounds, m.begun_with AS "begunWith",
        CASE WHEN m.begun_with IS NULL THEN m.bound_to END AS "boundTo", m.address, m.feed,
        m.increment_id AS "incrementId", m.only_if IS NOT NULL AS "isConditional", n.digest_id AS "digestId",
        ${inMs('m.created_at')} AS "createdAt", n.send_at AS "sendAt", n.data, n.overrides, n.content, n.template_id AS "templateId", ${inMs('m.due_at')} AS "dueAt",
        n.campaign_id AS "campaignId", ${inMs('n.created_at')} AS "acceptedAt", cardinality(n.channels) = 1 AS "isOnlyChannel",
        c.id AS "contactId", c.external_id AS "contactExternalId", ${selectedFields}, c.properties,
        a.external_id AS "actorExternalId", a.first_name AS "actorFirstName", a.last_name AS "actorLastName", a.photo_url AS "actorPhotoUrl"
      FROM m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
      LEFT JOIN contact c ON c.project_id = m.project_id AND c.id = m.contact_id
      LEFT JOIN contact a ON a.project_id = n.project_id AND a.id = n.actor_id`
}
const statementsOf = (way: 'direct' | 'indirect', name: string) => ({
  none: { name, text: claimText('none', way) },
  one: { name: `${name}-except-one`, text: claimText('one', way) },
  list: { name: `${name}-except`, text: claimText('list', way) },
})
const statements = { direct: statementsOf('direct', 'claim-direct'), indirect: statementsOf('indirect', 'claim') }
/** An id before every other. */
const FIRST = '00000000-0000-0000-0000-000000000000'
const fromOf = (from: ClaimFrom): [Date | string | null, string] =>
  from === 'all' ? ['-infinity', FIRST] : from === 'recent' ? [null, FIRST] : [from.dueAt, from.id]
const EVERYTHING: ClaimExcept = { paused: [], single: 'all', many: 'all' }

/**
 * Claims up to `limit` messages that are due, oldest first. Messages of sends to many get the room that single ones leave, and at most
 * `bulkLimit` of it. A message whose lease ran out is due again. That an attempt had begun stays in the row until its outcome is written,
 * so that it is still known after a second crash.
 *
 * Rides on delivery_due. Locks only the rows that it returns, and only until the statement ends; rows that another worker has locked are
 * skipped (SKIP LOCKED). Writes no indexed column, so the new version of a row stays on its page.
 *
 * Projects, templates and preferences are read afterwards, each once, because a batch has few different ones. For preferences the order
 * matters: a change that commits before this read is seen by it, and one that commits later finds the claim in the table and revokes it
 * (db/revoke-claims.ts). If one of these reads fails, the claim ends with its lease.
 *
 * Of messages of the channels `direct`, the claim also persists that their attempt begins, as `beginAttempts` does: they are about to go out.
 * One that has to wait after all is postponed (`postponeAttempts`).
 */
export async function claim(
  db: Runner,
  options: {
    limit: number
    bulkLimit: number
    leaseMs: number
    offsetMs: number
    /** from where to read, and channels whose providers accept nothing at the moment; left out: claim everything that is due */
    except?: ClaimExcept
    /** channels whose messages are begun by the claim, and its id, by which they are freed if its answer is lost (`endIdleLeases`) */
    direct?: { readonly channels: readonly DirectChannel[]; readonly claimId: number }
  },
): Promise<Claimed[]> {
  const claimedAt = performance.now()
  const { limit, leaseMs, offsetMs, bulkLimit, except = EVERYTHING, direct } = options
  const { paused, single, many } = except
  const [first] = paused
  const how: Paused = paused.length === 0 ? 'none' : paused.length === 1 ? 'one' : 'list'
  const given = {
    none: [],
    one: [first?.projectId, first?.channel],
    list: [paused.map((one) => one.projectId), paused.map((one) => one.channel)],
  }
  const directly = direct === undefined || direct.channels.length === 0 ? null : direct
  const { rows } = await db.query<ClaimedRow>({
    ...statements[directly === null ? 'indirect' : 'direct'][how],
    values: [
      ...[limit, leaseMs, offsetMs, bulkLimit, ...fromOf(single), ...fromOf(many)],
      ...(directly === null ? [] : directValues(directly.channels, directly.claimId)),
      ...given[how],
    ],
  })
  if (rows.length === 0) return []
  await releaseOld(
    db,
    rows.filter((row) => row.attemptBegan),
  )
  const [origins, projects, preferences] = await Promise.all([
    findOrigins(db, rows),
    findProjects(db, rows),
    findPreferences(db, rows),
  ])
  return rows.flatMap((row) => {
    const project = projects.get(row.projectId)
    const origin = row.templateId === null ? project && { project, template: null } : origins.get(row.templateId)
    return origin === undefined ? [] : [claimedOf(row, claimedAt, origin, preferences.get(row.contactId ?? '') ?? {})]
  })
}

const directValues = (channels: readonly DirectChannel[], claimId: number): unknown[] => [
  channels.map((one) => one.projectId),
  channels.map((one) => one.channel),
  channels.map((one) => one.providerId),
  claimId,
]

/**
 * A worker of a version without the table delivery, whose lease ran out during an attempt, may not write its outcome any more. Rides on
 * message_pkey.
 */
async function releaseOld(db: Runner, begun: readonly ClaimedRow[]): Promise<void> {
  if (begun.length === 0) return
  await db.query({
    name: 'release-old',
    text: `UPDATE message m SET status = 'QUEUED', claims = 0 FROM unnest($1::uuid[], $2::uuid[]) AS c (project_id, id)
      WHERE m.project_id = c.project_id AND m.id = c.id AND m.status::text = 'SENDING'`,
    values: [plainArray(begun.map((one) => one.projectId)), plainArray(begun.map((one) => one.id))],
  })
}

function contactOf(row: ClaimedRow, id: string, preferences: PreferenceSet): ContactInfo {
  const contact = { ...emptyContact, id, externalId: row.contactExternalId, properties: row.properties, preferences }
  for (const field of contactFields) contact[field] = row[field]
  return contact
}

function claimedOf(row: ClaimedRow, claimedAt: number, { project, template }: Origin, preferences: PreferenceSet): Claimed {
  return {
    projectId: row.projectId,
    id: row.id,
    notificationId: row.notificationId,
    transactionId: row.transactionId,
    channel: row.channel,
    isBulk: row.isBulk,
    isCanceled: row.isCanceled,
    attemptBegan: row.attemptBegan,
    claims: row.claims,
    rounds: row.rounds,
    boundTo: row.boundTo,
    begunWith: row.begunWith,
    claimedAt,
    address: row.address,
    feed: row.feed,
    incrementId: row.incrementId,
    digestId: row.digestId,
    isConditional: row.isConditional,
    createdAt: new Date(row.createdAt),
    sendAt: row.sendAt,
    dueAt: new Date(row.dueAt),
    origin: {
      templateId: row.templateId,
      campaignId: row.campaignId,
      acceptedAt: row.acceptedAt,
      isOnlyChannel: row.isOnlyChannel,
    },
    data: row.data,
    overrides: row.overrides,
    project,
    template,
    content: row.content,
    contact: row.contactId === null ? null : contactOf(row, row.contactId, preferences),
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
