/** B2: the delivery pipeline: claim, decide, render, a provider that does nothing, and the outcome written durably. */
import { Queue, Worker } from 'bullmq'
import pg from 'pg'
import { compare, exactly, type Measured, type Row } from './harness.ts'
import { drained, fillQueue } from './queue.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

const CONCURRENCY = 100

/** Runs B2: messages per second, compared with BullMQ and with bare SQL. The former needs a redis-server on PATH. */
export async function b2(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const messages = quick ? 5_000 : 30_000
  const url = await stack.database()
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    `mutation {
      upsertTemplates(templates: [{ key: "bench", email: [{ subject: "Number {{ n }}", text: "Hello {{ firstName }}, this is {{ n }}." }] }]) { key }
      configureProviders(providers: [{ key: "none", channel: EMAIL, kind: "capture", settings: {} }]) { key }
    }`,
  )
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  await pool.query(
    'CREATE TABLE bare (id uuid PRIMARY KEY, status text, due_at timestamptz, body text); CREATE INDEX ON bare (due_at) WHERE status = $$due$$',
  )
  let run = 0

  async function ours(): Promise<Measured> {
    const transactionId = `b2-${++run}`
    await fillQueue(pool, project.id, transactionId, messages)
    const { seconds, sent } = await drained(pool, project.id, transactionId)
    exactly('B2 sent', messages, sent)
    return { value: messages / seconds }
  }

  async function bareSql(): Promise<Measured> {
    await pool.query('TRUNCATE bare')
    await pool.query(`INSERT INTO bare SELECT uuidv7(), 'due', now(), 'Number ' || n FROM generate_series(1, $1::int) n`, [
      messages,
    ])
    const begun = performance.now()
    let done = 0
    const client = await pool.connect()
    while (done < messages) {
      const { rows } = await client.query({
        name: 'claim',
        text: `UPDATE bare SET status = 'taken', due_at = now() + interval '1 minute' WHERE id IN (
          SELECT id FROM bare WHERE status = 'due' AND due_at <= now() ORDER BY due_at LIMIT 500 FOR UPDATE SKIP LOCKED) RETURNING id, body`,
      })
      await client.query({
        name: 'ack',
        text: `UPDATE bare SET status = 'sent', due_at = NULL WHERE id = ANY($1::uuid[])`,
        values: [rows.map((row) => row.id)],
      })
      done += rows.length
    }
    client.release()
    return { value: messages / ((performance.now() - begun) / 1000) }
  }

  const { redisUrl } = stack
  async function bullmq(): Promise<Measured> {
    const { hostname, port } = new URL(redisUrl ?? '')
    const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
    const queue = new Queue(`b2-${++run}`, { connection })
    for (let n = 0; n < messages; n += 1_000) {
      await queue.addBulk(
        Array.from({ length: 1_000 }, (_unused, index) => ({
          name: 'send',
          data: { n: n + index },
          opts: { removeOnComplete: false },
        })),
      )
    }
    let done = 0
    const finished = Promise.withResolvers<void>()
    const begun = performance.now()
    const worker = new Worker(queue.name, async () => null, { connection, concurrency: CONCURRENCY })
    worker.on('completed', () => {
      if (++done === messages) finished.resolve()
    })
    await finished.promise
    const value = messages / ((performance.now() - begun) / 1000)
    await worker.close()
    await queue.obliterate({ force: true })
    await queue.close()
    return { value }
  }

  const pairs = 6
  const rows: Row[] = []
  const common = {
    a: 'claim, decide, render, capture, settle',
    unit: 'messages/s',
    prepare: stack.checkpoint,
    cpu: stack.cpu({ server }),
    runA: ours,
  }
  if (redisUrl === null) print('  B2 against BullMQ is left out: there is no redis-server on PATH')
  else
    rows.push(
      await compare({ ...common, name: 'B2 pipeline (a)', b: 'BullMQ, no-op', floor: 1, goal: 2, runB: bullmq }, pairs, print),
    )
  rows.push(
    await compare(
      { ...common, name: 'B2 pipeline (b)', b: 'SQL claim and ack by 500', floor: 0.15, goal: 0.4, runB: bareSql },
      pairs,
      print,
    ),
  )
  await pool.end()
  await server.stop()
  return rows
}
