/** The provider `web-push`: push messages to browsers, through the push service that each browser named (RFC 8030). */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type BrowserSubscription, readSubscription } from '../values/device.ts'
import { hostOfUrl } from '../values/host.ts'
import { readExtra } from './extra.ts'
import { createHttpClient, excerpt, type HttpAnswer, retryAfterMs } from './http.ts'
import {
  type FittedPush,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type RenderedPush,
} from './provider.ts'
import { fitPush, fitsWithoutText } from './push-fit.ts'
import { relayUrl } from './settings.ts'
import { createIdentification, encrypt, isKeyPair, OVERHEAD_BYTES } from './web-push-crypto.ts'

/** Push services accept 4,096 bytes, encryption included. */
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
    publicKey: base64url(65).meta({
      title: 'Public VAPID key',
      description:
        'The key that pages subscribe with (applicationServerKey): 65 bytes, base64url. Generate a pair once, and keep it.',
    }),
    privateKey: base64url(32).meta({
      title: 'Private VAPID key',
      description: 'The private half of the pair: 32 bytes, base64url.',
      writeOnly: true,
    }),
    subject: z
      .string()
      .max(500)
      .regex(/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/, 'must be mailto:a@b.c or an https address')
      .meta({
        title: 'Contact',
        description: 'Where push services can reach you: mailto: and an e-mail address, or an https URL.',
        examples: ['mailto:ops@example.com'],
      }),
    ttlSeconds: ttlSeconds.default(86_400).meta({
      title: 'Time to live',
      description: 'How long a push service keeps a message for a browser that is offline, in seconds.',
      'x-advanced': true,
    }),
    urgency: urgency.default('normal').meta({
      title: 'Urgency',
      description: 'What a device on battery receives at once; a low urgency may be held back until it is charged.',
      'x-advanced': true,
    }),
    baseUrl: relayUrl,
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
  title: 'Web Push',
  channels: ['WEB_PUSH'],
  settings,
  wrongAddress,
  carries: (_channel, extent) => fitsWithoutText(extent, TEXT_BYTES),
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

/** `now`: ms, for tests. */
export function createWebPush(given: WebPushSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const identify = createIdentification(given, now)
  return {
    kind: 'web-push',
    limits,
    hostOf,
    async send(message, signal) {
      if (message.channel !== 'WEB_PUSH') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `Web Push can't carry ${message.channel}.`, {
          about: 'message',
        })
      }
      const { ttlSeconds = given.ttlSeconds, urgency = given.urgency } = readExtra(extra, message.extra)
      const { endpoint, keys } = subscriptionOf(message.address, deps.allowPrivateHosts)
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
      // A relay that can't be reached is the provider's; what comes through it is the push service's.
      const host = given.baseUrl === undefined ? 'host' : 'provider'
      const answer = await http.send({ host, method: 'POST', url, headers, body: encrypt(text, keys) }, signal)
      if (answer.status < 200 || answer.status > 299) throw outcomeOf(answer, now(), endpoint, given.baseUrl === undefined)
      return {
        providerMessageId: answer.headers['location'] ?? null,
        response: excerpt(`${answer.status} ${answer.text}`.trim()),
      }
    },
    close: () => http.close(),
  }
}

function wrongAddress(address: string, { allowPrivateHosts }: Pick<ProviderDeps, 'allowPrivateHosts'>): string | null {
  const read = readSubscription(address, allowPrivateHosts)
  return 'wrong' in read ? read.wrong : null
}

/** @throws ProviderError refused, ADDRESS_INVALID */
function subscriptionOf(address: string, allowHttp: boolean): BrowserSubscription {
  const read = readSubscription(address, allowHttp)
  if ('wrong' in read) throw new ProviderError('refused', 'ADDRESS_INVALID', `The address ${read.wrong}`, { about: 'address' })
  return read
}

/** The push service's host; null: the address is no subscription. */
function hostOf(address: string): string | null {
  const read = readSubscription(address, true)
  return 'wrong' in read ? null : hostOfUrl(read.endpoint.href)
}

/**
 * The outcome of an answer that is not a success. 410, and a 404 of the push service itself: the subscription has ended. Everybody who
 * subscribes names a push service, so nothing that one says counts against the provider.
 */
function outcomeOf({ status, headers, text }: HttpAnswer, now: number, endpoint: URL, isDirect: boolean): ProviderError {
  const response = excerpt(text)
  const summary = excerpt(`The push service ${hostOfUrl(endpoint.href) ?? ''} answered ${status}: ${text}`)
  const failing = { about: 'host', retryAfterMs: retryAfterMs(headers['retry-after'], now), response } as const
  if (status === 429) return new ProviderError('retryable', 'RATE_LIMITED', summary, failing)
  if (status === 500 || status === 503) return new ProviderError('retryable', 'HOST_UNREACHABLE', summary, failing)
  // A gateway answered, perhaps after the push service accepted the message.
  if (status >= 500) return new ProviderError('unknown', 'OUTCOME_UNKNOWN', summary, failing)
  if (status === 404 || status === 410) {
    const addressDead = status === 410 || isDirect
    return new ProviderError('refused', 'ADDRESS_INVALID', summary, { about: 'address', addressDead, response })
  }
  if (status === 413) return new ProviderError('refused', 'TOO_LARGE', summary, { about: 'message', response })
  // 401 and 403 are about our key at this push service. A 400 may be, but is as often about the subscription.
  const about = status === 401 || status === 403 ? 'host' : 'address'
  return new ProviderError('refused', 'PROVIDER_REFUSED', summary, { about, response })
}
