/** GraphQL over HTTP: the specification's audits, what is refused and how, what errors look like from outside. */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { serverAudits } from 'graphql-http'
import { createClient } from 'graphql-sse'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { post, startTestServer, type TestServer, until } from '../helpers/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const others: TestServer[] = []
const start = async (...options: Parameters<typeof startTestServer>) => {
  const started = await startTestServer(...options)
  others.push(started)
  return started
}
afterEach(async () => {
  await Promise.all(others.splice(0).map((each) => each.stop()))
})

describe('the GraphQL over HTTP audits', () => {
  for (const audit of serverAudits({ url: () => server.endpoint, fetchFn: fetch })) {
    it(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn()
      expect({ status: result.status, reason: 'reason' in result ? result.reason : '' }).toEqual({ status: 'ok', reason: '' })
    })
  }
})

describe('bodies', () => {
  it.each([
    ['not JSON', '{'],
    ['empty', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a batch', '[{"query":"{hello}"},{"query":"{hello}"}]'],
    ['a number', '1'],
    ['a string', '"x"'],
    ['with a byte order mark', '\ufeff{"query":"{hello}"}'],
    ['in UTF-16', Buffer.from('{"query":"{hello}"}', 'utf16le')],
    ['not UTF-8', Buffer.concat([Buffer.from('{"query":"{hello}","x":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
    ['with a query that is a number', '{"query":1}'],
    ['with variables that are text', '{"query":"{hello}","variables":"x"}'],
    ['with an operationName that is an object', '{"query":"{hello}","operationName":{}}'],
    ['with a parameter that there is not', '{"query":"{hello}","foo":1}'],
    ['without a query', '{}'],
  ])('answers 400 BAD_REQUEST to a body that is %s', async (_title, body) => {
    expect(await post(server.endpoint, body)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
  })

  it.each(['variables', 'extensions'])('answers 400 BAD_REQUEST to a GET whose %s are not JSON', async (name) => {
    const answer = await fetch(`${server.endpoint}?query=%7Bhello%7D&${name}=%7B`, { headers: { accept: 'application/json' } })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      errors: [{ message: expect.stringContaining(name), extensions: { code: 'BAD_REQUEST' } }],
    })
  })

  it('takes a parameter of a GET that is empty as one that is left out', async () => {
    const ask = async (search: string) => {
      const answer = await fetch(`${server.endpoint}?${search}`, { headers: { accept: 'application/json' } })
      const { data, errors } = await answer.json()
      return [answer.status, data ?? errors[0].extensions.code]
    }
    expect(await ask('query=%7Bhello%7D&operationName=&variables=&extensions=')).toEqual([200, { hello: 'world' }])
    expect(await ask('query=')).toEqual([400, 'BAD_REQUEST'])
  })

  it('LY-74: takes a body at the limit and answers 413 TOO_LARGE one byte beyond', async () => {
    const body = (bytes: number) => JSON.stringify({ query: '{hello}' }).padEnd(bytes, ' ')
    expect(await post(server.endpoint, body(1_048_576))).toMatchObject({ status: 200, body: { data: { hello: 'world' } } })
    expect(await post(server.endpoint, body(1_048_577))).toMatchObject({ status: 413, code: 'TOO_LARGE' })
  })

  it('stops reading an endless body at the limit', async () => {
    const { status, sent } = await new Promise<{ status: number; sent: number }>((resolve, reject) => {
      let sent = 0
      let status = 0
      const request = httpRequest(server.endpoint, { method: 'POST', headers: { 'content-type': 'application/json' } })
      const chunk = Buffer.alloc(64 * 1024, 32)
      const write = (): void => {
        while (!request.destroyed && sent < 1e9) {
          sent += chunk.length
          if (!request.write(chunk)) return void request.once('drain', write)
        }
      }
      request.on('response', (response) => {
        status = response.statusCode ?? 0
        response.resume()
      })
      request.on('error', () => {})
      request.on('close', () => (status === 0 ? reject(new Error('no answer')) : resolve({ status, sent })))
      write()
    })
    expect(status).toBe(413)
    expect(sent).toBeLessThan(32 * 1024 * 1024)
  })

  it('answers 413 to a client that expects 100-continue, before it sends anything', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': 5_000_000, expect: '100-continue' }
      const request = httpRequest(server.endpoint, { method: 'POST', headers })
      request.on('continue', () => reject(new Error('got 100 Continue')))
      request.on('response', (response) => {
        resolve(response.statusCode)
        request.destroy()
      })
      request.on('error', () => {})
      request.flushHeaders()
    })
    expect(status).toBe(413)
  })

  it.each([
    ['compressed', gzipSync('{"query":"{hello}"}'), { 'content-encoding': 'gzip' }],
    ['a form', 'query={hello}', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['multipart', 'x', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['plain text', '{"query":"{hello}"}', { 'content-type': 'text/plain' }],
  ])('answers 415 UNSUPPORTED_MEDIA_TYPE to a body that is %s', async (_title, body, headers) => {
    expect(await post(server.endpoint, body, headers)).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
  })
})

describe('methods and paths', () => {
  it('LY-73: answers a query by GET and refuses a mutation by GET with 405', async () => {
    const get = async (query: string) => {
      const response = await fetch(`${server.endpoint}?query=${encodeURIComponent(query)}`)
      return [response.status, await response.json()]
    }
    expect(await get('{hello}')).toEqual([200, { data: { hello: 'world' } }])
    expect(await get('mutation{write}')).toMatchObject([405, { errors: [{ extensions: { code: 'METHOD_NOT_ALLOWED' } }] }])
  })

  it('answers 404 as JSON for a path that there is not, and 405 for a method that there is not', async () => {
    const nowhere = await fetch(`${server.url}/nowhere`)
    expect([nowhere.status, await nowhere.json()]).toMatchObject([404, { errors: [{ extensions: { code: 'NOT_FOUND' } }] }])
    const put = await fetch(server.endpoint, { method: 'PUT', body: 'x' })
    expect([put.status, await put.json()]).toMatchObject([405, { errors: [{ extensions: { code: 'METHOD_NOT_ALLOWED' } }] }])
  })

  it('does not look at the Host header', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1')
      let all = ''
      socket.on('data', (data) => (all += data)).on('close', () => resolve(all))
      socket.write('GET /graphql?query={hello} HTTP/1.1\r\nHost: [::bad\\\r\nConnection: close\r\n\r\n')
    })
    expect(text).toMatch(/^HTTP\/1.1 200/)
  })

  it('answers 431 to headers that are too large, as JSON', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1')
      let all = ''
      socket
        .on('data', (data) => (all += data))
        .on('close', () => resolve(all))
        .on('error', () => {})
      socket.write(
        `GET /graphql HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 2_000 }, (_, n) => `x-${n}: 12345678901234567890\r\n`).join('')}\r\n`,
      )
    })
    expect(text).toMatch(/^HTTP\/1.1 431/)
    expect(text).toContain('"code":"BAD_REQUEST"')
  })

  it('answers a preflight, and lets any origin read the answer', async () => {
    const headers = { origin: 'https://shop.example', 'access-control-request-method': 'POST' }
    const preflight = await fetch(server.endpoint, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
    const answer = await post(server.endpoint, { query: '{hello}' }, { origin: 'https://shop.example' })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
  })
})

