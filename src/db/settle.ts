/** Writes the outcomes of claimed messages, with the attempts that were made: ONE statement for a group. */
import type { Channel, MessageStatus } from '../words.ts'
import { plainArray, textArray } from './array.ts'
import type { Runner } from './database.ts'
import { inLockOrder, isHeldBy, unlessAll } from './lease.ts'
import { countSent, IS_COUNTED, type MessageOrigin, type SentMessage, sentCounts } from './stat-delta.ts'

/** The outcome of one claim. Optional fields that are left out keep the row's value. */
export interface Settlement {
  readonly projectId: string
  readonly id: string
  readonly claims: number
  readonly status: MessageStatus
  /** for QUEUED: how long from now until it is due again; null otherwise */
  readonly dueInMs: number | null
  readonly providerId?: string | null
  readonly providerMessageId?: string | null
  readonly address?: string | null
  readonly subject?: string | null
  readonly text?: string | null
  readonly html?: string | null
  /** the version of its template that it was rendered with */
  readonly templateVersion?: number | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[]
  /** the attempts that were made, oldest first */
  readonly attempts: readonly AttemptRow[]
  /** the provider that may have accepted it, so that no other one may be tried; null: none has */
  readonly boundTo: string | null
  /** where it is counted, if that is known; the database finds out otherwise */
  readonly counted?: {
    readonly notificationId: string
    readonly transactionId: string
    readonly channel: Channel
    readonly origin: MessageOrigin
  }
}

/** An attempt to send a message through a provider. */
export interface AttemptRow {
  readonly providerId: string
  readonly startedAt: string
  readonly durationMs: number
  readonly ok: boolean
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly response: string | null
}

/** A message that was settled, with its status now. */
export interface Settled {
  readonly projectId: string
  readonly notificationId: string
  readonly messageId: string
  readonly status: MessageStatus
}

/** SQL: the contact of the message `x` was not erased meanwhile; or there is none, and its address was not. */
const IS_KNOWN = '(x.contact_id IS NOT NULL OR x.address IS NOT NULL)'
/** SQL: the message `x` may get texts: nor was its actor erased meanwhile, whom the text that was sent may name. */
const KEEPS_TEXT = `${IS_KNOWN} AND NOT x.forgets_text`

/**
 * The attempt of a message that was sent, if it is the only one that was made under this claim. That is so of nearly all messages; groups of
 * these alone are settled with half the work.
 */
function onlyAttemptOf({
  status,
  attempts,
  history,
  providerId,
  errorCode,
  errorMessage,
  boundTo,
}: Settlement): AttemptRow | null {
  const [one] = attempts
  const [begun, ended] = history
  if (one === undefined || attempts.length > 1 || !one.ok || one.providerId !== providerId) return null
  if (
    history.length !== 2 ||
    begun?.[0] !== 'SENDING' ||
    begun[1] !== one.startedAt ||
    ended?.[0] !== 'SENT' ||
    ended[2] !== null
  )
    return null
  return status === 'SENT' && errorCode === null && errorMessage === null && boundTo === null ? one : null
}

/** Whether a message can be settled with half the work, in a group of such messages alone. */
export const isSentAtOnce = (settlement: Settlement): boolean => onlyAttemptOf(settlement) !== null

/**
 * Settles a group of claims: the message is written, and leaves the outbox unless it is queued again. A row whose fencing number has changed (the
 * lease ran out, the message was canceled) is not written, and not returned. Locks rows of delivery before those of messages, as everybody does.
 * Rides on delivery_pkey and message_pkey. `offsetMs` is added to the database's clock.
 */
export async function settle(db: Runner, settlements: readonly Settlement[], offsetMs: number): Promise<Settled[]> {
  const group = inLockOrder(settlements)
  const attempts: AttemptRow[] = []
  for (const one of group) {
    const attempt = onlyAttemptOf(one)
    if (attempt === null) return settleAny(db, group, offsetMs)
    attempts.push(attempt)
  }
  return settleSent(db, group, attempts, offsetMs)
}

/** SQL: what is returned of the messages `m`, but for their status. */
const SETTLED = 'project_id AS "projectId", notification_id AS "notificationId", id AS "messageId"'

