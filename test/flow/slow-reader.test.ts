/** A client that stops reading costs the server a bounded amount of memory, and nobody else anything (G6, F32). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { MessageReceived, SendBare, UpsertTemplates } from '../helpers/operations.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const MESSAGES = FULL ? 20_000 : 4_000
const BODY = 4_096
/** A socket may hold 1 MB; caches and the like may have grown as well. */
const GROWTH_MB = 25
/** What is garbage says nothing: it is collected before the heap is measured. */
const COLLECT_ON_SIGNAL = ['--expose-gc', '--import', "data:text/javascript,process.on('SIGUSR2', () => gc())"]

let server: ServerProcess
let database: Awaited<ReturnType<typeof createTestDatabase>>
let credential: string
let token: string

beforeAll(async () => {
  database = await createTestDatabase()
  const secrets = newSecrets()
  server = await startProcess({ DATABASE_URL: database.url, ...secrets }, [], COLLECT_ON_SIGNAL)
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  credential = project.credential
  await server.client(credential).do(UpsertTemplates, { templates: [{ key: 'big', inApp: [{ body: '{{ text }}' }] }] })
  token = await project.token('slow')
})
afterAll(async () => {
  server.kill('SIGTERM')
  await server.exited
  await database.drop()
})

const metric = async (name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())?.[1])

/** What the process holds, MB. */
async function heldMb(): Promise<number> {
  server.kill('SIGUSR2')
  // The answer to the first request comes after the signal was handled.
  await metric('carillon_sockets')
  return ((await metric('nodejs_heap_size_used_bytes')) + (await metric('nodejs_external_memory_bytes'))) / 1_000_000
}

it(`holds little for a socket that is not read while ${MESSAGES} messages of 4 KB go to it, serves the others, and lets it catch up`, async () => {
  const reader = await server.client(token).watch(MessageReceived, {})
  const slow = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const received: string[] = []
  const closed = new Promise<number>((resolve) => slow.once('close', (code) => resolve(code)))
  await new Promise((resolve) => slow.once('open', resolve))
  slow.send(JSON.stringify({ type: 'connection_init', payload: { authorization: token } }))
  await new Promise((resolve) => slow.once('message', resolve))
  slow.send(
    JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { messageReceived { message { id } } }' } }),
  )
  // Answers on the same socket: the subscription before them has begun.
  for (const id of ['2', '3']) {
    slow.send(JSON.stringify({ id, type: 'subscribe', payload: { query: '{ __typename }' } }))
    await new Promise((resolve) => slow.once('message', resolve))
  }
  slow.on('message', (text: Buffer) => {
    const { id, type, payload } = JSON.parse(text.toString())
    if (id === '1' && type === 'next') received.push(payload.data.messageReceived.message.id)
  })
  slow.pause()

  const before = await heldMb()
  const text = 'x'.repeat(BODY)
  const api = server.client(credential)
  for (let sent = 0; sent < MESSAGES; sent += 100) {
    await api.do(SendBare, {
      messages: Array.from({ length: 100 }, () => ({ template: 'big', contact: { externalId: 'slow' }, data: { text } })),
    })
  }
  await reader.waitFor(MESSAGES, 30_000)
  const grownMb = (await heldMb()) - before
  process.stderr.write(
    `${MESSAGES} messages of 4 KB with a socket that is not read: the process holds ${Math.round(grownMb)} MB more\n`,
  )
  expect(reader.events).toHaveLength(MESSAGES)
  expect(grownMb).toBeLessThan(GROWTH_MB)

  const expected = reader.events.map((event) => event.messageReceived.message.id)
  if (FULL) {
    // Nothing moved for 30 s: closed, with the code that says why.
    await until('the socket is closed', async () => (await metric('carillon_sockets')) === 1, 60_000)
    slow.resume()
    expect([4413, 1006]).toContain(await closed)
    expect(expected.slice(0, received.length)).toEqual(received)
  } else {
    slow.resume()
    await until('the slow one has caught up', () => received.length >= MESSAGES, 30_000)
    expect(received).toEqual(expected)
    slow.terminate()
  }
  expect(server.output()).not.toMatch(/Unexpected/)
  reader.close()
}, 120_000)
