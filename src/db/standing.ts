/** What the conditions of claimed messages ask of the record. */
import type { ChannelCondition } from '../domain/words.ts'
import type { Runner } from './database.ts'

/** How it stands for one message. */
export interface StandingRow {
  readonly id: string
  readonly onlyIf: ChannelCondition
  readonly isSeen: boolean
  readonly isRead: boolean
  readonly isOnline: boolean
}

/**
 * How it stands for messages that depend, in one statement for all of them. The in-app message is the notification's own; where another
 * notification has folded into it since, it is the unread one of the same incrementId that was made with this message (both in one
 * transaction, so at one time), and where that is not there it was read. Without an in-app message nobody saw anything. Rides on
 * message_pkey, message_project_id_notification_id_channel_key and message_increment.
 */
export async function findStandings(
  db: Runner,
  messages: readonly { readonly projectId: string; readonly id: string }[],
): Promise<StandingRow[]> {
  const { rows } = await db.query<StandingRow>({
    name: 'find-standings',
    text: `SELECT e.id, e.only_if AS "onlyIf", COALESCE(c.is_online, false) AS "isOnline",
        CASE WHEN i.id IS NOT NULL THEN i.seen_at IS NOT NULL WHEN s.folds THEN f.id IS NULL OR f.seen_at IS NOT NULL ELSE false END AS "isSeen",
        CASE WHEN i.id IS NOT NULL THEN i.read_at IS NOT NULL WHEN s.folds THEN f.id IS NULL ELSE false END AS "isRead"
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN message e USING (project_id, id)
      JOIN notification n ON n.project_id = e.project_id AND n.id = e.notification_id
      CROSS JOIN LATERAL (SELECT n.increment_id IS NOT NULL AND 'IN_APP' = ANY(n.channels) AS folds) s
      LEFT JOIN contact c ON c.project_id = e.project_id AND c.id = e.contact_id
      LEFT JOIN message i ON i.project_id = n.project_id AND i.notification_id = n.id AND i.channel = 'IN_APP'
      LEFT JOIN message f ON i.id IS NULL AND s.folds AND f.project_id = n.project_id AND f.contact_id = n.contact_id
        AND f.template_id = n.template_id AND f.increment_id = n.increment_id AND f.increment_id IS NOT NULL AND f.read_at IS NULL
        AND f.created_at = e.created_at`,
    values: [messages.map((one) => one.projectId), messages.map((one) => one.id)],
  })
  return rows
}
