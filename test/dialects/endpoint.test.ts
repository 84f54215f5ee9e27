/** What every dialect has in common: who is let in, how much of it, what errors look like, and what a process pays that nobody calls so. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialectNames } from '../../src/words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createDialectClient, type DialectAnswer, type DialectClient, shown } from '../helpers/dialect.ts'
import {
  createRandom,
  hostileEmail,
  hostileLocale,
  hostilePhone,
  hostileText,
  hostileValue,
  hostileZone,
} from '../helpers/hostile.ts'
import { CreateApiKey, CreateContactToken, ListContacts } from '../helpers/operations.ts'
import { seeded } from '../helpers/seed.ts'
import { newShop, times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let notifuse: DialectClient
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  notifuse = await createDialectClient(app.url, '/notifuse', `Bearer ${project.apiKey}`)
})
afterAll(() => app?.stop())

const upsert = { path: '/v2/contacts.upsert', body: { contacts: [{ id: 'anna' }] } } as const
/** An error in Notifuse's form. */
const failure = (statusCode: number, error: string, message: unknown = expect.any(String)) => ({
  status: statusCode,
  body: { statusCode, error, message },
})

describe('who is let in', () => {
  it('nobody without a key of a project', async () => {
    const { createContactToken } = await project.api.do(CreateContactToken, { contact: 'anna' })
    const wrong = [null, '', 'Bearer', 'Bearer wrong', `Basic ${btoa(`${project.apiKey}:`)}`, `Bearer ${project.apiKey}x`]
    for (const authorization of wrong) {
      const answer = await notifuse.call({ ...upsert, authorization })
      expect(shown(answer), String(authorization)).toEqual(failure(401, 'Unauthorized'))
    }
    for (const credential of [app.operatorKey, createContactToken.token]) {
      const answer = await notifuse.call({ ...upsert, authorization: `Bearer ${credential}` })
      expect(shown(answer)).toEqual(failure(403, 'Forbidden', expect.stringContaining('takes an API key of a project')))
    }
  })

  it('a key, as far as its scopes reach', async () => {
    const keyWith = async (...scopes: ('SEND' | 'READ' | 'MANAGE')[]): Promise<string> =>
      `Bearer ${(await project.api.do(CreateApiKey, { name: 'part', scopes })).createApiKey.secret}`
    const [sender, reader] = [await keyWith('SEND'), await keyWith('READ', 'MANAGE')]
    expect((await notifuse.call({ ...upsert, authorization: sender })).status).toBe(200)
    const refused = await notifuse.call({ ...upsert, authorization: reader })
    expect(shown(refused)).toEqual(failure(403, 'Forbidden', 'upsertContacts takes a credential with the scope SEND.'))
    const body = { messages: [{ notification: 'note', contact: 'anna', contactProfile: { $set: { timezone: 'Asia/Seoul' } } }] }
    const sent = await notifuse.call({ path: '/v2/messages.send', body, authorization: sender })
    const [{ id = '' } = {}] = (sent.body as { queued: { id: string }[] }).queued
    const info = { method: 'GET', path: `/v2/messages.info?message=${id}` }
    expect((await notifuse.call({ ...info, authorization: reader })).body).toMatchObject({ contact: { timeZone: 'Asia/Seoul' } })
    // What it may have sent, and no more of the contact than its id.
    expect((await notifuse.call({ ...info, authorization: sender })).body).toMatchObject({ contact: { id: 'anna' } })
    expect(JSON.stringify((await notifuse.call({ ...info, authorization: sender })).body)).not.toContain('Seoul')
  })

  it('each project to its own contacts', async () => {
    const other = await app.project()
    const foreign = await notifuse.as(`Bearer ${other.apiKey}`)
    await foreign.call({
      path: '/v2/contacts.upsert',
      body: { contacts: [{ id: 'shared', profile: { $set: { firstName: 'Other' } } }] },
    })
    await notifuse.call({
      path: '/v2/contacts.upsert',
      body: { contacts: [{ id: 'shared', profile: { $set: { firstName: 'Own' } } }] },
    })
    expect((await other.api.do(ListContacts, { first: 10 })).contacts.nodes).toEqual([{ externalId: 'shared' }])
  })
})