describe('errors', () => {
  it('LY-75: masks what is not of the catalogue, and logs it once with the reference that the caller sees', async () => {
    server.logged.length = 0
    const { body, status } = await post(server.endpoint, { query: '{broken}' })
    const error = body.errors?.[0]
    expect(status).toBe(200)
    expect(error).toMatchObject({
      message: 'An internal error occurred. Its reference identifies it in the log of the server.',
      path: ['broken'],
      extensions: { code: 'INTERNAL' },
    })
    expect(JSON.stringify(body)).not.toContain('hunter2')
    expect(server.logged).toHaveLength(1)
    expect(server.logged[0]?.fields['reference']).toBe(error?.extensions['reference'])
  })

  it('logs one failure that surfaces at two fields once', async () => {
    server.logged.length = 0
    const { body } = await post(server.endpoint, { query: '{brokenAgain brokenToo}' })
    expect(body.errors?.map((error) => error.extensions['reference'])).toEqual(
      Array(2).fill(server.logged[0]?.fields['reference']),
    )
    expect(server.logged).toHaveLength(1)
  })

  it('X-12: shows an error of the catalogue with its code and details, and does not log it', async () => {
    server.logged.length = 0
    const { body } = await post(server.endpoint, { query: '{refused hello}' })
    expect(body.data).toEqual({ refused: null, hello: 'world' })
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'BATCH_TOO_LARGE', max: 100, got: 101, index: 3 })
    expect(server.logged).toEqual([])
  })

  it('masks a GraphQLError that a resolver throws', async () => {
    const { body, code } = await post(server.endpoint, { query: '{secretGraphQL}' })
    expect([code, JSON.stringify(body).includes('users')]).toEqual(['INTERNAL', false])
  })

  it.each([
    ['QUERY_INVALID', '{', undefined],
    ['QUERY_INVALID', '{nothing}', undefined],
    ['QUERY_INVALID', '{double(n: "x")}', undefined],
    ['QUERY_INVALID', 'query a{hello} query b{hello}', undefined],
    ['QUERY_INVALID', 'query{...a} fragment a on Query{...b} fragment b on Query{...a}', undefined],
    ['QUERY_INVALID', 'fragment a on Query{hello}', undefined],
    ['BAD_INPUT', 'query($n:Int){double(n:$n)}', { n: 'x' }],
    ['BAD_INPUT', 'query($n:Int){double(n:$n)}', { n: 1.5 }],
    ['BAD_INPUT', 'query($t:String!){echo(text:$t)}', {}],
    ['BAD_INPUT', 'query($t:String="x"){echo(text:$t)}', { t: null }],
  ])('has %s for %s %s, with 200 in JSON and 400 in GraphQL-response JSON', async (code, query, variables) => {
    expect(await post(server.endpoint, { query, variables })).toMatchObject({ status: 200, code })
    const strict = await post(server.endpoint, { query, variables }, { accept: 'application/graphql-response+json' })
    expect(strict).toMatchObject({ status: strict.body.data === undefined ? 400 : 200, code })
  })

  it('suggests names, unless exploring is off', async () => {
    expect((await post(server.endpoint, { query: '{helo}' })).body.errors?.[0]?.message).toContain('Did you mean')
    const closed = await start({ explore: false })
    const { body, code } = await post(closed.endpoint, { query: '{helo}' })
    expect([code, body.errors?.[0]?.message]).toEqual(['QUERY_INVALID', 'Cannot query field "helo" on type "Query".'])
    expect((await post(closed.endpoint, { query: '{__schema{types{name}}}' })).code).toBe('QUERY_INVALID')
    expect((await fetch(closed.endpoint, { headers: { accept: 'text/html' } })).status).toBe(404)
  })
})

