/** An HTTP server with a small schema, on a free port. Shared by the tests of http/ and graphql/. */
import { GraphQLError, GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql'
import type { Project } from '../../src/db/generated/client.ts'
import { CarillonError } from '../../src/errors.ts'
import type { Caller, SendBuffer } from '../../src/graphql/context.ts'
import type { AuthHooks } from '../../src/http/admission.ts'
import { createBudgets } from '../../src/http/budgets.ts'
import type { Check } from '../../src/http/health.ts'
import { createMetrics, type MetricsAccess } from '../../src/http/metrics.ts'
import { createRates } from '../../src/http/rates.ts'
import type { Route } from '../../src/http/route.ts'
import { createHttpServer, type HttpServer, type ServerLimits } from '../../src/http/server.ts'
import type { Log } from '../../src/log.ts'
import type { BudgetNumbers } from '../../src/words.ts'
import { keyCaller } from './caller.ts'

export interface TestContext {
  readonly caller: Caller
  readonly sendBuffer: SendBuffer
  readonly remoteAddress: string
}

/** A topic whose subscribers each have a queue that is bounded by their send buffer. */
export function createTopic() {
  const listeners = new Set<(text: string) => void>()
  return {
    publish(text: string) {
      for (const listener of listeners) listener(text)
    },
    count: () => listeners.size,
    subscribe(sendBuffer: SendBuffer): AsyncGenerator<{ ticks: string }> {
      const queue: string[] = []
      let wake: () => void = () => {}
      let isEnded = false
      let held = 0
      const listener = (text: string) => {
        if (isEnded) return
        if (sendBuffer.reserve(text.length)) queue.push(text)
        else isEnded = true
        wake()
      }
      listeners.add(listener)
      const done = (): IteratorResult<{ ticks: string }> => {
        listeners.delete(listener)
        sendBuffer.release(held + queue.reduce((sum, text) => sum + text.length, 0))
        held = 0
        queue.length = 0
        isEnded = true
        return { done: true, value: undefined }
      }
      return {
        async next() {
          sendBuffer.release(held)
          held = 0
          while (queue.length === 0 && !isEnded) await new Promise<void>((resolve) => (wake = resolve))
          const text = queue.shift()
          if (text === undefined) return done()
          held = text.length
          return { done: false, value: { ticks: text } }
        },
        async return() {
          const result = done()
          wake()
          return result
        },
        async throw(error: unknown) {
          done()
          throw error
        },
        [Symbol.asyncIterator]() {
          return this
        },
        async [Symbol.asyncDispose]() {
          done()
        },
      }
    },
  }
}
export type Topic = ReturnType<typeof createTopic>

const deferred = () => {
  let resolve: (value: string) => void = () => {}
  const promise = new Promise<string>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** A schema with each kind of failure in it. */
export function createSchema(topic: Topic, slow: ReturnType<typeof deferred>, started: () => void) {
  const node: GraphQLObjectType = new GraphQLObjectType({
    name: 'Node',
    fields: () => ({
      id: { type: GraphQLString, resolve: () => 'n' },
      name: { type: GraphQLString, resolve: () => 'name' },
      self: { type: node, resolve: () => ({}) },
      list: { type: page, args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } }, resolve: () => ({}) },
    }),
  })
  const page: GraphQLObjectType = new GraphQLObjectType({
    name: 'NodeConnection',
    fields: () => ({ nodes: { type: new GraphQLList(node), resolve: () => [{}] } }),
  })
  const fail = (error: () => unknown) => ({
    type: GraphQLString,
    resolve: () => {
      throw error()
    },
  })
  const shared = new Error('connection refused by 10.0.0.7, password=hunter2')
  return new GraphQLSchema({
    query: new GraphQLObjectType<unknown, TestContext>({
      name: 'Query',
      fields: {
        hello: { type: GraphQLString, resolve: () => 'world' },
        who: { type: GraphQLString, resolve: (_root, _args, { caller }) => caller.kind },
        address: { type: GraphQLString, resolve: (_root, _args, context) => context.remoteAddress },
        echo: {
          type: GraphQLString,
          args: { text: { type: new GraphQLNonNull(GraphQLString) } },
          resolve: (_root, { text }) => text,
        },
        double: { type: GraphQLInt, args: { n: { type: GraphQLInt } }, resolve: (_root, { n }) => n * 2 },
        broken: fail(() => new Error('secret: hunter2')),
        brokenAgain: fail(() => shared),
        brokenToo: fail(() => shared),
        refused: fail(() => new CarillonError('BATCH_TOO_LARGE', { max: 100, got: 101, index: 3, cause: new Error('inner') })),
        secretGraphQL: fail(() => new GraphQLError('table "users" has no column')),
        nobody: fail(() => new CarillonError('UNAUTHENTICATED')),
        limited: fail(() => new CarillonError('RATE_LIMITED', { retryAfterSeconds: 7 })),
        slow: {
          type: GraphQLString,
          resolve: () => {
            started()
            return slow.promise
          },
        },
        node: { type: node, resolve: () => ({}) },
        list: { type: page, args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } }, resolve: () => ({}) },
      },
    }),
    mutation: new GraphQLObjectType({
      name: 'Mutation',
      fields: {
        write: { type: GraphQLString, resolve: () => 'written' },
        authenticate: { type: GraphQLString, args: { accessKey: { type: GraphQLString } }, resolve: () => 'token' },
      },
    }),
    subscription: new GraphQLObjectType<unknown, TestContext>({
      name: 'Subscription',
      fields: {
        ticks: { type: GraphQLString, subscribe: (_root, _args, { sendBuffer }) => topic.subscribe(sendBuffer) },
        refusedStream: {
          type: GraphQLString,
          subscribe: () => {
            throw new CarillonError('CURSOR_EXPIRED')
          },
        },
        brokenStream: {
          type: GraphQLString,
          async *subscribe() {
            yield { brokenStream: 'one' }
            throw new Error('secret: hunter2')
          },
        },
      },
    }),
  })
}

