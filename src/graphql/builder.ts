/** The builder that every type is defined with: Pothos with its Prisma plugin, and the scalars. */
import SchemaBuilder, { type FieldMap } from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql'
import { GraphQLDateTime, GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars'
import type { PrismaClient } from '../db/generated/client.ts'
import type { Operation } from '../domain/permission.ts'
import type { Json, JsonObject } from '../words.ts'
import type { Context } from './context.ts'
import type PrismaTypes from './generated.ts'
import { getDatamodel } from './generated.ts'

/** The types that the builder is parameterized with. */
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

type Builders = PothosSchemaTypes.SchemaBuilder<SchemaTypes>
type Root = SchemaTypes['Root']
/** Fields of a root type. One that has no row in the table of permissions does not compile. */
type Permitted<Fields> = Fields & { readonly [Name in Exclude<keyof Fields, Operation>]: never }

/** Pothos's builder, with root fields that have to be in the table of permissions. */
export interface Builder
  extends Omit<
    Builders,
    'queryField' | 'queryFields' | 'mutationField' | 'mutationFields' | 'subscriptionField' | 'subscriptionFields'
  > {
  queryFields<Fields extends FieldMap>(
    fields: (t: PothosSchemaTypes.QueryFieldBuilder<SchemaTypes, Root>) => Permitted<Fields>,
  ): void
  mutationFields<Fields extends FieldMap>(
    fields: (t: PothosSchemaTypes.MutationFieldBuilder<SchemaTypes, Root>) => Permitted<Fields>,
  ): void
  subscriptionFields<Fields extends FieldMap>(
    fields: (t: PothosSchemaTypes.SubscriptionFieldBuilder<SchemaTypes, Root>) => Permitted<Fields>,
  ): void
}

const DATE = /^\d{4}-\d{2}-\d{2}$/
const described = <T extends GraphQLScalarType>(scalar: T, description: string, specifiedByURL: string): T => {
  scalar.description = description
  scalar.specifiedByURL = specifiedByURL
  return scalar
}

const LEAP = /(:59):60(?=[.Zz+-])/
/** RFC 3339 has leap seconds, and `Date` has none: such a second is the one after it. */
const parseTime = (value: unknown): Date => {
  if (typeof value !== 'string' || !LEAP.test(value)) return GraphQLDateTime.parseValue(value)
  return new Date(GraphQLDateTime.parseValue(value.replace(LEAP, '$1:59')).getTime() + 1000)
}
/** What `@specifiedBy` names: where the form of a scalar is defined. */
const specifications = {
  DateTime: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  Date: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  JSON: 'https://www.rfc-editor.org/rfc/rfc8259',
  JSONObject: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
} as const

const FORMATTED = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** Most times are already in the form of the response: parsing each into a `Date` and formatting it again is a tenth of the cost of reading a feed. */
const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  parseValue: (value) => parseTime(value),
  parseLiteral: (node, variables) =>
    node.kind === Kind.STRING ? parseTime(node.value) : GraphQLDateTime.parseLiteral(node, variables),
  serialize: (value) => (typeof value === 'string' && FORMATTED.test(value) ? value : GraphQLDateTime.serialize(value)),
})

/** A builder with the scalars and the three root types, still empty. */
export function createBuilder(client: PrismaClient): Builder {
  const builder: Builder = new SchemaBuilder<BuilderTypes>({
    plugins: [PrismaPlugin],
    defaultFieldNullability: false,
    prisma: { client, dmmf: getDatamodel(), filterConnectionTotalCount: true },
  })
  builder.addScalarType(
    'DateTime',
    described(
      DateTime,
      'A date and time, RFC 3339 with an offset (`2026-01-31T09:30:00Z`), from 1970 to 9999 in UTC; what is finer than a millisecond is cut off. ' +
        'Responses are in UTC, with milliseconds.',
      specifications.DateTime,
    ),
  )
  builder.addScalarType('JSON', described(GraphQLJSON, 'Any JSON value. Numbers are within ±(2^53 - 1).', specifications.JSON))
  builder.addScalarType(
    'JSONObject',
    described(GraphQLJSONObject, 'A JSON object. Numbers are within ±(2^53 - 1).', specifications.JSONObject),
  )
  builder.scalarType('Date', {
    description: 'A UTC calendar day, `YYYY-MM-DD`.',
    specifiedByURL: specifications.Date,
    serialize: (value) => value,
    parseValue: (value) => {
      if (typeof value !== 'string' || !DATE.test(value)) throw new GraphQLError('A Date has the form YYYY-MM-DD.')
      return value
    },
  })
  builder.queryType({ description: 'Reads: contacts, notifications, templates and everything else that is stored.' })
  builder.mutationType({ description: 'Sends messages, and changes what is stored.' })
  builder.subscriptionType({ description: 'Live updates, over WebSocket (graphql-transport-ws) or SSE, both on `/graphql`.' })
  return builder
}
