/** The loaded messages, and the lists that they are in: one per combination of feeds and filter. */
import type { InboxShow } from './inbox-state.ts'
import { type InboxMessage, isGone } from './message.ts'

/** A list, newest first, as far as it is loaded. */
export interface List {
  /** null: all feeds */
  readonly feeds: readonly string[] | null
  readonly show: InboxShow
  ids: string[]
  endCursor: string | null
  hasMore: boolean
  isLoaded: boolean
  loading: Promise<void> | null
}

/** A page of a feed. */
export interface Page {
  readonly nodes: readonly InboxMessage[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

interface Entry {
  message: InboxMessage
  /** the time that it is sorted by: its arrival, or the last time that another message was folded into it */
  at: string
}

/** Whether a message belongs in a list. */
export const isIn = ({ feeds, show }: Pick<List, 'feeds' | 'show'>, message: InboxMessage): boolean =>
  (feeds === null || feeds.includes(message.feed)) &&
  !isGone(message) &&
  (message.snoozedUntil ? 'snoozed' : message.archivedAt ? 'archived' : 'all') === (show === 'unread' ? 'all' : show) &&
  (show !== 'unread' || message.readAt === null)

export function createLists() {
  const entries = new Map<string, Entry>()
  const lists = new Map<string, List>()

  /** Adds or updates a message, unless the one here is newer. `isNew`: it is back at the top. @returns the message that was here before */
  function upsert(message: InboxMessage, isNew = false): InboxMessage | undefined {
    const entry = entries.get(message.id)
    if (entry === undefined) {
      entries.set(message.id, {
        message,
        at: isNew || message.count > 1 ? message.updatedAt : (message.sentAt ?? message.createdAt),
      })
      return undefined
    }
    const before = entry.message
    if (before.updatedAt <= message.updatedAt) {
      if (isNew || message.count > before.count) entry.at = message.updatedAt
      entry.message = message
    }
    return before
  }

  /** Inserts or moves a message to its position in a list. One that belongs below the loaded part will come with the next page. */
  function place(list: List, id: string): void {
    const entry = entries.get(id)
    if (entry === undefined || !list.isLoaded) return
    const { ids } = list
    const at = ids.findIndex((other) => other !== id && (entries.get(other)?.at ?? '') <= entry.at)
    const old = ids.indexOf(id)
    if (at < 0 && list.hasMore && old < 0) return
    if (old >= 0) ids.splice(old, 1)
    const to = at < 0 ? ids.length : old >= 0 && old < at ? at - 1 : at
    ids.splice(to, 0, id)
  }

  return {
    get: (id: string): InboxMessage | undefined => entries.get(id)?.message,
    upsert,
    /** Replaces a message that is loaded. */
    set(message: InboxMessage): void {
      const entry = entries.get(message.id)
      if (entry !== undefined) entry.message = message
    },
    remove(id: string): void {
      entries.delete(id)
      for (const list of lists.values()) {
        const at = list.ids.indexOf(id)
        if (at >= 0) list.ids.splice(at, 1)
      }
    },
    /** The list of some feeds (null: all feeds), created on first use. */
    of(feeds: readonly string[] | null, show: InboxShow): List {
      const key = JSON.stringify([feeds, show])
      let list = lists.get(key)
      if (list === undefined) {
        list = { feeds, show, ids: [], endCursor: null, hasMore: false, isLoaded: false, loading: null }
        lists.set(key, list)
      }
      return list
    },
    /** Adds a message to the lists it belongs in. `toTop`: it also moves in the lists that already have it. */
    placeEverywhere(message: InboxMessage, toTop: boolean): void {
      for (const list of lists.values()) {
        if (!isIn(list, message)) continue
        if (toTop || !list.ids.includes(message.id)) place(list, message.id)
      }
    },
    /** Replaces the content of a list with pages just loaded. `had`: its ids before the request; messages that arrived since stay on top. */
    replace(list: List, pages: readonly Page[], had: ReadonlySet<string> | null = null): void {
      const nodes = pages.flatMap((page) => page.nodes)
      for (const node of nodes) upsert(node)
      const read = new Set(nodes.map(({ id }) => id))
      const fresh = had === null ? [] : list.ids.filter((id) => !read.has(id) && !had.has(id))
      list.ids = [...fresh, ...read]
      const last = pages.at(-1)
      list.endCursor = last?.pageInfo.endCursor ?? null
      list.hasMore = last?.pageInfo.hasNextPage ?? false
      list.isLoaded = true
    },
    append(list: List, page: Page): void {
      const had = new Set(list.ids)
      for (const node of page.nodes) {
        upsert(node)
        if (!had.has(node.id)) list.ids.push(node.id)
      }
      list.endCursor = page.pageInfo.endCursor ?? list.endCursor
      list.hasMore = page.pageInfo.hasNextPage
    },
    /** Unloads all lists but one, because they may be out of date. */
    unloadOthers(kept: List): void {
      for (const list of lists.values())
        if (list !== kept) Object.assign(list, { ids: [], endCursor: null, hasMore: false, isLoaded: false })
    },
    clear(): void {
      entries.clear()
      lists.clear()
    },
    /** ids of all loaded messages */
    ids: (): IterableIterator<string> => entries.keys(),
  }
}

/** The loaded messages and their lists. */
export type Lists = ReturnType<typeof createLists>
