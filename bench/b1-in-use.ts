/**
 * B1 in use: broadcasts where PostgreSQL was given no time to look after its tables. Contacts were imported a moment before, or get one broadcast
 * after the other. Compared with the same broadcast where it had that time.
 */
import pg from 'pg'
import { compare, exactly, type Measured, median, type Row } from './harness.ts'
import { type BenchServer, graphql, newProject, type Stack, secrets } from './stack.ts'

/** Contacts of one call. */
const IMPORT = 1_000
/** Broadcasts that a leg measures one by one. */
const MEASURED = 5

/** A server with a database and a project of its own. */
interface Own {
  readonly server: BenchServer
  /** Runs VACUUM and ANALYZE. */
  lookAfter(): Promise<unknown>
  importContacts(count: number): Promise<void>
  /** One broadcast to all contacts. @returns contacts per second, until it is in the feeds of all */
  broadcast(): Promise<number>
  stop(): Promise<void>
}

/** Autovacuum is off in it: elsewhere it comes once a minute. */
async function startOwn(stack: Stack): Promise<Own> {
  const url = await stack.database()
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  const call = (query: string, variables: object = {}) => graphql(server.url, project.key, query, variables)
  await call(
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ title: "{{ what }}", body: "Hello {{ firstName }}, the sale begins." }] }]) { key } }',
  )
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const table of ['contact', 'feed_state', 'notification', 'message', 'fanout', 'stat_delta'])
    await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`)
  let imported = 0
  return {
    server,
    lookAfter: () => client.query('VACUUM ANALYZE'),
    async importContacts(count) {
      for (let from = 0; from < count; from += IMPORT) {
        const contacts = Array.from({ length: Math.min(IMPORT, count - from) }, (_unused, index) => ({
          externalId: `c${imported + index}`,
          firstName: 'Somebody',
        }))
        imported += contacts.length
        await call('mutation($contacts: [UpsertContactInput!]!) { upsertContacts(contacts: $contacts) { inserted } }', {
          contacts,
        })
      }
    },
    async broadcast() {
      const begun = performance.now()
      const answer: { broadcast?: { transactionId: string } } = await call(
        'mutation { broadcast(input: { template: "bench", data: { what: "Sale" } }) { transactionId } }',
      )
      const of = [project.id, answer.broadcast?.transactionId]
      for (;;) {
        const { rows } = await client.query('SELECT status FROM fanout WHERE project_id = $1 AND transaction_id = $2', of)
        if (rows[0]?.status === 'DONE') break
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const seconds = (performance.now() - begun) / 1000
      const { rows } = await client.query(
        `SELECT count(*)::int AS total FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
          WHERE n.project_id = $1 AND n.transaction_id = $2 AND m.listed_seq IS NOT NULL`,
        of,
      )
      exactly('B1 rows in feeds', imported, rows[0]?.total)
      return imported / seconds
    },
    async stop() {
      await client.end()
      await server.stop()
    },
  }
}

/** Broadcasts several times. @returns the median rate */
async function broadcasts(own: Own): Promise<Measured> {
  const rates: number[] = []
  for (let count = 0; count < MEASURED; count++) rates.push(await own.broadcast())
  return { value: median(rates) }
}

/** Measures both. */
export async function b1InUse(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  let current: Own | undefined
  const own = (): Own => {
    if (current === undefined) throw new Error('No server was started')
    return current
  }
  const renew = async (): Promise<Own> => {
    await current?.stop()
    current = await startOwn(stack)
    return current
  }
  const common = { unit: 'rows/s', floor: 0.8, goal: 0.95, cpu: () => stack.cpu({ server: own().server })() }

  const fresh = quick ? 10_000 : 100_000
  const afterImport = await compare(
    {
      ...common,
      name: `B1 after an import of ${fresh.toLocaleString('en')}`,
      a: 'a broadcast at once',
      b: 'the same after VACUUM ANALYZE',
      async prepare() {
        const { importContacts, broadcast, lookAfter } = await renew()
        await importContacts(20)
        // What is planned now is planned for small tables, and kept.
        await lookAfter()
        for (let count = 0; count < 10; count++) await broadcast()
        await importContacts(fresh)
        await stack.checkpoint()
      },
      runA: async () => ({ value: await own().broadcast() }),
      async runB() {
        await own().lookAfter()
        return { value: await own().broadcast() }
      },
    },
    quick ? 3 : 5,
    print,
  )

  const [same, times] = quick ? [2_000, 20] : [10_000, 50]
  const onAndOn = await compare(
    {
      ...common,
      name: `B1 ${times} times to the same ${same.toLocaleString('en')}`,
      a: 'the last five',
      b: 'the first five',
      async prepare() {
        const { importContacts, broadcast } = await renew()
        await importContacts(same)
        await broadcast()
      },
      async runA() {
        for (let count = MEASURED; count < times; count++) await own().broadcast()
        return broadcasts(own())
      },
      runB: () => broadcasts(own()),
    },
    quick ? 2 : 4,
    print,
  )
  await current?.stop()
  return [afterImport, onAndOn]
}
