/** GraphQL over WebSocket: the protocol's codes, what floods and slow readers meet, credentials that end, drain. */
import { connect } from 'node:net'
import { createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestServer, type TestServer, until } from '../helpers/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const others: TestServer[] = []
const open: Raw[] = []
const start = async (...options: Parameters<typeof startTestServer>) => {
  const started = await startTestServer(...options)
  others.push(started)
  return started
}
afterEach(async () => {
  for (const raw of open.splice(0)) raw.ws.terminate()
  await Promise.all(others.splice(0).map((each) => each.stop()))
})

interface Message {
  readonly type: string
  readonly id?: string
  readonly payload?: unknown
}

interface Raw {
  readonly ws: WebSocket
  readonly got: Message[]
  readonly closed: Promise<{ code: number; reason: string }>
  send(message: unknown): void
}

/** A bare socket that keeps what it gets. */
async function raw(
  to: TestServer,
  options: { protocol?: string; origin?: string; headers?: Record<string, string> } = {},
): Promise<Raw> {
  const ws = new WebSocket(to.socketUrl, options.protocol ?? 'graphql-transport-ws', { ...options, perMessageDeflate: false })
  const got: Message[] = []
  ws.on('message', (data) => got.push(JSON.parse(String(data))))
  ws.on('error', () => {})
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await Promise.race([new Promise((resolve) => ws.once('open', resolve)), closed])
  const one = {
    ws,
    got,
    closed,
    send: (message: unknown) => ws.send(typeof message === 'string' ? message : JSON.stringify(message)),
  }
  open.push(one)
  return one
}

/** An acknowledged socket. */
async function ready(to: TestServer, authorization?: string): Promise<Raw> {
  const one = await raw(to)
  one.send({ type: 'connection_init', ...(authorization === undefined ? {} : { payload: { authorization } }) })
  await until(() => one.got.some((message) => message.type === 'connection_ack'))
  return one
}

const subscribe = (id: string, query: string, more: object = {}) => ({ id, type: 'subscribe', payload: { query, ...more } })
const of = (one: Raw, id: string) => one.got.filter((message) => message.id === id)

