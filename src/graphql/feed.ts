/** The feed: reading it, marking it, deleting from it, watching it live. */
import type { SeverityCounts as Counted, FeedList, MarkResult } from '../domain/feed.ts'
import { type FeedChange as Change, countOf, type FeedMessage } from '../words.ts'
import { contactNamed, contactOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { createConnections } from './connection.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'
import { feedPartsOf } from './feed-parts.ts'
import type { Live } from './live.ts'
import type { Messages } from './message.ts'

/** One event of a subscription. */
interface FeedEvent {
  readonly kind: Change['kind']
  readonly message: FeedMessage | null
  readonly unseenCount: number
  readonly unreadCount: number
  readonly cursor: string
}

const cursorText =
  'Position in the feed: with it as `after`, a subscription continues from here without a gap. Valid for 30 days.'

/** Defines the feed, its mutations and its subscriptions. */
export function defineFeed(
  builder: Builder,
  {
    FeedChangeKind,
    ActionType,
    ActionStatus,
    Severity,
  }: Pick<Enums, 'FeedChangeKind' | 'ActionType' | 'ActionStatus' | 'Severity'>,
  { InAppMessage }: Messages,
  connections: ReturnType<typeof createConnections>,
  live: Live,
) {
  const SeverityCounts = builder.objectRef<Counted>('SeverityCounts').implement({
    description: 'Messages of one severity.',
    fields: (t) => ({
      severity: t.expose('severity', { type: Severity, description: 'The severity.' }),
      unseenCount: t.exposeInt('unseenCount', { description: 'How many are unseen.' }),
      unreadCount: t.exposeInt('unreadCount', { description: 'How many are unread.' }),
    }),
  })
  const FeedConnection = connections.of<FeedMessage, FeedList>('Feed', InAppMessage, (t) => ({
    unseenCount: t.exposeInt('unseenCount', {
      description: 'Unseen messages of the selected feeds, regardless of other filters.',
    }),
    unreadCount: t.exposeInt('unreadCount', {
      description: 'Unread messages of the selected feeds, regardless of other filters.',
    }),
    bySeverity: t.field({
      type: [SeverityCounts],
      description:
        'The same by severity, the least first, all four of them: counted when it is asked for, over the latest 10,000 that are unseen or unread.',
      resolve: async (list) => [...(await list.bySeverity())],
    }),
    cursor: t.string({
      description: cursorText,
      resolve: ({ contactId, seq }, _args, { carillon }) => carillon.cursors.feed(contactId, seq),
    }),
  }))
  const contactText = 'externalId of the contact. Left out with a contact token, which has its own.'

  builder.queryFields((t) => ({
    feed: t.field({
      type: FeedConnection,
      description:
        'In-app messages of a contact, newest first. Errors: CONTACT_NOT_FOUND, BAD_INPUT, BAD_CURSOR, CURSOR_EXPIRED.',
      args: {
        contact: t.arg.id({ description: contactText }),
        feeds: t.arg.idList({ description: 'Only these feeds; default: all.' }),
        seen: t.arg.boolean({ description: 'true: only seen messages; false: only unseen ones.' }),
        read: t.arg.boolean({ description: 'true: only read messages; false: only unread ones.' }),
        archived: t.arg.boolean({
          defaultValue: false,
          description: 'false: only messages that are not archived; true: only archived ones; null: both.',
        }),
        snoozed: t.arg.boolean({
          defaultValue: false,
          description: 'true: only messages that are snoozed, whatever `archived` says; otherwise only the others.',
        }),
        severities: t.arg({
          type: [Severity],
          description:
            'Only messages of these severities, of the first 10,000 after the cursor that meet the other conditions; default: all.',
        }),
        ...connections.args,
      },
      resolve: (_root, { contact, feeds, seen, read, archived, snoozed, severities, ...page }, context, info) => {
        const filter = {
          feeds: feeds ?? null,
          seen: seen ?? null,
          read: read ?? null,
          archived: snoozed === true ? null : (archived ?? null),
          snoozed: snoozed === true,
          severities: severities ?? null,
        }
        return context.carillon.feed.list(contactNamed(context, contact), filter, page, feedPartsOf(info))
      },
    }),
  }))

  const FeedSelector = builder.inputType('FeedSelector', {
    description: 'Selects messages of a contact: all, or those that meet every condition that is given.',
    fields: (t) => ({
      feeds: t.idList({ description: 'Only these feeds; default: all.' }),
      until: t.string({ description: 'Only messages up to this cursor of the feed; default: all.' }),
      read: t.boolean({ description: 'true: only read messages; false: only unread ones; default: both.' }),
      archived: t.boolean({ description: 'true: only archived messages; false: only the others; default: both.' }),
    }),
  })
  const MarkPayload = builder.objectRef<MarkResult>('MarkPayload').implement({
    description: 'Result of marking, snoozing or deleting messages.',
    fields: (t) => ({
      messages: t.field({
        type: [InAppMessage],
        description: 'The messages listed in the call, as they are now; empty with `all`.',
        resolve: ({ messages }) => [...messages],
      }),
      changedCount: t.exposeInt('changedCount', { description: 'How many messages were changed.' }),
      unseenCount: t.exposeInt('unseenCount', {
        description: 'Messages that are unseen now; with `all.feeds`, of those feeds.',
      }),
      unreadCount: t.exposeInt('unreadCount', {
        description: 'Messages that are unread now; with `all.feeds`, of those feeds.',
      }),
    }),
  })
  builder.mutationFields((t) => ({
    markAs: t.field({
      type: MarkPayload,
      description:
        'Marks messages as seen, read or archived, or unmarks them. A mark that is left out is not changed; `read: true` also marks as seen. ' +
        'Takes either `messages` or `all`. Errors: NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE, BAD_CURSOR.',
      args: {
        contact: t.arg.id({ description: contactText }),
        messages: t.arg.idList({ description: 'Ids of the messages, 1-1,000.' }),
        all: t.arg({ type: FeedSelector, description: 'All messages, or all that are selected.' }),
        seen: t.arg.boolean({ description: 'Whether they are seen.' }),
        read: t.arg.boolean({ description: 'Whether they are read.' }),
        archived: t.arg.boolean({ description: 'Whether they are archived: not in the feed by default, and not counted.' }),
      },
      resolve: async (_root, { contact, ...input }, context) =>
        context.carillon.feed.mark(await contactOf(context, contact), input),
    }),
    deleteMessages: t.field({
      type: MarkPayload,
      description:
        'Deletes messages from the feed of a contact, for good: they are in no list and no count any more. The notifications stay on record until ' +
        'they are pruned. Messages that are deleted already are not changed. Takes either `messages` or `all`. ' +
        'Errors: NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE, BAD_CURSOR.',
      args: {
        contact: t.arg.id({ description: contactText }),
        messages: t.arg.idList({ description: 'Ids of the messages, 1-1,000.' }),
        all: t.arg({ type: FeedSelector, description: 'All messages, or all that are selected.' }),
      },
      resolve: async (_root, { contact, ...input }, context) =>
        context.carillon.feed.remove(await contactOf(context, contact), input),
    }),
    snoozeMessages: t.field({
      type: MarkPayload,
      description:
        'Puts messages off: they leave the feed and the counts, and come back at `until`, unseen, unread and at the top, once. ' +
        'Archived ones come back into the feed too. Without `until`, they are put back where they were, as they were. ' +
        'Errors: NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        contact: t.arg.id({ description: contactText }),
        messages: t.arg.idList({ required: true, description: 'Ids of the messages, 1-1,000.' }),
        until: t.arg({
          type: 'DateTime',
          description: 'When they come back: 5 seconds to 366 days from now. null or left out: now.',
        }),
      },
      resolve: async (_root, { contact, messages, until }, context) =>
        context.carillon.feed.snooze(await contactOf(context, contact), messages, until ?? null),
    }),
    recordAction: t.field({
      type: InAppMessage,
      description: 'Records that a contact used a button of a message. Errors: NOT_FOUND, CONTACT_NOT_FOUND, TOO_LARGE.',
      args: {
        contact: t.arg.id({ description: contactText }),
        message: t.arg.id({ required: true, description: 'Id of the message.' }),
        type: t.arg({ type: ActionType, required: true, description: 'Which button.' }),
        status: t.arg({ type: ActionStatus, required: true, description: 'Whether it was used.' }),
        payload: t.arg({
          type: 'JSONObject',
          description: 'Payload to store with it, at most 65,536 characters of JSON; left out: it is not changed.',
        }),
      },
      resolve: async (_root, { contact, message, ...input }, context) =>
        context.carillon.feed.act(await contactOf(context, contact), message, input),
    }),
  }))

  const counts = {
    unseenCount: 'Unseen messages of the selected feeds after this change.',
    unreadCount: 'Unread messages of the selected feeds after this change.',
  }
  const MessageReceived = builder.objectRef<FeedEvent & { message: FeedMessage }>('MessageReceived').implement({
    description: 'A new in-app message of a feed.',
    fields: (t) => ({
      message: t.field({ type: InAppMessage, description: 'The message.', resolve: ({ message }) => message }),
      unseenCount: t.exposeInt('unseenCount', { description: counts.unseenCount }),
      unreadCount: t.exposeInt('unreadCount', { description: counts.unreadCount }),
      cursor: t.exposeString('cursor', { description: cursorText }),
    }),
  })
  const FeedChange = builder.objectRef<FeedEvent>('FeedChange').implement({
    description: 'A change of a feed.',
    fields: (t) => ({
      kind: t.expose('kind', { type: FeedChangeKind, description: 'What happened.' }),
      message: t.field({
        type: InAppMessage,
        nullable: true,
        description: 'The message in its current state; null for ALL_MARKED.',
        resolve: ({ message }) => message,
      }),
      unseenCount: t.exposeInt('unseenCount', { description: counts.unseenCount }),
      unreadCount: t.exposeInt('unreadCount', { description: counts.unreadCount }),
      cursor: t.exposeString('cursor', { description: cursorText }),
    }),
  })

  interface FollowArgs {
    readonly contact?: string | null | undefined
    readonly feeds?: readonly string[] | null | undefined
    readonly after?: string | null | undefined
  }
  async function follow(by: 'arrivals' | 'changes', { contact, feeds, after }: FollowArgs, context: Context) {
    const key = await contactOf(context, contact)
    const { cursors } = context.carillon
    const from = after === null || after === undefined ? null : cursors.readFeed(key.contactId, after)
    return live.follow(key, { by, feeds: feeds ?? null, after: from }, context.sendBuffer)
  }
  function eventOf<M extends FeedMessage | null>(
    { kind, counts: all, seq }: Change,
    message: M,
    { feeds }: FollowArgs,
    contactId: string,
    { carillon }: Context,
  ): FeedEvent & { readonly message: M } {
    const { unseenCount, unreadCount } = countOf(all, feeds ?? null)
    return { kind, message, unseenCount, unreadCount, cursor: carillon.cursors.feed(contactId, seq) }
  }

  builder.subscriptionFields((t) => {
    const args = {
      contact: t.arg.id({ description: contactText }),
      feeds: t.arg.idList({ description: 'Only these feeds; default: all.' }),
      after: t.arg.string({
        description:
          'A cursor of the feed: everything since then is replayed in order before live events. Left out: live events only.',
      }),
    }
    return {
      messageReceived: t.field({
        type: MessageReceived,
        description:
          'Each new in-app message once, in order. With `after`, missed messages are replayed first, without gaps or duplicates, even if ' +
          'servers were down in the meantime. Errors: CONTACT_NOT_FOUND, BAD_CURSOR, CURSOR_EXPIRED.',
        args,
        subscribe: (_root, given, context) => follow('arrivals', given, context),
        resolve: (change: Change, given, context) => {
          const { message } = change
          if (message === null) throw new Error('An arrival without a message')
          return eventOf(change, message, given, message.contactId, context)
        },
      }),
      feedChanged: t.field({
        type: FeedChange,
        description:
          'Every change of a feed, with exact counts. With `after`, missed changes are replayed first; several changes of one message may be ' +
          'combined into one, with its current state. Errors: CONTACT_NOT_FOUND, BAD_CURSOR, CURSOR_EXPIRED.',
        args,
        subscribe: (_root, given, context) => follow('changes', given, context),
        // A promise only where it has to be: most changes have a message, which says whose it is.
        resolve: (change: Change, given, context) =>
          change.message === null
            ? contactOf(context, given.contact).then(({ contactId }) => eventOf(change, null, given, contactId, context))
            : eventOf(change, change.message, given, change.message.contactId, context),
      }),
    }
  })
}
