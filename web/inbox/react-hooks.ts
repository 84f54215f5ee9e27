/** Hooks for React and React Native: the headless client, to build your own interface on. */
import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { createInboxClient } from './client.ts'
import type { InboxClient } from './inbox-client.ts'
import type { InboxEvents, InboxOptions, InboxShow, InboxState } from './inbox-state.ts'
import type { InboxMessage, InboxPreferencesState } from './message.ts'
import { noState } from './no-state.ts'

/** The props of `<InboxProvider>`. */
export interface InboxProviderProps extends InboxOptions {
  /** URL of the Carillon server, with the path that it is below */
  readonly server: string
  readonly children?: ReactNode
}

const Context = createContext<InboxClient | null>(null)

/** Connects an inbox for the hooks below it, when it is mounted: on a server it renders its children, and connects nothing. */
export const InboxProvider: FunctionComponent<InboxProviderProps> = ({ children, ...options }) => {
  const { server, token = null, tokenProvider = null, feeds = null, keep = true } = options
  const [client, setClient] = useState<InboxClient | null>(null)
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  // By what they are: an equal list, or another function, is no other inbox.
  const identity = JSON.stringify({ server, feeds, keep, hasProvider: tokenProvider !== null })
  useEffect(() => {
    const { hasProvider, ...fixed } = JSON.parse(identity) as Pick<InboxOptions, 'feeds' | 'keep'> & {
      server: string
      hasProvider: boolean
    }
    const created = createInboxClient({
      ...latest.current,
      ...fixed,
      // The latest one, so that a function written in the props does not ask for a token at every render.
      tokenProvider: hasProvider ? () => latest.current.tokenProvider?.() ?? '' : null,
    })
    setClient(created)
    return () => {
      created.close()
      setClient(null)
    }
  }, [identity])
  useEffect(() => {
    if (token !== null && token !== '') client?.setToken(token)
  }, [client, token])
  return createElement(Context.Provider, { value: client }, children)
}

/** The headless client; null on a server and before the provider is mounted. */
export const useInboxClient = (): InboxClient | null => useContext(Context)

/** A part of the state, which renders again when that changes. `select` must return the same value for the same state. */
export function useInboxState<T>(select: (state: InboxState) => T): T {
  const client = useInboxClient()
  return useSyncExternalStore(
    (listener) => client?.subscribe(listener) ?? (() => {}),
    () => select(client?.state ?? noState),
    () => select(noState),
  )
}

const whole = (state: InboxState): InboxState => state

/** The whole state. */
export const useInbox = (): InboxState => useInboxState(whole)
/** How many messages are unread. */
export const useUnreadCount = (): number => useInboxState(({ counts }) => counts.unread)
/** How many messages are unseen: what a bell shows. */
export const useUnseenCount = (): number => useInboxState(({ counts }) => counts.unseen)

/** The messages of a feed, and what can be done with them. */
export interface Feed {
  /** newest first, as far as they are loaded */
  readonly messages: readonly InboxMessage[]
  readonly isLoading: boolean
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  readonly error: InboxState['error']
  /** Loads the next page, if there is one. */
  loadMore(): Promise<void>
  mark: InboxClient['mark']
  markAll: InboxClient['markAll']
  delete: InboxClient['delete']
  deleteAll: InboxClient['deleteAll']
  snooze: InboxClient['snooze']
  act: InboxClient['act']
}

/** The messages of a feed (null: of all) that pass a filter. One feed at a time is shown: the last one that was asked for. */
export function useFeed({ feed = null, show = 'all' }: { feed?: string | null; show?: InboxShow } = {}): Feed {
  const client = useInboxClient()
  const state = useInbox()
  useEffect(() => {
    void client?.select({ feed, show })
  }, [client, feed, show])
  const actions = useMemo(
    () => ({
      loadMore: async () => client?.loadMore(),
      mark: (...args: Parameters<InboxClient['mark']>) => client?.mark(...args),
      markAll: (...args: Parameters<InboxClient['markAll']>) => client?.markAll(...args) ?? nothingDone,
      delete: (...args: Parameters<InboxClient['delete']>) => client?.delete(...args) ?? nothingDone,
      deleteAll: (...args: Parameters<InboxClient['deleteAll']>) => client?.deleteAll(...args) ?? nothingDone,
      snooze: (...args: Parameters<InboxClient['snooze']>) => client?.snooze(...args),
      act: (...args: Parameters<InboxClient['act']>) => client?.act(...args),
    }),
    [client],
  )
  const { messages, phase, hasMore, isLoadingMore, error } = state
  return { messages, isLoading: phase === 'loading', hasMore, isLoadingMore, error, ...actions }
}

/** Calls the latest `handler` on every event of that name, such as `received` for a toast. */
export function useInboxEvent<K extends keyof InboxEvents>(name: K, handler: (detail: InboxEvents[K]) => void): void {
  const client = useInboxClient()
  const latest = useRef(handler)
  useEffect(() => {
    latest.current = handler
  })
  useEffect(() => client?.on(name, (detail) => latest.current(detail)), [client, name])
}

/** The contact's preferences: null until they are loaded. `set` rejects with an InboxError. */
export function usePreferences(): {
  readonly preferences: InboxPreferencesState | null
  readonly error: unknown
  set(change: Parameters<InboxClient['setPreference']>[0]): Promise<void>
} {
  const client = useInboxClient()
  const contact = useInboxState((state) => state.contact)
  const [loaded, setLoaded] = useState<{ preferences: InboxPreferencesState | null; error: unknown }>(nothingLoaded)
  useEffect(() => {
    let isCurrent = true
    setLoaded(nothingLoaded)
    // They are loaded again for another contact.
    if (contact === null) return
    client?.preferences().then(
      (preferences) => isCurrent && setLoaded({ preferences, error: null }),
      (error: unknown) => isCurrent && setLoaded({ preferences: null, error }),
    )
    return () => {
      isCurrent = false
    }
  }, [client, contact])
  const set = async (change: Parameters<InboxClient['setPreference']>[0]): Promise<void> => {
    const preferences = await client?.setPreference(change)
    if (preferences !== undefined) setLoaded({ preferences, error: null })
  }
  return { ...loaded, set }
}
const nothingDone = (): void => {}
const nothingLoaded = { preferences: null, error: null }