describe('what is not as it should be', () => {
  it('answers 404 for a path that is not there, and 405 with Allow for a method', async () => {
    for (const path of ['', '/', '/nothing', '/v2', '/v2/contacts', '/messages.send/more', '/%00', '/%zz', '/..%2fgraphql']) {
      expect(shown(await notifuse.call({ path, body: {} })), path).toEqual(failure(404, 'Not Found', 'Not found.'))
    }
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await notifuse.call({ method, path: '/messages.send' })
      expect(shown(answer)).toEqual(failure(405, 'Method Not Allowed'))
      expect(answer.headers.get('allow')).toBe('POST')
    }
    const answer = await notifuse.call({ path: '/v2/messages.info?message=x', body: {} })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('takes JSON whatever its Content-Type says, or none, and slashes too many', async () => {
    for (const type of ['application/json', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'nonsense']) {
      expect((await notifuse.call({ ...upsert, headers: { 'content-type': type } })).status, type).toBe(200)
    }
    const bytes = new Blob([JSON.stringify(upsert.body)])
    expect((await notifuse.call({ path: upsert.path, body: bytes })).status).toBe(200)
    expect(
      (
        await fetch(`${app.url}//notifuse//v2/contacts.upsert/`, {
          method: 'POST',
          headers: { authorization: `Bearer ${project.apiKey}` },
          body: bytes,
        })
      ).status,
    ).toBe(200)
  })

  it('answers 400 for a body that is not JSON, not an object, or not in UTF-8', async () => {
    const notJson = failure(400, 'Bad Request', 'The request body is not valid JSON.')
    for (const body of ['', '{', '{"messages": [}', "{'messages': []}", 'messages[0]=x', '\ufeff{}']) {
      expect(shown(await notifuse.call({ path: '/messages.send', body })), body).toEqual(notJson)
    }
    for (const body of [
      'null',
      '7',
      '"text"',
      '[]',
      '[{}]',
      '{}',
      '{"messages": {}}',
      '{"messages": "x"}',
      '{"messages": null}',
    ]) {
      expect(shown(await notifuse.call({ path: '/messages.send', body })), body).toEqual(failure(400, 'Bad Request'))
    }
    const latin = new Blob([Uint8Array.of(0x22, 0xe9, 0x22)])
    expect(shown(await notifuse.call({ path: '/messages.send', body: latin }))).toEqual(
      failure(400, 'Bad Request', 'The request body is not valid UTF-8.'),
    )
  })

  it('answers 413 for a body over the limit, and 415 for a compressed one', async () => {
    const large = { contacts: [{ id: 'large', profile: { $set: { text: 'x'.repeat(2 * 1024 * 1024) } } }] }
    expect(shown(await notifuse.call({ path: upsert.path, body: large }))).toEqual(failure(413, 'Payload Too Large'))
    const headers = { 'content-encoding': 'gzip' }
    const packed = new Blob([gzipSync(JSON.stringify(upsert.body))])
    expect(shown(await notifuse.call({ path: upsert.path, body: packed, headers }))).toEqual(
      failure(415, 'Unsupported Media Type'),
    )
  })

  it('answers 429 beyond the rate of a key, and beyond its budget, and 503 when too much is in flight, with Retry-After', async () => {
    const started = await Promise.all([
      app.another({ CARILLON_RATE_LIMIT: '2' }),
      app.another({ CARILLON_LIMITS: 'key=50' }),
      app.another({}, { limits: { operationsInFlight: 0 } }),
    ])
    const [limited, poor, busy] = await Promise.all(
      started.map(({ url }) => createDialectClient(url, '/notifuse', `Bearer ${project.apiKey}`)),
    )
    const fifty = { path: upsert.path, body: { contacts: times(50, (n) => ({ id: `n${n}` })) } }
    const answers = {
      rate: await Promise.all(times(4, async () => limited?.call(upsert))),
      budget: await Promise.all(times(8, async () => poor?.call(fifty))),
      flight: [await busy?.call(upsert)],
    }
    const refused = (list: readonly (DialectAnswer | undefined)[]) => list.filter((one) => one?.status !== 200)
    for (const one of [...refused(answers.rate), ...refused(answers.budget)]) {
      expect(one && shown(one)).toEqual(failure(429, 'Too Many Requests'))
      expect(Number(one?.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(refused(answers.rate)).toHaveLength(2)
    expect(refused(answers.budget).length).toBeGreaterThan(0)
    const [overloaded] = answers.flight
    expect(overloaded && shown(overloaded)).toEqual(failure(503, 'Service Unavailable'))
    expect(overloaded?.headers.get('retry-after')).toBe('1')
    await Promise.all(started.map((one) => one.app.stop()))
  })

  it('says of an unexpected error no more than a reference to the log', async () => {
    const logged: { fields: Record<string, unknown> }[] = []
    const keep = (_message: string, fields: Record<string, unknown> = {}) => void logged.push({ fields })
    const own = await startTestApp({ log: { debug() {}, info() {}, warn() {}, error: keep } })
    const shop = await own.project()
    const client = await createDialectClient(own.url, '/notifuse', `Bearer ${shop.apiKey}`)
    await own.app.prisma.$executeRawUnsafe('ALTER TABLE notification RENAME TO moved')
    const answer = await client.call({ method: 'GET', path: `/v2/messages.info?message=${crypto.randomUUID()}` })
    await own.app.prisma.$executeRawUnsafe('ALTER TABLE moved RENAME TO notification')
    const [reference] = logged.map(({ fields }) => fields['reference']).filter((one) => one !== undefined)
    expect(shown(answer)).toEqual(
      failure(
        500,
        'Internal Server Error',
        expect.stringMatching(new RegExp(`^An internal error .* Reference: ${String(reference)}$`)),
      ),
    )
    await own.stop()
  })
})

describe('hostile input', () => {
  const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  const values: readonly unknown[] = [
    ...[null, true, 0, -1, 1e308, 2 ** 53, '', ' ', [], {}, [[]], deep(40), deep(1_000)],
    ...[
      '\0',
      '\ud800',
      'a\0b',
      '\u202e',
      '\r\nBcc: evil@example.com',
      'x'.repeat(100_000),
      '{{ x }}',
      '{% raw %}',
      "'; DROP TABLE contact; --",
    ],
    ...[
      JSON.parse('{"__proto__": {"polluted": true}}') as unknown,
      { constructor: { prototype: { polluted: true } } },
      { toString: 1 },
    ],
    ...[
      { $set: { a: 1 } },
      { $where: '1' },
      { length: 1e9 },
      '../../etc/passwd',
      'file:///etc/passwd',
      'javascript:alert(1)',
      '٣',
    ],
  ]
  const templates: readonly (readonly [path: string, list: string, item: Readonly<Record<string, unknown>>])[] = [
    [
      '/messages.send',
      'messages',
      {
        ...{ notificationId: 'note', userId: 'h', data: {}, id: 'i', userEmail: 'h@example.com', userTelephone: '+44 123456789' },
        ...{
          userLanguage: 'en',
          userTimezone: 'UTC',
          userFirstName: 'a',
          userLastName: 'b',
          userPhotoURL: 'https://a.example/p',
        },
        ...{ userCountry: 'GB', incrementId: 'x', widgetSettingsOverride: {}, emailSettingsOverride: {} },
      },
    ],
    [
      '/users.upsert',
      'users',
      {
        ...{ id: 'h', email: 'h@example.com', telephone: '+44 123456789', language: 'en', timezone: 'UTC', firstName: 'a' },
        ...{ lastName: 'b', photoURL: 'https://a.example/p', country: 'GB' },
      },
    ],
    ['/v2/contacts.upsert', 'contacts', { id: 'h', profile: { $set: { a: 1 } }, createdAt: '2016-02-04T22:44:30.652Z' }],
    [
      '/v2/messages.send',
      'messages',
      {
        ...{ notification: 'note', contact: 'h', channel: 'in-app', channelOptions: {}, template: 'x', templateData: {} },
        ...{ contactProfile: {}, contactCreatedAt: '2016-02-04T22:44:30.652Z', sendAt: new Date().toISOString() },
      },
    ],
  ]

  it.each(templates)(
    'I27, I28, I30: %s: any value in any field is an answer of its own form, and no 5xx',
    async (path, list, item) => {
      for (const name of Object.keys(item)) {
        const items = values.map((value) => ({ ...item, [name]: value }))
        for (const part of [items.slice(0, 16), items.slice(16)]) {
          const { status } = await notifuse.call({ path, body: { [list]: part } })
          expect(status, `${name} of ${path}`).toBe(200)
        }
      }
      for (const value of values) {
        for (const body of [value, { [list]: value }, { [list]: [value] }]) {
          expect((await notifuse.call({ path, body: JSON.stringify(body) })).status).toBeLessThan(500)
        }
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    },
  )

  it('I27: operators with any value, and paths that every object inherits, fail their contact alone', async () => {
    for (const operator of ['$set', '$push', '$inc']) {
      const names = ['a', 'id', 'email', '__proto__.a', 'constructor.prototype', 'a..b', '', '\0', 'x'.repeat(300)]
      const contacts = values.slice(0, 24).flatMap((value, index) => ({
        id: `o${index}`,
        profile: { [operator]: { [names[index % names.length] ?? 'a']: value } },
      }))
      const { status, body } = await notifuse.call({
        path: '/v2/contacts.upsert',
        body: { contacts: [...contacts, { id: 'fine' }] },
      })
      const { inserted, updated } = body as { inserted: string[]; updated: string[] }
      expect([status, [...inserted, ...updated].includes('fine')]).toEqual([200, true])
    }
  })

  it('I27: a body that is nothing but brackets is refused', async () => {
    for (const body of [
      '['.repeat(500_000),
      `${'['.repeat(400_000)}${']'.repeat(400_000)}`,
      `{"messages":${'['.repeat(400_000)}`,
    ]) {
      expect(shown(await notifuse.call({ path: '/messages.send', body }))).toEqual(failure(400, 'Bad Request'))
    }
  })

  it('answers random values of callers with a result each', async () => {
    const random = createRandom(seeded().int(2 ** 31))
    for (let round = 0; round < 10; round++) {
      const messages = times(20, (n) => ({
        notificationId: random.pick(['order', 'note', hostileText(random, 300)]),
        userId: random.pick(['r', hostileText(random, 300)]),
        data: { number: hostileValue(random) },
        userEmail: hostileEmail(random, n),
        userTelephone: hostilePhone(random, n),
        userLanguage: hostileLocale(random),
        userTimezone: hostileZone(random),
        userFirstName: hostileText(random, 300),
        emailSettingsOverride: { subject: hostileText(random, 300), cc: hostileText(random, 100) },
      }))
      const { status, body } = await notifuse.call({ path: '/messages.send', body: { messages } })
      expect([status, (body as { results: unknown[] }).results.length]).toEqual([200, 20])
    }
  })
})

describe('what is served', () => {
  it('describes each dialect by an OpenAPI 3.1 document, without a credential, also to HEAD', async () => {
    for (const name of dialectNames) {
      const response = await fetch(`${app.url}/${name}/openapi.json`)
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
      expect(await response.json()).toMatchObject({ openapi: '3.1.0', servers: [{ url: `/${name}` }] })
      expect((await fetch(`${app.url}/${name}/openapi.json`, { method: 'HEAD' })).status).toBe(200)
    }
    const { paths } = notifuse.document
    expect(Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods)])).toEqual([
      ['/messages.send', ['post']],
      ['/users.upsert', ['post']],
      ['/v2/contacts.upsert', ['post']],
      ['/v2/messages.send', ['post', 'get']],
      ['/v2/messages.info', ['get']],
    ])
  })

  it('reads nothing of a contact where messages are shown', async () => {
    await notifuse.call({ path: '/messages.send', body: { messages: [{ notificationId: 'note', userId: 'anna' }] } })
    const filter = { channels: null, contact: 'anna', transactionIds: null }
    const { messages } = await app.app.carillon.messages.numbered(project.id, filter, { skip: 0, limit: 1 })
    const described = await app.app.carillon.messages.described(project.id, [messages[0]?.id ?? ''])
    expect(messages).toHaveLength(1)
    expect(described).toEqual(messages)
    expect(messages[0]).not.toHaveProperty('contact')
  })

  it('takes no list without a maximum, in whatever part of a request', async () => {
    const listsIn = (schema: unknown): { maxItems?: number }[] => {
      if (typeof schema !== 'object' || schema === null) return []
      const own = 'type' in schema && schema.type === 'array' ? [schema as { maxItems?: number }] : []
      return [...own, ...Object.values(schema).flatMap(listsIn)]
    }
    for (const name of dialectNames) {
      const response = await fetch(`${app.url}/${name}/openapi.json`)
      const { paths } = (await response.json()) as { paths: Record<string, Record<string, Record<string, unknown>>> }
      for (const [path, methods] of Object.entries(paths)) {
        for (const { requestBody, parameters } of Object.values(methods)) {
          for (const list of listsIn([requestBody, parameters])) expect(list.maxItems, `${name} ${path}`).toBeGreaterThan(0)
        }
      }
    }
  })

  it('counts calls under the name of the dialect, by the path of the route', async () => {
    await notifuse.call({ path: '/nothing', body: {} })
    await notifuse.call(upsert)
    const text = await (await fetch(`${app.url}/metrics`)).text()
    expect(text).toMatch(/^carillon_operations_total\{transport="notifuse",code="OK"\} \d+$/m)
    expect(text).toMatch(/^carillon_operations_total\{transport="notifuse",code="NOT_FOUND"\} \d+$/m)
    expect(text).toMatch(/^carillon_http_request_seconds_count\{route="\/notifuse\/v2\/contacts.upsert",status="200"\} \d+$/m)
    expect(text).not.toContain('route="/notifuse/nothing"')
  })

  it('serves no dialect that CARILLON_DIALECTS leaves out: its paths are like any others', async () => {
    const { url, app: without } = await app.another({ CARILLON_DIALECTS: 'none' })
    for (const path of ['/notifuse/messages.send', '/notifuse/openapi.json']) {
      const response = await fetch(`${url}${path}`)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] })
    }
    await without.stop()
  })

  it('is loaded with the first call: no file that a start loads imports a dialect', () => {
    const src = join(import.meta.dirname, '../../src')
    const loaded = new Set<string>()
    const load = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      const text = readFileSync(join(src, file), 'utf8')
      for (const [, from = ''] of text.matchAll(/^(?:import|export) (?!type )[^'"]*?from '(\.[^']+)'/gms)) {
        load(relative(src, resolve(src, dirname(file), from)))
      }
    }
    load('app.ts')
    expect([...loaded].filter((file) => file.startsWith('dialects/')).sort()).toEqual([
      'dialects/dialect.ts',
      'dialects/dialects.ts',
    ])
  })
})
