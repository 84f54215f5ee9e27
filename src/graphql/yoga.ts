/** The GraphQL engine: one chain of plugins that both transports go through. */
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  parse,
} from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { CarillonError, catalogue } from '../errors.ts'
import type { Caller, Outlet } from './context.ts'
import { codeOf, type PresentError } from './errors.ts'
import type { Gate } from './gate.ts'
import { limits, useLimits } from './limits.ts'

/** Who asks for one operation, and where its answer goes. */
export interface Asker {
  readonly caller: Caller
  readonly outlet: Outlet
  readonly remoteAddress: string
}

/** One GraphQL request over HTTP. */
export interface HttpOperation extends Asker {
  readonly method: 'GET' | 'POST'
  /** the query string with its question mark, or nothing */
  readonly search: string
  readonly accept: string
  /** of a POST: JSON text */
  readonly body: string
  /** why the credential was refused; only `authenticate` may go on in spite of it */
  readonly refusal: CarillonError | null
}

/** What came of it. */
export interface HttpAnswer {
  readonly response: Response
  readonly status: number
  readonly errors: readonly GraphQLError[]
  /** whether the response goes on for as long as the reader likes */
  readonly isStream: boolean
}

/** One GraphQL operation over a socket. */
export interface SocketOperation extends Asker {
  readonly query: string
  readonly variables: { readonly [name: string]: unknown } | null | undefined
  readonly operationName: string | null | undefined
}

/** An operation that parsed and validated. */
export interface Prepared {
  readonly args: ExecutionArgs
  readonly type: 'query' | 'mutation' | 'subscription'
}

/** The engine. */
export interface Engine {
  answer(operation: HttpOperation): Promise<HttpAnswer>
  /** Parses, validates and makes the context. Errors are presented, as a list. */
  prepare(operation: SocketOperation): Promise<Prepared | readonly GraphQLError[]>
  /** Runs what was prepared. Never throws: errors are presented, in the result. */
  run(args: ExecutionArgs): Promise<ExecutionResult | AsyncIterable<ExecutionResult>>
}

interface Outcome {
  errors: readonly GraphQLError[]
  /** `absent`: nothing was executed; `empty`: no root field has a value */
  data: 'absent' | 'empty' | 'some'
}

/** Yoga hands copies of it around; the outcome inside is one and the same. */
type ServerContext = HttpOperation & { readonly outcome: Outcome }

