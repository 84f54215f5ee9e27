/**
 * Where a channel has one provider that folds repeats, or two: what a crash binds to the first of them (G4), and what can still be stopped, in this
 * process or another.
 */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Cancel, ConfigureProviders, SendBare, SetPreference, UpsertTemplates } from '../helpers/operations.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { type SmtpFault, type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

/** Of each provider: two messages at once, and six whose outcome is not written. */
const PLACES = 2
const UNSETTLED = 3 * PLACES

let database: Awaited<ReturnType<typeof createTestDatabase>>
let pool: pg.Pool
let first: SmtpSink
let second: SmtpSink
const secrets = newSecrets()
const servers: ServerProcess[] = []
const start = async (...args: readonly string[]): Promise<ServerProcess> => {
  const server = await startProcess({ DATABASE_URL: database.url, ...secrets }, args)
  servers.push(server)
  return server
}

beforeAll(async () => {
  first = await startSmtp()
  second = await startSmtp()
})
beforeEach(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pool.on('error', () => {})
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    killTree(server.pid)
    await server.exited
  }
  first.script(null)
  await pool.end()
  await database.drop()
})
afterAll(async () => {
  await first.close()
  await second.close()
})

interface Row {
  readonly id: string
  readonly status: string
  readonly begun: boolean
}
const rowsOf = async (transactionId: string): Promise<Row[]> =>
  (
    await pool.query<Row>(
      `SELECT m.id, m.status, d.begun_at IS NOT NULL AS begun FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
       LEFT JOIN delivery d ON d.project_id = m.project_id AND d.message_id = m.id
       WHERE n.transaction_id = $1 ORDER BY m.id`,
      [transactionId],
    )
  ).rows

/**
 * A server whose first provider has sent ten mails quickly, and then does `fault`; the next thirty are with it, or wait for it. With one provider the
 * ten are sent one by one, so that the first claim of the thirty begins them all.
 */
async function stuck(fault: SmtpFault, providers: 1 | 2 = 2) {
  const server = await start()
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  const settings = (sink: SmtpSink) => ({
    ...{ host: '127.0.0.1', port: sink.port, from: 'shop@example.com', tlsVerify: false, maxConnections: PLACES / 2 },
  })
  await api.do(ConfigureProviders, {
    providers: [
      { key: 'first', channel: 'EMAIL' as const, kind: 'smtp', priority: 0, settings: settings(first) },
      { key: 'second', channel: 'EMAIL' as const, kind: 'smtp', priority: 1, settings: settings(second) },
    ].slice(0, providers),
  })
  await api.do(UpsertTemplates, { templates: [{ key: 'mail', email: [{ subject: 'Hello', text: '{{ n }}' }] }] })
  const send = (transactionId: string, count: number) =>
    api.do(SendBare, {
      messages: Array.from({ length: count }, (_unused, n) => ({
        ...{ template: 'mail', transactionId, data: { n } },
        contact: { externalId: transactionId, email: `${transactionId}@example.com` },
      })),
    })
  const had = first.messages.length
  const [count, calls] = providers === 1 ? [1, 10] : [10, 1]
  for (let n = 1; n <= calls; n++) {
    await send(`quick-${n}`, count)
    await until('the first provider is known to be quick', () => first.messages.length === had + n * count, 30_000)
    await until('it is written', async () => (await rowsOf(`quick-${n}`)).every((row) => row.status === 'SENT'), 30_000)
  }
  first.script(({ stage }) => (stage === 'dot' ? fault : undefined))
  await send('late', 30)
  await until('its places are taken', async () => (await rowsOf('late')).filter((row) => row.begun).length >= PLACES, 30_000)
  return { server, project, send }
}
const idsAt = (sink: SmtpSink): Set<string> => new Set(sink.messages.map((mail) => mail.messageId.replace(/@.*/, '')))

