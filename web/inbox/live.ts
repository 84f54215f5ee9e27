/** Live updates over one WebSocket at a time. It reconnects until it is paused or closed, and resumes from the last cursor. */
import { type Client, createClient } from 'graphql-ws'
import type { InboxChangesSubscription } from '../generated/graphql.ts'
import type { LiveState } from './inbox-state.ts'
import type { WatchOnline } from './online.ts'
import type { TokenKeeper } from './token-keeper.ts'

/** A change of the feed; a subscription to counts only has no kind and no message. */
export type Change = Pick<InboxChangesSubscription['feedChanged'], 'unseenCount' | 'unreadCount' | 'cursor'> &
  Partial<InboxChangesSubscription['feedChanged']>

/** A GraphQL subscription on the socket. */
export interface FeedSubscription {
  readonly document: string
  readonly feeds: readonly string[] | null
  /** the cursor to resume from */
  after(): string
  next(change: Change): void
}

/** The server, and what is called as the connection comes and goes. */
export interface LiveDeps {
  readonly server: string
  readonly tokens: TokenKeeper
  readonly watchOnline: WatchOnline
  /** Loads the inbox if there is no cursor to resume from. @returns the subscriptions to open. @throws when the server can't be reached */
  prepare(): Promise<readonly FeedSubscription[]>
  onState(state: LiveState): void
  /** The cursor has expired or is invalid: everything has to be loaded again. */
  onCursorLost(): void
  /** An error that retrying alone will not fix. */
  onRefused(code: string, message: string): void
}

/** The connection. */
export interface Live {
  /** Closes the socket and opens none until `resume`. */
  pause(): void
  resume(): void
  /** Reconnects now if it is waiting to. */
  reconnectNow(): void
  /** Replaces the socket with a new one. */
  restart(): void
  close(): void
}

const FIRST_WAIT_MS = 300
const MAX_WAIT_MS = 30_000
/** How often the server is pinged, and how long its answer may take, ms. Nothing else notices a dead connection. */
const PING_MS = 15_000
const PONG_MS = 5_000
/** A socket that ends sooner than this counts as a failed attempt, ms. */
const STABLE_MS = 5_000

type End =
  | { readonly kind: 'closed'; readonly code: number }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

const endOf = (error: unknown): End => {
  if (Array.isArray(error)) {
    const [first] = error as { message: string; extensions?: { code?: string } }[]
    return { kind: 'error', code: first?.extensions?.code ?? 'INTERNAL', message: first?.message ?? '' }
  }
  return { kind: 'closed', code: (error as { code?: number } | null)?.code ?? 1006 }
}

export function startLive(deps: LiveDeps): Live {
  const { server, tokens } = deps
  let isClosed = false
  let isPaused = false
  let failures = 0
  let wake: () => void = () => {}
  let endSession: () => void = () => {}

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Opens a socket and resolves when it ends. */
  async function session(subscriptions: readonly FeedSubscription[]): Promise<End> {
    let token = ''
    let client: Client | null = null
    let pongTimer: ReturnType<typeof setTimeout> | undefined
    const started = performance.now()
    const end = await new Promise<End>((resolve) => {
      endSession = () => resolve({ kind: 'closed', code: 1000 })
      client = createClient({
        url: `${server.replace(/^http/, 'ws')}/graphql`,
        connectionParams: async () => {
          token = await tokens.get()
          return { authorization: `Bearer ${token}` }
        },
        // Reconnecting is up to run(): by then there is another cursor to resume from.
        retryAttempts: 0,
        keepAlive: PING_MS,
        on: {
          connected: () => {
            tokens.accept(token)
            failures = 0
            deps.onState('live')
          },
          ping: (isReceived) => {
            if (!isReceived) pongTimer = setTimeout(() => resolve({ kind: 'closed', code: 4408 }), PONG_MS)
          },
          pong: (isReceived) => {
            if (isReceived) clearTimeout(pongTimer)
          },
        },
      })
      for (const subscription of subscriptions) {
        client.subscribe<{ feedChanged: Change }>(
          { query: subscription.document, variables: { feeds: subscription.feeds, after: subscription.after() } },
          {
            next: ({ data, errors }) => {
              if (errors !== undefined) resolve(endOf(errors))
              else if (data?.feedChanged !== undefined) subscription.next(data.feedChanged)
            },
            error: (error) => resolve(endOf(error)),
            complete: () => resolve({ kind: 'closed', code: 1000 }),
          },
        )
      }
    })
    clearTimeout(pongTimer)
    endSession = () => {}
    ;(client as Client | null)?.terminate()
    if (end.kind === 'closed' && end.code === 4403) tokens.refuse(token)
    if (performance.now() - started < STABLE_MS) failures += 1
    return end
  }

  async function run(): Promise<void> {
    while (!isClosed) {
      if (isPaused) {
        deps.onState('offline')
        await wait(2 ** 30)
        continue
      }
      deps.onState('connecting')
      try {
        const subscriptions = await deps.prepare()
        if (isPaused || isClosed) continue
        const end = await session(subscriptions)
        if (isClosed) return
        if (end.kind === 'error') {
          if (end.code === 'CURSOR_EXPIRED' || end.code === 'BAD_CURSOR') deps.onCursorLost()
          else if (end.code !== 'UNAUTHENTICATED' && end.code !== 'RATE_LIMITED') deps.onRefused(end.code, end.message)
        } else if (end.code === 4403 && failures < 2) continue // with a new token, without waiting
      } catch {
        failures += 1
      }
      if (isClosed || isPaused) continue
      deps.onState('offline')
      const backOffMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures, 10), MAX_WAIT_MS)
      await wait(backOffMs * (0.5 + Math.random() / 2))
    }
  }

  const reconnectNow = (): void => wake()
  const unwatch = deps.watchOnline((isOnline) => (isOnline ? reconnectNow() : endSession()))
  void run()
  return {
    pause() {
      isPaused = true
      endSession()
      wake()
    },
    resume() {
      isPaused = false
      failures = 0
      wake()
    },
    reconnectNow,
    restart: () => endSession(),
    close() {
      isClosed = true
      unwatch()
      endSession()
      wake()
    },
  }
}
