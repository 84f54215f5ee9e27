/** The rows of a dialect's table: how they read requests, and how they are described. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Call, type Dialect, type RawRequest, SchemaError } from '../../src/dialects/dialect.ts'
import { describeDialect } from '../../src/dialects/openapi.ts'
import { defineRoute, inOrder, listOf } from '../../src/dialects/route.ts'
import { jsonObject, worded } from '../../src/dialects/values.ts'

const item = z.object({ name: z.string(), tags: z.array(z.string()).max(2).optional() })
const route = defineRoute({
  method: 'PUT',
  path: '/v1/things/:key/items',
  operation: 'upsertTopics',
  summary: 'Stores items.',
  params: { key: 'The thing.' },
  query: z.object({
    page: z.coerce.number().int().min(0).default(0),
    channels: z.union([z.string(), z.array(z.string())]).optional(),
  }),
  body: z.object({ items: listOf(item, 3), more: jsonObject.optional() }),
  alone: 'items',
  answers: {
    200: { description: 'Fine.', schema: z.object({ ok: z.boolean() }) },
    204: { description: 'Nothing.', schema: null },
  },
  items: ({ body }) => body.items.length,
  handle: ({ body, query, headers, param, refused }) => ({
    status: 200,
    body: {
      ...query,
      key: param('key'),
      header: headers['idempotency-key'],
      other: param('other'),
      names: body.items.map(({ name }) => name),
      refused,
    },
  }),
})
const request = (body: unknown, search = ''): RawRequest => ({
  headers: { 'idempotency-key': 'k-1' },
  params: { key: 'k' },
  query: new URLSearchParams(search),
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const answerTo = async (...given: Parameters<typeof request>) => (await route.begin(request(...given)).run({} as Call)).body
const errorOf = (...given: Parameters<typeof request>): unknown => {
  try {
    route.begin(request(...given))
    return null
  } catch (error) {
    return error
  }
}

describe('a request', () => {
  it('is given to the route as its schemas read it, a name that comes several times as a list', async () => {
    const items = [{ name: 'a' }, { name: 'b' }]
    expect(await answerTo({ items }, '?page=2&channels=x&channels=y')).toEqual({
      ...{ page: 2, channels: ['x', 'y'], key: 'k', header: 'k-1', other: '', names: ['a', 'b'], refused: [] },
    })
    expect(await answerTo({ items }, '?channels=x&unknown=1')).toMatchObject({ page: 0, channels: 'x' })
    expect(route.begin(request({ items })).items).toBe(2)
  })

  it('whose items are wrong leaves those out, and says which and why', async () => {
    const body = (await answerTo({ items: [{ name: 1 }, { name: 'b' }, { name: 'c', tags: ['1', '2', '3'] }] })) as {
      names: string[]
      refused: { index: number; value: unknown; error: SchemaError }[]
    }
    expect(body.names).toEqual(['b'])
    expect(body.refused.map(({ index, error }) => [index, error.code, error.message])).toEqual([
      [0, 'BAD_INPUT', 'items[0].name: must be text.'],
      [2, 'BATCH_TOO_LARGE', 'items[2].tags: has 3 items, at most 2 are allowed.'],
    ])
    expect(inOrder(body.refused, ({ index }) => `no ${index}`, ['b'])).toEqual(['no 0', 'b', 'no 2'])
    expect(await answerTo({ items: [{ name: 1 }] })).toMatchObject({ names: [] })
    // They cost as much to read as the others.
    expect(route.begin(request({ items: [{ name: 1 }, { name: 'b' }, {}] })).items).toBe(3)
  })

  it.each<[body: unknown, search: string, code: string, message: string]>([
    ['{', '', 'BAD_REQUEST', 'The request body is not valid JSON.'],
    ['', '', 'BAD_REQUEST', 'The request body is not valid JSON.'],
    [[], '', 'BAD_INPUT', 'The request body must be an object.'],
    [{}, '', 'BAD_INPUT', 'items: is needed.'],
    [{ items: [] }, '', 'BAD_INPUT', "items: can't be empty."],
    [{ items: [{}, {}, {}, {}] }, '', 'BATCH_TOO_LARGE', 'items: has 4 items, at most 3 are allowed.'],
    [{ items: [{ name: 'a' }, {}], more: [] }, '', 'BAD_INPUT', 'more: must be an object.'],
    [{ items: [{ name: 'a' }] }, '?page=-1', 'BAD_INPUT', 'page: must be at least 0.'],
  ])('%j%s is refused with %s: %s', (body, search, code, message) => {
    expect(errorOf(body, search)).toMatchObject({ code, message })
  })

  it('says all that is wrong, up to ten', () => {
    const error = errorOf({ items: 'x', more: 7 })
    expect(error).toBeInstanceOf(SchemaError)
    expect(error).toMatchObject({
      issues: [
        { path: 'items', message: 'must be a list' },
        { path: 'more', message: 'must be an object' },
      ],
    })
  })
})

it('names the properties that are not known, unless they are too long to be repeated', () => {
  const { begin } = defineRoute({
    ...{ method: 'PUT', path: '/things', operation: 'upsertTopics', summary: 'Stores a thing.', answers: {} },
    body: z.object({ thing: z.strictObject({ name: z.string().optional() }).nullish() }),
    handle: ({ body }) => ({ status: 200, body }),
  })
  const issuesOf = (thing: object): unknown => {
    try {
      return begin(request({ thing }))
    } catch (error) {
      return error instanceof SchemaError ? error.issues : error
    }
  }
  const unknown = (path: string, value: unknown) => ({ path, message: 'is not known', value })
  expect(issuesOf({ name: 'a', color: 'red', size: {} })).toEqual([unknown('thing.color', 'red'), unknown('thing.size', null)])
  expect(issuesOf({ ['x'.repeat(101)]: 1 })).toEqual([unknown('thing', null)])
})

it('a body of one or many says what is wrong with the one that it is', async () => {
  const thing = z.object({ name: z.string() })
  const { begin } = defineRoute({
    ...{ method: 'DELETE', path: '/things', operation: 'deleteTopics', summary: 'Deletes things.', answers: {} },
    body: z.union([thing, z.array(thing).max(2)], { error: 'must be an object or a list' }),
    handle: ({ body }) => ({ status: 200, body }),
  })
  const wrongOf = (body: unknown): unknown => {
    try {
      begin(request(body))
      return null
    } catch (error) {
      return error instanceof SchemaError ? [error.code, error.message] : error
    }
  }
  expect([wrongOf({ name: 'a' }), wrongOf([{ name: 'a' }])]).toEqual([null, null])
  expect(wrongOf({ name: 1 })).toEqual(['BAD_INPUT', 'name: must be text.'])
  expect(wrongOf([{ name: 'a' }, {}])).toEqual(['BAD_INPUT', '[1].name: is needed.'])
  expect(wrongOf([{}, {}, {}])).toEqual(['BATCH_TOO_LARGE', 'The request body has 3 items, at most 2 are allowed.'])
  expect(wrongOf(7)).toEqual(['BAD_INPUT', 'The request body must be an object or a list.'])
})

it('a body may be left out where its schema says so, and nowhere else', () => {
  const route = (body: z.ZodType) =>
    defineRoute({
      ...{ method: 'POST', path: '/v1/things', operation: 'markAs', summary: 'Marks.', body, answers: {} },
      handle: (parsed) => ({ status: 200, body: parsed.body }),
    })
  const begin = (body: z.ZodType, text: string) =>
    route(body).begin({ headers: {}, params: {}, query: new URLSearchParams(), body: text })
  const thing = z.object({ name: z.string() })
  expect(() => begin(thing, '')).toThrow('The request body is not valid JSON.')
  expect(begin(thing.nullish(), '').items).toBe(1)
  expect(() => begin(thing.nullish(), '{}')).toThrow('name: is needed.')
})

it('an issue repeats what is there, if it is short', () => {
  const short = z.object({ a: z.literal('x'), b: z.literal('x'), c: z.literal('x') })
  const route = defineRoute({
    ...{ method: 'POST', path: '/v1/things', operation: 'markAs', summary: 'Marks.', body: short, answers: {} },
    handle: () => ({ status: 200 }),
  })
  const begin = () =>
    route.begin({
      headers: {},
      params: {},
      query: new URLSearchParams(),
      body: JSON.stringify({ a: 7, b: 'y'.repeat(101), c: {} }),
    })
  expect(begin).toThrow(
    expect.objectContaining({ issues: [7, null, null].map((value) => expect.objectContaining({ value }) as unknown) }),
  )
})

it('an error names the field as its caller does', () => {
  const names = { 'contact.email': 'userEmail', profile: 'properties' }
  expect(worded({ field: 'contact.email', message: 'contact.email: is none.' }, names)).toBe('userEmail: is none.')
  expect(worded({ field: 'profile.a.b', message: 'profile.a.b: is none.' }, names)).toBe('properties.a.b: is none.')
  expect(worded({ field: 'profiles.a', message: 'profiles.a: is none.' }, names)).toBe('profiles.a: is none.')
  expect(worded({ field: 'contact.email', message: 'Something else.' }, names)).toBe('Something else.')
  expect(worded({ field: 'toString', message: 'toString: is none.' }, names)).toBe('toString: is none.')
  expect(worded({ field: null, message: 'It is none.' }, names)).toBe('It is none.')
})

it('a dialect is described with its parameters, bodies, answers and errors, and those that a route has of its own', () => {
  const own = defineRoute({
    ...{ method: 'GET', path: '/own', operation: 'viewer', summary: 'Tells.', answers: {} },
    handle: () => ({ status: 204 }),
    failures: { schema: z.object({ why: z.string() }), statuses: { 418: 'Own.' } },
  })
  const dialect: Dialect = {
    name: 'notifuse',
    title: 'Things',
    description: 'Of things.',
    version: '1',
    security: { key: { type: 'http', scheme: 'bearer' } },
    routes: [route, own],
    failed: ({ status, message }) => ({ status, body: { message } }),
    failures: { schema: z.object({ message: z.string() }), statuses: { 400: 'Wrong.' } },
  }
  const error = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
  expect(describeDialect(dialect, '/base')).toMatchObject({
    openapi: '3.1.0',
    servers: [{ url: '/base' }],
    security: [{ key: [] }],
    paths: {
      '/own': {
        get: {
          responses: {
            418: { description: 'Own.', content: { 'application/json': { schema: { required: ['why'] } } } },
            default: { content: { 'application/json': { schema: { required: ['why'] } } } },
          },
        },
      },
      '/v1/things/{key}/items': {
        put: {
          operationId: 'putV1ThingsKeyItems',
          parameters: [
            { name: 'key', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'page', in: 'query', required: false },
            { name: 'channels', in: 'query', required: false },
          ],
          requestBody: { content: { 'application/json': { schema: { properties: { items: { minItems: 1, maxItems: 3 } } } } } },
          responses: {
            200: { content: { 'application/json': { schema: { required: ['ok'] } } } },
            204: { description: 'Nothing.' },
            400: { description: 'Wrong.', ...error },
            default: error,
          },
        },
      },
    },
  })
})
