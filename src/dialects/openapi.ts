/** The OpenAPI document of a dialect, from the schemas that parse its requests and those of its answers. */
import { z } from 'zod'
import type { Described, Dialect, Failures, Route } from './dialect.ts'
import { isOptional } from './route.ts'

type Schema = Readonly<Record<string, unknown>>

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return described
}

const json = (schema: Schema) => ({ 'application/json': { schema } })

const answerOf = ({ description, schema }: Described) => ({
  description,
  ...(schema === null ? {} : { content: json(schemaOf(schema, 'output')) }),
})

function queryParameters({ query }: Route): readonly Schema[] {
  if (query === null) return []
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }))
}

/** The answers of errors, by status. */
function failuresOf({ statuses }: Failures, schema: Schema): Schema {
  const content = json(schema)
  const known = Object.entries(statuses).map(([status, description]) => [status, { description, content }])
  return { ...Object.fromEntries(known), default: { description: 'Any other error.', content } }
}

/** Such as `postV2MessagesSend`, which no other route has. */
const nameOf = ({ method, path }: Route): string =>
  method.toLowerCase() + path.replaceAll(/[^a-zA-Z0-9]+([a-zA-Z0-9])/g, (_all, first: string) => first.toUpperCase())

function operationOf(route: Route, failures: Schema): Schema {
  const pathParameters = Object.entries(route.params).map(([name, description]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
  }))
  const parameters = [...pathParameters, ...queryParameters(route)]
  const errors = route.failures === null ? failures : failuresOf(route.failures, schemaOf(route.failures.schema, 'output'))
  const answers = Object.entries(route.answers).map(([status, described]) => [status, answerOf(described)])
  return {
    operationId: nameOf(route),
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === null
      ? {}
      : { requestBody: { required: !isOptional(route.body), content: json(schemaOf(route.body, 'input')) } }),
    responses: { ...errors, ...Object.fromEntries(answers) },
    ...(route.operation === 'authenticate' ? { security: [] } : {}),
  }
}

/** Describes a dialect. `base`: where it is served. */
export function describeDialect({ title, description, version, security, routes, failures }: Dialect, base: string): object {
  const responses = failuresOf(failures, { $ref: '#/components/schemas/Error' })
  const paths: Record<string, Record<string, Schema>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, responses) }
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
