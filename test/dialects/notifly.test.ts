/** Notifly's HTTP API: what its document prints and states, as code that was written for it calls it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Failure } from '../../src/dialects/dialect.ts'
import { notifly as dialect } from '../../src/dialects/notifly.ts'
import { catalogue, type ErrorCode } from '../../src/errors.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createDialectClient, type DialectClient, shown } from '../helpers/dialect.ts'
import { readGuide } from '../helpers/guide.ts'
import {
  ConfigureProviders,
  CreateApiKey,
  GetContact,
  ListContacts,
  ListNotifications,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { Dispatched, UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
const channels = ['EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'ALIMTALK', 'FRIENDTALK'] as const
let app: TestApp
let project: TestProject
let anonymous: DialectClient
let notifly: DialectClient
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: channels.map((channel) => ({ key: channel.toLowerCase(), channel, kind: 'capture', settings: {} })),
  })
  const text = '{{ messageTitle }} Hello {{ user["name"] }}'
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'greeting',
        email: [{ subject: 'Hi', text }],
        sms: [{ body: text }],
        push: [{ title: 'Hi', body: text }],
        webPush: [{ title: 'Hi', body: text }],
        alimtalk: [{ templateCode: 'T1', body: text }],
      },
      { key: 'registered', alimtalk: [{ templateCode: 'order-shipped', body: 'Hello #{user_name}' }] },
    ],
  })
  await project.api.do(UpsertSegments, { segments: [{ key: 's', where: { profile: { path: 'id', is: 'EXISTS' } } }] })
  await project.api.do(UpsertCampaigns, {
    campaigns: [
      ...channels.slice(0, 5).map((channel) => ({ key: channel, template: 'greeting', channel })),
      { key: 'segment', template: 'greeting', dispatch: 'SEGMENT' as const, segment: 's' },
      { key: 'asleep', template: 'greeting', active: false },
    ],
  })
  await project.api.do(UpsertContacts, {
    contacts: [
      { externalId: 'alice', email: 'alice@example.com', phone: '010-1111-1111', profile: { set: { name: 'Alice' } } },
      { externalId: 'bob', email: 'bob@example.com', phone: '010-2222-2222', profile: { set: { name: 'Bob' } } },
    ],
  })
  anonymous = await createDialectClient(app.url, '/notifly', '')
  notifly = await anonymous.as(await tokenOf(project))
})
afterAll(() => app?.stop())

async function tokenOf({ accessKey, secretKey }: TestProject): Promise<string> {
  const { body } = await anonymous.call({ path: '/authenticate', authorization: null, body: { accessKey, secretKey } })
  return (body as { data: string }).data
}
const call = async (path: string, body: unknown, method = 'POST') => shown(await notifly.call({ method, path, body }))
const contactOf = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact
const count = async () => (await project.api.do(ListNotifications, { first: 1 })).notifications.totalCount
const contactCount = async () => (await project.api.do(ListContacts, { first: 1 })).contacts.totalCount

/** The messages of the latest call, once they were sent, in its order. */
async function sent() {
  const [latest] = (await project.api.do(ListNotifications, { first: 1 })).notifications.nodes
  const read = async () =>
    (await project.api.do(Dispatched, { transactionId: latest?.transactionId ?? '' })).notifications.nodes
      .toReversed()
      .flatMap(({ messages }) => messages.map((one) => (one.__typename === 'OutboundMessage' ? one : null)))
  await until('all are sent', async () => (await read()).every((one) => one?.status === 'SENT'))
  return (await read()).map((one) => [one?.address, one?.text])
}

const done = (data: unknown) => ({ status: 200, body: { data, error: null } })
const refused = (status: number, error: unknown) => ({ status, body: { data: null, error } })
const triggered = { status: 200, body: { code: 200, success: true, error: null } }
const untriggered = (code: number, error: unknown) => ({ status: code, body: { code, success: false, error } })
const accepted = { status: 200, body: { success: true } }
const unsent = (status: number, error: unknown) => ({ status, body: { error } })

/** A right request to each endpoint: its path, method, body, and what an error is there. */
const endpoints = () =>
  [
    ['/track-event', 'POST', { projectID: project.key, eventName: 'e', isGlobalEvent: true }, refused],
    ['/set-user-properties', 'POST', { projectID: project.key, userID: 'u', userProperties: {} }, refused],
    ['/users', 'DELETE', { projectID: project.key, userID: 'nobody' }, refused],
    [`/campaign/${project.key}/SMS/send`, 'POST', { recipients: [{ userId: 'alice' }] }, untriggered],
    [
      '/messages/text-message',
      'POST',
      { projectId: project.key, type: 'sms', body: 'x', recipientList: [{ recipientNo: '01012345678' }] },
      unsent,
    ],
    [
      '/messages/kakao-alimtalk',
      'POST',
      { projectId: project.key, templateId: 'T', recipientList: [{ recipientNo: '01012345678' }] },
      unsent,
    ],
    [
      '/messages/kakao-friendtalk',
      'POST',
      { projectId: project.key, messageType: 'text', recipientList: [{ recipientNo: '01012345678', content: { text: 'x' } }] },
      unsent,
    ],
  ] as const

