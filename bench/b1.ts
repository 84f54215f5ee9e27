/**
 * B1: one broadcast, from the mutation until the message is in the feed of every contact, compared with bare `pg` writing the same rows.
 */
import pg from 'pg'
import { systemClock } from '../src/domain/clock.ts'
import { createIds } from '../src/domain/ids.ts'
import { b1InUse } from './b1-in-use.ts'
import { progressBar } from './bar.ts'
import { compare, exactly, type Measured, type Row, residentBytes } from './harness.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

/** Contacts per transaction of the bare leg. */
const BARE_CHUNK = 5_000
const MEGABYTE = 2 ** 20
const million = 1_000_000

interface Size {
  readonly contacts: number
  readonly pairs: number
}

/** Runs B1 at each size, prints how the time per row, the time of the mutation and the memory grow with the size, and runs it in use. */
export async function b1(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const sizes: Size[] = quick
    ? [
        { contacts: 10_000, pairs: 4 },
        { contacts: 100_000, pairs: 2 },
      ]
    : [
        { contacts: 10_000, pairs: 6 },
        { contacts: 100_000, pairs: 4 },
        { contacts: million, pairs: 2 },
      ]
  const rows: Row[] = []
  for (const size of sizes) rows.push(await measure(stack, size, print))
  const [first] = rows
  for (const [index, row] of rows.entries()) {
    if (first === undefined || index === 0) continue
    const growth = first.medianA / row.medianA
    const bare = first.medianB / row.medianB
    const answer = (row.extra['answer ms'] ?? Number.NaN) / (first.extra['answer ms'] ?? Number.NaN)
    print(
      `  B1 growth to ${sizes[index]?.contacts.toLocaleString('en')}: time per row x${growth.toFixed(2)} (bare x${bare.toFixed(2)}, at most 1.8), ` +
        `answer x${answer.toFixed(2)} (at most 1.5), memory ${(row.extra['RSS MB'] ?? Number.NaN).toFixed(0)} MB (at most 64 more)`,
    )
  }
  return [...rows, ...(await b1InUse(stack, quick, print))]
}

