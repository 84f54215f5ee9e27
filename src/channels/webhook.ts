/** The provider `webhook`: JSON to a URL of the caller, signed according to Standard Webhooks. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { hostOfUrl } from '../values/host.ts'
import { noExtra, readExtra } from './extra.ts'
import { createHttpClient, excerpt, type HttpAnswer, retryAfterMs } from './http.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind } from './provider.ts'
import { relayUrl } from './settings.ts'
import { aimedAt, readWebAddress, wrongWebAddress } from './webhook-address.ts'

/** 24 to 64 bytes, as base64. */
const isSecret = (text: string): boolean => {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1]
  if (base64 === undefined) return false
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64
}

/** Headers of the connection and of the signature, and those with a setting of their own. */
const taken =
  /^(webhook-.*|host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|authorization|cookie)$/i

const printable = z.string().regex(/^[\x20-\x7e]{1,1000}$/, 'must be printable ASCII, on one line')

const headers = z
  .record(z.string(), printable)
  .refine((given) => Object.keys(given).length <= 20, { error: 'must be at most 20' })
  .superRefine((given, context) => {
    for (const name of Object.keys(given)) {
      if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name) && !taken.test(name)) continue
      context.addIssue({ code: 'custom', path: [name], message: 'is not the name of a header that can be set' })
    }
  })

const settings = z.strictObject({
  url: z
    .string()
    .refine((text) => wrongWebAddress(text, { allowPrivateHosts: true }) === null, {
      error: 'must be an http or https address without a user',
    })
    .optional()
    .meta({
      title: 'URL',
      description: 'Receives the messages to contacts without a webhook of their own.',
      format: 'uri',
      examples: ['https://example.com/hook'],
    }),
  secret: z
    .string()
    .transform((text) => text.split(' ').filter((one) => one !== ''))
    .refine((all) => all.length >= 1 && all.length <= 5 && all.every(isSecret), {
      error: 'must be one to five secrets, each whsec_ and 24 to 64 bytes as base64, separated by spaces',
    })
    .transform((all) => all.map((one) => Buffer.from(one.slice('whsec_'.length), 'base64')))
    .meta({
      title: 'Signing secret',
      description:
        'whsec_ and 24 to 64 bytes as base64. Up to five, separated by spaces, while one replaces another: a request carries a signature of each.',
      writeOnly: true,
    }),
  authorization: printable.optional().meta({
    title: 'Authorization header',
    description: 'Sent as the header Authorization to the URL above, never to an address of a contact.',
    writeOnly: true,
    examples: ['Bearer …'],
  }),
  headers: headers.default({}).meta({
    title: 'Headers',
    description: 'Further headers for the URL above, up to 20: names and values. None goes to an address of a contact.',
    writeOnly: true,
    'x-advanced': true,
  }),
  baseUrl: relayUrl,
})

/** Settings of a `webhook` provider, defaults filled in. */
export type WebhookSettings = z.output<typeof settings>

/** The kind `webhook`. */
export const webhook = {
  kind: 'webhook',
  title: 'Webhook',
  channels: ['WEBHOOK'],
  settings,
  wrongAddress: wrongWebAddress,
  carries: () => true,
  extra: () => noExtra,
  create: (given: WebhookSettings, deps: ProviderDeps): Provider => createWebhook(given, deps),
} satisfies ProviderKind<WebhookSettings>

/** The value of `webhook-signature`: one signature for each secret. */
export function signaturesOf(secrets: readonly Uint8Array[], id: string, timestamp: string, body: string): string {
  const signed = `${id}.${timestamp}.${body}`
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`).join(' ')
}

/** `now`: ms, for tests. */
export function createWebhook(given: WebhookSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  // Every attempt carries the same webhook-id, by which the receiver recognizes a repeat.
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const fixed = { 'user-agent': 'Carillon', 'content-type': 'application/json' }
  // What authorizes at the project's own address must not go to one that a contact brings: that one gets the signature.
  const own = {
    'user-agent': fixed['user-agent'],
    ...Object.fromEntries(Object.entries(given.headers).map(([name, value]) => [name.toLowerCase(), value])),
    ...(given.authorization === undefined ? {} : { authorization: given.authorization }),
    'content-type': fixed['content-type'],
  }
  return {
    kind: 'webhook',
    limits,
    hostOf: (address) => (address === '' ? null : hostOfUrl(address)),
    async send(message, signal) {
      if (message.channel !== 'WEBHOOK') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `A webhook can't carry ${message.channel}.`, {
          about: 'message',
        })
      }
      readExtra(noExtra, message.extra)
      const isOwn = message.address === ''
      const address = isOwn ? given.url : message.address
      if (address === undefined) {
        throw new ProviderError('refused', 'ADDRESS_MISSING', 'Neither the contact nor the provider has an address.', {
          about: 'address',
        })
      }
      const target = readWebAddress(address, deps)
      const url = aimedAt(target, given.baseUrl)
      const body = JSON.stringify(message.body)
      const timestamp = String(Math.floor(now() / 1000))
      const headers = {
        ...(isOwn ? own : fixed),
        'webhook-id': message.messageId,
        'webhook-timestamp': timestamp,
        'webhook-signature': signaturesOf(given.secret, message.messageId, timestamp, body),
      }
      const host = isOwn || given.baseUrl !== undefined ? 'provider' : 'host'
      const answer = await http.send({ host, method: 'POST', url, headers, body }, signal)
      if (answer.status < 200 || answer.status > 299)
        throw outcomeOf(answer, now(), isOwn ? null : (hostOfUrl(target.href) ?? ''))
      return { providerMessageId: message.messageId, response: excerpt(`${answer.status} ${answer.text}`.trim()) }
    },
    close: () => http.close(),
  }
}

/**
 * The outcome of an answer that is not a success, by Standard Webhooks: a redirect is not followed, 410 ends the subscription, and any
 * other error may be repaired by the receiver. `host`: a contact's; null: the URL is the provider's, so another provider may succeed.
 */
function outcomeOf({ status, headers, text }: HttpAnswer, now: number, host: string | null): ProviderError {
  const isOwn = host === null
  const summary = excerpt(`The receiver ${isOwn ? '' : `${host} `}answered ${status}: ${text}`)
  const response = excerpt(text)
  const ofAddress = { about: isOwn ? 'provider' : 'address', response } as const
  if (status === 410) return new ProviderError('refused', 'ADDRESS_INVALID', summary, { ...ofAddress, addressDead: !isOwn })
  if (status < 400) return new ProviderError('refused', 'PROVIDER_REFUSED', summary, ofAddress)
  const wait = retryAfterMs(headers['retry-after'], now)
  const ofHost = { about: isOwn ? 'provider' : 'host', response, retryAfterMs: wait } as const
  if (status === 429) return new ProviderError('retryable', 'RATE_LIMITED', summary, ofHost)
  if (status >= 500) return new ProviderError('retryable', isOwn ? 'PROVIDER_UNREACHABLE' : 'HOST_UNREACHABLE', summary, ofHost)
  return new ProviderError('retryable', 'PROVIDER_REFUSED', summary, { ...ofAddress, retryAfterMs: wait })
}