describe('the code of the document, with another address', () => {
  const blocks = readGuide('test/dialects/notifly-examples.md')

  /** Runs one of them. @returns what it wrote to the console, and the Content-Types that it sent */
  async function run(code: string) {
    const names = {
      'https://api.notifly.tech': `${app.url}/notifly`,
      'your-access_key': project.accessKey,
      'your-access-key': project.accessKey,
      'your-secret-key': project.secretKey,
      'some-token': await tokenOf(project),
      provided_project_id: project.key,
    }
    const text = Object.entries(names).reduce((all, [name, value]) => all.replaceAll(name, value), code)
    const types: (string | null)[] = []
    const written = Promise.withResolvers<unknown>()
    const watched = async (url: string, init: RequestInit): Promise<Response> => {
      types.push(new Request(url, init).headers.get('content-type'))
      const response = await fetch(url, init)
      const { status, headers } = response
      const path = new URL(url).pathname.replace('/notifly', '')
      notifly.validate(init.method ?? 'GET', path, { status, headers, body: await response.clone().json() })
      return response
    }
    const console = { log: written.resolve, error: written.reject }
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...given: unknown[]) => Promise<void>
    const program = new AsyncFunction('fetch', 'console', 'projectId', 'campaignId', 'templateId', text)
    await program(watched, console, project.key, 'SMS', 'order-shipped')
    return { written: await written.promise, types }
  }
  const codeOf = (index: number): string => blocks[index]?.text ?? ''
  /** Two bodies are printed for one call. */
  const withBody = (index: number, which: 'Single' | 'Multple'): string =>
    which === 'Single'
      ? codeOf(index).replace(/\/\/ Body \(Multple.*?(?=\/\/ Fetch call)/s, '')
      : codeOf(index).replace(/\/\/ Body \(Single.*?(?=\/\/ Body \(Multple)/s, '')
  const json = 'application/json'
  const plain = 'text/plain;charset=UTF-8'

  it('LY-01, LY-04, LY-05: authenticates', async () => {
    expect(await run(codeOf(0))).toEqual({ written: { data: expect.stringMatching(/^[\w.-]+$/), error: null }, types: [json] })
  })

  it('LY-10, LY-11, LY-17: tracks an event', async () => {
    expect((await run(codeOf(1))).written).toEqual({ data: 'The event was stored.', error: null })
    const own = codeOf(1).replace('isGlobalEvent: true', 'isGlobalEvent: false').replace('userID: null', 'userID: "viewer"')
    expect((await run(own)).written).toEqual({ data: 'The event was stored.', error: null })
    expect(await contactOf('viewer')).not.toBeNull()
  })

  it('LY-20, LY-21, LY-22, LY-24, LY-25: sets properties of a user, and of several', async () => {
    expect((await run(withBody(2, 'Single'))).written).toEqual({ data: 1, error: null })
    expect((await run(withBody(2, 'Multple'))).written).toEqual({ data: 2, error: null })
    expect(await contactOf('some-user-id')).toMatchObject({ email: 'email@example.com', phone: '010-7777-7777' })
    expect(await contactOf('some-user-id-2')).toMatchObject({ email: 'user2@example.com', phone: '010-7777-7777' })
  })

  it('LY-30, LY-31, LY-32, LY-35: deletes a user, and several', async () => {
    const whole = withBody(3, 'Single')
      .replace(/\/\/ if you want.*\n/, '')
      .replaceAll(/\/\/ (?=userProperties|\$|\})/g, '')
    // With all three selectors: they name one user, whose number another has as well.
    expect((await run(whole)).written).toEqual({ data: 1, error: null })
    expect(await contactOf('some-user-id')).toBeNull()
    expect((await run(withBody(3, 'Single'))).written).toEqual({ data: 0, error: null })
    expect((await run(withBody(3, 'Multple'))).written).toEqual({ data: 2, error: null })
  })

  it('LY-40, LY-70: triggers a campaign, without a Content-Type where none is printed', async () => {
    const result = await run(`${codeOf(4)}\nawait triggerCampaign(projectId, campaignId)`)
    expect(result).toEqual({ written: 'Campaign triggered successfully', types: [plain, json] })
    expect(await sent()).toEqual([
      ['010-1111-1111', 'Hello Alice! Hello Alice'],
      ['010-2222-2222', 'Hello Bob! Hello Bob'],
    ])
  })

  it('LY-80, LY-82, LY-87: sends text messages', async () => {
    expect(await run(codeOf(5))).toEqual({ written: 'SMS Message sent successfully', types: [plain, json] })
    expect(await sent()).toEqual([
      ['01012345678', 'Message Body'],
      ['01045671234', 'Message Body'],
    ])
  })

  it('LY-90, LY-91, LY-94: sends an Alimtalk', async () => {
    expect((await run(codeOf(6))).written).toBe('Kakao Alimtalk Message sent successfully')
    expect((await sent()).map(([address]) => address)).toEqual(['01012345678', '01056781234'])
  })

  it('LY-100, LY-101, LY-103, LY-105: sends a Friendtalk', async () => {
    expect((await run(codeOf(7))).written).toBe('Kakao Friendtalk Message sent successfully')
    expect(await sent()).toEqual([['01012345678', 'test']])
  })
})

describe('authentication', () => {
  it('LY-09: answers 401 to wrong keys, and 400 to a body that has none', async () => {
    const { accessKey, secretKey } = project
    for (const body of [
      { accessKey, secretKey: 'sk_wrong' },
      { accessKey: 'ak_unknown', secretKey },
      { accessKey: '\0', secretKey: '\0' },
    ]) {
      expect(await call('/authenticate', body)).toEqual(refused(401, 'Unauthorized'))
    }
    expect(await call('/authenticate', { accessKey })).toEqual(refused(400, 'secretKey: is needed.'))
    expect(await call('/authenticate', '{')).toEqual(refused(400, 'The request body is not valid JSON.'))
  })

  it('lets a client authenticate whose Authorization is wrong, and nothing else', async () => {
    const { accessKey, secretKey } = project
    const body = { accessKey, secretKey }
    for (const authorization of ['nonsense', 'null', 'undefined', `Bearer ${project.apiKey}x`]) {
      expect((await notifly.call({ path: '/authenticate', authorization, body })).status).toBe(200)
    }
  })

  it('LY-07: limits wrong guesses, and tells when to try again; the right keys of others are let in', async () => {
    const { accessKey } = await app.project()
    const guess = () => notifly.call({ path: '/authenticate', body: { accessKey, secretKey: 'sk_wrong' } })
    for (let n = 0; n < 10; n++) expect((await guess()).status).toBe(401)
    const limited = await guess()
    expect(shown(limited)).toEqual(refused(429, expect.any(String)))
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await tokenOf(project)).toBeTypeOf('string')
  })

  it('LY-06, LY-08, LY-72: takes the token bare or after Bearer, for an hour', async () => {
    const own = await tokenOf(project)
    const event = { path: '/track-event', body: { projectID: project.key, eventName: 'e', isGlobalEvent: true } }
    for (const authorization of [own, `Bearer ${own}`, project.apiKey]) {
      expect((await notifly.call({ ...event, authorization })).status).toBe(200)
    }
    clock.advance(59 * 60_000)
    expect((await notifly.call({ ...event, authorization: own })).status).toBe(200)
    clock.advance(2 * 60_000)
    expect(shown(await notifly.call({ ...event, authorization: own }))).toEqual(refused(401, 'Unauthorized: Invalid token'))
    notifly = await anonymous.as(await tokenOf(project))
  })

  it('LY-72: every other endpoint answers 401 in its own shape without a token, or with a wrong one', async () => {
    for (const [path, method, body, shape] of endpoints()) {
      for (const authorization of [null, 'some-token', `${project.apiKey}x`, project.accessKey]) {
        const answer = await notifly.call({ path, method, body, authorization })
        expect(shown(answer), path).toEqual(shape(401, 'Unauthorized: Invalid token'))
      }
    }
  })

  it('answers 403 to a key without the scope', async () => {
    const { createApiKey } = await project.api.do(CreateApiKey, { name: 'reader', scopes: ['READ'] })
    for (const [path, method, body, shape] of endpoints()) {
      const answer = await notifly.call({ path, method, body, authorization: createApiKey.secret })
      expect(shown(answer), path).toEqual(shape(403, expect.stringContaining('takes a credential with the scope')))
    }
  })
})

