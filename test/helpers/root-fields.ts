/** Every root field of a schema as a document with the least that it takes: a field that is new is in every test that walks them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildSchema,
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  parse,
} from 'graphql'

/**
 * A value for an argument (`Mutation.markAs(messages)`) or an input's field (`MessageInput.id`), whether it must be given or not;
 * undefined: what its type takes, where it must be given. `type` is the name of its type without `!` and `[]`.
 */
export type Values = (coordinate: string, type: string) => unknown

/** A root field, with what it takes. */
export interface RootField {
  readonly kind: 'query' | 'mutation' | 'subscription'
  readonly name: string
  /** `Mutation.markAs` */
  readonly coordinate: string
  readonly args: readonly { readonly name: string; readonly type: GraphQLInputType; readonly description: string }[]
}

const scalars: Readonly<Record<string, unknown>> = {
  Int: 1,
  Float: 1,
  Boolean: true,
  JSONObject: {},
  JSON: {},
  DateTime: '2026-01-02T03:04:05.678Z',
  Date: '2026-01-02',
}

/** A value that a type takes. */
export function exampleOf(type: GraphQLInputType, values: Values = () => undefined): unknown {
  if (isNonNullType(type)) return exampleOf(type.ofType, values)
  if (isListType(type)) return [exampleOf(type.ofType, values)]
  if (isEnumType(type)) return type.getValues()[0]?.name
  if (!isInputObjectType(type)) return Object.hasOwn(scalars, type.name) ? scalars[type.name] : 'x'
  const fields = Object.values(type.getFields())
  if (type.isOneOf) return Object.fromEntries(fields.slice(0, 1).map((field) => [field.name, exampleOf(field.type, values)]))
  return Object.fromEntries(
    fields.flatMap((field) => {
      const given = values(`${type.name}.${field.name}`, getNamedType(field.type).name)
      if (given !== undefined) return [[field.name, given]]
      return isRequiredInputField(field) ? [[field.name, exampleOf(field.type, values)]] : []
    }),
  )
}

/** The schema as it is printed and committed: for tests whose names come from it. */
export const printedSchema = (): GraphQLSchema =>
  buildSchema(readFileSync(join(import.meta.dirname, '../../schema.graphql'), 'utf8'))

/** All root fields. */
export function rootFields(schema: GraphQLSchema): RootField[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const
  return roots.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      kind,
      name: field.name,
      coordinate: `${type?.name}.${field.name}`,
      args: field.args.map((arg) => ({ name: arg.name, type: arg.type, description: arg.description ?? '' })),
    })),
  )
}

/** A document that asks for a root field, and its variables. `selection`: what to ask of the answer; default: its type's name. */
export function documentOf(
  schema: GraphQLSchema,
  { kind, name, coordinate }: RootField,
  values: Values = () => undefined,
  selection: string | null = null,
): { query: string; variables: Record<string, unknown>; document: DocumentNode } {
  const [typeName = ''] = coordinate.split('.')
  const type = schema.getType(typeName)
  const field = type !== undefined && 'getFields' in type && !isInputObjectType(type) ? type.getFields()[name] : undefined
  if (field === undefined) throw new Error(`There is no ${coordinate}`)
  const args = field.args.flatMap((arg) => {
    const given = values(`${coordinate}(${arg.name})`, getNamedType(arg.type).name)
    if (given !== undefined) return [{ arg, value: given }]
    return isRequiredArgument(arg) ? [{ arg, value: exampleOf(arg.type, values) }] : []
  })
  const definitions = args.map(({ arg }) => `$${arg.name}: ${arg.type}`).join(', ')
  const passed = args.map(({ arg }) => `${arg.name}: $${arg.name}`).join(', ')
  const asked = selection ?? (isCompositeType(getNamedType(field.type)) ? '{ __typename }' : '')
  const query = `${kind} Q${definitions && `(${definitions})`} { ${name}${passed && `(${passed})`} ${asked} }`
  return { query, variables: Object.fromEntries(args.map(({ arg, value }) => [arg.name, value])), document: parse(query) }
}
