/** The OpenAPI documents of the dialects: they are such by OpenAPI's own schema, and whole. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { loadDialect } from '../../src/dialects/dialects.ts'
import { describeDialect } from '../../src/dialects/openapi.ts'
import { dialectNames } from '../../src/words.ts'

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object; readonly example?: unknown }>>
}
interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly schema: object; readonly example?: unknown }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>
}
interface Document {
  readonly security: readonly Readonly<Record<string, unknown>>[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly securitySchemes: Readonly<Record<string, { readonly description: string }>> }
}

const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
  addFormats.default(ajv)
  return ajv
}
/** OpenAPI's schema of its documents, version 3.1 of 2026-08-03. Its dynamic references are static: ajv resolves those alone. */
const isOpenApi = createAjv().compile(JSON.parse(readFileSync(join(import.meta.dirname, 'openapi-3.1.json'), 'utf8')) as object)

/** Statuses that any call may be answered with. */
const everywhere = ['400', '401', '403', '405', '408', '413', '415', '429', '500', '502', '503', 'default']

describe.each(dialectNames)('the document of %s', async (name) => {
  const dialect = await loadDialect(name)
  const document = JSON.parse(JSON.stringify(describeDialect(dialect, `/${name}`))) as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ title: `${method} ${path}`, path, method, ...operation })),
  )
  const ajv = createAjv()
  ajv.addSchema(document, 'document')
  const part = (...path: string[]): string =>
    `document#/${path.map((one) => encodeURIComponent(one.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`

  it("is one by OpenAPI's own schema, and so are the schemas in it by that of JSON Schema", () => {
    expect(isOpenApi(document) ? null : isOpenApi.errors).toBeNull()
    const contents = operations.flatMap(({ requestBody, responses, parameters = [] }) => [
      ...[requestBody, ...Object.values(responses)].flatMap((one) => Object.values(one?.content ?? {})),
      ...parameters,
    ])
    for (const { schema } of contents) expect(ajv.validateSchema(schema) === true ? null : ajv.errors).toBeNull()
    expect(isOpenApi({ ...document, openapi: '2.0' })).toBe(false)
    expect(isOpenApi({ ...document, paths: { '/x': { post: { responses: 7 } } } })).toBe(false)
  })

  it('names and summarizes each operation, says how callers authenticate, and what each status holds', () => {
    expect(new Set(operations.map((one) => one.operationId)).size).toBe(operations.length)
    expect(operations).toHaveLength(dialect.routes.length)
    const schemes = Object.keys(document.components.securitySchemes)
    expect(document.security).toEqual(schemes.map((one) => ({ [one]: [] })))
    for (const { description } of Object.values(document.components.securitySchemes)) expect(description).not.toBe('')
    for (const { title, summary, path, security, responses } of operations) {
      expect(summary, title).toMatch(/^[A-Z].*\.$/)
      // Only who has no credential yet needs none.
      expect(security, title).toEqual(path === '/authenticate' ? [] : undefined)
      expect(Object.keys(responses), title).toEqual(expect.arrayContaining(everywhere))
      expect(
        Object.keys(responses).some((status) => status.startsWith('2')),
        title,
      ).toBe(true)
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(description, `${title} ${status}`).not.toBe('')
        if (!status.startsWith('2')) expect(content?.['application/json']?.schema, `${title} ${status}`).toBeDefined()
      }
    }
  })

  it('has examples that are as it says: of every error, and of what the dialect prints', () => {
    const checked = new Set<string>()
    for (const { title, path, method, requestBody, responses } of operations) {
      const at = ['paths', path, method]
      const examples = Object.entries(responses).flatMap(([status, { content }]) => {
        const media = content?.['application/json']
        if (everywhere.includes(status) && status !== 'default') expect(media?.example, `${title} ${status}`).toBeDefined()
        return media?.example === undefined ? [] : [[[...at, 'responses', status], media.example] as const]
      })
      const asked = requestBody?.content?.['application/json']?.example
      const all = asked === undefined ? examples : [...examples, [[...at, 'requestBody'], asked] as const]
      for (const [place, example] of all) {
        // Most errors look the same, whatever the operation.
        const content = place.at(-1) === 'requestBody' ? requestBody?.content : responses[place.at(-1) ?? '']?.content
        const seen = JSON.stringify(content)
        if (checked.has(seen)) continue
        checked.add(seen)
        const check = ajv.getSchema(part(...place, 'content', 'application/json', 'schema'))
        expect(check?.(example) === true ? null : check?.errors, `${title} ${place.at(-1)}`).toBeNull()
      }
    }
  })
})

it('novu has an example of each request with a body, which it reads, and names the header of calls that may be repeated', async () => {
  const { routes } = await loadDialect('novu')
  for (const { method, path, params, body, example, begin } of routes) {
    if (body === null) continue
    const { parameters = {}, body: asked } = example ?? {}
    expect(asked, `${method} ${path}`).toBeDefined()
    expect(Object.keys(parameters).sort(), path).toEqual(Object.keys(params).sort())
    const request = { headers: {}, params: parameters, query: new URLSearchParams(), body: JSON.stringify(asked) }
    expect(begin(request).items, path).toBeGreaterThan(0)
  }
  const named = routes.filter(({ headers }) => headers?.shape['idempotency-key'] !== undefined).map(({ path }) => path)
  expect(named).toEqual(['/v1/events/trigger', '/v1/events/trigger/bulk', '/v1/events/trigger/broadcast'])
  expect(JSON.stringify(describeDialect(await loadDialect('novu'), '/novu'))).toContain('"name":"idempotency-key","in":"header"')
})

it.each(['notifuse', 'notifly'] as const)('%s has an example of each request and its answer, which it reads', async (name) => {
  const { routes } = await loadDialect(name)
  for (const { path, params, query, body, example, begin } of routes) {
    const { parameters = {}, body: asked, answer } = example ?? {}
    expect(answer, path).toBeDefined()
    expect(asked === undefined, path).toBe(body === null)
    expect(Object.keys(parameters).sort(), path).toEqual([...Object.keys(params), ...Object.keys(query?.shape ?? {})].sort())
    const request = {
      headers: {},
      params: parameters,
      query: new URLSearchParams(query === null ? {} : parameters),
      body: asked === undefined ? '' : JSON.stringify(asked),
    }
    expect(begin(request).items, path).toBeGreaterThan(0)
  }
})
