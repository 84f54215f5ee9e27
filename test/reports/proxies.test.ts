/** What stands between clients and the server: proxies that name clients, balancers that keep connections, browsers that ask first. */
import { Agent, get, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/test-server.ts'
import { pause } from '../helpers/until.ts'

/** Sends exactly these headers, several of a name too. */
const ask = (server: TestServer, headers: readonly (readonly [string, string])[], query = '{address}'): Promise<string> =>
  new Promise((resolve, reject) => {
    const raw = [...headers, ['host', 'x']].flat() as string[]
    get(`${server.endpoint}?query=${encodeURIComponent(query)}`, { headers: raw, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(JSON.parse(text).data.address))
    }).on('error', reject)
  })

describe('the address of the client', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8'] })
  })
  afterAll(() => server.stop())

  const xff = 'X-Forwarded-For'
  it.each([
    // express-rate-limit/express-rate-limit#234: Azure's gateways write the port.
    ['203.0.113.7', [[xff, '203.0.113.7:40001']]],
    ['2001:db8::7', [[xff, '[2001:db8::7]:40001']]],
    ['2001:db8::7', [[xff, '[2001:db8::7]']]],
    ['2001:db8::7', [[xff, '2001:DB8:0::7']]],
    ['203.0.113.7', [[xff, '[::ffff:203.0.113.7]:443']]],
    ['fe80::1', [[xff, 'fe80::1%eth0']]],
    ['fe80::1', [[xff, '[fe80::1%25eth0]:443']]],
    ['203.0.113.7', [[xff, '"203.0.113.7:80"']]],
    ['203.0.113.7', [[xff, ' , 203.0.113.7 , ,']]],
    ['203.0.113.7', [[xff, '6.6.6.6, 203.0.113.7:1, 10.0.0.1:2']]],
    [
      '203.0.113.7',
      [
        [xff, '6.6.6.6'],
        [xff, '203.0.113.7'],
        [xff, '10.0.0.1'],
      ],
    ],
    // A number and an octal are addresses to some parsers, and to no proxy.
    ['127.0.0.1', [[xff, '3405803783']]],
    ['127.0.0.1', [[xff, '0313.0.0161.7']]],
    ['127.0.0.1', [[xff, 'unknown']]],
    ['10.0.0.1', [[xff, '203.0.113.7, nonsense, 10.0.0.1']]],
    ['127.0.0.1', [[xff, '203.0.113.7:99:1']]],
    ['127.0.0.1', [[xff, '"'.repeat(8_000)]]],
    // RFC 7239, section 4 and 6
    ['192.0.2.60', [['Forwarded', 'for=192.0.2.60;proto=http;by=203.0.113.43']]],
    ['2001:db8:cafe::17', [['Forwarded', 'For="[2001:db8:cafe::17]:4711"']]],
    ['192.0.2.43', [['Forwarded', 'for=192.0.2.43, for="[fd00::17]"']]],
    [
      '192.0.2.43',
      [
        ['Forwarded', 'for=6.6.6.6'],
        ['Forwarded', 'proto=https;host="a,b;for=1.1.1.1";for=192.0.2.43'],
      ],
    ],
    ['192.0.2.43', [['Forwarded', 'for = "192.0.2\\.43:80" ; by=_x']]],
    ['127.0.0.1', [['Forwarded', 'for=unknown']]],
    ['127.0.0.1', [['Forwarded', 'for="_SEVKISEK"']]],
    ['10.0.0.1', [['Forwarded', 'for=192.0.2.43, for=_hidden, for=10.0.0.1']]],
    ['127.0.0.1', [['Forwarded', 'proto=https']]],
    ['127.0.0.1', [['Forwarded', 'for="192.0.2.43']]],
    // What the client itself wrote: most proxies append to one, and let the other pass.
    [
      '203.0.113.7',
      [
        [xff, '203.0.113.7'],
        ['Forwarded', 'for=6.6.6.6'],
      ],
    ],
    [
      '192.0.2.43',
      [
        [xff, ' '],
        ['Forwarded', 'for=192.0.2.43'],
      ],
    ],
  ] as const)('is %s by %j', async (address, headers) => {
    expect(await ask(server, headers)).toBe(address)
  })

  it('is the peer where the peer is not trusted, whatever it writes', async () => {
    const open = await startTestServer()
    expect(
      await ask(open, [
        [xff, '203.0.113.7'],
        ['Forwarded', 'for=203.0.113.7'],
      ]),
    ).toBe('127.0.0.1')
    await open.stop()
  })

  it('logs once that a header can not be read, without the header', async () => {
    const quiet = await startTestServer({ trustedProxies: ['127.0.0.0/8'] })
    await ask(quiet, [[xff, '203.0.113.7:1']])
    await ask(quiet, [])
    expect(quiet.logged).toEqual([])
    for (const header of ['secret', 'secret', 'unknown']) await ask(quiet, [[xff, header]])
    expect(quiet.logged).toEqual([
      { message: expect.stringContaining('share the limits'), fields: { header: 'X-Forwarded-For', proxy: '127.0.0.1' } },
    ])
    await quiet.stop()
  })
})

