/** The GraphQL engine: the same limits, budgets and errors for every transport. */
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  parse,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { CarillonError, catalogue } from '../errors.ts'
import type { Caller, SendBuffer } from './context.ts'
import { codeOf, ERRORS_MAX, type PresentError, withFirstErrors } from './errors.ts'
import { createExecution, type Results } from './execution.ts'
import { type Answering, CHARACTERS_PER_COST, createDocumentCache, createLimits, documentLimits } from './limits.ts'
import { createSingles, type Refuse } from './single.ts'
import type { Budgets, Turns } from './transport.ts'

/** The caller of one operation, and the budget of its answers. */
export interface Requester {
  readonly caller: Caller
  readonly sendBuffer: SendBuffer
  readonly remoteAddress: string
}

/** One GraphQL request over HTTP. */
export interface HttpOperation extends Requester {
  readonly method: 'GET' | 'POST'
  /** the query string with its question mark, or nothing */
  readonly search: string
  readonly accept: string
  /** JSON text; empty for a GET */
  readonly body: string
  /** why the credential was refused, if it was: only `authenticate` is executed nevertheless */
  readonly refusal: CarillonError | null
}

/** The answer to it. */
export interface HttpAnswer {
  readonly status: number
  readonly errors: readonly GraphQLError[]
  readonly headers: Iterable<readonly [string, string]>
  /** A text, or an event stream, which lasts until the client ends it. */
  readonly body: string | ReadableStream<Uint8Array>
}

/** One GraphQL operation over a socket. */
export interface SocketOperation extends Requester {
  readonly query: string
  readonly variables: { readonly [name: string]: unknown } | null | undefined
  readonly operationName: string | null | undefined
  /** what the client asks of the server beyond the operation: `cost: true` states its cost in the result */
  readonly extensions: { readonly [name: string]: unknown } | null | undefined
}

/** An operation that parsed and validated. */
export interface Prepared {
  readonly args: ExecutionArgs
  readonly type: 'query' | 'mutation' | 'subscription'
}

/** Executes GraphQL operations for all transports. */
export interface Engine {
  answer(operation: HttpOperation): Promise<HttpAnswer>
  /** Parses and validates an operation, and creates its context. @returns the presented errors when that fails */
  prepare(operation: SocketOperation): Promise<Prepared | readonly GraphQLError[]>
  /** Executes a prepared operation. Never throws: presented errors are part of the result. */
  run(args: ExecutionArgs): Promise<ExecutionResult | Results>
}

interface Outcome {
  errors: readonly GraphQLError[]
  /** `absent`: nothing was executed; `empty`: no root field has a value */
  data: 'absent' | 'empty' | 'some'
}

/** Yoga passes copies of it to the plugins; all of them share one `outcome`. */
type ServerContext = HttpOperation & { readonly outcome: Outcome; readonly answering: Answering }

/** What the context of the resolvers is created from. */
export type ContextParts = Requester & { pause<T>(work: () => Promise<T>): Promise<T> }

/** What the engine needs. `C` is the resolvers' context. */
export interface EngineDeps<C extends object> {
  readonly schema: GraphQLSchema
  readonly present: PresentError
  /** off: no introspection */
  readonly explore: boolean
  readonly budgets: Budgets
  readonly turns: Turns
  /** Creates the context of one operation. */
  createContext(parts: ContextParts): C
}

/** What a request with a wrong credential costs, besides its length. */
const REFUSED_COST = 1

