/** The server: operations over HTTP, subscriptions over one WebSocket that reconnects by itself. */
import { type Client, createClient } from 'graphql-ws'
import type { Document } from '../graphql.ts'
import { serverUrl } from '../server-url.ts'
import { createRetry, SERVER_BACK } from './retry.ts'

/** A failed operation. `code` is the server's ErrorCode, or UNREACHABLE. */
export class ApiError extends Error {
  readonly code: string
  readonly field: string | null
  constructor(code: string, message: string, field: string | null) {
    super(message)
    this.code = code
    this.field = field
  }
}

/** The listener of a subscription. */
export interface Watcher<T> {
  next(data: T): void
  /** The connection was lost and is back: changes in between have to be loaded. */
  resumed(): void
}

/** The state of the WebSocket. `idle`: nothing is subscribed. */
export type Connection = 'idle' | 'live' | 'broken'

/** The server. */
export interface Api {
  readonly connection: Connection
  /** The server doesn't answer. It is asked again and again until it does, and `SERVER_BACK` is fired then. */
  readonly isAway: boolean
  /** @throws ApiError */
  ask<T, V>(document: Document<T, V>, variables: V): Promise<T>
  /** Gets a file. @throws ApiError */
  download(path: string): Promise<{ readonly name: string | null; readonly blob: Blob }>
  /** Subscribes until the function that it returns is called. */
  watch<T, V extends Record<string, unknown>>(document: Document<T, V>, variables: V, watcher: Watcher<T>): () => void
  close(): void
}

/** What requests are authenticated with: a key, or the cookie of a session, which needs the project beside it. */
export type Credential = { readonly key: string } | { readonly project: string }

/** The credential, and what is called as it and the connection change. */
export interface ApiOptions {
  readonly credential: Credential
  /** The credential is no longer accepted. */
  readonly refused: () => void
  /** An operation was not permitted: for a session, the role may be another one by now. */
  readonly forbidden: () => void
  readonly connectionChanged: () => void
}

interface Result<T> {
  readonly data?: T | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[]
}

const FORBIDDEN = 4403
const RESUBSCRIBE_MS = 1_000
const isForbidden = (event: unknown): boolean => event instanceof CloseEvent && event.code === FORBIDDEN
const transient = new Set<unknown>(['INTERNAL', 'OVERLOADED', 'RATE_LIMITED'])
/** Whether a subscription failed for a reason that will pass. */
const isTransient = (cause: unknown): boolean =>
  Array.isArray(cause) &&
  cause.some(({ extensions }: { readonly extensions?: Readonly<Record<string, unknown>> }) => transient.has(extensions?.['code']))
/** Whether an operation failed for a reason that will pass. */
export const isPassing = ({ code }: ApiError): boolean => code === 'UNREACHABLE' || transient.has(code)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** The WebSocket is opened with the first subscription. */
export function createApi({ credential, refused, forbidden, connectionChanged }: ApiOptions): Api {
  const identity: Record<string, string> =
    'key' in credential ? { authorization: `Bearer ${credential.key}` } : { 'x-carillon-project': credential.project }
  const watchers = new Set<() => void>()
  let connection: Connection = 'idle'
  const become = (next: Connection): void => {
    if (connection === next) return
    connection = next
    connectionChanged()
  }

  let isAway = false
  let isClosed = false
  const probe = createRetry(() => void reach())
  function answered(): void {
    probe.reset()
    if (!isAway) return
    isAway = false
    connectionChanged()
    window.dispatchEvent(new Event(SERVER_BACK))
  }
  function failed(): void {
    if (isClosed) return
    probe.plan()
    if (isAway) return
    isAway = true
    connectionChanged()
  }
  async function reach(): Promise<void> {
    const isThere = await fetch(serverUrl('health'), { referrerPolicy: 'no-referrer' }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isThere) answered()
    else failed()
  }

  async function ask<T, V>(document: Document<T, V>, variables: V): Promise<T> {
    const answer = await post<T>(JSON.stringify({ query: String(document), variables }))
    const [error] = answer.errors ?? []
    if (error !== undefined) {
      const code = text(error.extensions?.['code']) ?? 'INTERNAL'
      if (code === 'UNAUTHENTICATED') refused()
      if (code === 'FORBIDDEN') forbidden()
      throw new ApiError(code, error.message, text(error.extensions?.['field']))
    }
    if (answer.data === null || answer.data === undefined) throw new ApiError('INTERNAL', 'The response was empty.', null)
    return answer.data
  }

  async function post<T>(body: string): Promise<Result<T>> {
    try {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...identity,
      }
      const response = await fetch(serverUrl('graphql'), { method: 'POST', headers, body, referrerPolicy: 'no-referrer' })
      const result = (await response.json()) as Result<T>
      answered()
      return result
    } catch (cause) {
      failed()
      throw Object.assign(new ApiError('UNREACHABLE', 'The server is not responding.', null), { cause })
    }
  }

  async function download(path: string): Promise<{ name: string | null; blob: Blob }> {
    const response = await fetch(serverUrl(path), { headers: identity, referrerPolicy: 'no-referrer' }).catch(
      (cause: unknown) => {
        failed()
        throw Object.assign(new ApiError('UNREACHABLE', 'The server is not responding.', null), { cause })
      },
    )
    if (!response.ok) {
      const [error] = ((await response.json().catch(() => ({}))) as Result<null>).errors ?? []
      throw new ApiError(
        text(error?.extensions?.['code']) ?? 'INTERNAL',
        error?.message ?? `The server answered ${response.status}.`,
        null,
      )
    }
    const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? null
    return { name, blob: await response.blob() }
  }

  let socket: Client | null = null
  const connect = (): Client =>
    createClient({
      url: serverUrl('graphql').replace(/^http/, 'ws'),
      connectionParams: 'key' in credential ? identity : { project: credential.project },
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (tries) =>
        new Promise((resolve) => {
          setTimeout(resolve, Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()))
          window.addEventListener(SERVER_BACK, () => resolve(), { once: true })
        }),
      shouldRetry: (event) => !isForbidden(event),
      lazyCloseTimeout: 5_000,
      on: {
        connected: (_socket, _payload, isRetry) => {
          become('live')
          answered()
          if (isRetry) for (const resume of watchers) resume()
        },
        closed: (event) => {
          become(watchers.size === 0 ? 'idle' : 'broken')
          if (isForbidden(event)) refused()
          else if (watchers.size > 0) void reach()
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
          error: (cause) => void (isTransient(cause) ? setTimeout(again, RESUBSCRIBE_MS) : end()),
          // The server ends a subscription whose client lags too far behind. There is no record of what was dropped, so it is loaded.
          complete: () => setTimeout(again, RESUBSCRIBE_MS),
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
    get connection() {
      return connection
    },
    get isAway() {
      return isAway
    },
    ask,
    download,
    watch,
    close() {
      isClosed = true
      probe.stop()
      watchers.clear()
      void socket?.dispose()
    },
  }
}