describe('the protocol', () => {
  it.each([
    ['not JSON', 'x', 4400],
    ['null', 'null', 4400],
    ['an array', '[]', 4400],
    ['of an unknown type', '{"type":"hack"}', 4400],
    ['of a type that only servers send', '{"type":"next","id":"1","payload":{}}', 4400],
    ['a subscription before the acknowledgement', JSON.stringify(subscribe('1', '{hello}')), 4401],
  ])('closes when a message is %s', async (_title, text, code) => {
    const one = await raw(server)
    one.send(text)
    expect(await one.closed).toMatchObject({ code })
  })

  it('closes with 4400 on a binary message', async () => {
    const one = await raw(server)
    one.ws.send(Buffer.from('{"type":"connection_init"}'), { binary: true })
    expect(await one.closed).toMatchObject({ code: 4400 })
  })

  it('closes with 4429 on a second init, 4408 without one, 4409 on an id that is in use, 4406 on another subprotocol', async () => {
    const mine = await start({ limits: { initMs: 50 } })
    const twice = await ready(mine)
    twice.send({ type: 'connection_init' })
    expect(await twice.closed).toMatchObject({ code: 4429 })
    expect(await (await raw(mine)).closed).toMatchObject({ code: 4408 })
    const same = await ready(mine)
    same.send(subscribe('1', 'subscription{ticks}'))
    same.send(subscribe('1', 'subscription{ticks}'))
    expect(await same.closed).toMatchObject({ code: 4409 })
    const status = await new Promise((resolve) => {
      const ws = new WebSocket(mine.socketUrl, 'graphql-ws')
      ws.on('close', resolve).on('error', () => {})
    })
    expect([1006, 4406]).toContain(status)
  })

  it('refuses an upgrade on another path with 404', async () => {
    const status = await new Promise((resolve) => {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}/other`, 'graphql-transport-ws')
      ws.on('unexpected-response', (_request, response) => resolve(response.statusCode)).on('error', () => {})
    })
    expect(status).toBe(404)
  })

  it('closes with 1009 on a message beyond 64 KB, and 1002 or 1007 on broken frames', async () => {
    const large = await ready(server)
    large.send(JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(64 * 1024) } }))
    expect(await large.closed).toMatchObject({ code: 1009 })
    const frame = async (bytes: number[]) => {
      const one = await ready(server)
      const socket: unknown = Reflect.get(one.ws, '_socket')
      ;(socket as { write(data: Buffer): void }).write(Buffer.from(bytes))
      return (await one.closed).code
    }
    // Reserved bits; text that is not UTF-8. Both masked with zeros.
    expect(await frame([0xf1, 0x80, 0, 0, 0, 0])).toBe(1002)
    expect(await frame([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe])).toBe(1007)
  })

  it('answers a ping, and shrugs at deep or polluting connection parameters', async () => {
    const one = await raw(server)
    one.send(
      '{"type":"connection_init","payload":{"__proto__":{"authorization":"Bearer key-a"},"constructor":{"prototype":{"x":1}}}}',
    )
    one.send({ type: 'ping', payload: { n: 1 } })
    await until(() => one.got.length === 2)
    expect(one.got).toEqual(expect.arrayContaining([{ type: 'pong', payload: { n: 1 } }, { type: 'connection_ack' }]))
    one.send(subscribe('q', '{who}'))
    await until(() => of(one, 'q').length === 2)
    expect(of(one, 'q')[0]).toMatchObject({ payload: { data: { who: 'none' } } })
    expect('x' in {}).toBe(false)
    const deep = await raw(server)
    deep.send(`{"type":"connection_init","payload":{"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`)
    await until(() => deep.got.length === 1)
  })
})

describe('operations', () => {
  it('answers queries, mutations and subscriptions to the published client', async () => {
    const client = createClient({
      url: server.socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: 'Bearer key-a' },
    })
    try {
      expect((await client.iterate({ query: '{who}' }).next()).value).toEqual({ data: { who: 'project' } })
      expect((await client.iterate({ query: 'mutation{write}' }).next()).value).toEqual({ data: { write: 'written' } })
      const ticks = client.iterate<{ ticks: string }>({ query: 'subscription{ticks}' })
      const first = ticks.next()
      await until(() => server.topic.count() === 1)
      server.topic.publish('one')
      expect((await first).value).toEqual({ data: { ticks: 'one' } })
      await ticks.return?.()
      await until(() => server.topic.count() === 0)
    } finally {
      await client.dispose()
    }
  })

  it('answers a syntax error to its operation and leaves the others alone', async () => {
    const one = await ready(server)
    one.send(subscribe('live', 'subscription{ticks}'))
    await until(() => server.topic.count() === 1)
    one.send(subscribe('bad', '{'))
    one.send(subscribe('worse', '{nothing}'))
    one.send(subscribe('which', 'query a{hello} query b{hello}'))
    one.send(subscribe('variable', 'query($n:Int){double(n:$n)}', { variables: { n: 'x' } }))
    await until(
      () =>
        of(one, 'bad').length === 1 &&
        of(one, 'worse').length === 1 &&
        of(one, 'which').length === 1 &&
        of(one, 'variable').length === 2,
    )
    for (const id of ['bad', 'worse', 'which']) {
      expect(of(one, id)).toMatchObject([{ type: 'error', payload: [{ extensions: { code: 'QUERY_INVALID' } }] }])
    }
    expect(of(one, 'variable')).toMatchObject([
      { type: 'next', payload: { errors: [{ extensions: { code: 'BAD_INPUT' } }] } },
      { type: 'complete' },
    ])
    server.topic.publish('still here')
    await until(() => of(one, 'live').length === 1)
    expect(one.ws.readyState).toBe(WebSocket.OPEN)
  })

  it('shows errors as over HTTP: codes, masks, one line in the log', async () => {
    server.logged.length = 0
    const one = await ready(server)
    one.send(subscribe('q', '{broken}'))
    one.send(subscribe('c', 'subscription{refusedStream}'))
    one.send(subscribe('s', 'subscription{brokenStream}'))
    await until(() => of(one, 'q').length === 2 && of(one, 's').length >= 2 && of(one, 'c').length >= 1)
    expect(of(one, 'q')[0]).toMatchObject({
      payload: { errors: [{ extensions: { code: 'INTERNAL', reference: expect.any(String) } }] },
    })
    expect(of(one, 's')[0]).toMatchObject({ payload: { data: { brokenStream: 'one' } } })
    expect(of(one, 's')[1]).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'INTERNAL', reference: expect.any(String) } }],
    })
    expect(JSON.stringify(of(one, 'c'))).toContain('CURSOR_EXPIRED')
    expect(JSON.stringify(one.got)).not.toContain('hunter2')
    expect(server.logged).toHaveLength(2)
  })

  it('takes 100 operations at once and closes with 4429 at the 101st', async () => {
    const mine = await start()
    const one = await ready(mine)
    for (let n = 0; n < 100; n += 1) one.send(subscribe(`${n}`, 'subscription{ticks}'))
    await until(() => mine.topic.count() === 100)
    one.send({ id: '0', type: 'complete' })
    await until(() => mine.topic.count() === 99)
    one.send(subscribe('again', 'subscription{ticks}'))
    await until(() => mine.topic.count() === 100)
    one.send(subscribe('more', 'subscription{ticks}'))
    expect(await one.closed).toMatchObject({ code: 4429 })
    await until(() => mine.topic.count() === 0)
  })
})

