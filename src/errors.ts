/**
 * The catalogue of errors: every code that a caller may see, what it says when nothing more is known,
 * the HTTP status it has where it stands for a whole response, and whether the same call may succeed later.
 */

interface Entry {
  readonly message: string
  readonly status: number
  readonly retryable: boolean
}

const entry = (status: number, message: string, retryable = false): Entry => ({ status, message, retryable })

/** Every value of `ErrorCode`, with its default message, HTTP status, and whether a retry can help. */
export const catalogue = {
  BAD_INPUT: entry(400, 'The input is not valid.'),
  BATCH_TOO_LARGE: entry(400, 'The list is too long.'),
  TOO_LARGE: entry(413, 'The request is too large.'),
  ID_EXISTS: entry(409, 'A notification with this id was already accepted.'),
  ID_MISMATCH: entry(409, 'A notification with this id was already accepted with other content.'),
  TRANSACTION_EXISTS: entry(409, 'An earlier call used this transactionId.'),
  NOT_FOUND: entry(404, 'There is no such thing.'),
  TEMPLATE_NOT_FOUND: entry(404, 'There is no template with this key.'),
  TEMPLATE_INACTIVE: entry(409, 'The template is not active.'),
  TEMPLATE_EMPTY: entry(409, "The template has no content in the contact's language."),
  TEMPLATE_BROKEN: entry(400, 'The template does not parse.'),
  DATA_INVALID: entry(400, "The data does not match the template's schema."),
  CONTACT_NOT_FOUND: entry(404, 'There is no contact with this externalId.'),
  ADDRESS_MISSING: entry(409, 'The contact has no address for this channel.'),
  ADDRESS_INVALID: entry(400, 'The address is not valid.'),
  CHANNEL_NOT_CONFIGURED: entry(409, 'The project has no active provider for this channel.'),
  CHANNEL_UNSUPPORTED: entry(400, 'This is not possible on this channel.'),
  CAMPAIGN_INACTIVE: entry(409, 'The campaign is not active.'),
  CAMPAIGN_NOT_API: entry(409, 'The campaign is not dispatched by API.'),
  PROVIDER_REFUSED: entry(502, 'The provider refused the message.'),
  PROVIDER_UNREACHABLE: entry(502, 'The provider could not be reached.', true),
  PROVIDER_TIMEOUT: entry(504, 'The provider did not answer in time.', true),
  OUTCOME_UNKNOWN: entry(502, 'The connection was lost before the provider said what became of the message.', true),
  OPTED_OUT: entry(409, 'The contact opted out.'),
  SUPPRESSED: entry(409, 'The address is suppressed.'),
  UNAUTHENTICATED: entry(401, 'No valid credential was given.'),
  FORBIDDEN: entry(403, 'This credential may not do that.'),
  BAD_CURSOR: entry(400, 'The cursor is not one of this list.'),
  CURSOR_EXPIRED: entry(410, 'The cursor is older than what is kept: query the feed again.'),
  QUERY_INVALID: entry(400, 'The GraphQL document is not valid.'),
  QUERY_TOO_COMPLEX: entry(400, 'The GraphQL document asks for too much.'),
  BAD_REQUEST: entry(400, 'The request is not valid GraphQL over HTTP.'),
  METHOD_NOT_ALLOWED: entry(405, 'The HTTP method is not allowed here.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'The content type is not supported.'),
  RATE_LIMITED: entry(429, 'Too many requests.', true),
  OVERLOADED: entry(503, 'The server has more to do than it can answer in time.', true),
  NOT_IMPLEMENTED: entry(501, 'This is not supported yet.'),
  INTERNAL: entry(500, 'Something went wrong on our side.', true),
} satisfies Record<string, Entry>

/** A code that a caller may see in `extensions.code`. */
export type ErrorCode = keyof typeof catalogue

/** What an error may carry beside its code; each goes into GraphQL's `extensions`. */
export interface ErrorDetails {
  readonly message?: string
  /** the limit that was passed */
  readonly max?: number
  /** what was given instead */
  readonly got?: number
  /** position in the list argument, from 0 */
  readonly index?: number
  /** dotted path of the input field */
  readonly field?: string
  /** 1-based place in a template's text */
  readonly line?: number
  readonly column?: number
  /** finds the log line of an internal error */
  readonly reference?: string
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** An error of the catalogue. Thrown where it is known; `graphql/errors.ts` alone turns it into a GraphQL error. */
export class CarillonError extends Error {
  override readonly name = 'CarillonError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? catalogue[code].message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return catalogue[this.code].retryable
  }
}

/** One thing that went wrong, as data: stored with a message or an attempt, shown as GraphQL's `Problem`. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly field: string | null
  readonly retryable: boolean
}

/** The data of an error of the catalogue. */
export const problem = (code: ErrorCode, message: string = catalogue[code].message, field: string | null = null): Problem => ({
  code,
  message,
  field,
  retryable: catalogue[code].retryable,
})
