/** What is nested too deeply, in every place where callers can nest: refused in words of our own, and nothing else is affected. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Send, UpsertTemplates } from '../helpers/operations.ts'
import { PreviewWith } from '../helpers/operations-render.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'Hello {{ data.name }}' }] }] })
})
afterAll(() => app.stop())

const times = (count: number, text: string): string => text.repeat(count)
/** The value within so many objects or lists. */
const nested = (depth: number, wrap: (inner: Json) => Json): Json => {
  let value: Json = 1
  for (let level = 0; level < depth; level++) value = wrap(value)
  return value
}
const LIBRARY_WORDS = /call stack|RangeError|Maximum/

/** Each overflows the stack of a parser or of the renderer; small ones are read in the server, large ones in the sandbox. */
const templates: readonly [what: string, source: string][] = [
  ['conditions', times(3_000, '{% if a %}') + times(3_000, '{% endif %}')],
  ['more conditions than the server itself parses', times(20_000, '{% if a %}') + times(20_000, '{% endif %}')],
  ['loops', times(3_000, '{% for i in a %}') + times(3_000, '{% endfor %}')],
  ['parentheses', `{% if ${times(50_000, '(')}a${times(50_000, ')')} %}x{% endif %}`],
  ['brackets', `{{ ${times(50_000, 'a[')}0${times(50_000, ']')} }}`],
  ['ranges', `{% for i in ${times(50_000, '(')}1..2) %}x{% endfor %}`],
  ['lines of a liquid tag', `{% liquid\n${times(20_000, 'if a\n')}${times(20_000, 'endif\n')} %}`],
  ['captures', times(5_000, '{% capture a %}') + times(5_000, '{% endcapture %}')],
]

describe('a template', () => {
  it.each(templates)('is TEMPLATE_BROKEN when its %s are nested too deeply', async (_what, source) => {
    const input = { key: 'deep', inApp: [{ body: source }] }
    const { codes, errors } = await project.api.ask(UpsertTemplates, { templates: [input] })
    expect(codes).toEqual(['TEMPLATE_BROKEN'])
    expect(errors[0]?.message).toMatch(/^inApp\[0\]\.body: its tags, conditions or brackets are nested too deeply/)

    const message = { template: 'deep', contact: { externalId: 'ana' } }
    const { preview } = await project.api.do(PreviewWith, { message, draft: input })
    expect(preview.error?.code).toBe('TEMPLATE_BROKEN')
    expect(preview.error?.message).not.toMatch(LIBRARY_WORDS)
  })

  it('is TEMPLATE_BROKEN when an override is nested too deeply', async () => {
    const overrides = { inApp: { body: times(3_000, '{% if a %}') + times(3_000, '{% endif %}') } }
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'note', contact: { externalId: 'ana' }, overrides }],
    })
    expect(sendMessages.results[0]?.error?.code).toBe('TEMPLATE_BROKEN')
    expect(sendMessages.results[0]?.error?.message).not.toMatch(LIBRARY_WORDS)
  })
})

describe('data', () => {
  it.each([33, 1_000, 3_000])('of %i levels is BAD_INPUT for its message alone', async (depth) => {
    const data = { deep: nested(depth, (inner) => ({ a: inner })) }
    const good = { template: 'note', contact: { externalId: 'ana' } }
    const { data: answer, errors } = await project.api.ask(Send, { messages: [{ ...good, id: `deep-${depth}`, data }, good] })
    const codes =
      answer?.sendMessages.results.map((one) => one.error?.code ?? null) ?? errors.map((one) => one.extensions['code'])
    expect(codes).toEqual(['BAD_INPUT', null])
  })

  it.each([
    ['contact', { contact: { externalId: 'ana', profile: { deep: nested(5_000, (inner) => [inner]) } } }],
    [
      'actor',
      { contact: { externalId: 'ana' }, actor: { externalId: 'bo', profile: { deep: nested(5_000, (inner) => [inner]) } } },
    ],
    ['overrides', { contact: { externalId: 'ana' }, overrides: { push: { data: { deep: nested(5_000, (inner) => [inner]) } } } }],
  ])('of the %s is BAD_INPUT for its message alone', async (what, message) => {
    const good = { template: 'note', contact: { externalId: 'ana' } }
    const messages = [{ ...good, ...message, id: `deep-${what}` }, good]
    const { sendMessages } = await project.api.do(Send, { messages })
    expect(sendMessages.results.map((one) => one.error?.code ?? null)).toEqual(['BAD_INPUT', null])
  })
})

const deepSchema = nested(200, (inner) => ({ properties: { a: inner } }))

describe('a condition, a schema or a document', () => {
  it.each([
    [
      'a condition of 5,000 levels',
      'mutation ($v: SegmentCondition!) { upsertSegments(segments: [{ key: "s", where: $v }]) { key } }',
      nested(5_000, (inner) => ({ not: inner === 1 ? { profile: { path: 'a', is: 'EXISTS' } } : inner })),
    ],
    [
      'a condition of 11 levels',
      'mutation ($v: SegmentCondition!) { upsertSegments(segments: [{ key: "s", where: $v }]) { key } }',
      nested(11, (inner) => ({ not: inner === 1 ? { profile: { path: 'a', is: 'EXISTS' } } : inner })),
    ],
    [
      'a schema of 200 levels',
      'mutation ($v: JSONObject!) { upsertTemplates(templates: [{ key: "s", dataSchema: $v }]) { key } }',
      deepSchema,
    ],
    [
      'a schema that refers to itself without end',
      'mutation ($v: JSONObject!) { upsertTemplates(templates: [{ key: "s", dataSchema: $v }]) { key } }',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    ],
  ])('%s is BAD_INPUT', async (_what, query, v) => {
    expect(await project.api.raw(query, { v })).toEqual(['BAD_INPUT'])
  })

  it.each([
    ['fields', `{ ${times(400, 'a { ')}b${times(400, ' }')} }`],
    ['lists', `{ contact(externalId: ${times(400, '[')}1${times(400, ']')}) { id } }`],
    ['types of a variable', `query ($a: ${times(480, '[')}ID${times(480, ']')}) { contact(externalId: "a") { id } }`],
    ['more lists than tokens', `{ contact(externalId: ${times(7_000, '[')}1${times(7_000, ']')}) { id } }`],
  ])('a document with deeply nested %s is refused, not an internal error', async (_what, query) => {
    const codes = await project.api.raw(query)
    expect(codes.length).toBeGreaterThan(0)
    for (const code of codes) expect(['QUERY_INVALID', 'QUERY_TOO_COMPLEX', 'BAD_INPUT']).toContain(code)
  })
})
