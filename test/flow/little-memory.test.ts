/**
 * A server that may use 512 MB: a broadcast, open sockets and e-mails at once do not end it, and nothing is lost. `TEST_FULL=1`: a million
 * contacts, 10,000 sockets, 5,000 mails.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { heapFlags, heapFor } from '../../src/cli/runtime.ts'
import { addContacts } from '../helpers/contacts.ts'
import { ConfigureProviders, Send, UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast, Transaction } from '../helpers/operations-fanout.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const CONTACTS = FULL ? 1_000_000 : 20_000
const SOCKETS = FULL ? 10_000 : 2_000
const MAILS = FULL ? 5_000 : 1_000
const MEMORY_MB = 512
const WITHIN_MS = FULL ? 1_500_000 : 100_000
const BATCH = 100
/** How many of a kind are begun at once. */
const AT_ONCE = 8

let database: TestDatabase
let pool: pg.Pool
let smtp: SmtpSink
let server: ServerProcess
let project: Awaited<ReturnType<typeof newProject>>
const person = (n: number): string => `c${n}`
const sockets: WebSocket[] = []
/** by contact: the ids that its socket received */
const received = new Map<string, string[]>()

beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  smtp = await startSmtp()
  const secrets = newSecrets()
  // What a server chooses by itself in a container with so much memory.
  const heap = heapFlags(heapFor(MEMORY_MB * 1_024 * 1_024)).join(' ')
  server = await startProcess({ DATABASE_URL: database.url, NODE_OPTIONS: heap, ...secrets })
  project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  const settings = { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false }
  await api.do(ConfigureProviders, { providers: [{ key: 'mail', channel: 'EMAIL', kind: 'smtp', settings }] })
  await api.do(UpsertTemplates, {
    templates: [
      { key: 'news', inApp: [{ title: 'News, {{ firstName }}', body: '{{ text }}' }] },
      { key: 'letter', email: [{ subject: 'Letter {{ n }}', text: 'Dear {{ firstName }}, {{ text }}' }] },
    ],
  })
  await addContacts(pool, project.id, CONTACTS)
}, WITHIN_MS)
afterAll(async () => {
  for (const socket of sockets) socket.terminate()
  server.kill('SIGTERM')
  await server.exited
  await smtp.close()
  await pool.end()
  await database.drop()
})

/** Does the work for each of so many numbers, some at once. */
async function each(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    times(AT_ONCE, async () => {
      while (next < count) await work(next++)
    }),
  )
}

/** Opens a socket that follows the feed of its contact; resolves when it does. */
function follow(contact: string, token: string): Promise<void> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  sockets.push(socket)
  const ids: string[] = []
  received.set(contact, ids)
  const say = (message: object): void => socket.send(JSON.stringify(message))
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', (code, reason) => reject(new Error(`${contact}: ${code} ${String(reason)}`)))
    socket.once('open', () => say({ type: 'connection_init', payload: { authorization: token } }))
    socket.on('message', (text: Buffer) => {
      const { type, id, payload } = JSON.parse(text.toString())
      if (type === 'ping') say({ type: 'pong' })
      if (type === 'connection_ack') {
        say({ id: 'feed', type: 'subscribe', payload: { query: 'subscription { messageReceived { message { id title } } }' } })
        say({ id: 'after', type: 'subscribe', payload: { query: '{ __typename }' } })
      }
      if (id === 'after' && type === 'complete') resolve()
      if (id === 'feed' && type === 'next') ids.push(payload.data.messageReceived.message.id)
      if (id === 'feed' && type === 'error') reject(new Error(`${contact}: ${JSON.stringify(payload)}`))
    })
  })
}

/** The most memory that the process has ever had, MB. */
const peakMb = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1_024

it(
  `lives through a broadcast to ${CONTACTS}, ${SOCKETS} sockets and ${MAILS} mails within ${MEMORY_MB} MB, and loses none`,
  async () => {
    // It may be tried again: then with sockets and mails of its own.
    for (const socket of sockets.splice(0)) socket.terminate()
    received.clear()
    const run = randomBytes(4).toString('hex')
    const api = server.client(project.credential)
    const begunAt = performance.now()
    const since = (): string => `${((performance.now() - begunAt) / 1_000).toFixed(1)} s`
    await each(SOCKETS, async (n) => follow(person(n), await project.token(person(n))))
    const opened = `${SOCKETS} sockets open after ${since()}, ${Math.round(peakMb())} MB at most`
    const { broadcast } = await api.do(Broadcast, { input: { template: 'news', data: { text: 'x'.repeat(500) } } })
    await each(MAILS / BATCH, async (batch) => {
      const messages = times(BATCH, (n) => ({
        template: 'letter',
        contact: { externalId: person(batch * BATCH + n) },
        data: { n: `${run} ${batch * BATCH + n}`, text: 'y'.repeat(500) },
      }))
      const { sendMessages } = await api.do(Send, { messages })
      expect(sendMessages.results.filter(({ ok }) => !ok)).toEqual([])
    })
    const mails = (): string[] =>
      smtp.messages.map(({ subject }) => subject).filter((subject) => subject.startsWith(`Letter ${run} `))
    await until('all mails are there', () => mails().length >= MAILS || undefined, WITHIN_MS)
    const sent = `${MAILS} mails after ${since()}`
    const { transactionId: id } = broadcast
    await until(
      'all are notified',
      async () => (await api.do(Transaction, { id })).transaction?.status === 'DONE' || undefined,
      WITHIN_MS,
    )
    const short = (): string[] => [...received].filter(([, ids]) => ids.length === 0).map(([contact]) => contact)
    await until('all sockets have it', () => short().length === 0 || undefined, WITHIN_MS)
    const peak = peakMb()
    process.stdout.write(`${opened}; ${sent}; ${CONTACTS} contacts after ${since()}, ${Math.round(peak)} MB at most\n`)
    expect(mails().toSorted()).toEqual(times(MAILS, (n) => `Letter ${run} ${n}`).toSorted())
    expect([...received.values()].filter((ids) => ids.length !== 1)).toEqual([])
    const { rows } = await pool.query(
      `SELECT count(*)::int AS n, count(DISTINCT m.contact_id)::int AS contacts FROM notification n
        JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id WHERE n.project_id = $1 AND n.transaction_id = $2`,
      [project.id, id],
    )
    expect(rows).toEqual([{ n: CONTACTS, contacts: CONTACTS }])
    expect(peak).toBeLessThan(MEMORY_MB)
  },
  WITHIN_MS * 2,
)
