/** The messages of an inbox, and the effect of marks on them. */
import type { InboxPageQuery, InboxPreferencesQuery } from '../generated/graphql.ts'

/** An in-app message. Its texts are plain text, not HTML. */
export type InboxMessage = InboxPageQuery['feed']['nodes'][number]
/** A button of a message. */
export type InboxAction = NonNullable<InboxMessage['primaryAction']>
/** A contact's preferences. */
export type InboxPreferencesState = InboxPreferencesQuery['preferences']
/** The name of a channel. */
export type InboxChannel = InboxPreferencesState['channels'][number]['channel']

/** The marks to set; those left out stay unchanged. `read: true` also sets seen. */
export interface InboxMarks {
  readonly seen?: boolean
  readonly read?: boolean
  readonly archived?: boolean
}

/** How many messages are unseen and unread, archived ones excluded. */
export interface InboxCounts {
  readonly unseen: number
  readonly unread: number
}

/** A copy of the message with marks applied. */
export function withMarks(message: InboxMessage, { seen, read, archived }: InboxMarks, at: string): InboxMessage {
  const apply = (value: string | null, wanted: boolean | undefined): string | null =>
    wanted === undefined ? value : wanted ? (value ?? at) : null
  return {
    ...message,
    seenAt: apply(message.seenAt, read === true ? true : seen),
    readAt: apply(message.readAt, read),
    archivedAt: apply(message.archivedAt, archived),
  }
}

/** What a message contributes to the counts. */
export const weightOf = ({ seenAt, readAt, archivedAt }: InboxMessage): InboxCounts => ({
  unseen: archivedAt === null && seenAt === null ? 1 : 0,
  unread: archivedAt === null && readAt === null ? 1 : 0,
})

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** The URL if it is safe to follow (http, https, mailto or relative), otherwise null. */
export function safeLink(url: string | null | undefined, base: string): string | null {
  if (url === null || url === undefined || /^\s*[\\/]{2}/.test(url)) return null
  try {
    return SCHEMES.has(new URL(url, base).protocol) ? url : null
  } catch {
    return null
  }
}

/** The URL of an image if it is http, https or relative, otherwise null. */
export const safeImage = (url: string | null | undefined, base: string): string | null =>
  /^\s*mailto:/i.test(url ?? '') ? null : safeLink(url, base)
