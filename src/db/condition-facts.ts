/** The facts on which the conditions of claimed messages (`onlyIf`) depend. */
import type { ChannelCondition } from '../words.ts'
import type { Runner } from './database.ts'

/** The facts for one message: of its notification's in-app message, and of its contact. */
export interface ConditionFactsRow {
  readonly id: string
  readonly onlyIf: ChannelCondition
  readonly isSeen: boolean
  readonly isRead: boolean
  readonly isOnline: boolean
}

/**
 * The facts for messages with a condition, in one statement for all of them.
 *
 * The in-app message is the one of the same notification. Where a later notification has folded into it, its row belongs to that one: it is
 * then the unread message with the same incrementId and the same creation time, because both were made in one transaction. If there is no
 * such unread message either, it was read. A notification without an in-app message counts as not seen.
 *
 * Rides on message_pkey, message_project_id_notification_id_channel_key and message_increment.
 */
export async function findConditionFacts(
  db: Runner,
  messages: readonly { readonly projectId: string; readonly id: string }[],
): Promise<ConditionFactsRow[]> {
  const { rows } = await db.query<ConditionFactsRow>({
    name: 'find-condition-facts',
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