const settleSentText = (isCounted: boolean): string => `WITH r AS (
        DELETE FROM delivery d USING unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::float8[], $14::text[], $16::int[]${isCounted ? ', $17::int[], $18::int[], $19::bool[]' : ''})
          AS r (project_id, id, claims, provider_id, provider_key, provider_message_id, address, subject, text, html, started_at, ended_at,
            duration_ms, response, template_version${isCounted ? ', group_place, transaction_place, is_only' : ''})
        WHERE d.project_id = r.project_id AND d.message_id = r.id AND ${isHeldBy('d', 'r.claims')} ${isCounted ? `AND ${IS_COUNTED}` : ''}
        RETURNING r.*
      ), m AS (
        UPDATE message x SET status = 'SENT', claims = 0, attempt_count = x.attempt_count + 1, provider_id = r.provider_id,
          provider_message_id = COALESCE(r.provider_message_id, x.provider_message_id),
          address = CASE WHEN ${IS_KNOWN} THEN COALESCE(r.address, x.address) END,
          subject = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.subject, x.subject) END,
          text = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.text, x.text) END,
          html = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.html, x.html) END,
          template_version = COALESCE(r.template_version, x.template_version), error_code = NULL, error_message = NULL,
          history = x.history || jsonb_build_array(
            jsonb_build_array('SENDING', r.started_at, CASE WHEN ${IS_KNOWN} THEN r.provider_key END),
            jsonb_build_array('SENT', r.ended_at, NULL)),
          sent_at = now() + $15 * interval '1 millisecond', updated_at = now() + $15 * interval '1 millisecond'
        FROM r WHERE x.project_id = r.project_id AND x.id = r.id
        RETURNING x.project_id, x.notification_id, x.id, x.attempt_count, x.provider_id, r.started_at, r.duration_ms,
          CASE WHEN ${KEEPS_TEXT} THEN r.response END AS response${isCounted ? ', r.group_place, r.transaction_place, r.is_only' : ''}
      ), a AS (
        INSERT INTO attempt (project_id, message_id, number, provider_id, started_at, duration_ms, ok, response)
        SELECT project_id, id, attempt_count, provider_id, started_at::timestamptz, duration_ms, true, response FROM m
      )${isCounted ? `, ${countSent(20)} SELECT ${unlessAll('id')} AS ids FROM m` : ` SELECT ${SETTLED}, 'SENT' AS status FROM m`}`
const settleSentStatements = {
  counted: { name: 'settle-sent-counted', text: settleSentText(true) },
  uncounted: { name: 'settle-sent', text: settleSentText(false) },
}

/**
 * `settle` for messages that were sent at once: what they have in common is in the statement, and the rest are arrays.
 * @param attempts of each message, its only one
 */
async function settleSent(
  db: Runner,
  sent: readonly Settlement[],
  attempts: readonly AttemptRow[],
  offsetMs: number,
): Promise<Settled[]> {
  const counted: (SentMessage & { readonly notificationId: string; readonly messageId: string })[] = []
  for (const { projectId, id, providerId, counted: place } of sent) {
    // Of one that was sent at once, the provider is that of its attempt.
    if (place === undefined || typeof providerId !== 'string') break
    const { notificationId, transactionId, channel, origin } = place
    counted.push({ projectId, messageId: id, providerId, notificationId, transactionId, channel, origin })
  }
  const isCounted = counted.length === sent.length
  const { rows } = await db.query<Settled & { ids?: string[] | null }>({
    ...settleSentStatements[isCounted ? 'counted' : 'uncounted'],
    values: [
      plainArray(sent.map((one) => one.projectId)),
      plainArray(sent.map((one) => one.id)),
      plainArray(sent.map((one) => one.claims)),
      plainArray(attempts.map((attempt) => attempt.providerId)),
      textArray(sent.map((one) => one.history[0]?.[2])),
      textArray(sent.map((one) => one.providerMessageId)),
      textArray(sent.map((one) => one.address)),
      textArray(sent.map((one) => one.subject)),
      textArray(sent.map((one) => one.text)),
      textArray(sent.map((one) => one.html)),
      plainArray(attempts.map((attempt) => attempt.startedAt)),
      textArray(sent.map((one) => one.history[1]?.[1])),
      plainArray(attempts.map((attempt) => attempt.durationMs)),
      textArray(attempts.map((attempt) => attempt.response)),
      offsetMs,
      plainArray(sent.map((one) => one.templateVersion ?? null)),
      ...(isCounted ? sentCounts(counted) : []),
    ],
  })
  if (!isCounted) return rows
  const ids = rows[0]?.ids ?? null
  const all = counted.map(
    ({ projectId, notificationId, messageId }): Settled => ({
      projectId,
      notificationId,
      messageId,
      status: 'SENT',
    }),
  )
  return ids === null ? all : all.filter((one) => ids.includes(one.messageId))
}