/** Makes the engine. */
export function createEngine<C extends object>(
  schema: GraphQLSchema,
  gate: Pick<Gate<C>, 'createContext'>,
  present: PresentError,
  explore: boolean,
): Engine {
  const doors: Plugin<Record<string, never>, ServerContext> = {
    onRequestParse({ request, serverContext, setRequestParser }) {
      // The body was read and bounded before; multipart, forms and bare documents are not spoken here.
      if (request.method === 'POST') setRequestParser(() => parseBody(serverContext.body))
      else setRequestParser(() => parseSearch(serverContext.search))
    },
    onParams({ params, context, setResult }) {
      if (context.refusal !== null && !isAuthentication(params.query, params.operationName))
        setResult({ errors: [present(context.refusal)] })
    },
    onResultProcess({ result, setResult, serverContext }) {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return
      const errors = result.errors?.map(present) ?? []
      Object.assign(serverContext.outcome, { errors, data: fill(result.data) })
      if (errors.length > 0) setResult({ ...result, errors })
    },
  }
  const yoga = createYoga<ServerContext>({
    schema,
    context: ({ caller, outlet, remoteAddress }) => gate.createContext(caller, outlet, remoteAddress),
    plugins: [doors, useLimits(explore)],
    maskedErrors: { errorMessage: catalogue.INTERNAL.message, maskError: present },
    logging: false,
    graphiql: false,
    landingPage: false,
    batching: false,
    multipart: false,
    cors: false,
  })

  type Enveloped = ReturnType<typeof yoga.getEnveloped>
  const enveloped = new WeakMap<ExecutionArgs, { readonly engine: Enveloped; readonly type: Prepared['type'] }>()

  return {
    async answer(operation) {
      const outcome: Outcome = { errors: [], data: 'absent' }
      // The address is fixed: what the client wrote as its host is nobody's business here.
      const request = new yoga.fetchAPI.Request(`http://localhost/graphql${operation.search}`, {
        method: operation.method,
        headers: { accept: operation.accept },
      })
      const response = await yoga.fetch(request, { ...operation, outcome })
      const type = response.headers.get('content-type') ?? ''
      const status = outcome.errors.length === 0 ? response.status : statusOf(outcome, type.startsWith('application/json'))
      return { response, status, errors: outcome.errors, isStream: type.startsWith('text/event-stream') }
    },

    async prepare({ query, variables, operationName, caller, outlet, remoteAddress }) {
      try {
        const params = { query, variables, operationName }
        const engine = yoga.getEnveloped({ caller, outlet, remoteAddress, params })
        const document = engine.parse(query)
        const problems: readonly unknown[] = engine.validate(engine.schema, document)
        if (problems.length > 0) return problems.map(present)
        const operation = getOperationAST(document, operationName)
        if (!operation) throw new CarillonError('QUERY_INVALID', { message: 'Could not determine what operation to execute.' })
        const contextValue: unknown = await engine.contextFactory()
        const args: ExecutionArgs = { schema: engine.schema, document, contextValue }
        Object.assign(args, { variableValues: variables, operationName })
        enveloped.set(args, { engine, type: operation.operation })
        return { args, type: operation.operation }
      } catch (error) {
        return [present(error)]
      }
    },

    async run(args) {
      try {
        const { engine, type } = enveloped.get(args) ?? {}
        if (engine === undefined) throw new Error('The operation was not prepared.')
        return await (type === 'subscription' ? engine.subscribe(args) : engine.execute(args))
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
    throw new CarillonError('BAD_REQUEST', { message: 'Batches are not supported: send one operation in a request.' })
  if (typeof body !== 'object' || body === null) {
    throw new CarillonError('BAD_REQUEST', { message: 'The request body must be a JSON object.' })
  }
  const name = 'operationName' in body ? body.operationName : null
  if (name !== null && name !== undefined && typeof name !== 'string') {
    throw new CarillonError('BAD_REQUEST', { message: 'The operationName must be a string.' })
  }
  return { ...body }
}

/** Whether the operation does nothing but `authenticate`: who holds a stale credential must be able to get a new one. */
function isAuthentication(query: unknown, operationName: string | undefined): boolean {
  if (typeof query !== 'string' || query.length > limits.queryChars) return false
  try {
    const operation = getOperationAST(parse(query, { maxTokens: limits.tokens, noLocation: true }), operationName)
    if (operation?.operation !== 'mutation') return false
    return operation.selectionSet.selections.every((field) => field.kind === Kind.FIELD && field.name.value === 'authenticate')
  } catch {
    // What does not parse is not an authentication.
    return false
  }
}

const fill = (data: unknown): Outcome['data'] => {
  if (data === undefined) return 'absent'
  if (typeof data !== 'object' || data === null) return 'empty'
  return Object.values(data).some((value) => value !== null) ? 'some' : 'empty'
}

/** Codes that speak of the request as a whole, whatever the media type. */
const whole = new Set(['BAD_REQUEST', 'METHOD_NOT_ALLOWED', 'UNSUPPORTED_MEDIA_TYPE', 'TOO_LARGE', 'INTERNAL', 'FORBIDDEN'])
/** Those that stay the answer's status when fields were tried, and none has a value. */
const refusals = new Set(['UNAUTHENTICATED', 'RATE_LIMITED', 'OVERLOADED'])

/** GraphQL over HTTP: with `application/json`, an answer that is well-formed GraphQL has status 200, even where all is errors. */
function statusOf({ errors, data }: Outcome, isPlainJson: boolean): number {
  if (data === 'some') return 200
  const codes = errors.map(codeOf)
  const first = codes[0]
  if (first === undefined) return 200
  if (codes.every((code) => refusals.has(code))) return catalogue[first].status
  if (data === 'empty') return 200
  return isPlainJson && !whole.has(first) ? 200 : catalogue[first].status
}

/** Seconds after which to try again, when one of the errors says so. */
export const retryAfter = (errors: readonly GraphQLError[]): number | null => {
  for (const { originalError } of errors) {
    if (originalError instanceof CarillonError && originalError.details.retryAfterSeconds !== undefined) {
      return originalError.details.retryAfterSeconds
    }
  }
  return null
}
