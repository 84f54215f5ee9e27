/** Messages as the inbox has them, and the marks that are on their way. */
import type { InboxPageQuery, InboxPreferencesQuery } from '../generated/graphql.ts'

/** An in-app message. Texts are texts, never HTML. */
export type InboxMessage = InboxPageQuery['feed']['nodes'][number]
/** A button of a message. */
export type InboxAction = NonNullable<InboxMessage['primaryAction']>
/** What a contact wants. */
export type InboxPreferencesState = InboxPreferencesQuery['preferences']
/** The channels, by their names. */
export type InboxChannel = InboxPreferencesState['channels'][number]['channel']

/** What to mark; left out stays as it is. `read: true` also sets seen. */
export interface InboxMarks {
  readonly seen?: boolean
  readonly read?: boolean
  readonly archived?: boolean
}

/** How many messages are not seen, and not read. Archived ones count in neither. */
export interface InboxCounts {
  readonly unseen: number
  readonly unread: number
}

/** The message with marks put on it. */
export function withMarks(message: InboxMessage, { seen, read, archived }: InboxMarks, at: string): InboxMessage {
  const put = (value: string | null, wanted: boolean | undefined): string | null =>
    wanted === undefined ? value : wanted ? (value ?? at) : null
  return {
    ...message,
    seenAt: put(message.seenAt, read === true ? true : seen),
    readAt: put(message.readAt, read),
    archivedAt: put(message.archivedAt, archived),
  }
}

/** What a message adds to the counts. */
export const weightOf = ({ seenAt, readAt, archivedAt }: InboxMessage): InboxCounts => ({
  unseen: archivedAt === null && seenAt === null ? 1 : 0,
  unread: archivedAt === null && readAt === null ? 1 : 0,
})

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** The address, where a click on it can do no harm: http, https, mailto, or relative to the page. null: any other. */
export function safeLink(url: string | null | undefined, base: string): string | null {
  if (url === null || url === undefined || /^\s*[\\/]{2}/.test(url)) return null
  try {
    return SCHEMES.has(new URL(url, base).protocol) ? url : null
  } catch {
    return null
  }
}

/** The address of a picture: http, https, or relative. null: any other. */
export const safeImage = (url: string | null | undefined, base: string): string | null =>
  /^\s*mailto:/i.test(url ?? '') ? null : safeLink(url, base)
