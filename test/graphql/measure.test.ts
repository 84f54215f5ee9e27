/** What operations cost: by the schema that is printed, and without a server. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, getIntrospectionQuery, isInterfaceType, isObjectType, parse, specifiedRules, validate } from 'graphql'
import { describe, expect, it } from 'vitest'
import { documentLimits } from '../../src/graphql/limits.ts'
import { costOfResult, createMeasure, isListOfObjects, measure } from '../../src/graphql/measure.ts'
import { hasSize, named } from '../../src/graphql/sizes.ts'

const root = join(import.meta.dirname, '../..')
const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'))
const costOf = (query: string, variableValues: Record<string, unknown> = {}): number =>
  measure({ schema, document: parse(query), variableValues }).cost
const times = (count: number, text: (n: number) => string): string => Array.from({ length: count }, (_, n) => text(n)).join(' ')

it('every list of objects of the schema has a size, and what has a size or a price is there', () => {
  const missing: string[] = []
  const there = new Set<string>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(isObjectType(type) || isInterfaceType(type)) || type.name.startsWith('__')) continue
    for (const [name, field] of Object.entries(type.getFields())) {
      there.add(`${type.name}.${name}`)
      for (const argument of field.args) there.add(`${type.name}.${name}(${argument.name})`)
      if (isListOfObjects(field.type) && !hasSize(type.name, name)) missing.push(`${type.name}.${name}`)
    }
  }
  expect(missing).toEqual([])
  expect([...named.lists, ...named.fields, ...named.arguments].filter((path) => !there.has(path))).toEqual([])
  expect(named.mutations.filter((name) => schema.getMutationType()?.getFields()[name] === undefined)).toEqual([])
})

const list = 'preferences{templates{enabled}}'
const page = 'templates(first:100){nodes{key email{text}}}'

describe('the same costs the same however it is written', () => {
  const whole = costOf(`{${times(15, (n) => `a${n}:${list}`)}}`)
  it.each([
    ['a fragment', `{...f} fragment f on Query{${times(15, (n) => `a${n}:${list}`)}}`],
    ['a fragment in a fragment', `{...f} fragment f on Query{...g} fragment g on Query{${times(15, (n) => `a${n}:${list}`)}}`],
    ['an inline fragment', `{... on Query{${times(15, (n) => `a${n}:${list}`)}}}`],
    ['an inline fragment without a type', `{...{${times(15, (n) => `a${n}:${list}`)}}}`],
    [
      'a fragment for each field',
      `{${times(15, (n) => `a${n}:preferences{...f}`)}} fragment f on Preferences{templates{enabled}}`,
    ],
    [
      'two fragments',
      `{...f ...g} fragment f on Query{${times(8, (n) => `a${n}:${list}`)}} fragment g on Query{${times(7, (n) => `b${n}:${list}`)}}`,
    ],
    ['a directive that includes it', `{...@include(if:true){${times(15, (n) => `a${n}:${list}`)}}}`],
  ])('in %s', (_title, query) => expect(costOf(query)).toBe(whole))

  it.each([
    ['a literal', '{templates(first:7){nodes{key}}}', {}],
    ['a variable', 'query($n:Int){templates(first:$n){nodes{key}}}', { n: 7 }],
    ['the default of a variable', 'query($n:Int=7){templates(first:$n){nodes{key}}}', {}],
    ['the last ones', '{templates(last:7){nodes{key}}}', {}],
    ['edges', '{templates(first:7){edges{node{key}}}}', {}],
  ] as const)('a page by %s', (title, query, variables) => {
    const edges = title === 'edges' ? 7 : 0
    expect(costOf(query, variables)).toBe(1 + 2 + 7 + 1 + edges)
  })
})

it.each([
  ['an alias', `{${list}}`, `{${list} b:${list}}`],
  ['a wider page', '{templates(first:10){nodes{key}}}', '{templates(first:90){nodes{key}}}'],
  ['a list in a list', '{templates(first:100){nodes{key}}}', `{${page}}`],
  [
    'a list in a list by fragment',
    '{templates(first:100){nodes{key}}}',
    '{templates(first:100){nodes{...f}}} fragment f on Template{key email{text}}',
  ],
  ['an unpaged list', '{viewer{project{id}}}', '{providers{key}}'],
  ['an aliased text', '{feed(first:100){nodes{body}}}', `{feed(first:100){nodes{body ${times(50, (n) => `a${n}:body`)}}}}`],
  ['the schema', '{__typename}', '{__schema{types{name}}}'],
  ['the schema again', '{__schema{types{name}}}', '{...f} fragment f on Query{a:__schema{types{name}} b:__schema{types{name}}}'],
  ['a type', '{__typename}', `{${times(15, (n) => `a${n}:__type(name:"Query"){fields{name args{name}}}`)}}`],
  ['a field that reads much', '{viewer{isOperator}}', '{preferences{channels{enabled}}}'],
])('%s costs more', (_title, less, more) => expect(costOf(more)).toBeGreaterThan(costOf(less)))

it('an argument for which more is read costs what that does, if it has a value', () => {
  const query = 'query($s:[Severity!]){feed(severities:$s){nodes{title}}}'
  const plain = costOf('{feed{nodes{title}}}')
  for (const given of [{}, { s: null }]) expect(costOf(query, given)).toBe(plain)
  expect(costOf('{feed(severities:null){nodes{title}}}')).toBe(plain)
  const dear = plain + 200
  for (const s of [['HIGH'], 'HIGH', []]) expect(costOf(query, { s })).toBe(dear)
  for (const text of ['{feed(severities:HIGH){nodes{title}}}', '{feed(severities:[HIGH]){nodes{title}}}'])
    expect(costOf(text)).toBe(dear)
  expect(costOf('query($s:[Severity!]=[HIGH]){feed(severities:$s){nodes{title}}}')).toBe(dear)
  const measured = createMeasure()
  const document = parse(query)
  expect([null, 'HIGH'].map((s) => measured({ schema, document, variableValues: { s } }).cost)).toEqual([plain, dear])
})

it('what is left out costs nothing, by literal and by variable', () => {
  const nothing = costOf('{__typename}')
  expect(costOf(`{__typename ...@include(if:false){${list}}}`)).toBe(nothing)
  expect(costOf(`{__typename ...@skip(if:true){${list}}}`)).toBe(nothing)
  expect(costOf(`query($s:Boolean!){__typename preferences@skip(if:$s){templates{enabled}}}`, { s: true })).toBe(nothing)
  expect(costOf(`query($s:Boolean!){__typename preferences@skip(if:$s){templates{enabled}}}`, { s: false })).toBeGreaterThan(
    1_000,
  )
  expect(costOf(`query($s:Boolean=true){__typename preferences@include(if:$s){templates{enabled}}}`)).toBeGreaterThan(1_000)
})

it('a mutation costs what it is given, and its results are as many', () => {
  const send = 'mutation($m:[MessageInput!]!){sendMessages(messages:$m){results{ok transactionId}}}'
  expect(costOf(send, { m: [{}] })).toBeLessThan(10)
  expect(costOf(send, { m: Array.from({ length: 100 }, () => ({})) })).toBe(1 + 100 + 2 + 100 + 20)
  const one = 'mutation{upsertTemplates(templates:[{key:"a"}]){key}}'
  const two = 'mutation{upsertTemplates(templates:[{key:"a"} {key:"b"}]){key}}'
  expect(costOf(two) - costOf(one)).toBeGreaterThanOrEqual(10)
  expect(costOf('mutation{trackEvents(events:[{name:"a" contact:"b"} {name:"a" contact:"b"}]){acceptedCount}}')).toBe(4)
})

it('a document that doubles with each fragment is measured at once, and costs what it holds', () => {
  const doubled = `{...f0} ${times(60, (n) => `fragment f${n} on Query{a${n}:viewer{isOperator} ...f${n + 1} ...f${n + 1}}`)} fragment f60 on Query{hello:__typename}`
  expect(costOf(doubled)).toBe(Number.MAX_SAFE_INTEGER)
})

it('a result costs what it holds', () => {
  expect(costOfResult({ viewer: { isOperator: true, project: null } })).toBe(3)
  expect(costOfResult({ list: Array.from({ length: 100 }, () => ({ a: 1, b: null })) })).toBe(121)
})

/** Documents as clients write them. */
const documents: [name: string, text: string, variables?: Record<string, unknown>][] = ['console', 'inbox', 'inbox-page'].flatMap(
  (folder) =>
    readdirSync(join(root, 'web', folder))
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        [...readFileSync(join(root, 'web', folder, file), 'utf8').matchAll(/graphql\(\s*`([^`]*)`/g)].map(
          ([, text = '']): [string, string, Record<string, unknown>] => [
            `${folder}: ${/(?:query|mutation|subscription) (\w+)/.exec(text)?.[1] ?? file}`,
            text,
            { first: 100, last: 100 },
          ],
        ),
      ),
)
const relay = `query Page($count: Int = 50, $cursor: String) {
  __typename viewer { __typename ...ViewerHeader_viewer }
  notifications(first: $count, after: $cursor) {
    __typename edges { __typename cursor node { __typename id ...Notification_row } }
    pageInfo { __typename hasNextPage endCursor }
  }
  templates(first: $count) { __typename edges { __typename cursor node { __typename id ...Template_row } } pageInfo { __typename endCursor } }
}
fragment ViewerHeader_viewer on Viewer { __typename isOperator project { __typename ...Project_name } contact { __typename id externalId } }
fragment Project_name on Project { __typename id key name locale timezone }
fragment Notification_row on Notification {
  __typename id key createdAt ...Notification_contact template { __typename id ...Template_name } messages { __typename ...Message_row }
}
fragment Notification_contact on Notification { __typename id contact { __typename id externalId firstName lastName email } }
fragment Template_name on Template { __typename id key name }
fragment Template_row on Template { __typename id ...Template_name active critical channels locales }
fragment Message_row on Message {
  __typename id channel status createdAt
  ... on InAppMessage { __typename id title body readAt }
  ... on OutboundMessage { __typename id address subject provider { __typename id ...Provider_name } }
  error { __typename code message }
}
fragment Provider_name on Provider { __typename id key kind }`

describe('ordinary documents pass', () => {
  it.each<[name: string, text: string, variables?: Record<string, unknown>]>([
    ...documents,
    ['as Relay writes them', relay],
    ['40 aliases', `{${times(40, (n) => `t${n}:template(key:"k${n}"){__typename id key name active}`)}}`],
    [
      '40 aliases of contacts',
      `{${times(40, (n) => `c${n}:contact(externalId:"c${n}"){...f}`)}} fragment f on Contact{__typename id email firstName}`,
    ],
    [
      'the schema, as GraphiQL asks',
      getIntrospectionQuery({ schemaDescription: true, inputValueDeprecation: true, specifiedByUrl: true }),
    ],
    ['the schema, as code generators ask', getIntrospectionQuery({ descriptions: false })],
  ])('%s', (_name, text, variables = {}) => {
    const document = parse(text, { maxTokens: documentLimits.tokens })
    expect(validate(schema, document, specifiedRules)).toEqual([])
    expect(text.length).toBeLessThanOrEqual(documentLimits.queryChars)
    const { depth, directives, cost } = measure({ schema, document, variableValues: variables })
    expect(depth).toBeLessThanOrEqual(documentLimits.depth)
    expect(directives).toBeLessThanOrEqual(documentLimits.directives)
    expect(cost).toBeLessThanOrEqual(documentLimits.cost)
  })
})

it('a document that comes again is measured by the sizes of its variables', () => {
  const document = parse(`
    query A($n: Int = 7, $yes: Boolean = true) { templates(first: $n) { nodes { key } } topics(first: 50) @include(if: $yes) { nodes { key } } }
    mutation B($messages: [MessageInput!]!) { sendMessages(messages: $messages) { results { ok } } }
  `)
  const measureAgain = createMeasure()
  const values = [undefined, null, {}, { n: 1 }, { n: 100 }, { n: null }, { n: 'x' }, { n: 7, yes: false }, { n: 1, yes: true }]
  const sends = [{}, { messages: [] }, { messages: [{}] }, { messages: [{}, {}] }, { messages: {} }, { messages: 'x' }]
  const operations = [
    ...values.map((variableValues) => ({ schema, document, operationName: 'A', variableValues })),
    ...sends.map((variableValues) => ({ schema, document, operationName: 'B', variableValues })),
    { schema, document, operationName: 'C' },
  ]
  const costs = new Set<number>()
  for (const operation of [...operations, ...operations]) {
    expect(measureAgain(operation)).toEqual(measure(operation))
    costs.add(measure(operation).cost)
  }
  expect(costs.size).toBeGreaterThan(7)
})
