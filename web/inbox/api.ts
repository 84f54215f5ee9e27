/** Queries and mutations over HTTP, with the contact's token. */
import type { TypedDocumentString } from '../generated/graphql.ts'
import { InboxError } from './inbox-error.ts'
import type { TokenKeeper } from './token-keeper.ts'

/** The server. */
export interface Api {
  /** Runs a query or mutation. Requests a new token when this one is rejected, and waits when the server is busy. @throws InboxError */
  request<T, V>(document: TypedDocumentString<T, V>, variables: V): Promise<T>
}

interface Result<T> {
  readonly data?: T | null
  readonly errors?: readonly {
    readonly message: string
    readonly extensions?: { readonly code?: string; readonly index?: number }
  }[]
}

const TIMEOUT_MS = 20_000
/** How often a request is repeated while the server is rate-limiting or overloaded. */
const MAX_RETRIES = 5

/** `server` is its URL, without a trailing slash. */
export function createApi(server: string, tokens: TokenKeeper): Api {
  async function post<T>(document: string, variables: unknown, token: string): Promise<T> {
    let response: Response
    let result: Result<T>
    // Not AbortSignal.timeout, which React Native does not have.
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS)
    try {
      response = await fetch(`${server}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: document, variables }),
        credentials: 'omit',
        // What is sent when the page is left arrives after it is gone.
        keepalive: globalThis.document?.visibilityState === 'hidden',
        signal: abort.signal,
      })
      result = (await response.json()) as Result<T>
    } catch (cause) {
      throw new InboxError('NETWORK', 'The server could not be reached.', { cause })
    } finally {
      clearTimeout(timer)
    }
    const [error] = result.errors ?? []
    if (error === undefined && result.data !== null && result.data !== undefined) return result.data
    const { code = 'INTERNAL', index } = error?.extensions ?? {}
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    throw new InboxError(code, error?.message ?? 'The response was empty.', {
      ...(index === undefined ? {} : { index }),
      ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
    })
  }
  return {
    async request(document, variables) {
      for (let attempt = 0; ; attempt++) {
        const token = await tokens.get()
        try {
          const data = await post<Awaited<ReturnType<Api['request']>>>(String(document), variables, token)
          tokens.accept(token)
          return data as never
        } catch (error) {
          if (!(error instanceof InboxError)) throw error
          if (error.code === 'UNAUTHENTICATED') tokens.refuse(token)
          else if ((error.code === 'RATE_LIMITED' || error.code === 'OVERLOADED') && attempt < MAX_RETRIES) {
            await new Promise((resolve) => setTimeout(resolve, (error.retryAfterMs ?? 1_000) * (1 + Math.random() / 2)))
          } else throw error
        }
      }
    },
  }
}