/** Creates the engine. */
export function createEngine<C extends object>(deps: EngineDeps<C>): Engine {
  const { schema, present, explore, budgets, turns, createContext } = deps
  const limits = createLimits({ explore, budgets })

  const requests: Plugin<Record<string, never>, ServerContext> = {
    onRequestParse({ request, serverContext, setRequestParser }) {
      // The body has been read already, up to its limit. Only JSON is accepted: no multipart, no forms, no bare documents.
      if (request.method === 'POST') setRequestParser(() => parseBody(serverContext.body))
      else setRequestParser(() => parseSearch(serverContext.search))
    },
    onParams({ params, context, setResult }) {
      if (params.extensions?.['cost'] === true) context.answering.isCostShown = true
      const refusal = refuserOf(context, context.answering)?.(params.query ?? '', params.operationName) ?? null
      if (refusal !== null) setResult({ errors: [present(refusal)] })
    },
    onResultProcess({ result, setResult, serverContext }) {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return
      const errors = withFirstErrors(result).errors?.map(present) ?? []
      Object.assign(serverContext.outcome, { errors, data: fillOf(result.data) })
      if (errors.length > 0) setResult({ ...result, errors })
    },
  }
  /** Refuses whatever does not authenticate, if the credential is wrong. */
  const refuserOf = ({ refusal }: Pick<HttpOperation, 'refusal'>, answering: Answering): Refuse | null =>
    refusal === null
      ? null
      : (query, operationName) => {
          // Whatever it is, it was read, and parsed to see that it does not authenticate.
          budgets.spend(answering, REFUSED_COST + query.length / CHARACTERS_PER_COST)
          return isAuthentication(query, operationName) ? null : refusal
        }
  const contextOf = ({ caller, sendBuffer, remoteAddress, answering }: Requester & { readonly answering: Answering }): C =>
    createContext({
      caller,
      sendBuffer,
      remoteAddress,
      pause: (work) => (answering.turn === null ? work() : answering.turn.pause(work)),
    })
  /** It answers few requests, and is a quarter of all that the server would load: it is loaded with the first of them. */
  async function loadYoga() {
    const { createYoga } = await import('graphql-yoga')
    return createYoga<ServerContext>({
      schema,
      context: contextOf,
      plugins: [requests, limits.plugin],
      maskedErrors: { errorMessage: catalogue.INTERNAL.message, maskError: present },
      logging: false,
      graphiql: false,
      landingPage: false,
      batching: false,
      multipart: false,
      cors: false,
      parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: createDocumentCache() },
    })
  }
  let loading: ReturnType<typeof loadYoga> | null = null

  const prepared = new WeakMap<ExecutionArgs, { readonly type: Prepared['type']; readonly answering: Answering }>()

  /** Does the work of an operation when it is its turn. */
  const inTurn = <T>(answering: Answering, work: () => Promise<T>): Promise<T> =>
    turns.run(answering.caller, answering.remoteAddress, async (turn) => {
      answering.turn = turn
      try {
        return await work()
      } finally {
        answering.turn = null
      }
    })

  const execution = createExecution({
    schema,
    limits,
    present,
    check: (query, answering) => limits.check(schema, query, answering),
  })
  const singles = createSingles({ schema, execution, present })

  async function answerSingle(operation: HttpOperation, answering: Answering): Promise<HttpAnswer | null> {
    if (operation.method !== 'POST') return null
    const answer = await singles.answer(
      operation,
      answering,
      () => contextOf({ ...operation, answering }),
      refuserOf(operation, answering),
    )
    if (answer === null) return null
    const { errors, data, text, mediaType } = answer
    const status = statusOf({ errors, data: fillOf(data) }, mediaType === 'application/json')
    return { status, errors, headers: [['content-type', `${mediaType}; charset=utf-8`]], body: text }
  }

  async function answerByYoga(operation: HttpOperation, answering: Answering): Promise<HttpAnswer> {
    const outcome: Outcome = { errors: [], data: 'absent' }
    loading ??= loadYoga()
    const yoga = await loading
    // A fixed host: the client's Host header may be anything, and must not fail to parse here.
    const request = new yoga.fetchAPI.Request(`http://localhost/graphql${operation.search}`, {
      method: operation.method,
      headers: { accept: operation.accept },
    })
    const response = await yoga.fetch(request, { ...operation, outcome, answering })
    const { headers } = response
    const type = headers.get('content-type') ?? ''
    const { errors } = outcome
    const status = errors.length === 0 ? response.status : statusOf(outcome, type.startsWith('application/json'))
    const isStream = type.startsWith('text/event-stream') && response.body !== null
    return { status, errors, headers, body: isStream && response.body !== null ? response.body : await response.text() }
  }

  return {
    async answer(operation) {
      const { caller, remoteAddress } = operation
      const answering: Answering = { caller, remoteAddress, turn: null, charge: null, isCostShown: caller.kind === 'contact' }
      budgets.check(answering)
      return inTurn(answering, async () => (await answerSingle(operation, answering)) ?? answerByYoga(operation, answering))
    },

    async prepare({ query, variables, operationName, extensions, caller, sendBuffer, remoteAddress }) {
      const isCostShown = caller.kind === 'contact' || extensions?.['cost'] === true
      const answering: Answering = { caller, remoteAddress, turn: null, charge: null, isCostShown }
      try {
        budgets.check(answering)
        return await inTurn(answering, async () => {
          const { document, problems, type } = execution.read(query, operationName, answering)
          if (problems.length > 0) return problems.slice(0, ERRORS_MAX).map(present)
          const contextValue = contextOf({ caller, sendBuffer, remoteAddress, answering })
          const args: ExecutionArgs = { schema, document, contextValue }
          Object.assign(args, { variableValues: variables, operationName })
          prepared.set(args, { type, answering })
          return { args, type }
        })
      } catch (error) {
        return [present(error)]
      }
    },

    async run(args) {
      try {
        const known = prepared.get(args)
        if (known === undefined) throw new Error('The operation was not prepared.')
        const { type, answering } = known
        const result: ExecutionResult | Results = await inTurn(answering, async () =>
          type === 'subscription' ? execution.follow(args, answering) : execution.run(args, answering),
        )
        if (Symbol.asyncIterator in result) return result
        const first = withFirstErrors(result)
        return first.errors === undefined ? first : { ...first, errors: first.errors.map(present) }
      } catch (error) {
        return { errors: [present(error)] }
      }
    },
  }
}

