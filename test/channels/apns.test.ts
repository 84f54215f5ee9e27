import type { Settings } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { jwtVerify } from 'jose'
import { afterEach, expect, it } from 'vitest'
import { apns, createApns, fitApns } from '../../src/channels/apns.ts'
import type { Http2Times } from '../../src/channels/apns-connection.ts'
import { openProvider } from '../../src/channels/registry.ts'
import { type ApnsAnswer, type ApnsRequest, startApns } from '../helpers/apns-server.ts'
import { describeProvider } from '../helpers/provider-contract.ts'
import { keyPair, push } from '../helpers/push.ts'
import { until } from '../helpers/until.ts'

const ec = keyPair('ec')
const identity = { teamId: 'TEAM123456', keyId: 'KEY1234567', privateKey: ec.pem, topic: 'com.example.app' }
const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const taken: ApnsAnswer = { status: 200, headers: { 'apns-id': 'ID-1' } }
const TIMES: Http2Times = { connectMs: 5_000, requestMs: 10_000, pingMs: 60_000, pongMs: 5_000, idleMs: 60_000 }

/** A provider of the server at `baseUrl`. `clock.now`: ms, to be moved. */
function open(baseUrl: string, times: Partial<Http2Times> = {}) {
  const clock = { now: Date.parse('2026-01-02T03:04:05Z') }
  const settings = apns.settings.parse({ ...identity, baseUrl })
  const provider = createApns(settings, { allowPrivateHosts: true }, { ...TIMES, ...times }, () => clock.now)
  cleanUps.push(() => provider.close())
  return { provider, clock }
}

async function start(
  answer: (request: ApnsRequest, index: number) => ApnsAnswer,
  times: Partial<Http2Times> = {},
  settings: Settings = {},
) {
  const server = await startApns(answer, settings)
  cleanUps.push(() => server.close())
  return { server, ...open(server.url, times) }
}

/** A server that treats each connection as the test decides. */
async function startListener(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  cleanUps.push(close)
  return { url: `http://127.0.0.1:${port}`, sockets, close }
}

it('sends the message with a signed token, and gives the id that Apple gave it', async () => {
  const { server, provider, clock } = await start(() => taken)
  const message = push({ imageUrl: 'https://img.example/1.png', url: 'app://orders/7', data: { order: 7, lines: [1] } })
  expect(await provider.send(message, never())).toEqual({ providerMessageId: 'ID-1', response: '200' })
  const [request] = server.requests
  const { authorization = '', ...headers } = request?.headers ?? {}
  expect(Object.fromEntries(Object.entries(headers))).toEqual({
    ':method': 'POST',
    ':path': `/3/device/${message.address}`,
    ':scheme': 'http',
    ':authority': new URL(server.url).host,
    'content-type': 'application/json',
    'apns-topic': 'com.example.app',
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-collapse-id': message.messageId,
  })
  expect(request?.body).toBe(
    JSON.stringify({
      aps: { alert: { title: 'Hello', body: 'Hello Anna' }, 'mutable-content': 1 },
      messageId: message.messageId,
      url: 'app://orders/7',
      imageUrl: 'https://img.example/1.png',
      order: 7,
      lines: [1],
    }),
  )
  const [, jwt = ''] = /^bearer (.+)$/.exec(authorization) ?? []
  const { payload, protectedHeader } = await jwtVerify(jwt, ec.publicKey, { currentDate: new Date(clock.now) })
  expect(protectedHeader).toEqual({ alg: 'ES256', kid: 'KEY1234567' })
  expect(payload).toEqual({ iss: 'TEAM123456', iat: clock.now / 1000 })
})

it('sends two hundred at once over one connection with one token, and signs another after 40 minutes', async () => {
  const { server, provider, clock } = await start(() => taken)
  const all = () => Promise.all(Array.from({ length: 200 }, () => provider.send(push(), never())))
  await all()
  clock.now += 39 * 60_000
  await all()
  const tokens = () => new Set(server.requests.map(({ headers }) => headers.authorization)).size
  expect([server.requests.length, server.opened(), tokens()]).toEqual([400, 1, 1])
  clock.now += 60_000
  await all()
  expect([server.requests.length, server.opened(), tokens()]).toEqual([600, 1, 2])
})

