/** Requests with more errors than are worth reading: as many in a document, and in its variables. */
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
})
afterAll(() => app.stop())

interface Answer {
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[]
}
type Transport = (query: string, variables: Record<string, unknown>) => Promise<string[]>
const codesOf = ({ errors = [] }: Answer): string[] => errors.map((one) => one.extensions.code)
const headers = () => ({ 'content-type': 'application/json', authorization: `Bearer ${project.apiKey}` })

const post =
  (accept: string): Transport =>
  async (query, variables) => {
    const body = JSON.stringify({ query, variables })
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: { ...headers(), accept }, body })
    const answer = await response.text()
    const json =
      accept === 'text/event-stream' && !answer.startsWith('{') ? (/^data: (\{.*)$/m.exec(answer)?.[1] ?? '{}') : answer
    return codesOf(JSON.parse(json) as Answer)
  }
const transports: [name: string, ask: Transport][] = [
  ['POST', post('application/json')],
  ['POST with its own media type', post('application/graphql-response+json')],
  ['SSE', post('text/event-stream')],
  [
    'GET',
    async (query, variables) => {
      const search = new URLSearchParams({ query, variables: JSON.stringify(variables) })
      const response = await fetch(`${app.url}/graphql?${search}`, { headers: headers() })
      return codesOf((await response.json()) as Answer)
    },
  ],
  [
    'WebSocket',
    async (query, variables) => {
      const client = createClient({
        url: `${app.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: { authorization: `Bearer ${project.apiKey}` },
      })
      const errors = await new Promise<unknown>((resolve) => {
        client.subscribe(
          { query, variables },
          { next: (result) => resolve(result.errors), error: resolve, complete: () => resolve([]) },
        )
      })
      await client.dispose()
      return codesOf({ errors: errors as NonNullable<Answer['errors']> })
    },
  ],
]
const many = (count: number, make: (n: number) => string): string =>
  Array.from({ length: count }, (_unused, n) => make(n)).join(' ')

describe.each(transports)('over %s', (_name, ask) => {
  it.each([1, 9, 10, 11, 50, 51, 60, 100, 101, 150])('%d wrong fields of a document give at most 10 errors', async (count) => {
    const codes = await ask(`{ ${many(count, (n) => `wrong${n}`)} }`, {})
    expect(codes).toEqual(Array(Math.min(10, count)).fill('QUERY_INVALID'))
  })

  it.each([1, 10, 11, 50, 51, 52, 200])('%d wrong items of a variable give at most 10 errors', async (count) => {
    const ids = Array.from({ length: count }, () => ({}))
    const codes = await ask('query($ids: [ID!]!) { notifications(filter: { templates: $ids }) { totalCount } }', { ids })
    expect(codes).toEqual(Array(Math.min(10, count)).fill('BAD_INPUT'))
  })

  it('sixty wrong variables give at most 10 errors', async () => {
    const names = Array.from({ length: 60 }, (_unused, n) => `v${n}`)
    const query = `query(${names.map((name) => `$${name}: ID!`).join(' ')}) {
      notifications(filter: { templates: [${names.map((name) => `$${name}`).join(' ')}] }) { totalCount }
    }`
    expect(await ask(query, {})).toEqual(Array(10).fill('BAD_INPUT'))
  })
})

it('says it for a subscription as well', async () => {
  for (const [name, ask] of transports.filter(([name]) => name === 'SSE' || name === 'WebSocket')) {
    const feeds = Array.from({ length: 60 }, () => ({}))
    const codes = await ask('subscription($feeds: [ID!]) { feedChanged(contact: "a", feeds: $feeds) { __typename } }', { feeds })
    expect(codes, name).toEqual(Array(10).fill('BAD_INPUT'))
  }
})

it('keeps the errors of a list of many fields that were executed', async () => {
  const query = `{ ${many(12, (n) => `a${n}: notifications(first: -1) { totalCount }`)} ok: viewer { project { key } } }`
  const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: headers(), body: JSON.stringify({ query }) })
  expect(codesOf((await response.json()) as Answer).every((code) => code !== 'INTERNAL')).toBe(true)
})
