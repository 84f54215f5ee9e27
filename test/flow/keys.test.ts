/** Scopes and expiry of API keys, the rotation of the secret key, and the revocation of tokens. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  Authenticate,
  CreateApiKey,
  CreateContactToken,
  Feed,
  GetViewer,
  ListApiKeys,
  MessageReceived,
  RotateSecretKey,
} from '../helpers/operations.ts'
import { RevokeContactTokens } from '../helpers/operations-operator.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
/** another process on the same stores */
let other: TestApp
let project: TestProject

beforeAll(async () => {
  app = await startTestApp()
  other = await app.another()
  project = await newShop(app, null)
  await project.page('me')
})
afterAll(() => app.stop())

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString()
const keyOf = async (input: { scopes?: ('SEND' | 'READ' | 'MANAGE' | 'KEYS')[]; expiresAt?: string }, by = project.api) =>
  (await by.do(CreateApiKey, { name: 'key', ...input })).createApiKey
const accessToken = async (secretKey = project.secretKey) =>
  `Bearer ${(await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey })).authenticate.token}`
const closes = async (live: { ended(): Promise<unknown> }): Promise<void> =>
  expect(await live.ended()).toMatchObject({ code: 4403 })

describe('API keys', () => {
  it('have all scopes and no end by default, and show both', async () => {
    expect((await keyOf({})).apiKey).toMatchObject({ scopes: ['SEND', 'READ', 'MANAGE', 'KEYS'], expiresAt: null })
    const expiresAt = inMs(3_600_000)
    expect((await keyOf({ scopes: ['READ', 'SEND', 'READ'], expiresAt })).apiKey).toMatchObject({
      scopes: ['SEND', 'READ'],
      expiresAt,
    })
  })

  it('are not created with scopes that are unknown or none, nor with an end that has passed', async () => {
    expect(await project.api.raw('mutation { createApiKey(name: "x", scopes: []) { secret } }')).toEqual(['BAD_INPUT'])
    const unknown = 'mutation ($scopes: [Scope!]) { createApiKey(name: "x", scopes: $scopes) { secret } }'
    expect(await project.api.raw(unknown, { scopes: ['ROOT'] })).toEqual(['BAD_INPUT'])
    expect((await project.api.ask(CreateApiKey, { name: 'x', expiresAt: inMs(-1) })).codes).toEqual(['BAD_INPUT'])
  })

  it('create no key that can do more than they can, or lasts longer', async () => {
    const keeper = app.client(`Bearer ${(await keyOf({ scopes: ['KEYS'] })).secret}`)
    for (const scope of ['SEND', 'READ', 'MANAGE'] as const) {
      const answer = await keeper.ask(CreateApiKey, { name: 'x', scopes: ['KEYS', scope] })
      expect([answer.codes, answer.errors[0]?.message]).toEqual([['FORBIDDEN'], expect.stringContaining(scope)])
    }
    expect((await keyOf({}, keeper)).apiKey.scopes).toEqual(['KEYS'])

    const expiresAt = inMs(3_600_000)
    const brief = app.client(`Bearer ${(await keyOf({ expiresAt })).secret}`)
    expect((await keyOf({}, brief)).apiKey.expiresAt).toBe(expiresAt)
    expect((await brief.ask(CreateApiKey, { name: 'x', expiresAt: inMs(7_200_000) })).codes).toEqual(['FORBIDDEN'])
    // The secret key is as good as all scopes, permanently.
    expect((await brief.ask(RotateSecretKey, {})).codes).toEqual(['FORBIDDEN'])
    expect((await keeper.ask(RotateSecretKey, {})).codes).toEqual(['FORBIDDEN'])
  })

  it('are refused once they have expired, and their sockets are closed, in every process', async () => {
    const { secret } = await keyOf({ expiresAt: inMs(3_000) })
    const [here, there] = [app.client(`Bearer ${secret}`), other.client(`Bearer ${secret}`)]
    const lives = await Promise.all([here, there].map((client) => client.watch(MessageReceived, { contact: 'me' })))
    for (const live of lives) await closes(live)
    for (const client of [here, there]) {
      const answer = await client.ask(GetViewer, {})
      expect([answer.status, answer.codes]).toEqual([401, ['UNAUTHENTICATED']])
      expect(answer.errors[0]?.message).toContain('expired')
    }
  })

  it('show when they were last used', async () => {
    const { apiKey, secret } = await keyOf({ scopes: ['READ'] })
    const find = async () => (await project.api.do(ListApiKeys, {})).apiKeys.find((one) => one.id === apiKey.id)
    expect((await find())?.lastUsedAt).toBeNull()
    await app.client(`Bearer ${secret}`).do(GetViewer, {})
    expect((await find())?.lastUsedAt).not.toBeNull()
  })
})

