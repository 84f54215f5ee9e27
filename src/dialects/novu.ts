/** Novu's REST API v1. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { Dialect, Issue } from './dialect.ts'
import { novuActivity } from './novu-activity.ts'
import { novuEvents } from './novu-events.ts'
import { novuFeed } from './novu-feed.ts'
import { novuMessages } from './novu-messages.ts'
import { novuPreferences } from './novu-preferences.ts'
import { novuSubscribers } from './novu-subscribers.ts'
import { novuTopics } from './novu-topics.ts'
import { errorWords, fieldNames } from './novu-values.ts'
import { worded } from './values.ts'

const error = z
  .object({
    statusCode: z.int().meta({ description: 'The HTTP status.' }),
    timestamp: z.iso.datetime().meta({ description: 'When it happened.' }),
    path: z.string().meta({ description: 'Path and query of the request.' }),
    message: z.string().meta({ description: 'An explanation in English.' }),
    errorId: z.string().optional().meta({ description: 'Identifies the log line of an internal error.' }),
    errors: z
      .record(
        z.string(),
        z.object({
          messages: z.array(z.string()),
          value: z
            .union([z.string(), z.number(), z.boolean()])
            .nullable()
            .meta({ description: 'What was there; null: nothing, or too much.' }),
        }),
      )
      .optional()
      .meta({ description: 'With status 422: what is wrong with each field.' }),
  })
  .meta({ description: 'Why a request was not answered.' })

/** Errors of a request whose JSON can be read, and that can't be done as it is: 422 there. */
const unprocessable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BAD_INPUT',
  'BATCH_TOO_LARGE',
  'ADDRESS_INVALID',
  'DATA_INVALID',
  'MISSING_DATA',
  'TEMPLATE_NOT_FOUND',
  'TEMPLATE_BROKEN',
  'CHANNEL_UNSUPPORTED',
])

/** The dialect. */
export const novu: Dialect = {
  name: 'novu',
  title: 'Novu v1, as Carillon speaks it',
  description: "The REST API v1 of Novu: a client of theirs calls Carillon with another base address and a project's API key.",
  version: '1',
  security: {
    apiKey: {
      type: 'apiKey',
      in: 'header',
      name: 'Authorization',
      description: "`ApiKey`, a space, and a project's API key.",
    },
  },
  routes: [...novuEvents, ...novuSubscribers, ...novuPreferences, ...novuFeed, ...novuMessages, ...novuTopics, ...novuActivity],
  failed({ code, status: usual, message, field, reference, issues, url, at }) {
    const status = unprocessable.has(code) ? 422 : usual
    const text = errorWords[code] ?? worded({ message, field }, fieldNames)
    const errors: Record<string, { messages: string[]; value: Issue['value'] }> = {}
    for (const one of issues.length > 0 ? issues : [{ path: field ?? '', message: text, value: null }]) {
      const known = Object.hasOwn(fieldNames, one.path) ? fieldNames[one.path] : undefined
      const name = known ?? (one.path === '' ? 'body' : one.path)
      errors[name] = { messages: [...(errors[name]?.messages ?? []), one.message], value: one.value }
    }
    return {
      status,
      body: {
        statusCode: status,
        timestamp: at.toISOString(),
        path: url,
        message: text,
        ...(reference === null ? {} : { errorId: reference }),
        ...(status === 422 ? { errors } : {}),
      },
    }
  },
  failures: {
    schema: error,
    statuses: {
      400: 'The body is not valid JSON.',
      401: 'There is no API key, or a wrong one.',
      403: 'The key does not permit this.',
      404: 'There is no such path, subscriber, message or topic.',
      405: 'The path does not have this method. `Allow` lists those that it has.',
      409: 'The transactionId was used before, or this conflicts with what is stored.',
      413: 'The body is too large.',
      422: 'The request is not as it should be; `errors` says what is wrong. Nothing was done.',
      429: 'Too many requests. `Retry-After` says when to try again.',
      503: 'The server is overloaded. `Retry-After` says when to try again.',
    },
  },
}
