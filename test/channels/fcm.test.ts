import { jwtVerify } from 'jose'
import { afterEach, expect, it } from 'vitest'
import { createFcm, fcm, fitFcm } from '../../src/channels/fcm.ts'
import type { Provider } from '../../src/channels/provider.ts'
import { openProvider } from '../../src/channels/registry.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'
import { keyPair, push, serviceAccount } from '../helpers/push.ts'
import { startVendor, type VendorAnswer, type VendorRequest } from '../helpers/vendor-http.ts'

const rsa = keyPair('rsa')
const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
const never = () => new AbortController().signal
const token = (request: VendorRequest) => request.path === '/token'
const granted = (access_token = 'access-1', expires_in = 3599) => ({
  status: 200,
  body: { access_token, expires_in, token_type: 'Bearer' },
})
const taken = { status: 200, body: { name: 'projects/demo-1/messages/0:15%31' } }
const refused = (status: number, name: string, errorCode: string | null = name, message = 'No.'): VendorAnswer => {
  const type = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
  const details = errorCode === null ? [] : [{ '@type': type, errorCode }]
  return { status, body: { error: { code: status, message, status: name, details } } }
}

/** Google with the given answers, and a provider that sends to it. `clock.now`: ms, to be moved. */
async function start(
  onMessage: (request: VendorRequest, index: number) => VendorAnswer,
  onToken: (index: number) => VendorAnswer | Promise<VendorAnswer> = () => granted(),
) {
  let tokens = 0
  let messages = 0
  const vendor = await startVendor((request) => (token(request) ? onToken(tokens++) : onMessage(request, messages++)))
  cleanUps.push(() => vendor.close())
  const clock = { now: Date.parse('2026-01-02T03:04:05Z') }
  const settings = fcm.settings.parse({ serviceAccount: serviceAccount(vendor.url, rsa.pem), baseUrl: vendor.url })
  const provider: Provider = createFcm(settings, { allowPrivateHosts: true }, () => clock.now)
  cleanUps.push(() => provider.close())
  const sent = () => vendor.requests.filter((request) => !token(request))
  return { vendor, provider, clock, sent, tokens: () => vendor.requests.filter(token) }
}

it('asks for a token with a signed assertion, and sends the message with it', async () => {
  const { vendor, provider, clock, sent, tokens } = await start(() => taken)
  const message = push({
    address: 'device:1_a-B',
    imageUrl: 'https://img.example/1.png',
    url: 'https://app.example/orders/7',
    data: { order: 7, open: true, note: 'text', lines: [1, 2], none: null },
  })
  const receipt = await provider.send(message, never())
  expect(receipt).toEqual({ providerMessageId: taken.body.name, response: JSON.stringify(taken.body) })

  const [asked] = tokens()
  expect(asked).toMatchObject({
    method: 'POST',
    path: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  const form = new URLSearchParams(asked?.body)
  expect([...form.keys()]).toEqual(['grant_type', 'assertion'])
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', rsa.publicKey, {
    currentDate: new Date(clock.now),
  })
  const iat = clock.now / 1000
  expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' })
  expect(payload).toEqual({
    iss: 'push@demo-1.iam.example',
    scope: 'https://www.googleapis.com/auth/firebase.messaging',
    aud: `${vendor.url}/token`,
    iat,
    exp: iat + 3600,
  })

  const [request] = sent()
  expect(request).toMatchObject({ method: 'POST', path: '/v1/projects/demo-1/messages:send' })
  expect(request?.headers).toMatchObject({ authorization: 'Bearer access-1', 'content-type': 'application/json' })
  const topic = expect.stringMatching(/^[A-Za-z0-9_-]{32}$/)
  expect(JSON.parse(request?.body ?? '')).toEqual({
    message: {
      token: 'device:1_a-B',
      notification: { title: 'Hello', body: 'Hello Anna', image: 'https://img.example/1.png' },
      data: {
        messageId: message.messageId,
        url: 'https://app.example/orders/7',
        order: '7',
        open: 'true',
        note: 'text',
        lines: '[1,2]',
        none: 'null',
      },
      android: { notification: { tag: message.messageId } },
      apns: { headers: { 'apns-collapse-id': message.messageId } },
      webpush: { headers: { Topic: topic }, fcm_options: { link: 'https://app.example/orders/7' } },
    },
  })
})

