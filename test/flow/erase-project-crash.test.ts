/** Deleting a project survives kill -9: what was erased stays so, the rest follows, and other projects keep every row. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConfigureProviders, SendBare, UpsertTemplates } from '../helpers/operations.ts'
import { DeleteProject, OperatorProjects } from '../helpers/operations-operator.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const CONTACTS = 12_000
let database: Awaited<ReturnType<typeof createTestDatabase>>
const servers: ServerProcess[] = []
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  for (const server of servers) server.kill('SIGKILL')
  await Promise.all(servers.map((server) => server.exited))
  await database.drop()
})

it('goes on where it was when the server is killed while it erases', async () => {
  const secrets = newSecrets()
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ DATABASE_URL: database.url, ...secrets })
    servers.push(server)
    return server
  }
  let server = await start()
  const [doomed, other] = [
    await newProject(server, secrets.CARILLON_OPERATOR_KEY),
    await newProject(server, secrets.CARILLON_OPERATOR_KEY),
  ]
  for (const { credential } of [doomed, other]) {
    const api = server.client(credential)
    await api.do(ConfigureProviders, { providers: [{ key: 'text', channel: 'SMS', kind: 'capture' }] })
    await api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'Hi' }] }] })
    await api.do(SendBare, { messages: times(100, (n) => ({ template: 'note', contact: { externalId: `c${n}` } })) })
  }
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(
    `INSERT INTO contact (project_id, id, external_id) SELECT $1, gen_random_uuid(), 'many-' || n FROM generate_series(1, $2) n`,
    [doomed.id, CONTACTS],
  )
  await client.end()
  const before = await rowsOf(database.url, other.id)
  const operator = () => server.client(`Bearer ${secrets.CARILLON_OPERATOR_KEY}`)
  const find = async () => {
    const { nodes } = (await operator().do(OperatorProjects, { first: 100 })).operatorProjects
    return nodes.find((node) => node.id === doomed.id)
  }
  await operator().do(DeleteProject, { project: doomed.id, confirm: (await find())?.key ?? '' })
  const erased = async (): Promise<number> => (await find())?.deletion?.rowCount ?? 0
  await until('contacts are being erased', async () => (await erased()) > 1_500, 30_000)
  server.kill('SIGKILL')
  await server.exited
  const left = (await rowsOf(database.url, doomed.id)).length
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(CONTACTS)
  server = await start()
  expect(await find()).toMatchObject({ status: 'DELETING' })
  await until('it is gone', async () => (await find()) === undefined, 60_000)
  // Of the audit log, the operator's entries stay: they say who deleted it.
  const kept = (await rowsOf(database.url, doomed.id)).filter((row) => !/^audit_entry .*"actor_kind": "OPERATOR"/.test(row))
  expect(kept).toEqual([])
  expect(await rowsOf(database.url, other.id)).toEqual(before)
}, 120_000)
