/** Kinds of providers with a vendor of their own: what brings a message through a whole server, and what each failure looks like. */
import { expect } from 'vitest'
import type { Channel, ErrorCode, TemplateInput } from '../../generated/graphql.ts'
import type { KindName } from '../../src/channels/registry.ts'
import type { JsonObject } from '../../src/words.ts'
import { startApns } from './apns-server.ts'
import { kakaoTaken, nhnRefused, smsTaken, solapiRefused, solapiTaken } from './korea.ts'
import { browser, keyPair, serviceAccount, vapidKeys } from './push.ts'
import { startSmtp } from './smtp.ts'
import { startVendor, type VendorAnswer, type VendorRequest } from './vendor-http.ts'

/** How a vendor meets messages: takes them, asks to wait, refuses them, calls their address dead, or loses the connection; Apple also denies us. */
export type Mood = 'take' | 'busy' | 'refuse' | 'deny' | 'dead' | 'reset' | 'hang'

/** A message that the vendor received. `body`: parsed, if it is JSON or a form. */
export interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly raw: Buffer
}

/** A vendor that runs. */
export interface RunningVendor {
  /** of a provider that speaks to it */
  readonly settings: JsonObject
  /** what a contact needs at the provider; null: a field of its own is enough */
  credentials(n: number): { readonly deviceTokens?: string[]; readonly webhookUrl?: string } | null
  /** all messages that came, taken or not */
  received(): Received[]
  /** from now on, or called for each message, where the vendor speaks HTTP with the message */
  be(mood: Mood | ((message?: Received) => Mood)): void
  close(): Promise<void>
}

/** What a test knows of one message. */
export interface Expected {
  readonly messageId: string
  /** number of the contact, see `contactOf` */
  readonly n: number
  /** where reports are wanted */
  readonly callbackUrl: string
}

/** One kind on one channel. */
export interface VendorCase {
  readonly name: string
  readonly kind: KindName
  readonly channel: Exclude<Channel, 'IN_APP'>
  /** what the template says on it */
  readonly content: Partial<TemplateInput>
  readonly secrets: readonly string[]
  start(): Promise<RunningVendor>
  /** what comes for a message of the template */
  expected(of: Expected): { readonly path?: string | RegExp; readonly headers?: object; readonly body?: unknown }
  /** the vendor's id of the first message that it takes, where it gives one; `message`: the message's own */
  readonly vendorId: string | RegExp | 'message' | null
  /** what is kept of a refusal */
  readonly refusal: { readonly code: ErrorCode; readonly says: RegExp }
  /** what is kept of a dead address; null: this vendor does not report it when a message is sent */
  readonly dead: ErrorCode | null
  /** what is kept of a vendor that is busy */
  readonly busy: ErrorCode
  /** it says how long to wait, seconds */
  readonly retryAfterSeconds: number | null
  readonly foldsRepeats: boolean
}

/** The n-th contact of a test. */
export const contactOf = (n: number) => ({
  externalId: `anna-${n}`,
  firstName: 'Anna',
  email: `anna-${n}@example.com`,
  phone: `+82 10-1234-${String(1000 + n)}`,
})
const korean = (n: number): string => `0101234${1000 + n}`
const said = 'Hello Anna'

/** What an HTTP vendor says in each mood but the last two; `n`: from 1. */
interface Answers {
  take(n: number): VendorAnswer
  readonly refuse: VendorAnswer
  readonly dead?: VendorAnswer
}
const BUSY_SECONDS = 600
const busy: VendorAnswer = { status: 429, headers: { 'retry-after': String(BUSY_SECONDS) }, body: 'Slow down.' }

