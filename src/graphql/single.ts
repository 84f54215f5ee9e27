/**
 * Operations that are posted as JSON and have one result: what nearly every call is. They are executed without the middleware of Yoga, which
 * answers everything else: GET, event streams, and whatever is not as it should be.
 */
import type { ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { CarillonError } from '../errors.ts'
import { type PresentError, withFirstErrors } from './errors.ts'
import type { Execution } from './execution.ts'
import type { Answering } from './limits.ts'

/** A result that may have a text of its own. */
type Result = ExecutionResult & { readonly stringify?: (result: ExecutionResult) => string }

/** The result of an operation, and the text that is sent. */
export interface SingleAnswer {
  /** presented ones */
  readonly errors: readonly GraphQLError[]
  readonly data: unknown
  readonly text: string
  readonly mediaType: string
}

/** An operation as it was posted. */
export interface Posted {
  readonly accept: string
  /** JSON text */
  readonly body: string
}

/** What they need. */
export interface SingleDeps {
  readonly schema: GraphQLSchema
  readonly execution: Execution
  readonly present: PresentError
}

/** Why an operation is not executed; null: it is. */
export type Refuse = (query: string, operationName: string | null | undefined) => CarillonError | null

/** Executes such operations. */
export interface Singles {
  /**
   * @param createContext is called once the document is valid
   * @param refuse why the operation is not executed, if it is not
   * @returns null: the operation is none of these, and nothing was done
   */
  answer(posted: Posted, answering: Answering, createContext: () => object, refuse: Refuse | null): Promise<SingleAnswer | null>
}

const MEDIA_TYPES = ['application/json', 'application/graphql-response+json'] as const
type MediaType = (typeof MEDIA_TYPES)[number]

/** The media type of a single result, by its order in an Accept header; null: neither of them is wanted. */
function mediaTypeOf(accept: string): MediaType | null {
  for (const item of accept.replaceAll(/\s/g, '').toLowerCase().split(',')) {
    const [asked = '', ...params] = item.split(';')
    if (params.some((param) => param.includes('charset=') && param !== 'charset=utf-8')) continue
    const found = MEDIA_TYPES.find((type) => asked === type || asked === '*/*' || asked === 'application/*')
    if (found !== undefined) return found
  }
  return null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isObjectOrNone = (value: unknown): value is Record<string, unknown> | null | undefined =>
  value === undefined || value === null || isObject(value)

interface Params {
  readonly query: string
  readonly variables: Record<string, unknown> | null | undefined
  readonly operationName: string | null | undefined
  readonly extensions: Record<string, unknown> | null | undefined
}

/** The parameters of a request; null: something about them is unusual. */
function paramsOf(body: string): Params | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return null
  }
  if (!isObject(parsed)) return null
  const { query, variables, operationName, extensions, ...others } = parsed
  const isName = operationName === undefined || operationName === null || typeof operationName === 'string'
  if (typeof query !== 'string' || !isName || !isObjectOrNone(variables) || !isObjectOrNone(extensions)) return null
  for (const name in others) if (others[name] !== null) return null
  // It may be a subscription, whose answer depends on what else is accepted.
  if (query.includes('subscription')) return null
  return { query, variables, operationName, extensions }
}

/** Accept headers that are remembered. */
const ACCEPTS = 100

/** Creates them. */
export function createSingles({ schema, execution, present }: SingleDeps): Singles {
  const mediaTypes = new LRUCache<string, { readonly type: MediaType | null }>({ max: ACCEPTS })

  const wanted = (accept: string): MediaType | null => {
    const known = mediaTypes.get(accept)
    if (known !== undefined) return known.type
    const type = mediaTypeOf(accept)
    mediaTypes.set(accept, { type })
    return type
  }

  async function run(params: Params, answering: Answering, createContext: () => object, refuse: Refuse | null): Promise<Result> {
    const { query, variables, operationName } = params
    const refusal = refuse?.(query, operationName) ?? null
    if (refusal !== null) throw refusal
    const { document, problems } = execution.read(query, operationName, answering)
    if (problems.length > 0) return { errors: problems }
    const args = { schema, document, contextValue: createContext(), variableValues: variables, operationName }
    return execution.run(args, answering)
  }

  return {
    async answer({ accept, body }, answering, createContext, refuse) {
      const mediaType = wanted(accept)
      const params = mediaType === null ? null : paramsOf(body)
      if (mediaType === null || params === null) return null
      if (params.extensions?.['cost'] === true) answering.isCostShown = true
      const result: Result = await run(params, answering, createContext, refuse).catch((error: unknown) => ({
        errors: [present(error)],
      }))
      const errors = withFirstErrors(result).errors?.map(present) ?? []
      const { stringify = JSON.stringify } = result
      return { errors, data: result.data, text: stringify(errors.length === 0 ? result : { ...result, errors }), mediaType }
    },
  }
}
