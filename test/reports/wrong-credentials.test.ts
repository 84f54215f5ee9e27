/** What a caller with a wrong credential is told, over each transport: what is wrong with it, and nothing about others. */
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Authenticate, CreateApiKey, CreateContactToken, RevokeApiKey } from '../helpers/operations.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
const credentials: Record<string, string | null> = {}

beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await app.project()
  const expiring = await project.api.do(CreateApiKey, {
    name: 'old',
    expiresAt: new Date(clock.now().getTime() + 60_000).toISOString(),
  })
  const revoked = await project.api.do(CreateApiKey, { name: 'revoked' })
  await project.api.do(RevokeApiKey, { id: revoked.createApiKey.apiKey.id })
  const contact = await project.api.do(CreateContactToken, { contact: 'me', ttlSeconds: 60 })
  const access = await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
  clock.advance(120_000)
  const [head = '', body = ''] = access.authenticate.token.split('.')
  Object.assign(credentials, {
    none: null,
    basic: 'Basic dXNlcjpwYXNz',
    unset: 'Bearer undefined',
    unknown: `Bearer ck_${'x'.repeat(43)}`,
    expired: `Bearer ${expiring.createApiKey.secret}`,
    revoked: `Bearer ${revoked.createApiKey.secret}`,
    cut: `Bearer ${project.apiKey.slice(0, 30)}`,
    secretKey: `Bearer ${project.secretKey}`,
    accessKey: `Bearer ${project.accessKey}`,
    expiredToken: `Bearer ${contact.createContactToken.token}`,
    forgedToken: `Bearer ${head}.${body}.${'A'.repeat(43)}`,
    long: `Bearer ${'x'.repeat(5_000)}`,
  })
})
afterAll(() => app.stop())

const overHttp = async (authorization: string | null, accept: string, query = '{ viewer { project { key } } }') => {
  const headers = { 'content-type': 'application/json', accept, ...(authorization === null ? {} : { authorization }) }
  const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return response.text()
}

const closed = (authorization: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      retryAttempts: 0,
    })
    const fail = (error: unknown): void =>
      resolve(typeof error === 'object' && error !== null && 'reason' in error ? String(error.reason) : JSON.stringify(error))
    client.subscribe({ query: '{ __typename }' }, { next: () => reject(new Error('It was let in')), error: fail, complete() {} })
  })

it.each([
  ['none', 'No credential was given.'],
  ['basic', 'The scheme \\"Basic\\" is not supported'],
  ['unset', 'The credential is the word \\"undefined\\"'],
  ['unknown', 'The API key is not known here'],
  ['expired', 'The API key has expired.'],
  ['revoked', 'The API key was revoked.'],
  ['cut', 'it has 30 characters, and a key has 46'],
  ['secretKey', 'This is a secret key'],
  ['accessKey', 'This is an access key'],
  ['expiredToken', 'The token has expired.'],
  ['forgedToken', 'The token was not issued by this server'],
  ['long', 'The credential is longer than any'],
])('says of one that is %s: %s', async (name, expected) => {
  const credential = credentials[name] ?? null
  // Twice: what is refused is remembered for a moment, with its reason.
  for (let n = 0; n < 2; n++) expect(await overHttp(credential, 'application/json')).toContain(expected)
  expect(await overHttp(credential, 'text/event-stream')).toContain(expected)
  if (credential !== null) expect(await closed(credential)).toContain(expected.replaceAll('\\', ''))
})

it('says which credential an operation takes, where another one was sent', async () => {
  const { createContactToken } = await project.api.do(CreateContactToken, { contact: 'you' })
  const ask = (credential: string, query: string) => overHttp(`Bearer ${credential}`, 'application/json', query)
  const contacts = '{ contacts(first: 1) { nodes { id } } }'
  expect(await ask(createContactToken.token, contacts)).toContain(
    'contacts takes an API key of a project, and this is a contact token',
  )
  expect(await ask(app.operatorKey, contacts)).toContain('contacts takes an API key of a project, and this is the operator key')
  expect(await ask(project.apiKey, '{ operatorProjects(first: 1) { nodes { key } } }')).toContain(
    'operatorProjects takes the operator key',
  )
  expect(await ask(createContactToken.token, '{ feed(contact: "me") { unseenCount } }')).toContain(
    'valid for its own contact only',
  )
})

it('tells nobody which half of a pair of keys is wrong, and of another project no more than of none', async () => {
  const other = await app.project()
  const answers = await Promise.all(
    [
      { accessKey: project.accessKey, secretKey: 'x' },
      { accessKey: 'x', secretKey: project.secretKey },
      { accessKey: project.accessKey, secretKey: other.secretKey },
    ].map((pair) =>
      overHttp(
        null,
        'application/json',
        `mutation { authenticate(accessKey: "${pair.accessKey}", secretKey: "${pair.secretKey}") { token } }`,
      ),
    ),
  )
  expect(new Set(answers).size).toBe(1)
})
