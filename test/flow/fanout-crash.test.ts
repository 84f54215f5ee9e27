/** A send to many survives its workers: killed again and again in the middle of it, each contact is notified exactly once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { silentLog } from '../../src/log.ts'
import { addContacts } from '../helpers/contacts.ts'
import { UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast, Transaction } from '../helpers/operations-fanout.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const CONTACTS = FULL ? 200_000 : 20_000
const KILLS = FULL ? 10 : 3

let dir: string
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
const servers: ServerProcess[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-fanout-'))
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
})
afterAll(async () => {
  for (const server of servers) killTree(server.pid)
  await db.close()
  await database.drop()
  await rm(dir, { recursive: true, force: true })
})

it(`NV-42, F4: kill -9 ${KILLS} times in the middle of a broadcast to ${CONTACTS}: each contact has it once`, async () => {
  const secrets = newSecrets()
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ CARILLON_DIR: dir, DATABASE_URL: database.url, ...secrets })
    servers.push(server)
    return server
  }
  let server = await start()
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  await server.client(project.credential).do(UpsertTemplates, {
    templates: [{ key: 'news', inApp: [{ body: 'Hello {{ firstName }}' }], email: [{ subject: 'x', text: 'x' }] }],
  })
  await addContacts(db.pool, project.id, CONTACTS)
  const { broadcast } = await server.client(project.credential).do(Broadcast, { input: { template: 'news' } })
  const id = broadcast.transactionId
  const read = async () =>
    (
      await db.pool.query<{ written: number; status: string }>('SELECT written, status FROM fanout WHERE transaction_id = $1', [
        id,
      ])
    ).rows[0]

  let killedInTheMiddle = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    const goal = Math.floor((CONTACTS * kill) / (KILLS + 2))
    await until('it goes on', async () => ((await read())?.written ?? 0) >= goal, 120_000)
    killTree(server.pid)
    await server.exited
    if ((await read())?.status === 'RUNNING') killedInTheMiddle++
    server = await start()
  }
  expect(killedInTheMiddle).toBeGreaterThan(0)
  await until('it is written', async () => (await read())?.status === 'DONE', 180_000)

  const { rows } = await db.pool.query(
    `SELECT count(*)::int AS notifications, count(DISTINCT contact_id)::int AS contacts FROM notification WHERE transaction_id = $1`,
    [id],
  )
  expect(rows).toEqual([{ notifications: CONTACTS, contacts: CONTACTS }])
  const messages = await db.pool.query(
    `SELECT m.channel, m.status, count(*)::int AS total, min(m.arrived_seq)::int AS first, max(m.arrived_seq)::int AS last FROM message m
     WHERE m.project_id = $1 GROUP BY 1, 2 ORDER BY 1`,
    [project.id],
  )
  expect(messages.rows).toEqual([
    { channel: 'IN_APP', status: 'DELIVERED', total: CONTACTS, first: 1, last: 1 },
    { channel: 'EMAIL', status: 'SKIPPED', total: CONTACTS, first: null, last: null },
  ])
  const feeds = await db.pool.query('SELECT DISTINCT feed_seq::int AS seq, counts FROM feed_state WHERE project_id = $1', [
    project.id,
  ])
  expect(feeds.rows).toEqual([{ seq: 1, counts: { default: [1, 1] } }])
  const { transaction } = await server.client(project.credential).do(Transaction, { id })
  expect(transaction).toEqual({ transactionId: id, status: 'DONE', total: CONTACTS, done: CONTACTS, sent: CONTACTS, failed: 0 })
}, 400_000)
