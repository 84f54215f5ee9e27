/**
 * B7: a page of a feed with the unseen count over HTTP, compared with a GraphQL server that has a constant answer and with bare SQL; and as
 * feeds grow.
 */
import pg from 'pg'
import { progressBar } from './bar.ts'
import { compare, exactly, type Measured, quantile, type Row } from './harness.ts'
import { load, request } from './load.ts'
import { type BenchServer, graphql, newProject, type Stack, secrets } from './stack.ts'

const CONCURRENCY = 16
const PAGE = 20
const FILL_CHUNK = 50_000
/** Requests before measuring: a process that has just started still compiles code. */
const WARM_UP = 2_000
const million = 1_000_000

const query = `query($first: Int, $after: String) {
  feed(contact: "one", first: $first, after: $after) {
    nodes { id title body url sentAt seenAt readAt } pageInfo { endCursor hasNextPage } unseenCount
  }
}`
const badge = '{ feed(contact: "one", first: 1) { unseenCount } }'

/** A server with one contact, whose feed has `size` messages. */
interface Feed {
  readonly size: number
  readonly server: BenchServer
  readonly pool: pg.Pool
  readonly projectId: string
  readonly contactId: string
  /** the cursor of the middle of the feed */
  readonly middle: string
  /** the JSON body of a request for a page */
  body(first: number, after: string | null): string
  /** the whole HTTP request with that body */
  text(body: string): string
}

/** Runs B7: requests per second, and how the latency grows with the size of the feed. */
export async function b7(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const sizes = quick ? [10, 10_000] : [10, 10_000, million]
  // A database and a server each, all at the same time: a large feed is measured in turns with the small one.
  const feeds: Feed[] = []
  for (const size of sizes) feeds.push(await createFeed(stack, size))
  const [small] = feeds
  const usual = feeds[1]
  const large = feeds.at(-1)
  if (small === undefined || usual === undefined || large === undefined) throw new Error('There are no feeds')
  for (const feed of feeds) await pages(feed.server.url, feed.text(feed.body(PAGE, feed.middle)), WARM_UP, CONCURRENCY)
  const rows: Row[] = []

  const single = quick ? 200 : 1_000
  const grows = async (name: string, limit: number, a: [string, Feed, string], b: [string, Feed, string]): Promise<void> => {
    const common = { name, unit: 'ms', lowerIsBetter: true, floor: limit, goal: 1, prepare: stack.checkpoint }
    const servers = { 'server A': a[1].server, ...(a[1] === b[1] ? {} : { 'server B': b[1].server }) }
    const leg =
      ([, feed, body]: [string, Feed, string]) =>
      async (): Promise<Measured> => ({
        value: quantile((await pages(feed.server.url, feed.text(body), single, 1)).latencies, 0.5),
      })
    rows.push(
      await compare({ ...common, a: a[0], b: b[0], cpu: stack.cpu(servers), runA: leg(a), runB: leg(b) }, quick ? 4 : 6, print),
    )
  }
  const named = (feed: Feed): string => feed.size.toLocaleString('en')
  for (const feed of feeds.slice(1)) {
    // Ten, since the small feed has no more.
    const [page, least] = [feed.body(10, null), small.body(10, null)]
    await grows(`B7 p50, feed of ${named(feed)}`, 1.5, [`of ${named(feed)}`, feed, page], [`of ${named(small)}`, small, least])
    const count = JSON.stringify({ query: badge })
    await grows(`B7 unseen count, ${named(feed)}`, 1.5, [`of ${named(feed)}`, feed, count], [`of ${named(small)}`, small, count])
  }
  const places = [large.body(PAGE, large.middle), large.body(PAGE, null)] as const
  await grows(`B7 p50, deep in ${named(large)}`, 2, ['page in the middle', large, places[0]], ['first page', large, places[1]])
  // Last: so many requests optimise this server's code further than that of the others.
  rows.unshift(...(await compareRate(stack, usual, quick, print)))
  for (const { pool, server } of feeds) {
    await pool.end()
    await server.stop()
  }
  return rows
}

/** Sends a request `requests` times. Every answer must be as long as the first one. @throws Error otherwise */
async function pages(url: string, text: string, requests: number, concurrency: number) {
  let next = 0
  let length: number | null = null
  const done = await load(
    url,
    concurrency,
    () => (next++ < requests ? text : null),
    (body) => {
      length ??= body.length
      if (body.length !== length || body.includes('"errors"')) throw new Error(`Void: B7 answer: ${body.slice(0, 500)}`)
    },
  )
  exactly('B7 answers', requests, done.count)
  return { ...done, length: Number(length) }
}

