/** The secret is replaced while messages flow: processes restart with the new list, and nothing that the old one made stops working. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigureProviders, CreateContactToken, Feed, GetNotification, Send, UpsertTemplates } from '../helpers/operations.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const { CARILLON_SECRET: old, ...shared } = newSecrets()
const { CARILLON_SECRET: next } = newSecrets()
let database: TestDatabase
let receiver: Vendor
const running: ServerProcess[] = []
beforeAll(async () => {
  ;[database, receiver] = await Promise.all([createTestDatabase(), startVendor(() => ({ status: 200, body: 'thanks' }))])
})
afterAll(async () => {
  for (const server of running) server.kill('SIGKILL')
  await receiver?.close()
  await database?.drop()
})

async function start(secrets: string): Promise<ServerProcess> {
  const env = { ...shared, CARILLON_SECRET: secrets, DATABASE_URL: database.url }
  const server = await startProcess(env)
  running.push(server)
  return server
}
async function replace(server: ServerProcess, secrets: string): Promise<ServerProcess> {
  const successor = await start(secrets)
  server.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  return successor
}
async function reseal(secrets: string): Promise<{ code: unknown; out: string; err: string }> {
  const root = join(import.meta.dirname, '../..')
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'reseal'], {
    env: { PATH: process.env['PATH'] ?? '', CARILLON_SECRET: secrets, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [code]: unknown[] = await once(child, 'close')
  return { code, out, err }
}

describe('a secret that is replaced', () => {
  it('loses no message, token or cursor, and is not needed any more after reseal', { timeout: 300_000 }, async () => {
    let server = await start(old)
    const project = await newProject(server, shared.CARILLON_OPERATOR_KEY)
    const api = () => server.client(project.credential)
    const settings = {
      url: `${receiver.url}/own`,
      secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      authorization: 'Bearer top',
      headers: { 'x-key': 'deep' },
    }
    await api().do(ConfigureProviders, {
      providers: [
        { key: 'hook', channel: 'WEBHOOK', kind: 'webhook', settings },
        { key: 'spare', channel: 'WEBHOOK', kind: 'webhook', settings, active: false },
      ],
    })
    await api().do(UpsertTemplates, {
      templates: [{ key: 'call', inApp: [{ body: 'x' }], webhook: [{ body: { n: '{{ n }}' } }] }],
    })
    let sent = 0
    const send = async (): Promise<void> => {
      const { sendMessages } = await api().do(Send, {
        messages: [{ template: 'call', contact: { externalId: 'ann' }, data: { n: ++sent } }],
        wait: 'SENT',
      })
      const { notification } = await api().do(GetNotification, { id: sendMessages.results[0]?.notification?.id ?? '' })
      expect(notification?.messages.map(({ status }) => status).toSorted()).toEqual(['DELIVERED', 'SENT'])
      expect(receiver.requests.at(-1)?.headers).toMatchObject({ authorization: 'Bearer top', 'x-key': 'deep' })
    }
    await send()
    await send()
    const page = await project.token('ann')
    const first = (await server.client(page).do(Feed, { first: 1 })).feed
    const readsOn = async (): Promise<readonly string[]> =>
      (await server.client(page).ask(Feed, { first: 1, after: first.pageInfo.endCursor })).codes

    // Every process learns to read what the new secret signs, before any process signs with it.
    server = await replace(server, `${old},${next}`)
    expect(await readsOn()).toEqual([])
    server = await replace(server, `${next},${old}`)
    expect(await readsOn()).toEqual([])
    const { createContactToken } = await api().do(CreateContactToken, { contact: 'ann' })
    const newPage = `Bearer ${createContactToken.token}`
    await send()

    // While the server runs and sends, and with one that can't be read.
    expect(await reseal(next)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/6 secrets can't be decrypted.*provider hook: secret/s),
    })
    const [done] = await Promise.all([reseal(`${next},${old}`), send(), send()])
    expect(done).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^6 secrets encrypted again, 0 already.*24 hours/s),
    })
    expect(await reseal(`${next},${old}`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^0 secrets encrypted again, 6 already/),
    })
    await send()

    server = await replace(server, next)
    await send()
    expect(await readsOn()).toEqual(['UNAUTHENTICATED'])
    expect((await server.client(newPage).ask(Feed, { first: 1 })).codes).toEqual([])
    await until('all have arrived', () => receiver.requests.length === sent)
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(sent)
  })
})
