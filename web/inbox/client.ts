/**
 * An inbox without a face: a contact's messages and counts, live, gone on with after every cut where it stopped, marked at once and told
 * to the server as soon as it can be. `<carillon-inbox>` is a face of it; make another one with `createInboxClient`.
 */
import {
  InboxAct,
  InboxChanges,
  InboxCountChanges,
  InboxCounts,
  InboxMark,
  InboxPage,
  InboxPreferences,
  InboxSetPreference,
} from './documents.ts'
import { createLists, type InboxShow, isIn, type List } from './lists.ts'
import { type Change, type Follower, type Live, type LiveState, startLive } from './live.ts'
import {
  type InboxCounts as Counts,
  type InboxAction,
  type InboxChannel,
  type InboxMarks,
  type InboxMessage,
  type InboxPreferencesState,
  weightOf,
  withMarks,
} from './message.ts'
import { createOutbox, type Deed, type Outbox } from './outbox.ts'
import { createShown } from './shown.ts'
import { contactOf, openPlace, ownerOf, type Place } from './snapshot.ts'
import { createTokenKeeper, createWire, InboxError, type TokenProvider } from './wire.ts'

export type { InboxShow } from './lists.ts'
export type { LiveState } from './live.ts'
export type { InboxAction, InboxChannel, InboxMarks, InboxMessage, InboxPreferencesState } from './message.ts'
export type { Counts, TokenProvider }
export { InboxError }

/** How an inbox is made. */
export interface InboxOptions {
  /** origin of the Carillon server; default: where the script came from */
  readonly server?: string
  /** the contact's token, from `createContactToken` */
  readonly token?: string | null
  /** asked for a token when there is none, or the one at hand has expired */
  readonly tokenProvider?: TokenProvider | null
  /** only these feeds; default: all. With two or more, each can be looked at alone */
  readonly feeds?: readonly string[] | null
  /** whether the newest messages are kept in localStorage, to have something to show without a network; default true */
  readonly keep?: boolean
}

/** What there is to show. */
export interface InboxState {
  /** `expired`: the inbox waits for `setToken` */
  readonly phase: 'loading' | 'ready' | 'error' | 'expired'
  /** `offline`: what is shown may be old; it goes on by itself */
  readonly live: LiveState
  /** the contact's externalId, once there is a token */
  readonly contact: string | null
  /** the feed that is shown; null: all */
  readonly feed: string | null
  readonly show: InboxShow
  /** of the feed that is shown, newest first, as far as they are loaded */
  readonly messages: readonly InboxMessage[]
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  /** of all feeds of this inbox */
  readonly counts: Counts
  /** of each of `feeds` */
  readonly countsByFeed: Readonly<Record<string, Counts>>
  /** what is done here and not known to the server yet */
  readonly pendingCount: number
  readonly error: InboxError | null
}

/** What happens beside changes of the state. */
export interface InboxEvents {
  /** a message came, live or missed while there was no connection */
  received: InboxMessage
  /** every change that came, in order */
  changed: { readonly kind: string; readonly message: InboxMessage | null; readonly cursor: string }
  /** the token has expired and there is no provider that gives another one */
  expired: { readonly contact: string | null }
  failed: InboxError
}

/** An inbox. */
export type InboxClient = ReturnType<typeof createInboxClient>

const FIRST_PAGE = 30
const PAGE = 100
/** How many messages are read again when the place to go on from is lost; the rest when it is scrolled to. */
const MAX_RELOAD = 500
const none: Counts = { unseen: 0, unread: 0 }