async function startHttp(
  answers: Answers,
  settingsOf: (url: string) => JsonObject,
  credentialsOf: (url: string, n: number) => ReturnType<RunningVendor['credentials']> = () => null,
  /** answers requests that are not messages */
  otherwise: (request: VendorRequest) => VendorAnswer | null = () => null,
): Promise<RunningVendor> {
  let next: Mood | ((message?: Received) => Mood) = 'take'
  let taken = 0
  const received: Received[] = []
  const vendor = await startVendor((request) => {
    const other = otherwise(request)
    if (other !== null) return other
    const message = { path: request.path, headers: request.headers, body: bodyOf(request), raw: request.raw }
    received.push(message)
    const mood = moodOf(next, message)
    if (mood === 'take') return answers.take(++taken)
    if (mood === 'busy') return busy
    return mood === 'hang' || mood === 'reset' ? mood : ((mood === 'dead' ? answers.dead : undefined) ?? answers.refuse)
  })
  return {
    settings: settingsOf(vendor.url),
    credentials: (n) => credentialsOf(vendor.url, n),
    received: () => [...received],
    be(mood) {
      next = mood
    },
    close: () => vendor.close(),
  }
}

const moodOf = (mood: Mood | ((message?: Received) => Mood), message?: Received): Mood =>
  typeof mood === 'function' ? mood(message) : mood

function bodyOf({ headers, body }: VendorRequest): unknown {
  if (headers['content-type']?.startsWith('application/json') === true) return JSON.parse(body)
  if (headers['content-type'] === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(body))
  return body
}

async function startMail(): Promise<RunningVendor> {
  const smtp = await startSmtp()
  const arrivals: Received[] = []
  /** which mail an arrival became, and which arrival a connection is about */
  const mails = new Map<Received, number>()
  const current = new Map<number, Received>()
  let next: Mood | ((message?: Received) => Mood) = 'take'
  smtp.script(({ stage, line, connection }) => {
    const mood = moodOf(next)
    if (stage === 'rcpt') {
      const arrival = { path: line, headers: {}, body: null, raw: Buffer.from('') }
      arrivals.push(arrival)
      current.set(connection, arrival)
      if (mood === 'busy') return { reply: '451 4.7.1 Try again later' }
      if (mood === 'refuse') return { reply: '550 5.7.1 We do not like this' }
      if (mood === 'dead') return { reply: '550 5.1.1 No such user' }
    }
    const about = current.get(connection)
    if (stage === 'dot' && about !== undefined) mails.set(about, smtp.messages.length)
    return stage === 'dot' && (mood === 'reset' || mood === 'hang') ? mood : undefined
  })
  return {
    settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
    credentials: () => null,
    received: () =>
      arrivals.map((arrival) => {
        const mail = smtp.messages[mails.get(arrival) ?? -1]
        if (mail === undefined) return arrival
        const body = { from: mail.from, to: mail.to, messageId: mail.messageId, subject: mail.subject, text: mail.text?.trim() }
        return { ...arrival, headers: Object.fromEntries(mail.headers), body, raw: Buffer.from(mail.raw) }
      }),
    be(mood) {
      next = mood
    },
    close: () => smtp.close(),
  }
}

async function startApple(): Promise<RunningVendor> {
  let next: Mood | ((message?: Received) => Mood) = 'take'
  let taken = 0
  const server = await startApns(({ session }) => {
    const mood = moodOf(next)
    if (mood === 'take') return { status: 200, headers: { 'apns-id': `APNS-${++taken}` } }
    if (mood === 'busy')
      return { status: 429, headers: { 'retry-after': String(BUSY_SECONDS) }, body: { reason: 'TooManyRequests' } }
    if (mood === 'refuse') return { status: 400, body: { reason: 'PayloadEmpty' } }
    if (mood === 'deny') return { status: 403, body: { reason: 'InvalidProviderToken' } }
    if (mood === 'dead') return { status: 410, body: { reason: 'Unregistered', timestamp: 1 } }
    if (mood === 'reset') session.destroy()
    return undefined
  })
  const { pem } = keyPair('ec')
  return {
    settings: { teamId: 'TEAM123456', keyId: 'KEY1234567', privateKey: pem, topic: 'com.example.app', baseUrl: server.url },
    credentials: (n) => ({ deviceTokens: [appleToken(n)] }),
    received: () =>
      server.requests.map(({ headers, body }) => ({
        path: String(headers[':path']),
        headers,
        body: JSON.parse(body),
        raw: Buffer.from(body),
      })),
    be(mood) {
      next = mood
    },
    close: () => server.close(),
  }
}
const appleToken = (n: number): string => n.toString(16).padStart(64, 'a')

