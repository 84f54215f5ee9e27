/** The dialects over HTTP: the calls of other systems' REST interfaces, under the limits, budgets and counts of GraphQL's. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Carillon, checkProjectPermission } from '../carillon.ts'
import {
  type Answer,
  type Call,
  type Dialect,
  type Failure,
  type RawRequest,
  type Route,
  SchemaError,
  withReference,
} from '../dialects/dialect.ts'
import { loadDialect } from '../dialects/dialects.ts'
import type { Caller } from '../domain/caller.ts'
import type { Operation } from '../domain/permission.ts'
import { CarillonError, catalogue, type Problem, problem } from '../errors.ts'
import { codeOf, type PresentError } from '../graphql/errors.ts'
import { HEAVY_COST } from '../graphql/limits.ts'
import { costOfResult } from '../graphql/measure.ts'
import { waits } from '../graphql/pace.ts'
import { weightOf, weightOfItem } from '../graphql/sizes.ts'
import type { DialectName } from '../words.ts'
import { type Admission, clientOf } from './admission.ts'
import { decodeBody } from './body.ts'
import type { Budgets } from './budgets.ts'
import type { Meter } from './metrics.ts'
import type { Rates } from './rates.ts'
import type { Reading } from './reading.ts'
import { isRefused, type Refusals } from './refusals.ts'
import { answer } from './reply.ts'
import type { RequestPath } from './request-path.ts'
import { jsonReply } from './route.ts'
import { createRouter, type Router } from './router.ts'
import type { Turns } from './turns.ts'

/** What the endpoint needs. */
export interface DialectEndpointDeps {
  /** those that are served */
  readonly names: readonly DialectName[]
  readonly carillon: Carillon
  /** path of the public URL, which the addresses in descriptions begin with */
  readonly basePath: string
  readonly present: PresentError
  readonly rates: Rates
  readonly budgets: Budgets
  readonly turns: Turns
  readonly admission: Admission
  readonly reading: Reading
  readonly refusals: Refusals
  readonly meter: Meter
  readonly maxBodyBytes: number
}

/** One request to a dialect. */
export interface DialectRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly asked: RequestPath
  readonly remoteAddress: string
  /** is told the path of the route, as its table has it, once it is known */
  readonly matched: (pattern: string) => void
  /** is told the caller, once he is known */
  readonly known: (caller: Caller) => void
}

/** Answers requests to the dialects. */
export interface DialectEndpoint {
  /** The dialect that a path belongs to; null: none that is served. */
  nameOf(path: string): DialectName | null
  /** Never throws what a dialect can say in its own words. */
  handle(name: DialectName, request: DialectRequest): Promise<void>
}

/** A dialect, ready to be called. */
interface Served {
  readonly dialect: Dialect
  readonly router: Router<Pick<Route, 'method' | 'path'> & { readonly route: Route | null }>
  /** its OpenAPI document, as JSON */
  description(): Promise<string>
}

/** The type of answers; also of those without a body, because Novu's document requires the header there. */
const headers = { 'content-type': 'application/json; charset=utf-8' }

/** What a description is served at, below the dialect's base. */
const DESCRIPTION = '/openapi.json'

/** What a call costs besides its answer: what the operation costs in GraphQL, for the items that it is given. */
function costOf(operation: Operation, items: number): number {
  const weight = Math.max(weightOf(`Mutation.${operation}`), weightOf(`Query.${operation}`))
  return 1 + weight + items * weightOfItem(operation)
}

