/** Requests that are not whole: what they may hold, how long they may take, and that nobody else waits for them. */
import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { cut, openConnections, type RawConnection } from '../helpers/attack.ts'
import { post, startTestServer, type TestServer, until } from '../helpers/test-server.ts'

const others: TestServer[] = []
const opened: RawConnection[] = []
const start = async (...options: Parameters<typeof startTestServer>) => {
  const started = await startTestServer(...options)
  others.push(started)
  return started
}
const open = async (...args: Parameters<typeof openConnections>): Promise<RawConnection[]> => {
  const connections = await openConnections(...args)
  opened.push(...connections)
  return connections
}
afterEach(async () => {
  cut(opened.splice(0))
  await Promise.all(others.splice(0).map((each) => each.stop()))
})

const head = (path: string, length: number, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`
const closedOf = (connections: readonly RawConnection[]): number => connections.filter(({ isClosed }) => isClosed()).length
const answersOf = (connections: readonly RawConnection[]): string[] =>
  connections.flatMap((one) => /^HTTP\/1.1 (\d+)/.exec(one.received())?.[1] ?? [])
const hello = (server: TestServer, headers = {}) => post(server.endpoint, { query: '{hello}' }, headers)

const put = {
  method: 'PUT',
  path: '/public',
  auth: 'none',
  handle: ({ body }) => ({ status: 200, body }),
} as const satisfies NonNullable<NonNullable<Parameters<typeof startTestServer>[0]>['routes']>[number]

describe('a request that is not whole', () => {
  it.each([
    ['/graphql', head('/graphql', 100)],
    ['/graphql with a credential', head('/graphql', 100, 'Authorization: Bearer key-a\r\n')],
    ['/graphql as an event stream', head('/graphql', 100, 'Accept: text/event-stream\r\n')],
    ['a route', head('/public', 100).replace('POST', 'PUT')],
    ['an upgrade', 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'],
    ['nothing yet', ''],
  ])('takes no place: %s', async (_title, text) => {
    const server = await start({ limits: { operationsInFlight: 1 }, routes: [put] })
    await open(server.url, 20, text === '' || text.startsWith('GET') ? text : `${text}{`)
    for (let n = 0; n < 3; n++) expect(await hello(server)).toMatchObject({ status: 200 })
  })

  it.each([
    ['whose body does not come', head('/graphql', 100), '{'],
    ['that trickles', head('/graphql', 10_000), '{"query":"{hello}"'],
    ['of a route', head('/public', 100).replace('POST', 'PUT'), '1'],
    [
      'without a length',
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\n{\r\n',
    ],
  ])('is answered with 408 REQUEST_TIMEOUT and closed: one %s', async (_title, text, body) => {
    const server = await start({ limits: { bodyGraceMs: 200 }, routes: [put] })
    const [one] = await open(server.url, 1, text + body)
    await until(() => one?.isClosed() === true)
    expect(one?.received()).toMatch(/^HTTP\/1.1 408 /)
    expect(one?.received()).toContain('"code":"REQUEST_TIMEOUT"')
  })

  it.each([
    ['headers that do not end', 'POST /graphql HTTP/1.1\r\nHost: x\r\n', /^HTTP\/1.1 408 .*"code":"REQUEST_TIMEOUT"/s],
    ['no byte at all', '', /^(HTTP\/1.1 408 .*)?$/s],
  ])('is cut after the time for headers: one with %s', async (_title, text, answer) => {
    const server = await start({ limits: { headersMs: 300 } })
    const [one] = await open(server.url, 1, text)
    await until(() => one?.isClosed() === true)
    expect(one?.received()).toMatch(answer)
  })

  it.each([
    ['headers', '', `${head('/graphql', 19)}{"query":"{hello}"}`],
    [
      'headers end',
      'POST /graphql HTTP/1.1\r\nHost: x\r\n',
      `${head('/graphql', 19).split('\r\n').slice(2).join('\r\n')}{"query":"{hello}"}`,
    ],
    ['body', head('/graphql', 19), '{"query":"{hello}"}'],
  ])('is served when its %s came while the process was too busy to read them', async (_title, first, rest) => {
    const server = await start({ limits: { bodyGraceMs: 200, headersMs: 700 } })
    const [one] = await open(server.url, 1, first)
    await new Promise(setImmediate)
    // Written at once, and then nothing is read for three and a half seconds.
    one?.socket.write(rest)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500)
    await until(() => one?.received() !== '')
    expect(one?.received()).toMatch(/^HTTP\/1.1 200 /)
  })

  it('is served when it comes fast enough, however long that takes', async () => {
    const server = await start({ limits: { bodyGraceMs: 300, bodyBytesPerSecond: 100 } })
    const answer = new Promise<number>((resolve, reject) => {
      const body = JSON.stringify({ query: '{hello}' }).padEnd(1_000)
      const slow = request(
        server.endpoint,
        { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } },
        (response) => resolve(response.statusCode ?? 0),
      )
      slow.on('error', reject)
      let sent = 0
      const timer = setInterval(() => {
        slow.write(body.slice(sent, sent + 100))
        sent += 100
        if (sent >= body.length) {
          clearInterval(timer)
          slow.end()
        }
      }, 200)
    })
    expect(await answer).toBe(200)
  })
})

describe('bounds', () => {
  it('cuts the oldest connections of an address beyond its bound once they have waited, and lets new ones in', async () => {
    const server = await start({ limits: { unfinishedPerClient: 10, unfinishedMs: 200 } })
    const held = await open(server.url, 30, `${head('/graphql', 100)}{`)
    await until(() => closedOf(held) >= 20)
    expect(await hello(server)).toMatchObject({ status: 200 })
    expect(closedOf(held.slice(21))).toBe(0)
    expect(new Set(answersOf(held))).toEqual(new Set(['503']))
    expect(held.find(({ isClosed }) => isClosed())?.received()).toMatch(/retry-after: 1/i)
  })

  it('cuts those that say nothing, too', async () => {
    const server = await start({ limits: { unfinishedPerClient: 10, unfinishedMs: 200 } })
    const held = await open(server.url, 30, '')
    await until(() => closedOf(held) >= 20)
    expect(await hello(server)).toMatchObject({ status: 200 })
  })

  it('cuts no connection of an address that has just come, however many there are', async () => {
    const server = await start({ limits: { unfinishedPerClient: 10, unfinishedMs: 60_000 } })
    const answers = await Promise.all(Array.from({ length: 200 }, () => hello(server)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
  })

  it('keeps idle connections of an API key, and counts those of nobody', async () => {
    const server = await start({ limits: { unfinishedPerClient: 5, unfinishedMs: 200 } })
    const get = (more: string) => `GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nHost: x\r\n${more}\r\n`
    const known = await open(server.url, 20, get('Authorization: Bearer key-a\r\n'))
    const unknown = await open(server.url, 20, get(''))
    await until(() => closedOf(unknown) >= 15)
    expect(closedOf(known)).toBe(0)
  })

  it('holds the bodies of one address to their bound, by cutting the oldest one', async () => {
    const server = await start({ limits: { unfinishedBytesPerClient: 300_000 }, maxBodyBytes: 100_000 })
    const body = ' '.repeat(99_000)
    const held = await open(server.url, 10, head('/graphql', 100_000) + body)
    await until(() => answersOf(held).length >= 7)
    expect(await hello(server)).toMatchObject({ status: 200 })
    expect(answersOf(held)).toEqual(Array(7).fill('503'))
    expect(held.find(({ received }) => received() !== '')?.received()).toContain('"code":"OVERLOADED"')
  })

  it('holds all bodies together to theirs, and takes from the client that has the most', async () => {
    const server = await start({
      limits: { unfinishedBytesPerClient: 1_000_000, unfinishedBytesInAll: 400_000 },
      maxBodyBytes: 100_000,
      trustedProxies: ['127.0.0.0/8'],
    })
    const body = ' '.repeat(99_000)
    const from = (address: string) => head('/graphql', 100_000, `X-Forwarded-For: ${address}\r\n`) + body
    const small = await open(server.url, 1, from('192.0.2.1'))
    const large = await open(server.url, 10, from('192.0.2.2'))
    await until(() => answersOf(large).length >= 7)
    expect(answersOf(small)).toEqual([])
    small[0]?.socket.write('{"query":"{hello}"}'.padEnd(1_000))
    await until(() => answersOf(small).length === 1)
  })

  it('counts clients behind a trusted proxy one by one, not the proxy', async () => {
    const server = await start({ limits: { unfinishedPerClient: 10, unfinishedMs: 100 }, trustedProxies: ['127.0.0.0/8'] })
    const idle = await open(server.url, 30, '')
    const held = await open(server.url, 30, (n) => `${head('/graphql', 100, `X-Forwarded-For: 192.0.2.${n}\r\n`)}{`)
    const one = await open(server.url, 12, `${head('/graphql', 100, 'X-Forwarded-For: 198.51.100.1\r\n')}{`)
    await until(() => closedOf(one) === 2)
    expect([closedOf(idle), closedOf(held)]).toEqual([0, 0])
  })
})

describe('routes that decide by the head', () => {
  const admitting = {
    method: 'POST',
    path: '/letters/:id',
    auth: 'none',
    admit: ({ params }: { params: Readonly<Record<string, string | undefined>> }) =>
      params['id'] === 'known' ? (body: Buffer) => ({ status: 200, body }) : { status: 410, body: 'gone' },
  } as const

  it('are answered without their body, and with it', async () => {
    const server = await start({ routes: [admitting] })
    const [none] = await open(server.url, 1, head('/letters/other', 1_000_000))
    await until(() => none?.isClosed() === true)
    expect(none?.received()).toMatch(/^HTTP\/1.1 410 /)
    const known = await fetch(`${server.url}/letters/known`, { method: 'POST', body: 'text' })
    expect([known.status, await known.text()]).toEqual([200, 'text'])
  })

  it('ask for no body with 100 Continue that they do not read', async () => {
    const server = await start({ routes: [admitting] })
    const ask = (id: string) =>
      new Promise<(string | number | undefined)[]>((resolve, reject) => {
        const seen: (string | number | undefined)[] = []
        const headers = { 'content-length': 4, expect: '100-continue' }
        const asking = request(`${server.url}/letters/${id}`, { method: 'POST', headers }, (response) => {
          resolve([...seen, response.statusCode])
          asking.destroy()
        })
        asking.on('continue', () => {
          seen.push('continue')
          asking.end('text')
        })
        asking.on('error', reject)
        asking.flushHeaders()
      })
    expect(await ask('known')).toEqual(['continue', 200])
    expect(await ask('other')).toEqual([410])
  })
})

it('closes a connection whose body nobody reads', async () => {
  const server = await start()
  const text = 'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx'
  const [one] = await open(server.url, 1, text)
  await until(() => one?.isClosed() === true)
  expect(one?.received()).toMatch(/^HTTP\/1.1 200 /)
})
