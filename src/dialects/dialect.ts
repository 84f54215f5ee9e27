/**
 * Dialects: the REST interfaces of other systems, each a table of routes over the operations of carillon.ts. A route parses, asks, and shapes
 * the answer; it decides nothing. The HTTP server authenticates, limits and counts its calls as it does those of GraphQL.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Carillon } from '../carillon.ts'
import type { Caller } from '../domain/caller.ts'
import type { Operation } from '../domain/permission.ts'
import { CarillonError, type ErrorCode, type ErrorDetails, type Problem } from '../errors.ts'
import type { DialectName } from '../words.ts'

/** Methods that a route can have. A GET route answers HEAD as well. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The answer to a call. `body` is sent as JSON; undefined: there is none. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
}

/** One call of a route, whose caller has the permission for its operation. */
export interface Call {
  readonly carillon: Carillon
  readonly caller: Caller
  /** address of the client; of a trusted proxy, the one that it forwards */
  readonly remoteAddress: string
  /** Checks a secret, within the limits of wrong ones. @param check a failure is UNAUTHENTICATED @throws CarillonError RATE_LIMITED */
  authenticate<T>(remoteAddress: string, accessKey: string, check: () => Promise<T>): Promise<T>
  /** when it came */
  readonly now: Date
  /** What a client may be told of an error that a part of its request met. One that is not of the catalogue is logged, with the reference that is told. */
  problemOf(error: unknown): Problem
  /** Checks the permission for another operation than the route's. @throws CarillonError UNAUTHENTICATED, FORBIDDEN */
  permit(operation: Operation): void
}

/** The project whose credential a call has. @throws CarillonError UNAUTHENTICATED */
export function projectOf({ caller }: Call) {
  // A contact's token belongs to a project too, and is good for that contact alone.
  if (caller.kind !== 'project') throw new CarillonError('UNAUTHENTICATED')
  return caller.project
}

/** The headers of a request, by their names in lower case. */
export type Headers = Readonly<IncomingHttpHeaders>

/** A request as it came: its headers, the values of the path's parameters, of the query by name, and the text of the body. */
export interface RawRequest {
  readonly headers: Headers
  readonly params: Readonly<Record<string, string | undefined>>
  readonly query: URLSearchParams
  /** empty: there is none */
  readonly body: string
}

/** A request that is as its route wants it. */
export interface Begun {
  /** how many items it has, or its page may hold: what it costs */
  readonly items: number
  run(call: Call): Promise<Answer>
}

/** Something about a request that is not as its schema says. `path`: such as `messages[3].id`. */
export interface Issue {
  readonly path: string
  readonly message: string
  /** what is there, if it is short; null: nothing, or too much to repeat */
  readonly value: string | number | boolean | null
}

/** A request that is not as its schema says: BAD_INPUT, or BATCH_TOO_LARGE for a list with too many items. */
export class SchemaError extends CarillonError {
  readonly issues: readonly Issue[]
  constructor(code: 'BAD_INPUT' | 'BATCH_TOO_LARGE', details: ErrorDetails, issues: readonly Issue[]) {
    super(code, details)
    this.issues = issues
  }
}

/** Why a request is not answered as its route would. */
export interface Failure {
  readonly code: ErrorCode
  /** that the catalogue has for this code */
  readonly status: number
  readonly message: string
  /** the field that is wrong, as the error has it; null: none, or several */
  readonly field: string | null
  /** position of the item that is wrong, in the list that the operation was given; null: none, or it is not a list */
  readonly index: number | null
  /** identifies the log line of an internal error */
  readonly reference: string | null
  /** sent as `Retry-After` as well */
  readonly retryAfterSeconds: number | null
  /** what of the request is not as its schema says */
  readonly issues: readonly Issue[]
  readonly method: string
  /** path and query as the client wrote them */
  readonly url: string
  readonly at: Date
}

/** A message with the reference to the line that was logged of it, if there is one. */
export const withReference = (message: string, reference: string | null): string =>
  reference === null ? message : `${message} Reference: ${reference}`

/** What an answer with a status holds; `schema` null: it has no body. */
export interface Described {
  readonly description: string
  readonly schema: z.ZodType | null
}

/** A request and its answer, as the dialect's own document prints them where it does. */
export interface Example {
  /** values of the path's and the query's parameters */
  readonly parameters?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** of the first of the route's statuses; left out where its schema says enough */
  readonly answer?: unknown
}

/** What the answers of errors hold, by status; any other status has the same schema. */
export interface Failures {
  readonly schema: z.ZodType
  readonly statuses: Readonly<Record<number, string>>
}

/** One row of a dialect's table. */
export interface Route {
  readonly method: Method
  /** below the dialect's base, such as `/v1/topics/:key` */
  readonly path: string
  /** the operation that it is, by the name of its root field: what it takes, and what it costs, is what that one does */
  readonly operation: Operation
  /** what it does, in a sentence */
  readonly summary: string
  readonly params: Readonly<Record<string, string>>
  readonly query: z.ZodObject | null
  /** the headers that say something of it, beside those of any request */
  readonly headers: z.ZodObject | null
  readonly body: z.ZodType | null
  /** by status */
  readonly answers: Readonly<Record<number, Described>>
  readonly example: Example | null
  /** Reads a request. @throws CarillonError BAD_REQUEST, BAD_INPUT, BATCH_TOO_LARGE */
  begin(request: RawRequest): Begun
  /** Shapes the errors of this route, and of its path with a method that no route has; null: as the dialect does. */
  readonly failed: ((failure: Failure) => Answer) | null
  /** what such answers hold; null: what those of the dialect do */
  readonly failures: Failures | null
}

/** The REST interface of another system. */
export interface Dialect {
  readonly name: DialectName
  /** of its OpenAPI document */
  readonly title: string
  readonly description: string
  readonly version: string
  /** how callers authenticate, as OpenAPI's security schemes say it; each is enough */
  readonly security: Readonly<Record<string, object>>
  readonly routes: readonly Route[]
  /** Shapes an error; also of a path, method or body that no route takes. */
  failed(failure: Failure): Answer
  /** what such an answer holds */
  readonly failures: Failures
}
