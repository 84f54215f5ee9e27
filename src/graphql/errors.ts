/**
 * The one place where errors become GraphQL errors. Errors of the catalogue are shown with their code; what GraphQL
 * itself rejects gets a code here; everything else is masked, and logged once with a reference that the caller gets as well.
 */
import { randomBytes } from 'node:crypto'
import { type ExecutionResult, GraphQLError, type GraphQLErrorExtensions } from 'graphql'
import { CarillonError, catalogue, type ErrorCode, type ErrorDetails, isBrokenConnection, isStackOverflow } from '../errors.ts'
import type { Log } from '../log.ts'

/** Turns a thrown value into the error that the caller gets. An error that was presented before is returned unchanged. */
export type PresentError = (error: unknown) => GraphQLError

/** Details of an error that go into `extensions`, where defined. */
const shown = [
  'max',
  'got',
  'index',
  'field',
  'line',
  'column',
  'reference',
  'retryAfterSeconds',
] as const satisfies readonly (keyof ErrorDetails)[]

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

/** How the executor begins an error of a variable's value. Validation has other ones that begin with a variable. */
const badVariable = /^Variable "\$\w+" (got invalid value|of (required|non-null) type) /

/** The code of an error of GraphQL or of the HTTP layer; null: it is neither. */
function codeOfGraphQLError(error: GraphQLError, cause: unknown): ErrorCode | null {
  // The message comes from the executor and names the variable; the scalar's own error is part of it.
  if (error.path === undefined && badVariable.test(error.message)) return 'BAD_INPUT'
  // GraphQL stops looking for more, and says so without a location.
  if (error.message.startsWith('Too many errors processing variables')) return 'BAD_INPUT'
  if (error.message.startsWith('Too many validation errors')) return 'QUERY_INVALID'
  if (!(cause instanceof GraphQLError)) return null
  const status = cause.extensions.http?.status
  if (cause.extensions['code'] === 'BAD_REQUEST' && status !== undefined) return byStatus[status] ?? 'BAD_REQUEST'
  if (cause.extensions['code'] === 'OPERATION_RESOLUTION_FAILURE') return 'QUERY_INVALID'
  // An argument that could not be coerced: thrown with its location in the document, then located at the field.
  if (error.path !== undefined) return error !== cause && cause.nodes !== undefined ? 'BAD_INPUT' : null
  // A document that does not parse or validate: located in the document, without a path in the response.
  if (cause.locations !== undefined || /operation/i.test(cause.message)) return 'QUERY_INVALID'
  return null
}

/** The error of a document without the operation that is asked for. */
export const noOperation = (): CarillonError =>
  new CarillonError('QUERY_INVALID', { message: 'Could not determine what operation to execute.' })

/** Errors of a request that are shown at most. */
export const ERRORS_MAX = 10

/** A result whose request was refused as a whole, by its document or its variables, with its first errors; any other one as it is. */
export function withFirstErrors<R extends ExecutionResult>(result: R): R {
  const { data, errors } = result
  return data === undefined && errors !== undefined && errors.length > ERRORS_MAX
    ? { ...result, errors: errors.slice(0, ERRORS_MAX) }
    : result
}

/** The location of an error that has none. */
const nowhere = { nodes: undefined, source: undefined, positions: undefined, path: undefined }

/** The error that was thrown first: GraphQL wraps it when it adds the location. */
function root(error: unknown): unknown {
  let inner = error
  while (inner instanceof GraphQLError && inner.originalError !== undefined) inner = inner.originalError
  return inner
}

/** What callers can nest without end are the values that they give: a document has too few tokens. */
const tooDeepOf = (error: unknown): unknown =>
  isStackOverflow(error)
    ? new CarillonError('BAD_INPUT', { message: 'The variables are nested too deeply.', cause: error })
    : error

/** Codes of Prisma and of PostgreSQL for "there is no connection": of the pool, for a transaction, and of the server. */
const busyCodes = new Set(['P2024', 'P2028', 'P2037', '53300', '53400'])

/** An error that says that what was to be read more of is gone, as NOT_FOUND; any other one as it is. */
function vanishedOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'P2025') return error
  return new CarillonError('NOT_FOUND', { message: 'It was deleted while it was read.', cause: error })
}

/** An error that says that the database has no connection left, as OVERLOADED; any other one as it is. */
function overloadOf(error: unknown): unknown {
  let cause = error
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (cause instanceof CarillonError) return cause.code === 'OVERLOADED' ? cause : error
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
    // Prisma wraps it: the code is left, and the last line is its message.
    if (code === 'OVERLOADED') {
      return new CarillonError('OVERLOADED', {
        message: cause.message.trim().split('\n').at(-1) ?? '',
        retryAfterSeconds: 1,
        cause: error,
      })
    }
    // A transaction that was begun and took too long has this code as well.
    const isBusy = busyCodes.has(code) && (code !== 'P2028' || cause.message.includes('Unable to start'))
    if (isBusy || cause.message.includes('timeout exceeded when trying to connect')) {
      return new CarillonError('OVERLOADED', { retryAfterSeconds: 1, cause: error })
    }
    cause = cause.cause
  }
  return error
}

/**
 * Creates the presenter.
 * @param explore off: messages do not suggest names that exist
 */
export function createErrorPresenter(log: Log, explore: boolean): PresentError {
  const presented = new WeakSet<GraphQLError>()
  // One failure may appear at several fields of a response: it is one line in the log.
  const references = new WeakMap<object, string>()

  const refer = (cause: unknown, path: GraphQLError['path']): string => {
    const known = typeof cause === 'object' && cause !== null ? references.get(cause) : undefined
    if (known !== undefined) return known
    const reference = randomBytes(6).toString('base64url')
    if (typeof cause === 'object' && cause !== null) references.set(cause, reference)
    log.error('An operation failed with an internal error.', {
      reference,
      path: path?.join('.'),
      error: describe(cause),
    })
    return reference
  }

  /**
   * An error of a connection to the database that was lost during a call, as OUTCOME_UNKNOWN; any other one as it is. Where nothing can have
   * been changed, `db/` says OVERLOADED.
   */
  const lossOf = (error: unknown): unknown => {
    if (!isBrokenConnection(error)) return error
    log.warn('The database connection was lost during a call', { error: describe(error) })
    return new CarillonError('OUTCOME_UNKNOWN', {
      message: 'The connection to the database was lost: what the call changes may or may not have been changed. Repeat it.',
      retryAfterSeconds: 1,
      cause: error,
    })
  }

  return (error) => {
    if (error instanceof GraphQLError && presented.has(error)) return error
    const cause = lossOf(tooDeepOf(vanishedOf(overloadOf(root(error)))))
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
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    const result = new GraphQLError(message, { nodes: nodes ?? null, source, positions, path, extensions, originalError })
    Error.stackTraceLimit = stackTraceLimit
    presented.add(result)
    return result
  }
}

/** What is logged of an error: never its fields, which may hold a caller's data. */
function describe(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { name: typeof error }
  const cause = error.cause === undefined || depth === 3 ? undefined : describe(error.cause, depth + 1)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: error.name, code, message: error.message, stack: error.stack, cause }
}