/** Makes an inbox and connects it. */
export function createInboxClient(options: InboxOptions = {}) {
  const server = (options.server ?? new URL(import.meta.url).origin).replace(/\/+$/, '')
  const rootFeeds =
    options.feeds === undefined || options.feeds === null || options.feeds.length === 0 ? null : [...options.feeds]
  const tabs = rootFeeds !== null && rootFeeds.length > 1 ? rootFeeds : []
  const lists = createLists()
  const listeners = new Set<(state: InboxState) => void>()
  const handlers = new Map<keyof InboxEvents, Set<(detail: never) => void>>()

  let provider = options.tokenProvider ?? null
  let owner: string | null = null
  let contact: string | null = null
  let place: Place | null = null
  let phase: InboxState['phase'] = 'loading'
  let liveState: LiveState = 'connecting'
  let error: InboxError | null = null
  let feed: string | null = null
  let show: InboxShow = 'all'
  /** null: everything has to be read first */
  let cursor: string | null = null
  let counts: Counts = none
  const byFeed = new Map<string, { counts: Counts; cursor: string }>()
  /** "all marked" that came from this browser, and whose echo is still to come */
  let ownAllMarks = 0
  let isClosed = false
  let state: InboxState | null = null
  let isTelling = false

  const tokens = createTokenKeeper(
    options.token ?? null,
    () => provider,
    () => {
      // Before there ever was one, the page is still finding out who it is for.
      if (owner !== null) phase = 'expired'
      touch()
      emit('expired', { contact })
    },
  )
  const wire = createWire(server, tokens)
  const outbox: Outbox = createOutbox({
    send,
    onChange: () => touch(),
    tell: (word) => place?.tell(word),
    onRefused: (refused) => emit('failed', refused),
  })

  const { viewOf, shownCounts } = createShown(lists, outbox)
  const feedsOf = (which: string | null): readonly string[] | null => (which === null ? rootFeeds : [which])
  const current = (): List => lists.of(feedsOf(feed), show)

  function emit<K extends keyof InboxEvents>(name: K, detail: InboxEvents[K]): void {
    for (const handler of handlers.get(name) ?? []) handler(detail as never)
  }
  /** Something is different: whoever listens is told once, when all of it is. */
  function touch(): void {
    state = null
    if (isTelling || isClosed) return
    isTelling = true
    queueMicrotask(() => {
      isTelling = false
      const now = getState()
      for (const listener of listeners) listener(now)
      place?.keep(() => ({ counts, messages: rawMessages(lists.of(rootFeeds, 'all')), deeds: outbox.deeds }))
    })
  }
  const rawMessages = (list: List): InboxMessage[] =>
    list.ids.slice(0, 50).flatMap((id) => {
      const message = lists.get(id)
      return message === undefined ? [] : [message]
    })

  // ------------------------------------------------------------------ what is shown

  function getState(): InboxState {
    if (state !== null) return state
    const list = current()
    const messages: InboxMessage[] = []
    for (const id of list.ids) {
      const message = lists.get(id)
      if (message === undefined) continue
      const view = viewOf(message)
      if (isIn(list, view)) messages.push(view)
    }
    state = {
      phase: phase === 'ready' && !list.isLoaded ? 'loading' : phase,
      live: liveState,
      contact,
      feed,
      show,
      messages,
      hasMore: list.hasMore,
      isLoadingMore: list.isLoaded && list.loading !== null,
      counts: shownCounts(counts, rootFeeds),
      countsByFeed: Object.fromEntries(tabs.map((tab) => [tab, shownCounts(byFeed.get(tab)?.counts ?? none, [tab])])),
      pendingCount: outbox.deeds.length,
      error,
    }
    return state
  }

  // ------------------------------------------------------------------ what the server says

  /** The server has a message otherwise than it was here, and no count came with that. */
  function count(before: InboxMessage, after: InboxMessage): void {
    const [was, is] = [weightOf(before), weightOf(after)]
    const add = (to: Counts): Counts => ({
      unseen: to.unseen + is.unseen - was.unseen,
      unread: to.unread + is.unread - was.unread,
    })
    counts = add(counts)
    const tab = byFeed.get(after.feed)
    if (tab !== undefined) tab.counts = add(tab.counts)
  }

  function onChange(change: Change): void {
    cursor = change.cursor
    counts = { unseen: change.unseenCount, unread: change.unreadCount }
    const { kind = 'UPDATED', message = null } = change
    if (message === null) {
      if (ownAllMarks > 0) ownAllMarks -= 1
      else void reload().catch(() => undefined)
    } else if (kind === 'RETRACTED' || message.status === 'CANCELED') {
      lists.remove(message.id)
    } else {
      const before = lists.take(message)
      const isFolded = before !== undefined && message.count > before.count
      lists.placeEverywhere(message, isFolded)
      if (kind === 'RECEIVED' && before === undefined) emit('received', message)
    }
    emit('changed', { kind, message, cursor: change.cursor })
    touch()
  }

  const page = async (list: List, after: string | null, first: number) =>
    (
      await wire.ask(InboxPage, {
        feeds: list.feeds === null ? null : [...list.feeds],
        read: list.show === 'unread' ? false : null,
        archived: list.show === 'archived',
        first,
        after,
      })
    ).feed

  /** Reads a list anew, as far as it was loaded. */
  async function reload(): Promise<void> {
    const mine = owner
    const list = current()
    const had = new Set(list.ids)
    const wanted = Math.min(Math.max(list.ids.length, FIRST_PAGE), MAX_RELOAD)
    lists.dropOthers(list)
    const pages = []
    let got = 0
    for (let after: string | null = null; ; ) {
      const one: Awaited<ReturnType<typeof page>> = await page(list, after, Math.min(wanted - got, PAGE))
      if (owner !== mine) return
      pages.push(one)
      got += one.nodes.length
      if (!one.pageInfo.hasNextPage || got >= wanted) break
      after = one.pageInfo.endCursor
    }
    lists.replace(list, pages, had)
    touch()
  }

  /** Reads what is shown, all counts, and where the feeds stand; nothing, when the inbox became another contact's meanwhile. */
  async function start(): Promise<void> {
    const mine = owner
    const list = current()
    // Where a subscription goes on was read before the messages were: what changes in between comes again, and is the same.
    const root = list.feeds === rootFeeds ? null : (await wire.ask(InboxCounts, { feeds: rootFeeds })).feed
    const [first, ...others] = await Promise.all([
      page(list, null, FIRST_PAGE),
      ...tabs.map((tab) => wire.ask(InboxCounts, { feeds: [tab] })),
    ])
    if (owner !== mine) return
    tabs.forEach((tab, index) => {
      const found = others[index]?.feed
      if (found !== undefined)
        byFeed.set(tab, { counts: { unseen: found.unseenCount, unread: found.unreadCount }, cursor: found.cursor })
    })
    const { unseenCount, unreadCount, cursor: at } = root ?? first
    counts = { unseen: unseenCount, unread: unreadCount }
    lists.dropOthers(list)
    lists.replace(list, [first])
    cursor = at
  }

  /** Sees to it that there is a place to go on from, in the inbox of whoever the token is of. */
  async function settle(): Promise<void> {
    const token = await tokens.get()
    if ((ownerOf(token) ?? '?') !== owner) belongTo(token)
    const mine = owner
    try {
      if (cursor === null) await start()
    } catch (failed) {
      if (owner === mine) throw failed
    }
    // Another one signed in while this one was asked for.
    if (owner !== mine) await settle()
  }

  async function prepare(): Promise<readonly Follower[]> {
    try {
      await settle()
    } catch (cause) {
      const failed = cause instanceof InboxError ? cause : new InboxError('INTERNAL', String(cause), { cause })
      // With something to show, being away is no failure: it says offline.
      if (!/^(NETWORK|TOKEN)$/.test(failed.code) || !current().isLoaded) fail(failed)
      throw failed
    }
    phase = 'ready'
    error = null
    ownAllMarks = 0
    touch()
    outbox.flush()
    const root: Follower = { document: String(InboxChanges), feeds: rootFeeds, after: () => cursor ?? '', next: onChange }
    return [
      root,
      ...tabs.map(
        (tab): Follower => ({
          document: String(InboxCountChanges),
          feeds: [tab],
          after: () => byFeed.get(tab)?.cursor ?? cursor ?? '',
          next(change) {
            byFeed.set(tab, { counts: { unseen: change.unseenCount, unread: change.unreadCount }, cursor: change.cursor })
            touch()
          },
        }),
      ),
    ]
  }

  function fail(failed: InboxError): void {
    error = failed
    phase = 'error'
    touch()
    emit('failed', failed)
  }

  /** The inbox is the one of this token's contact from now on; nothing of another one's stays. */
  function belongTo(token: string): void {
    place?.close()
    lists.clear()
    byFeed.clear()
    outbox.clear()
    counts = none
    cursor = null
    error = null
    phase = 'loading'
    contact = contactOf(token)
    owner = ownerOf(token) ?? '?'
    const isKept = options.keep !== false && owner !== '?'
    place = openPlace(`${server}/${owner}/${JSON.stringify(rootFeeds)}`, isKept, (word) => outbox.hear(word))
    const kept = place.read()
    if (kept !== null) {
      counts = kept.counts
      const pageInfo = { hasNextPage: false, endCursor: null }
      lists.replace(lists.of(rootFeeds, 'all'), [{ nodes: kept.messages, pageInfo }])
      outbox.restore(kept.deeds)
      phase = 'ready'
    }
    touch()
  }

  // ------------------------------------------------------------------ what the contact does

  async function send(deed: Deed): Promise<void> {
    if (deed.kind === 'act') {
      const [message] = deed.ids
      const variables = { message, type: deed.type, status: 'DONE' as const }
      const { recordAction } = await wire.ask(
        InboxAct,
        deed.payload === null ? variables : { ...variables, payload: deed.payload },
      )
      const before = lists.get(message)
      if (before !== undefined) lists.set({ ...before, ...recordAction })
      return
    }
    if (deed.kind === 'mark') {
      const { markAs } = await wire.ask(InboxMark, { messages: [...deed.ids], ...deed.marks })
      for (const marked of markAs.messages) {
        const before = lists.get(marked.id)
        if (before === undefined || before.updatedAt > marked.updatedAt) continue
        const after = { ...before, ...marked }
        lists.set(after)
        count(before, after)
      }
      return
    }
    ownAllMarks += 1
    const mine = owner
    try {
      const feeds = deed.feeds === null ? null : [...deed.feeds]
      const { markAs } = await wire.ask(InboxMark, { all: { feeds, until: deed.until }, ...deed.marks })
      if (owner !== mine) return
      // Nothing was changed, so nothing is told.
      if (markAs.changedCount === 0) ownAllMarks = Math.max(0, ownAllMarks - 1)
      for (const id of deed.ids) {
        const before = lists.get(id)
        if (before === undefined) continue
        const after = withMarks(before, deed.marks, deed.at)
        lists.set(after)
        count(before, after)
      }
      const now = { unseen: markAs.unseenCount, unread: markAs.unreadCount }
      const tab = deed.feeds?.length === 1 ? byFeed.get(deed.feeds[0] ?? '') : undefined
      if (tab !== undefined) tab.counts = now
      else counts = now
    } catch (failed) {
      ownAllMarks = Math.max(0, ownAllMarks - 1)
      throw failed
    }
  }

  async function loadMore(): Promise<void> {
    const mine = owner
    const list = current()
    if (!list.isLoaded || !list.hasMore) return list.loading ?? undefined
    list.loading ??= (async () => {
      try {
        const more = await page(list, list.endCursor, PAGE)
        if (list.isLoaded && owner === mine) lists.append(list, more)
      } catch (failed) {
        if (owner !== mine) return
        if (!(failed instanceof InboxError) || !/CURSOR/.test(failed.code)) throw failed
        await reload()
      }
    })().finally(() => {
      list.loading = null
      touch()
    })
    touch()
    return list.loading
  }

  async function select(to: { feed?: string | null; show?: InboxShow }): Promise<void> {
    if (to.feed !== undefined) feed = to.feed
    if (to.show !== undefined) show = to.show
    const mine = owner
    const list = current()
    touch()
    if (list.isLoaded || cursor === null) return
    list.loading ??= page(list, null, FIRST_PAGE)
      .then((first) => {
        if (owner === mine) lists.replace(list, [first])
      })
      .catch((failed: unknown) => {
        if (failed instanceof InboxError && owner === mine) fail(failed)
      })
      .finally(() => {
        list.loading = null
        touch()
      })
    await list.loading
  }

  const live: Live = startLive({
    server,
    tokens,
    prepare,
    onState(now) {
      if (liveState === now) return
      liveState = now
      touch()
    },
    onLost() {
      cursor = null
    },
    onRefused: (code, message) => fail(new InboxError(code, message)),
  })

  return {
    get state(): InboxState {
      return getState()
    },
    /** Tells of every change of the state. @returns what ends it */
    subscribe(listener: (state: InboxState) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Tells of an event. @returns what ends it */
    on<K extends keyof InboxEvents>(name: K, handler: (detail: InboxEvents[K]) => void): () => void {
      const set = handlers.get(name) ?? new Set()
      handlers.set(name, set)
      set.add(handler as (detail: never) => void)
      return () => set.delete(handler as (detail: never) => void)
    },
    /** Which feed is shown (null: all), and which of its messages. */
    select,
    /** The next page, where there is one. */
    loadMore,
    /** Marks messages. It is shown at once. */
    mark(ids: readonly string[], marks: InboxMarks): void {
      if (ids.length > 0) outbox.add({ kind: 'mark', ids: [...ids], marks })
    },
    /** Marks everything in the feed that is shown, loaded or not, up to what has come until now. */
    markAll(marks: InboxMarks): void {
      if (cursor === null) return
      const feeds = feedsOf(feed)
      const ids = [...lists.messages()].filter((id) => feeds === null || feeds.includes(lists.get(id)?.feed ?? ''))
      const now = getState()
      outbox.add({
        kind: 'all',
        feeds,
        until: cursor,
        ids,
        counts: feed === null ? now.counts : (now.countsByFeed[feed] ?? none),
        marks,
      })
    },
    /** Tells that a button of a message was used. */
    act(id: string, type: InboxAction['type'], payload: Record<string, unknown> | null = null): void {
      outbox.add({ kind: 'act', ids: [id], type, payload })
    },
    /** What the contact wants. @throws InboxError */
    preferences: async (): Promise<InboxPreferencesState> => (await wire.ask(InboxPreferences, {})).preferences,
    /** Says yes or no to a template, to a channel, or to both. @returns what is wanted now. @throws InboxError FORBIDDEN for a critical one */
    setPreference: async (wish: {
      template?: string
      channel?: InboxChannel
      enabled: boolean
    }): Promise<InboxPreferencesState> => (await wire.ask(InboxSetPreference, wish)).setPreference,
    /** Another token: of the same contact goes on, of another begins anew. */
    setToken(token: string): void {
      const isOther = owner !== null && (ownerOf(token) ?? '?') !== owner
      tokens.set(token)
      if (phase === 'expired') phase = current().isLoaded ? 'ready' : 'loading'
      if (isOther) {
        belongTo(token)
        live.restart()
      }
      touch()
      live.poke()
    },
    setTokenProvider(to: TokenProvider | null): void {
      provider = to
      tokens.again()
    },
    /** Tries again at once. */
    retry(): void {
      tokens.again()
      if (phase === 'error') phase = 'loading'
      error = null
      touch()
      live.poke()
      outbox.flush()
    },
    /** Closes the socket and opens none until `resume`, which goes on where it stopped. */
    pause(): void {
      live.pause()
    },
    resume(): void {
      live.resume()
    },
    /** Removes what is kept in this browser: for when somebody signs out. */
    forget(): void {
      place?.forget()
    },
    /** Ends it. */
    close(): void {
      if (isClosed) return
      live.close()
      outbox.close()
      place?.close()
      isClosed = true
    },
  }
}