it('G4: after a kill, what may have begun keeps its provider, and all else takes the one that works', async () => {
  const { server } = await stuck('hang')
  killTree(server.pid)
  await server.exited
  const before = await rowsOf('late')
  const begun = before.filter((row) => row.begun).map((row) => row.id)
  expect(begun.length).toBeLessThanOrEqual(UNSETTLED)
  // The first provider is down from here on, and no lease is left.
  first.script(({ stage }) => (stage === 'connect' ? { reply: '421 down' } : undefined))
  await pool.query('UPDATE delivery SET lease_until = now() WHERE lease_until IS NOT NULL')
  await start()
  const others = before.map((row) => row.id).filter((id) => !begun.includes(id))
  await until('all else is sent', async () => others.every((id) => idsAt(second).has(id)), 60_000)
  expect(begun.filter((id) => idsAt(second).has(id))).toEqual([])
  first.script(null)
  // They wait for their next rounds, and for the breaker of the provider that was down.
  await until('the others are sent where they were', async () => begun.every((id) => idsAt(first).has(id)), 120_000)
  expect(begun.filter((id) => idsAt(second).has(id))).toEqual([])
  expect(others.filter((id) => idsAt(first).has(id))).toEqual([])
  await until('all is written', async () => (await rowsOf('late')).every((row) => row.status === 'SENT'), 30_000)
}, 240_000)

it('G4: after a kill between claim and send, with one provider, all is sent, and no more twice than was with it', async () => {
  const { server } = await stuck('hang', 1)
  killTree(server.pid)
  await server.exited
  const ids = (await rowsOf('late')).map((row) => row.id)
  first.script(null)
  const had = first.messages.length
  await pool.query('UPDATE delivery SET lease_until = now() WHERE lease_until IS NOT NULL')
  await start()
  await until('all is written', async () => (await rowsOf('late')).every((row) => row.status === 'SENT'), 60_000)
  const late = first.messages.slice(had).filter((mail) => ids.includes(mail.messageId.replace(/@.*/, '')))
  expect(ids.filter((id) => !idsAt(first).has(id))).toEqual([])
  expect(late.length).toBeLessThanOrEqual(ids.length)
}, 120_000)

it.each(['this', 'another'])(
  'G5: %s process stops what its only provider has no place for, though its claim has begun it',
  async (where) => {
    const { server, project, send } = await stuck({ delayMs: 3_000 }, 1)
    const asked = where === 'this' ? server : await start('--role', 'api')
    const api = asked.client(project.credential)
    await until(
      'what waits is postponed',
      async () => (await rowsOf('late')).filter((row) => row.begun).length <= UNSETTLED,
      2_000,
    )
    await api.do(SetPreference, { contact: 'late', channel: 'EMAIL', enabled: false })
    const canceling = api.do(Cancel, { transactionId: 'late' })
    first.script(null)
    const { cancel } = await canceling
    const sent = idsAt(first).size
    const late = await rowsOf('late')
    expect(late.filter((row) => ['QUEUED', 'SENDING', 'SCHEDULED'].includes(row.status))).toEqual([])
    expect(cancel.alreadySentCount).toBeLessThanOrEqual(UNSETTLED)
    await send('after', 30)
    await until(
      'what was sent afterwards has arrived',
      async () => (await rowsOf('after')).every((row) => row.status === 'SENT'),
      60_000,
    )
    expect(idsAt(first).size).toBe(sent + 30)
    expect(await rowsOf('late')).toEqual(late)
  },
  120_000,
)

it('G5: another process stops what waits for its turn: by an opt-out, and by cancel, after which nothing is sent', async () => {
  const { project, send } = await stuck({ delayMs: 3_000 })
  const other = await start('--role', 'api')
  const api = other.client(project.credential)
  await api.do(SetPreference, { contact: 'late', channel: 'EMAIL', enabled: false })
  const begun = (await rowsOf('late')).filter((row) => row.begun).length
  expect(begun).toBeLessThanOrEqual(UNSETTLED)
  const canceling = api.do(Cancel, { transactionId: 'late' })
  // Those that are with the provider are waited for: it answers at last.
  first.script(null)
  const { cancel } = await canceling
  const sent = idsAt(first).size + idsAt(second).size
  const late = await rowsOf('late')
  expect(late.filter((row) => ['QUEUED', 'SENDING', 'SCHEDULED'].includes(row.status))).toEqual([])
  expect(cancel.alreadySentCount).toBeLessThanOrEqual(UNSETTLED)
  // What is sent from now on takes its turn behind all that still waited.
  await send('after', 30)
  const wasSent = async (): Promise<boolean> => (await rowsOf('after')).every((row) => row.status === 'SENT')
  await until('what was sent afterwards has arrived', wasSent, 60_000)
  expect(idsAt(first).size + idsAt(second).size).toBe(sent + 30)
  expect(await rowsOf('late')).toEqual(late)
}, 240_000)
