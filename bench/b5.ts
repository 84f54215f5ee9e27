/** B5: the latency from a mutation to the frame at a subscriber, through two API processes, at fixed rates. */
import { Redis } from 'ioredis'
import pg from 'pg'
import { WebSocket } from 'ws'
import { compare, exactly, type Measured, quantile, type Row } from './harness.ts'
import { load, openPool, request } from './load.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

/** Kept-alive connections: the most requests that are under way at once. */
const CONNECTIONS = 32
const WARM_UP = 6_000
/** Mutations a second. */
const RATES = [1_000, 200] as const

/** Runs B5: p50 and p99 of the latency at each rate. Needs a redis-server on PATH; without one there are no rows. */
export async function b5(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const { redisUrl } = stack
  if (redisUrl === null) {
    print('  B5 is left out: there is no redis-server on PATH')
    return []
  }
  const seconds = quick ? 1.5 : 10
  const url = await stack.database()
  const keys = secrets()
  const env = { DATABASE_URL: url, REDIS_URL: redisUrl, ...keys }
  const [sender, holder] = [await stack.server(env, ['--role', 'api']), await stack.server(env, ['--role', 'api'])]
  const project = await newProject(sender.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    sender.url,
    project.key,
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ body: "{{ n }}" }] }]) { key } createContactToken(contact: "one") { token } }',
  )
  // A process that has just started still compiles code; that is not what is measured.
  await warmUp(sender.url, project.key)
  const chain = await stack.script('bench/chain.ts', { REDIS_URL: redisUrl })
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  pool.on('error', () => {})
  await pool.query('CREATE TABLE bare (id uuid PRIMARY KEY, body text)')
  const redis = new Redis(redisUrl)
  let run = 0

  /**
   * Calls `fire` so many times a second, and waits until `arrivals` has the time of every number.
   * @returns the latency of each, in milliseconds
   */
  async function paced(perSecond: number, fire: (n: number) => void, arrivals: { at: number[] }): Promise<number[]> {
    const total = Math.round(perSecond * seconds)
    const sentAt: number[] = []
    const begun = performance.now()
    for (let n = 0; n < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * perSecond) + 1)
      for (; n < due; n++) {
        sentAt[n] = performance.now()
        fire(n)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const got = () => Object.keys(arrivals.at).length
    for (let waitedMs = 0; got() < total && waitedMs < 10_000; waitedMs += 20)
      await new Promise((resolve) => setTimeout(resolve, 20))
    exactly('B5 arrivals', total, got())
    return sentAt.map((at, n) => (arrivals.at[n] ?? Number.NaN) - at)
  }

  async function ours(perSecond: number): Promise<Measured> {
    run++
    const contact = `b5-${run}`
    const made: Record<string, { token: string }> = await graphql(
      sender.url,
      project.key,
      'mutation($c: ID!) { createContactToken(contact: $c) { token } }',
      { c: contact },
    )
    const socket = new WebSocket(`${holder.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    const arrivals: { at: number[] } = { at: [] }
    await new Promise((resolve) => socket.once('open', resolve))
    const answer = () => new Promise((resolve) => socket.once('message', resolve))
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: made['createContactToken']?.token } }))
    await answer()
    socket.send(
      JSON.stringify({ id: 's', type: 'subscribe', payload: { query: 'subscription { messageReceived { message { body } } }' } }),
    )
    // A subscription without a cursor begins where the feed was when it was read: answers that are read from the database as well come later.
    const begun = '{ viewer { project { id createdAt } contact { id createdAt } } }'
    for (const id of ['a', 'b', 'c', 'd']) {
      const completed = new Promise<void>((resolve) => {
        const check = (text: WebSocket.RawData): void => {
          const message = JSON.parse(text.toString())
          if (message.id !== id || message.type !== 'complete') return
          socket.off('message', check)
          resolve()
        }
        socket.on('message', check)
      })
      socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: begun } }))
      await completed
    }
    socket.on('message', (text) => {
      const body = /"body":"(\d+)"/.exec(text.toString())?.[1]
      if (body !== undefined) arrivals.at[Number(body)] = performance.now()
    })
    const query = 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok } } }'
    const connections = await openPool(sender.url, CONNECTIONS, (body) => {
      if (!body.includes('"ok":true')) throw new Error(body)
    })
    const latencies = await paced(
      perSecond,
      (n) => {
        const message = { template: 'bench', contact: { externalId: contact }, data: { n } }
        connections.send(request(sender.url, project.key, JSON.stringify({ query, variables: { m: [message] } })))
      },
      arrivals,
    )
    connections.close()
    socket.close()
    return { value: quantile(latencies, 0.5), extra: { 'p99 ms': quantile(latencies, 0.99) } }
  }

  async function bare(perSecond: number): Promise<Measured> {
    const socket = new WebSocket(chain.ready)
    const arrivals: { at: number[] } = { at: [] }
    await new Promise((resolve) => socket.once('open', resolve))
    socket.on('message', (text) => {
      arrivals.at[Number(text.toString())] = performance.now()
    })
    const latencies = await paced(
      perSecond,
      (n) => {
        void pool
          .query({ name: 'bare', text: 'INSERT INTO bare VALUES ($1, $2)', values: [crypto.randomUUID(), String(n)] })
          .then(() => redis.publish('bench', String(n)))
      },
      arrivals,
    )
    socket.close()
    return { value: quantile(latencies, 0.5), extra: { 'p99 ms': quantile(latencies, 0.99) } }
  }

  const rows: Row[] = []
  for (const perSecond of RATES) {
    const p99: { a: number[]; b: number[] } = { a: [], b: [] }
    const common = {
      a: 'mutation to frame',
      b: 'pg insert, ioredis, ws',
      unit: 'ms',
      lowerIsBetter: true,
      prepare: stack.checkpoint,
      cpu: stack.cpu({ sender, holder, chain }),
    }
    const median = await compare(
      {
        ...common,
        name: `B5 p50 at ${perSecond}/s`,
        floor: 3,
        goal: 1.5,
        async runA() {
          const measured = await ours(perSecond)
          p99.a.push(measured.extra?.['p99 ms'] ?? Number.NaN)
          return measured
        },
        async runB() {
          const measured = await bare(perSecond)
          p99.b.push(measured.extra?.['p99 ms'] ?? Number.NaN)
          return measured
        },
      },
      6,
      print,
    )
    // The 99th percentile of the legs that ran already.
    let [a, b] = [0, 0]
    const slowest = await compare(
      {
        ...common,
        name: `B5 p99 at ${perSecond}/s`,
        floor: 5,
        goal: 2,
        prepare: async () => {},
        cpu: () => ({}),
        runA: async () => ({ value: p99.a[a++] ?? Number.NaN }),
        runB: async () => ({ value: p99.b[b++] ?? Number.NaN }),
      },
      p99.a.length,
      () => {},
    )
    rows.push(median, slowest)
  }
  redis.disconnect()
  await pool.end()
  await Promise.all([sender.stop(), holder.stop(), chain.stop()])
  return rows
}

async function warmUp(url: string, key: string): Promise<void> {
  let next = 0
  const query = 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok } } }'
  await load(
    url,
    CONNECTIONS,
    () => {
      if (next++ >= WARM_UP) return null
      const message = { template: 'bench', contact: { externalId: `w${next % 100}` }, data: { n: 'warm' } }
      return request(url, key, JSON.stringify({ query, variables: { m: [message] } }))
    },
    () => {},
  )
}
