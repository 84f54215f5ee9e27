/** The provider `apns`: push messages to Apple's devices, over one HTTP/2 connection, identified by a token (`.p8` key). */
import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import { wrongAppleToken } from '../values/device.ts'
import { createAddressGuard } from './address-guard.ts'
import { createHttp2Client, type Http2Times } from './apns-connection.ts'
import { outcomeOf, reasonOf } from './apns-outcome.ts'
import { createProviderToken } from './apns-token.ts'
import { readExtra } from './extra.ts'
import { excerpt } from './http.ts'
import {
  type FittedPush,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  Rehearsed,
  type RenderedPush,
} from './provider.ts'
import { fitPush, fitsWithoutText } from './push-fit.ts'
import { apiUrl } from './settings.ts'

const MAX_BYTES = 4_096

const settings = z.strictObject({
  teamId: z
    .string()
    .regex(/^[A-Z0-9]{10}$/, 'must be the 10 characters of a team id')
    .meta({ title: 'Team ID', description: '10 characters. Apple Developer account, Membership details.' }),
  keyId: z
    .string()
    .regex(/^[A-Z0-9]{10}$/, 'must be the 10 characters of a key id')
    .meta({
      title: 'Key ID',
      description: '10 characters. Apple Developer account, Certificates, Identifiers & Profiles, Keys.',
    }),
  privateKey: z.string().max(5_000).refine(isP256Key, { error: 'must be the text of a .p8 file' }).meta({
    title: 'Private key',
    description: 'The text of the .p8 file, which Apple offers once, when the key is created.',
    writeOnly: true,
    contentMediaType: 'application/x-pem-file',
  }),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,255}$/, 'must be a bundle id')
    .meta({ title: 'Topic', description: "The app's bundle ID.", examples: ['com.example.shop'] }),
  baseUrl: apiUrl(
    'https://api.push.apple.com',
    'Development builds receive through the sandbox, https://api.sandbox.push.apple.com.',
  ),
})

const text = z.string().max(1_000)

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  headers: z
    .strictObject({
      'apns-priority': z.enum(['1', '5', '10']).optional(),
      'apns-expiration': z
        .string()
        .regex(/^\d{1,12}$/)
        .optional(),
      'apns-collapse-id': z
        .string()
        .regex(/^[\x21-\x7e]{1,64}$/)
        .optional(),
    })
    .optional(),
  aps: z
    .strictObject({
      badge: z.int().min(0).optional(),
      sound: text.optional(),
      category: text.optional(),
      'thread-id': text.optional(),
      'target-content-id': text.optional(),
      'interruption-level': z.enum(['passive', 'active', 'time-sensitive', 'critical']).optional(),
      'relevance-score': z.number().min(0).max(1).optional(),
      'content-available': z.literal(1).optional(),
      'mutable-content': z.literal(1).optional(),
    })
    .optional(),
})

/** Settings of an `apns` provider, defaults filled in. */
export type ApnsSettings = z.output<typeof settings>

const TIMES: Http2Times = { connectMs: 10_000, requestMs: 15_000, pingMs: 60_000, pongMs: 10_000, idleMs: 30 * 60_000 }

/** The kind `apns`. */
export const apns = {
  kind: 'apns',
  title: 'Apple Push Notification service',
  channels: ['PUSH'],
  settings,
  wrongAddress: wrongAppleToken,
  carries: (_channel, extent) => !extent.hasExtra && !extent.dataKeys.includes('aps') && fitsWithoutText(extent, MAX_BYTES),
  extra: () => extra,
  fit: fitApns,
  create: (given: ApnsSettings, deps: ProviderDeps): Provider => createApns(given, deps),
} satisfies ProviderKind<ApnsSettings>

/** Cuts a push to Apple's 4,096 bytes: its body, then its title. @throws ProviderError TOO_LARGE, BAD_INPUT */
export function fitApns(message: RenderedPush): FittedPush {
  return fitPush(message, MAX_BYTES, (cut) => Buffer.byteLength(payloadOf(cut)))
}

/** `times`, `now` (ms): for tests. */
export function createApns(
  given: ApnsSettings,
  deps: ProviderDeps,
  times: Http2Times = TIMES,
  now: () => number = Date.now,
): Provider {
  const base = new URL(given.baseUrl)
  const client = createHttp2Client(base.origin, createAddressGuard(deps), times)
  const token = createProviderToken(given, now)
  const prefix = base.pathname.replace(/\/$/, '')

  return {
    kind: 'apns',
    // The device replaces a notification by the next one with the same collapse id.
    limits: { concurrency: 200, foldsRepeats: true },
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'PUSH') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `APNs can't carry ${message.channel}.`, { about: 'message' })
      }
      const wrong = wrongAppleToken(message.address)
      if (wrong !== null) throw new ProviderError('refused', 'ADDRESS_INVALID', `The address ${wrong}`, { about: 'address' })
      const body = payloadOf(fitApns(message).message)
      const post = (jwt: string) => {
        const headers = {
          authorization: `bearer ${jwt}`,
          'content-type': 'application/json',
          'apns-topic': given.topic,
          'apns-push-type': 'alert',
          'apns-priority': '10',
          'apns-collapse-id': message.messageId,
          ...readExtra(extra, message.extra).headers,
        }
        return client.post(`${prefix}/3/device/${message.address}`, headers, body, signal)
      }
      if (deps.rehearses === true) throw new Rehearsed()
      const jwt = await token.take()
      let answer = await post(jwt)
      // Nothing was accepted, so the message is sent once more with another token, unless this one was new.
      if (reasonOf(answer) === 'ExpiredProviderToken' && token.reject(jwt)) answer = await post(await token.take())
      if (answer.status !== 200) throw outcomeOf(answer, now())
      return { providerMessageId: answer.headers['apns-id'] ?? null, response: excerpt(`200 ${answer.text}`.trim()) }
    },
    close: () => client.close(),
  }
}

/** The payload; the app's own keys are siblings of `aps`. @throws ProviderError BAD_INPUT */
function payloadOf(message: RenderedPush): string {
  const { messageId, title, body, imageUrl, url, data } = message
  if (Object.hasOwn(data, 'aps'))
    throw new ProviderError('refused', 'BAD_INPUT', 'data.aps: Apple reserves this key', { about: 'message' })
  return JSON.stringify({
    aps: {
      alert: { title, body },
      // An image is shown by the app's notification service extension, which runs only with this key.
      ...(imageUrl === null ? {} : { 'mutable-content': 1 }),
      ...readExtra(extra, message.extra).aps,
    },
    messageId,
    ...(url === null ? {} : { url }),
    ...(imageUrl === null ? {} : { imageUrl }),
    ...data,
  })
}

function isP256Key(pem: string): boolean {
  try {
    return pem.includes('BEGIN PRIVATE KEY') && createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false // not a key
  }
}
