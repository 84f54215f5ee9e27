/** `/metrics` and `/ready`: who may read them, and what reading them costs. */
import { afterEach, describe, expect, it } from 'vitest'
import { isLoopback, readConfig } from '../../src/config.ts'
import { createMetrics, type MetricsAccess } from '../../src/http/metrics.ts'
import { createWorkerServer } from '../../src/http/worker-server.ts'
import { silentLog } from '../../src/log.ts'
import { startTestServer } from '../helpers/test-server.ts'

const KEY = 'k'.repeat(16)
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()))
})

const checks = () => {
  const state = { count: 0 }
  const check = async () => {
    state.count += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { state, checks: [{ name: 'postgres', check }] }
}

async function startApi(metricsAccess: MetricsAccess) {
  const { state, checks: list } = checks()
  const server = await startTestServer({ metricsAccess, checks: list })
  stops.push(server.stop)
  return { url: server.url, metrics: server.metrics, state }
}

async function startWorker(metricsAccess: MetricsAccess) {
  const { state, checks: list } = checks()
  const metrics = createMetrics()
  const server = createWorkerServer({ keepAliveMs: 75_000, checks: list, metrics, metricsAccess, log: silentLog })
  const port = await server.listen(0, '127.0.0.1')
  stops.push(() => server.drain())
  return { url: `http://127.0.0.1:${port}`, metrics, state }
}

describe.each([
  ['an API process', startApi],
  ['a worker', startWorker],
])('%s', (_title, start) => {
  it.each<[string, MetricsAccess, string | null, number]>([
    ['open, without a key', 'open', null, 200],
    ['closed, without a key', 'closed', null, 401],
    ['closed, with any key', 'closed', `Bearer ${KEY}`, 401],
    ['with a key, without it', { key: KEY }, null, 401],
    ['with a key, with another', { key: KEY }, `Bearer ${KEY}x`, 401],
    ['with a key, with it', { key: KEY }, `Bearer ${KEY}`, 200],
    ['with a key, in lower case', { key: KEY }, `bearer ${KEY}`, 200],
  ])('answers /metrics: %s', async (_case, access, authorization, status) => {
    const { url } = await start(access)
    const answer = await fetch(`${url}/metrics`, { headers: authorization === null ? {} : { authorization } })
    const text = await answer.text()
    expect([answer.status, text.includes('process_resident_memory_bytes')]).toEqual([status, status === 200])
    if (status === 401) expect(text).toContain('"code":"UNAUTHENTICATED"')
  })

  it.each(['/health', '/health/', '//health', '/healthz', '/livez/', '/ready', '/readyz', '/readyz/?verbose'])(
    'answers %s, and keeps the connection for as long as is set',
    async (path) => {
      const { url } = await start('open')
      const answer = await fetch(url + path)
      expect([answer.status, answer.headers.get('keep-alive')]).toEqual([200, 'timeout=75'])
    },
  )

  it('counts rows once for 150 requests at once, and 150 more', async () => {
    const { url, metrics } = await start('open')
    let counted = 0
    const began = performance.now()
    metrics.gauge('carillon_test_rows', 'Rows.', async () => ++counted)
    const readAll = () => Promise.all(Array.from({ length: 150 }, async () => (await fetch(`${url}/metrics`)).text()))
    for (const text of [...(await readAll()), ...(await readAll())]) expect(text).toMatch(/^carillon_test_rows \d/m)
    expect(counted).toBeLessThanOrEqual(1 + (performance.now() - began) / 5_000)
  })

  it('checks its dependencies a few times for a thousand requests to /ready', async () => {
    const { url, state } = await start('open')
    const began = performance.now()
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/ready`)))
      expect(answers.every(({ status }) => status === 200)).toBe(true)
    }
    expect(state.count).toBeLessThanOrEqual(11 + (performance.now() - began) / 1_000)
  })
})

it('has a key of at least 16 characters', () => {
  expect(readConfig({ CARILLON_METRICS_KEY: KEY }, []).metricsKey).toBe(KEY)
  expect(readConfig({}, []).metricsKey).toBeNull()
  expect(() => readConfig({ CARILLON_METRICS_KEY: 'short' }, [])).toThrow('CARILLON_METRICS_KEY')
})

it.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['carillon.example', false],
])('takes %s for a loopback address: %s', (host, expected) => expect(isLoopback(host)).toBe(expected))