describe('floods', () => {
  it.each([
    ['50,000 subscriptions', (n: number) => JSON.stringify(subscribe(`${n}`, 'subscription{ticks}')), 50_000],
    ['10,000 pings', () => '{"type":"ping"}', 10_000],
    ['200,000 tiny messages', () => 'x', 200_000],
  ])('closes a socket that sends %s, and stays small', async (_title, message, count) => {
    const mine = await start()
    const other = await ready(mine)
    const one = await ready(mine)
    const before = process.memoryUsage()
    for (let n = 0; n < count && one.ws.readyState === WebSocket.OPEN; n += 1) {
      one.send(message(n))
      if (n % 1_000 === 999) await new Promise((resolve) => setImmediate(resolve))
    }
    expect([4400, 4429]).toContain((await one.closed).code)
    await until(() => mine.topic.count() === 0)
    expect(process.memoryUsage().heapUsed - before.heapUsed).toBeLessThan(60 * 1024 * 1024)
    // What the flood began may still have its turns.
    let asked = 0
    await until(() => {
      const last = of(other, `q${asked}`)
      if (asked === 0 || last[0]?.type === 'error') other.send(subscribe(`q${++asked}`, '{hello}'))
      return last.length === 2
    })
  })

  it('closes a socket that sends one message in a million fragments', async () => {
    const one = await ready(server)
    for (let n = 0; n < 1_000 && one.ws.readyState === WebSocket.OPEN; n += 1) one.ws.send('x', { fin: false })
    expect((await one.closed).code).toBeGreaterThan(1001)
  })
})