const hookPath = (n: number): string => `/hooks/${n}?k=1`
const hook = (url: string, n: number) => ({ webhookUrl: `${url}${hookPath(n)}` })
const hex = (prefix: string, n: number): string => prefix + n.toString(16).padStart(32, '0')
const push = { title: 'Hi', body: 'Hello {{ firstName }}', url: 'app://orders/{{ number }}', data: { number: '{{ number }}' } }
const korea = { appKey: 'app-1', secretKey: 'secret-1', webhookSignature: 'hook-1' }
const solapiSettings = (baseUrl: string): JsonObject => ({
  apiKey: 'KEY1',
  apiSecret: 'SECRET1',
  from: '02-1234-5678',
  pfId: 'PF1',
  webhookSecret: 'hook-1',
  baseUrl,
})
const solapiAnswers: Answers = {
  take: (n) => {
    const taken = solapiTaken()
    return { status: 200, body: { ...taken, messageList: taken.messageList.map((one) => ({ ...one, messageId: `M4V-${n}` })) } }
  },
  refuse: { status: 200, body: solapiRefused('1029') },
}
const kakaoAnswers: Answers = {
  take: (n) => {
    const taken = kakaoTaken()
    return { status: 200, body: { ...taken, message: { ...taken.message, requestId: `kakao-${n}` } } }
  },
  refuse: { status: 200, body: nhnRefused(-3004, 'Please check template parameter.') },
}
const kakaoSettings = (baseUrl: string): JsonObject => ({ ...korea, senderKey: 'a1'.repeat(20), baseUrl })
const solapiBase = (n: number, messageId: string) => ({
  to: korean(n),
  from: '0212345678',
  country: '82',
  customFields: { messageId },
})

const http = { busy: 'RATE_LIMITED', retryAfterSeconds: BUSY_SECONDS } as const
const inSolapi = {
  ...http,
  kind: 'solapi',
  secrets: ['apiSecret', 'webhookSecret'],
  vendorId: 'M4V-1',
  dead: null,
  foldsRepeats: false,
  refusal: { code: 'PROVIDER_REFUSED', says: /1029/ },
  start: () => startHttp(solapiAnswers, solapiSettings),
} satisfies Partial<VendorCase>
const solapiRequest = (message: object) => ({
  path: '/messages/v4/send-many/detail',
  headers: { authorization: expect.stringMatching(/^HMAC-SHA256 apiKey=KEY1, date=\S+, salt=\w{64}, signature=\w{64}$/) },
  body: { messages: [message], showMessageList: true },
})
const inKakao = {
  ...http,
  kind: 'nhn-kakao',
  secrets: ['secretKey', 'webhookSignature'],
  vendorId: 'kakao-1',
  dead: null,
  foldsRepeats: true,
  refusal: { code: 'PROVIDER_REFUSED', says: /Please check template parameter/ },
  start: () => startHttp(kakaoAnswers, kakaoSettings),
} satisfies Partial<VendorCase>
const inChat = {
  ...http,
  channel: 'CHAT',
  content: { chat: [{ body: 'Hello {{ firstName }}' }] },
  foldsRepeats: false,
} satisfies Partial<VendorCase>

