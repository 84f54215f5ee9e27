/** The schema against the contract: what a client may rely on is there, as it was promised, and everything is described. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, findBreakingChanges, type GraphQLSchema, isSpecifiedScalarType } from 'graphql'
import { expect, it } from 'vitest'

const read = (...path: string[]): GraphQLSchema => buildSchema(readFileSync(join(import.meta.dirname, ...path), 'utf8'))
const contract = read('contract.graphql')
const schema = read('..', 'schema.graphql')

const broken = (promised: GraphQLSchema, kept: GraphQLSchema): string[] =>
  findBreakingChanges(promised, kept).map(({ type, description }) => `${type}: ${description}`)

/** Arguments and types of Relay's connections, which mean the same everywhere. */
const isPaging = (name: string): boolean => /^(first|after|last|before)$/.test(name)
const isConnection = (name: string): boolean => /(Connection|Edge|^PageInfo)$/.test(name)

/** Every type, field, argument, input field and enum value without a description. */
function undescribed(of: GraphQLSchema): string[] {
  const missing: string[] = []
  const check = (name: string, { description }: { readonly description?: string | null | undefined }): void => {
    if (!description?.trim()) missing.push(name)
  }
  for (const type of Object.values(of.getTypeMap())) {
    if (type.name.startsWith('__') || isSpecifiedScalarType(type) || isConnection(type.name)) continue
    check(type.name, type)
    for (const field of 'getFields' in type ? Object.values(type.getFields()) : []) {
      check(`${type.name}.${field.name}`, field)
      for (const arg of 'args' in field ? field.args : [])
        if (!isPaging(arg.name)) check(`${type.name}.${field.name}(${arg.name})`, arg)
    }
    for (const value of 'getValues' in type ? type.getValues() : []) check(`${type.name}.${value.name}`, value)
  }
  return missing
}

it('keeps everything that the contract promises', () => {
  expect(broken(contract, schema)).toEqual([])
})

it('describes every type, field, argument and value', () => {
  expect(undescribed(schema)).toEqual([])
})

it('notices what is broken or not described', () => {
  const promised = buildSchema('type Query { a(b: Int): String! c: Int }')
  const kept = buildSchema('type Query { a(b: Int!): String }')
  expect(broken(promised, kept).map((line) => line.split(':')[0])).toEqual([
    'FIELD_REMOVED',
    'ARG_CHANGED_KIND',
    'FIELD_CHANGED_KIND',
  ])
  expect(undescribed(kept)).toEqual(['Query', 'Query.a', 'Query.a(b)'])
})
