/** What callers are told while the database can't be reached, on every way in, and that all goes on when it is back. */
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, Feed, SendBare, UpsertTemplates } from '../helpers/operations.ts'
import { createTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let behind: TestApp
let proxy: TcpProxy
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  proxy = await createTcpProxy(app.databaseUrl)
  await proxy.open()
  behind = await app.another({ DATABASE_URL: proxy.url, CARILLON_ROLE: 'api' })
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body: 'x' }] }] })
  await project.api.do(SendBare, { messages: [{ template: 't', contact: { externalId: 'ana' } }] })
})
afterAll(async () => {
  await behind?.stop()
  await proxy?.shut()
  await app?.stop()
})

const queries = [
  '{ templates(first: 3) { nodes { key } } }',
  '{ notifications(first: 3) { totalCount nodes { key } } }',
  '{ feed(contact: "ana") { unseenCount } }',
  '{ providers { key health { state } } }',
  'mutation { upsertContacts(contacts: [{ externalId: "ana", firstName: "Ana" }]) { updated } }',
  'mutation { sendMessages(messages: [{ template: "t", contact: { externalId: "ana" } }]) { results { ok } } }',
  'mutation { configureProviders(providers: [{ key: "p", channel: EMAIL, kind: "capture" }]) { key } }',
  'mutation { broadcast(input: { template: "t" }) { transactionId } }',
]

it('is OVERLOADED with a time to try again, on every way in, and goes on without a restart', async () => {
  const api = behind.client(`Bearer ${project.apiKey}`)
  for (const query of queries) expect(await api.raw(query), query).toEqual([])
  const { configureProviders } = await project.api.do(ConfigureProviders, {
    providers: [
      {
        key: 'text',
        channel: 'SMS',
        kind: 'twilio',
        settings: { accountSid: `AC${'a'.repeat(32)}`, authToken: 'token', from: '+15005550006' },
      },
    ],
  })
  const { id } = await app.app.prisma.provider.findUniqueOrThrow({
    where: { projectId_key: { projectId: project.id, key: configureProviders[0]?.key ?? '' } },
  })
  const socket = createClient({
    url: `${behind.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${project.apiKey}` },
    lazy: false,
    retryAttempts: 0,
  })
  const overSocket = async (query: string) => {
    for await (const { errors } of socket.iterate({ query })) return errors?.map(({ extensions }) => extensions?.['code']) ?? []
    return null
  }
  expect(await overSocket('{ viewer { project { key } } }')).toEqual([])

  await proxy.shut()
  for (const query of queries) {
    const response = await fetch(`${behind.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${project.apiKey}` },
      body: JSON.stringify({ query }),
    })
    const { errors } = (await response.json()) as { errors?: { extensions: unknown }[] }
    expect(
      errors?.map(({ extensions }) => extensions),
      query,
    ).toEqual([{ code: 'OVERLOADED', retryAfterSeconds: 1 }])
    expect([response.status, response.headers.get('retry-after')], query).toEqual([503, '1'])
    expect(await overSocket(query), query).toEqual(['OVERLOADED'])
  }
  const callback = await fetch(`${behind.url}/callbacks/${id}`, { method: 'POST', body: 'MessageSid=SM1' })
  expect([callback.status, callback.headers.get('retry-after')]).toEqual([503, '1'])

  await proxy.open()
  await until('it is used again', async () => (await api.raw(queries[0] ?? '')).length === 0)
  for (const query of queries) {
    expect(await api.raw(query), query).toEqual([])
    expect(await overSocket(query), query).toEqual([])
  }
  await socket.dispose()
  expect((await api.do(Feed, { contact: 'ana' })).feed.totalCount).toBeGreaterThan(1)
})

it('is never INTERNAL for calls that are under way when connections break', async () => {
  const api = behind.client(`Bearer ${project.apiKey}`)
  const told = new Set<string>()
  let going = true
  let served = 0
  const callers = queries.map(async (query) => {
    while (going) {
      const codes = await api.raw(query)
      if (codes.length === 0) served++
      for (const code of codes) told.add(code)
    }
  })
  for (let cut = 0; cut < 5; cut++) {
    const goal = served + 20
    await until('calls are served', () => served > goal)
    await proxy.shut()
    await proxy.open()
  }
  going = false
  await Promise.all(callers)
  expect([...told].filter((code) => code !== 'OVERLOADED' && code !== 'OUTCOME_UNKNOWN')).toEqual([])
})
