/** B8: calls of `sendMessages` per second, each with one recipient and an id, accepted durably; one in ten repeats an earlier id. */
import pg from 'pg'
import { compare, exactly, type Measured, quantile, type Row } from './harness.ts'
import { load, request } from './load.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

const CONCURRENCY = 64

/** Runs B8: requests per second. */
export async function b8(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row> {
  const requests = quick ? 2_500 : 20_000
  const url = await stack.database()
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const yoga = await stack.script('bench/yoga.ts', {})
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ title: "Hello", body: "Number {{ n }}" }] }]) { key } }',
  )
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  pool.on('error', () => {})
  await pool.query(
    'CREATE TABLE bare_a (id uuid PRIMARY KEY, key text UNIQUE, data jsonb); CREATE TABLE bare_b (id uuid PRIMARY KEY, a uuid, body text); CREATE TABLE bare_c (id uuid PRIMARY KEY, n int)',
  )
  let run = 0

  async function ours(): Promise<Measured> {
    run++
    const before = await count(pool)
    let next = 0
    let accepted = 0
    let repeated = 0
    const query = 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok error { code } } } }'
    const done = await load(
      server.url,
      CONCURRENCY,
      () => {
        const n = next++
        if (n >= requests) return null
        // One in ten repeats an id that was sent well before it.
        const id = n % 10 === 9 && n > 500 ? n - 401 : n
        const message = { id: `r${run}-${id}`, template: 'bench', contact: { externalId: `c${id % 1_000}` }, data: { n: id } }
        return request(server.url, project.key, JSON.stringify({ query, variables: { m: [message] } }))
      },
      (body) => {
        if (body.includes('"ok":true')) accepted++
        else if (body.includes('ID_EXISTS')) repeated++
        else throw new Error(body)
      },
    )
    exactly('B8 answers', requests, accepted + repeated)
    exactly('B8 stored', accepted, (await count(pool)) - before)
    return { value: done.count / done.seconds, extra: { 'p50 ms': quantile(done.latencies, 0.5) } }
  }

  async function constant(): Promise<number> {
    let next = 0
    const body = JSON.stringify({
      query: 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok } } }',
      variables: { m: [{ id: 'x', template: 'bench' }] },
    })
    const text = request(yoga.ready, 'none', body)
    const done = await load(
      yoga.ready,
      CONCURRENCY,
      () => (next++ < requests ? text : null),
      () => {},
    )
    return done.count / done.seconds
  }

  async function threeRows(): Promise<number> {
    let next = 0
    const begun = performance.now()
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await pool.connect()
        for (let n = next++; n < requests; n = next++) {
          const id = crypto.randomUUID()
          await client.query('BEGIN')
          await client.query({ name: 'a', text: 'INSERT INTO bare_a VALUES ($1, $2, $3)', values: [id, id, '{"n":1}'] })
          await client.query({
            name: 'b',
            text: 'INSERT INTO bare_b VALUES ($1, $2, $3)',
            values: [crypto.randomUUID(), id, 'Number 1'],
          })
          await client.query({ name: 'c', text: 'INSERT INTO bare_c VALUES ($1, $2)', values: [crypto.randomUUID(), n] })
          await client.query('COMMIT')
        }
        client.release()
      }),
    )
    return requests / ((performance.now() - begun) / 1000)
  }

  const row = await compare(
    {
      name: 'B8 accept',
      a: 'sendMessages over HTTP',
      b: 'min(yoga constant, pg three rows)',
      unit: 'requests/s',
      floor: 0.45,
      goal: 1,
      prepare: stack.checkpoint,
      cpu: stack.cpu({ server, yoga }),
      runA: ours,
      runB: async () => ({ value: Math.min(await constant(), await threeRows()) }),
    },
    6,
    print,
  )
  await pool.end()
  await server.stop()
  await yoga.stop()
  return row
}

const count = async (pool: pg.Pool): Promise<number> =>
  Number((await pool.query('SELECT count(*) AS n FROM notification')).rows[0]?.n)
