/** The table of routes: what matches, what does not, and who may call. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonReply, type Route } from '../../src/http/route.ts'
import { createRouter } from '../../src/http/router.ts'
import { startTestServer, type TestServer } from '../helpers/test-server.ts'

const echo = (method: Route['method'], path: string): Route => ({
  method,
  path,
  auth: 'none',
  handle: ({ params, query, url, headers, body, remoteAddress, caller }) =>
    jsonReply(200, {
      path,
      params,
      query: Object.fromEntries(query),
      url,
      type: headers['content-type'],
      body: String(body),
      remoteAddress,
      caller,
    }),
})

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    maxBodyBytes: 64,
    rateLimit: 1,
    routes: [
      echo('GET', '/things'),
      echo('POST', '/things'),
      echo('GET', '/things/:id'),
      echo('DELETE', '/things/:id'),
      echo('GET', '/things/search'),
      echo('PATCH', '/things/:id/parts/:part'),
      echo('GET', '/files/*'),
      { ...echo('PUT', '/small'), maxBodyBytes: 4 },
      {
        method: 'POST',
        path: '/private',
        auth: 'project',
        handle: ({ caller, body }) => jsonReply(201, { project: caller.project.key, keyId: caller.keyId, body: String(body) }),
      },
    ],
  })
})
afterAll(() => server.stop())

const ask = async (method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) => {
  const response = await fetch(server.url + path, { method, ...options })
  const text = await response.text()
  const body = text === '' ? null : JSON.parse(text)
  return { status: response.status, body, code: body?.errors?.[0]?.extensions.code, headers: response.headers }
}

describe('matching', () => {
  it('passes the parameters of the path, the query, the headers and the body', async () => {
    const headers = { 'content-type': 'text/x' }
    expect(await ask('PATCH', '/things/a%20b/parts/7?x=1&y=%C3%A4', { body: 'text', headers })).toMatchObject({
      status: 200,
      body: {
        params: { id: 'a b', part: '7' },
        query: { x: '1', y: 'ä' },
        url: '/things/a%20b/parts/7?x=1&y=%C3%A4',
        type: 'text/x',
        body: 'text',
        remoteAddress: '127.0.0.1',
        caller: null,
      },
    })
  })

  it('prefers a fixed segment to a parameter, and takes the rest of the path for an asterisk', async () => {
    expect((await ask('GET', '/things/search')).body.path).toBe('/things/search')
    expect((await ask('GET', '/things/searches')).body.params).toEqual({ id: 'searches' })
    expect((await ask('GET', '/files/a/b.txt')).body.params).toEqual({ '*': 'a/b.txt' })
  })

  it('matches a parameter of any length that a request can have', async () => {
    const id = 'x'.repeat(10_000)
    expect((await ask('GET', `/things/${id}`)).body.params.id).toHaveLength(10_000)
  })

  it.each(['/nothing', '/things/a/parts', '/Things', '/things%2F', '/things/%zz', '/__proto__'])(
    'answers 404 NOT_FOUND to %s',
    async (path) => {
      expect(await ask('GET', path)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    },
  )

  it.each([
    ['PUT', '/things', 'GET, HEAD, POST'],
    ['POST', '/things/a', 'GET, HEAD, DELETE'],
    ['OPTIONS', '/things/a/parts/b', 'PATCH'],
    ['PROPFIND', '/small', 'PUT'],
    ['POST', '/health', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
  ])('answers 405 METHOD_NOT_ALLOWED to %s %s, with Allow: %s', async (method, path, allow) => {
    const answer = await ask(method, path)
    expect(answer).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' })
    expect(answer.headers.get('allow')).toBe(allow)
  })

  it('answers HEAD as GET, without the body', async () => {
    const head = await ask('HEAD', '/things?x=1')
    expect([head.status, head.body]).toEqual([200, null])
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(50)
  })

  it.each(['*', 'http://host/a', '', 'a'])('matches nothing that is not a path: %j', (path) => {
    const router = createRouter([echo('GET', '/'), echo('GET', '/a')])
    expect(router.find('GET', path)).toBeNull()
    expect(router.find('OPTIONS', path)).toBeNull()
  })

  it('refuses two routes with the same method and path', () => {
    expect(() => createRouter([echo('GET', '/a/:x'), echo('GET', '/a/:x')])).toThrow('already declared')
  })

  it('counts requests by the path of their route', async () => {
    await ask('GET', '/things/one')
    await ask('GET', '/things/two')
    await ask('GET', '/nothing')
    const { text } = await server.metrics.render()
    expect(text).toMatch(/carillon_http_request_seconds_count\{route="\/things\/:id",status="200"\} \d/)
    expect(text).toMatch(/carillon_http_request_seconds_count\{route="none",status="404"\} \d/)
    expect(text).not.toContain('/things/one')
  })
})

describe('bodies', () => {
  it('answers 413 TOO_LARGE beyond the limit of the route, or that of the server', async () => {
    expect(await ask('PUT', '/small', { body: '1234' })).toMatchObject({ status: 200, body: { body: '1234' } })
    expect(await ask('PUT', '/small', { body: '12345' })).toMatchObject({ status: 413, code: 'TOO_LARGE' })
    expect(await ask('POST', '/things', { body: 'x'.repeat(64) })).toMatchObject({ status: 200 })
    expect(await ask('POST', '/things', { body: 'x'.repeat(65) })).toMatchObject({ status: 413, code: 'TOO_LARGE' })
  })
})

describe('callers', () => {
  const asCaller = (authorization: string) => ask('POST', '/private', { body: 'hi', headers: { authorization } })

  it('passes the project of an API key', async () => {
    expect(await asCaller('Bearer key-a')).toMatchObject({ status: 201, body: { project: 'test', keyId: 'a', body: 'hi' } })
  })

  it('answers 401 without a credential or with a wrong one, 403 to a contact token', async () => {
    expect(await ask('POST', '/private')).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect(await asCaller('Bearer wrong')).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect(await asCaller('Bearer contact-a')).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  it('masks a failure to look a credential up', async () => {
    const answer = await asCaller('Bearer away')
    expect([answer.status, answer.code, JSON.stringify(answer.body).includes('hunter2')]).toEqual([500, 'INTERNAL', false])
  })

  it('answers 429 RATE_LIMITED with Retry-After beyond the rate of a key', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => asCaller('Bearer key-busy')))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]).toMatchObject({ code: 'RATE_LIMITED' })
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('reads no credential where the route needs none', async () => {
    const before = server.state.seen.length
    expect(await ask('GET', '/things', { headers: { authorization: 'Bearer wrong' } })).toMatchObject({ status: 200 })
    expect(server.state.seen).toHaveLength(before)
  })
})

it('answers 503 OVERLOADED with Retry-After to an authenticated route when too many requests are in flight', async () => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const slow: Route = {
    method: 'GET',
    path: '/slow',
    auth: 'project',
    async handle() {
      begun.resolve()
      await finish.promise
      return { status: 204 }
    },
  }
  const busy = await startTestServer({ routes: [slow], limits: { operationsInFlight: 1 } })
  try {
    const get = () => fetch(`${busy.url}/slow`, { headers: { authorization: 'Bearer key-a' } })
    const first = get()
    await begun.promise
    const second = await get()
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1'])
    finish.resolve()
    expect((await first).status).toBe(204)
    expect((await get()).status).toBe(204)
  } finally {
    finish.resolve()
    await busy.stop()
  }
})