/** The rate of requests, compared with stock yoga and with `pg`. */
async function compareRate(stack: Stack, feed: Feed, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const requests = quick ? 700 : 10_000
  const pairs = quick ? 4 : 6
  const body = feed.body(PAGE, feed.middle)
  const response = await fetch(`${feed.server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: /Bearer \S+/.exec(feed.text(body))?.[0] ?? '' },
    body,
  })
  const answer = await response.text()
  const { data } = JSON.parse(answer)
  exactly('B7 messages of a page', PAGE, data.feed.nodes.length)
  exactly('B7 badge', feed.size, data.feed.unseenCount)
  const yoga = await stack.script('bench/yoga.ts', { FEED: JSON.stringify(data.feed) })

  await pages(yoga.ready, request(yoga.ready, 'none', body), WARM_UP, CONCURRENCY)

  async function http(url: string, text: string): Promise<Measured> {
    const done = await pages(url, text, requests, CONCURRENCY)
    exactly('B7 bytes of an answer', answer.length, done.length)
    return { value: done.count / done.seconds, extra: { 'p50 ms': quantile(done.latencies, 0.5) } }
  }
  async function statement(): Promise<Measured> {
    const values = [feed.projectId, feed.contactId, feed.size / 2 + 1]
    let next = 0
    const begun = performance.now()
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        while (next++ < requests) {
          const { rows } = await feed.pool.query({
            name: 'bare-feed',
            text: `SELECT m.id, m.title, m.body, m.url, m.sent_at, m.seen_at, m.read_at, m.listed_seq, s.counts
              FROM feed_state s JOIN message m USING (project_id, contact_id)
              WHERE s.project_id = $1 AND s.contact_id = $2 AND m.channel = 'IN_APP' AND m.listed_seq < $3 ORDER BY m.listed_seq DESC LIMIT 21`,
            values,
          })
          exactly('B7 bare rows', PAGE + 1, rows.length)
        }
      }),
    )
    return { value: requests / ((performance.now() - begun) / 1000) }
  }

  const common = {
    a: 'feed(first: 20, after) and unseenCount',
    unit: 'requests/s',
    floor: 0.5,
    goal: 0.8,
    prepare: stack.checkpoint,
    cpu: stack.cpu({ server: feed.server, yoga }),
    runA: () => http(feed.server.url, feed.text(body)),
  }
  const constant = () => http(yoga.ready, request(yoga.ready, 'none', body))
  const rows = [
    await compare({ ...common, name: 'B7 feed (a)', b: 'yoga, constant, same bytes', runB: constant }, pairs, print),
    await compare({ ...common, name: 'B7 feed (b)', b: 'pg, keyset statement', runB: statement }, pairs, print),
  ]
  await yoga.stop()
  return rows
}

/** Creates a contact with `size` messages, none of them seen, on a server and a database of its own. */
async function createFeed(stack: Stack, size: number): Promise<Feed> {
  const url = await stack.database()
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ body: "{{ n }}" }] }]) { key } upsertContacts(contacts: [{ externalId: "one" }]) { inserted } }',
  )
  const pool = new pg.Pool({ connectionString: url, max: CONCURRENCY })
  pool.on('error', () => {})
  const contactId: string = (await pool.query('SELECT id FROM contact WHERE project_id = $1', [project.id])).rows[0]?.id
  const bar = progressBar(`  B7 filling ${size.toLocaleString('en')}`, size)
  const fill = async (from: number, to: number): Promise<void> => {
    for (let first = from; first <= to; first += FILL_CHUNK) {
      const last = Math.min(to, first + FILL_CHUNK - 1)
      await pool.query(
        `WITH r AS MATERIALIZED (SELECT n, uuidv7() AS id, uuidv7() AS notification_id FROM generate_series($3::int, $4::int) n),
         t AS (SELECT id FROM template WHERE project_id = $1),
         n AS (
           INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, data, channels)
           SELECT $1, r.notification_id, 'b7', t.id, $2, '{}', '{IN_APP}' FROM r, t)
         INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, sent_at, delivered_at, feed, title, body, url, template_id,
           arrived_seq, listed_seq, changed_seq, change_kind)
         SELECT $1, r.id, r.notification_id, $2, 'IN_APP', 'DELIVERED', now(), now(), 'default', 'Your order', 'Parcel ' || lpad(n::text, 7, '0') || ' is on its way.',
           'https://example.com/orders/' || lpad(n::text, 7, '0'), t.id, n, n, n, 'RECEIVED' FROM r, t ORDER BY n`,
        [project.id, contactId, first, last],
      )
      bar.show(last)
    }
    await pool.query(
      `UPDATE feed_state SET feed_seq = $3::int, counts = jsonb_build_object('default', jsonb_build_array($3::int, $3::int)) WHERE project_id = $1 AND contact_id = $2`,
      [project.id, contactId, to],
    )
  }
  // A cursor can't be made up: the one of the middle is read when half of the messages are there.
  await fill(1, size / 2 + 1)
  const half: { feed?: { edges: { cursor: string }[] } } = await graphql(
    server.url,
    project.key,
    '{ feed(contact: "one", first: 1) { edges { cursor } } }',
  )
  await fill(size / 2 + 2, size)
  bar.clear()
  await pool.query('VACUUM ANALYZE')
  return {
    size,
    server,
    pool,
    projectId: project.id,
    contactId,
    middle: half.feed?.edges[0]?.cursor ?? '',
    body: (first, after) => JSON.stringify({ query, variables: { first, after } }),
    text: (body) => request(server.url, project.key, body),
  }
}
