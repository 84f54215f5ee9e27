/** The messages that are at hand, and the lists of them: one for each feed and each way to look at it. */
import type { InboxMessage } from './message.ts'

/** Which of a feed's messages are shown. */
export type InboxShow = 'all' | 'unread' | 'archived'

/** A list: what it holds of the feed, newest first, and how it goes on. */
export interface List {
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
  /** when it came to the top of its feed: its arrival, or the last time that another one was folded into it */
  at: string
}

/** Whether a list would show a message. */
export const isIn = ({ feeds, show }: Pick<List, 'feeds' | 'show'>, message: InboxMessage): boolean =>
  (feeds === null || feeds.includes(message.feed)) &&
  (message.archivedAt !== null) === (show === 'archived') &&
  (show !== 'unread' || message.readAt === null)

/** Messages by id, and lists of them. */
export function createLists() {
  const entries = new Map<string, Entry>()
  const lists = new Map<string, List>()

  /** Takes a message as the server has it, unless what is here is newer. @returns what was here before */
  function take(message: InboxMessage): InboxMessage | undefined {
    const entry = entries.get(message.id)
    if (entry === undefined) {
      entries.set(message.id, { message, at: message.count > 1 ? message.updatedAt : (message.sentAt ?? message.createdAt) })
      return undefined
    }
    const before = entry.message
    if (before.updatedAt <= message.updatedAt) {
      if (message.count > before.count) entry.at = message.updatedAt
      entry.message = message
    }
    return before
  }

  /** Puts a message where it belongs in a list; what belongs below the part that is loaded is left to the next page. */
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
    take,
    /** Writes over a message: its marks as the server answered. */
    set(message: InboxMessage): void {
      const entry = entries.get(message.id)
      if (entry !== undefined) entry.message = message
    },
    remove(id: string): InboxMessage | undefined {
      const message = entries.get(id)?.message
      entries.delete(id)
      for (const list of lists.values()) {
        const at = list.ids.indexOf(id)
        if (at >= 0) list.ids.splice(at, 1)
      }
      return message
    },
    /** The list of a feed (null: all that are shown here), made when it is first asked for. */
    of(feeds: readonly string[] | null, show: InboxShow): List {
      const key = JSON.stringify([feeds, show])
      let list = lists.get(key)
      if (list === undefined) {
        list = { feeds, show, ids: [], endCursor: null, hasMore: false, isLoaded: false, loading: null }
        lists.set(key, list)
      }
      return list
    },
    /** A message that is new, came to the top, or may now belong to lists that it was not in. */
    placeEverywhere(message: InboxMessage, toTop: boolean): void {
      for (const list of lists.values()) {
        if (!isIn(list, message)) continue
        if (toTop || !list.ids.includes(message.id)) place(list, message.id)
      }
    },
    /** Replaces what a list holds by pages that were just read. `had`: what it held before they were asked for; what came since stays above. */
    replace(list: List, pages: readonly Page[], had: ReadonlySet<string> | null = null): void {
      const nodes = pages.flatMap((page) => page.nodes)
      for (const node of nodes) take(node)
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
        take(node)
        if (!had.has(node.id)) list.ids.push(node.id)
      }
      list.endCursor = page.pageInfo.endCursor ?? list.endCursor
      list.hasMore = page.pageInfo.hasNextPage
    },
    /** Forgets what the other lists hold: it may be old. */
    dropOthers(kept: List): void {
      for (const list of lists.values())
        if (list !== kept) Object.assign(list, { ids: [], endCursor: null, hasMore: false, isLoaded: false })
    },
    clear(): void {
      entries.clear()
      lists.clear()
    },
    /** all that are at hand */
    messages: (): IterableIterator<string> => entries.keys(),
    get size() {
      return entries.size
    },
  }
}

/** The messages at hand. */
export type Lists = ReturnType<typeof createLists>