/** The parameters of a GET, by GraphQL over HTTP: `variables` and `extensions` are JSON texts, and one that is empty is left out. */
function parseSearch(search: string): Record<string, unknown> {
  const given = new URLSearchParams(search)
  const parsed: Record<string, unknown> = {}
  for (const name of ['query', 'operationName']) {
    const text = given.get(name)
    if (text !== null && text !== '') parsed[name] = text
  }
  for (const name of ['variables', 'extensions']) {
    const text = given.get(name)
    if (text === null || text === '') continue
    try {
      parsed[name] = JSON.parse(text)
    } catch (error) {
      throw new CarillonError('BAD_REQUEST', { message: `The parameter ${name} is not valid JSON.`, cause: error })
    }
  }
  return parsed
}

function parseBody(text: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new CarillonError('BAD_REQUEST', { message: 'The request body is not valid JSON.', cause: error })
  }
  if (Array.isArray(body))
    throw new CarillonError('BAD_REQUEST', { message: 'Batching is not supported: send one operation per request.' })
  if (typeof body !== 'object' || body === null) {
    throw new CarillonError('BAD_REQUEST', { message: 'The request body must be a JSON object.' })
  }
  const name = 'operationName' in body ? body.operationName : null
  if (name !== null && name !== undefined && typeof name !== 'string') {
    throw new CarillonError('BAD_REQUEST', { message: 'The operationName must be a string.' })
  }
  return { ...body }
}

/** Whether the operation does nothing but `authenticate`: a client whose credential has expired must be able to get a new one. */
function isAuthentication(query: string, operationName: string | null | undefined): boolean {
  if (query.length > documentLimits.queryChars) return false
  try {
    const operation = getOperationAST(parse(query, { maxTokens: documentLimits.tokens, noLocation: true }), operationName)
    if (operation?.operation !== 'mutation') return false
    return operation.selectionSet.selections.every((field) => field.kind === Kind.FIELD && field.name.value === 'authenticate')
  } catch {
    // A document that does not parse is not an authentication.
    return false
  }
}

const fillOf = (data: unknown): Outcome['data'] => {
  if (data === undefined) return 'absent'
  if (typeof data !== 'object' || data === null) return 'empty'
  return Object.values(data).some((value) => value !== null) ? 'some' : 'empty'
}

/** Codes about the request as a whole: they are the HTTP status for every media type. */
const wholeRequest = new Set([
  'BAD_REQUEST',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'TOO_LARGE',
  'INTERNAL',
  'FORBIDDEN',
])
/** Codes that are the HTTP status when fields were executed and none has a value. */
const refusals = new Set(['UNAUTHENTICATED', 'RATE_LIMITED', 'OVERLOADED'])

/** GraphQL over HTTP: with `application/json`, a well-formed GraphQL response has status 200 even if it holds nothing but errors. */
function statusOf({ errors, data }: Outcome, isPlainJson: boolean): number {
  if (data === 'some') return 200
  const codes = errors.map(codeOf)
  const first = codes[0]
  if (first === undefined) return 200
  if (codes.every((code) => refusals.has(code))) return catalogue[first].status
  if (data === 'empty') return 200
  return isPlainJson && !wholeRequest.has(first) ? 200 : catalogue[first].status
}

/** Seconds after which to try again, if one of the errors has them. */
export const retryAfterOf = (errors: readonly GraphQLError[]): number | null => {
  for (const { originalError } of errors) {
    if (originalError instanceof CarillonError && originalError.details.retryAfterSeconds !== undefined) {
      return originalError.details.retryAfterSeconds
    }
  }
  return null
}