/** `settle` for outcomes of every kind. */
async function settleAny(db: Runner, group: readonly Settlement[], offsetMs: number): Promise<Settled[]> {
  const { rows } = await db.query<Settled>({
    name: 'settle',
    text: `WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, claims int, status message_status, "dueInMs" float8,
          "providerId" uuid, "providerMessageId" text, address text, subject text, text text, html text, "templateVersion" int, "errorCode" text,
          "errorMessage" text, history jsonb, attempts jsonb, "boundTo" uuid)
      ), ended AS (
        DELETE FROM delivery d USING given r
        WHERE d.project_id = r."projectId" AND d.message_id = r.id AND ${isHeldBy('d', 'r.claims')} AND r."dueInMs" IS NULL RETURNING r.*
      ), queued AS (
        UPDATE delivery d SET due_at = now() + (r."dueInMs" + $2) * interval '1 millisecond', lease_until = NULL, begun_at = NULL,
          bound_to = r."boundTo", rounds = d.rounds + LEAST(1, jsonb_array_length(r.attempts)),
          attempts = d.attempts + jsonb_array_length(r.attempts)
        FROM given r
        WHERE d.project_id = r."projectId" AND d.message_id = r.id AND ${isHeldBy('d', 'r.claims')} AND r."dueInMs" IS NOT NULL RETURNING r.*
      ), r AS (
        SELECT * FROM ended UNION ALL SELECT * FROM queued
      ), m AS (
        UPDATE message x SET status = r.status, claims = 0, attempt_count = x.attempt_count + jsonb_array_length(r.attempts),
          provider_id = COALESCE(r."providerId", x.provider_id), provider_message_id = COALESCE(r."providerMessageId", x.provider_message_id),
          -- If the contact was erased meanwhile, the row has neither a contact nor an address, and gets no personal data again.
          address = CASE WHEN ${IS_KNOWN} THEN COALESCE(r.address, x.address) END,
          subject = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.subject, x.subject) END,
          text = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.text, x.text) END,
          html = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.html, x.html) END,
          template_version = COALESCE(r."templateVersion", x.template_version),
          -- A vendor's answer often contains the address. Error codes stay.
          error_code = r."errorCode", error_message = CASE WHEN ${KEEPS_TEXT} THEN r."errorMessage" END,
          history = x.history || CASE WHEN ${IS_KNOWN} THEN r.history
            ELSE (SELECT COALESCE(jsonb_agg(jsonb_build_array(h -> 0, h -> 1, NULL)), '[]') FROM jsonb_array_elements(r.history) h) END,
          sent_at = CASE WHEN r.status = 'SENT' THEN now() + $2 * interval '1 millisecond' ELSE x.sent_at END,
          updated_at = now() + $2 * interval '1 millisecond'
        FROM r WHERE x.project_id = r."projectId" AND x.id = r.id
        RETURNING x.project_id, x.notification_id, x.id, x.status, x.attempt_count, r.attempts,
          NOT (${KEEPS_TEXT}) AS erased
      ), a AS (
        INSERT INTO attempt (project_id, message_id, number, provider_id, started_at, duration_ms, ok, error_code, error_message, response)
        SELECT m.project_id, m.id, m.attempt_count - jsonb_array_length(m.attempts) + o.place, (o.one->>'providerId')::uuid,
          (o.one->>'startedAt')::timestamptz, (o.one->>'durationMs')::float8, (o.one->>'ok')::bool, o.one->>'errorCode',
          CASE WHEN NOT m.erased THEN o.one->>'errorMessage' END, CASE WHEN NOT m.erased THEN o.one->>'response' END
        FROM m CROSS JOIN LATERAL jsonb_array_elements(m.attempts) WITH ORDINALITY AS o (one, place)
      )
      SELECT ${SETTLED}, status FROM m`,
    values: [JSON.stringify(group), offsetMs],
  })
  return rows
}
