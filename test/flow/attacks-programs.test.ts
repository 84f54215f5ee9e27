/** What callers write is run: their templates, schemas and patterns. Whatever one project writes, another is served as before. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askGraphql, flood, harmOf, rssMbOf, summaryOf, underAttack } from '../helpers/attack.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { killTree } from '../helpers/tree.ts'

const FULL = process.env['TEST_FULL'] === '1'
const CALLS = FULL ? 40 : 6
const MESSAGES = 100

let dir: string
let database: Awaited<ReturnType<typeof createTestDatabase>>
let server: ServerProcess
let attacker: Awaited<ReturnType<typeof newProject>>
let victim: Awaited<ReturnType<typeof newProject>>
const secrets = newSecrets()

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-programs-'))
  database = await createTestDatabase()
  server = await startProcess({ CARILLON_DIR: dir, DATABASE_URL: database.url, ...secrets })
  attacker = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  victim = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const { errors } = await upsert(victim.credential, {
    key: 'cheap',
    inApp: [{ body: 'Hello {{ data.name }}' }],
    dataSchema: { type: 'object', properties: { name: { type: 'string', pattern: '^[A-Z][a-z]+$' } }, required: ['name'] },
  })
  expect(errors).toBeUndefined()
})
afterAll(async () => {
  killTree(server.pid)
  await database.drop()
  await rm(dir, { recursive: true, force: true })
})

interface Answer {
  readonly data?: { readonly [field: string]: { readonly results?: readonly Result[] } | null } | null
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[]
}
interface Result {
  readonly ok: boolean
  readonly error: { readonly code: string; readonly message: string } | null
}
async function ask(credential: string, query: string, variables: Record<string, unknown>): Promise<Answer> {
  const { status, text } = await askGraphql(server.url, { query, variables }, credential)
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new Error(`${status} ${text.slice(0, 200)}`)
  }
}
const upsert = (credential: string, ...templates: object[]): Promise<Answer> =>
  ask(credential, 'mutation ($templates: [TemplateInput!]!) { upsertTemplates(templates: $templates) { id } }', { templates })
const send = (template: string, data: object, count = MESSAGES, more: object = {}): Promise<Answer> =>
  ask(
    attacker.credential,
    'mutation ($messages: [MessageInput!]!) { sendMessages(messages: $messages) { results { ok error { code message } } } }',
    { messages: Array.from({ length: count }, (_unused, n) => ({ template, contact: { externalId: `c${n}` }, data, ...more })) },
  )
const preview = (template: string, data: object, draft: object | null = null): Promise<Answer> =>
  ask(
    attacker.credential,
    'query ($message: MessageInput!, $draft: TemplateInput) { preview(message: $message, draft: $draft) { ok error { code message } channels { reason { code } } } }',
    { message: { template, contact: { externalId: 'c' }, data }, draft },
  )
/** The code of an answer: of the call, or of its messages. */
const codeOf = ({ errors, data }: Answer): string =>
  errors?.[0]?.extensions.code ??
  [...new Set(Object.values(data ?? {}).flatMap((field) => (field?.results ?? []).map((one) => one.error?.code ?? 'ok')))].join(
    ' ',
  )

const texts = (text: string): object => ({
  inApp: [
    {
      title: text,
      body: text,
      iconUrl: text,
      url: text,
      primaryAction: { label: text, url: text },
      secondaryAction: { label: text, url: text },
    },
  ],
})
const nested = (depth: number): object =>
  depth === 0
    ? { type: 'string' }
    : { anyOf: [nested(depth - 1), nested(depth - 1)], oneOf: [{ type: 'string' }, { minLength: 9 }] }
const branching = {
  $defs: {
    n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
    m: { properties: { c: { $ref: '#/$defs/n' } }, required: ['c'] },
  },
  $ref: '#/$defs/n',
}
const deep = JSON.parse(`${'{"c":'.repeat(30)}{}${'}'.repeat(30)}`) as object
const large = {
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 900 }, (_unused, n) => [`p${n}`, { type: 'string', pattern: `^[a-z]{1,9}${n}$`, maxLength: 10 }]),
  ),
}
const evil = `${'a'.repeat(60)}b`
const loop = (count: number): string => `{% for i in (1..${count}) %}{{ i }}{% endfor %}`
const doubling = `{% assign s = "aaaaaaaaaa" %}${'{% assign s = s | append: s %}'.repeat(40)}{{ s | size }}`