describe('what every endpoint has in common', () => {
  it('takes a right request', async () => {
    for (const [path, method, body] of endpoints()) {
      expect((await call(path, body, method)).status, path).toBe(200)
    }
  })

  it('LY-73, LY-87, LY-94, LY-105: answers 405 with Allow, in its own shape and words', async () => {
    for (const [path, method, , shape] of endpoints()) {
      for (const wrong of ['GET', 'PUT', 'PATCH', method === 'POST' ? 'DELETE' : 'POST', 'OPTIONS']) {
        const answer = await notifly.call({ path, method: wrong })
        const text =
          shape === unsent ? 'Method not allowed' : expect.stringMatching(shape === untriggered ? /^Method not allowed: ./ : /./)
        expect(shown(answer), `${wrong} ${path}`).toEqual(shape(405, text))
        expect(answer.headers.get('allow')).toBe(method)
      }
    }
  })

  it('answers 404 for a path that is not there', async () => {
    for (const path of ['', '/', '/nothing', '/users/u', '/campaign/p/c', '/campaign/p//send', '/messages/fax', '/%zz']) {
      expect(await call(path, {}), path).toEqual(refused(404, 'Not found.'))
    }
  })

  it('LY-74, LY-87, LY-94, LY-105: answers 413 to a body of 2 MB, in its own shape and words', async () => {
    const large = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) })
    for (const [path, method, , shape] of endpoints()) {
      const text =
        shape === unsent ? 'Payload Too Large' : expect.stringMatching(shape === untriggered ? /^Payload too large: ./ : /./)
      expect(await call(path, large, method), path).toEqual(shape(413, text))
    }
  })

  it('LY-71, LY-87, LY-94, LY-105: answers 400 to a body that is not JSON, not an object, or lacks what is needed', async () => {
    for (const [path, method, body, shape] of endpoints()) {
      const prefix = shape === untriggered ? 'Bad request: ' : ''
      expect(await call(path, '{', method)).toEqual(shape(400, `${prefix}The request body is not valid JSON.`))
      for (const wrong of ['null', '7', '"x"', '[]', '[[]]', '{}', 'true']) {
        expect(await call(path, wrong, method), `${wrong} ${path}`).toEqual(shape(400, expect.stringMatching(`^${prefix}.`)))
      }
      for (const name of Object.keys(body)) {
        const { [name]: _left, ...rest } = body as Record<string, unknown>
        expect(await call(path, rest, method), `${path} without ${name}`).toEqual(
          shape(400, expect.stringMatching(new RegExp(`^${prefix}${name}: `))),
        )
      }
    }
  })

  it('reads JSON whatever the Content-Type says', async () => {
    for (const [path, method, body] of endpoints()) {
      for (const type of ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'nonsense']) {
        const headers = { 'content-type': type }
        expect((await notifly.call({ path, method, body, headers })).status, `${type} ${path}`).toBe(200)
      }
      expect((await notifly.call({ path, method, body: new Blob([JSON.stringify(body)]) })).status, path).toBe(200)
    }
  })

  it('LY-110: takes projectID and projectId, userID and userId, of which two must be the same', async () => {
    for (const [path, method, body, shape] of endpoints()) {
      const given = JSON.stringify(body)
      const other = given.replaceAll(/"(project|user)(ID|Id)"/g, (_all, name, id) => `"${name}${id === 'ID' ? 'Id' : 'ID'}"`)
      expect((await call(path, other, method)).status, other).toBe(200)
      const both = JSON.parse(given.replaceAll(/"(project|user)(?:ID|Id)":("[^"]*")/g, '"$1ID":$2,"$1Id":$2')) as object
      expect((await call(path, both, method)).status, path).toBe(200)
      if ('projectID' in both)
        expect(await call(path, { ...both, projectId: 'other' }, method)).toEqual(shape(400, 'projectID: is not projectId.'))
      if ('userID' in both)
        expect(await call(path, { ...both, userId: 'other' }, method)).toEqual(shape(400, 'userID: is not userId.'))
    }
  })

  it('LY-11, LY-21, LY-31, LY-82, LY-91, LY-101: takes the key or the id of the project, and refuses any other: nothing is done in it, or in its own', async () => {
    const other = await app.project()
    const before = [await count(), await contactCount()]
    for (const [path, method, body, shape] of endpoints()) {
      const named = (id: string) =>
        [path.replace(project.key, id), JSON.parse(JSON.stringify(body).replace(project.key, id))] as const
      expect((await call(...named(project.id), method)).status, path).toBe(200)
      for (const id of [other.key, other.id, 'your-project', project.accessKey]) {
        expect(await call(...named(id), method), path).toEqual(
          shape(400, expect.stringContaining(`The project is not that of the token, whose key is "${project.key}".`)),
        )
      }
    }
    expect((await other.api.do(ListContacts, { first: 1 })).contacts.totalCount).toBe(0)
    expect((await other.api.do(ListNotifications, { first: 1 })).notifications.totalCount).toBe(0)
    // Four messages by the project's id.
    expect([await count(), await contactCount()]).toEqual([(before[0] ?? 0) + 4, before[1]])
  })

  it('the document describes requests as they are read', () => {
    for (const [path, method, body] of endpoints()) {
      const template = path.replace(/^\/campaign\/.*$/, '/campaign/{projectId}/{campaignId}/send')
      const accepts = (one: unknown) => notifly.accepts(template, one, method.toLowerCase())
      expect([path, accepts(body), accepts({}), accepts(7), accepts([])]).toEqual([path, true, false, false, false])
      const list = Object.entries(body).find(([, value]) => Array.isArray(value))
      if (list !== undefined) {
        const [name, [item]] = list as unknown as [string, unknown[]]
        expect([0, 1_000, 1_001].map((n) => accepts({ ...body, [name]: times(n, () => item) }))).toEqual([false, true, false])
      } else if (path !== '/track-event') {
        expect([0, 1_000, 1_001].map((n) => accepts(times(n, () => body)))).toEqual([false, true, false])
      }
    }
  })

  it('LY-75, LY-76, LY-87, LY-94, LY-105: shapes any error as its endpoint does, with the words of the document', () => {
    const failure = (code: ErrorCode): Failure => ({
      code,
      status: catalogue[code].status,
      message: 'Why.',
      ...{ field: null, index: null, reference: code === 'INTERNAL' ? 'r-1' : null, retryAfterSeconds: null, issues: [] },
      ...{ method: 'POST', url: '/notifly', at: new Date() },
    })
    const shapesOf = (code: ErrorCode) =>
      ['/track-event', '/campaign/:projectId/:campaignId/send', '/messages/text-message'].map((path) => {
        const { failed } = dialect.routes.find((route) => route.path === path) ?? {}
        return failed?.(failure(code))
      })
    expect(shapesOf('INTERNAL')).toEqual([
      refused(500, 'Why. Reference: r-1'),
      untriggered(500, 'Why. Reference: r-1'),
      unsent(500, 'Internal Server Error'),
    ])
    expect(shapesOf('NOT_IMPLEMENTED')).toEqual([
      refused(501, 'Why.'),
      untriggered(501, 'Not implemented: Why.'),
      unsent(501, 'Not implemented: Why.'),
    ])
    // What has no status of its own there.
    for (const code of ['NOT_FOUND', 'CHANNEL_NOT_CONFIGURED', 'CAMPAIGN_INACTIVE', 'TEMPLATE_EMPTY'] as const) {
      expect(shapesOf(code)).toEqual([refused(400, 'Why.'), untriggered(400, 'Bad request: Why.'), unsent(400, 'Why.')])
    }
    expect(shapesOf('OVERLOADED')).toEqual([refused(503, 'Why.'), untriggered(503, 'Why.'), unsent(503, 'Why.')])
  })
})

