/** Statistics survive crashes: the whole tree is killed while it sends, and the counts are those of the rows that are there. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { silentLog } from '../../src/log.ts'
import { ConfigureProviders, GetStats, SendBare, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { countsOf, readStats, recount } from '../helpers/recount.ts'
import { times } from '../helpers/setup.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const KILLS = FULL ? 8 : 2
const CONTACTS = FULL ? 2_000 : 400

let database: TestDatabase
let db: Database
const servers: ServerProcess[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
})
afterAll(async () => {
  for (const server of servers) killTree(server.pid)
  await db.close()
  await database.drop()
})

it(`are those of the rows after ${KILLS} kills in the middle of sending, at every kill and in the end`, async () => {
  const secrets = newSecrets()
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ DATABASE_URL: database.url, ...secrets })
    servers.push(server)
    return server
  }
  let server = await start()
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = () => server.client(project.credential)
  await api().do(ConfigureProviders, {
    providers: [
      { key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} },
      { key: 'text', channel: 'SMS', kind: 'capture', settings: {} },
    ],
  })
  await api().do(UpsertTemplates, {
    templates: [{ key: 'all', inApp: [{ body: 'b' }], email: [{ subject: 's', text: 't' }], sms: [{ body: 'b' }] }],
  })
  const contacts = times(CONTACTS, (n) => ({
    externalId: `c${n}`,
    email: `c${n}@example.com`,
    phone: n % 2 === 0 ? '+15005550006' : null,
  }))
  for (let from = 0; from < CONTACTS; from += 1_000) {
    await api().do(UpsertContacts, { contacts: contacts.slice(from, from + 1_000) })
  }
  const since = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000)
  const compare = async (): Promise<void> => {
    for (const channel of [null, 'EMAIL', 'SMS'] as const) {
      const filter = { templateId: null, channel }
      // What an aborted server had sent to PostgreSQL may commit between two reads.
      await until('the counts are those of the rows', async () => {
        const [kept, counted] = [
          await readStats(db.pool, project.id, filter, since),
          await recount(db.pool, project.id, filter, since),
        ]
        return JSON.stringify(kept) === JSON.stringify(counted)
      })
    }
  }
  const waiting = async (): Promise<number> => {
    const { rows } = await db.pool.query<{ n: number }>(
      `SELECT (SELECT count(*) FROM message WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING'))
        + (SELECT count(*) FROM fanout WHERE status IN ('ACCEPTED', 'RUNNING')) AS n`,
    )
    return rows[0]?.n ?? 0
  }
  for (let kill = 0; kill < KILLS; kill++) {
    await api().do(Broadcast, { input: { template: 'all', transactionId: `many-${kill}` } })
    await api().do(SendBare, { messages: times(50, (n) => ({ template: 'all', contact: { externalId: `c${n}` } })) })
    await until('some are sent', async () => {
      const { rows } = await db.pool.query<{ n: number }>(`SELECT count(*) AS n FROM message WHERE status = 'SENT'`)
      return (rows[0]?.n ?? 0) > kill * CONTACTS + 30
    })
    killTree(server.pid)
    await server.exited
    await compare()
    server = await start()
  }
  // Leases of the killed ones need not be waited for.
  await db.pool.query('UPDATE delivery SET lease_until = now() WHERE lease_until IS NOT NULL')
  await until('all is sent', async () => (await waiting()) === 0, 120_000)
  await compare()
  const { stats } = await api().do(GetStats, { last: 2 })
  const accepted = stats.days.reduce((sum, day) => sum + day.count, 0)
  expect(accepted).toBe(KILLS * (CONTACTS + 50))
  expect(stats.weeklySent).toBe(accepted)
  for (const kind of ['FANOUT', 'PROVIDER'] as const) {
    const { rows } = await db.pool.query<{ id: string }>(`SELECT id FROM ${kind.toLowerCase()} WHERE project_id = $1`, [
      project.id,
    ])
    for (const { id } of rows) {
      const { counted, recounted } = await countsOf(db.pool, project.id, kind, id)
      expect(counted.length).toBeGreaterThan(0)
      expect(counted).toEqual(recounted)
    }
  }
}, 300_000)
