/** The OpenAPI document of a dialect, from the schemas that parse its requests and those of its answers. */
import { z } from 'zod'
import { CarillonError, catalogue, type ErrorCode } from '../errors.ts'
import type { Described, Dialect, Failure, Failures, Route } from './dialect.ts'
import { isOptional } from './route.ts'

type Schema = Readonly<Record<string, unknown>>

/** What any call may be answered with, whatever the dialect; its own descriptions take precedence. */
const everywhere: Failures['statuses'] = {
  400: 'The request is not as it should be; nothing was done.',
  401: 'There is no credential, or a wrong one.',
  403: 'The credential does not permit this.',
  405: 'The path does not have this method. `Allow` lists those that it has.',
  408: 'The body came too slowly.',
  413: 'The body is too large.',
  415: 'The body is compressed, or not in UTF-8.',
  429: 'Too many requests. `Retry-After` says when to try again.',
  500: 'An internal error; it has a reference to the log of the server.',
  502: 'The connection to the database was lost: what the call changes may or may not have been changed.',
  503: 'The server is overloaded. `Retry-After` says when to try again.',
}

/** Errors whose answers are shown as examples; of those with one status, the first. */
const shownCodes: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'BAD_INPUT',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'TRANSACTION_EXISTS',
  'TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'INTERNAL',
  'NOT_IMPLEMENTED',
  'OUTCOME_UNKNOWN',
  'OVERLOADED',
]
const withReference: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INTERNAL'])

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return described
}

const json = (schema: Schema, example?: unknown) => ({
  'application/json': { schema, ...(example === undefined ? {} : { example }) },
})

const answerOf = ({ description, schema }: Described, example: unknown) => ({
  description,
  ...(schema === null ? {} : { content: json(schemaOf(schema, 'output'), example) }),
})

function parametersOf({ params, query, headers, example }: Route): readonly Schema[] {
  const shown = (name: string) => {
    const value = example?.parameters?.[name]
    return value === undefined ? {} : { example: value }
  }
  const inPath = Object.entries(params).map(([name, description]) => ({
    ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
    ...shown(name),
  }))
  const listed = (place: 'query' | 'header', schema: z.ZodObject | null) => {
    if (schema === null) return []
    const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    return Object.entries(properties).map(([name, one]) => ({
      ...{ name, in: place, required: required.includes(name), schema: one },
      ...shown(name),
    }))
  }
  return [...inPath, ...listed('query', query), ...listed('header', headers)]
}

const failureOf = (code: ErrorCode): Failure => {
  const { message } = new CarillonError(code)
  const { status, retryable } = catalogue[code]
  return {
    code,
    status,
    message,
    field: null,
    index: null,
    reference: withReference.has(code) ? 'q7PzJx3k' : null,
    retryAfterSeconds: retryable ? 1 : null,
    issues: [],
    method: 'POST',
    url: '/',
    at: new Date(0),
  }
}

/** The answers of errors, by status. */
function failuresOf({ statuses }: Failures, schema: Schema, failed: Dialect['failed']): Schema {
  const examples = new Map<number, unknown>()
  for (const { status, body } of shownCodes.map((code) => failed(failureOf(code)))) {
    if (!examples.has(status)) examples.set(status, body)
  }
  const known = Object.entries({ ...everywhere, ...statuses }).map(([status, description]) => [
    status,
    { description, content: json(schema, examples.get(Number(status))) },
  ])
  return { ...Object.fromEntries(known), default: { description: 'Any other error.', content: json(schema) } }
}

/** Such as `postV2MessagesSend`. */
const nameOf = ({ method, path }: Route): string =>
  method.toLowerCase() + path.replaceAll(/[^a-zA-Z0-9]+([a-zA-Z0-9])/g, (_all, first: string) => first.toUpperCase())

function operationOf(route: Route, operationId: string, { failed, failures }: Dialect): Schema {
  const parameters = parametersOf(route)
  const schema = route.failures === null ? { $ref: '#/components/schemas/Error' } : schemaOf(route.failures.schema, 'output')
  const errors = failuresOf(route.failures ?? failures, schema, route.failed ?? failed)
  const answers = Object.entries(route.answers).map(([status, described], index) => [
    status,
    answerOf(described, index === 0 ? route.example?.answer : undefined),
  ])
  return {
    operationId,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === null
      ? {}
      : {
          requestBody: { required: !isOptional(route.body), content: json(schemaOf(route.body, 'input'), route.example?.body) },
        }),
    responses: { ...errors, ...Object.fromEntries(answers) },
    ...(route.operation === 'authenticate' ? { security: [] } : {}),
  }
}

/** Describes a dialect. `base`: where it is served. */
export function describeDialect(dialect: Dialect, base: string): object {
  const { title, description, version, security, routes, failures } = dialect
  const paths: Record<string, Record<string, Schema>> = {}
  const named = new Map<string, number>()
  for (const route of routes) {
    // Two paths may differ by a hyphen alone.
    const name = nameOf(route)
    const count = (named.get(name) ?? 0) + 1
    named.set(name, count)
    const operation = operationOf(route, count === 1 ? name : `${name}${count}`, dialect)
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation }
  }
  return {
    openapi: '3.1.0',
    info: { title, description, version },
    servers: [{ url: base }],
    security: Object.keys(security).map((name) => ({ [name]: [] })),
    paths,
    components: { securitySchemes: security, schemas: { Error: schemaOf(failures.schema, 'output') } },
  }
}
