/** The HTTP server: health, metrics, GraphiQL, routes, and how it stops. */
import { Agent, get, request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { post, startTestServer, type TestServer, until } from '../helpers/test-server.ts'

let server: TestServer
let isUnavailable = false
beforeAll(async () => {
  server = await startTestServer({
    checks: [
      { name: 'postgres', check: async () => (isUnavailable ? Promise.reject(new Error('unavailable')) : 1) },
      { name: 'jobs', check: () => (isUnavailable ? new Promise(() => {}) : Promise.resolve()) },
      { name: 'signals', check: async () => true },
    ],
    routes: [
      { method: 'GET', path: '/', auth: 'none', handle: () => ({ status: 200, body: 'home' }) },
      {
        method: 'GET',
        path: '/broken',
        auth: 'none',
        handle: () => {
          throw new Error('hunter2')
        },
      },
    ],
  })
})
afterAll(() => server.stop())

const others: TestServer[] = []
const start = async () => {
  const started = await startTestServer()
  others.push(started)
  return started
}
afterEach(async () => {
  await Promise.all(others.splice(0).map((each) => each.stop()))
})

it('answers /health as long as the process is alive', async () => {
  const response = await fetch(`${server.url}/health`)
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
})

it('answers /ready with 200, and with 503 and names when dependencies fail or do not answer in 2 s', async () => {
  const ready = await fetch(`${server.url}/ready`)
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }])
  isUnavailable = true
  const started = performance.now()
  const away = await fetch(`${server.url}/ready`)
  isUnavailable = false
  expect([away.status, await away.json()]).toEqual([503, { status: 'unavailable', away: ['postgres', 'jobs'] }])
  expect(performance.now() - started).toBeLessThan(2_500)
})

it('counts requests, operations and added metrics', async () => {
  await post(server.endpoint, { query: '{hello}' })
  await post(server.endpoint, { query: '{' })
  server.metrics.gauge('carillon_test_queue', 'Waiting.', async () => 42)
  server.metrics.gauge('carillon_test_away', 'Cannot be read.', () => Promise.reject(new Error('away')))
  server.metrics.counter('carillon_test_total', 'Counted.')(3)
  const response = await fetch(`${server.url}/metrics`)
  const text = await response.text()
  expect(response.headers.get('content-type')).toContain('text/plain')
  for (const line of [
    'carillon_operations_total{transport="http",code="OK"} 1',
    'carillon_operations_total{transport="http",code="QUERY_INVALID"} 1',
    'carillon_test_queue 42',
    'carillon_test_total 3',
    'carillon_http_request_seconds_count{route="/graphql",status="200"} 2',
    'process_resident_memory_bytes',
  ]) {
    expect(text).toContain(line)
  }
  expect(text).not.toMatch(/^carillon_test_away \d/m)
})

it('counts sockets by their close code, and those that clients choose by range', async () => {
  const mine = await start()
  for (const code of [1000, 3000, 3999, 4000, 4999]) {
    const socket = new WebSocket(mine.socketUrl, 'graphql-transport-ws')
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    socket.close(code)
    await new Promise((resolve) => socket.addEventListener('close', resolve))
  }
  const closes = async () => (await (await fetch(`${mine.url}/metrics`)).text()).match(/^carillon_socket_closes_total\{.*/gm)
  await expect
    .poll(closes)
    .toEqual(['1000"} 1', '3xxx"} 2', '4xxx"} 2'].map((rest) => `carillon_socket_closes_total{code="${rest}`))
})

it('serves routes, and masks what they throw', async () => {
  expect(await (await fetch(`${server.url}/`)).text()).toBe('home')
  const broken = await fetch(`${server.url}/broken`)
  const text = await broken.text()
  expect([broken.status, text.includes('hunter2'), text.includes('INTERNAL')]).toEqual([500, false, true])
})

it('shows GraphiQL to a browser: one page, compressed, with an ETag, that loads nothing from other servers', async () => {
  const ask = (headers: Record<string, string>) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
      get(server.endpoint, { headers: { accept: 'text/html,*/*', ...headers } }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      }).on('error', reject)
    })
  const br = await ask({ 'accept-encoding': 'gzip, br' })
  expect([br.status, br.headers['content-encoding'], br.headers['content-type']]).toEqual([200, 'br', 'text/html; charset=utf-8'])
  const html = brotliDecompressSync(br.body).toString()
  expect(br.body.length).toBeLessThan(html.length / 3)
  expect(html).toContain('window.carillonConnectionParams')
  expect(html).not.toMatch(/<(script|link|img)[^>]*(src|href)="https?:/)
  const zipped = await ask({ 'accept-encoding': 'gzip' })
  expect(gunzipSync(zipped.body).toString()).toBe(html)
  const again = await ask({ 'accept-encoding': 'br', 'if-none-match': String(br.headers['etag']) })
  expect([again.status, again.body.length]).toEqual([304, 0])
})

it('answers a client that offers to upgrade to HTTP/2 as if it had not', async () => {
  const headers = {
    'content-type': 'application/json',
    connection: 'Upgrade, HTTP2-Settings',
    upgrade: 'h2c',
    'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
  }
  const answer = await new Promise<[number | undefined, string]>((resolve, reject) => {
    request(server.endpoint, { method: 'POST', headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve([response.statusCode, text]))
    })
      .on('error', reject)
      .end(JSON.stringify({ query: '{hello}' }))
  })
  expect(answer).toEqual([200, '{"data":{"hello":"world"}}'])
})

it('answers a running request while it stops, announces that the connection closes, and accepts no new one', async () => {
  const mine = await start()
  const agent = new Agent({ keepAlive: true })
  const answer = new Promise<{ text: string; connection: string | undefined }>((resolve, reject) => {
    const body = JSON.stringify({ query: '{slow}' })
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const running = request(mine.endpoint, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve({ text, connection: response.headers.connection }))
    })
    running.on('error', reject)
    running.end(body)
  })
  await mine.begun.promise
  const drained = mine.server.drain()
  await expect(fetch(`${mine.url}/health`)).rejects.toThrow()
  mine.slow.resolve('done')
  expect(await answer).toEqual({ text: '{"data":{"slow":"done"}}', connection: 'close' })
  await drained
  agent.destroy()
})

it('ends event streams when it stops', async () => {
  const mine = await start()
  const response = await fetch(mine.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: 'subscription{ticks}' }),
  })
  const text = response.text()
  await until(() => mine.topic.count() === 1)
  await mine.server.drain()
  await text
  await until(() => mine.topic.count() === 0)
})

it('does not wait for clients that keep the connection of an ended stream open', async () => {
  const mine = await start()
  const agent = new Agent({ keepAlive: true })
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }
  await new Promise<void>((resolve, reject) => {
    request(mine.endpoint, { method: 'POST', agent, headers }, (response) => {
      response.resume()
      resolve()
    })
      .on('error', reject)
      .end(JSON.stringify({ query: 'subscription{ticks}' }))
  })
  const begun = performance.now()
  await mine.server.drain()
  expect(performance.now() - begun).toBeLessThan(2_000)
  agent.destroy()
})

it('rejects when the port is taken', async () => {
  const other = await start()
  const taken = await startTestServer()
  others.push(taken)
  await taken.server.drain()
  await expect(taken.server.listen(other.port, '127.0.0.1')).rejects.toThrow('EADDRINUSE')
})
