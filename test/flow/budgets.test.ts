/** Budgets of cost as callers meet them: over HTTP and over a socket, and as the operator sets them. */
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'

let app: TestApp
let project: TestProject
let token: string
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  const { body } = await ask(`Bearer ${project.apiKey}`, 'mutation{createContactToken(contact:"me"){token}}')
  token = `Bearer ${body.data.createContactToken.token}`
})
afterAll(() => app.stop())

async function ask(credential: string | null, query: string, extra: Record<string, unknown> = {}) {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(credential === null ? {} : { authorization: credential }) },
    body: JSON.stringify({ query, ...extra }),
  })
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: JSON.parse(await response.text()) }
}
const setLimits = (limits: string) =>
  ask(`Bearer ${app.operatorKey}`, `mutation{setProjectLimits(project:"${project.key}",limits:${limits}){limits{contact key}}}`)
const preferences = '{preferences{templates{enabled}}}'

it('states the cost to contact tokens, and to others who ask', async () => {
  const { body } = await ask(token, preferences)
  expect(body.extensions.cost).toMatchObject({ perSecond: 5_000, requested: 1_304, remaining: expect.any(Number) })
  // What the list did not hold was given back.
  expect(body.extensions.cost.remaining).toBeGreaterThan(99_000)
  const key = `Bearer ${project.apiKey}`
  expect((await ask(key, '{viewer{isOperator}}')).body.extensions).toBeUndefined()
  expect((await ask(key, '{viewer{isOperator}}', { extensions: { cost: true } })).body.extensions.cost.requested).toBe(3)
})

it('refuses what goes beyond the budget that the operator has set, over HTTP and over a socket, until it is the default again', async () => {
  expect((await setLimits('{contact:1}')).body.data.setProjectLimits.limits).toEqual({ contact: 1, key: null })
  await expect.poll(async () => (await ask(token, preferences)).status).toBe(429)
  const { body, retryAfter } = await ask(token, preferences)
  const { code, max, got, retryAfterSeconds } = body.errors[0].extensions
  expect({ code, max, got }).toEqual({ code: 'RATE_LIMITED', max: 20, got: expect.any(Number) })
  expect(Number(retryAfter)).toBe(retryAfterSeconds)
  const client = createClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: token },
  })
  const { value } = await client.iterate({ query: preferences }).next()
  expect(value?.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', max: 20 } }])
  await client.dispose()
  expect((await ask(`Bearer ${project.apiKey}`, '{viewer{project{limits{contact}}}}')).body.data.viewer.project.limits).toEqual({
    contact: 1,
  })
  await setLimits('{}')
  await expect.poll(async () => (await ask(token, preferences)).status).toBe(200)
})

it('refuses budgets that are none, projects that are not there, and callers other than the operator', async () => {
  expect((await setLimits('{contact:0}')).body.errors[0].extensions).toMatchObject({
    code: 'BAD_INPUT',
    field: 'contact',
    got: 0,
  })
  const mutation = 'mutation{setProjectLimits(project:"nothing",limits:{}){id}}'
  expect((await ask(`Bearer ${app.operatorKey}`, mutation)).body.errors[0].extensions.code).toBe('NOT_FOUND')
  expect((await ask(`Bearer ${project.apiKey}`, mutation)).body.errors[0].extensions.code).toBe('FORBIDDEN')
})
