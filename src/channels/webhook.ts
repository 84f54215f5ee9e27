/** The provider `webhook`: JSON to an address of the caller, signed as Standard Webhooks has it. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { baseUrl, noExtra, readExtra } from './extra.ts'
import { createHttpClient, excerpt, type HttpAnswer, retryAfterMs } from './http.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind } from './provider.ts'
import { aimedAt, isWebAddress, readWebAddress } from './webhook-address.ts'

/** 24 to 64 bytes, as base64. */
const isSecret = (text: string): boolean => {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1]
  if (base64 === undefined) return false
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64
}

/** Headers that are the connection's, the signature's, or a setting of their own. */
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
  /** where messages go whose contact names no address */
  url: z.string().refine(isWebAddress, { error: 'must be an http or https address without a user' }).optional(),
  /** `whsec_` and base64; several, separated by spaces, while one takes the place of another: each signs */
  secret: z
    .string()
    .transform((text) => text.split(' ').filter((one) => one !== ''))
    .refine((all) => all.length >= 1 && all.length <= 5 && all.every(isSecret), {
      error: 'must be one to five secrets, each whsec_ and 24 to 64 bytes as base64, separated by spaces',
    })
    .transform((all) => all.map((one) => Buffer.from(one.slice('whsec_'.length), 'base64'))),
  /** goes out as the header of this name */
  authorization: printable.optional(),
  /** more headers, which are no secrets */
  headers: headers.default({}),
  /** requests go here instead of the origin of the address (a relay) */
  baseUrl: baseUrl.optional(),
})

/** Settings of a `webhook` provider, defaults filled in. */
export type WebhookSettings = z.output<typeof settings>

/** The kind `webhook`. */
export const webhook = {
  kind: 'webhook',
  channels: ['WEBHOOK'],
  settings,
  secrets: ['secret', 'authorization'],
  extra: () => noExtra,
  create: (given: WebhookSettings, deps: ProviderDeps): Provider => createWebhook(given, deps),
} satisfies ProviderKind<WebhookSettings>

/** The value of `webhook-signature`: one signature for each secret. */
export function signaturesOf(secrets: readonly Uint8Array[], id: string, timestamp: string, body: string): string {
  const signed = `${id}.${timestamp}.${body}`
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`).join(' ')
}

/** Makes the provider. `now`: ms, for tests. */
export function createWebhook(given: WebhookSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  // Every attempt carries the same webhook-id, by which a receiver drops the second one.
  const limits = { concurrency: 50, foldsRepeats: true }
  const http = createHttpClient({ ...deps, ...limits })
  const fixed = {
    'user-agent': 'Carillon',
    ...Object.fromEntries(Object.entries(given.headers).map(([name, value]) => [name.toLowerCase(), value])),
    ...(given.authorization === undefined ? {} : { authorization: given.authorization }),
    'content-type': 'application/json',
  }
  return {
    kind: 'webhook',
    limits,
    async send(message, signal) {
      if (message.channel !== 'WEBHOOK') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `A webhook can't carry ${message.channel}.`)
      }
      readExtra(noExtra, message.extra)
      const isOwn = message.address === ''
      const address = isOwn ? given.url : message.address
      if (address === undefined) {
        throw new ProviderError('refused', 'ADDRESS_MISSING', 'Neither the contact nor the provider has an address.')
      }
      const url = aimedAt(readWebAddress(address, deps), given.baseUrl)
      const body = JSON.stringify(message.body)
      const timestamp = String(Math.floor(now() / 1000))
      const headers = {
        ...fixed,
        'webhook-id': message.messageId,
        'webhook-timestamp': timestamp,
        'webhook-signature': signaturesOf(given.secret, message.messageId, timestamp, body),
      }
      const answer = await http.send({ method: 'POST', url, headers, body }, signal)
      if (answer.status < 200 || answer.status > 299) throw outcomeOf(answer, now(), isOwn)
      return { providerMessageId: message.messageId, response: excerpt(`${answer.status} ${answer.text}`.trim()) }
    },
    close: () => http.close(),
  }
}

/**
 * The outcome of an answer that is not a success, by Standard Webhooks: a redirect is not followed, 410 ends it, and whatever else
 * a receiver says, it may say otherwise once it is mended. `isOwn`: the address is the provider's, so that another one may do.
 */
function outcomeOf({ status, headers, text }: HttpAnswer, now: number, isOwn: boolean): ProviderError {
  const said = excerpt(`The receiver answered ${status}: ${text}`)
  const about = { response: excerpt(text), aboutProvider: isOwn }
  if (status === 410) return new ProviderError('refused', 'ADDRESS_INVALID', said, { ...about, addressDead: !isOwn })
  if (status < 400) return new ProviderError('refused', 'PROVIDER_REFUSED', said, about)
  const code = status === 429 ? 'RATE_LIMITED' : status >= 500 ? 'PROVIDER_UNREACHABLE' : 'PROVIDER_REFUSED'
  return new ProviderError('retryable', code, said, { ...about, retryAfterMs: retryAfterMs(headers['retry-after'], now) })
}
