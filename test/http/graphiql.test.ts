/** The examples of GraphiQL. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, Kind, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { examples } from '../../src/http/graphiql.ts'

it('has a query, a mutation and a subscription that the schema takes', () => {
  const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../schema.graphql'), 'utf8'))
  const document = parse(examples)
  expect(validate(schema, document)).toEqual([])
  expect(document.definitions.flatMap((one) => (one.kind === Kind.OPERATION_DEFINITION ? [one.operation] : []))).toEqual([
    'query',
    'mutation',
    'subscription',
  ])
})
