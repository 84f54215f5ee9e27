/** A client as a user would have one: GraphQL over HTTP by fetch, subscriptions by the published graphql-ws client. */
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { type FormattedExecutionResult, print } from 'graphql'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

/** What an answer holds. */
export interface Answer<T> {
  readonly status: number
  readonly data: T | null | undefined
  /** `extensions.code` of each error */
  readonly codes: readonly string[]
  readonly errors: readonly {
    readonly message: string
    readonly path?: readonly (string | number)[]
    readonly extensions: Record<string, unknown>
  }[]
}

/** A subscription that is being collected. */
export interface Watched<T> {
  readonly events: readonly T[]
  /** Waits until there are that many. @throws when they do not come in time, or the subscription fails */
  waitFor(count: number, withinMs?: number): Promise<readonly T[]>
  /** Waits for its end. @returns the error that ended it, or null */
  ended(withinMs?: number): Promise<unknown>
  close(): void
}

/** A client with one credential. */
export interface Client {
  readonly url: string
  /** Asks, and gives the answer whatever it is. */
  ask<T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<Answer<T>>
  /** Asks, and gives the data. @throws when there is an error in the answer */
  do<T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<T>
  /** Asks for a document that is made up at run time. @returns the codes of its errors */
  raw(query: string, variables?: Record<string, unknown>): Promise<string[]>
  /** Subscribes on a socket of its own. Resolves when the server has it (a query on the same socket was answered after it). */
  watch<T, V extends Record<string, unknown>>(document: TypedDocumentNode<T, V>, variables: V): Promise<Watched<T>>
}

/** `credential`: the whole header, or null. */
export function createTestClient(url: string, credential: string | null): Client {
  async function post<T>(query: string, variables: unknown): Promise<Answer<T>> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(credential === null ? {} : { authorization: credential }) },
      body: JSON.stringify({ query, variables }),
    })
    const body = (await response.json()) as { data?: T; errors?: Answer<T>['errors'] }
    const errors = body.errors ?? []
    return { status: response.status, data: body.data, errors, codes: errors.map((error) => String(error.extensions['code'])) }
  }
  const ask = <T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<Answer<T>> => post<T>(print(document), variables)
  return {
    url,
    ask,
    raw: async (query, variables = {}) => [...(await post(query, variables)).codes],
    async do(document, variables) {
      const { data, errors } = await ask(document, variables)
      if (errors.length > 0 || data === null || data === undefined)
        throw new Error(`The answer has errors: ${JSON.stringify(errors)}`)
      return data
    },
    async watch(document, variables) {
      return watch(url, credential, document, variables)
    },
  }
}

async function watch<T, V extends Record<string, unknown>>(
  url: string,
  credential: string | null,
  document: TypedDocumentNode<T, V>,
  variables: V,
): Promise<Watched<T>> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...(credential === null ? {} : { connectionParams: { authorization: credential } }),
  })
  const events: T[] = []
  let failure: unknown = null
  let isEnded = false
  let changed = Promise.withResolvers<void>()
  const note = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  client.subscribe<T>(
    { query: print(document), variables },
    {
      next(result: FormattedExecutionResult<T, unknown>) {
        if (result.errors !== undefined) failure ??= result.errors
        if (result.data !== null && result.data !== undefined) events.push(result.data)
        note()
      },
      error(error) {
        failure ??= error
        isEnded = true
        note()
      },
      complete() {
        isEnded = true
        note()
      },
    },
  )
  async function until(isReached: () => boolean, withinMs: number, what: () => string): Promise<void> {
    const deadline = performance.now() + withinMs
    while (!isReached()) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(what())
      const timer = Promise.withResolvers<void>()
      const handle = setTimeout(timer.resolve, leftMs)
      await Promise.race([changed.promise, timer.promise])
      clearTimeout(handle)
    }
  }
  // The socket's messages are handled in order, and a subscription without a cursor begins once its start was read from the record:
  // the answers to queries after it, which read the database as well, show that it has begun.
  for (let round = 0; round < 2; round++) {
    await new Promise<void>((resolve) => {
      client.subscribe(
        { query: '{ viewer { project { id createdAt } contact { id createdAt } } }' },
        { next() {}, error: () => resolve(), complete: () => resolve() },
      )
    })
  }
  return {
    events,
    async waitFor(count, withinMs = 10_000) {
      await until(
        () => events.length >= count || failure !== null,
        withinMs,
        () => `Only ${events.length} of ${count} events came`,
      )
      if (events.length < count) throw new Error(`The subscription failed: ${describe(failure)}`)
      return events
    },
    async ended(withinMs = 10_000) {
      await until(
        () => isEnded,
        withinMs,
        () => 'The subscription did not end',
      )
      return failure
    },
    close: () => void client.dispose(),
  }
}

const describe = (failure: unknown): string => (failure instanceof Error ? failure.message : JSON.stringify(failure))
