/** The live part: one socket at a time, opened again for as long as it is wanted, each time from where the last one stopped. */
import { type Client, createClient } from 'graphql-ws'
import type { InboxChangesSubscription } from '../generated/graphql.ts'
import type { TokenKeeper } from './wire.ts'

/** A change of the feed; a follower of counts alone gets no kind and no message. */
export type Change = Pick<InboxChangesSubscription['feedChanged'], 'unseenCount' | 'unreadCount' | 'cursor'> &
  Partial<InboxChangesSubscription['feedChanged']>

/** One subscription of the socket. */
export interface Follower {
  readonly document: string
  readonly feeds: readonly string[] | null
  /** where it goes on */
  after(): string
  next(change: Change): void
}

/** Whether what is shown is what the server has. */
export type LiveState = 'connecting' | 'live' | 'offline'

/** What the live part needs. */
export interface LiveDeps {
  readonly server: string
  readonly tokens: TokenKeeper
  /** Sees to it that there is a state to go on from. @returns what to follow. @throws when the server can't be reached */
  prepare(): Promise<readonly Follower[]>
  onState(state: LiveState): void
  /** The place to go on from is too old, or not known: everything has to be read again. */
  onLost(): void
  /** What no trying again will mend by itself. */
  onRefused(code: string, message: string): void
}

/** The running live part. */
export interface Live {
  /** Closes the socket and opens none until `resume`. */
  pause(): void
  resume(): void
  /** Tries at once, where it waits. */
  poke(): void
  /** Closes the socket and opens another. */
  restart(): void
  close(): void
}

const FIRST_WAIT_MS = 300
const MAX_WAIT_MS = 30_000
/** How often the server is asked whether it is there, and how long it may take, ms: a cut line is noticed by nobody else. */
const PING_MS = 15_000
const PONG_MS = 5_000
/** A socket that lived for so long was a good one, ms. */
const GOOD_MS = 5_000

type End =
  | { readonly kind: 'closed'; readonly code: number }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

const endOf = (error: unknown): End => {
  if (Array.isArray(error)) {
    const [first] = error as { message: string; extensions?: { code?: string } }[]
    return { kind: 'error', code: first?.extensions?.code ?? 'INTERNAL', message: first?.message ?? '' }
  }
  const code = typeof error === 'object' && error !== null && 'code' in error ? Number(error.code) : 1006
  return { kind: 'closed', code }
}

/** Starts it. */
export function startLive(deps: LiveDeps): Live {
  const { server, tokens } = deps
  let isClosed = false
  let isPaused = false
  let waits = 0
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

  /** One socket, from its opening to its end. */
  async function session(followers: readonly Follower[]): Promise<End> {
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
        // Asking again is done here, because the place to go on from is another one by then.
        retryAttempts: 0,
        keepAlive: PING_MS,
        on: {
          connected: () => {
            tokens.accept(token)
            waits = 0
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
      for (const follower of followers) {
        client.subscribe<{ feedChanged: Change }>(
          { query: follower.document, variables: { feeds: follower.feeds, after: follower.after() } },
          {
            next: ({ data, errors }) => {
              if (errors !== undefined) resolve(endOf(errors))
              else if (data?.feedChanged !== undefined) follower.next(data.feedChanged)
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
    if (performance.now() - started < GOOD_MS) waits += 1
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
        const followers = await deps.prepare()
        if (isPaused || isClosed) continue
        const end = await session(followers)
        if (isClosed) return
        if (end.kind === 'error') {
          if (end.code === 'CURSOR_EXPIRED' || end.code === 'BAD_CURSOR') deps.onLost()
          else if (end.code !== 'UNAUTHENTICATED' && end.code !== 'RATE_LIMITED') deps.onRefused(end.code, end.message)
        } else if (end.code === 4403 && waits < 2) continue // another token, at once
      } catch {
        waits += 1
      }
      if (isClosed || isPaused) continue
      deps.onState('offline')
      const most = Math.min(FIRST_WAIT_MS * 2 ** Math.min(waits, 10), MAX_WAIT_MS)
      await wait(most * (0.5 + Math.random() / 2))
    }
  }

  const poke = (): void => wake()
  const onOffline = (): void => endSession()
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') poke()
  }
  addEventListener('online', poke)
  addEventListener('offline', onOffline)
  document.addEventListener('visibilitychange', onVisible)
  void run()
  return {
    pause() {
      isPaused = true
      endSession()
      wake()
    },
    resume() {
      isPaused = false
      waits = 0
      wake()
    },
    poke,
    restart: () => endSession(),
    close() {
      isClosed = true
      removeEventListener('online', poke)
      removeEventListener('offline', onOffline)
      document.removeEventListener('visibilitychange', onVisible)
      endSession()
      wake()
    },
  }
}