/** Every kind, on each of its channels. */
export const vendorCases: readonly VendorCase[] = [
  {
    name: 'smtp',
    kind: 'smtp',
    channel: 'EMAIL',
    secrets: [],
    start: startMail,
    content: { email: [{ subject: 'Hi', text: 'Hello {{ firstName }}' }] },
    expected: ({ messageId, n }) => ({
      path: `RCPT TO:<anna-${n}@example.com>`,
      headers: { 'list-unsubscribe-post': 'List-Unsubscribe=One-Click' },
      body: {
        from: 'shop@example.com',
        to: [`anna-${n}@example.com`],
        messageId: `${messageId}@example.com`,
        subject: 'Hi',
        text: said,
      },
    }),
    vendorId: /./,
    refusal: { code: 'PROVIDER_REFUSED', says: /We do not like this/ },
    dead: 'PROVIDER_REFUSED',
    busy: 'HOST_UNREACHABLE',
    retryAfterSeconds: null,
    foldsRepeats: true,
  },
  {
    ...http,
    name: 'twilio',
    kind: 'twilio',
    channel: 'SMS',
    secrets: ['authToken'],
    foldsRepeats: false,
    content: { sms: [{ body: 'Hello {{ firstName }}' }] },
    start: () =>
      startHttp(
        {
          take: (n) => ({ status: 201, body: { sid: hex('SM', n), status: 'queued', error_code: null } }),
          refuse: { status: 400, body: { code: 30007, message: 'Message filtered', status: 400 } },
          dead: { status: 400, body: { code: 21211, message: 'Not a valid phone number', status: 400 } },
        },
        (baseUrl) => ({ accountSid: hex('AC', 1), authToken: 'token-1', from: '+15005550006', baseUrl }),
      ),
    expected: ({ n, callbackUrl }) => ({
      path: `/2010-04-01/Accounts/${hex('AC', 1)}/Messages.json`,
      headers: { authorization: `Basic ${Buffer.from(`${hex('AC', 1)}:token-1`).toString('base64')}` },
      body: { To: `+82${korean(n).slice(1)}`, From: '+15005550006', Body: said, StatusCallback: callbackUrl },
    }),
    vendorId: hex('SM', 1),
    refusal: { code: 'PROVIDER_REFUSED', says: /Message filtered/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...http,
    name: 'nhn-sms',
    kind: 'nhn-sms',
    channel: 'SMS',
    secrets: ['secretKey', 'webhookSignature'],
    dead: null,
    content: { sms: [{ type: 'LMS', title: 'Hi', body: 'Hello {{ firstName }}' }] },
    start: () =>
      startHttp(
        {
          take: (n) => {
            const taken = smsTaken()
            return { status: 200, body: { ...taken, body: { data: { ...taken.body.data, requestId: `sms-${n}` } } } }
          },
          refuse: { status: 200, body: nhnRefused(-2023, 'Unacceptable characters') },
        },
        (baseUrl) => ({ ...korea, from: '15446859', baseUrl }),
      ),
    expected: ({ messageId, n }) => ({
      path: '/sms/v3.0/appKeys/app-1/sender/mms',
      headers: { 'x-secret-key': 'secret-1' },
      body: {
        title: 'Hi',
        body: said,
        sendNo: '15446859',
        recipientList: [{ recipientNo: korean(n), recipientGroupingKey: messageId }],
      },
    }),
    vendorId: 'sms-1',
    refusal: { code: 'PROVIDER_REFUSED', says: /Unacceptable characters/ },
    foldsRepeats: false,
  },
  {
    ...inKakao,
    name: 'nhn-kakao ALIMTALK',
    channel: 'ALIMTALK',
    content: { alimtalk: [{ templateCode: 'order-1' }] },
    expected: ({ messageId, n }) => ({
      path: '/alimtalk/v2.3/appkeys/app-1/messages',
      headers: { 'x-secret-key': 'secret-1', 'x-nc-api-idempotency-key': messageId },
      body: {
        senderKey: 'a1'.repeat(20),
        templateCode: 'order-1',
        recipientList: [{ recipientNo: korean(n), recipientGroupingKey: messageId, templateParameter: { number: '7' } }],
      },
    }),
  },
  {
    ...inKakao,
    name: 'nhn-kakao FRIENDTALK',
    channel: 'FRIENDTALK',
    content: { friendtalk: [{ body: 'Hello {{ firstName }}', isAd: true }] },
    expected: ({ messageId, n }) => ({
      path: '/friendtalk/v2.3/appkeys/app-1/messages',
      headers: { 'x-nc-api-idempotency-key': messageId, 'x-convert-to-brand-message': 'true' },
      body: {
        senderKey: 'a1'.repeat(20),
        recipientList: [{ recipientNo: korean(n), recipientGroupingKey: messageId, content: said, isAd: true }],
      },
    }),
  },
  {
    ...inSolapi,
    name: 'solapi SMS',
    channel: 'SMS',
    content: { sms: [{ body: 'Hello {{ firstName }}' }] },
    expected: ({ messageId, n }) => solapiRequest({ ...solapiBase(n, messageId), type: 'SMS', text: said }),
  },
  {
    ...inSolapi,
    name: 'solapi ALIMTALK',
    channel: 'ALIMTALK',
    content: { alimtalk: [{ templateCode: 'order-1', body: 'Hello {{ firstName }}' }] },
    expected: ({ messageId, n }) =>
      solapiRequest({
        ...solapiBase(n, messageId),
        type: 'ATA',
        text: said,
        kakaoOptions: { pfId: 'PF1', disableSms: true, templateId: 'order-1', variables: { '#{number}': '7' } },
      }),
  },
  {
    ...inSolapi,
    name: 'solapi FRIENDTALK',
    channel: 'FRIENDTALK',
    content: { friendtalk: [{ body: 'Hello {{ firstName }}' }] },
    expected: ({ messageId, n }) =>
      solapiRequest({
        ...solapiBase(n, messageId),
        type: 'BMS_FREE',
        text: said,
        kakaoOptions: { pfId: 'PF1', disableSms: true, bms: { targeting: 'I', chatBubbleType: 'TEXT' } },
      }),
  },
  {
    ...http,
    name: 'fcm',
    kind: 'fcm',
    channel: 'PUSH',
    secrets: ['serviceAccount'],
    foldsRepeats: true,
    content: { push: [push] },
    start: () => {
      const { pem } = keyPair('rsa')
      const unregistered = { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'UNREGISTERED' }
      return startHttp(
        {
          take: (n) => ({ status: 200, body: { name: `projects/demo-1/messages/${n}` } }),
          refuse: { status: 400, body: { error: { code: 400, message: 'Bad colour', status: 'INVALID_ARGUMENT' } } },
          dead: { status: 404, body: { error: { code: 404, message: 'Gone', status: 'NOT_FOUND', details: [unregistered] } } },
        },
        (url) => ({ serviceAccount: serviceAccount(url, pem), baseUrl: url }),
        (_url, n) => ({ deviceTokens: [`fcm-token-${n}`] }),
        ({ path }) =>
          path === '/token' ? { status: 200, body: { access_token: 'access-1', expires_in: 3599, token_type: 'Bearer' } } : null,
      )
    },
    expected: ({ messageId, n }) => ({
      path: '/v1/projects/demo-1/messages:send',
      headers: { authorization: 'Bearer access-1' },
      body: {
        message: {
          token: `fcm-token-${n}`,
          notification: { title: 'Hi', body: said },
          data: { messageId, url: 'app://orders/7', number: '7' },
          android: { notification: { tag: messageId } },
          apns: { headers: { 'apns-collapse-id': messageId } },
          webpush: { headers: { Topic: expect.stringMatching(/^[\w-]{32}$/) } },
        },
      },
    }),
    vendorId: 'projects/demo-1/messages/1',
    refusal: { code: 'PROVIDER_REFUSED', says: /Bad colour/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...http,
    name: 'apns',
    kind: 'apns',
    channel: 'PUSH',
    secrets: ['privateKey'],
    foldsRepeats: true,
    start: startApple,
    content: { push: [push] },
    expected: ({ messageId, n }) => ({
      path: `/3/device/${appleToken(n)}`,
      headers: { 'apns-topic': 'com.example.app', 'apns-push-type': 'alert', 'apns-collapse-id': messageId },
      body: { aps: { alert: { title: 'Hi', body: said } }, messageId, url: 'app://orders/7', number: '7' },
    }),
    vendorId: 'APNS-1',
    refusal: { code: 'PROVIDER_REFUSED', says: /PayloadEmpty/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...http,
    name: 'web-push',
    kind: 'web-push',
    channel: 'WEB_PUSH',
    secrets: ['privateKey'],
    foldsRepeats: true,
    content: { webPush: [push] },
    start: () => {
      const keys = vapidKeys()
      return startHttp(
        {
          take: (n) => ({ status: 201, headers: { location: `https://push.example/m/${n}` } }),
          refuse: { status: 400, body: 'No such urgency' },
          dead: { status: 410, body: 'Gone' },
        },
        () => ({ ...keys, subject: 'mailto:ops@example.com' }),
        (url, n) => ({ deviceTokens: [browser(`${url}/push/${n}`).address] }),
      )
    },
    expected: ({ n }) => ({
      path: `/push/${n}`,
      headers: {
        ttl: '86400',
        urgency: 'normal',
        'content-encoding': 'aes128gcm',
        topic: expect.stringMatching(/^[\w-]{32}$/),
        authorization: expect.stringMatching(/^vapid t=\S+, ?k=\S+$/),
      },
    }),
    vendorId: 'https://push.example/m/1',
    refusal: { code: 'PROVIDER_REFUSED', says: /No such urgency/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...inChat,
    name: 'slack',
    kind: 'slack',
    secrets: [],
    start: () =>
      startHttp(
        {
          take: () => ({ status: 200, body: 'ok' }),
          refuse: { status: 400, body: 'invalid_payload' },
          dead: { status: 404, body: 'no_service' },
        },
        () => ({}),
        hook,
      ),
    expected: ({ n }) => ({ path: hookPath(n), body: { text: said } }),
    vendorId: null,
    refusal: { code: 'PROVIDER_REFUSED', says: /invalid_payload/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...inChat,
    name: 'discord',
    kind: 'discord',
    secrets: [],
    start: () =>
      startHttp(
        {
          take: (n) => ({ status: 200, body: { id: String(n) } }),
          refuse: { status: 400, body: { code: 50006, message: 'Cannot send an empty message' } },
          dead: { status: 404, body: { code: 10015, message: 'Unknown Webhook' } },
        },
        () => ({}),
        hook,
      ),
    expected: ({ n }) => ({
      path: `${hookPath(n)}&wait=true`,
      body: { content: said, allowed_mentions: { parse: ['users', 'roles', 'everyone'] } },
    }),
    vendorId: '1',
    refusal: { code: 'PROVIDER_REFUSED', says: /Cannot send an empty message/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...inChat,
    name: 'mattermost',
    kind: 'mattermost',
    secrets: [],
    start: () =>
      startHttp(
        {
          take: () => ({ status: 200, body: 'ok' }),
          refuse: { status: 400, body: { id: 'web.incoming_webhook.text.length.app_error', message: 'Text is too long' } },
        },
        () => ({}),
        hook,
      ),
    expected: ({ n }) => ({ path: hookPath(n), body: { text: said } }),
    vendorId: null,
    refusal: { code: 'TOO_LARGE', says: /Text is too long/ },
    dead: null,
  },
  {
    ...inChat,
    name: 'msteams',
    kind: 'msteams',
    secrets: [],
    start: () =>
      startHttp(
        {
          take: () => ({ status: 202, body: '' }),
          refuse: { status: 400, body: { error: { code: 'InvalidRequest', message: 'Bad card' } } },
          dead: { status: 410, body: 'Gone' },
        },
        () => ({}),
        hook,
      ),
    expected: ({ n }) => ({
      path: hookPath(n),
      body: {
        type: 'message',
        attachments: [
          {
            contentType: 'application/vnd.microsoft.card.adaptive',
            contentUrl: null,
            content: {
              $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
              type: 'AdaptiveCard',
              version: '1.4',
              body: [{ type: 'TextBlock', text: said, wrap: true }],
            },
          },
        ],
      },
    }),
    vendorId: null,
    refusal: { code: 'PROVIDER_REFUSED', says: /Bad card/ },
    dead: 'ADDRESS_INVALID',
  },
  {
    ...http,
    name: 'webhook',
    kind: 'webhook',
    channel: 'WEBHOOK',
    secrets: ['secret', 'authorization'],
    foldsRepeats: true,
    content: { webhook: [{ body: { text: 'Hello {{ firstName }}', list: [1, '{{ number }}'] } }] },
    start: () =>
      startHttp(
        {
          take: () => ({ status: 200, body: 'thanks' }),
          refuse: { status: 302, headers: { location: '/other' } },
          dead: { status: 410 },
        },
        () => ({ secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, authorization: 'Bearer hook-secret' }),
        hook,
      ),
    expected: ({ messageId, n }) => ({
      path: hookPath(n),
      headers: {
        'webhook-id': messageId,
        'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
        'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      },
      body: { text: said, list: [1, '7'] },
    }),
    vendorId: 'message',
    refusal: { code: 'PROVIDER_REFUSED', says: /302/ },
    dead: 'ADDRESS_INVALID',
  },
]