it('merges what the caller adds, and refuses what it does not take before any request', async () => {
  const { vendor, provider, sent } = await start(() => taken)
  const extra = {
    android: { priority: 'high', ttl: '3600s', collapse_key: 'score', notification: { channel_id: 'c1' } },
    apns: { headers: { 'apns-priority': '10' }, aps: { badge: 3 } },
    fcm_options: { analytics_label: 'spring' },
  }
  const message = push({ extra })
  await provider.send(message, never())
  expect(JSON.parse(sent()[0]?.body ?? '').message).toMatchObject({
    android: {
      priority: 'high',
      ttl: '3600s',
      collapse_key: 'score',
      notification: { tag: message.messageId, channel_id: 'c1' },
    },
    apns: { headers: { 'apns-collapse-id': message.messageId, 'apns-priority': '10' }, payload: { aps: { badge: 3 } } },
    fcm_options: { analytics_label: 'spring' },
  })
  const before = vendor.requests.length
  const wrong: [object, RegExp][] = [
    [{ extra: { token: 'another' } }, /^extra\.token: /],
    [{ extra: { android: { restricted_package_name: 'x' } } }, /^extra\.android\.restricted_package_name: /],
    [{ data: { from: 'me' } }, /^data\.from: /],
    [{ data: { 'google.c.a.e': '1' } }, /^data\.google\.c\.a\.e: /],
    [{ data: { gcm: '1' } }, /^data\.gcm: /],
  ]
  for (const [changes, said] of wrong) {
    const error = provider.send(push(changes), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'BAD_INPUT', message: expect.stringMatching(said) })
  }
  for (const address of ['', 'two words', 'x'.repeat(4_097), '\u{1F600}']) {
    const error = provider.send(push({ address }), never())
    await expect(error).rejects.toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
  }
  expect(vendor.requests.length).toBe(before)
})