describe('credentials', () => {
  it('answers 401 to a wrong credential for every operation but authenticate', async () => {
    const wrong = { authorization: 'Bearer wrong' }
    expect(await post(server.endpoint, { query: '{hello}' }, wrong)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect(await post(server.endpoint, { query: 'mutation{authenticate write}' }, wrong)).toMatchObject({ status: 401 })
    expect(await post(server.endpoint, { query: 'mutation{authenticate}' }, wrong)).toMatchObject({
      status: 200,
      body: { data: { authenticate: 'token' } },
    })
    expect(await post(server.endpoint, { query: '{who}' }, { authorization: 'Bearer key-a' })).toMatchObject({
      body: { data: { who: 'project' } },
    })
    expect(await post(server.endpoint, { query: '{who}' })).toMatchObject({ body: { data: { who: 'none' } } })
  })

  it('answers 401 when every selected field is UNAUTHENTICATED, and 200 when one has a value', async () => {
    expect(await post(server.endpoint, { query: '{nobody}' })).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect(await post(server.endpoint, { query: '{nobody hello}' })).toMatchObject({ status: 200 })
  })

  it('masks a failure of the look-up', async () => {
    const answer = await post(server.endpoint, { query: '{hello}' }, { authorization: 'Bearer away' })
    expect(answer).toMatchObject({ status: 500, code: 'INTERNAL' })
    expect(JSON.stringify(answer.body)).not.toContain('hunter2')
  })

  it('refuses a contact token from an origin that its project does not name', async () => {
    const mine = await start()
    mine.state.allowedOrigins = ['https://shop.example']
    const token = { authorization: 'Bearer contact-a' }
    expect(await post(mine.endpoint, { query: '{hello}' }, { ...token, origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
    })
    expect(await post(mine.endpoint, { query: '{hello}' }, { ...token, origin: 'https://shop.example' })).toMatchObject({
      status: 200,
    })
    expect(await post(mine.endpoint, { query: '{hello}' }, token)).toMatchObject({ status: 200 })
  })
})

describe('rates and overload', () => {
  it('LY-111: answers 429 with Retry-After to the 61st request at once of one contact, and lets others go on', async () => {
    const mine = await start()
    const ask = (name: string) => post(mine.endpoint, { query: '{hello}' }, { authorization: `Bearer contact-${name}` })
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask('a')))
    const refused = answers.filter((answer) => answer.status === 429)
    // The bucket fills at 20 a second while the hundred are being answered.
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThanOrEqual(40)
    expect(refused[0]).toMatchObject({ code: 'RATE_LIMITED' })
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect((await ask('b')).status).toBe(200)
  })

  it('takes Retry-After from an error of a resolver', async () => {
    const answer = await post(server.endpoint, { query: '{limited}' })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7'])
  })

  it('answers 503 OVERLOADED when more are being answered than may be', async () => {
    const mine = await start({ limits: { operationsInFlight: 1 } })
    const first = post(mine.endpoint, { query: '{slow}' })
    await mine.begun.promise
    expect(await post(mine.endpoint, { query: '{hello}' })).toMatchObject({ status: 503, code: 'OVERLOADED' })
    mine.slow.resolve('done')
    expect(await first).toMatchObject({ body: { data: { slow: 'done' } } })
    expect(await post(mine.endpoint, { query: '{hello}' })).toMatchObject({ status: 200 })
  })

  it('believes X-Forwarded-For from trusted proxies only', async () => {
    const forwarded = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4' }
    expect((await post(server.endpoint, { query: '{address}' }, forwarded)).body.data).toEqual({ address: '127.0.0.1' })
    const behind = await start({ trustedProxies: ['127.0.0.0/8'] })
    expect((await post(behind.endpoint, { query: '{address}' }, forwarded)).body.data).toEqual({ address: '1.2.3.4' })
  })
})

