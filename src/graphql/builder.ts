/** The builder that every type is made with: Pothos over Prisma, and the scalars. */
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { GraphQLError, GraphQLScalarType } from 'graphql'
import { GraphQLDateTime, GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars'
import type { PrismaClient } from '../db/generated/client.ts'
import type { Json, JsonObject } from '../domain/words.ts'
import type { Context } from './context.ts'
import type PrismaTypes from './generated.ts'
import { getDatamodel } from './generated.ts'

/** What the builder's types rest on. */
export interface BuilderTypes {
  Context: Context
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date | string }
    Date: { Input: string; Output: string }
    JSON: { Input: Json; Output: unknown }
    JSONObject: { Input: JsonObject; Output: unknown }
  }
}

/** The builder's types with Pothos's defaults filled in. */
export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<BuilderTypes>
/** A builder. */
export type Builder = PothosSchemaTypes.SchemaBuilder<SchemaTypes>

const DATE = /^\d{4}-\d{2}-\d{2}$/
const described = <T extends GraphQLScalarType>(scalar: T, description: string): T => {
  scalar.description = description
  return scalar
}

const READY = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** Most moments come as they are answered; making a `Date` of each, and text of that again, is a tenth of reading a feed. */
const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  serialize: (value) => (typeof value === 'string' && READY.test(value) ? value : GraphQLDateTime.serialize(value)),
})

/** Makes a builder with the scalars and the three empty root types. */
export function createBuilder(client: PrismaClient): Builder {
  const builder: Builder = new SchemaBuilder<BuilderTypes>({
    plugins: [PrismaPlugin],
    defaultFieldNullability: false,
    prisma: { client, dmmf: getDatamodel(), filterConnectionTotalCount: true },
  })
  builder.addScalarType(
    'DateTime',
    described(DateTime, 'A moment, RFC 3339 with a zone (`2026-01-31T09:30:00Z`). Answers are UTC with milliseconds.'),
  )
  builder.addScalarType('JSON', described(GraphQLJSON, 'Any JSON value. Numbers are within ±(2^53 - 1).'))
  builder.addScalarType('JSONObject', described(GraphQLJSONObject, 'A JSON object. Numbers are within ±(2^53 - 1).'))
  builder.scalarType('Date', {
    description: 'A day of the UTC calendar, `YYYY-MM-DD`.',
    serialize: (value) => value,
    parseValue: (value) => {
      if (typeof value !== 'string' || !DATE.test(value)) throw new GraphQLError('A Date is written YYYY-MM-DD.')
      return value
    },
  })
  builder.queryType({ description: 'To look.' })
  builder.mutationType({ description: 'To send, and to change.' })
  builder.subscriptionType({ description: 'To watch, over WebSocket (graphql-transport-ws) or SSE, both on `/graphql`.' })
  return builder
}
