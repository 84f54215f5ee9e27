/** The provider `fcm`: push messages through Firebase Cloud Messaging, HTTP v1. */
import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import { wrongFcmToken } from '../values/device.ts'
import type { JsonObject } from '../words.ts'
import { readExtra } from './extra.ts'
import { outcomeOf } from './fcm-outcome.ts'
import { createTokenSource, type ServiceAccount } from './fcm-token.ts'
import { createHttpClient, excerpt, type HttpAnswer, jsonOf } from './http.ts'
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
import { apiUrl, baseUrl } from './settings.ts'
import { topicOf } from './web-push.ts'

/** What FCM carries: the message as JSON, without the device's token. */
const MAX_BYTES = 4_096

const account = z.object({
  project_id: z.string().regex(/^[A-Za-z0-9:._-]{1,100}$/),
  client_email: z.string().min(1).max(500),
  private_key: z.string().refine(isRsaKey),
  private_key_id: z.string().max(200).optional(),
  token_uri: baseUrl.default('https://oauth2.googleapis.com/token'),
})

const settings = z.strictObject({
  serviceAccount: z
    .string()
    .max(20_000)
    .transform((text, context): ServiceAccount => {
      const parsed = account.safeParse(jsonOf(text))
      if (parsed.success) return parsed.data
      const field = parsed.error.issues[0]?.path.join('.') ?? ''
      context.addIssue(`must be the JSON text of a service account's key file${field === '' ? '' : `: ${field} is not valid`}`)
      return z.NEVER
    })
    .meta({
      title: 'Service account key',
      description:
        'The text of the JSON key file. Firebase console, Project settings, Service accounts, Generate new private key.',
      writeOnly: true,
      contentMediaType: 'application/json',
    }),
  baseUrl: apiUrl('https://fcm.googleapis.com'),
})

const text = z.string().max(1_000)
const ttl = z.string().regex(/^\d{1,7}(\.\d{1,9})?s$/, 'must be seconds, as in 3600s')

