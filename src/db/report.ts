/** The statements of delivery reports. They may come several times and in any order: a message's status only ever moves forward. */
import type { Channel, MessageStatus } from '../words.ts'
import type { Runner } from './database.ts'

/** A delivery report of a vendor. */
export interface ReportRow {
  readonly projectId: string
  readonly providerId: string
  readonly providerMessageId: string
  readonly status: 'SENT' | 'DELIVERED' | 'FAILED'
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly addressDead: boolean
}

/** A message whose status was changed by a report. */
export interface Reported {
  readonly projectId: string
  readonly notificationId: string
  readonly messageId: string
  readonly status: MessageStatus
  readonly channel: Channel
  readonly address: string | null
  readonly contactId: string | null
  /** index of that report in the call */
  readonly place: number
}

/**
 * SQL: the rank of a status; a report changes a message only to a higher one. DELIVERED ranks above FAILED, because a message that was
 * reported as failed may arrive after all.
 */
const rank = (status: string): string =>
  `CASE ${status}::text WHEN 'UNKNOWN' THEN 0 WHEN 'SENT' THEN 1 WHEN 'FAILED' THEN 2 WHEN 'DELIVERED' THEN 3 END`

/**
 * Applies reports to messages. Where the contact was erased, only error codes are stored. Rides on message_provider_message. `offsetMs` is
 * added to the database's clock.
 * @returns the messages that changed (`moved`), and the indexes of the reports for which there is a message (`known`)
 */
export async function applyReports(
  db: Runner,
  reports: readonly ReportRow[],
  offsetMs: number,
): Promise<{ moved: Reported[]; known: Set<number> }> {
  const { rows } = await db.query<Reported & { isMoved: boolean }>({
    name: 'apply-reports',
    text: `WITH r AS (
        SELECT * FROM json_to_recordset($1) AS r ("projectId" uuid, "providerId" uuid, "providerMessageId" text, status message_status,
          "errorCode" text, "errorMessage" text, place int)
      ), found AS (
        SELECT m.project_id, m.id, r.place, r.status, r."errorCode", r."errorMessage", ${rank('r.status')} > ${rank('m.status')} AS moves,
          row_number() OVER (PARTITION BY m.project_id, m.id ORDER BY ${rank('r.status')} DESC, r.place) AS best
        FROM r JOIN message m ON m.provider_id = r."providerId" AND m.provider_message_id = r."providerMessageId"
          AND m.channel NOT IN ('IN_APP', 'EMAIL') AND m.project_id = r."projectId" AND m.status IN ('UNKNOWN', 'SENT', 'FAILED', 'DELIVERED')
      ), m AS (
        UPDATE message x SET status = f.status, error_code = CASE WHEN f.status = 'FAILED' THEN f."errorCode" END,
          error_message = CASE WHEN f.status = 'FAILED' AND (x.contact_id IS NOT NULL OR x.address IS NOT NULL) THEN f."errorMessage" END,
          sent_at = COALESCE(x.sent_at, now() + $2 * interval '1 millisecond'),
          delivered_at = CASE WHEN f.status = 'DELIVERED' THEN now() + $2 * interval '1 millisecond' ELSE x.delivered_at END,
          history = x.history || jsonb_build_array(jsonb_build_array(f.status, to_json(now() + $2 * interval '1 millisecond'),
            CASE WHEN x.contact_id IS NOT NULL OR x.address IS NOT NULL THEN f."errorCode" END)),
          updated_at = now() + $2 * interval '1 millisecond'
        FROM found f WHERE x.project_id = f.project_id AND x.id = f.id AND f.best = 1 AND f.moves
          AND ${rank('f.status')} > ${rank('x.status')}
        RETURNING x.project_id, x.notification_id, x.id, x.status, x.channel, x.address, x.contact_id
      )
      SELECT f.place, m.id IS NOT NULL AND f.best = 1 AS "isMoved", m.project_id AS "projectId", m.notification_id AS "notificationId", m.id AS "messageId",
        m.status, m.channel, m.address, m.contact_id AS "contactId"
      FROM found f LEFT JOIN m ON m.project_id = f.project_id AND m.id = f.id`,
    values: [JSON.stringify(reports.map((report, place) => ({ ...report, place }))), offsetMs],
  })
  return {
    moved: rows.filter((row) => row.isMoved).map(({ isMoved: _moved, ...row }) => row),
    known: new Set(rows.map((row) => row.place)),
  }
}

/**
 * Stores reports for which there is no message yet: a vendor's report may come before the outcome of its attempt, with the vendor's message id,
 * is written. A report that is stored already is ignored.
 */
export async function keepReports(db: Runner, reports: readonly ReportRow[]): Promise<void> {
  await db.query({
    name: 'keep-reports',
    text: `INSERT INTO delivery_report (project_id, provider_id, provider_message_id, status, error_code, error_message, address_dead)
      SELECT "projectId", "providerId", "providerMessageId", status, "errorCode", "errorMessage", "addressDead"
      FROM json_to_recordset($1) AS r ("projectId" uuid, "providerId" uuid, "providerMessageId" text, status text, "errorCode" text,
        "errorMessage" text, "addressDead" bool)
      ON CONFLICT DO NOTHING`,
    values: [JSON.stringify(reports)],
  })
}

/**
 * Deletes up to `limit` kept reports whose message is known by now, and returns them, so that they can be applied. Rides on
 * message_provider_message; reports that another worker takes are skipped (SKIP LOCKED).
 */
export async function takeReports(db: Runner, limit: number): Promise<ReportRow[]> {
  const { rows } = await db.query<ReportRow>({
    name: 'take-reports',
    text: `DELETE FROM delivery_report d USING (
        SELECT r.provider_id, r.provider_message_id, r.status FROM delivery_report r
        WHERE EXISTS (SELECT FROM message m WHERE m.provider_id = r.provider_id AND m.provider_message_id = r.provider_message_id
          AND m.channel NOT IN ('IN_APP', 'EMAIL') AND m.status IN ('UNKNOWN', 'SENT', 'FAILED', 'DELIVERED'))
        LIMIT $1 FOR UPDATE SKIP LOCKED) t
      WHERE d.provider_id = t.provider_id AND d.provider_message_id = t.provider_message_id AND d.status = t.status
      RETURNING d.project_id AS "projectId", d.provider_id AS "providerId", d.provider_message_id AS "providerMessageId", d.status,
        d.error_code AS "errorCode", d.error_message AS "errorMessage", d.address_dead AS "addressDead"`,
    values: [limit],
  })
  return rows
}
