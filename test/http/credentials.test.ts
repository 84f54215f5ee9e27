/** Callers that have no credential, or a wrong one: what they cost, over each transport. */
import { randomUUID } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { afterEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createCallbackRoute } from '../../src/http/callbacks.ts'
import { connectionLimits } from '../../src/http/limits.ts'
import { post, startTestServer, type TestServer, until } from '../helpers/test-server.ts'

const others: TestServer[] = []
const sockets: WebSocket[] = []
const start = async (...options: Parameters<typeof startTestServer>) => {
  const started = await startTestServer(...options)
  others.push(started)
  return started
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await Promise.all(others.splice(0).map((each) => each.stop()))
})
/** Twenty look-ups, and those that come back while the test runs. */
const expectTwenty = (count: number): void => {
  expect(count).toBeGreaterThanOrEqual(19)
  expect(count).toBeLessThanOrEqual(25)
}
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_unused, n) => make(n))

interface Opened {
  readonly socket: WebSocket
  /** `open`, or the status that refused the upgrade, with its `Retry-After` */
  readonly outcome: 'open' | readonly [number | undefined, string | undefined]
  readonly got: unknown[]
  readonly closed: Promise<number>
}

const open = (server: TestServer, init?: object, headers: Record<string, string> = {}): Promise<Opened> =>
  new Promise((resolve) => {
    const socket = new WebSocket(server.socketUrl, 'graphql-transport-ws', { headers })
    sockets.push(socket)
    const got: unknown[] = []
    const closed = new Promise<number>((close) => socket.once('close', close))
    socket.on('message', (text) => got.push(JSON.parse(String(text))))
    socket.on('error', () => {})
    socket.once('open', () => {
      if (init !== undefined) socket.send(JSON.stringify({ type: 'connection_init', payload: init }))
      resolve({ socket, outcome: 'open', got, closed })
    })
    socket.once('unexpected-response', (_request, response) => {
      resolve({ socket, outcome: [response.statusCode, response.headers['retry-after']], got, closed })
      socket.terminate()
    })
  })