/** An attack: a template, the data that it is sent with, and whether it may be refused when it is stored. */
interface Case {
  readonly name: string
  readonly template: object
  readonly data: object
  readonly overrides?: object
  readonly isWhole?: boolean
}
const cases: readonly Case[] = [
  {
    name: 'a pattern that backtracks',
    template: { inApp: [{ body: 'x' }], dataSchema: { properties: { s: { pattern: '^(a+)+$' } } } },
    data: { s: evil },
  },
  { name: 'a schema of 60 KB', template: { inApp: [{ body: 'x' }], dataSchema: large }, data: { p1: 'a1' } },
  { name: 'eight looping texts', template: texts(loop(10_000)), data: {} },
  { name: 'references that branch', template: { inApp: [{ body: 'x' }], dataSchema: branching }, data: deep },
  { name: 'eight texts that are almost cheap', template: texts(loop(900)), data: {} },
  { name: 'texts that double their memory', template: texts(doubling), data: {} },
  {
    name: 'nested alternatives',
    template: { inApp: [{ body: 'x' }], dataSchema: { properties: { s: nested(6) } } },
    data: { s: 1 },
    isWhole: true,
  },
  {
    name: 'items that are compared with each other',
    template: { inApp: [{ body: 'x' }], dataSchema: { properties: { l: { type: 'array', uniqueItems: true } } } },
    data: { l: Array.from({ length: 1_500 }, (_unused, n) => ({ n: { n } })) },
    isWhole: true,
  },
  {
    name: 'an enum of 9,000 values',
    template: {
      inApp: [{ body: 'x' }],
      dataSchema: { properties: { l: { items: { enum: Array.from({ length: 9_000 }, (_unused, n) => n) } } } },
    },
    data: { l: Array.from({ length: 1_000 }, () => -1) },
    isWhole: true,
  },
  {
    name: 'overrides that loop',
    template: { inApp: [{ body: 'x' }] },
    data: {},
    overrides: { inApp: { title: loop(5_000), body: loop(5_000) } },
    isWhole: true,
  },
  {
    name: 'long overrides',
    template: { inApp: [{ body: 'x' }] },
    data: {},
    overrides: { inApp: { body: '{{ a }}'.repeat(1_000) } },
    isWhole: true,
  },
]

const cheap =
  'mutation { sendMessages(messages: [{ template: "cheap", contact: { externalId: "v" }, data: { name: "Ann" } }]) { results { ok } } }'

describe.each(cases.filter((one) => FULL || one.isWhole !== true))('$name', ({ name, template, data, overrides }) => {
  it('is not noticed by another project', { timeout: 120_000 }, async () => {
    const codes: string[] = []
    let longestMs = 0
    const report = await underAttack({
      server,
      victim: victim.credential,
      query: cheap,
      attackMs: 60_000,
      attack: async (signal) => {
        const took = async (answer: Promise<Answer>): Promise<string> => {
          const began = performance.now()
          const code = codeOf(await answer)
          longestMs = Math.max(longestMs, performance.now() - began)
          codes.push(code)
          return code
        }
        const key = name.replaceAll(' ', '-')
        await took(upsert(attacker.credential, { key, ...template }))
        const call = async (n: number): Promise<string> => {
          // Each door to the same programs. A new key is a new program.
          if (n % 3 === 1) return took(preview(key, data, { key, ...template }))
          if (n % 3 === 2) await took(upsert(attacker.credential, { key: `${key}-${n}`, ...template }))
          return took(send(n % 3 === 2 ? `${key}-${n}` : key, data, MESSAGES, overrides === undefined ? {} : { overrides }))
        }
        await flood(CALLS, 3, call, signal)
      },
    })
    process.stdout.write(
      `${name}: ${summaryOf(report)}; longest call ${Math.round(longestMs)} ms; ${[...new Set(codes)].join(', ')}\n`,
    )
    expect(harmOf(report, { p99Ms: 1_000, growthMb: 250 }).join('; '), summaryOf(report)).toBe('')
    expect(codes.filter((code) => /INTERNAL/.test(code))).toEqual([])
  })
})

it('holds no more than its bound of memory in the sandbox', () => {
  expect(rssMbOf(server.pid)).toBeLessThan(900)
})
