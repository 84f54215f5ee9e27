/** Holds the contact's token and gets a new one from the page when it is rejected. */
import { InboxError } from './inbox-error.ts'

/** Supplies a token for the contact. Called at start-up if no token was given, and whenever the current one has expired. */
export type TokenProvider = () => string | Promise<string>

/** The current token. */
export interface TokenKeeper {
  /** A token that has not been rejected. Waits until there is one. @throws InboxError TOKEN when the provider fails */
  get(): Promise<string>
  set(token: string): void
  /** The server rejected this token. */
  refuse(token: string): void
  /** The server accepted this token. */
  accept(token: string): void
  /** Calls the provider again after it was given up on. */
  again(): void
}

/** How many tokens in a row may be rejected before the provider is no longer called. */
const MAX_REFUSED = 2

/**
 * `onMissing` is called when there is no token and no provider, or when the provider's tokens keep being rejected: `get` then waits for
 * `set`.
 */
export function createTokenKeeper(
  first: string | null,
  provider: () => TokenProvider | null,
  onMissing: () => void,
): TokenKeeper {
  let token = first
  let refused = 0
  let requested: Promise<string> | null = null
  let waiting: PromiseWithResolversLike<string> | null = null

  const wait = (): Promise<string> => {
    waiting ??= withResolvers()
    onMissing()
    return waiting.promise
  }
  const request = async (): Promise<string> => {
    const provide = provider()
    if (provide === null || refused >= MAX_REFUSED) return wait()
    let given: string
    try {
      given = await provide()
    } catch (cause) {
      throw new InboxError('TOKEN', 'The page could not supply a token.', { cause })
    }
    token = given
    return given
  }
  return {
    get() {
      if (token !== null) return Promise.resolve(token)
      requested ??= request().finally(() => {
        requested = null
      })
      return requested
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
      const pending = waiting
      if (pending === null || provider() === null) return
      waiting = null
      request().then(pending.resolve, () => {
        waiting = pending
      })
    },
  }
}

interface PromiseWithResolversLike<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}
/** Promise.withResolvers, which browsers only have since 2024. */
function withResolvers<T>(): PromiseWithResolversLike<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
