/** The messages of an inbox, and the effect of marks on them. */

/** The name of a channel. */
export type InboxChannel = 'ALIMTALK' | 'CHAT' | 'EMAIL' | 'FRIENDTALK' | 'IN_APP' | 'PUSH' | 'SMS' | 'WEBHOOK' | 'WEB_PUSH'

/** How important a message is. */
export type InboxSeverity = 'LOW' | 'NORMAL' | 'HIGH' | 'CRITICAL'

/** A button of a message. */
export interface InboxAction {
  readonly type: 'PRIMARY' | 'SECONDARY'
  readonly label: string
  readonly url: string | null
  readonly status: 'PENDING' | 'DONE'
  /** what was recorded with `act` */
  readonly payload: Readonly<Record<string, unknown>> | null
}

/** The contact who did what a message tells of. */
export interface InboxActor {
  readonly externalId: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly photoUrl: string | null
}

/** An in-app message. Its texts are plain text, not HTML; times are ISO 8601. */
export interface InboxMessage {
  readonly id: string
  readonly feed: string
  /** the template's key; null: it was sent without one */
  readonly template: string | null
  /** what its template says now */
  readonly severity: InboxSeverity
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  /** what the sender gave the template */
  readonly data: Readonly<Record<string, unknown>>
  /** how many notifications have been folded into it, itself included */
  readonly count: number
  readonly status: string
  readonly actor: InboxActor | null
  readonly primaryAction: InboxAction | null
  readonly secondaryAction: InboxAction | null
  readonly seenAt: string | null
  readonly readAt: string | null
  readonly archivedAt: string | null
  /** not in the feed until then; null: it is not snoozed */
  readonly snoozedUntil: string | null
  readonly sentAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** Whether a channel is on. */
export interface InboxChannelPreference {
  readonly channel: InboxChannel
  readonly enabled: boolean
}

/** A contact's preferences. */
export interface InboxPreferencesState {
  readonly channels: readonly InboxChannelPreference[]
  readonly templates: readonly {
    readonly enabled: boolean
    /** a critical one can't be turned off */
    readonly template: { readonly key: string; readonly name: string; readonly critical: boolean }
    readonly channels: readonly InboxChannelPreference[]
  }[]
}

/** The marks to set; those left out stay unchanged. `read: true` also sets seen. */
export interface InboxMarks {
  readonly seen?: boolean
  readonly read?: boolean
  readonly archived?: boolean
}

/** Which messages a change of all is about; what is left out is no restriction. */
export interface InboxSelection {
  readonly read?: boolean
  readonly archived?: boolean
}

/** What an operation does to messages. */
export interface Changes extends InboxMarks {
  readonly deleted?: boolean
  /** null: puts them back */
  readonly snoozedUntil?: string | null
}

/** The status of messages that are in no list, until the server has confirmed that they are deleted. */
const GONE = 'CANCELED'
export const isGone = ({ status }: Pick<InboxMessage, 'status'>): boolean => status === GONE

/** How many messages are unseen and unread, archived ones excluded. */
export interface InboxCounts {
  readonly unseen: number
  readonly unread: number
}

/** A copy of the message with changes applied. */
export function withChanges(
  message: InboxMessage,
  { seen, read, archived, deleted, snoozedUntil = message.snoozedUntil }: Changes,
  at: string,
): InboxMessage {
  const apply = (value: string | null, wanted: boolean | undefined): string | null =>
    wanted === undefined ? value : wanted ? (value ?? at) : null
  return {
    ...message,
    seenAt: apply(message.seenAt, read || seen),
    readAt: apply(message.readAt, read),
    archivedAt: apply(message.archivedAt, snoozedUntil === message.snoozedUntil ? archived : false),
    snoozedUntil,
    status: deleted ? GONE : message.status,
  }
}

/** What a message contributes to the counts. */
export function weightOf(message: InboxMessage): InboxCounts {
  // What an older release has stored says nothing of snoozing.
  const counts = message.archivedAt === null && !message.snoozedUntil && !isGone(message)
  return { unseen: counts && message.seenAt === null ? 1 : 0, unread: counts && message.readAt === null ? 1 : 0 }
}

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