it('holds itself to as many requests at once as the server says', async () => {
  let under = 0
  let most = 0
  const { server, provider } = await start(
    ({ stream }) => {
      most = Math.max(most, ++under)
      setImmediate(() => {
        under--
        stream.respond({ ':status': 200 })
        stream.end()
      })
      return undefined
    },
    {},
    { maxConcurrentStreams: 1 },
  )
  const stop = new AbortController()
  const sends = Array.from({ length: 20 }, (_, index) => provider.send(push(), index % 4 === 1 ? stop.signal : never()))
  stop.abort()
  const ends = await Promise.allSettled(sends)
  expect(ends.map(({ status }) => status === 'fulfilled')).toEqual(ends.map((_, index) => index % 4 !== 1))
  expect([most, server.requests.length, server.opened()]).toEqual([1, 15, 1])
})

it('merges what the caller adds, and refuses what it does not take before any request', async () => {
  const { server, provider } = await start(() => taken)
  const headers = { 'apns-priority': '5', 'apns-expiration': '0', 'apns-collapse-id': 'score' }
  await provider.send(push({ extra: { headers, aps: { badge: 3, sound: 'default', 'thread-id': 't' } } }), never())
  expect(server.requests[0]?.headers).toMatchObject(headers)
  expect(JSON.parse(server.requests[0]?.body ?? '').aps).toMatchObject({ badge: 3, sound: 'default', 'thread-id': 't' })
  const wrong: [object, RegExp][] = [
    [{ extra: { headers: { 'apns-topic': 'another' } } }, /^extra\.headers\.apns-topic: /],
    [{ extra: { aps: { alert: 'x' } } }, /^extra\.aps\.alert: /],
    [{ extra: { headers: { 'apns-collapse-id': 'x\r\ny' } } }, /^extra\.headers\.apns-collapse-id: /],
    [{ data: { aps: {} } }, /^data\.aps: /],
  ]
  for (const [changes, said] of wrong) {
    const error = provider.send(push(changes), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message: expect.stringMatching(said) })
  }
  for (const address of ['', 'a1', '../'.repeat(30), 'g'.repeat(64), 'a'.repeat(201), `${'a'.repeat(64)}?x`]) {
    const error = provider.send(push({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
  }
  expect(server.requests).toHaveLength(1)
})

const refusals: [number, string, object][] = [
  [410, 'Unregistered', { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, about: 'address' }],
  [410, 'ExpiredToken', { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true }],
  [400, 'BadDeviceToken', { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false, about: 'address' }],
  [400, 'DeviceTokenNotForTopic', { outcome: 'refused', addressDead: false, about: 'provider' }],
  [400, 'BadTopic', { outcome: 'refused', about: 'provider' }],
  [400, 'TopicDisallowed', { outcome: 'refused', about: 'provider' }],
  [400, 'BadPriority', { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message' }],
  [400, 'PayloadEmpty', { outcome: 'refused', code: 'PROVIDER_REFUSED', about: 'message' }],
  [400, 'IdleTimeout', { outcome: 'retryable' }],
  [403, 'InvalidProviderToken', { outcome: 'refused', about: 'provider' }],
  [403, 'ExpiredProviderToken', { outcome: 'refused', about: 'provider' }],
  [403, 'Forbidden', { outcome: 'refused', about: 'provider' }],
  [404, 'BadPath', { outcome: 'refused', about: 'provider', addressDead: false }],
  [405, 'MethodNotAllowed', { outcome: 'refused', about: 'provider' }],
  [413, 'PayloadTooLarge', { outcome: 'refused', code: 'TOO_LARGE' }],
  [429, 'TooManyRequests', { outcome: 'retryable', code: 'RATE_LIMITED', about: 'address' }],
  [429, 'TooManyProviderTokenUpdates', { outcome: 'retryable', code: 'RATE_LIMITED', about: 'provider' }],
  [500, 'InternalServerError', { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' }],
  [503, 'ServiceUnavailable', { outcome: 'retryable', about: 'provider' }],
  [503, 'Shutdown', { outcome: 'retryable' }],
  [504, '', { outcome: 'unknown' }],
]
it.each(refusals)('sorts %i %s', async (status, reason, expected) => {
  const { server, provider } = await start(() => ({ status, body: { reason, timestamp: 1 } }))
  await expect(provider.send(push(), never())).rejects.toMatchObject({ ...expected, retryAfterMs: null })
  expect(server.requests).toHaveLength(1)
})

it('honours Retry-After', async () => {
  const { provider } = await start(() => ({ status: 503, headers: { 'retry-after': '9' } }))
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable', retryAfterMs: 9_000 })
})

it('signs another token, once, when Apple calls one expired that is not new', async () => {
  const { server, provider, clock } = await start((_, index) =>
    index === 1 ? { status: 403, body: { reason: 'ExpiredProviderToken' } } : taken,
  )
  await provider.send(push(), never())
  clock.now += 25 * 60_000
  await provider.send(push(), never())
  const tokens = server.requests.map(({ headers }) => headers.authorization)
  expect([tokens.length, tokens[0] === tokens[1], tokens[1] === tokens[2]]).toEqual([3, true, false])
})

it('leaves what the server did not process to another attempt, on another connection, after a GOAWAY', async () => {
  const held: ApnsRequest[] = []
  const { server, provider } = await start((request) => {
    if (server.opened() > 1) return taken
    held.push(request)
    return undefined
  })
  const first = provider.send(push(), never())
  const second = provider.send(push(), never())
  const third = provider.send(push(), never())
  const outcomesOfLater = Promise.allSettled([second, third])
  await until('all have arrived', () => held.length === 3)
  // Streams are 1, 3 and 5: the last two were not processed.
  held[0]?.session.goaway(0, 1)
  expect(await outcomesOfLater).toMatchObject([
    { reason: { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' } },
    { reason: { outcome: 'retryable' } },
  ])
  expect((await provider.send(push(), never())).providerMessageId).toBe('ID-1')
  expect(server.opened()).toBe(2)
  held[0]?.stream.respond({ ':status': 200, 'apns-id': 'ID-0' })
  held[0]?.stream.end()
  expect((await first).providerMessageId).toBe('ID-0')
})

it('does not know what became of a message that a failing connection had taken, and knows of the next', async () => {
  const held: ApnsRequest[] = []
  const { server, provider } = await start((request) => {
    held.push(request)
    return undefined
  })
  const both = Promise.allSettled([provider.send(push(), never()), provider.send(push(), never())])
  await until('both have arrived', () => held.length === 2)
  held[0]?.session.goaway(2, 1, Buffer.from('{"reason":"InternalServerError"}'))
  expect(await both).toMatchObject([
    { reason: { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' } },
    { reason: { outcome: 'retryable' } },
  ])
  expect(server.opened()).toBe(1)
})

it('sorts a stream that is reset by what the reset says', async () => {
  const REFUSED = 7
  const INTERNAL = 2
  const { provider } = await start(({ stream }, index) => {
    stream.close(index === 0 ? REFUSED : INTERNAL)
    return undefined
  })
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable' })
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'unknown' })
})

it('does not know what became of a message when the connection is reset, and opens another for the next', async () => {
  const { server, provider } = await start(({ session }, index) => {
    if (index > 0) return taken
    session.socket.destroy()
    return undefined
  })
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
  expect((await provider.send(push(), never())).providerMessageId).toBe('ID-1')
  expect(server.opened()).toBe(2)
})

it('does not know what became of a message without an answer, and keeps a connection that lives', async () => {
  const { server, provider } = await start((_, index) => (index === 0 ? undefined : taken), { requestMs: 200 })
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
  await provider.send(push(), never())
  expect(server.opened()).toBe(1)
})

it('reads no more of an answer than 64 KB, and waits for none of it longer than for the answer', async () => {
  const { provider } = await start(
    ({ stream }, index) => {
      stream.respond({ ':status': index === 0 ? 400 : 200, 'apns-id': 'ID-2' })
      if (index === 0) stream.end('x'.repeat(10_000_000))
      return undefined
    },
    { requestMs: 500 },
  )
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'refused', response: 'x'.repeat(1_000) })
  expect((await provider.send(push(), never())).providerMessageId).toBe('ID-2')
})

it('gives up a connection that does not answer a ping', async () => {
  const server = await startApns(() => taken)
  cleanUps.push(() => server.close())
  const way = await startListener((socket) => {
    const onward = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.on('error', () => onward.destroy()).on('close', () => onward.destroy())
    onward.on('error', () => socket.destroy())
    socket.pipe(onward).pipe(socket)
  })
  const { provider } = open(way.url, { pingMs: 50, pongMs: 100 })
  await provider.send(push(), never())
  for (const socket of way.sockets) socket.unpipe().pause()
  await until('another connection was opened', async () => {
    await provider.send(push(), AbortSignal.timeout(200)).catch(() => {})
    return server.opened() === 2
  })
  expect((await provider.send(push(), never())).providerMessageId).toBe('ID-1')
})

it('ends a connection that nobody used for long, and opens another when one is needed', async () => {
  const { server, provider } = await start(() => taken, { pingMs: 20, idleMs: 50 })
  await provider.send(push(), never())
  await until('the connection has ended', () => server.sessions.size === 0)
  await provider.send(push(), never())
  expect(server.opened()).toBe(2)
})

it('may try again when nobody listens, or a server says nothing', async () => {
  const mute = await startListener(() => {})
  const late = open(mute.url, { connectMs: 200 }).provider
  await expect(late.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable', code: 'PROVIDER_TIMEOUT' })
  await mute.close()
  const refused = open(mute.url).provider.send(push(), never())
  await expect(refused).rejects.toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
})

it('lets what was begun end when it is closed, and takes nothing more', async () => {
  const held: ApnsRequest[] = []
  const { server, provider } = await start((request) => {
    held.push(request)
    return undefined
  })
  const sending = provider.send(push(), never())
  await until('it has arrived', () => held.length === 1)
  const closing = provider.close()
  held[0]?.stream.respond({ ':status': 200, 'apns-id': 'ID-0' })
  held[0]?.stream.end()
  expect((await sending).providerMessageId).toBe('ID-0')
  await closing
  await until('the connection has ended', () => server.sessions.size === 0)
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable' })
})

it('reaches no private address unless it may', async () => {
  const { server } = await start(() => taken)
  const { port } = new URL(server.url)
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const settings = { ...identity, baseUrl: `http://${host}:${port}` }
    const provider = openProvider('apns', settings, { allowPrivateHosts: false })
    cleanUps.push(() => provider.close())
    await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
  }
  expect(server.opened()).toBe(0)
})

it('cuts a push to 4,096 bytes, whole characters', async () => {
  const { server, provider } = await start(() => taken)
  await provider.send(push({ body: '한'.repeat(5_000) }), never())
  const body = server.requests[0]?.body ?? ''
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4_096)
  expect(Buffer.byteLength(body)).toBeGreaterThan(4_093)
  expect(JSON.parse(body).aps.alert.body).toMatch(/^한+…$/)
  expect(fitApns(push())).toEqual({ message: push(), truncated: false })
  expect(fitApns(push({ body: 'x'.repeat(4_096) })).truncated).toBe(true)
  expect(() => fitApns(push({ data: { big: 'x'.repeat(4_096) } }))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
})

const wrongSettings: [string, object, string][] = [
  ['a key that is none', { privateKey: 'x' }, 'settings.privateKey'],
  ['a key of the wrong kind', { privateKey: keyPair('rsa').pem }, 'settings.privateKey'],
  ['a topic with a line break', { topic: 'a\r\nb' }, 'settings.topic'],
  ['a team that is none', { teamId: 'x' }, 'settings.teamId'],
]
it.each(wrongSettings)('refuses settings with %s', (_, changes, field) => {
  expect(() => openProvider('apns', { ...identity, ...changes }, { allowPrivateHosts: true })).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
  )
})

describeProvider('apns', async () => {
  const server = await startApns(() => taken)
  return {
    settings: { ...identity, baseUrl: server.url },
    received: () => server.requests.length,
    close: () => server.close(),
  }
})