describe('access tokens', () => {
  it('list, create and revoke no keys', async () => {
    const client = app.client(await accessToken())
    for (const query of [
      '{ apiKeys { id } }',
      'mutation { createApiKey(name: "x") { secret } }',
      'mutation { revokeApiKey(id: "x") { id } }',
      'mutation { rotateSecretKey { secretKey } }',
    ]) {
      expect([query, await client.raw(query)]).toEqual([query, ['FORBIDDEN']])
    }
  })
})

describe('rotateSecretKey', () => {
  it('says which keys stay, and ends nothing that it is not told to', async () => {
    const own = await newShop(app, null)
    await own.api.do(CreateApiKey, { name: 'ci' })
    const client = app.client(
      `Bearer ${(await app.anonymous.do(Authenticate, { accessKey: own.accessKey, secretKey: own.secretKey })).authenticate.token}`,
    )
    const { rotateSecretKey } = await own.api.do(RotateSecretKey, {})
    expect(rotateSecretKey).toMatchObject({
      validKeys: [{ name: 'ci' }, { name: 'first' }],
      revokedKeys: [],
      tokensRevoked: false,
    })
    expect((await client.ask(GetViewer, {})).codes).toEqual([])
    const { accessKey, secretKey } = own
    expect((await app.anonymous.ask(Authenticate, { accessKey, secretKey })).codes).toEqual(['UNAUTHENTICATED'])
  })

  it('ends other keys, and the access tokens that were issued before, in every process, sockets included', async () => {
    const own = await newShop(app, null)
    await own.page('me')
    const token = async (secretKey: string) =>
      (await app.anonymous.do(Authenticate, { accessKey: own.accessKey, secretKey })).authenticate.token
    const stolen = (await own.api.do(CreateApiKey, { name: 'stolen' })).createApiKey
    const old = `Bearer ${await token(own.secretKey)}`
    const clients = [
      app.client(old),
      other.client(old),
      app.client(`Bearer ${stolen.secret}`),
      other.client(`Bearer ${stolen.secret}`),
    ]
    const lives = await Promise.all(clients.map((client) => client.watch(MessageReceived, { contact: 'me' })))
    const { rotateSecretKey } = await own.api.do(RotateSecretKey, { revokeKeys: true, revokeTokens: true })
    expect(rotateSecretKey).toMatchObject({
      validKeys: [{ name: 'first' }],
      revokedKeys: [{ name: 'stolen' }],
      tokensRevoked: true,
    })
    // Issued in the same second.
    const fresh = `Bearer ${await token(rotateSecretKey.secretKey)}`
    expect((await app.client(fresh).ask(GetViewer, {})).codes).toEqual([])
    for (const live of lives) await closes(live)
    for (const client of clients) {
      await until('it is refused', async () => (await client.ask(GetViewer, {})).codes[0] === 'UNAUTHENTICATED')
    }
    for (const one of [app, other]) expect((await one.client(fresh).ask(GetViewer, {})).codes).toEqual([])
    expect((await own.api.ask(GetViewer, {})).codes).toEqual([])
  })
})

