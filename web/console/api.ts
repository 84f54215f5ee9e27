/** The server, as this page sees it: operations over HTTP, subscriptions over one WebSocket that comes back by itself. */
import { type Client, createClient } from 'graphql-ws'
import type { Document } from '../graphql.ts'

/** Why an operation has no answer: the code of the catalogue, or UNREACHABLE. */
export class ApiError extends Error {
  readonly code: string
  readonly field: string | null
  constructor(code: string, message: string, field: string | null) {
    super(message)
    this.code = code
    this.field = field
  }
}

/** What a subscription calls. */
export interface Watcher<T> {
  next(data: T): void
  /** The line was broken and is back: what happened meanwhile has to be asked for. */
  resumed(): void
}

/** Whether what is watched arrives. */
export type Line = 'idle' | 'live' | 'broken'

/** The server. */
export interface Api {
  readonly line: Line
  /** @throws ApiError */
  ask<T, V>(document: Document<T, V>, variables: V): Promise<T>
  /** Subscribes until the function that it returns is called. */
  watch<T, V extends Record<string, unknown>>(document: Document<T, V>, variables: V, watcher: Watcher<T>): () => void
  close(): void
}

/** What it needs. */
export interface ApiOptions {
  readonly key: string
  /** The credential is no longer accepted. */
  readonly refused: () => void
  readonly lineChanged: () => void
}

interface Answer<T> {
  readonly data?: T | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[]
}

const FORBIDDEN = 4403
const AGAIN_MS = 1_000
const isForbidden = (event: unknown): boolean => event instanceof CloseEvent && event.code === FORBIDDEN
const passing = new Set<unknown>(['INTERNAL', 'OVERLOADED', 'RATE_LIMITED'])
/** Whether a subscription was refused for a reason that is gone in a while. */
const isPassing = (cause: unknown): boolean =>
  Array.isArray(cause) &&
  cause.some(({ extensions }: { readonly extensions?: Readonly<Record<string, unknown>> }) => passing.has(extensions?.['code']))
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** Makes it. No connection is open before something is watched. */
export function createApi({ key, refused, lineChanged }: ApiOptions): Api {
  const authorization = `Bearer ${key}`
  const watchers = new Set<() => void>()
  let line: Line = 'idle'
  const become = (next: Line): void => {
    if (line === next) return
    line = next
    lineChanged()
  }

  async function ask<T, V>(document: Document<T, V>, variables: V): Promise<T> {
    const answer = await post<T>(JSON.stringify({ query: String(document), variables }))
    const [error] = answer.errors ?? []
    if (error !== undefined) {
      const code = text(error.extensions?.['code']) ?? 'INTERNAL'
      if (code === 'UNAUTHENTICATED') refused()
      throw new ApiError(code, error.message, text(error.extensions?.['field']))
    }
    if (answer.data === null || answer.data === undefined) throw new ApiError('INTERNAL', 'The answer is empty.', null)
    return answer.data
  }

  async function post<T>(body: string): Promise<Answer<T>> {
    try {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        authorization,
      }
      const response = await fetch('/graphql', { method: 'POST', headers, body, referrerPolicy: 'no-referrer' })
      return (await response.json()) as Answer<T>
    } catch (cause) {
      throw Object.assign(new ApiError('UNREACHABLE', 'The server does not answer.', null), { cause })
    }
  }

  let socket: Client | null = null
  const connect = (): Client =>
    createClient({
      url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
      connectionParams: { authorization },
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (tries) =>
        new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()))),
      shouldRetry: (event) => !isForbidden(event),
      lazyCloseTimeout: 5_000,
      on: {
        connected: (_socket, _payload, isRetry) => {
          become('live')
          if (isRetry) for (const resume of watchers) resume()
        },
        closed: (event) => {
          become(watchers.size === 0 ? 'idle' : 'broken')
          if (isForbidden(event)) refused()
        },
      },
    })

  function watch<T, V extends Record<string, unknown>>(document: Document<T, V>, variables: V, watcher: Watcher<T>): () => void {
    socket ??= connect()
    const client = socket
    const resume = (): void => watcher.resumed()
    let isOver = false
    let stop = (): void => {}
    const end = (): void => {
      isOver = true
      watchers.delete(resume)
    }
    const begin = (): void => {
      stop = client.subscribe<T>(
        { query: String(document), variables },
        {
          next: ({ data }) => {
            if (data !== null && data !== undefined) watcher.next(data)
          },
          error: (cause) => void (isPassing(cause) ? setTimeout(again, AGAIN_MS) : end()),
          // A server ends a stream whose reader lags too far behind. Nothing says what was left out, so it is asked for.
          complete: () => setTimeout(again, AGAIN_MS),
        },
      )
    }
    const again = (): void => {
      if (isOver) return
      begin()
      resume()
    }
    watchers.add(resume)
    begin()
    return () => {
      end()
      stop()
    }
  }

  return {
    get line() {
      return line
    },
    ask,
    watch,
    close() {
      watchers.clear()
      void socket?.dispose()
    },
  }
}