async function measure(stack: Stack, { contacts, pairs }: Size, print: (line: string) => void): Promise<Row> {
  const url = await stack.database()
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ title: "{{ what }}", body: "Hello {{ firstName }}, the sale begins." }] }]) { key } }',
  )
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  const ids = createIds(systemClock)
  const contactIds: string[] = []
  for (let from = 0; from < contacts; from += BARE_CHUNK) {
    const chunk = Array.from({ length: Math.min(BARE_CHUNK, contacts - from) }, () => ids())
    contactIds.push(...chunk)
    await pool.query(
      `WITH c AS (INSERT INTO contact (project_id, id, external_id, first_name)
         SELECT $1::uuid, id, 'c' || id, 'Somebody' FROM unnest($2::uuid[]) id RETURNING project_id, id)
       INSERT INTO feed_state (project_id, contact_id) SELECT project_id, id FROM c`,
      [project.id, chunk],
    )
  }
  const templateId = (await pool.query('SELECT id FROM template WHERE project_id = $1', [project.id])).rows[0]?.id
  await pool.query('ANALYZE')
  const bar = progressBar(`  B1 ${contacts.toLocaleString('en')}`, contacts)
  const readable = async (): Promise<number> =>
    (
      await pool.query(`SELECT count(*)::int AS total FROM message WHERE project_id = $1 AND listed_seq IS NOT NULL`, [
        project.id,
      ])
    ).rows[0]?.total

  async function ours(): Promise<Measured> {
    const before = residentBytes(server.pid)
    let most = before
    const begun = performance.now()
    const answer: { broadcast?: { transactionId: string } } = await graphql(
      server.url,
      project.key,
      'mutation { broadcast(input: { template: "bench", data: { what: "Sale" } }) { transactionId } }',
    )
    const answerMs = performance.now() - begun
    for (;;) {
      const { rows } = await pool.query('SELECT status, written FROM fanout WHERE project_id = $1 AND transaction_id = $2', [
        project.id,
        answer.broadcast?.transactionId,
      ])
      most = Math.max(most, residentBytes(server.pid))
      bar.show(rows[0]?.written)
      if (rows[0]?.status === 'DONE') break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const seconds = (performance.now() - begun) / 1000
    bar.clear()
    exactly('B1 rows in feeds', contacts, await readable())
    return { value: contacts / seconds, extra: { 'answer ms': answerMs, 'RSS MB': (most - before) / MEGABYTE } }
  }

  /** The same three tables, one transaction per chunk: arrays of the values that differ, and each constant once. */
  async function bare(): Promise<Measured> {
    const client = await pool.connect()
    const begun = performance.now()
    const now = new Date().toISOString()
    for (let from = 0; from < contacts; from += BARE_CHUNK) {
      const chunk = contactIds.slice(from, from + BARE_CHUNK)
      const notifications = chunk.map(() => ids())
      const messages = chunk.map(() => ids())
      const bodies = chunk.map(() => 'Hello Somebody, the sale begins.')
      await client.query('BEGIN')
      await client.query({
        name: 'bare-notifications',
        text: `INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, data, channels, created_at)
          SELECT $1::uuid, id, 'bare', $2::uuid, contact_id, '{"what": "Sale"}', '{IN_APP}', $3::timestamptz FROM unnest($4::uuid[], $5::uuid[]) AS r (id, contact_id)`,
        values: [project.id, templateId, now, notifications, chunk],
      })
      await client.query({
        name: 'bare-messages',
        text: `INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, history, created_at, updated_at, sent_at, delivered_at,
            feed, title, body, actions, template_id, arrived_seq, listed_seq, changed_seq, change_kind)
          SELECT $1::uuid, id, notification_id, contact_id, 'IN_APP', 'DELIVERED', $3::jsonb, $4::timestamptz, $4, $4, $4, 'default', 'Sale', body, '[]', $2::uuid,
            1, 1, 1, 'RECEIVED' FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::text[]) AS r (id, notification_id, contact_id, body)`,
        values: [project.id, templateId, JSON.stringify([['DELIVERED', now, null]]), now, messages, notifications, chunk, bodies],
      })
      await client.query({
        name: 'bare-states',
        text: `UPDATE feed_state SET feed_seq = 1, counts = '{"default": [1, 1]}' WHERE project_id = $1 AND contact_id = ANY($2::uuid[])`,
        values: [project.id, chunk],
      })
      await client.query('COMMIT')
      bar.show(from + chunk.length)
    }
    const value = contacts / ((performance.now() - begun) / 1000)
    bar.clear()
    client.release()
    exactly('B1 bare rows', contacts, await readable())
    return { value }
  }

  const row = await compare(
    {
      name: `B1 fan-out, ${contacts.toLocaleString('en')}`,
      a: 'one broadcast, until all feeds have it',
      b: 'pg, UNNEST by 5,000',
      unit: 'rows/s',
      floor: 0.75,
      goal: 0.95,
      async prepare() {
        await truncate(pool)
        await pool.query(`UPDATE feed_state SET feed_seq = 0, counts = '{}' WHERE project_id = $1`, [project.id])
        await pool.query('VACUUM ANALYZE feed_state')
        await stack.checkpoint()
      },
      cpu: stack.cpu({ server }),
      runA: ours,
      runB: bare,
    },
    pairs,
    print,
  )
  await pool.end()
  await server.stop()
  return row
}

/**
 * Empties the tables that a run wrote. The server queries them all the time, in another order; after a deadlock with that it tries again.
 */
async function truncate(pool: pg.Pool): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await pool.query('TRUNCATE notification, message, attempt, fanout')
      return
    } catch (error) {
      const isDeadlock = error instanceof Error && 'code' in error && error.code === '40P01'
      if (!isDeadlock || tries === 5) throw error
    }
  }
}
