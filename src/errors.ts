/**
 * The catalogue of errors: every code that a caller may see, its default message, the HTTP status of a response
 * that consists of this error, and whether the same call may succeed later.
 */

interface Entry {
  readonly message: string
  readonly status: number
  readonly retryable: boolean
}

const entry = (status: number, message: string, retryable = false): Entry => ({ status, message, retryable })

/** Every value of `ErrorCode`, with its default message, HTTP status, and whether a retry can help. */
export const catalogue = {
  BAD_INPUT: entry(400, 'The input is invalid.'),
  BATCH_TOO_LARGE: entry(400, 'The list has too many entries. Split it into several calls.'),
  TOO_LARGE: entry(413, 'The request is too large. Send less data per request.'),
  ID_EXISTS: entry(409, 'A notification with this id has already been accepted.'),
  ID_MISMATCH: entry(409, 'A notification with this id has already been accepted, with different content. Use a new id.'),
  TRANSACTION_EXISTS: entry(409, 'An earlier call used this transactionId. Use a new one.'),
  NOT_FOUND: entry(404, 'Not found.'),
  TEMPLATE_NOT_FOUND: entry(404, 'There is no template with this key.'),
  TEMPLATE_INACTIVE: entry(409, 'The template is inactive, or was never published. Activate or publish it to send it.'),
  TEMPLATE_CHANGED: entry(
    409,
    'The template has a later version than was expected. Look at what changed, and repeat the change on that.',
  ),
  TEMPLATE_EMPTY: entry(409, "The template has no content in the contact's language."),
  TEMPLATE_BROKEN: entry(400, 'The template has a syntax error.'),
  DATA_INVALID: entry(400, "The data does not match the template's schema."),
  MISSING_DATA: entry(400, 'The template uses a variable that has no value.'),
  CONTACT_NOT_FOUND: entry(404, 'There is no contact with this externalId.'),
  ADDRESS_MISSING: entry(409, 'The contact has no address for this channel.'),
  ADDRESS_INVALID: entry(400, 'The address is invalid.'),
  CHANNEL_NOT_CONFIGURED: entry(409, 'The project has no active provider for this channel. Add or activate one.'),
  CHANNEL_UNSUPPORTED: entry(400, 'The channel does not support this.'),
  CAMPAIGN_INACTIVE: entry(409, 'The campaign is inactive. Activate it to trigger it.'),
  CAMPAIGN_NOT_API: entry(409, 'The campaign is not triggered by API.'),
  HOST_NOT_FOUND: entry(502, "The host that the contact's address names does not exist.", true),
  HOST_UNREACHABLE: entry(502, "The host that the contact's address names could not be reached, or is failing.", true),
  PROVIDER_REFUSED: entry(502, 'The provider rejected the message.'),
  PROVIDER_UNREACHABLE: entry(502, 'The provider could not be reached.', true),
  PROVIDER_TIMEOUT: entry(504, 'The provider did not answer in time.', true),
  OUTCOME_UNKNOWN: entry(
    502,
    'The connection was lost before the provider answered: the message may or may not have been sent.',
    true,
  ),
  OPTED_OUT: entry(409, 'The contact has opted out.'),
  SUPPRESSED: entry(409, 'The address is suppressed. Remove the suppression to send to it again.'),
  UNAUTHENTICATED: entry(401, 'The credential is missing or invalid. Send a valid one in the Authorization header.'),
  FORBIDDEN: entry(403, 'This credential does not permit this operation.'),
  PROJECT_SUSPENDED: entry(403, 'The project is suspended. Ask the operator of this server to resume it.'),
  BAD_CURSOR: entry(400, 'The cursor does not belong to this list. Use one that this list returned.'),
  CURSOR_EXPIRED: entry(410, 'The cursor has expired. Query the feed again for a new one.'),
  QUERY_INVALID: entry(400, 'The GraphQL document is invalid.'),
  QUERY_TOO_COMPLEX: entry(400, 'The GraphQL operation is too complex. Split it, or request smaller pages.'),
  BAD_REQUEST: entry(400, 'The request is not a valid GraphQL-over-HTTP request.'),
  METHOD_NOT_ALLOWED: entry(405, 'This HTTP method is not allowed here. The Allow header lists those that are.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'The content type is not supported. Send application/json.'),
  REQUEST_TIMEOUT: entry(408, 'The request came too slowly. Send it again, without pauses.', true),
  RATE_LIMITED: entry(429, 'Too many requests. Wait before trying again.', true),
  OVERLOADED: entry(503, 'The server is overloaded. Try again in a moment.', true),
  NOT_IMPLEMENTED: entry(501, 'This is not supported yet.'),
  INTERNAL: entry(500, 'An internal error occurred. Its reference identifies it in the log of the server.', true),
} satisfies Record<string, Entry>

/** A code that a caller may see in `extensions.code`. */
export type ErrorCode = keyof typeof catalogue

/** Details of an error. Those that callers may see become GraphQL `extensions`, next to `code`. */
export interface ErrorDetails {
  readonly message?: string
  /** the limit that was exceeded */
  readonly max?: number
  /** the value that exceeded it */
  readonly got?: number
  /** position in the list argument, from 0 */
  readonly index?: number
  /** dotted path of the input field */
  readonly field?: string
  /** position in a template's text, from 1 */
  readonly line?: number
  readonly column?: number
  /** identifies the log line of an internal error */
  readonly reference?: string
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** An error of the catalogue. Only `graphql/errors.ts` turns it into a GraphQL error. */
export class CarillonError extends Error {
  override readonly name = 'CarillonError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const { stackTraceLimit } = Error
    // It is an answer, which says what to do. Where it was made would take longer to find out than the answer itself.
    if (code !== 'INTERNAL') Error.stackTraceLimit = 0
    super(details.message ?? catalogue[code].message, details.cause === undefined ? undefined : { cause: details.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return catalogue[this.code].retryable
  }
}

/**
 * Whether an error says that the stack is full: what was read or run is nested too deeply, or refers to itself without end. Also where a
 * library has put it into an error of its own. Not an error of the catalogue, which says so in its own words.
 */
export function isStackOverflow(error: unknown): boolean {
  let inner = error
  for (let depth = 0; depth < 5 && inner instanceof Error && !(inner instanceof CarillonError); depth++) {
    if (inner instanceof RangeError && inner.message.includes('call stack')) return true
    // A regular expression that is compiled when the stack is nearly full.
    if (inner instanceof SyntaxError && inner.message.endsWith('Stack overflow')) return true
    inner = 'originalError' in inner && inner.originalError !== undefined ? inner.originalError : inner.cause
  }
  return false
}

/** Classes and codes of PostgreSQL: the connection failed or broke, and the server is being stopped or started. */
const OF_SERVER = /^(?:08...|57P0[1-5])$/
const OF_SOCKET = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
/** Prisma: the server can't be reached, does not answer, has closed the connection. */
const OF_PRISMA = new Set(['P1001', 'P1002', 'P1008', 'P1017'])
const OF_ADAPTER = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout'])
const MESSAGE =
  /Connection terminated|Client has encountered a connection error|not queryable|timeout exceeded when trying to connect|Cannot use a pool after/

const codeOf = (error: object): string => ('code' in error && typeof error.code === 'string' ? error.code : '')
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** What Prisma's adapter says of the driver's error, in an error of Prisma or of the adapter itself: PostgreSQL's code, or a kind of its own. */
function adaptedCode(error: object): string {
  const meta = 'meta' in error && isObject(error.meta) ? error.meta : {}
  const adapted = 'driverAdapterError' in meta && isObject(meta.driverAdapterError) ? meta.driverAdapterError : error
  const cause = 'cause' in adapted && isObject(adapted.cause) ? adapted.cause : {}
  if ('originalCode' in cause && typeof cause.originalCode === 'string') return cause.originalCode
  return 'kind' in cause && typeof cause.kind === 'string' ? cause.kind : ''
}

/** Whether an error of the database's driver means that there is no connection, or that it was lost. Not an error of the catalogue. */
export function isBrokenConnection(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isBrokenConnection)
  if (!(error instanceof Error) || error instanceof CarillonError) return false
  const code = codeOf(error)
  const adapted = adaptedCode(error)
  return (
    OF_SERVER.test(code) ||
    OF_SOCKET.has(code) ||
    OF_PRISMA.has(code) ||
    OF_SERVER.test(adapted) ||
    OF_ADAPTER.has(adapted) ||
    MESSAGE.test(error.message)
  )
}

/** An error as data: stored with a message or an attempt, and shown as GraphQL's `Problem`. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly field: string | null
  readonly retryable: boolean
}

/** Builds a problem from an entry of the catalogue. */
export const problem = (code: ErrorCode, message: string = catalogue[code].message, field: string | null = null): Problem => ({
  code,
  message,
  field,
  retryable: catalogue[code].retryable,
})

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code)

/** The problem that is stored with a message or an attempt; null: there is none. */
export function storedProblem(row: { readonly errorCode: string | null; readonly errorMessage: string | null }): Problem | null {
  if (row.errorCode === null) return null
  return isErrorCode(row.errorCode)
    ? problem(row.errorCode, row.errorMessage ?? undefined)
    : problem('INTERNAL', row.errorMessage ?? undefined)
}
