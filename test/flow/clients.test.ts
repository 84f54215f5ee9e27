/** Published clients, as an application would use them, and graphql-http's audits against the real server. */
import { fetchExchange, gql, subscriptionExchange, Client as UrqlClient } from '@urql/core'
import { serverAudits } from 'graphql-http'
import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createWsClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { CreateContactToken, Feed, SendBare } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let project: TestProject
let authorization: string
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  const { createContactToken } = await project.api.do(CreateContactToken, { contact: 'me' })
  authorization = `Bearer ${createContactToken.token}`
})
afterAll(() => app.stop())

const QUERY = '{ feed { totalCount } viewer { contact { externalId } } }'
const SUBSCRIPTION = 'subscription($after: String) { messageReceived(after: $after) { message { body } unseenCount } }'
const cursor = async () => (await project.api.do(Feed, { contact: 'me' })).feed.cursor
const send = (n: string) =>
  project.api.do(SendBare, { messages: [{ template: 'note', contact: { externalId: 'me' }, data: { n } }] })
const viewer = { contact: { externalId: 'me' } }

it('graphql-ws queries and subscribes', async () => {
  const client = createWsClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  })
  const answer = await client.iterate({ query: QUERY }).next()
  expect(answer.value).toMatchObject({ data: { viewer } })
  const events = client.iterate({ query: SUBSCRIPTION, variables: { after: await cursor() } })
  await send('ws')
  expect((await events.next()).value).toMatchObject({ data: { messageReceived: { message: { body: 'ws' } } } })
  await client.dispose()
})

it('graphql-sse queries and subscribes', async () => {
  const client = createSseClient({ url: `${app.url}/graphql`, headers: { authorization } })
  const answer = await client.iterate({ query: QUERY }).next()
  expect(answer.value).toMatchObject({ data: { viewer } })
  const events = client.iterate({ query: SUBSCRIPTION, variables: { after: await cursor() } })
  await send('sse')
  expect((await events.next()).value).toMatchObject({ data: { messageReceived: { message: { body: 'sse' } } } })
  client.dispose()
})

it('urql queries over HTTP and subscribes over WebSocket', async () => {
  const socket = createWsClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  })
  const client = new UrqlClient({
    url: `${app.url}/graphql`,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization } },
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query: query ?? '', variables: variables as Record<string, unknown> }, sink as never),
          }),
        }),
      }),
    ],
  })
  const answer = await client.query(gql(QUERY), {}).toPromise()
  expect(answer.error).toBeUndefined()
  expect(answer.data).toMatchObject({ viewer })
  const bodies: string[] = []
  const { unsubscribe } = client
    .subscription(gql(SUBSCRIPTION), { after: await cursor() })
    .subscribe((result: { data?: { messageReceived: { message: { body: string } } } }) => {
      if (result.data) bodies.push(result.data.messageReceived.message.body)
    })
  await send('urql')
  await until('it arrives', () => bodies.includes('urql'))
  unsubscribe()
  await socket.dispose()
})

it('passes all 61 audits of GraphQL over HTTP', async () => {
  const headers = { authorization: `Bearer ${project.apiKey}` }
  const fetchFn = (url: string, init: RequestInit = {}) => fetch(url, { ...init, headers: { ...init.headers, ...headers } })
  const audits = serverAudits({ url: `${app.url}/graphql`, fetchFn })
  const results = await Promise.all(audits.map(async (audit) => ({ name: audit.name, result: await audit.fn() })))
  expect(results.filter(({ result }) => result.status !== 'ok').map(({ name }) => name)).toEqual([])
  expect(results).toHaveLength(61)
})