const project = (allowedOrigins: string[]): Project => ({
  ...({} as Project),
  id: '00000000-0000-7000-8000-000000000001',
  key: 'test',
  allowedOrigins,
})

/** Starts a server. Credentials: `Bearer key-NAME`, `Bearer contact-NAME`; `state` controls them. */
export async function startTestServer(
  options: {
    readonly explore?: boolean
    readonly maxBodyBytes?: number
    readonly rateLimit?: number | null
    readonly trustedProxies?: readonly string[]
    readonly publicUrl?: string
    readonly keepAliveMs?: number
    readonly limits?: Partial<ServerLimits>
    /** budgets of cost; default: none */
    readonly budgets?: BudgetNumbers
    readonly checks?: readonly Check[]
    readonly routes?: readonly Route[]
    readonly metricsAccess?: MetricsAccess
  } = {},
) {
  const topic = createTopic()
  const slow = deferred()
  const begun = deferred()
  const logged: { message: string; fields: Record<string, unknown> }[] = []
  const keep = (message: string, fields: Record<string, unknown> = {}) => void logged.push({ message, fields })
  const log: Log = { debug() {}, info() {}, warn: keep, error: keep }
  const state = {
    revoked: new Set<string>(),
    expiresAt: new Date(Date.now() + 3_600_000),
    allowedOrigins: [] as string[],
    seen: [] as (string | null)[],
  }
  const auth: AuthHooks = {
    async authenticate(authorization) {
      state.seen.push(authorization)
      if (authorization === null) return { kind: 'none' }
      const key = /^Bearer key-(\w+)$/.exec(authorization)?.[1]
      if (key !== undefined && !state.revoked.has(key)) {
        return keyCaller(key, project([]))
      }
      const name = /^Bearer contact-(\w+)$/.exec(authorization)?.[1]
      if (name !== undefined) {
        return {
          kind: 'contact',
          project: project(state.allowedOrigins),
          contactId: name,
          externalId: name,
          expiresAt: state.expiresAt,
        }
      }
      if (authorization === 'Bearer away') throw new Error('database unavailable: hunter2')
      throw new CarillonError('UNAUTHENTICATED')
    },
    isEnded: () => false,
    findRevoked: async (ids) => new Set(ids.filter((id) => state.revoked.has(id))),
  }
  const metrics = createMetrics()
  const server: HttpServer = createHttpServer<TestContext>({
    schema: createSchema(topic, slow, () => begun.resolve('')),
    createContext: (requester) => requester,
    auth,
    config: {
      explore: options.explore ?? true,
      maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
      trustedProxies: options.trustedProxies ?? [],
      publicUrl: options.publicUrl ?? 'http://127.0.0.1:4000',
      keepAliveMs: options.keepAliveMs ?? 75_000,
    },
    rates: createRates(options.rateLimit ?? null),
    budgets: createBudgets(options.budgets ?? { project: null, contacts: null, contact: null, address: null }),
    metrics,
    metricsAccess: options.metricsAccess ?? 'open',
    log,
    checks: options.checks ?? [],
    routes: options.routes ?? [],
    limits: options.limits ?? {},
  })
  const port = await server.listen(0, '127.0.0.1')
  const url = `http://127.0.0.1:${port}`
  return {
    server,
    port,
    url,
    endpoint: `${url}/graphql`,
    socketUrl: `ws://127.0.0.1:${port}/graphql`,
    topic,
    slow,
    begun,
    logged,
    state,
    metrics,
    stop: () => server.drain(200),
  }
}
export type TestServer = Awaited<ReturnType<typeof startTestServer>>

/** A GraphQL answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    data?: Record<string, unknown> | null
    errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]
  }
  /** of the first error */
  readonly code: unknown
}

/** Posts one operation. */
export async function post(endpoint: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  })
  const answer = JSON.parse(await response.text()) as Answer['body']
  return { status: response.status, headers: response.headers, body: answer, code: answer.errors?.[0]?.extensions?.['code'] }
}

/** Waits for a fact. */
export async function until(fact: () => boolean, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs
  while (!fact()) {
    if (Date.now() > end) throw new Error(`It did not become true within ${withinMs} ms: ${fact}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