describe('revokeContactTokens', () => {
  const tokenOf = async (contact: string): Promise<string> =>
    `Bearer ${(await project.api.do(CreateContactToken, { contact })).createContactToken.token}`

  it('refuses all tokens of the contact from before, in every process, and closes its sockets; no others', async () => {
    const tokens = await Promise.all([tokenOf('ann'), tokenOf('ann')])
    const bystander = await tokenOf('bob')
    const clients = tokens.flatMap((token) => [app.client(token), other.client(token)])
    const lives = await Promise.all(clients.map((client) => client.watch(MessageReceived, {})))
    const staying = await other.client(bystander).watch(MessageReceived, {})
    expect(await project.api.do(RevokeContactTokens, { contact: 'ann' })).toEqual({ revokeContactTokens: { externalId: 'ann' } })
    expect((await app.client(tokens[0] ?? null).ask(Feed, {})).codes).toEqual(['UNAUTHENTICATED'])
    for (const live of lives) await closes(live)
    for (const client of clients) expect((await client.ask(Feed, {})).codes).toEqual(['UNAUTHENTICATED'])
    expect((await other.client(bystander).ask(Feed, {})).codes).toEqual([])
    expect((await project.api.ask(Feed, { contact: 'ann' })).codes).toEqual([])
    staying.close()
  })

  it('leaves a token alone that was issued afterwards, in the same millisecond even, again and again', async () => {
    const old: Client[] = []
    for (const _ of times(5, (n) => n)) {
      const client = app.client(await tokenOf('cat'))
      expect((await client.ask(Feed, {})).codes).toEqual([])
      for (const one of old) expect((await one.ask(Feed, {})).codes).toEqual(['UNAUTHENTICATED'])
      old.push(client)
      await project.api.do(RevokeContactTokens, { contact: 'cat' })
    }
    const last = await tokenOf('cat')
    const live = await other.client(last).watch(MessageReceived, {})
    // The other process has read the last revocation once it refuses the token that it was for.
    const before = other.client(
      `Bearer ${(await project.api.do(CreateContactToken, { contact: 'dan' })).createContactToken.token}`,
    )
    await project.api.do(RevokeContactTokens, { contact: 'dan' })
    await until('it is refused there', async () => (await before.ask(Feed, {})).codes[0] === 'UNAUTHENTICATED')
    for (const one of [app, other]) expect((await one.client(last).ask(Feed, {})).codes).toEqual([])
    live.close()
  })

  it('counts in a process whose look at what is due is held up', async () => {
    const client = other.client(await tokenOf('gus'))
    expect((await client.ask(Feed, {})).codes).toEqual([])
    const locker = new pg.Client({ connectionString: app.databaseUrl })
    await locker.connect()
    try {
      await locker.query('BEGIN; LOCK TABLE digest IN ACCESS EXCLUSIVE MODE')
      // For ten seconds at most.
      await until('a look in each process waits for the lock', async () => {
        const { rows } = await locker.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND relation = 'digest'::regclass`,
        )
        return (rows[0]?.waiting ?? 0) >= 2 || undefined
      })
      await project.api.do(RevokeContactTokens, { contact: 'gus' })
      await until('it is refused there', async () => (await client.ask(Feed, {})).codes[0] === 'UNAUTHENTICATED', 5_000)
    } finally {
      await locker.query('ROLLBACK')
      await locker.end()
    }
  })

  it('ends streams of events', async () => {
    const token = await tokenOf('eve')
    const query = 'subscription { messageReceived { cursor } }'
    const response = await fetch(`${other.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: token },
      body: JSON.stringify({ query }),
    })
    expect(response.status).toBe(200)
    await project.api.do(RevokeContactTokens, { contact: 'eve' })
    // It ends.
    await response.text()
  })

  it('is known to a process that starts later', async () => {
    const token = await tokenOf('fay')
    await project.api.do(RevokeContactTokens, { contact: 'fay' })
    const third = await app.another()
    expect((await third.client(token).ask(Feed, {})).codes).toEqual(['UNAUTHENTICATED'])
    await third.stop()
  })

  it('is refused to the token of a contact, and for a contact that is not there', async () => {
    const page = app.client(await tokenOf('gus'))
    expect((await page.ask(RevokeContactTokens, { contact: 'gus' })).codes).toEqual(['FORBIDDEN'])
    expect((await project.api.ask(RevokeContactTokens, { contact: 'nobody' })).codes).toEqual(['CONTACT_NOT_FOUND'])
  })
})