it('LY-75: answers 500 in the shape of its endpoint, and logs why', async () => {
  const references: unknown[] = []
  const error = (_message: string, fields: Record<string, unknown> = {}) => void references.push(fields['reference'])
  const own = await startTestApp({ log: { debug() {}, info() {}, warn() {}, error } })
  const shop = await own.project()
  const client = await createDialectClient(own.url, '/notifly', shop.apiKey)
  const { prisma } = own.app
  for (const table of ['event', 'campaign', 'provider'])
    await prisma.$executeRawUnsafe(`ALTER TABLE ${table} RENAME TO ${table}_gone`)
  const event = { projectID: shop.key, eventName: 'e', isGlobalEvent: true }
  const text = { projectId: shop.key, type: 'sms', body: 'x', recipientList: [{ recipientNo: '01012345678' }] }
  const answers = [
    shown(await client.call({ path: '/track-event', body: event })),
    shown(await client.call({ path: `/campaign/${shop.key}/c/send`, body: { recipients: [{ userId: 'a' }] } })),
    shown(await client.call({ path: '/messages/text-message', body: text })),
  ]
  for (const table of ['event', 'campaign', 'provider'])
    await prisma.$executeRawUnsafe(`ALTER TABLE ${table}_gone RENAME TO ${table}`)
  const [ofEvent, ofCampaign, ofText] = references.filter((one) => one !== undefined)
  expect(ofText).toBeTypeOf('string')
  expect(answers).toEqual([
    refused(500, expect.stringMatching(new RegExp(`Reference: ${String(ofEvent)}$`))),
    untriggered(500, expect.stringMatching(new RegExp(`Reference: ${String(ofCampaign)}$`))),
    unsent(500, 'Internal Server Error'),
  ])
  await own.stop()
})