describe('slow readers', () => {
  it('closes a reader that stops with 4413, keeps at most its limit for it, and gives another subscriber everything', async () => {
    const mine = await start()
    const slow = await ready(mine)
    const quick = await ready(mine)
    slow.send(subscribe('t', 'subscription{ticks}'))
    quick.send(subscribe('t', 'subscription{ticks}'))
    await until(() => mine.topic.count() === 2)
    slow.ws.pause()
    const before = process.memoryUsage()
    let peak = 0
    for (let n = 0; n < 20_000; n += 1) {
      mine.topic.publish(`${n} `.padEnd(4096, 'x'))
      if (n % 100 === 99) {
        peak = Math.max(peak, process.memoryUsage().external + process.memoryUsage().arrayBuffers)
        await until(() => of(quick, 't').length >= n)
      }
    }
    await until(() => of(quick, 't').length === 20_000)
    expect(peak - before.external - before.arrayBuffers).toBeLessThan(32 * 1024 * 1024)
    slow.ws.resume()
    expect(await slow.closed).toMatchObject({ code: 4413 })
    await until(() => mine.topic.count() === 1)
    expect(of(slow, 't').length).toBeLessThan(5_000)
    const numbers = of(quick, 't').map((message) =>
      Number.parseInt((message.payload as { data: { ticks: string } }).data.ticks, 10),
    )
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
    expect(mine.logged).toEqual([])
  })

  it('closes a reader of few bytes that has read nothing for too long, and cuts it when it does not take the close frame', async () => {
    const mine = await start({ limits: { stallMs: 300, closeMs: 300 } })
    const slow = await ready(mine)
    slow.send(subscribe('t', 'subscription{ticks}'))
    await until(() => mine.topic.count() === 1)
    slow.ws.pause()
    // Enough to fill the kernel's buffers on both sides and leave something behind.
    while (mine.topic.count() === 1 && mine.server.sockets() === 1) {
      mine.topic.publish('x'.repeat(65_536))
      await new Promise((resolve) => setImmediate(resolve))
      if (process.memoryUsage().arrayBuffers > 512 * 1024 * 1024) throw new Error('unbounded')
    }
    await until(() => mine.server.sockets() === 0)
  })

  it('removes a client that is there and does not answer pings', async () => {
    const mine = await start({ limits: { pingMs: 100 } })
    const lively = await ready(mine)
    const one = await ready(mine)
    one.ws.pause()
    await until(() => mine.server.sockets() === 1)
    expect(lively.ws.readyState).toBe(WebSocket.OPEN)
  })
})

describe('credentials', () => {
  it('closes with 4403 on a wrong one, acknowledges none, and takes the HTTP header too', async () => {
    const wrong = await raw(server)
    wrong.send({ type: 'connection_init', payload: { authorization: 'Bearer wrong' } })
    expect(await wrong.closed).toMatchObject({ code: 4403 })
    const odd = await raw(server)
    odd.send({ type: 'connection_init', payload: { authorization: { $gt: '' } } })
    expect(await odd.closed).toMatchObject({ code: 4403 })
    const none = await ready(server)
    none.send(subscribe('q', '{who}'))
    await until(() => of(none, 'q').length === 2)
    expect(of(none, 'q')[0]).toMatchObject({ payload: { data: { who: 'none' } } })
    const header = await raw(server, { headers: { authorization: 'Bearer contact-h' } })
    header.send({ type: 'connection_init' })
    await until(() => header.got.length === 1)
    header.send(subscribe('q', '{who}'))
    await until(() => of(header, 'q').length === 2)
    expect(of(header, 'q')[0]).toMatchObject({ payload: { data: { who: 'contact' } } })
  })

  it('closes with 1013 when the look-up itself fails, so that the client comes back', async () => {
    const one = await raw(server)
    one.send({ type: 'connection_init', payload: { authorization: 'Bearer away' } })
    expect(await one.closed).toMatchObject({ code: 1013 })
  })

  it('closes with 4403 within 2 s of a key being revoked, and leaves others open', async () => {
    const mine = await start()
    const one = await ready(mine, 'Bearer key-a')
    const other = await ready(mine, 'Bearer key-b')
    const revoked = performance.now()
    mine.state.revoked.add('a')
    expect(await one.closed).toMatchObject({ code: 4403 })
    expect(performance.now() - revoked).toBeLessThan(2_000)
    expect(other.ws.readyState).toBe(WebSocket.OPEN)
  })

  it('closes with 4403 within 2 s of a token expiring, also when that is far beyond what a timer can hold', async () => {
    const mine = await start()
    mine.state.expiresAt = new Date(Date.now() + 500)
    const one = await ready(mine, 'Bearer contact-a')
    mine.state.expiresAt = new Date(Date.now() + 2 ** 32)
    const later = await ready(mine, 'Bearer contact-a')
    expect(await one.closed).toMatchObject({ code: 4403 })
    expect(later.ws.readyState).toBe(WebSocket.OPEN)
  })

  it('holds contact tokens to the origins of their project', async () => {
    const mine = await start()
    mine.state.allowedOrigins = ['https://shop.example']
    const from = async (origin: string, authorization: string) => {
      const one = await raw(mine, { origin })
      one.send({ type: 'connection_init', payload: { authorization } })
      return Promise.race([one.closed.then(({ code }) => code), until(() => one.got.length === 1).then(() => 'in')])
    }
    expect(await from('https://evil.example', 'Bearer contact-a')).toBe(4403)
    expect(await from('https://shop.example', 'Bearer contact-a')).toBe('in')
    expect(await from('https://evil.example', 'Bearer key-a')).toBe('in')
  })

  it('closes the 101st socket of one contact with 4429, and lets one in again when one has gone', async () => {
    const mine = await start()
    const first = await ready(mine, 'Bearer contact-a')
    await Promise.all(Array.from({ length: 99 }, () => ready(mine, 'Bearer contact-a')))
    const beyond = await raw(mine)
    beyond.send({ type: 'connection_init', payload: { authorization: 'Bearer contact-a' } })
    expect(await beyond.closed).toMatchObject({ code: 4429 })
    await ready(mine, 'Bearer contact-b')
    first.ws.close()
    await until(() => mine.server.sockets() === 100)
    await ready(mine, 'Bearer contact-a')
  })

  it('counts operations of a contact like requests', async () => {
    const one = await ready(server, 'Bearer contact-r')
    for (let n = 0; n < 100; n += 1) one.send(subscribe(`${n}`, '{hello}'))
    await until(() => new Set(one.got.filter(({ type }) => type !== 'connection_ack').map(({ id }) => id)).size === 100)
    const refused = one.got.filter(({ type }) => type === 'error')
    expect(refused.length).toBeGreaterThan(20)
    expect(refused[0]).toMatchObject({ payload: [{ extensions: { code: 'RATE_LIMITED' } }] })
  })
})

