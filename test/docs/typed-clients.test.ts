/**
 * docs/typed-clients.md: its scalars are all that the schema has, its documents are valid, and each of the four clients is run: the client preset
 * generates, gql.tada's types are checked, urql and Apollo Client ask a server.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { Client, fetchExchange } from '@urql/core'
import { loadFromSDL, minifyIntrospection, outputIntrospectionFile } from 'gql.tada/internal'
import { buildSchema, isScalarType, isSpecifiedScalarType, parse, validate } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { root } from '../helpers/guide.ts'

const page = readFileSync(join(root, 'docs/typed-clients.md'), 'utf8')
const sdl = readFileSync(join(root, 'schema.graphql'), 'utf8')
const schema = buildSchema(sdl)
const scalars = Object.values(schema.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type))
const documents = [...page.matchAll(/graphql\(`([^`]*)`\)/g)].map(([, document = '']) => document)
/** The scalars as a snippet of the page sets them. */
const setIn = (pattern: RegExp): Record<string, string> =>
  Object.fromEntries(
    [...(pattern.exec(page)?.[1] ?? '').matchAll(/(\w+): '?(Record<string, unknown>|\w+)'?/g)].map(([, name = '', type = '']) => [
      name,
      type,
    ]),
  )
const ofCodegen = setIn(/scalars: \{ (DateTime: 'string'.*) \},/)

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

it('every scalar names its specification, in the printed schema and to clients', async () => {
  expect(
    scalars.map((type) => [type.name, isScalarType(type) ? new URL(type.specifiedByURL ?? '').protocol : '']).toSorted(),
  ).toEqual(['Date', 'DateTime', 'JSON', 'JSONObject'].map((name) => [name, 'https:']))
})

it('sets every scalar of the schema, the same for each generator', () => {
  const names = scalars.map(({ name }) => name).toSorted()
  expect(Object.keys(ofCodegen).toSorted()).toEqual(names)
  expect(setIn(/scalars: \{ (DateTime: string;.*) \}/)).toEqual(ofCodegen)
  const rows = [...page.matchAll(/^\| `(\w+)` \| .* \| `(.*)` \|$/gm)].map(([, name, type]) => [name, type])
  expect(Object.fromEntries(rows)).toEqual(ofCodegen)
})

it('generates types in which nothing is any, with the configuration of the page', async () => {
  expect(documents.length).toBeGreaterThan(1)
  const [document = ''] = documents
  expect(validate(schema, parse(document))).toEqual([])
  const files = await preset.buildGeneratesSection({
    baseOutputDir: 'gql/',
    schema: parse(sdl),
    schemaAst: schema,
    documents: [{ location: 'a.ts', rawSDL: document, document: parse(document) }],
    config: { strictScalars: true, scalars: ofCodegen },
    presetConfig: {},
    plugins: [],
    pluginMap: {},
    pluginContext: {},
    documentTransforms: [],
  })
  const types = await Promise.all(files.filter(({ filename }) => filename.endsWith('graphql.ts')).map((file) => codegen(file)))
  expect(types.join()).toContain('createdAt: string')
  expect(types.join()).not.toMatch(/DateTime: \{ input: (any|unknown)/)
})

it('is answered by the server, through urql as the page creates it', async () => {
  const { apiKey } = await app.project()
  const client = new Client({
    url: `${app.url}/graphql`,
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${apiKey}` } },
  })
  const { data, error } = await client.query(documents[0] ?? '', {}).toPromise()
  expect(error).toBeUndefined()
  expect(data).toMatchObject({ notifications: { nodes: [] } })
})

it('is answered by the server, through Apollo Client as the page creates it', async () => {
  const { apiKey } = await app.project()
  const client = new ApolloClient({
    link: new HttpLink({ uri: `${app.url}/graphql`, headers: { authorization: `Bearer ${apiKey}` } }),
    cache: new InMemoryCache(),
  })
  const { data, error } = await client.query({ query: gql(documents[1] ?? '') })
  expect(error).toBeUndefined()
  expect(data).toMatchObject({ notifications: { nodes: [] } })
  client.stop()
})

/** What TypeScript says of a file that imports `graphql` as the page initialises it for gql.tada. */
async function typeErrorsOf(uses: readonly string[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'carillon-tada-'))
  try {
    await mkdir(join(dir, 'src'))
    await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
    const { introspection } = await loadFromSDL({ assumeValid: true, file: join(root, 'schema.graphql') }).load()
    const types = outputIntrospectionFile(minifyIntrospection(introspection), { fileType: '.d.ts', shouldPreprocess: true })
    const [, initialised = ''] = /```ts\n(import \{ initGraphQLTada[^`]*)```/.exec(page) ?? []
    await writeFile(join(dir, 'src/graphql-env.d.ts'), types)
    await writeFile(join(dir, 'src/graphql.ts'), initialised)
    await writeFile(join(dir, 'src/uses.ts'), uses.join('\n'))
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: 'esnext',
      moduleResolution: 'bundler',
      target: 'esnext',
      types: [],
    }
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: dir, encoding: 'utf8' })
    return stdout.split('\n').filter((line) => line !== '')
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** A document for gql.tada. Not spelled out, because the project's own code generator reads what stands in `graphql(…)` here. */
const typed = (document = ''): string => ['graphql', `(\`${document}\`)`].join('')

it('has the types of the scalars in gql.tada, as the page sets them', async () => {
  const uses = [
    "import type { ResultOf, VariablesOf } from 'gql.tada'",
    "import { graphql } from './graphql'",
    `const Recent = ${typed(documents[0])}`,
    `const Send = ${typed('mutation Send($data: JSONObject) { sendMessages(messages: [{ template: "a", contact: { externalId: "b" }, data: $data }]) { transactionId } }')}`,
    `const Days = ${typed('{ stats { days { date } } }')}`,
    "type Created = ResultOf<typeof Recent>['notifications']['nodes'][number]['createdAt']",
    'type Data = VariablesOf<typeof Send>["data"]',
    "type Day = ResultOf<typeof Days>['stats']['days'][number]['date']",
    'export const right = (created: Created, day: Day): [string, string, Data] => [created, day, { number: 17 }]',
  ]
  expect(await typeErrorsOf(uses)).toEqual([])
  const wrong = [
    'export const a = (created: Created): number => created',
    "export const b: Data = '{}'",
    'export const c = (day: Day): Date => day',
  ]
  const errors = await typeErrorsOf([...uses, ...wrong])
  expect(errors.map((line) => /uses\.ts\((\d+),.*(TS\d+)/.exec(line)?.slice(1))).toEqual(
    wrong.map((_, index) => [String(uses.length + index + 1), 'TS2322']),
  )
})
