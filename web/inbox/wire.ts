/** The way to the server: who asks, questions over HTTP, and what can go wrong. */
import type { TypedDocumentString } from '../generated/graphql.ts'

/** Something went wrong. `code` is the server's ErrorCode, `NETWORK` when it could not be reached, or `TOKEN` when there is no token. */
export class InboxError extends Error {
  readonly code: string
  /** which item of a list it was */
  readonly index: number | null
  readonly retryAfterMs: number | null
  constructor(code: string, message: string, details: { index?: number; retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: details.cause })
    this.name = 'InboxError'
    this.code = code
    this.index = details.index ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}

/** Gives a token of the contact: asked for at the start where none was given, and whenever one has expired. */
export type TokenProvider = () => string | Promise<string>

/** The token at hand. */
export interface TokenKeeper {
  /** One that was not refused yet. Waits until there is one. */
  get(): Promise<string>
  set(token: string): void
  /** The server does not take this one any more. */
  refuse(token: string): void
  /** It was taken. */
  accept(token: string): void
  /** Asks the provider once more, after it gave up. */
  again(): void
}

/** Tokens that a provider may give in a row without one being taken. */
const MAX_REFUSED = 2

/**
 * Keeps the token. `onMissing` is told when there is none and nobody to ask, or nobody who gives a good one: `get` then waits for `set`.
 */
export function createTokenKeeper(
  first: string | null,
  provider: () => TokenProvider | null,
  onMissing: () => void,
): TokenKeeper {
  let token = first
  let refused = 0
  let asking: Promise<string> | null = null
  let waiting: PromiseWithResolversLike<string> | null = null

  const wait = (): Promise<string> => {
    waiting ??= withResolvers()
    onMissing()
    return waiting.promise
  }
  const ask = async (): Promise<string> => {
    const give = provider()
    if (give === null || refused >= MAX_REFUSED) return wait()
    let given: string
    try {
      given = await give()
    } catch (cause) {
      throw new InboxError('TOKEN', 'The page could not give a token.', { cause })
    }
    token = given
    return given
  }
  return {
    get() {
      if (token !== null) return Promise.resolve(token)
      asking ??= ask().finally(() => {
        asking = null
      })
      return asking
    },
    set(given) {
      token = given
      refused = 0
      waiting?.resolve(given)
      waiting = null
    },
    refuse(which) {
      if (token !== which) return
      token = null
      refused += 1
    },
    accept(which) {
      if (token === which) refused = 0
    },
    again() {
      refused = 0
      const settle = waiting
      if (settle === null || provider() === null) return
      waiting = null
      ask().then(settle.resolve, () => {
        waiting = settle
      })
    },
  }
}

interface PromiseWithResolversLike<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}
/** Promise.withResolvers, which browsers have since 2024 only. */
function withResolvers<T>(): PromiseWithResolversLike<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** Asks the server. */
export interface Wire {
  /** @throws InboxError */
  ask<T, V>(document: TypedDocumentString<T, V>, variables: V): Promise<T>
}

interface Answer<T> {
  readonly data?: T | null
  readonly errors?: readonly {
    readonly message: string
    readonly extensions?: { readonly code?: string; readonly index?: number }
  }[]
}

const TIMEOUT_MS = 20_000
/** How often one question is asked again when the server says that it is asked too often. */
const PATIENCE = 5

/** Makes it. `server`: the origin, without a slash at its end. */
export function createWire(server: string, tokens: TokenKeeper): Wire {
  async function post<T>(document: string, variables: unknown, token: string): Promise<T> {
    let response: Response
    let answer: Answer<T>
    try {
      response = await fetch(`${server}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: document, variables }),
        credentials: 'omit',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      answer = (await response.json()) as Answer<T>
    } catch (cause) {
      throw new InboxError('NETWORK', 'The server could not be reached.', { cause })
    }
    const [error] = answer.errors ?? []
    if (error === undefined && answer.data !== null && answer.data !== undefined) return answer.data
    const { code = 'INTERNAL', index } = error?.extensions ?? {}
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    throw new InboxError(code, error?.message ?? 'The answer was empty.', {
      ...(index === undefined ? {} : { index }),
      ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
    })
  }
  return {
    async ask(document, variables) {
      for (let round = 0; ; round++) {
        const token = await tokens.get()
        try {
          const data = await post<Awaited<ReturnType<Wire['ask']>>>(String(document), variables, token)
          tokens.accept(token)
          return data as never
        } catch (error) {
          if (!(error instanceof InboxError)) throw error
          if (error.code === 'UNAUTHENTICATED') tokens.refuse(token)
          else if ((error.code === 'RATE_LIMITED' || error.code === 'OVERLOADED') && round < PATIENCE) {
            await new Promise((resolve) => setTimeout(resolve, (error.retryAfterMs ?? 1_000) * (1 + Math.random() / 2)))
          } else throw error
        }
      }
    },
  }
}