describe('limits', () => {
  const number = (n: number): string => `010-3${String(n).padStart(3, '0')}-0000`

  it('LY-23, LY-32: sets and deletes 1,000 users, and refuses 1,001 as a whole', async () => {
    const users = (total: number) => times(total, (n) => ({ projectID: project.key, userID: `many-${n}`, userProperties: { n } }))
    const before = await contactCount()
    const tooMany = refused(413, 'The request body has 1001 items, at most 1000 are allowed.')
    expect(await call('/set-user-properties', users(1_001))).toEqual(tooMany)
    expect(await contactCount()).toBe(before)
    expect(await call('/set-user-properties', users(1_000))).toEqual(done(1_000))
    const selectors = users(1_001).map(({ projectID, userID }) => ({ projectID, userID }))
    expect(await call('/users', selectors, 'DELETE')).toEqual(tooMany)
    expect(await contactCount()).toBe(before + 1_000)
    expect(await call('/users', selectors.slice(0, 1_000), 'DELETE')).toEqual(done(1_000))
    expect(await call('/users', [], 'DELETE')).toEqual(refused(400, "The request body can't be empty."))
  })

  it('LY-77, LY-86, LY-92, LY-104: sends to 1,000 recipients, and refuses 1,001 and none as a whole', async () => {
    const lists: readonly (readonly [part: string, make: (n: number) => object])[] = [
      ['campaign', (n: number) => ({ type: 'phone-number', phoneNumber: number(n) })],
      ['text-message', (n: number) => ({ recipientNo: number(n) })],
      ['kakao-alimtalk', (n: number) => ({ recipientNo: number(n) })],
      ['kakao-friendtalk', (n: number) => ({ recipientNo: number(n), content: { text: 'x' } })],
    ]
    for (const [part, make] of lists) {
      const [path, , body, shape] = endpoints().find(([one]) => one.includes(part)) ?? []
      if (path === undefined || shape === undefined) throw new Error(`There is no ${part}.`)
      const name = shape === untriggered ? 'recipients' : 'recipientList'
      const before = await count()
      const text =
        shape === untriggered ? 'Payload too large: recipients: has 1001 items, at most 1000 are allowed.' : 'Payload Too Large'
      expect(await call(path, { ...body, [name]: times(1_001, make) }), part).toEqual(shape(413, text))
      expect(await call(path, { ...body, [name]: [] }), part).toEqual(shape(400, expect.stringContaining(`${name}: is empty`)))
      expect(await count()).toBe(before)
      expect((await call(path, { ...body, [name]: times(1_000, make) })).status, part).toBe(200)
      expect(await count()).toBe(before + 1_000)
    }
  })
})

describe('track-event', () => {
  const track = (event: object) => call('/track-event', { projectID: project.key, ...event })

  it('LY-12, LY-13, LY-14, LY-15, LY-16: takes an event of a user, or of nobody', async () => {
    const stored = done('The event was stored.')
    const purchase = { eventName: 'purchase', isGlobalEvent: false, eventParams: { plan: 'pro' } }
    expect(await track({ ...purchase, userID: 'carol', segmentationEventParamKeys: ['plan'] })).toEqual(stored)
    expect(await track({ ...purchase, userID: 'carol', eventParams: null, segmentationEventParamKeys: null })).toEqual(stored)
    for (const userID of [undefined, null, '']) {
      expect(await track({ eventName: 'show_end', isGlobalEvent: true, userID })).toEqual(stored)
      expect(await track({ ...purchase, userID })).toEqual(refused(400, 'userID: must be given unless the event is global.'))
    }
    expect(await track({ eventName: 'e', isGlobalEvent: true, userID: 'carol' })).toEqual(
      refused(400, 'userID: a global event is not tied to a contact.'),
    )
    expect(await track({ eventName: '', isGlobalEvent: true })).toEqual(refused(400, expect.stringMatching(/^eventName: /)))
    expect(await track({ eventName: 'e', isGlobalEvent: 'true' })).toEqual(refused(400, 'isGlobalEvent: must be true or false.'))
  })

  it('LY-18: an event sends the campaign that waits for it', async () => {
    const schedule = { onEvent: 'cart_left' }
    const campaign = { key: 'cart', template: 'greeting', channel: 'SMS', dispatch: 'SEGMENT', segment: 's', schedule } as const
    await project.api.do(UpsertCampaigns, { campaigns: [campaign] })
    const event = { eventName: 'cart_left', isGlobalEvent: false, eventParams: { messageTitle: 'A bell!' }, userID: 'alice' }
    const before = await count()
    await track(event)
    await until('it is sent', async () => (await count()) > before)
    expect(await sent()).toEqual([['010-1111-1111', 'A bell! Hello Alice']])
  })
})

