/** Many calls that share contacts: no deadlock, exact counts, numbers without a gap. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, MarkAs, SendBare } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let other: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  other = await app.another()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

it('fifty parallel batches over the same twenty contacts, in every order, through two servers', async () => {
  const contacts = times(20, (n) => `shared-${n}`)
  const clients = [project.api, other.client(`Bearer ${project.apiKey}`)]
  const shuffled = (seed: number) =>
    contacts.toSorted(
      (a, b) => ((a.length * 7 + Number(a.slice(7)) * seed) % 23) - ((b.length * 7 + Number(b.slice(7)) * seed) % 23),
    )
  const results = await Promise.all(
    times(50, async (n) => {
      const messages = shuffled(n + 1).map((externalId) => ({
        template: 'note',
        contact: { externalId, email: `${externalId}@example.com` },
        data: { n },
      }))
      const client = clients[n % 2] ?? project.api
      const [sent] = await Promise.all([
        client.do(SendBare, { messages }),
        // Marks and sends lock the same rows.
        n % 5 === 0 && n > 0 ? client.ask(MarkAs, { contact: contacts[n % 20], all: {}, seen: true }) : null,
      ])
      return sent.sendMessages.results
    }),
  )
  expect(results.flat().every((result) => result.ok)).toBe(true)
  for (const contact of contacts) {
    const { feed } = await project.api.do(Feed, { contact })
    expect(feed).toMatchObject({ totalCount: 50, unreadCount: 50 })
  }
  // Where nobody marked, each message took exactly one number.
  const gaps: { feeds: number; wrong: number }[] = await app.app.prisma.$queryRaw`
    SELECT count(*)::int AS feeds, (count(*) FILTER (WHERE s.feed_seq <> (SELECT count(*) FROM message m WHERE m.contact_id = s.contact_id)))::int AS wrong
    FROM feed_state s JOIN contact c ON c.id = s.contact_id WHERE c.external_id LIKE 'shared-%' AND s.all_marked_seq = 0`
  expect(gaps[0]?.wrong).toBe(0)
  expect(gaps[0]?.feeds).toBeGreaterThan(10)
  const twice: { n: number }[] = await app.app.prisma.$queryRaw`
    SELECT count(*)::int AS n FROM (SELECT contact_id, arrived_seq FROM message GROUP BY 1, 2 HAVING count(*) > 1) x`
  expect(twice[0]?.n).toBe(0)
})

it('writes a call with one message in no transaction with hundreds of others', async () => {
  const message = (externalId: string) => ({ template: 'note', contact: { externalId }, data: { n: 1 } })
  const many = (round: number) => times(30, (n) => message(`many-${round}-${n}`))
  await Promise.all(
    times(10, async (round) => {
      await project.api.do(SendBare, { messages: [message('alone')] })
      await Promise.all([
        project.api.do(SendBare, { messages: many(round) }),
        project.api.do(SendBare, { messages: [message('alone')] }),
      ])
    }),
  )
  // Rows of one transaction have the same xmin.
  const sql = new pg.Client({ connectionString: app.databaseUrl })
  await sql.connect()
  const { rows } = await sql.query(
    `SELECT count(*)::int AS shared FROM notification a JOIN contact c ON c.id = a.contact_id AND c.external_id = 'alone'
     WHERE EXISTS (SELECT FROM notification b JOIN contact d ON d.id = b.contact_id AND d.external_id LIKE 'many-%' WHERE b.xmin = a.xmin)`,
  )
  await sql.end()
  expect(rows).toEqual([{ shared: 0 }])
})

it('G7: messages of other projects go out while all transactions that accept wait for a lock', async () => {
  const single = await startTestApp()
  const [busy, neighbour] = [await newShop(single, null), await newShop(single, null)]
  const note = (n: number) => ({ template: 'note', contact: { externalId: 'locked' }, data: { n } })
  await busy.api.do(SendBare, { messages: [note(0)] })
  const sql = new pg.Client({ connectionString: single.databaseUrl })
  await sql.connect()
  const mail = { template: 'order', contact: { externalId: 'n', email: 'n@example.com' }, channels: ['EMAIL' as const] }
  await neighbour.api.do(SendBare, { messages: [{ ...mail, sendAt: new Date(Date.now() + 1_500).toISOString() }] })
  await sql.query('BEGIN')
  await sql.query(
    `SELECT 1 FROM feed_state s JOIN contact c ON c.id = s.contact_id WHERE c.external_id = 'locked' FOR UPDATE OF s`,
  )
  const calls: Promise<unknown>[] = []
  try {
    for (const size of [1, 1, 1, 1, 1, 30, 30, 30]) {
      calls.push(busy.api.do(SendBare, { messages: times(size, note) }))
      await sleep(60)
    }
    await until(
      'it has gone out',
      async () => {
        const found: { n: number }[] = await single.app.prisma.$queryRaw`
          SELECT count(*)::int AS n FROM message WHERE project_id = ${neighbour.id}::uuid AND status = 'SENT'`
        return found[0]?.n === 1
      },
      4_000,
    )
  } finally {
    await sql.query('ROLLBACK')
    await sql.end()
    await Promise.all(calls)
    await single.stop()
  }
}, 30_000)