describe('server-sent events', () => {
  it('queries and subscribes with the published client', async () => {
    const client = createClient({ url: server.endpoint, headers: { authorization: 'Bearer key-a' } })
    try {
      const answers: unknown[] = []
      for await (const answer of client.iterate({ query: '{who}' })) answers.push(answer)
      expect(answers).toEqual([{ data: { who: 'project' } }])
      const ticks = client.iterate<{ ticks: string }>({ query: 'subscription{ticks}' })
      const first = ticks.next()
      await until(() => server.topic.count() === 1)
      server.topic.publish('one')
      expect(await first).toMatchObject({ value: { data: { ticks: 'one' } } })
      await ticks.return?.()
      await until(() => server.topic.count() === 0)
    } finally {
      client.dispose()
    }
  })

  it('ends a stream when its credential ends', async () => {
    const mine = await start()
    const response = await fetch(mine.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'Bearer key-a' },
      body: JSON.stringify({ query: 'subscription{ticks}' }),
    })
    const text = response.text()
    await until(() => mine.topic.count() === 1)
    mine.state.revoked.add('a')
    await text
    await until(() => mine.topic.count() === 0)
  })

  it('cuts a reader that stops, and keeps no more than its limit for it', async () => {
    const mine = await start()
    const socket = connect(mine.port, '127.0.0.1')
    const body = JSON.stringify({ query: 'subscription{ticks}' })
    socket.on('error', () => {})
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await until(() => mine.topic.count() === 1)
    socket.pause()
    const before = process.memoryUsage().rss
    for (let n = 0; n < 200; n += 1) {
      for (let m = 0; m < 100; m += 1) mine.topic.publish('x'.repeat(4096))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => mine.topic.count() === 0)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    expect((await post(mine.endpoint, { query: '{hello}' })).status).toBe(200)
    socket.destroy()
  })
})