describe('drain', () => {
  it('answers what runs over a socket, then closes it with 1012, and closes idle ones at once', async () => {
    const mine = await start()
    const busy = await ready(mine)
    const idle = await ready(mine)
    idle.send(subscribe('t', 'subscription{ticks}'))
    busy.send(subscribe('s', '{slow}'))
    await mine.begun.promise
    await until(() => mine.topic.count() === 1)
    const drained = mine.server.drain()
    expect(await idle.closed).toMatchObject({ code: 1012 })
    expect(busy.ws.readyState).toBe(WebSocket.OPEN)
    mine.slow.resolve('done')
    expect(await busy.closed).toMatchObject({ code: 1012 })
    expect(of(busy, 's')).toMatchObject([{ type: 'next', payload: { data: { slow: 'done' } } }, { type: 'complete' }])
    await drained
  })

  it('cuts what does not end in time', async () => {
    const mine = await start()
    const one = await ready(mine)
    one.send(subscribe('s', '{slow}'))
    await mine.begun.promise
    await mine.server.drain(100)
    expect(await one.closed).toMatchObject({ code: 1006 })
  })
})

describe('a storm', () => {
  it('lets 500 sockets in at once, and counts none when they are gone', async () => {
    const mine = await start()
    const all = await Promise.all(Array.from({ length: 500 }, () => ready(mine, 'Bearer key-a')))
    expect(mine.server.sockets()).toBe(500)
    for (const one of all) one.ws.terminate()
    await until(() => mine.server.sockets() === 0)
    expect((await mine.metrics.render()).text).toContain('carillon_sockets 0')
  })

  it('outlives connections that are cut in the middle of the upgrade', async () => {
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(server.port, '127.0.0.1')
      socket.write(
        'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      )
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.resetAndDestroy()
    }
    await ready(server)
  })
})
