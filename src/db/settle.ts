/** Writes the outcomes of claimed messages, with the attempts that were made: ONE statement for a group. */
import type { MessageStatus } from '../words.ts'
import type { Runner } from './database.ts'

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
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[]
  /** the attempts that were made, oldest first */
  readonly attempts: readonly AttemptRow[]
  /** the provider that may have accepted it, so that no other one may be tried; null: none has */
  readonly boundTo: string | null
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

/**
 * SQL: the message `x` may get texts. Not if its contact was erased meanwhile, which leaves neither a contact nor an address; nor if its actor
 * was, whom the text that was sent may name.
 */
const KEEPS_TEXT = '(x.contact_id IS NOT NULL OR x.address IS NOT NULL) AND NOT x.forgets_text'

/**
 * Settles a group of claims. A row whose fencing number has changed (the lease ran out, the message was canceled) is not written, and not
 * returned. Rides on message_pkey. `offsetMs` is added to the database's clock.
 */
export async function settle(db: Runner, group: readonly Settlement[], offsetMs: number): Promise<Settled[]> {
  const { rows } = await db.query<Settled>({
    name: 'settle',
    text: `WITH r AS (
        SELECT * FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, claims int, status message_status, "dueInMs" float8,
          "providerId" uuid, "providerMessageId" text, address text, subject text, text text, html text, "errorCode" text,
          "errorMessage" text, history jsonb, attempts jsonb, "boundTo" uuid)
      ), m AS (
        UPDATE message x SET status = r.status,
          due_at = CASE WHEN r."dueInMs" IS NULL THEN NULL ELSE now() + (r."dueInMs" + $2) * interval '1 millisecond' END,
          attempt_count = x.attempt_count + jsonb_array_length(r.attempts), rounds = x.rounds + LEAST(1, jsonb_array_length(r.attempts)),
          handover_at = NULL, handover_provider = r."boundTo",
          provider_id = COALESCE(r."providerId", x.provider_id), provider_message_id = COALESCE(r."providerMessageId", x.provider_message_id),
          -- If the contact was erased meanwhile, the row has neither a contact nor an address, and gets no personal data again.
          address = CASE WHEN x.contact_id IS NOT NULL OR x.address IS NOT NULL THEN COALESCE(r.address, x.address) END,
          subject = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.subject, x.subject) END,
          text = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.text, x.text) END,
          html = CASE WHEN ${KEEPS_TEXT} THEN COALESCE(r.html, x.html) END,
          -- A vendor's answer often contains the address. Error codes stay.
          error_code = r."errorCode", error_message = CASE WHEN ${KEEPS_TEXT} THEN r."errorMessage" END,
          history = x.history || CASE WHEN x.contact_id IS NOT NULL OR x.address IS NOT NULL THEN r.history
            ELSE (SELECT COALESCE(jsonb_agg(jsonb_build_array(h -> 0, h -> 1, NULL)), '[]') FROM jsonb_array_elements(r.history) h) END,
          sent_at = CASE WHEN r.status = 'SENT' THEN now() + $2 * interval '1 millisecond' ELSE x.sent_at END,
          updated_at = now() + $2 * interval '1 millisecond'
        FROM r WHERE x.project_id = r."projectId" AND x.id = r.id AND x.claims = r.claims AND x.status = 'SENDING'
        RETURNING x.project_id, x.notification_id, x.id, x.status, x.attempt_count, r.attempts,
          NOT (${KEEPS_TEXT}) AS erased
      ), a AS (
        INSERT INTO attempt (project_id, message_id, number, provider_id, started_at, duration_ms, ok, error_code, error_message, response)
        SELECT m.project_id, m.id, m.attempt_count - jsonb_array_length(m.attempts) + o.place, (o.one->>'providerId')::uuid,
          (o.one->>'startedAt')::timestamptz, (o.one->>'durationMs')::float8, (o.one->>'ok')::bool, o.one->>'errorCode',
          CASE WHEN NOT m.erased THEN o.one->>'errorMessage' END, CASE WHEN NOT m.erased THEN o.one->>'response' END
        FROM m CROSS JOIN LATERAL jsonb_array_elements(m.attempts) WITH ORDINALITY AS o (one, place)
      )
      SELECT project_id AS "projectId", notification_id AS "notificationId", id AS "messageId", status FROM m`,
    values: [JSON.stringify(group), offsetMs],
  })
  return rows
}
