/** An address that has tried too many wrong keys: the right ones that come from it are served, over each transport. */
import { randomBytes } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { CreateApiKey } from '../helpers/operations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

const made = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`

it('serves a key that it sees for the first time, tokens and the operator, and goes on refusing wrong keys', async () => {
  const project = await app.project()
  const page = await project.page('somebody')
  const { createApiKey } = await project.api.do(CreateApiKey, { name: 'new' })
  const wrong = (): Promise<string[]> => app.client(`Bearer ${made('ck')}`).raw('{ viewer { project { id } } }')
  const codes = (await Promise.all(Array.from({ length: 60 }, wrong))).flat()
  expect(codes.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThan(30)

  const fresh = `Bearer ${createApiKey.secret}`
  expect(await app.client(fresh).raw('{ viewer { project { id } } }')).toEqual([])
  expect(await page.raw('{ viewer { contact { id } } }')).toEqual([])
  await app.project()
  const client = createClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: fresh },
  })
  const answers = []
  for await (const answer of client.iterate({ query: '{ viewer { project { id } } }' })) answers.push(answer)
  expect(answers).toEqual([{ data: { viewer: { project: { id: project.id } } } }])
  await client.dispose()
  expect((await Promise.all(Array.from({ length: 20 }, wrong))).flat()).toContain('RATE_LIMITED')
})

it('answers a key that was never issued in this form without a look-up, and refuses it', async () => {
  expect(await app.client('Bearer ck_short').raw('{ viewer { project { id } } }')).not.toEqual([])
})

it('refuses authenticate with one access key after another, and takes the right one again', async () => {
  const project = await app.project()
  const authenticate = (accessKey: string, secretKey: string) =>
    app.anonymous.raw(
      `mutation { authenticate(accessKey: ${JSON.stringify(accessKey)}, secretKey: ${JSON.stringify(secretKey)}) { token } }`,
    )
  expect(await authenticate(project.accessKey, project.secretKey)).toEqual([])
  const codes = (await Promise.all(Array.from({ length: 60 }, () => authenticate(made('ak'), made('sk'))))).flat()
  expect(codes.filter((code) => code === 'UNAUTHENTICATED').length).toBeLessThan(30)
  expect(codes.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThan(30)
  expect(await authenticate(project.accessKey, project.secretKey)).toEqual([])
})
