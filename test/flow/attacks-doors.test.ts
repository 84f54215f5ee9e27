/** Attacks of callers without a credential: nobody else notices them. `TEST_FULL=1`: at full size and length. */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import {
  type AttackReport,
  askGraphql,
  askOnce,
  cut,
  flood,
  harmOf,
  openConnections,
  type RawConnection,
  summaryOf,
  underAttack,
} from '../helpers/attack.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'

const FULL = process.env['TEST_FULL'] === '1'
const ATTACK_MS = FULL ? 35_000 : 1_200
const PHASES = FULL ? {} : { quietMs: 700, afterMs: 200 }
const BOUNDS = { p99Ms: 1_000, growthMb: 100 }

let server: ServerProcess
let database: Awaited<ReturnType<typeof createTestDatabase>>
let victim: string
let token: string

beforeAll(async () => {
  database = await createTestDatabase()
  const secrets = newSecrets()
  server = await startProcess({ DATABASE_URL: database.url, ...secrets })
  victim = (await newProject(server, secrets.CARILLON_OPERATOR_KEY)).credential
  token = await (await newProject(server, secrets.CARILLON_OPERATOR_KEY)).token('attacker')
})
afterAll(async () => {
  server.kill('SIGTERM')
  await server.exited
  await database.drop()
})

async function harmDoneBy(
  title: string,
  attack: (signal: AbortSignal) => Promise<unknown>,
  attackMs = ATTACK_MS,
): Promise<AttackReport> {
  const report = await underAttack({ server, victim, attack, attackMs, ...PHASES })
  process.stderr.write(`${title}: ${summaryOf(report)}\n`)
  expect(harmOf(report, BOUNDS).join('; '), summaryOf(report)).toBe('')
  return report
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))

/** What is left out of a short run: relatives of what is in it. */
const onlyFull = <T>(rows: readonly T[]): readonly T[] => (FULL ? rows : [])

/** Holds connections until the end of the attack. */
async function hold(opened: readonly RawConnection[], signal: AbortSignal): Promise<void> {
  await aborted(signal)
  cut(opened)
}

const head = (path: string, length: number, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`

describe('requests that are never whole', () => {
  it.each([
    ['1,005 POSTs with one byte of their body', 1_005, `${head('/graphql', 100)}{`],
    ['1,005 event streams asked for with one byte', 1_005, `${head('/graphql', 100, 'Accept: text/event-stream\r\n')}{`],
    ['1,005 requests whose headers do not end', 1_005, 'POST /graphql HTTP/1.1\r\nHost: x\r\nX-'],
    ...onlyFull<[string, number, string]>([
      ['1,005 POSTs to a provider that does not exist', 1_005, `${head('/callbacks/nothing', 100)}{`],
      ['1,005 forged unsubscribe links', 1_005, `${head('/unsubscribe/forged', 100)}{`],
      ['1,005 connections that say nothing', 1_005, ''],
      ['1,005 upgrades whose headers do not end', 1_005, 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'],
    ]),
  ])('%s keep nobody out', async (title, count, first) => {
    await harmDoneBy(title, async (signal) => hold(await openConnections(server.url, count, first), signal))
  })

  it("1,005 POSTs with one contact's token keep nobody out", async () => {
    const first = `${head('/graphql', 100, `Authorization: ${token}\r\n`)}{`
    await harmDoneBy("1,005 POSTs with a contact's token", async (signal) =>
      hold(await openConnections(server.url, 1_005, first), signal),
    )
  })
})

describe('large bodies', () => {
  const paths = ['/callbacks/nothing', '/graphql', ...onlyFull([`/callbacks/${randomUUID()}`, '/unsubscribe/forged'])]
  const body = Buffer.alloc(1_000_000, 32)
  it.each(paths)('250 times 1 MB to %s, less one byte, take little memory', async (path) => {
    const first = Buffer.concat([Buffer.from(head(path, body.length + 1)), body])
    await harmDoneBy(`250 MB to ${path}`, async (signal) => hold(await openConnections(server.url, 250, first), signal))
  })
})

describe('sockets and keys', () => {
  const socketUrl = (): string => `${server.url.replace('http', 'ws')}/graphql`

  it.each([
    ['that say nothing', null],
    ['that are acknowledged without a credential', '{"type":"connection_init"}'],
  ])('1,500 WebSockets %s keep nobody out, and few stay', async (title, message) => {
    let open = 0
    let refused = 0
    await harmDoneBy(
      `1,500 WebSockets ${title}`,
      async (signal) => {
        const sockets: WebSocket[] = []
        await flood(
          1_500,
          500,
          () =>
            new Promise<string>((resolve) => {
              const socket = new WebSocket(socketUrl(), 'graphql-transport-ws')
              sockets.push(socket)
              socket.once('open', () => {
                if (message !== null) socket.send(message)
                resolve('open')
              })
              socket.once('unexpected-response', (_request, response) => {
                refused += response.statusCode === 429 ? 1 : 0
                socket.terminate()
                resolve('refused')
              })
              socket.on('error', () => resolve('error'))
            }),
          signal,
        )
        open = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length
        if (FULL) await aborted(signal)
        for (const socket of sockets) socket.terminate()
      },
      35_000,
    )
    expect(open).toBeLessThanOrEqual(50)
    // Silent ones are closed after 3 s, so a few more come in while this goes on.
    expect(refused).toBeGreaterThanOrEqual(1_200)
  })

  const wrong = (): string => `Bearer ck_${randomBytes(32).toString('base64url')}`
  const query = { query: '{ viewer { project { id } } }' }

  it.each([
    ['HTTP', {}],
    ['SSE', { accept: 'text/event-stream' }],
  ])('500 wrong keys over %s cost twenty look-ups', async (transport, headers) => {
    let statuses: ReadonlyMap<string | number, number> = new Map()
    await harmDoneBy(
      `500 wrong keys over ${transport}`,
      async (signal) => {
        statuses = await flood(500, 250, async () => (await askGraphql(server.url, query, wrong(), { headers })).status, signal)
      },
      35_000,
    )
    expect(statuses.get(429)).toBeGreaterThanOrEqual(450)
  })

  it('150 times /metrics at once and again cost a few counts', async () => {
    await harmDoneBy(
      '/metrics, 150 at once',
      async (signal) => {
        await flood(FULL ? 3_000 : 300, 150, async () => (await askOnce(server.url, '/metrics')).status, signal)
      },
      35_000,
    )
  })
})
