/** The process dies at a known point of an attempt (F5, F6): only what the server had accepted is repeated, under the same Message-ID. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConfigureProviders, GetNotification, Send, UpsertTemplates } from '../helpers/operations.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { type SmtpSink, type SmtpStage, startSmtp } from '../helpers/smtp.ts'
import { killTree } from '../helpers/tree.ts'

const secrets = newSecrets()
let dir: string
let smtp: SmtpSink
let server: ServerProcess
let project: Awaited<ReturnType<typeof newProject>>

/** The folder keeps the database. */
const start = (): Promise<ServerProcess> => startProcess({ CARILLON_DIR: dir, ...secrets })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-attempt-'))
  smtp = await startSmtp()
  server = await start()
  project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  await api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false },
      },
    ],
  })
  await api.do(UpsertTemplates, { templates: [{ key: 'mail', email: [{ subject: '{{ n }}', text: 'x' }] }] })
})
afterAll(async () => {
  killTree(server.pid)
  await server.exited
  await smtp.close()
  await rm(dir, { recursive: true, force: true })
})

/** Sends one mail, and gives the Message-IDs under which it came; the server is killed with all its processes each time the dialogue comes to `stage`, `kills` times in all. */
async function sendAndKill(name: string, stage: SmtpStage, kills: number): Promise<string[]> {
  let died = Promise.withResolvers<void>()
  let left = kills
  smtp.script((step) => {
    if (step.stage !== stage || left === 0) return undefined
    left--
    // Killed before the answer is sent: at `dot`, the mail is accepted and nobody knows.
    killTree(server.pid)
    died.resolve()
    return undefined
  })
  const message = { id: name, template: 'mail', contact: { externalId: name, email: `${name}@example.com` }, data: { n: name } }
  // It may die before it has answered: what it accepted, it will know.
  await server
    .client(project.credential)
    .do(Send, { messages: [message] })
    .catch(() => undefined)
  for (let kill = 0; kill < kills; kill++) {
    await died.promise
    died = Promise.withResolvers()
    await server.exited
    server = await start()
  }
  const api = server.client(project.credential)
  const [again] = (await api.do(Send, { messages: [message] })).sendMessages.results
  expect(again).toMatchObject({ ok: false, error: { code: 'ID_EXISTS' } })
  const id = again?.notification?.id ?? ''
  await expect
    .poll(async () => (await api.do(GetNotification, { id })).notification?.messages[0]?.status, { timeout: 10_000 })
    .toBe('SENT')
  smtp.script(null)
  return smtp.messages.filter((mail) => mail.to[0] === `${name}@example.com`).map((mail) => mail.messageId)
}

it.each(['connect', 'mail', 'rcpt', 'data'] as const)('F5: sends a mail once when the process died at %s', async (stage) => {
  const messageIds = await sendAndKill(`before-${stage}`, stage, 1)
  expect(messageIds).toHaveLength(1)
})

it('F6, G4: repeats a mail that the server had accepted under the same Message-ID, after each crash', async () => {
  const messageIds = await sendAndKill('taken', 'dot', 2)
  expect(messageIds).toHaveLength(3)
  expect(new Set(messageIds).size).toBe(1)
})
