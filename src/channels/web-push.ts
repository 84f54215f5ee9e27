/** The provider `web-push`: push messages to browsers, through the push service that each browser named (RFC 8030). */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { baseUrl, readExtra } from './extra.ts'
import { createHttpClient, excerpt, type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'
import {
  type FittedPush,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type RenderedPush,
} from './provider.ts'
import { fitPush } from './push-fit.ts'
import { type BrowserKeys, createIdentification, encrypt, isKeyPair, OVERHEAD_BYTES } from './web-push-crypto.ts'

/** Push services carry 4,096 bytes; encryption takes its share. */
const TEXT_BYTES = 4_096 - OVERHEAD_BYTES

const base64url = (bytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')
    .refine((value) => Buffer.from(value, 'base64url').length === bytes, { error: `must be ${bytes} bytes as base64url` })

const ttlSeconds = z.int().min(0).max(2_419_200)
const urgency = z.enum(['very-low', 'low', 'normal', 'high'])

const settings = z
  .strictObject({
    /** the VAPID key that pages subscribe with (`applicationServerKey`) */
    publicKey: base64url(65),
    privateKey: base64url(32),
    /** whom a push service may write to: `mailto:a@b.c` or an https address */
    subject: z
      .string()
      .max(500)
      .regex(/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/, 'must be mailto:a@b.c or an https address'),
    /** how long a push service keeps a message for a browser that is away */
    ttlSeconds: ttlSeconds.default(86_400),
    urgency: urgency.default('normal'),
    /** requests go here instead of the origin of the subscription (a relay) */
    baseUrl: baseUrl.optional(),
  })
  .refine(({ publicKey, privateKey }) => isKeyPair(publicKey, privateKey), {
    error: 'is not the key that belongs to publicKey',
    path: ['privateKey'],
  })

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  ttlSeconds: ttlSeconds.optional(),
  urgency: urgency.optional(),
})

/** Settings of a `web-push` provider, defaults filled in. */
export type WebPushSettings = z.output<typeof settings>

/** The kind `web-push`. */
export const webPush = {
  kind: 'web-push',
  channels: ['WEB_PUSH'],
  settings,
  secrets: ['privateKey'],
  extra: () => extra,
  fit: fitWebPush,
  create: (given: WebPushSettings, deps: ProviderDeps): Provider => createWebPush(given, deps),
} satisfies ProviderKind<WebPushSettings>

/** Cuts a push to the 3,993 bytes that fit into an encrypted record: its body, then its title. @throws ProviderError TOO_LARGE */
export function fitWebPush(message: RenderedPush): FittedPush {
  return fitPush(message, TEXT_BYTES, (cut) => Buffer.byteLength(textOf(cut)))
}

/** The topic of a message: a push service, and a browser that is shown it as `tag`, keeps one of the messages with one topic. */
export const topicOf = (messageId: string): string => createHash('sha256').update(messageId).digest('base64url').slice(0, 32)

/** What the page's service worker gets, as JSON: show it with `tag: messageId`, so that a repeat replaces what is shown. */
function textOf({ messageId, title, body, imageUrl, url, data }: RenderedPush): string {
  return JSON.stringify({ messageId, title, body, imageUrl, url, data })
}

/** Makes the provider. `now`: ms, for tests. */
export function createWebPush(given: WebPushSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const identify = createIdentification(given, now)
  return {
    kind: 'web-push',
    limits,
    async send(message, signal) {
      if (message.channel !== 'WEB_PUSH') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `Web Push can't carry ${message.channel}.`)
      }
      const { ttlSeconds = given.ttlSeconds, urgency = given.urgency } = readExtra(extra, message.extra)
      const { endpoint, keys } = readSubscription(message.address, deps.allowPrivateHosts)
      const text = Buffer.from(textOf(fitWebPush(message).message))
      const headers = {
        ttl: String(ttlSeconds),
        urgency,
        topic: topicOf(message.messageId),
        'content-type': 'application/octet-stream',
        'content-encoding': 'aes128gcm',
        authorization: await identify(endpoint.origin),
      }
      const url = given.baseUrl === undefined ? endpoint.href : `${given.baseUrl}${endpoint.pathname}${endpoint.search}`
      const answer = await http.send({ method: 'POST', url, headers, body: sealed(text, keys) }, signal)
      if (answer.status < 200 || answer.status > 299) throw outcomeOf(answer, now(), given.baseUrl === undefined)
      return {
        providerMessageId: answer.headers['location'] ?? null,
        response: excerpt(`${answer.status} ${answer.text}`.trim()),
      }
    },
    close: () => http.close(),
  }
}

const subscription = z.object({
  endpoint: z.url({ protocol: /^https?$/ }).max(2_000),
  keys: z.object({ p256dh: z.string().max(200), auth: z.string().max(100) }),
})

/** @throws ProviderError refused, ADDRESS_INVALID */
function readSubscription(address: string, allowHttp: boolean): { endpoint: URL; keys: BrowserKeys } {
  const parsed = subscription.safeParse(address.length > 10_000 ? null : jsonOf(address))
  const endpoint = parsed.success ? URL.parse(parsed.data.endpoint) : null
  const isAllowed = endpoint !== null && (endpoint.protocol === 'https:' || allowHttp) && endpoint.username === ''
  if (!parsed.success || !isAllowed) throw notASubscription('The address is not the JSON of a Web Push subscription.')
  // Browsers give base64url; some libraries pad it, or give base64: Node reads all of them.
  const p256dh = Buffer.from(parsed.data.keys.p256dh, 'base64url')
  const auth = Buffer.from(parsed.data.keys.auth, 'base64url')
  if (p256dh.length !== 65 || auth.length !== 16) throw notASubscription("The subscription's keys are not a browser's.")
  return { endpoint, keys: { p256dh, auth } }
}

function sealed(text: Uint8Array, keys: BrowserKeys): Buffer {
  try {
    return encrypt(text, keys)
  } catch (cause) {
    throw notASubscription("The subscription's key is not a point of the curve P-256.", cause)
  }
}

const notASubscription = (message: string, cause?: unknown): ProviderError =>
  new ProviderError('refused', 'ADDRESS_INVALID', message, { cause })

/** The outcome of an answer that is not a success. 410, and a 404 of the push service itself: the subscription has ended. */
function outcomeOf({ status, headers, text }: HttpAnswer, now: number, isDirect: boolean): ProviderError {
  const response = excerpt(text)
  const said = excerpt(`The push service answered ${status}: ${text}`)
  const wait = retryAfterMs(headers['retry-after'], now)
  if (status === 429) return new ProviderError('retryable', 'RATE_LIMITED', said, { retryAfterMs: wait, response })
  if (status === 500 || status === 503) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', said, { retryAfterMs: wait, response })
  }
  // Something before the push service answered, and doesn't say how far the message came.
  if (status >= 500) return new ProviderError('unknown', 'OUTCOME_UNKNOWN', said, { retryAfterMs: wait, response })
  if (status === 404 || status === 410) {
    return new ProviderError('refused', 'ADDRESS_INVALID', said, { addressDead: status === 410 || isDirect, response })
  }
  if (status === 413) return new ProviderError('refused', 'TOO_LARGE', said, { response })
  // 401 and 403 speak of our key. So may a 400, but as often of the subscription.
  return new ProviderError('refused', 'PROVIDER_REFUSED', said, { aboutProvider: status === 401 || status === 403, response })
}