describe('set-user-properties', () => {
  const set = (userID: string, userProperties: object) => ({ projectID: project.key, userID, userProperties })

  it('LY-26, LY-27: creates a user, replaces what is given, and keeps the rest', async () => {
    await call('/set-user-properties', set('dora', { $email: 'dora@example.com', plan: 'free', seats: 1 }))
    await call('/set-user-properties', set('dora', { plan: 'pro', $phone_number: '010-4444-4444', $email: null }))
    expect(await contactOf('dora')).toMatchObject({
      email: null,
      phone: '010-4444-4444',
      profile: { plan: 'pro', seats: 1 },
    })
  })

  it('counts a user who comes twice once, and changes it in order', async () => {
    expect(await call('/set-user-properties', [set('eve', { n: 1 }), set('eve', { n: 2, m: 1 })])).toEqual(done(1))
    expect(await contactOf('eve')).toMatchObject({ profile: { n: 2, m: 1 } })
  })

  it('sets the properties of all users or of none, and says which is wrong', async () => {
    const wrong = [
      [set('f2', { $email: 'nobody' }), '[2].userProperties.$email: '],
      [set('f2', { $phone_number: 'x' }), '[2].userProperties.$phone_number: '],
      [set('f2', { 'a..b': 1 }), '[2].userProperties.a..b: '],
      [set('f2', { id: 'f3' }), '[2].userProperties.id: '],
      [set('', {}), '[2].userID: '],
      [{ ...set('f2', {}), userProperties: [] }, '[2].userProperties: must be an object'],
      [{ ...set('f2', {}), userID: 7 }, '[2].userID: must be text'],
    ] as const
    for (const [user, text] of wrong) {
      const { status, body } = await call('/set-user-properties', [set('f0', { n: 1 }), set('f1', { n: 1 }), user])
      expect([status, (body as { error: string }).error.slice(0, text.length)]).toEqual([400, text])
    }
    expect([await contactOf('f0'), await contactOf('f1')]).toEqual([null, null])
    // One that is no list has no position in it.
    expect((await call('/set-user-properties', set('f2', { $email: 'nobody' }))).body).toMatchObject({
      error: expect.stringMatching(/^userProperties\.\$email: /),
    })
    // Also where the wrong one is the second of a user's.
    const again = await call('/set-user-properties', [set('f0', { n: 1 }), set('f1', { n: 1 }), set('f0', { $email: 'nobody' })])
    expect(again.body).toMatchObject({ error: expect.stringMatching(/^\[2\]\.userProperties\.\$email: /) })
    expect(await contactOf('f1')).toBeNull()
  })
})

describe('users', () => {
  const remove = (body: object) => call('/users', body, 'DELETE')
  const by = (selector: object) => ({ projectID: project.key, ...selector })

  it('LY-33, LY-34, LY-36: deletes by id, e-mail or exact number, all who match, and counts them', async () => {
    await project.api.do(UpsertContacts, {
      contacts: [
        { externalId: 'g1', email: 'shared@example.com', phone: '010-1234-1234' },
        { externalId: 'g2', email: 'shared@example.com' },
        { externalId: 'g3', phone: '010-1234-1234' },
        { externalId: 'g4' },
      ],
    })
    expect(await remove(by({ userProperties: { $phone_number: '01012341234' } }))).toEqual(done(0))
    expect(await remove(by({ userProperties: { $email: 'SHARED@example.com' } }))).toEqual(done(2))
    expect(await remove([by({ userProperties: { $phone_number: '010-1234-1234' } }), by({ userID: 'g4' })])).toEqual(done(2))
  })

  it('deletes only who has all that an item names', async () => {
    await project.api.do(UpsertContacts, {
      contacts: [
        { externalId: 'h1', email: 'family@example.com', phone: '010-5555-1234' },
        { externalId: 'h2', email: 'family@example.com', phone: '010-5555-9999' },
        { externalId: 'h3', email: 'family@example.com' },
      ],
    })
    const family = { $email: 'Family@example.com' }
    expect(await remove(by({ userID: 'h9', userProperties: family }))).toEqual(done(0))
    expect(await remove(by({ userID: 'h1', userProperties: { ...family, $phone_number: '010-5555-9999' } }))).toEqual(done(0))
    expect(await remove([by({ userID: 'h1', userProperties: family }), by({ userID: 'h3' })])).toEqual(done(2))
    expect(await contactOf('h2')).not.toBeNull()
  })

  it('LY-36: deletes nobody without a selector, or by a property that selects nobody', async () => {
    const before = await contactCount()
    const needed = 'userID: is needed, or $email or $phone_number.'
    for (const selector of [
      {},
      { userID: null },
      { userID: '' },
      { userProperties: {} },
      { userProperties: null },
      { userProperties: { $email: '', $phone_number: ' ' } },
    ]) {
      expect(await remove(by(selector))).toEqual(refused(400, needed))
      expect(await remove([by({ userID: 'alice' }), by(selector)])).toEqual(refused(400, `[1].${needed}`))
    }
    const wrong = await remove(by({ userID: 'alice', userProperties: { name: 'Alice' } }))
    expect(wrong).toEqual(refused(400, 'userProperties.name: is not known.'))
    expect(await contactCount()).toBe(before)
  })
})

