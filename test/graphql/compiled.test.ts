/**
 * Operations that are executed from a plan have the result that graphql-js gives, in data, errors and their order: generated operations on
 * generated values, of which any may be missing, wrong, late or an error. `TEST_FULL=1`: 40,000 operations.
 */
import { setImmediate } from 'node:timers/promises'
import {
  buildSchema,
  type ExecutionResult,
  execute,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql'
import { expect, it } from 'vitest'
import { createExecutor } from '../../src/graphql/compiled.ts'
import { bytesOf } from '../../src/graphql/frames.ts'
import { type Random, randomOf, seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'

const TOTAL = process.env['TEST_FULL'] === '1' ? 40_000 : 3_000

const sdl = `
  interface Node { id: ID! name: String next: Node all(first: Int, ids: [ID!]): [Node!] }
  type Cat implements Node { id: ID! name: String next: Node all(first: Int, ids: [ID!]): [Node!] lives: Int! kind: Kind friend: Pet strict: Dog! }
  type Dog implements Node { id: ID! name: String next: Node all(first: Int, ids: [ID!]): [Node!] tags: [String!]! grid: [[Int]] pets: [Pet]! owner: Owner }
  type Owner { name: String! cats(named: String = "x", filter: Filter): [Cat!]! dog: Dog! age: Float open: Boolean! }
  union Pet = Cat | Dog
  enum Kind { WILD TAME }
  input Filter { min: Int! max: Int = 3 }
  type Query { cat: Cat cats(first: Int! = 2): [Cat!]! dog(filter: Filter): Dog node: Node! pet: Pet pets: [[Pet!]] owner: Owner! }
  type Subscription { cat: Cat owner: Owner! }
  type Mutation { cat: Cat }
`

/** Names of the fields that were resolved, with what they were given. */
type Log = string[]

interface Context {
  readonly seed: number
  readonly log: Log
}

/** A number that depends on a text and a seed alone. */
const drawnFrom = (text: string, seed: number): Random => {
  let hash = seed
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0
  return randomOf(hash)
}

/** Any value, mostly one of the type. */
function anyOf(random: Random, type: GraphQLOutputType, label: string): unknown {
  if (isNonNullType(type)) return random.int(25) === 0 ? random.of([null, undefined]) : anyOf(random, type.ofType, label)
  const odd = random.int(30)
  if (odd === 0) return null
  if (odd === 1) return new Error(`returned ${label}`)
  if (odd === 2) return Promise.reject(new Error(`rejected ${label}`))
  if (odd === 3) return random.of([{}, [], 'text', 5, () => 1, Number.NaN])
  if (odd < 7) return Promise.resolve(anyOf(random, type, `${label}, later`))
  if (isListType(type)) {
    const items = times(random.int(4), (index) => anyOf(random, type.ofType, `${label} ${index}`))
    return random.int(5) === 0 ? new Set(items) : items
  }
  const { name } = getNamedType(type)
  const scalars: Readonly<Record<string, unknown>> = {
    ID: `id ${label}`,
    String: random.int(6) === 0 ? `${label} "한🦊\n\u007f\u2028` : label,
    Int: random.int(9),
    Float: 0.5,
    Boolean: true,
    Kind: 'WILD',
  }
  if (Object.hasOwn(scalars, name)) return scalars[name]
  if (random.int(40) === 0) return { is: random.of(['Owner', 'Kind', 'Pet', 'Nothing', '']), at: label }
  return { at: label, is: random.of(name === 'Owner' || name === 'Cat' || name === 'Dog' ? [name] : ['Cat', 'Dog']) }
}

/** Fields whose resolvers have no parameter for `info`: half of those that are texts, numbers and the like. */
const isPlain = (type: string, { name, type: returned, args }: GraphQLField<unknown, unknown>): boolean =>
  isLeafType(getNamedType(returned)) && args.length === 0 && (type.length + name.length) % 2 === 0

function createSchema(): GraphQLSchema {
  const schema = buildSchema(sdl)
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    if (isInterfaceType(type) || isUnionType(type)) {
      type.resolveType = (value: { is?: string }, { seed }: Context, info) => {
        const odd = drawnFrom(responsePathAsArray(info.path).join(), seed + 1).int(20)
        if (odd === 0) throw new Error(`no type at ${info.fieldName}`)
        if (odd === 1) return undefined
        return odd < 5 ? Promise.resolve(value.is) : value.is
      }
    }
    if (!isObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      if (isPlain(type.name, field)) {
        // Such a resolver is not told where it is, so that it depends on its source.
        field.resolve = (source: { at?: string } | null, _args: object, { seed, log }: Context) => {
          const place = `${source?.at} ${field.name}`
          log.push(place)
          const random = drawnFrom(place, seed)
          if (random.int(25) === 0) throw random.of<unknown>([new Error(`thrown at ${place}`), 'a text', null])
          return anyOf(random, field.type, place)
        }
        continue
      }
      field.resolve = (_source, args: object, { seed, log }: Context, info: GraphQLResolveInfo) => {
        const path = responsePathAsArray(info.path).join()
        const { fieldName, fieldNodes, parentType, returnType, variableValues, rootValue, fragments, operation } = info
        log.push(
          JSON.stringify([
            ...[path, args, fieldName, fieldNodes.length, parentType.name, String(returnType), variableValues, rootValue],
            ...[Object.keys(fragments), operation.name?.value, info.path.typename, info.schema === schema],
          ]),
        )
        const random = drawnFrom(path, seed)
        if (random.int(25) === 0) throw random.of<unknown>([new Error(`thrown at ${path}`), 'a text', null])
        return anyOf(random, field.type, path)
      }
    }
  }
  return schema
}

/** Any operation on the schema; some of them are not valid. */
function operationOf(random: Random, schema: GraphQLSchema): string {
  const fragments: string[] = []
  const directive = (): string =>
    random.int(6) === 0 ? ` @${random.of(['include', 'skip'])}(if: ${random.of(['true', 'false', '$yes', '$no'])})` : ''
  const args: Readonly<Record<string, readonly string[]>> = {
    all: ['', '(first: 1)', '(first: $n, ids: $ids)', '(ids: "x")'],
    cats: ['', '(first: $n)', '(first: 1)', '(named: $s)', '(filter: $f)', '(filter: { min: $n })'],
    dog: ['', '(filter: { min: 1 })', '(filter: $f)'],
  }
  const selection = (type: GraphQLNamedType, depth: number): string => {
    const parts: string[] = []
    const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : []
    for (let n = 1 + random.int(4); n > 0; n--) {
      if (fields.length === 0 || random.int(8) === 0) parts.push(`${random.of(['', '', 'kind_: '])}__typename${directive()}`)
      else {
        const field = random.of(fields)
        const inner = getNamedType(field.type)
        if (!isLeafType(inner) && depth === 0) continue
        const alias = random.of(['', '', '', 'a: ', 'b: ', `${field.name}_: `])
        const given = field.args.length > 0 || field.name === 'dog' ? random.of(args[field.name] ?? ['']) : ''
        const below = isLeafType(inner) ? '' : ` ${selection(inner, depth - 1)}`
        parts.push(`${alias}${field.name}${field.args.length > 0 ? given : ''}${directive()}${below}`)
      }
    }
    if (depth > 0 && random.int(3) === 0) {
      const on = isObjectType(type) ? random.of(['', ` on ${type.name}`]) : ` on ${random.of(['Cat', 'Dog', 'Node', 'Pet'])}`
      const inner = on === '' ? type : (schema.getType(on.slice(4)) ?? type)
      if (random.int(2) === 0) parts.push(`...${on}${directive()} ${selection(inner, depth - 1)}`)
      else {
        const name = `F${fragments.length}`
        fragments.push('')
        fragments[Number(name.slice(1))] = `fragment ${name} on ${inner.name} ${selection(inner, depth - 1)}`
        parts.push(`...${name}${directive()}`)
        if (random.int(2) === 0) parts.push(`...${name}`)
      }
    }
    return `{ ${parts.length === 0 ? '__typename' : parts.join(' ')} }`
  }
  const isQuery = random.int(8) > 0
  const root = isQuery ? schema.getQueryType() : schema.getSubscriptionType()
  if (!root) throw new Error('There is no root')
  const body = isQuery ? selection(root, 4) : `{ ${random.of(['cat', 'owner'])} ${selection(schema.getType('Node') ?? root, 0)} }`
  const text = `${body} ${fragments.join(' ')}`
  const types = { yes: 'Boolean! = true', no: 'Boolean! = false', n: 'Int! = 1', ids: '[ID!]', s: 'String', f: 'Filter' }
  const used = Object.entries(types).filter(([name]) => new RegExp(`\\$${name}\\b`).test(text))
  const head = used.length === 0 ? '' : `(${used.map(([name, type]) => `$${name}: ${type}`).join(', ')})`
  return `${isQuery ? 'query' : 'subscription'} Q${head} ${text}`
}

const variablesOf = (random: Random): Record<string, unknown> => ({
  ...(random.int(3) === 0 ? { yes: random.of<unknown>([true, false, true, false, null, 1]) } : {}),
  ...(random.int(3) === 0 ? { no: random.of([true, false]) } : {}),
  ...(random.int(3) === 0 ? { n: random.of<unknown>([1, 2, 'x', null, 1.5]) } : {}),
  ...(random.int(3) === 0 ? { ids: random.of<unknown>([['a'], 'b', [null], 3]) } : {}),
  ...(random.int(3) === 0 ? { f: random.of<unknown>([{ min: 1 }, {}, null, { min: 1, max: null }]) } : {}),
})

const shown = ({ data, errors, ...rest }: ExecutionResult) =>
  JSON.stringify({ data, errors: errors?.map((error) => [error, error.originalError?.message]), ...rest })

it(`executes ${TOTAL} generated operations as graphql-js does`, async () => {
  const random = seeded()
  const schema = createSchema()
  const { execute: fromPlan, repeat } = createExecutor(schema)
  let [planned, failed, whole] = [0, 0, 0]
  // What graphql-js leaves behind of lists that fail early is nobody's: both leave the same.
  const ignore = (): void => {}
  process.on('unhandledRejection', ignore)
  for (let n = 0; n < TOTAL; n++) {
    const query = operationOf(random, schema)
    const document = parse(query)
    if (validate(schema, document, undefined, { maxErrors: 1 }).length > 0) continue
    const operationName = random.of([null, undefined, 'Q'])
    for (let turn = 0; turn < 4; turn++) {
      const seed = random.int(1_000_000)
      const variableValues = variablesOf(random)
      const [expectedLog, log]: [Log, Log] = [[], []]
      const common = { schema, document, operationName, variableValues, rootValue: { root: seed } }
      const expected = await execute({ ...common, contextValue: { seed, log: expectedLog } })
      const before = shown(expected)
      const result = await fromPlan({ ...common, contextValue: { seed, log } })
      const label = `${query} ${JSON.stringify(variableValues)} ${seed}`
      expect(shown(result), label).toBe(before)
      // A field that is null already may have others below it that are still being resolved.
      await setImmediate()
      expect(log, label).toEqual(expectedLog)
      const writtenLog: Log = []
      const { rootValue, ...again } = common
      const written = await repeat({ ...again, contextValue: { seed, log: writtenLog } })(rootValue)
      expect(written.data, label).toBe(expected.data === undefined ? undefined : bytesOf(JSON.stringify(expected.data)))
      expect(shown({ data: null, errors: written.errors ?? [] }), label).toBe(
        shown({ data: null, errors: expected.errors ?? [] }),
      )
      await setImmediate()
      expect(writtenLog, label).toEqual(expectedLog)
      if (turn > 0 && result.data !== null && result.data !== undefined && Object.getPrototypeOf(result.data) !== null)
        planned += 1
      if (result.errors !== undefined) failed += 1
      else whole += 1
    }
  }
  process.off('unhandledRejection', ignore)
  expect(planned).toBeGreaterThan(TOTAL / 8)
  expect(failed).toBeGreaterThan(TOTAL / 8)
  expect(whole).toBeGreaterThan(TOTAL / 8)
}, 600_000)

it.each([
  ['a mutation', 'mutation { cat { id } }'],
  ['introspection', '{ __type(name: "Cat") { name } }'],
  ['a key that an object can’t have', '{ __proto__: cat { id } }'],
])('leaves %s to graphql-js', async (_name, query) => {
  const schema = createSchema()
  const { execute: fromPlan } = createExecutor(schema)
  const document = parse(query)
  for (let turn = 0; turn < 2; turn++) {
    const contextValue = { seed: 4, log: [] }
    const result = await fromPlan({ schema, document, contextValue })
    expect(shown(result)).toBe(shown(await execute({ schema, document, contextValue })))
    expect(Object.getPrototypeOf(result.data)).toBe(null)
  }
})

it('leaves to graphql-js what has too many fields to keep', async () => {
  const schema = createSchema()
  const { execute: fromPlan } = createExecutor(schema)
  // Each fragment uses the next one in four places.
  const chain = times(
    7,
    (n) => `fragment F${n} on Node { a: next { ...F${n + 1} } b: next { ...F${n + 1} } c: next { ...F${n + 1} } }`,
  )
  const document = parse(`{ node { ...F0 } } ${chain.join(' ')} fragment F7 on Node { id }`)
  for (let turn = 0; turn < 2; turn++) {
    const result = await fromPlan({ schema, document, contextValue: { seed: 7, log: [] } })
    expect(shown(result)).toBe(shown(await execute({ schema, document, contextValue: { seed: 7, log: [] } })))
    if (result.data !== null && result.data !== undefined) expect(Object.getPrototypeOf(result.data)).toBe(null)
  }
})
