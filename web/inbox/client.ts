/**
 * A headless inbox: a contact's messages and counts, live. It resumes from its cursor after every disconnect, shows what the contact does
 * immediately, and sends it to the server when it can. `<carillon-inbox>` is built on it; build your own interface with `createInboxClient`.
 */
import { createApi } from './api.ts'
import { type CountStore, countsOf, noCounts } from './counts.ts'
import { InboxChanges, InboxCountChanges, InboxCounts, InboxPreferences, InboxSetPreference } from './documents.ts'
import { createFeedPages } from './feed-pages.ts'
import type { InboxClient } from './inbox-client.ts'
import { InboxError } from './inbox-error.ts'
import type { InboxEvents, InboxOptions, InboxShow, InboxState, LiveState } from './inbox-state.ts'
import { createLists, isIn, type List } from './lists.ts'
import { type Change, type FeedSubscription, type Live, startLive } from './live.ts'
import { type Changes, type InboxMessage, type InboxSelection, isGone } from './message.ts'
import { watchBrowser } from './online.ts'
import { arrivalOf, createOptimisticView } from './optimistic-view.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createSender } from './sender.ts'
import { serverAddress } from './server-address.ts'
import { contactOf, openSnapshotStore, ownerOf, type SnapshotStore } from './snapshot-store.ts'
import { browserStorage } from './storage.ts'
import { createTokenKeeper } from './token-keeper.ts'

/** How many messages are stored. */
const MAX_STORED = 50

const nothing = (): void => {}

