/** The GraphQL documents of the inbox. A contact token may run all of them. */
import { graphql } from './graphql.ts'

/** A page of the feed, the counts, and the cursor that a subscription resumes from. */
export const InboxPage = graphql(`
  query InboxPage($feeds: [ID!], $read: Boolean, $archived: Boolean, $snoozed: Boolean, $first: Int, $after: String) {
    feed(feeds: $feeds, read: $read, archived: $archived, snoozed: $snoozed, first: $first, after: $after) {
      unseenCount unreadCount cursor
      pageInfo { hasNextPage endCursor }
      nodes {
        id feed template severity title body iconUrl url data count status seenAt readAt archivedAt snoozedUntil sentAt createdAt updatedAt
        actor { externalId firstName lastName photoUrl }
        primaryAction { type label url status payload }
        secondaryAction { type label url status payload }
      }
    }
  }
`)

/** The counts and the cursor of some feeds. */
export const InboxCounts = graphql(`
  query InboxCounts($feeds: [ID!]) { feed(feeds: $feeds, first: 1) { unseenCount unreadCount cursor } }
`)

/** Every change since a cursor, then live. */
export const InboxChanges = graphql(`
  subscription InboxChanges($feeds: [ID!], $after: String) {
    feedChanged(feeds: $feeds, after: $after) {
      kind unseenCount unreadCount cursor
      message {
        id feed template severity title body iconUrl url data count status seenAt readAt archivedAt snoozedUntil sentAt createdAt updatedAt
        actor { externalId firstName lastName photoUrl }
        primaryAction { type label url status payload }
        secondaryAction { type label url status payload }
      }
    }
  }
`)

/** The counts of some feeds, live. */
export const InboxCountChanges = graphql(`
  subscription InboxCountChanges($feeds: [ID!], $after: String) {
    feedChanged(feeds: $feeds, after: $after) { unseenCount unreadCount cursor }
  }
`)

/** Marks some messages, or everything up to a cursor. */
export const InboxMark = graphql(`
  mutation InboxMark($messages: [ID!], $all: FeedSelector, $seen: Boolean, $read: Boolean, $archived: Boolean) {
    markAs(messages: $messages, all: $all, seen: $seen, read: $read, archived: $archived) {
      changedCount unseenCount unreadCount messages { id seenAt readAt archivedAt snoozedUntil updatedAt }
    }
  }
`)

/** Deletes some messages, or all that are selected. */
export const InboxDelete = graphql(`
  mutation InboxDelete($messages: [ID!], $all: FeedSelector) {
    deleteMessages(messages: $messages, all: $all) {
      changedCount unseenCount unreadCount messages { id seenAt readAt archivedAt snoozedUntil updatedAt }
    }
  }
`)

/** Snoozes some messages until a time; null: puts them back. */
export const InboxSnooze = graphql(`
  mutation InboxSnooze($messages: [ID!]!, $until: DateTime) {
    snoozeMessages(messages: $messages, until: $until) {
      changedCount unseenCount unreadCount messages { id seenAt readAt archivedAt snoozedUntil updatedAt }
    }
  }
`)

/** Records that a button was used. */
export const InboxAct = graphql(`
  mutation InboxAct($message: ID!, $type: ActionType!, $status: ActionStatus!, $payload: JSONObject) {
    recordAction(message: $message, type: $type, status: $status, payload: $payload) {
      id updatedAt
      primaryAction { type label url status payload }
      secondaryAction { type label url status payload }
    }
  }
`)

/** The contact's preferences. */
export const InboxPreferences = graphql(`
  query InboxPreferences {
    preferences {
      channels { channel enabled }
      templates { enabled template { key name critical } channels { channel enabled } }
    }
  }
`)

/** Turns a template, a channel, or a template on one channel on or off. */
export const InboxSetPreference = graphql(`
  mutation InboxSetPreference($template: ID, $channel: Channel, $enabled: Boolean!) {
    setPreference(template: $template, channel: $channel, enabled: $enabled) {
      channels { channel enabled }
      templates { enabled template { key name critical } channels { channel enabled } }
    }
  }
`)
