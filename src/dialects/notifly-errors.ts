/** The errors of Notifly's API: three shapes, each with the statuses and texts that its document states. */
import { z } from 'zod'
import { type Answer, type Failure, type Failures, withReference } from './dialect.ts'
import { worded } from './values.ts'

/** What callers call the fields of an operation. `list`: where its items are; empty: the body itself is the list; null: there is none. */
export interface Words {
  readonly names: Readonly<Record<string, string>>
  readonly list: string | null
}

/** What a route needs to shape its errors. */
export interface Errors {
  failed(failure: Failure): Answer
  readonly failures: Failures
}

const INVALID_TOKEN = 'Unauthorized: Invalid token'

/** The document has no status for a list that is too long, for what is not there, or for what is in a state that does not fit. */
function statusOf({ code, status }: Failure): number {
  if (code === 'BATCH_TOO_LARGE') return 413
  return status === 404 || status === 409 ? 400 : status
}

/** Types of recipients, as they are written there. */
const theirTypes = (text: string): string =>
  text.replaceAll(/(?<=\b(?:by|or) )(?:USER_ID|PHONE_NUMBER|EMAIL)\b/g, (type) => type.toLowerCase().replace('_', '-'))

/** The message of a failure in its caller's words, with the item that is wrong. */
function textOf(failure: Failure, { names, list }: Words): string {
  const { index, message, reference } = failure
  if (reference !== null) return withReference(message, reference)
  const text = theirTypes(worded(failure, names))
  if (index === null || list === null) return text
  const beginsWithField = failure.field !== null && message.startsWith(failure.field)
  return `${list}[${index}]${beginsWithField ? '.' : ': '}${text}`
}

const statuses = {
  400: 'The body is not as it should be; nothing was done.',
  401: 'The token has expired, or is wrong.',
  403: 'The credential does not permit this.',
  405: 'The path does not have this method. `Allow` lists those that it has.',
  413: 'The body is too large, or a list in it has too many items.',
  429: 'Too many requests. `Retry-After` says when to try again.',
  500: 'An internal error.',
  503: 'The server is overloaded. `Retry-After` says when to try again.',
}

/** Of the endpoints 1 to 4: `data` and `error`. `unauthorized`: the text of 401. */
export const dataErrors = (words: Words, unauthorized = INVALID_TOKEN): Errors => ({
  failed: (failure) => ({
    status: statusOf(failure),
    body: { data: null, error: failure.status === 401 ? unauthorized : textOf(failure, words) },
  }),
  failures: {
    schema: z
      .object({ data: z.null(), error: z.string().meta({ description: 'An explanation in English.' }) })
      .meta({ description: 'Why a request was not answered.' }),
    statuses,
  },
})

const prefixes: Readonly<Record<number, string>> = {
  400: 'Bad request: ',
  405: 'Method not allowed: ',
  413: 'Payload too large: ',
  501: 'Not implemented: ',
}

/** Of campaigns: `code`, `success` and `error`. */
export const campaignErrors = (words: Words): Errors => ({
  failed(failure) {
    const status = statusOf(failure)
    const error = status === 401 ? INVALID_TOKEN : `${prefixes[status] ?? ''}${textOf(failure, words)}`
    return { status, body: { code: status, success: false, error } }
  },
  failures: {
    schema: z.object({
      code: z.int().meta({ description: 'The HTTP status.' }),
      success: z.literal(false),
      error: z.string().meta({ description: 'What the status means, and an explanation in English.' }),
    }),
    statuses: { ...statuses, 501: 'The feature is not supported yet.' },
  },
})

/** Texts that are the same whatever the reason. */
const fixed: Readonly<Record<number, string>> = {
  401: INVALID_TOKEN,
  405: 'Method not allowed',
  413: 'Payload Too Large',
  500: 'Internal Server Error',
}

/** Of messages to numbers: `error` alone. */
export const messageErrors = (words: Words): Errors => ({
  failed(failure) {
    const status = statusOf(failure)
    return { status, body: { error: fixed[status] ?? `${status === 501 ? prefixes[501] : ''}${textOf(failure, words)}` } }
  },
  failures: {
    schema: z.object({ error: z.string().meta({ description: 'An explanation in English.' }) }),
    statuses: { ...statuses, 501: 'The feature is not supported yet.' },
  },
})
