/** Accepted means kept (G1), and a repeat is one that was in flight (G4): the whole tree is killed, again and again, while mails go out. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConfigureProviders, Feed, SendBare, UpsertTemplates } from '../helpers/operations.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const KILLS = FULL ? 10 : 3
const MAILS = FULL ? 5_000 : 1_500
const CONNECTIONS = 10
/** What may have begun and not be recorded, see jobs/providers.ts: twice the connections at once, and three times that unsettled. */
const IN_FLIGHT = 3 * 2 * CONNECTIONS

let dir: string
let smtp: SmtpSink
const servers: ServerProcess[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-crash-'))
  smtp = await startSmtp()
})
afterAll(async () => {
  for (const server of servers) killTree(server.pid)
  await smtp.close()
  await rm(dir, { recursive: true, force: true })
})

it(`G1, G4: loses none of ${MAILS} mails when everything is killed ${KILLS} times, and repeats only what was in flight, with the same Message-ID`, async () => {
  const secrets = newSecrets()
  // The folder keeps the database.
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ CARILLON_DIR: dir, ...secrets })
    servers.push(server)
    return server
  }
  let server = await start()
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  await api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false, maxConnections: CONNECTIONS },
      },
    ],
  })
  await api.do(UpsertTemplates, {
    templates: [{ key: 'mail', email: [{ subject: '{{ n }}', text: 'Number {{ n }}' }], inApp: [{ body: '{{ n }}' }] }],
  })

  /** Ids that the server answered for: these must arrive. */
  const acknowledged = new Set<number>()
  let next = 0
  async function sendSome(): Promise<void> {
    const numbers = Array.from({ length: Math.min(100, MAILS - next) }, (_unused, index) => next + index)
    const messages = numbers.map((n) => ({
      id: `m-${n}`,
      template: 'mail',
      contact: { externalId: 'crash', email: 'crash@example.com' },
      data: { n },
    }))
    try {
      const { sendMessages } = await server.client(project.credential).do(SendBare, { messages })
      // A call that was cut is repeated: ID_EXISTS says that it had been accepted.
      for (const [index, result] of sendMessages.results.entries()) {
        if (result.ok || result.error?.code === 'ID_EXISTS') acknowledged.add(numbers[index] ?? -1)
      }
      next += numbers.length
    } catch {
      // The server was killed in the middle of it: the repeated call shows whether it was accepted.
    }
  }

  let killed = 0
  while (killed < KILLS) {
    const goal = smtp.messages.length + Math.ceil(MAILS / (KILLS + 1))
    const sending = (async () => {
      while (next < MAILS && smtp.messages.length < goal) await sendSome()
    })()
    await until('mails go out', () => smtp.messages.length >= Math.min(goal, MAILS - 50), 60_000)
    killTree(server.pid)
    await server.exited
    await sending
    killed++
    server = await start()
  }
  while (next < MAILS) await sendSome()
  const subjects = (): Set<string> => new Set(smtp.messages.map((mail) => mail.subject))
  await until('all have arrived', () => subjects().size === MAILS, 150_000)

  expect(acknowledged.size).toBe(MAILS)
  const bySubject = new Map<string, Set<string>>()
  for (const mail of smtp.messages) bySubject.set(mail.subject, (bySubject.get(mail.subject) ?? new Set()).add(mail.messageId))
  // However often a mail came, it is one mail to its receiver.
  expect([...bySubject.values()].every((ids) => ids.size === 1)).toBe(true)
  const repeats = smtp.messages.length - MAILS
  process.stderr.write(`${MAILS} mails, ${KILLS} kills of the whole tree: ${repeats} repeats\n`)
  expect(repeats).toBeLessThanOrEqual(KILLS * IN_FLIGHT)
  const { feed } = await server.client(project.credential).do(Feed, { contact: 'crash', first: 1 })
  expect(feed.totalCount).toBe(MAILS)
}, 300_000)