describe('a kept connection', () => {
  const once = (url: string, agent: Agent): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get(url, { agent }, (response) => response.resume().on('end', () => resolve(response))).on('error', reject)
    })

  // apollographql/apollo-server#5833: a balancer reuses what it believes to be open.
  it('stays open for longer than the headers of a request may take, and says for how long', async () => {
    const server = await startTestServer({ limits: { headersMs: 1_000 } })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    agent.on('free', (socket: Socket) => ports.add(socket.localPort))
    const first = await once(`${server.url}/health`, agent)
    expect(first.headers['keep-alive']).toBe('timeout=75')
    await pause(3_500)
    await once(`${server.url}/health`, agent)
    expect(ports.size).toBe(1)
    agent.destroy()
    await server.stop()
  })

  it('is closed after the time that is set', async () => {
    const server = await startTestServer({ keepAliveMs: 1_000 })
    const socket = connect(server.port, '127.0.0.1')
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    const from = Date.now()
    await new Promise((resolve) => socket.once('close', resolve).resume())
    expect(Date.now() - from).toBeLessThan(5_000)
    await server.stop()
  })

  it('is cut in favor of others as before, however long it may be kept: idle ones of one client are 500 at most', async () => {
    const server = await startTestServer({ limits: { unfinishedPerClient: 3, unfinishedMs: 50 } })
    let closed = 0
    const open = async () => {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
      await new Promise((resolve) => socket.once('data', resolve))
      socket.on('close', () => (closed += 1)).resume()
      return socket
    }
    const idle = []
    for (let n = 0; n < 8; n++) idle.push(await open())
    await expect.poll(() => closed, { timeout: 5_000 }).toBe(5)
    for (const socket of idle) socket.destroy()
    await server.stop()
  })
})

describe('pages of other origins', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({
      routes: [
        { method: 'GET', path: '/shared.js', auth: 'none', isShared: true, handle: () => ({ status: 200, body: '' }) },
        { method: 'GET', path: '/own.js', auth: 'none', handle: () => ({ status: 200, body: '' }) },
      ],
    })
  })
  afterAll(() => server.stop())
  const origin = 'https://shop.example'
  const preflight = (path: string, headers: string | undefined, method = 'POST') =>
    fetch(server.url + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
      },
    })
  const allowed = ({ headers }: Response): string[] => (headers.get('access-control-allow-headers') ?? '').split(', ')

  it.each([
    // apollographql/apollo-client#4164, getsentry/sentry-javascript#6077
    'apollographql-client-name,apollographql-client-version,authorization,content-type',
    'sentry-trace,baggage',
    'traceparent,tracestate',
    'x-datadog-trace-id,x-datadog-origin',
    'x-apollo-operation-name,apollo-require-preflight,graphql-preflight,x-graphql-yoga-csrf',
    'Last-Event-ID, Cache-Control',
    'x-requested-with',
  ])('may send %s', async (wanted) => {
    const answer = await preflight('/graphql', wanted)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, origin])
    expect(allowed(answer)).toEqual(expect.arrayContaining(wanted.split(',').map((name) => name.trim().toLowerCase())))
    expect(answer.headers.get('vary')).toBe('origin, access-control-request-method, access-control-request-headers')
    // A cookie stays at home: without this header, a browser refuses to send one.
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST')
  })

  it.each([
    ['nothing in particular', undefined],
    ['nothing', ''],
    ['no names', 'a b,<x>,"y",ä,a:b,,'],
    ['a name of 200 letters', 'x'.repeat(200)],
    ['the header that only pages of this server set', 'x-carillon-project, X-Carillon-Project'],
  ])('are told what is usual when they ask for %s', async (_title, wanted) => {
    const sent = wanted === undefined ? undefined : Buffer.from(wanted).toString('latin1')
    expect(allowed(await preflight('/graphql', sent))).toEqual(['authorization', 'content-type', 'accept'])
  })

  it('may not make the answer as large as they like', async () => {
    const many = Array.from({ length: 1_500 }, (_one, n) => `x-${n}`).join()
    expect(allowed(await preflight('/graphql', many)).length).toBeLessThanOrEqual(103)
  })

  it.each(['/graphql', '/graphql/', '//graphql', '/shared.js'])('are answered at %s', async (path) => {
    expect((await preflight(path, 'sentry-trace', 'GET')).status).toBe(204)
  })

  it.each([
    ['/own.js', 'GET'],
    ['/nothing', 'GET'],
    ['/shared.js', 'POST'],
  ])('are not let in at %s by %s', async (path, method) => {
    const answer = await preflight(path, 'sentry-trace', method)
    expect([answer.status >= 400, answer.headers.get('access-control-allow-origin')]).toEqual([true, null])
  })
})

describe('an event stream', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.stop())
  const open = (method: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const url = `${server.endpoint}?query=${encodeURIComponent('subscription{ticks}')}`
      httpRequest(url, { method, headers: { accept: 'text/event-stream' }, agent: false }, resolve)
        .on('error', reject)
        .end()
    })

  it('has no coding, and tells proxies to pass it on as it is and at once', async () => {
    const response = await open('GET')
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' })
    expect(response.headers['x-accel-buffering']).toBe('no')
    expect(response.headers).not.toHaveProperty('content-encoding')
    response.destroy()
  })

  it('sends something before the first event, so that a proxy has an answer to pass on', async () => {
    const response = await open('GET')
    const chunk = await new Promise<Buffer>((resolve) => response.once('data', resolve))
    expect(String(chunk)).toMatch(/^:/)
    response.destroy()
  })

  it('is not begun for HEAD', async () => {
    const response = await open('HEAD')
    await new Promise((resolve) => response.resume().once('end', resolve))
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream'])
    await expect.poll(() => server.topic.count()).toBe(0)
  })
  it('leaves no subscription behind where a contact has too many', async () => {
    const few = await startTestServer({ limits: { connectionsPerContact: 0 } })
    const url = `${few.endpoint}?query=${encodeURIComponent('subscription{ticks}')}`
    const answer = await fetch(url, { headers: { accept: 'text/event-stream', authorization: 'Bearer contact-a' } })
    expect(answer.status).toBe(429)
    await expect.poll(() => few.topic.count()).toBe(0)
    await few.stop()
  })
})