/** What `overrides.providers` may add to a message; a field that a message has already is replaced. */
const extra = z.strictObject({
  android: z
    .strictObject({
      priority: z.enum(['normal', 'high']).optional(),
      ttl: ttl.optional(),
      /** FCM keeps at most four keys for a device that is offline, and drops the rest */
      collapse_key: text.optional(),
      notification: z
        .strictObject({
          channel_id: text.optional(),
          click_action: text.optional(),
          icon: text.optional(),
          color: z
            .string()
            .regex(/^#[0-9A-Fa-f]{6}$/)
            .optional(),
          sound: text.optional(),
        })
        .optional(),
    })
    .optional(),
  apns: z
    .strictObject({
      headers: z
        .strictObject({ 'apns-priority': z.enum(['1', '5', '10']).optional(), 'apns-expiration': text.optional() })
        .optional(),
      aps: z
        .strictObject({
          badge: z.int().min(0).optional(),
          sound: text.optional(),
          category: text.optional(),
          'thread-id': text.optional(),
          'interruption-level': z.enum(['passive', 'active', 'time-sensitive', 'critical']).optional(),
        })
        .optional(),
    })
    .optional(),
  webpush: z.strictObject({ headers: z.strictObject({ TTL: text.optional(), Urgency: text.optional() }).optional() }).optional(),
  fcm_options: z
    .strictObject({
      analytics_label: z
        .string()
        .regex(/^[A-Za-z0-9\-_.~%]{1,50}$/)
        .optional(),
    })
    .optional(),
})

/** Settings of an `fcm` provider, defaults filled in. */
export type FcmSettings = z.output<typeof settings>

/** The kind `fcm`. */
export const fcm = {
  kind: 'fcm',
  title: 'Firebase Cloud Messaging',
  channels: ['PUSH'],
  settings,
  wrongAddress: wrongFcmToken,
  carries: (_channel, extent) => !extent.hasExtra && !extent.dataKeys.some(isReserved) && fitsWithoutText(extent, MAX_BYTES),
  extra: () => extra,
  fit: fitFcm,
  create: (given: FcmSettings, deps: ProviderDeps): Provider => createFcm(given, deps),
} satisfies ProviderKind<FcmSettings>

/** Cuts a push to FCM's 4,096 bytes: its body, then its title. @throws ProviderError TOO_LARGE, BAD_INPUT */
export function fitFcm(message: RenderedPush): FittedPush {
  return fitPush(message, MAX_BYTES, (cut) => Buffer.byteLength(JSON.stringify(contentOf(cut))))
}

/** `now`: ms, for tests. */
export function createFcm(given: FcmSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  // A repeat replaces what the device shows (see contentOf); FCM itself would deliver both.
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const tokens = createTokenSource(given.serviceAccount, http, now)
  const url = `${given.baseUrl}/v1/projects/${given.serviceAccount.project_id}/messages:send`

  async function post(body: string, signal: AbortSignal): Promise<HttpAnswer> {
    const token = await tokens.take(signal)
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await http.send({ host: 'provider', method: 'POST', url, headers, body }, signal)
    if (answer.status === 401) tokens.reject(token)
    return answer
  }

  return {
    kind: 'fcm',
    limits,
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'PUSH') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `FCM can't carry ${message.channel}.`, { about: 'message' })
      }
      const wrong = wrongFcmToken(message.address)
      if (wrong !== null) throw new ProviderError('refused', 'ADDRESS_INVALID', `The address ${wrong}`, { about: 'address' })
      const body = JSON.stringify({ message: { token: message.address, ...contentOf(fitFcm(message).message) } })
      if (deps.rehearses === true) throw new Rehearsed()
      let answer = await post(body, signal)
      // The access token was revoked early. Nothing was accepted, so the message is sent once more with another token.
      if (answer.status === 401) answer = await post(body, signal)
      if (answer.status !== 200) throw outcomeOf(answer, now())
      const parsed = z.object({ name: z.string() }).safeParse(jsonOf(answer.text))
      return { providerMessageId: parsed.success ? parsed.data.name : null, response: excerpt(answer.text) }
    },
    close: () => http.close(),
  }
}

/**
 * The message without its token. A repeat replaces the notification that is shown, by the messageId: `tag` on Android, the
 * collapse id on iOS, the topic in a browser. A `collapse_key` would also fold what a device has not received yet, but FCM keeps
 * only four of them for a device, and messages with others are lost: so it is the caller's to ask for.
 */
function contentOf(message: RenderedPush): object {
  const { messageId, title, body, imageUrl, url } = message
  const { android, apns, webpush, fcm_options } = readExtra(extra, message.extra)
  const collapse = { headers: { 'apns-collapse-id': messageId, ...apns?.headers } }
  return {
    notification: { title, body, ...(imageUrl === null ? {} : { image: imageUrl }) },
    data: { messageId, ...(url === null ? {} : { url }), ...textsOf(message.data) },
    android: { ...android, notification: { tag: messageId, ...android?.notification } },
    apns: { ...collapse, ...(apns?.aps === undefined ? {} : { payload: { aps: apns.aps } }) },
    webpush: {
      headers: { Topic: topicOf(messageId), ...webpush?.headers },
      ...(url?.startsWith('https://') === true ? { fcm_options: { link: url } } : {}),
    },
    ...(fcm_options === undefined ? {} : { fcm_options }),
  }
}

const isReserved = (key: string): boolean => /^(from$|message_type$|google|gcm)/.test(key)

/** FCM accepts only strings: other values are sent as their JSON. @throws ProviderError BAD_INPUT for a key that FCM reserves */
function textsOf(data: JsonObject): Record<string, string> {
  for (const key of Object.keys(data)) {
    if (isReserved(key)) {
      throw new ProviderError('refused', 'BAD_INPUT', `data.${key}: FCM reserves this key`, { about: 'message' })
    }
  }
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

function isRsaKey(pem: string): boolean {
  try {
    return pem.includes('BEGIN PRIVATE KEY') && createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false // not a key
  }
}
