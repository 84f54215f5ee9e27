/**
 * Attacks by operations that cost much, while another project's key asks a cheap query every 100 ms: it must not notice them. The server is
 * a process of its own.
 */
import { Agent } from 'node:http'
import { getIntrospectionQuery } from 'graphql'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { askGraphql, askOnce, flood, harmOf, summaryOf, underAttack } from '../helpers/attack.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { times } from '../helpers/setup.ts'

const FULL = process.env['TEST_FULL'] === '1'
const ATTACK_MS = FULL ? 10_000 : 1_200
const QUIET_MS = 500
const TEMPLATES = 1_000
const BOUNDS = { p99Ms: 1_000, growthMb: 300 }

let database: Awaited<ReturnType<typeof createTestDatabase>>
let server: ServerProcess
let victim: string
let backend: string
let contact: string
let contacts: string[]

beforeAll(async () => {
  database = await createTestDatabase()
  const secrets = newSecrets()
  server = await startProcess({ ...secrets, CARILLON_EXPLORE: 'on', DATABASE_URL: database.url })
  const attacker = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  victim = (await newProject(server, secrets.CARILLON_OPERATOR_KEY)).credential
  backend = attacker.credential
  const upsert = 'mutation($templates:[TemplateInput!]!){upsertTemplates(templates:$templates){id}}'
  const content = {
    inApp: [{ body: 'a' }],
    email: [{ subject: 'a', text: 'a' }],
    sms: [{ body: 'a' }],
    push: [{ title: 'a', body: 'a' }],
  }
  for (let done = 0; done < TEMPLATES; done += 250) {
    const templates = times(250, (n) => ({ key: `t${done + n}`, ...content }))
    expect(await server.client(backend).raw(upsert, { templates })).toEqual([])
  }
  contacts = await Promise.all(times(20, (n) => attacker.token(`c${n}`)))
  contact = contacts[0] ?? ''
}, 120_000)
afterAll(async () => {
  server.kill('SIGKILL')
  await server.exited
  await database.drop()
})

const many = (count: number, field: string): string => `{${times(count, (n) => `a${n}:${field}`).join(' ')}}`
const list = 'preferences{templates{enabled template{key name} channels{channel enabled}}}'
const spread = (document: string): string => `{...f} fragment f on Query ${document}`
const codeOf = (text: string): string => /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? 'OK'

/** Many calls at once, over and over. */
const byHttp =
  (credential: (index: number) => string | null, query: (index: number) => string, atOnce = 60) =>
  async (signal: AbortSignal) => {
    const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
    const ask = async (n: number) => codeOf((await askGraphql(server.url, { query: query(n) }, credential(n), { agent })).text)
    const codes = await flood(1_000_000, atOnce, ask, signal).finally(() => agent.destroy())
    return codes
  }

const byWebSocket = (credential: string, query: string) => async (signal: AbortSignal) => {
  const ask = async (): Promise<string> => {
    const url = `${server.url.replace('http', 'ws')}/graphql`
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazy: false,
      connectionParams: { authorization: credential },
      onNonLazyError: () => {},
    })
    try {
      const one = async () => codeOf(JSON.stringify((await client.iterate({ query }).next()).value ?? {}))
      return (await Promise.all(times(10, one)))[0] ?? 'OK'
    } catch (error) {
      return codeOf(JSON.stringify(error))
    } finally {
      await client.dispose()
    }
  }
  return flood(1_000_000, 6, ask, signal)
}

const byEvents = (credential: string, query: string) => (signal: AbortSignal) => {
  const headers = { accept: 'text/event-stream', authorization: credential }
  const path = `/graphql?query=${encodeURIComponent(query)}`
  return flood(1_000_000, 60, async () => codeOf((await askOnce(server.url, path, { headers })).text), signal)
}

type Attack = [title: string, attack: (signal: AbortSignal) => Promise<ReadonlyMap<string | number, number>>]
const attacks: Attack[] = [
  [
    '15 aliases of a list without pages, 60 at once',
    (signal) =>
      byHttp(
        () => contact,
        () => many(15, list),
      )(signal),
  ],
  [
    'one such list, 60 at once',
    (signal) =>
      byHttp(
        () => contact,
        () => `{${list}}`,
      )(signal),
  ],
  [
    'aliases of it that select little, by fragment',
    (signal) =>
      byHttp(
        () => contact,
        () => spread(many(15, 'preferences{templates{enabled}}')),
      )(signal),
  ],
  [
    'the same by the tokens of many contacts',
    (signal) =>
      byHttp(
        (n) => contacts[n % 20] ?? '',
        () => many(3, list),
      )(signal),
  ],
  ['such lists over WebSockets', (signal) => byWebSocket(contact, many(3, list))(signal)],
  ['such lists as event streams', (signal) => byEvents(contact, many(3, list))(signal)],
  [
    'documents that are slow to validate, each a new one',
    (signal) =>
      byHttp(
        () => contact,
        (n) => `{${times(240, () => 'viewer{__typename}').join(' ')} a${n}:viewer{isOperator}}`,
      )(signal),
  ],
  [
    'such lists by an API key',
    (signal) =>
      byHttp(
        () => backend,
        () => many(3, 'templates(first:100){nodes{key email{text} inApp{body}}}'),
        100,
      )(signal),
  ],
  [
    '15 whole schemas by fragment, without a credential',
    (signal) =>
      byHttp(
        () => null,
        () => spread(many(15, '__schema{types{name description fields{name description type{name}}}}')),
      )(signal),
  ],
  [
    'the schema, without a credential',
    (signal) =>
      byHttp(
        () => null,
        (n) => `${getIntrospectionQuery()}#${n}`,
      )(signal),
  ],
]
/** The short form: one of each kind, and of each transport. */
const short = new Set([0, 3, 4, 5, 8])
it.each(attacks.filter((_attack, index) => FULL || short.has(index)))(
  'another project does not notice %s',
  async (title, attack) => {
    let codes: ReadonlyMap<string | number, number> = new Map()
    const report = await underAttack({
      server,
      victim,
      // Includes the first calls of the victim, which may take long on a busy machine.
      attackMs: 30_000,
      quietMs: QUIET_MS,
      afterMs: QUIET_MS,
      async attack(signal) {
        codes = await attack(AbortSignal.any([signal, AbortSignal.timeout(ATTACK_MS)]))
      },
    })
    expect(harmOf(report, BOUNDS).join('; '), `${title}: ${summaryOf(report)}; ${JSON.stringify([...codes])}`).toBe('')
    expect(codes.get('INTERNAL') ?? 0).toBe(0)
    expect([...codes.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10)
  },
  60_000,
)