describe('campaigns', () => {
  const trigger = (campaign: string, ...recipients: readonly object[]) =>
    call(`/campaign/${project.key}/${campaign}/send`, { recipients })

  it('LY-43, LY-44, LY-45, LY-46: a recipient is named by what its type says', async () => {
    expect(await trigger('EMAIL', { type: 'email', email: 'x@example.com' }, { type: 'user-id', userId: 'bob' })).toEqual(
      triggered,
    )
    const wrong = [
      [{}, 'recipients[1].userId is missing: the recipient is named by user-id.'],
      [
        { type: 'phone-number', userId: 'bob' },
        'recipients[1]: EMAIL takes recipients by user-id or email only, not by phone-number.',
      ],
      [{ type: 'email', userId: 'bob' }, 'recipients[1].email is missing: the recipient is named by email.'],
      [{ type: 'device', userId: 'bob' }, 'recipients[1].type: must be one of user-id, phone-number, email.'],
      [{ userId: 'bob', eventParams: [] }, 'recipients[1].eventParams: must be an object.'],
    ] as const
    const before = await count()
    for (const [recipient, text] of wrong) {
      expect(await trigger('EMAIL', { userId: 'alice' }, recipient)).toEqual(untriggered(400, `Bad request: ${text}`))
    }
    expect(await count()).toBe(before)
  })

  it('LY-50, LY-51, LY-52, LY-53, LY-54, LY-55: each channel takes the types of the document', async () => {
    const named = {
      'user-id': { userId: 'alice' },
      'phone-number': { type: 'phone-number', phoneNumber: '010-1111-1111' },
      email: { type: 'email', email: 'a@example.com' },
    }
    const taken = await Promise.all(
      channels.slice(0, 5).map(async (channel) => {
        const answers = await Promise.all(
          Object.entries(named).map(async ([type, recipient]) => [type, (await trigger(channel, recipient)).status]),
        )
        return [channel, answers.filter(([, status]) => status === 200).map(([type]) => type)]
      }),
    )
    expect(Object.fromEntries(taken)).toEqual({
      PUSH: ['user-id'],
      WEB_PUSH: ['user-id'],
      ALIMTALK: ['user-id', 'phone-number'],
      SMS: ['user-id', 'phone-number'],
      EMAIL: ['user-id', 'email'],
    })
  })

  it('LY-47, LY-56, LY-57: a bare number is not looked up, and sees its parameters alone', async () => {
    const eventParams = { messageTitle: 'Hi!' }
    await trigger('SMS', { type: 'phone-number', phoneNumber: '010-1111-1111', eventParams })
    expect(await sent()).toEqual([['010-1111-1111', 'Hi! Hello']])
  })

  it('LY-60, LY-61, LY-62: one number is sent to once', async () => {
    const before = await count()
    const twice = { type: 'phone-number', phoneNumber: '01011111111' }
    expect(await trigger('SMS', { userId: 'alice' }, twice, { userId: 'alice' })).toEqual(triggered)
    expect(await count()).toBe(before + 1)
  })

  it('LY-41: answers 400 for a campaign that is not triggered by API, is inactive, or is not there', async () => {
    const recipient = { userId: 'alice' }
    for (const campaign of ['segment', 'asleep', 'none', '%00']) {
      expect(await trigger(campaign, recipient)).toEqual(untriggered(400, expect.stringMatching(/^Bad request: ./)))
    }
  })

  it('succeeds where a recipient can not be reached: those are skipped', async () => {
    const before = await count()
    expect(await trigger('SMS', { userId: 'stranger' }, { userId: 'bob' })).toEqual(triggered)
    expect(await count()).toBe(before + 1)
  })
})