/** Creates the endpoint. */
export function createDialectEndpoint(deps: DialectEndpointDeps): DialectEndpoint {
  const { names, carillon, basePath, present, rates, budgets, turns, admission, reading, refusals, meter, maxBodyBytes } = deps
  const { authenticate } = rates
  const loading = new Map<DialectName, Promise<Served>>()

  async function load(name: DialectName): Promise<Served> {
    const dialect = await loadDialect(name)
    let text: string | null = null
    return {
      dialect,
      router: createRouter([
        { method: 'GET', path: DESCRIPTION, route: null },
        ...dialect.routes.map((route) => ({ method: route.method, path: route.path, route })),
      ]),
      async description() {
        const { describeDialect } = await import('../dialects/openapi.ts')
        text ??= JSON.stringify(describeDialect(dialect, `${basePath}/${name}`))
        return text
      },
    }
  }
  const served = (name: DialectName): Promise<Served> => {
    const found = loading.get(name) ?? load(name)
    loading.set(name, found)
    return found
  }

  /** Finds the caller. A wrong credential does not keep one from authenticating with a right one. */
  async function identify({ headers }: IncomingMessage, remoteAddress: string, operation: Operation): Promise<Caller> {
    try {
      return await admission.authenticate(headers.authorization ?? null, headers.origin, remoteAddress)
    } catch (error) {
      const isWrong = error instanceof CarillonError && error.code === 'UNAUTHENTICATED'
      if (isWrong && operation === 'authenticate') return { kind: 'none' }
      throw error
    }
  }

  /** Reads and answers a call when it is its turn. */
  const run = (route: Route, { bytes, ...raw }: Omit<RawRequest, 'body'> & { readonly bytes: Buffer }, call: Call) => {
    const spender = { caller: call.caller, remoteAddress: call.remoteAddress }
    budgets.check(spender)
    return turns.run(call.caller, call.remoteAddress, async (turn): Promise<Answer> => {
      const begun = route.begin({ ...raw, body: decodeBody(bytes) })
      const cost = costOf(route.operation, begun.items)
      budgets.spend(spender, cost)
      if (cost > HEAVY_COST) {
        await turn.grow().catch((error: unknown) => {
          // Nothing was done.
          budgets.correct(spender, -cost)
          throw error
        })
      }
      const reply = await (waits.has(route.operation) ? turn.pause(() => begun.run(call)) : begun.run(call))
      budgets.correct(spender, costOfResult(reply.body))
      return reply
    })
  }

  const problemOf = (error: unknown): Problem => {
    const presented = present(error)
    const { field, reference } = presented.extensions
    const text = withReference(presented.message, typeof reference === 'string' ? reference : null)
    return problem(codeOf(presented), text, typeof field === 'string' ? field : null)
  }

  const failureOf = (error: unknown, { method = 'GET' }: IncomingMessage, { written }: RequestPath): Failure => {
    const presented = present(error)
    const code = codeOf(presented)
    const { field, index, reference, retryAfterSeconds } = presented.extensions
    return {
      code,
      status: catalogue[code].status,
      message: presented.message,
      field: typeof field === 'string' ? field : null,
      index: typeof index === 'number' ? index : null,
      reference: typeof reference === 'string' ? reference : null,
      retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : null,
      issues: error instanceof SchemaError ? error.issues : [],
      method,
      url: written,
      at: new Date(),
    }
  }

  return {
    nameOf: (path) => names.find((name) => path === `/${name}` || path.startsWith(`/${name}/`)) ?? null,
    async handle(name, { request, response, asked, remoteAddress, matched, known }) {
      const { dialect, router, description } = await served(name)
      const send = ({ status, body }: Answer): void =>
        answer(request, response, body === undefined ? { status, headers } : jsonReply(status, body))
      let leave = (): void => {}
      let caller: Caller = { kind: 'none' }
      let failed = dialect.failed
      try {
        const match = router.find(request.method ?? 'GET', asked.path.slice(name.length + 1) || '/')
        if (match === null) throw new CarillonError('NOT_FOUND')
        matched(`/${name}${match.pattern}`)
        failed = dialect.routes.find(({ path }) => path === match.pattern)?.failed ?? dialect.failed
        if (match.route === null) {
          response.setHeader('allow', match.allow)
          throw new CarillonError('METHOD_NOT_ALLOWED')
        }
        const { route } = match.route
        if (route === null) {
          return answer(request, response, { status: 200, headers, body: await description() })
        }
        const { operation } = route
        caller = await identify(request, remoteAddress, operation)
        checkProjectPermission(caller, operation)
        known(caller)
        const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
        const client = clientOf(caller, remoteAddress)
        const bytes = hasBody ? await reading.read(request, response, maxBodyBytes, client) : Buffer.alloc(0)
        // The request is whole and its caller known: only now it takes a place.
        leave = admission.enter()
        rates.count(caller)
        const permit = (other: Operation): void => checkProjectPermission(caller, other)
        const call: Call = { carillon, caller, remoteAddress, authenticate, now: new Date(), problemOf, permit }
        const query = new URLSearchParams(asked.search)
        const reply = await run(route, { headers: request.headers, params: match.params, query, bytes }, call)
        meter.operation(name, 'OK')
        send(reply)
      } catch (error) {
        leave()
        if (isRefused(error)) await refusals.pause(clientOf(caller, remoteAddress))
        const failure = failureOf(error, request, asked)
        meter.operation(name, failure.code)
        if (response.headersSent || response.destroyed) return void response.destroy()
        if (failure.retryAfterSeconds !== null) response.setHeader('retry-after', failure.retryAfterSeconds)
        send(failed(failure))
      } finally {
        leave()
      }
    },
  }
}