it('fetches one token for fifty sends at once, and another before it expires', async () => {
  const gate = Promise.withResolvers<void>()
  const { provider, clock, tokens, sent } = await start(
    () => taken,
    async (index) => {
      await gate.promise
      return granted(`access-${index}`)
    },
  )
  const sends = Array.from({ length: 50 }, () => provider.send(push(), never()))
  gate.resolve()
  await Promise.all(sends)
  expect(tokens()).toHaveLength(1)
  expect(new Set(sent().map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer access-0']))

  clock.now += 3_200_000
  await provider.send(push(), never())
  expect(tokens()).toHaveLength(1)
  clock.now += 400_000 // past its end
  await provider.send(push(), never())
  expect(tokens()).toHaveLength(2)
  expect(sent().at(-1)?.headers.authorization).toBe('Bearer access-1')
})

it('sends on with the token it has while the next one fails', async () => {
  const { provider, clock, sent } = await start(
    () => taken,
    (index) => (index === 0 ? granted() : { status: 500 }),
  )
  await provider.send(push(), never())
  clock.now += 3_400_000
  await provider.send(push(), never())
  expect(sent()).toHaveLength(2)
})

it('takes another token, once, when the one it has was withdrawn', async () => {
  const withdrawn = await start(
    (_, index) => (index === 0 ? refused(401, 'UNAUTHENTICATED', null) : taken),
    (index) => granted(`access-${index}`),
  )
  await withdrawn.provider.send(push(), never())
  expect(withdrawn.sent().map(({ headers }) => headers.authorization)).toEqual(['Bearer access-0', 'Bearer access-1'])

  const locked = await start(() => refused(401, 'UNAUTHENTICATED', null))
  await expect(locked.provider.send(push(), never())).rejects.toMatchObject({ outcome: 'refused', about: 'provider' })
  expect(locked.sent()).toHaveLength(2)
})

const outcomes: [string, VendorAnswer, object][] = [
  [
    'a device that is gone',
    refused(404, 'NOT_FOUND', 'UNREGISTERED'),
    { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, about: 'address' },
  ],
  [
    'a 404 without Google’s word for it',
    { status: 404, body: 'Not Found' },
    { outcome: 'refused', addressDead: false, about: 'provider' },
  ],
  [
    'a wrong message',
    refused(400, 'INVALID_ARGUMENT'),
    { outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false, about: 'message' },
  ],
  [
    'a wrong token',
    refused(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'The registration token is not a valid FCM registration token'),
    { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false },
  ],
  [
    'a device of another project',
    refused(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'),
    { outcome: 'refused', addressDead: false, about: 'provider' },
  ],
  ['a missing right', refused(403, 'PERMISSION_DENIED', null), { outcome: 'refused', about: 'provider' }],
  ['a wrong key of Apple', refused(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'), { outcome: 'refused', about: 'provider' }],
  [
    'a quota without a time',
    refused(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'),
    { outcome: 'retryable', code: 'RATE_LIMITED', retryAfterMs: 60_000, about: 'provider' },
  ],
  ['a quota with a time', { status: 429, headers: { 'retry-after': '7' } }, { outcome: 'retryable', retryAfterMs: 7_000 }],
  [
    'an overload with a time',
    { status: 503, headers: { 'retry-after': 'Fri, 02 Jan 2026 03:05:05 GMT' } },
    { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE', retryAfterMs: 60_000 },
  ],
  ['a failure inside', refused(500, 'INTERNAL'), { outcome: 'retryable', retryAfterMs: null }],
  ['a gateway without an answer', { status: 504 }, { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, { outcome: 'refused', about: 'provider' }],
  ['a lost connection', 'reset', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
  ['a huge refusal', { status: 400, body: 'x'.repeat(1_000_000) }, { outcome: 'refused', response: 'x'.repeat(1_000) }],
]
it.each(outcomes)('sorts %s', async (_, answer, expected) => {
  const { provider, sent } = await start(() => answer)
  await expect(provider.send(push(), never())).rejects.toMatchObject(expected)
  expect(new Set(sent().map(({ path }) => path))).toEqual(new Set(['/v1/projects/demo-1/messages:send']))
})

it('does not know what became of a message when no answer comes in time', async () => {
  const asked = Promise.withResolvers<void>()
  const { provider } = await start(() => {
    asked.resolve()
    return 'hang'
  })
  const stop = new AbortController()
  const sending = provider.send(push(), stop.signal)
  await asked.promise
  stop.abort()
  await expect(sending).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
})

const tokenFailures: [string, VendorAnswer, object][] = [
  [
    'refused',
    { status: 400, body: { error: 'invalid_grant' } },
    { outcome: 'refused', about: 'provider', response: expect.stringContaining('invalid_grant') },
  ],
  [
    'overloaded',
    { status: 503, headers: { 'retry-after': '30' } },
    { outcome: 'retryable', retryAfterMs: 30_000, about: 'provider' },
  ],
  ['lost', 'reset', { outcome: 'retryable', about: 'provider' }],
  ['nonsense', { status: 200, body: '<html>' }, { outcome: 'refused', about: 'provider', response: null }],
]
it.each(tokenFailures)('sends nothing when the token is %s', async (_, answer, expected) => {
  const { provider, sent } = await start(
    () => taken,
    () => answer,
  )
  await expect(provider.send(push(), never())).rejects.toMatchObject(expected)
  expect(sent()).toEqual([])
})

it('stops waiting for a token when it is aborted, and lets the fetch continue for the others', async () => {
  const gate = Promise.withResolvers<void>()
  const { provider, sent } = await start(
    () => taken,
    async () => {
      await gate.promise
      return granted()
    },
  )
  const stop = new AbortController()
  const stopped = provider.send(push(), stop.signal)
  const other = provider.send(push(), never())
  stop.abort()
  await expect(stopped).rejects.toMatchObject({ outcome: 'retryable', code: 'PROVIDER_TIMEOUT' })
  gate.resolve()
  await other
  expect(sent()).toHaveLength(1)
})

it('lets what was begun end when it is closed, and takes nothing more', async () => {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const { provider } = await start(() => (response) => {
    asked.resolve()
    void answer.promise.then(() => response.end(JSON.stringify(taken.body)))
  })
  const sending = provider.send(push(), never())
  await asked.promise
  const closing = provider.close()
  answer.resolve()
  expect((await sending).providerMessageId).toBe(taken.body.name)
  await closing
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable' })
})

it('may try again when nobody listens', async () => {
  const { vendor } = await start(() => taken)
  const gone = await startVendor(() => taken)
  await gone.close()
  for (const [tokens, messages] of [
    [vendor.url, gone.url],
    [gone.url, vendor.url],
  ] as const) {
    const settings = { serviceAccount: serviceAccount(tokens, rsa.pem), baseUrl: messages }
    const provider = openProvider('fcm', settings, { allowPrivateHosts: true })
    cleanUps.push(() => provider.close())
    await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
  }
})

it('reaches no private address unless it may', async () => {
  const { vendor } = await start(() => taken)
  const settings = { serviceAccount: serviceAccount(vendor.url, rsa.pem), baseUrl: vendor.url }
  const provider = openProvider('fcm', settings, { allowPrivateHosts: false })
  cleanUps.push(() => provider.close())
  await expect(provider.send(push(), never())).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
  expect(vendor.requests).toEqual([])
})

it('cuts a push to 4,096 bytes, whole characters, body first', async () => {
  const { provider, sent } = await start(() => taken)
  const family = '\u{1F468}‍\u{1F469}‍\u{1F467}'
  await provider.send(push({ body: family.repeat(1_000) }), never())
  const { token: _token, ...content } = JSON.parse(sent()[0]?.body ?? '').message
  const bytes = Buffer.byteLength(JSON.stringify(content))
  expect(bytes).toBeLessThanOrEqual(4_096)
  expect(bytes).toBeGreaterThan(4_096 - Buffer.byteLength(family))
  expect(content.notification.title).toBe('Hello')
  expect(content.notification.body).toMatch(new RegExp(`^(${family})+…$`, 'u'))

  expect(fitFcm(push())).toEqual({ message: push(), truncated: false })
  const byTitle = fitFcm(push({ title: 'T'.repeat(9_000), body: 'B' })).message
  expect([byTitle.body, byTitle.title.endsWith('T…')]).toEqual(['…', true])
  expect(() => fitFcm(push({ data: { big: 'x'.repeat(4_096) } }))).toThrow(
    expect.objectContaining({ outcome: 'refused', code: 'TOO_LARGE' }),
  )
})

const wrongSettings: [string, object, string][] = [
  ['no JSON', { serviceAccount: '{' }, 'settings.serviceAccount'],
  ['a key that is none', { serviceAccount: serviceAccount('https://a.example', 'x') }, 'settings.serviceAccount'],
  [
    'a key of the wrong kind',
    { serviceAccount: serviceAccount('https://a.example', keyPair('ec').pem) },
    'settings.serviceAccount',
  ],
  [
    'a project that is a path',
    { serviceAccount: serviceAccount('https://a.example', rsa.pem, { project_id: 'a/b' }) },
    'settings.serviceAccount',
  ],
  ['a file as token address', { serviceAccount: serviceAccount('file:///etc', rsa.pem) }, 'settings.serviceAccount'],
  [
    'a base address with a user',
    { serviceAccount: serviceAccount('https://a.example', rsa.pem), baseUrl: 'https://u:p@a.example' },
    'settings.baseUrl',
  ],
]
it.each(wrongSettings)('refuses settings with %s, without showing the key', (_, settings, field) => {
  let error: unknown
  try {
    openProvider('fcm', { ...settings }, { allowPrivateHosts: true })
  } catch (caught) {
    error = caught
  }
  expect(error).toMatchObject({ code: 'BAD_INPUT', details: { field } })
  expect(String(error)).not.toContain('PRIVATE KEY')
})

describeProvider('fcm', () =>
  startContractVendor(
    (path) => (path === '/token' ? granted() : taken),
    (url) => ({ serviceAccount: serviceAccount(url, rsa.pem) }),
  ),
)
