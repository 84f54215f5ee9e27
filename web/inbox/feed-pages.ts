/** Loads pages of a feed into its list. */
import type { Api } from './api.ts'
import { InboxPage } from './documents.ts'
import { InboxError } from './inbox-error.ts'
import type { List, Lists } from './lists.ts'

const FIRST_PAGE = 30
const PAGE = 100
/** How many messages are reloaded at once; the rest follows as the list is scrolled. */
const MAX_RELOAD = 500

/** The server, the lists, and whose they are. */
export interface FeedPagesDeps {
  readonly api: Api
  readonly lists: Lists
  /** the list that is shown */
  current(): List
  /** A response that arrives after the owner has changed is dropped. */
  owner(): string | null
  onChange(): void
  onFailed(error: InboxError): void
}

export function createFeedPages({ api, lists, current, owner, onChange, onFailed }: FeedPagesDeps) {
  const load = async (list: List, after: string | null = null, first = FIRST_PAGE) =>
    (
      await api.request(InboxPage, {
        feeds: list.feeds === null ? null : [...list.feeds],
        read: list.show === 'unread' ? false : null,
        archived: list.show === 'archived',
        snoozed: list.show === 'snoozed',
        first,
        after,
      })
    ).feed

  /** Loads the list that is shown again, as far as it was loaded. */
  async function reload(): Promise<void> {
    const mine = owner()
    const list = current()
    const had = new Set(list.ids)
    const wanted = Math.min(Math.max(list.ids.length, FIRST_PAGE), MAX_RELOAD)
    lists.unloadOthers(list)
    const pages = []
    let loaded = 0
    for (let after: string | null = null; ; ) {
      const one: Awaited<ReturnType<typeof load>> = await load(list, after, Math.min(wanted - loaded, PAGE))
      if (owner() !== mine) return
      pages.push(one)
      loaded += one.nodes.length
      if (!one.pageInfo.hasNextPage || loaded >= wanted) break
      after = one.pageInfo.endCursor
    }
    lists.replace(list, pages, had)
    onChange()
  }

  /** Runs `action` for a list unless one is running, and shows that it is loading. */
  function run(list: List, action: () => Promise<void>): Promise<void> {
    list.loading ??= action().finally(() => {
      list.loading = null
      onChange()
    })
    onChange()
    return list.loading
  }

  return {
    load,
    reload,
    /** Loads the first page of the list that is shown. */
    first(): Promise<void> {
      const mine = owner()
      const list = current()
      return run(list, async () => {
        try {
          const page = await load(list)
          if (owner() === mine) lists.replace(list, [page])
        } catch (failed) {
          if (failed instanceof InboxError && owner() === mine) onFailed(failed)
        }
      })
    },
    /** Loads the next page of the list that is shown, if there is one. @throws InboxError */
    async more(): Promise<void> {
      const mine = owner()
      const list = current()
      if (!list.isLoaded || !list.hasMore) return list.loading ?? undefined
      return run(list, async () => {
        try {
          const page = await load(list, list.endCursor, PAGE)
          if (list.isLoaded && owner() === mine) lists.append(list, page)
        } catch (failed) {
          if (owner() !== mine) return
          if (!(failed instanceof InboxError) || !/CURSOR/.test(failed.code)) throw failed
          await reload()
        }
      })
    },
  }
}
