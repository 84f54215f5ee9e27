/**
 * The one place where errors become GraphQL errors. Errors of the catalogue are shown with their code; what GraphQL
 * itself finds gets a code here; everything else is masked, and logged once with a reference that the caller sees too.
 */
import { randomBytes } from 'node:crypto'
import { GraphQLError, type GraphQLErrorExtensions } from 'graphql'
import { CarillonError, catalogue, type ErrorCode, type ErrorDetails } from '../errors.ts'
import type { Log } from '../log.ts'

/** Turns whatever was thrown into what the caller sees. The same error may be presented again: it stays as it is. */
export type PresentError = (error: unknown) => GraphQLError

/** What of an error's details the caller sees, where defined. */
const shown = ['max', 'got', 'index', 'field', 'line', 'column', 'reference'] as const satisfies readonly (keyof ErrorDetails)[]

/** The code of a presented error. */
export const codeOf = (error: GraphQLError): ErrorCode => {
  const code = error.extensions['code']
  return typeof code === 'string' && code in catalogue ? (code as ErrorCode) : 'INTERNAL'
}

const byStatus: { readonly [status: number]: ErrorCode } = {
  400: 'BAD_REQUEST',
  405: 'METHOD_NOT_ALLOWED',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}

/** What GraphQL or the HTTP layer found wrong with a request; null: it is not of that kind. */
function codeOfGraphQLError(error: GraphQLError, cause: unknown): ErrorCode | null {
  // The message is written by the executor and says which variable; a scalar's own complaint is part of it.
  if (error.path === undefined && error.message.startsWith('Variable "$')) return 'BAD_INPUT'
  if (!(cause instanceof GraphQLError)) return null
  const status = cause.extensions.http?.status
  if (cause.extensions['code'] === 'BAD_REQUEST' && status !== undefined) return byStatus[status] ?? 'BAD_REQUEST'
  if (cause.extensions['code'] === 'OPERATION_RESOLUTION_FAILURE') return 'QUERY_INVALID'
  // An argument that could not be coerced: thrown with its place in the document, then located at the field.
  if (error.path !== undefined) return error !== cause && cause.nodes !== undefined ? 'BAD_INPUT' : null
  // What does not parse or validate has a place in the document and no place in the answer.
  if (cause.locations !== undefined || /operation/i.test(cause.message)) return 'QUERY_INVALID'
  return null
}

/** The place of an error that has none. */
const nowhere = { nodes: undefined, source: undefined, positions: undefined, path: undefined }

/** The error that was thrown first: GraphQL wraps it when it adds the place. */
function root(error: unknown): unknown {
  let inner = error
  while (inner instanceof GraphQLError && inner.originalError !== undefined) inner = inner.originalError
  return inner
}

/**
 * Makes the presenter.
 * @param explore off: what is wrong is said without suggesting what exists
 */
export function createErrorPresenter(log: Log, explore: boolean): PresentError {
  const presented = new WeakSet<GraphQLError>()
  // One failure may surface at several fields of an answer: it is one line in the log.
  const references = new WeakMap<object, string>()

  const refer = (cause: unknown, path: GraphQLError['path']): string => {
    const known = typeof cause === 'object' && cause !== null ? references.get(cause) : undefined
    if (known !== undefined) return known
    const reference = randomBytes(6).toString('base64url')
    if (typeof cause === 'object' && cause !== null) references.set(cause, reference)
    log.error('An operation failed for a reason that the caller is not told.', {
      reference,
      path: path?.join('.'),
      error: describe(cause),
    })
    return reference
  }

  return (error) => {
    if (error instanceof GraphQLError && presented.has(error)) return error
    const cause = root(error)
    let message: string
    let extensions: GraphQLErrorExtensions
    const found = error instanceof GraphQLError ? codeOfGraphQLError(error, cause) : null
    if (cause instanceof CarillonError && cause.code !== 'INTERNAL') {
      message = cause.message
      extensions = { code: cause.code }
      for (const key of shown) if (cause.details[key] !== undefined) extensions[key] = cause.details[key]
    } else if (found !== null && error instanceof GraphQLError) {
      message = explore ? error.message : error.message.replace(/ ?Did you mean .*\?/s, '')
      extensions = { code: found }
    } else {
      message = catalogue.INTERNAL.message
      extensions = { code: 'INTERNAL', reference: refer(cause, error instanceof GraphQLError ? error.path : undefined) }
    }
    const { nodes, source, positions, path } = error instanceof GraphQLError ? error : nowhere
    const originalError = cause instanceof CarillonError ? cause : null
    const result = new GraphQLError(message, { nodes: nodes ?? null, source, positions, path, extensions, originalError })
    presented.add(result)
    return result
  }
}

/** What the log keeps of an error: never its fields, which may hold a caller's data. */
function describe(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { name: typeof error }
  const cause = error.cause === undefined || depth === 3 ? undefined : describe(error.cause, depth + 1)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: error.name, code, message: error.message, stack: error.stack, cause }
}
