/** The feed: reading it, marking it, watching it live. */
import type { FeedList, MarkResult } from '../domain/feed.ts'
import { type FeedChange as Change, countOf, type FeedMessage } from '../domain/words.ts'
import { contactNamed, contactOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Connection, createConnections } from './connection.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'
import type { Live } from './live.ts'
import type { Messages } from './message.ts'

/** One event of a subscription. */
interface Told {
  readonly kind: Change['kind']
  readonly message: FeedMessage | null
  readonly unseenCount: number
  readonly unreadCount: number
  readonly cursor: string
}
interface FeedPage extends Connection<FeedMessage> {
  readonly contactId: string
  readonly unseenCount: number
  readonly unreadCount: number
  readonly seq: number
}

const cursorText = 'Where it stands: `after` of a subscription goes on from here without a gap. Good for 30 days.'

/** Adds it. */
export function defineFeed(
  builder: Builder,
  { FeedChangeKind, ActionType, ActionStatus }: Pick<Enums, 'FeedChangeKind' | 'ActionType' | 'ActionStatus'>,
  { InAppMessage }: Messages,
  connections: ReturnType<typeof createConnections>,
  live: Live,
) {
  const FeedConnection = connections.of<FeedMessage, FeedPage>('Feed', InAppMessage, (t) => ({
    unseenCount: t.exposeInt('unseenCount', {
      description: 'Messages that were not seen, of the feeds asked for, whatever the other filters.',
    }),
    unreadCount: t.exposeInt('unreadCount', {
      description: 'Messages that were not read, of the feeds asked for, whatever the other filters.',
    }),
    cursor: t.string({
      description: cursorText,
      resolve: ({ contactId, seq }, _args, { domain }) => domain.cursors.feed(contactId, seq),
    }),
  }))
  const contactText = 'externalId of the contact; left out with a contact token.'

  builder.queryFields((t) => ({
    feed: t.field({
      type: FeedConnection,
      description:
        'In-app messages of a contact, newest first. Errors: CONTACT_NOT_FOUND, BAD_INPUT, BAD_CURSOR, CURSOR_EXPIRED.',
      args: {
        contact: t.arg.id({ description: contactText }),
        feeds: t.arg.idList({ description: 'Only these feeds; default: all.' }),
        seen: t.arg.boolean({ description: 'Only seen ones, or only unseen ones.' }),
        read: t.arg.boolean({ description: 'Only read ones, or only unread ones.' }),
        archived: t.arg.boolean({
          defaultValue: false,
          description: 'false: those that are not archived; true: only archived ones; null: both.',
        }),
        ...connections.args,
      },
      resolve: async (_root, { contact, feeds, seen, read, archived, ...page }, context): Promise<FeedPage> => {
        const { feed, cursors } = context.domain
        const filter = { feeds: feeds ?? null, seen: seen ?? null, read: read ?? null, archived: archived ?? null }
        const list: FeedList = await feed.list(contactNamed(context, contact), filter, page)
        return { ...list, cursorOf: (message) => cursors.feed(list.contactId, message.listedSeq) }
      },
    }),
  }))

  const FeedSelector = builder.inputType('FeedSelector', {
    description: 'Which messages "all" means.',
    fields: (t) => ({
      feeds: t.idList({ description: 'Only these feeds; default: all.' }),
      until: t.string({ description: 'Only those up to this cursor of the feed; default: all.' }),
    }),
  })
  const MarkPayload = builder.objectRef<MarkResult>('MarkPayload').implement({
    description: 'What marking did.',
    fields: (t) => ({
      messages: t.field({
        type: [InAppMessage],
        description: 'The messages that were named, as they are now; empty with `all`.',
        resolve: ({ messages }) => [...messages],
      }),
      changedCount: t.exposeInt('changedCount', { description: 'How many were not so before.' }),
      unseenCount: t.exposeInt('unseenCount', {
        description: 'Messages that are not seen now; with `all.feeds`, of those feeds.',
      }),
      unreadCount: t.exposeInt('unreadCount', {
        description: 'Messages that are not read now; with `all.feeds`, of those feeds.',
      }),
    }),
  })
  builder.mutationFields((t) => ({
    markAs: t.field({
      type: MarkPayload,
      description:
        'Marks messages seen, read or archived, or the opposite. What is left out stays as it is; `read: true` also sets seen. ' +
        'Give `messages` or `all`, not both. Errors: NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE, BAD_CURSOR.',
      args: {
        contact: t.arg.id({ description: contactText }),
        messages: t.arg.idList({ description: 'Ids of the messages, 1-1,000.' }),
        all: t.arg({ type: FeedSelector, description: 'All messages, or all of some feeds.' }),
        seen: t.arg.boolean({ description: 'Whether they are seen.' }),
        read: t.arg.boolean({ description: 'Whether they are read.' }),
        archived: t.arg.boolean({ description: 'Whether they are archived: out of the feed and of the counts.' }),
      },
      resolve: async (_root, { contact, ...input }, context) =>
        context.domain.feed.mark(await contactOf(context, contact), input),
    }),
    recordAction: t.field({
      type: InAppMessage,
      description: 'Stores what a contact did with a button of a message. Errors: NOT_FOUND, CONTACT_NOT_FOUND.',
      args: {
        contact: t.arg.id({ description: contactText }),
        message: t.arg.id({ required: true, description: 'Id of the message.' }),
        type: t.arg({ type: ActionType, required: true, description: 'Which button.' }),
        status: t.arg({ type: ActionStatus, required: true, description: 'Whether it was used.' }),
        payload: t.arg({
          type: 'JSONObject',
          description: 'What to store with it, at most 65,536 characters; left out: what is there stays.',
        }),
      },
      resolve: async (_root, { contact, message, ...input }, context) =>
        context.domain.feed.act(await contactOf(context, contact), message, input),
    }),
  }))

  const counts = {
    unseenCount: 'Messages that are not seen after this, of the feeds asked for.',
    unreadCount: 'Messages that are not read after this, of the feeds asked for.',
  }
  const MessageReceived = builder.objectRef<Told & { message: FeedMessage }>('MessageReceived').implement({
    description: 'A new in-app message.',
    fields: (t) => ({
      message: t.field({ type: InAppMessage, description: 'The message.', resolve: ({ message }) => message }),
      unseenCount: t.exposeInt('unseenCount', { description: counts.unseenCount }),
      unreadCount: t.exposeInt('unreadCount', { description: counts.unreadCount }),
      cursor: t.exposeString('cursor', { description: cursorText }),
    }),
  })
  const FeedChange = builder.objectRef<Told>('FeedChange').implement({
    description: 'A change of a feed.',
    fields: (t) => ({
      kind: t.expose('kind', { type: FeedChangeKind, description: 'What happened.' }),
      message: t.field({
        type: InAppMessage,
        nullable: true,
        description: 'The message, as it is now; null for ALL_MARKED.',
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
    const { cursors } = context.domain
    const from = after === null || after === undefined ? null : cursors.readFeed(key.contactId, after)
    return live.follow(key, { by, feeds: feeds ?? null, after: from }, context.outlet)
  }
  const told = (
    { kind, message, counts: all, seq }: Change,
    { feeds }: FollowArgs,
    contactId: string,
    { domain }: Context,
  ): Told => ({
    kind,
    message,
    ...countOf(all, feeds ?? null),
    cursor: domain.cursors.feed(contactId, seq),
  })

  builder.subscriptionFields((t) => {
    const args = {
      contact: t.arg.id({ description: contactText }),
      feeds: t.arg.idList({ description: 'Only these feeds; default: all.' }),
      after: t.arg.string({
        description: 'A cursor: first everything since then, in order, then live. Left out: live from now on.',
      }),
    }
    return {
      messageReceived: t.field({
        type: MessageReceived,
        description:
          'Each new in-app message once, in order. With `after`, first all that were missed, then live, with neither gap nor repeat, ' +
          'whatever was down meanwhile. Errors: CONTACT_NOT_FOUND, BAD_CURSOR, CURSOR_EXPIRED.',
        args,
        subscribe: (_root, given, context) => follow('arrivals', given, context),
        resolve: (change: Change, given, context) => {
          const { message } = change
          if (message === null) throw new Error('An arrival without a message')
          return { ...told(change, given, message.contactId, context), message }
        },
      }),
      feedChanged: t.field({
        type: FeedChange,
        description:
          'Every change of a feed, with exact counts. With `after`, first what was missed: several changes of one message may come as one, ' +
          'as it now is. Errors: CONTACT_NOT_FOUND, BAD_CURSOR, CURSOR_EXPIRED.',
        args,
        subscribe: (_root, given, context) => follow('changes', given, context),
        resolve: async (change: Change, given, context) => {
          const contactId = change.message?.contactId ?? (await contactOf(context, given.contact)).contactId
          return told(change, given, contactId, context)
        },
      }),
    }
  })
}
