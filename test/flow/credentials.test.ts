/** Keys and tokens: how they are had, how long they are good, and what one project sees of another. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  Authenticate,
  Cancel,
  CreateApiKey,
  CreateContactToken,
  Feed,
  GetContact,
  GetNotification,
  GetViewer,
  ListApiKeys,
  MarkAs,
  MessageReceived,
  RevokeApiKey,
  Send,
  TestProvider,
} from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
const MINUTE = 60_000
let app: TestApp
let project: TestProject
let other: TestProject
let page: Client
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
  other = await newShop(app, null)
  page = await project.page('me')
})
afterAll(() => app.stop())

describe('a contact token', () => {
  it('A1: reads what it may of project, contact and message, and nothing beyond, however it is reached', async () => {
    await project.api.do(Send, {
      messages: [{ template: 'note', contact: { externalId: 'me', email: 'me@example.com' }, data: { n: 1 } }],
    })
    expect(
      await page.raw(
        '{ viewer { project { id key name locale timezone } contact { id externalId email createdAt isOnline } expiresAt } }',
      ),
    ).toEqual([])
    for (const query of [
      '{ viewer { project { accessKey } } }',
      '{ viewer { project { allowedOrigins } } }',
      '{ viewer { contact { profile } } }',
      '{ viewer { contact { project { key } } } }',
      '{ viewer { contact { monthlyReceived { count } } } }',
      '{ feed { nodes { notification { id } } } }',
      '{ feed { nodes { attempts { ok } } } }',
      '{ feed { nodes { history { at } } } }',
      '{ feed { edges { node { error { code } } } } }',
    ]) {
      expect([query, (await page.raw(query))[0]]).toEqual([query, 'FORBIDDEN'])
    }
  })
  it('A1: is good for its own contact only', async () => {
    expect((await page.ask(Feed, { contact: 'me' })).codes).toEqual([])
    expect((await page.ask(Feed, { contact: 'you' })).codes).toEqual(['FORBIDDEN'])
    expect((await page.ask(MarkAs, { contact: 'you', all: {}, read: true })).codes).toEqual(['FORBIDDEN'])
    const live = await page.watch(MessageReceived, { contact: 'you' })
    expect(JSON.stringify(await live.ended())).toContain('FORBIDDEN')
  })
  it('A1, X-04: lasts at most a day, and an hour by default', async () => {
    const token = async (ttlSeconds?: number) =>
      project.api.ask(CreateContactToken, { contact: 'ttl', ...(ttlSeconds === undefined ? {} : { ttlSeconds }) })
    const { data } = await token()
    expect(Date.parse(data?.createContactToken.expiresAt ?? '') - clock.now().getTime()).toBeGreaterThan(3_590_000)
    expect((await token(86_400)).codes).toEqual([])
    expect((await token(86_401)).codes).toEqual(['BAD_INPUT'])
    expect((await token(0)).codes).toEqual(['BAD_INPUT'])
  })
  it('A1: creates the contact', async () => {
    await project.page('brand-new')
    expect((await project.api.do(GetContact, { externalId: 'brand-new' })).contact).not.toBeNull()
  })
})

describe('keys and access tokens', () => {
  it('N1-02, NV-02, LY-08, X-04: takes Bearer, ApiKey, and a bare token', async () => {
    const { authenticate } = await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
    for (const credential of [
      `Bearer ${project.apiKey}`,
      `ApiKey ${project.apiKey}`,
      `bearer ${project.apiKey}`,
      authenticate.token,
      `Bearer ${authenticate.token}`,
    ]) {
      const { viewer } = await app.client(credential).do(GetViewer, {})
      expect(viewer).toMatchObject({ isOperator: false, project: { key: project.key }, contact: null })
    }
  })
  it('LY-01, LY-02, LY-03, LY-05, LY-06, LY-07, LY-09, B7-06: a token works at 59 minutes and not at 61; many are good at once; wrong keys are refused', async () => {
    const issue = async () =>
      (await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })).authenticate.token
    const [first, second] = [await issue(), await issue()]
    clock.advance(59 * MINUTE)
    expect((await app.client(first).ask(GetViewer, {})).codes).toEqual([])
    expect((await app.client(second).ask(GetViewer, {})).codes).toEqual([])
    clock.advance(2 * MINUTE)
    expect(await app.client(first).ask(GetViewer, {})).toMatchObject({ codes: ['UNAUTHENTICATED'], status: 401 })
    expect((await app.anonymous.ask(Authenticate, { accessKey: project.accessKey, secretKey: 'x' })).codes).toEqual([
      'UNAUTHENTICATED',
    ])
    for (const accessKey of ['x', '', 'a\0b', '\ud800']) {
      expect((await app.anonymous.ask(Authenticate, { accessKey, secretKey: project.secretKey })).codes).toEqual([
        'UNAUTHENTICATED',
      ])
    }
  })
  it('ten failures a minute, then RATE_LIMITED with Retry-After', async () => {
    const codes: string[] = []
    for (let n = 0; n < 11; n++)
      codes.push(...(await app.anonymous.ask(Authenticate, { accessKey: other.accessKey, secretKey: 'guess' })).codes)
    expect(codes).toEqual([...Array.from({ length: 10 }, () => 'UNAUTHENTICATED'), 'RATE_LIMITED'])
  })
  it('N1-03: several keys for a project, shown once, revoked one by one, at once', async () => {
    const { createApiKey } = await project.api.do(CreateApiKey, { name: 'ci' })
    const client = app.client(`Bearer ${createApiKey.secret}`)
    const live = await client.watch(MessageReceived, { contact: 'me' })
    const { apiKeys } = await project.api.do(ListApiKeys, {})
    expect(apiKeys.map((key) => key.name)).toEqual(['ci', 'first'])
    expect(JSON.stringify(apiKeys)).not.toContain(createApiKey.secret)
    await project.api.do(RevokeApiKey, { id: createApiKey.apiKey.id })
    const begun = performance.now()
    expect((await client.ask(GetViewer, {})).codes).toEqual(['UNAUTHENTICATED'])
    expect(await live.ended()).toMatchObject({ code: 4403 })
    expect(performance.now() - begun).toBeLessThan(2_500)
    expect((await project.api.ask(GetViewer, {})).codes).toEqual([])
    expect((await project.api.ask(RevokeApiKey, { id: 'x' })).codes).toEqual(['NOT_FOUND'])
  })
  it('N1-03: a key that is used while it is being revoked is refused once it is', async () => {
    const { createApiKey } = await project.api.do(CreateApiKey, { name: 'busy' })
    const client = app.client(`Bearer ${createApiKey.secret}`)
    expect((await client.ask(GetViewer, {})).codes).toEqual([])
    const locker = new pg.Client({ connectionString: app.databaseUrl })
    await locker.connect()
    await locker.query('BEGIN')
    await locker.query('SELECT FROM api_key WHERE id = $1 FOR UPDATE', [createApiKey.apiKey.id])
    const revoking = project.api.do(RevokeApiKey, { id: createApiKey.apiKey.id })
    await until('it waits for its row', async () => {
      const { rows } = await locker.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      )
      return rows.length > 0
    })
    expect((await client.ask(GetViewer, {})).codes).toEqual([])
    await locker.query('COMMIT')
    await locker.end()
    await revoking
    expect((await client.ask(GetViewer, {})).codes).toEqual(['UNAUTHENTICATED'])
  })
})

describe('G10: nothing leaves its project', () => {
  it('X-09: what belongs to another project looks like what is not there', async () => {
    const { sendMessages } = await other.api.do(Send, {
      messages: [{ id: 'theirs', transactionId: 'tx-theirs', template: 'note', contact: { externalId: 'them' } }],
    })
    const id = sendMessages.results[0]?.notification?.id ?? ''
    expect((await other.api.do(GetNotification, { id })).notification).not.toBeNull()
    expect((await project.api.do(GetNotification, { id })).notification).toBeNull()
    expect((await project.api.do(GetContact, { externalId: 'them' })).contact).toBeNull()
    expect((await project.api.ask(Feed, { contact: 'them' })).codes).toEqual(['CONTACT_NOT_FOUND'])
    const { feed } = await other.api.do(Feed, { contact: 'them' })
    const message = feed.nodes[0]?.id ?? ''
    const [foreign, missing] = await Promise.all(
      [message, '0199c1de-0000-7000-8000-000000000002'].map((one) =>
        project.api.ask(MarkAs, { contact: 'me', messages: [one], read: true }),
      ),
    )
    expect(foreign?.codes).toEqual(['NOT_FOUND'])
    expect(foreign?.errors[0]?.message.replace(message, 'ID')).toBe(
      missing?.errors[0]?.message.replace('0199c1de-0000-7000-8000-000000000002', 'ID'),
    )
    expect((await project.api.ask(Cancel, { transactionId: 'tx-theirs' })).codes).toEqual(['NOT_FOUND'])
    expect((await project.api.ask(TestProvider, { provider: 'theirs', to: 'a@example.com' })).codes).toEqual(['NOT_FOUND'])
    const { apiKeys } = await other.api.do(ListApiKeys, {})
    expect((await project.api.ask(RevokeApiKey, { id: apiKeys[0]?.id ?? '' })).codes).toEqual(['NOT_FOUND'])
    expect((await (await project.page('me')).ask(Feed, { after: feed.cursor })).codes).toEqual(['BAD_CURSOR'])
  })
})