describe('wrong credentials', () => {
  const ask = (server: TestServer, authorization: string, more = {}) =>
    post(server.endpoint, { query: '{who}' }, { authorization, ...more })

  it('cost twenty look-ups over HTTP, and are RATE_LIMITED with the seconds to wait beyond it', async () => {
    const server = await start()
    const answers = await Promise.all(times(100, (n) => ask(server, `Bearer wrong-${n}`)))
    expectTwenty(server.state.seen.length)
    expectTwenty(answers.filter(({ status }) => status === 401).length)
    const [limited] = answers.filter(({ status }) => status === 429)
    expect(limited).toMatchObject({
      code: 'RATE_LIMITED',
      body: { errors: [{ extensions: { retryAfterSeconds: expect.any(Number) } }] },
    })
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('cost twenty look-ups over SSE', async () => {
    const server = await start()
    await Promise.all(
      times(100, async (n) => {
        const headers = { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer wrong-${n}` }
        await (await fetch(server.endpoint, { method: 'POST', headers, body: '{"query":"{who}"}' })).text()
      }),
    )
    expectTwenty(server.state.seen.length)
  })

  it('are answered at once twenty times a second, and later beyond it', async () => {
    const server = await start()
    const took = await Promise.all(
      times(60, async (n) => {
        const began = performance.now()
        await ask(server, `Bearer wrong-${n}`)
        return performance.now() - began
      }),
    )
    // What was refused while the first ones were answered may be part of the next second.
    expect(took.filter((ms) => ms >= connectionLimits.refusalPauseMs - 10).length).toBeGreaterThanOrEqual(20)
  })

  it('cost twenty look-ups over WebSocket, and close it with 4429 beyond it', async () => {
    const server = await start()
    const codes = await Promise.all(times(40, async (n) => (await open(server, { authorization: `Bearer wrong-${n}` })).closed))
    expectTwenty(server.state.seen.length)
    expectTwenty(codes.filter((code) => code === 4403).length)
    expect(codes.filter((code) => code === 4429).length).toBeGreaterThanOrEqual(15)
  })

  it('count together on all transports, and for routes', async () => {
    const server = await start({ routes: [{ method: 'GET', path: '/mine', auth: 'project', handle: () => ({ status: 204 }) }] })
    const route = (n: number) => fetch(`${server.url}/mine`, { headers: { authorization: `Bearer route-${n}` } })
    await Promise.all(times(10, (n) => ask(server, `Bearer http-${n}`)))
    await Promise.all(times(10, async (n) => (await open(server, { authorization: `Bearer socket-${n}` })).closed))
    expect((await Promise.all(times(10, route))).at(-1)?.status).toBe(429)
    expectTwenty(server.state.seen.length)
  })

  it('are answered from memory when they come again, and are not limited', async () => {
    const server = await start()
    for (let n = 0; n < 50; n++) expect(await ask(server, 'Bearer wrong')).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    expect(server.state.seen).toHaveLength(1)
  })

  it('hold up no right one from the same address that was right before, nor a hundred new ones at once', async () => {
    const server = await start()
    expect((await ask(server, 'Bearer key-old')).status).toBe(200)
    const fresh = await Promise.all(times(100, (n) => ask(server, `Bearer key-new${n}`)))
    expect(fresh.every(({ status }) => status === 200)).toBe(true)
    await Promise.all(times(100, (n) => ask(server, `Bearer wrong-${n}`)))
    expect((await ask(server, 'Bearer key-old')).status).toBe(200)
    expect((await ask(server, 'Bearer key-new7')).status).toBe(200)
  })

  it('count by the address that a trusted proxy reports', async () => {
    const server = await start({ trustedProxies: ['127.0.0.0/8'] })
    const answers = await Promise.all(times(40, (n) => ask(server, `Bearer wrong-${n}`, { 'x-forwarded-for': '192.0.2.1' })))
    expect(answers.at(-1)?.status).toBe(429)
    expect((await ask(server, 'Bearer another', { 'x-forwarded-for': '192.0.2.2' })).status).toBe(401)
  })
})

describe('WebSockets without a credential', () => {
  it('are 50 of an address: the next upgrade is answered with 429 and Retry-After, before any handshake', async () => {
    const server = await start({ limits: { credentialExpectedMs: 100 } })
    const all = await Promise.all(times(60, () => open(server, {})))
    expect(all.filter(({ outcome }) => outcome === 'open')).toHaveLength(50)
    expect(all.find(({ outcome }) => outcome !== 'open')?.outcome).toEqual([429, '1'])
    expect(server.server.sockets()).toBe(50)
    sockets[0]?.terminate()
    await until(() => server.server.sockets() === 49)
    expect((await open(server)).outcome).toBe('open')
  })

  it('are counted by the address that a trusted proxy reports', async () => {
    const server = await start({
      limits: { anonymousSocketsPerAddress: 1, credentialExpectedMs: 0 },
      trustedProxies: ['127.0.0.0/8'],
    })
    const from = async (address: string) => (await open(server, {}, { 'x-forwarded-for': address })).outcome
    expect([await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')]).toEqual(['open', 'open', [429, '1']])
  })

  it('are no longer counted once they have sent a credential: a thousand clients behind one address get in', async () => {
    const server = await start()
    const all = await Promise.all(times(1_000, (n) => open(server, { authorization: `Bearer contact-c${n}` })))
    expect(all.every(({ outcome }) => outcome === 'open')).toBe(true)
    await until(() => all.every(({ got }) => got.length === 1))
    expect(server.server.sockets()).toBe(1_000)
  })

  it('are served, and closed with 4401 when they have had no credential for too long', async () => {
    const server = await start({ limits: { anonymousSocketMs: 300 } })
    const [none, known] = [await open(server, {}), await open(server, { authorization: 'Bearer key-a' })]
    none.socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'mutation{authenticate}' } }))
    expect(await none.closed).toBe(4401)
    expect(JSON.stringify(none.got)).toContain('"authenticate":"token"')
    expect(known.socket.readyState).toBe(WebSocket.OPEN)
  })

  it('are not opened again by the published client', async () => {
    const server = await start({ limits: { anonymousSocketMs: 100 } })
    let opened = 0
    const client = createClient({
      url: server.socketUrl,
      webSocketImpl: WebSocket,
      lazy: false,
      retryAttempts: 5,
      onNonLazyError: () => {},
      on: { opened: () => void opened++ },
    })
    const closed = await new Promise((resolve) => client.on('closed', resolve))
    expect(closed).toMatchObject({ code: 4401 })
    await until(() => server.server.sockets() === 0)
    expect(opened).toBe(1)
    await client.dispose()
  })
})

describe('reports to providers', () => {
  const startWithCallbacks = async () => {
    const known = randomUUID()
    const state = { asked: [] as string[], received: 0 }
    const route = createCallbackRoute({
      publicUrl: 'https://carillon.example',
      isId: (id) => /^[0-9a-f-]{36}$/.test(id),
      async find(id) {
        state.asked.push(id)
        return id === known
          ? async () => {
              state.received += 1
            }
          : null
      },
      limits: { failedLookUpsPerMinute: 20, failedLookUpMs: 10_000 },
    })
    const server = await start({ routes: [route] })
    const report = (id: string) => fetch(`${server.url}/callbacks/${id}`, { method: 'POST', body: 'x'.repeat(100_000) })
    return { known, state, report }
  }

  it('look up an id once for a report, and none that has not the form of one', async () => {
    const { known, state, report } = await startWithCallbacks()
    expect((await report(known)).status).toBe(200)
    for (let n = 0; n < 30; n++) expect((await report('nothing')).status).toBe(404)
    expect(state).toEqual({ asked: [known], received: 1 })
  })

  it('look up twenty ids a minute that do not exist, and each once', async () => {
    const { known, state, report } = await startWithCallbacks()
    await report(known)
    const unknown = randomUUID()
    for (let n = 0; n < 30; n++) expect((await report(unknown)).status).toBe(404)
    const statuses = await Promise.all(times(50, async () => (await report(randomUUID())).status))
    expectTwenty(statuses.filter((status) => status === 404).length)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(25)
    expectTwenty(state.asked.length)
    expect((await report(known)).status).toBe(200)
  })
})