/** Creates an inbox and connects it. @throws InboxError NO_SERVER when nothing says where the server is */
export function createInboxClient(options: InboxOptions = {}): InboxClient {
  const server = serverAddress(options.server)
  const rootFeeds =
    options.feeds === undefined || options.feeds === null || options.feeds.length === 0 ? null : [...options.feeds]
  const tabs = rootFeeds !== null && rootFeeds.length > 1 ? rootFeeds : []
  const lists = createLists()
  const counts: CountStore = { total: noCounts, byFeed: new Map() }
  const listeners = new Set<(state: InboxState) => void>()
  const handlers = new Map<keyof InboxEvents, Set<(detail: never) => void>>()

  let provider = options.tokenProvider ?? null
  /** whose inbox it is: changes when another contact signs in */
  let owner: string | null = null
  let contact: string | null = null
  let store: SnapshotStore | null = null
  let phase: InboxState['phase'] = 'loading'
  let liveState: LiveState = 'connecting'
  let error: InboxError | null = null
  let feed: string | null = null
  let show: InboxShow = 'all'
  /** the last change that was applied; null: the inbox has to be loaded first */
  let cursor: string | null = null
  let isClosed = false
  /** cached; null: out of date */
  let state: InboxState | null = null
  let isNotifying = false

  const tokens = createTokenKeeper(
    options.token ?? null,
    () => provider,
    () => {
      // Before the first token, the page may still be signing the contact in.
      if (owner !== null) phase = 'expired'
      changed()
      emit('expired', { contact })
    },
  )
  const api = createApi(server, tokens)
  const sender = createSender({ api, lists, counts, owner: () => owner })
  const outbox: Outbox = createOutbox({
    send: sender.send,
    onChange: () => changed(),
    broadcast: (message) => store?.broadcast(message),
    onReleased: () => emit('released', null),
    onRefused: (refused) => emit('failed', refused),
  })
  const optimistic = createOptimisticView(lists, outbox)
  const feedsOf = (which: string | null): readonly string[] | null => (which === null ? rootFeeds : [which])
  const current = (): List => lists.of(feedsOf(feed), show)
  const pages = createFeedPages({ api, lists, current, owner: () => owner, onChange: changed, onFailed: fail })

  function emit<K extends keyof InboxEvents>(name: K, detail: InboxEvents[K]): void {
    for (const handler of handlers.get(name) ?? []) handler(detail as never)
  }
  /** Notifies the listeners in a microtask, so that several changes made together are one notification. */
  function changed(): void {
    state = null
    if (isNotifying || isClosed) return
    isNotifying = true
    queueMicrotask(() => {
      isNotifying = false
      const now = getState()
      for (const listener of listeners) listener(now)
      store?.save(() => ({
        counts: counts.total,
        messages: lists
          .of(rootFeeds, 'all')
          .ids.slice(0, MAX_STORED)
          .flatMap((id) => lists.get(id) ?? []),
        operations: outbox.operations,
      }))
    })
  }
  function fail(failed: InboxError): void {
    error = failed
    phase = 'error'
    changed()
    emit('failed', failed)
  }

  function getState(): InboxState {
    if (state !== null) return state
    const list = current()
    const messages: InboxMessage[] = []
    for (const id of list.ids) {
      const message = lists.get(id)
      if (message === undefined) continue
      const view = optimistic.viewOf(message)
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
      counts: optimistic.countsOf(counts.total, rootFeeds),
      countsByFeed: Object.fromEntries(
        tabs.map((tab) => [tab, optimistic.countsOf(counts.byFeed.get(tab)?.counts ?? noCounts, [tab])]),
      ),
      pendingCount: outbox.operations.length,
      error,
    }
    return state
  }

  // ------------------------------------------------------------------ from the server

  function onChange(change: Change): void {
    cursor = change.cursor
    counts.total = countsOf(change)
    const { kind = 'UPDATED', message = null } = change
    if (message === null) {
      if (!sender.consumeOwnMarkAll()) void pages.reload().catch(() => undefined)
    } else if (kind === 'DELETED' || kind === 'RETRACTED' || isGone(message)) {
      lists.remove(message.id)
    } else {
      const known = lists.get(message.id)
      // One that is put back before its time, or was by this tab, goes to where it was.
      const isBack =
        kind === 'UNSNOOZED' &&
        message.seenAt === null &&
        known?.updatedAt !== message.updatedAt &&
        (known?.snoozedUntil ?? '') <= message.updatedAt
      const before = lists.upsert(message, isBack)
      const isFolded = before !== undefined && message.count > before.count
      lists.placeEverywhere(message, isFolded || isBack)
      if (kind === 'RECEIVED' && before === undefined) emit('received', message)
      if (isBack) emit('returned', message)
    }
    emit('changed', { kind, message, cursor: change.cursor })
    changed()
  }

  /** Loads the first page, the counts and the cursors; drops them if another contact has signed in meanwhile. */
  async function load(): Promise<void> {
    const mine = owner
    const list = current()
    // The cursor is read before the messages: a change in between arrives again over the socket, which is harmless.
    const root = list.feeds === rootFeeds ? null : (await api.request(InboxCounts, { feeds: rootFeeds })).feed
    const [first, ...others] = await Promise.all([
      pages.load(list),
      ...tabs.map((tab) => api.request(InboxCounts, { feeds: [tab] })),
    ])
    if (owner !== mine) return
    tabs.forEach((tab, index) => {
      const found = others[index]?.feed
      if (found !== undefined) counts.byFeed.set(tab, { counts: countsOf(found), cursor: found.cursor })
    })
    counts.total = countsOf(root ?? first)
    lists.unloadOthers(list)
    lists.replace(list, [first])
    cursor = (root ?? first).cursor
  }

  /** Makes sure that there is a cursor to resume from, in the inbox of the current token's contact. */
  async function ensureLoaded(): Promise<void> {
    const token = await tokens.get()
    if ((ownerOf(token) ?? '?') !== owner) switchOwner(token)
    const mine = owner
    try {
      if (cursor === null) await load()
    } catch (failed) {
      if (owner === mine) throw failed
    }
    // Another contact signed in during the request.
    if (owner !== mine) await ensureLoaded()
  }

  async function prepare(): Promise<readonly FeedSubscription[]> {
    try {
      await ensureLoaded()
    } catch (cause) {
      const failed = cause instanceof InboxError ? cause : new InboxError('INTERNAL', String(cause), { cause })
      // With messages to show, being unreachable is not an error but the offline state.
      if (!/^(NETWORK|TOKEN)$/.test(failed.code) || !current().isLoaded) fail(failed)
      throw failed
    }
    phase = 'ready'
    error = null
    sender.reset()
    changed()
    outbox.flush()
    return [
      { document: String(InboxChanges), feeds: rootFeeds, after: () => cursor ?? '', next: onChange },
      ...tabs.map(
        (tab): FeedSubscription => ({
          document: String(InboxCountChanges),
          feeds: [tab],
          after: () => counts.byFeed.get(tab)?.cursor ?? cursor ?? '',
          next(change) {
            counts.byFeed.set(tab, { counts: countsOf(change), cursor: change.cursor })
            changed()
          },
        }),
      ),
    ]
  }

  /** Clears the inbox and opens that of the token's contact. */
  function switchOwner(token: string): void {
    store?.close()
    lists.clear()
    counts.byFeed.clear()
    outbox.clear()
    counts.total = noCounts
    cursor = null
    error = null
    phase = 'loading'
    contact = contactOf(token)
    owner = ownerOf(token) ?? '?'
    const isStored = options.keep !== false && owner !== '?'
    const storage = isStored ? (options.storage ?? browserStorage()) : null
    const opened = openSnapshotStore(`${server}/${owner}/${JSON.stringify(rootFeeds)}`, storage, outbox.receive)
    store = opened
    opened.read((stored) => {
      // A storage that answers late may find another contact here, or what the server has answered meanwhile.
      if (store !== opened) return
      if (cursor === null) {
        counts.total = stored.counts
        const pageInfo = { hasNextPage: false, endCursor: null }
        lists.replace(lists.of(rootFeeds, 'all'), [{ nodes: stored.messages, pageInfo }])
        if (phase === 'loading') phase = 'ready'
      }
      outbox.restore(stored.operations)
      changed()
    })
    changed()
  }

  function changeAll(marks: Changes, which: InboxSelection = {}, undoMs = 0): () => void {
    if (cursor === null) return nothing
    const { read, archived } = which
    const feeds = feedsOf(feed)
    const newest =
      [...lists.ids()]
        .map((id) => arrivalOf(lists.get(id)))
        .sort()
        .pop() ?? ''
    const now = getState()
    // Those that are read or archived are not counted as unread, nor, as a rule, as unseen.
    const isCounted = read !== true && archived !== true
    const all = feed === null ? now.counts : (now.countsByFeed[feed] ?? noCounts)
    return outbox.add({ kind: 'all', feeds, which, until: cursor, newest, counts: isCounted ? all : noCounts, marks }, undoMs)
  }

  const live: Live = startLive({
    server,
    tokens,
    watchOnline: options.watchOnline ?? watchBrowser,
    prepare,
    onState(now) {
      if (liveState === now) return
      liveState = now
      changed()
    },
    onCursorLost() {
      cursor = null
    },
    onRefused: (code, message) => fail(new InboxError(code, message)),
  })

  return {
    get state(): InboxState {
      return getState()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    on(name, handler) {
      const set = handlers.get(name) ?? new Set()
      handlers.set(name, set)
      set.add(handler)
      return () => set.delete(handler)
    },
    async select(to) {
      if (to.feed !== undefined) feed = to.feed
      if (to.show !== undefined) show = to.show
      changed()
      if (!current().isLoaded && cursor !== null) await pages.first()
    },
    loadMore: pages.more,
    mark(ids, marks) {
      if (ids.length > 0) outbox.add({ kind: 'mark', ids: [...ids], marks })
    },
    markAll: changeAll,
    delete: (ids, undoMs) =>
      ids.length === 0 ? nothing : outbox.add({ kind: 'mark', ids: [...ids], marks: { deleted: true } }, undoMs),
    deleteAll: (which, undoMs) => changeAll({ deleted: true }, which, undoMs),
    commit: outbox.release,
    snooze(ids, until) {
      const snoozedUntil = until === null ? null : new Date(until).toISOString()
      if (ids.length > 0) outbox.add({ kind: 'mark', ids: [...ids], marks: { snoozedUntil } })
    },
    act(id, type, payload = null) {
      outbox.add({ kind: 'act', ids: [id], type, payload })
    },
    preferences: async () => (await api.request(InboxPreferences, {})).preferences,
    setPreference: async (change) => (await api.request(InboxSetPreference, change)).setPreference,
    setToken(token) {
      const isOther = owner !== null && (ownerOf(token) ?? '?') !== owner
      tokens.set(token)
      if (phase === 'expired') phase = current().isLoaded ? 'ready' : 'loading'
      if (isOther) {
        switchOwner(token)
        live.restart()
      }
      changed()
      live.reconnectNow()
    },
    setTokenProvider(to) {
      provider = to
      tokens.again()
    },
    retry() {
      tokens.again()
      if (phase === 'error') phase = 'loading'
      error = null
      changed()
      live.reconnectNow()
      outbox.flush()
    },
    pause: live.pause,
    resume: live.resume,
    forget: () => store?.forget(),
    close() {
      if (isClosed) return
      live.close()
      outbox.close()
      store?.close()
      isClosed = true
    },
  }
}

export type { InboxClient, Undo } from './inbox-client.ts'
export type { InboxEvents, InboxOptions, InboxShow, InboxState, LiveState } from './inbox-state.ts'
export type {
  InboxAction,
  InboxActor,
  InboxChannel,
  InboxChannelPreference,
  InboxCounts as Counts,
  InboxMarks,
  InboxMessage,
  InboxPreferencesState,
  InboxSelection,
  InboxSeverity,
} from './message.ts'
export type { WatchOnline } from './online.ts'
export type { InboxStorage } from './storage.ts'
export type { TokenProvider } from './token-keeper.ts'
export { InboxError }
