/**
 * All attacks at once, while honest contacts have their sockets open and another project sends: they notice nothing.
 * `TEST_FULL=1`: 60 seconds, 200 sockets, 100 sends a second.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { rssMbOf } from '../helpers/attack.ts'
import type { Loot, Met } from '../helpers/attacker.ts'
import { CreateContactToken, Send, UpsertTemplates } from '../helpers/operations.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { pause, until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const ATTACK_MS = FULL ? 60_000 : 6_000
const QUIET_MS = FULL ? 15_000 : 3_000
const SOCKETS = FULL ? 200 : 50
const SENDS_PER_SECOND = FULL ? 100 : 40
const P99_MS = 1_000
const PEAK_MB = 300
/** At full length: how much slower the sends may become at their slowest. */
const TIMES = 3
const LATE_MS = 2_000
/** At full length: how long the memory may take to come back, and to how much more than before. */
const CALM_MS = FULL ? 60_000 : 0
const GROWTH = 1.2

let server: ServerProcess
let database: Awaited<ReturnType<typeof createTestDatabase>>
const secrets = newSecrets()
beforeAll(async () => {
  database = await createTestDatabase()
  server = await startProcess({ DATABASE_URL: database.url, ...secrets })
})
afterAll(async () => {
  server.kill('SIGKILL')
  await server.exited
  await database.drop()
})

/** A project with templates that take long, and a contact of it. */
async function newAttacker(): Promise<Loot> {
  const { credential } = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(credential)
  const many = Array.from({ length: 200 }, (_unused, index) => ({ key: `t${index}`, name: `T ${index}`, inApp: [{ body: 'x' }] }))
  await api.do(UpsertTemplates, { templates: many })
  const pattern = { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } }
  await api.do(UpsertTemplates, { templates: [{ key: 'evil-pattern', inApp: [{ body: 'x' }], dataSchema: pattern }] })
  const loop = '{% for i in (1..10000) %}{{ i | times: 3 | append: "x" | size }}{% endfor %}'
  const texts = { title: loop, body: loop }
  await api.do(UpsertTemplates, {
    templates: [{ key: 'evil-loop', inApp: [texts], email: [{ subject: loop, text: loop, html: loop }] }],
  })
  const { createContactToken } = await api.do(CreateContactToken, { contact: 'mallory' })
  return { contact: createContactToken.token, key: credential.replace(/^Bearer /, '') }
}

interface Attacker {
  stop(): Promise<Met>
}

async function startAttacker(loot: Loot): Promise<Attacker> {
  const file = join(import.meta.dirname, '../helpers/attacker.ts')
  const child: ChildProcess = spawn(process.execPath, [file, server.url], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('The attacker could not be started')
  const lines = createInterface(stdout)
  stdin.write(`${JSON.stringify(loot)}\n`)
  await once(lines, 'line')
  return {
    async stop() {
      const last = once(lines, 'line')
      stdin.end()
      const [line] = (await last) as [string]
      return JSON.parse(line) as Met
    },
  }
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * 0.99))] ?? Number.NaN

it(`all attacks at once leave ${SOCKETS} sockets and ${SENDS_PER_SECOND} sends a second of others alone`, async () => {
  const { credential } = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(credential)
  await api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: '{{ n }}' }] }] })
  const loot = await newAttacker()

  const sentAt = new Map<string, number>()
  const lateMs: number[] = []
  const cuts: string[] = []
  let isOver = false
  const clients = await Promise.all(
    Array.from({ length: SOCKETS }, async (_unused, index) => {
      const { createContactToken } = await api.do(CreateContactToken, { contact: `honest-${index}` })
      const client = createClient({
        url: `${server.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        lazy: false,
        retryAttempts: 0,
        connectionParams: { authorization: createContactToken.token },
      })
      const ready = new Promise<void>((resolve) => client.on('connected', () => resolve()))
      client.on('closed', (event) => {
        const { code, reason } = event as CloseEvent
        if (!isOver) cuts.push(`${code} ${reason}`)
      })
      client.subscribe<{ messageReceived: { message: { body: string } } }>(
        { query: 'subscription { messageReceived { message { body } } }' },
        {
          next({ data }) {
            const body = data?.messageReceived.message.body ?? ''
            const at = sentAt.get(body)
            if (at !== undefined) lateMs.push(performance.now() - at)
            sentAt.delete(body)
          },
          error: (error) => void cuts.push(String(error)),
          complete() {},
        },
      )
      await ready
      return client
    }),
  )

  let next = 0
  const failures: string[] = []
  async function sendOne(took: number[]): Promise<void> {
    const n = next++
    const begun = performance.now()
    sentAt.set(String(n), begun)
    const { data, errors } = await api.ask(Send, {
      messages: [{ template: 'note', contact: { externalId: `honest-${n % SOCKETS}` }, data: { n } }],
    })
    if (data?.sendMessages.results[0]?.ok !== true) failures.push(JSON.stringify(errors))
    took.push(performance.now() - begun)
  }
  /** Sends at a steady pace, whether or not earlier calls have been answered. @returns how long each took, ms */
  async function sendFor(forMs: number): Promise<number[]> {
    const took: number[] = []
    const running: Promise<void>[] = []
    const begun = performance.now()
    for (let sent = 0; performance.now() - begun < forMs; sent++) {
      running.push(sendOne(took))
      await pause(Math.max(0, begun + ((sent + 1) * 1_000) / SENDS_PER_SECOND - performance.now()))
    }
    await Promise.all(running)
    return took
  }

  await sendFor(QUIET_MS / 2)
  const quiet = await sendFor(QUIET_MS)
  const quietMb = rssMbOf(server.pid)
  const attacker = await startAttacker(loot)
  let peakMb = quietMb
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, rssMbOf(server.pid))
  }, 200)
  const attacked = await sendFor(ATTACK_MS)
  clearInterval(watch)
  const met = await attacker.stop()
  await until('every message has arrived', () => sentAt.size === 0 || undefined, LATE_MS)
  const after = await sendFor(QUIET_MS)
  await until('every later message has arrived', () => sentAt.size === 0 || undefined, LATE_MS)
  const calm = await until(
    'the memory has come back',
    () => (rssMbOf(server.pid) <= quietMb * GROWTH ? rssMbOf(server.pid) : undefined),
    CALM_MS,
  ).catch(() => rssMbOf(server.pid))
  isOver = true
  for (const client of clients) await client.dispose()
  process.stderr.write(
    `p99 of sends: ${p99(quiet).toFixed(0)} ms quiet, ${p99(attacked).toFixed(0)} ms attacked, ${p99(after).toFixed(0)} ms after; ` +
      `latest message ${Math.max(...lateMs).toFixed(0)} ms; ${cuts.length} sockets cut; ` +
      `${Math.round(quietMb)} MB quiet, ${Math.round(peakMb)} MB at most, ${Math.round(calm)} MB after\n${JSON.stringify(met)}\n`,
  )
  expect(failures).toEqual([])
  expect(cuts).toEqual([])
  expect(Object.keys(met).length).toBe(9)
  expect(Math.max(...lateMs)).toBeLessThan(LATE_MS)
  expect(p99(attacked)).toBeLessThan(P99_MS)
  expect(peakMb - quietMb).toBeLessThan(PEAK_MB)
  if (!FULL) return
  expect(p99(attacked)).toBeLessThanOrEqual(TIMES * p99(quiet))
  expect(calm).toBeLessThanOrEqual(quietMb * GROWTH)
}, 300_000)