describe('messages to numbers', () => {
  const recipientList = [{ recipientNo: '01012345678' }]
  const text = (body: object) => call('/messages/text-message', { projectId: project.key, recipientList, ...body })

  it('LY-83, LY-84, LY-85: a text message is sms, lms or mms, with a title unless it is an sms', async () => {
    for (const type of ['sms', 'lms', 'mms']) expect(await text({ type, title: 'Title', body: 'x' })).toEqual(accepted)
    expect(await text({ type: 'fax', body: 'x' })).toEqual(unsent(400, 'type: must be one of sms, lms, mms.'))
    expect(await text({ type: 'sms', body: '' })).toEqual(unsent(400, 'body is empty.'))
    expect(await text({ type: 'sms', body: 'x', recipientList: [...recipientList, { recipientNo: '' }] })).toEqual(
      unsent(400, 'recipientList[1].recipientNo is empty.'),
    )
  })

  it('is 400 if none of the numbers is one; one that is none among others is skipped', async () => {
    const [wrong, right] = [{ recipientNo: 'nobody' }, ...recipientList]
    const none = unsent(400, expect.stringMatching(/^recipientList\[0\]\.recipientNo: /))
    expect(await text({ type: 'sms', body: 'x', recipientList: [wrong, wrong] })).toEqual(none)
    const alimtalk = { projectId: project.key, templateId: 'T', recipientList: [wrong] }
    expect(await call('/messages/kakao-alimtalk', alimtalk)).toEqual(none)
    const friendtalk = { projectId: project.key, messageType: 'text', recipientList: [{ ...wrong, content: { text: 'x' } }] }
    expect(await call('/messages/kakao-friendtalk', friendtalk)).toEqual(none)
    expect(await text({ type: 'sms', body: 'x', recipientList: [wrong, right] })).toEqual(accepted)
  })

  it('LY-93: an Alimtalk needs what its registered template needs', async () => {
    const send = (templateParameter?: object) =>
      call('/messages/kakao-alimtalk', {
        ...{ projectId: project.key, templateId: 'order-shipped' },
        recipientList: [{ recipientNo: '01012345678', templateParameter }],
      })
    expect(await send({ user_name: 'Ann' })).toEqual(accepted)
    expect(await send()).toEqual(
      unsent(400, 'recipientList[0].templateParameter.user_name: is missing: the registered template needs it.'),
    )
    expect(await send({ user_name: [] })).toEqual(
      unsent(400, expect.stringMatching(/^recipientList\[0\]\.templateParameter\.user_name: must be a text/)),
    )
  })

  it('LY-102: a Friendtalk is a text; anything else is 501', async () => {
    const content = { text: 'x' }
    const send = (messageType: unknown, isAd?: unknown) =>
      call('/messages/kakao-friendtalk', {
        ...{ projectId: project.key, messageType, isAd },
        recipientList: [{ recipientNo: '01012345678', content }],
      })
    expect(await send('text', true)).toEqual(accepted)
    for (const type of ['image', 'wide', '']) {
      expect(await send(type)).toEqual(unsent(501, 'Not implemented: messageType: only text is supported.'))
    }
    expect(await send(7)).toEqual(unsent(400, 'messageType: must be text.'))
    expect(await send('text', 'yes')).toEqual(unsent(400, 'isAd: must be true or false.'))
  })

  it('LY-81: without a provider for the channel it is 400', async () => {
    const bare = await app.project()
    const own = await anonymous.as(await tokenOf(bare))
    for (const [path, , body] of endpoints().slice(4)) {
      const answer = await own.call({ path, body: { ...body, projectId: bare.key } })
      expect(shown(answer)).toEqual(unsent(400, expect.stringContaining('no active provider')))
    }
  })
})

describe('hostile input', () => {
  const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  const values: readonly unknown[] = [
    ...[null, true, 0, -1, 1e308, '', ' ', [], {}, [[]], deep(40), deep(1_000)],
    ...['\0', '\ud800', '\u202e', '\r\nBcc: evil@example.com', 'x'.repeat(100_000), '{{ x }}', "'; DROP TABLE contact; --"],
    ...[JSON.parse('{"__proto__": {"polluted": true}}') as unknown, { constructor: { prototype: { polluted: true } } }],
    ...[{ $set: { a: 1 } }, { length: 1e9 }, '../../etc/passwd', '٣'],
  ]

  it('I27, I28, I30: any value in any field is an answer in the shape of its endpoint, and no 5xx but 501', async () => {
    const more: Readonly<Record<string, object>> = {
      '/track-event': { eventParams: {}, segmentationEventParamKeys: [], userID: 'hostile' },
      '/users': { userProperties: {} },
      '/messages/text-message': { title: 'x' },
      '/messages/kakao-friendtalk': { isAd: false },
    }
    const inItem = ['type', 'userId', 'phoneNumber', 'email', 'eventParams', 'recipientNo', 'templateParameter', 'content']
    for (const [path, method, right, shape] of endpoints()) {
      const body: Record<string, unknown> = { ...right, ...more[path] }
      const bodies = Object.entries(body).flatMap(([name, own]) => {
        const item: unknown = Array.isArray(own) ? own[0] : undefined
        const known = typeof item === 'object' && item !== null ? inItem.filter((one) => one in item || one.startsWith('e')) : []
        return values.flatMap((value) => [
          { ...body, [name]: value },
          ...known.map((inner) => ({ ...body, [name]: [{ ...(item as object), [inner]: value }] })),
        ])
      })
      for (const one of [...bodies, ...values, ...values.map((value) => [value])]) {
        const { status, body: answer } = await call(path, JSON.stringify(one), method)
        if (status === 200) continue
        expect(status === 501 || status < 500, `${path} ${status} ${JSON.stringify(one).slice(0, 300)}`).toBe(true)
        expect({ status, body: answer }).toEqual(shape(status, expect.any(String)))
      }
      for (const brackets of ['['.repeat(500_000), `${'['.repeat(400_000)}${']'.repeat(400_000)}`]) {
        expect(await call(path, brackets, method)).toEqual(shape(400, expect.any(String)))
      }
    }
    const property = values.map((value) => ({
      projectID: project.key,
      userID: 'hostile',
      userProperties: { a: value, $email: value },
    }))
    for (const one of property) expect((await call('/set-user-properties', one)).status).toBeLessThan(500)
    for (const value of values) {
      const one = { projectID: project.key, userProperties: { $email: value, $phone_number: value } }
      expect((await call('/users', one, 'DELETE')).status).toBeLessThan(500)
      expect((await call('/authenticate', { accessKey: value, secretKey: value })).status).toBeLessThan(500)
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    for (const part of ['%00', '..%2f..', 'x'.repeat(3_000), '%F0%9F%92%A9', '__proto__']) {
      for (const path of [`/campaign/${part}/SMS/send`, `/campaign/${project.key}/${part}/send`]) {
        expect((await call(path, { recipients: [{ userId: 'alice' }] })).status, path).toBeLessThan(500)
      }
    }
  })
})
